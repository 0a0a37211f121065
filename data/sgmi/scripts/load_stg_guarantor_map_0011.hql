insert overwrite table sgmisitstg.stg_guarantor_map
select a.facility_id, current_date()
from sgmisitstg.stg_facility_map a
left join sgmisitstg.stg_guarantor_snapshot b on a.facility_id = b.guarantor_id
left join sgmisitstg.stg_account_link_502 c on a.facility_id = c.account_id
where a.facility_id is not null;
