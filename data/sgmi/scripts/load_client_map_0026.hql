insert overwrite table sgmisit.client_map
select a.rating_id, current_date()
from sgmisit.rating_history_407 a
left join sgmisitetl.v2_history_004_012 b on a.rating_id = b.branch_id_0
where a.rating_id is not null;
