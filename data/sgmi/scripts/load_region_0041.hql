insert overwrite table sgmisit.region
select a.schedule_id, current_date()
from sgmisitstg.stg_schedule_map a
left join sgmisitetl.v1_guarantor_monthly_006 b on a.schedule_id = b.rep_reason_2
where a.schedule_id is not null;
