insert overwrite table sgmisitstg.stg_covenant_history
select a.facility_id, current_date()
from sgmisitstg.stg_facility_map a
left join sgmisitstg.stg_facility_daily b on a.facility_id = b.facility_id
left join sgmisitstg.stg_guarantor_snapshot c on a.facility_id = c.guarantor_id
where a.facility_id is not null;
