insert overwrite table sgmisit.region
select a.schedule_id, current_date()
from sgmisitstg.stg_schedule_map a
left join sgmisit.segment_monthly b on a.schedule_id = b.segment_id
where a.schedule_id is not null;
