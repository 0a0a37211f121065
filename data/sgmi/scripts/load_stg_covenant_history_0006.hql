insert overwrite table sgmisitstg.stg_covenant_history
select a.rating_id, current_date()
from sgmisitstg.stg_rating_event a
where a.rating_id is not null;
