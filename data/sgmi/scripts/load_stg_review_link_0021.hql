insert overwrite table sgmisitstg.stg_review_link
select a.currency_id, current_date()
from sgmisitstg.stg_currency_monthly a
where a.currency_id is not null;
