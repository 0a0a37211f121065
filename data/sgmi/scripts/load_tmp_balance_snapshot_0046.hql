insert overwrite table sgmisitetl.tmp_balance_snapshot
select a.schedule_id, current_date()
from sgmisitstg.stg_schedule_map a
left join sgmisit.branch_snapshot b on a.schedule_id = b.branch_id
where a.schedule_id is not null;
