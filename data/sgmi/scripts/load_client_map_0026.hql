insert overwrite table sgmisit.client_map
select a.client_id, current_date()
from sgmisit.client a
left join sgmisit.facility_outcome b on a.client_id = b.outcome_id
left join sgmisitetl.tmp_contract_snapshot c on a.client_id = c.contract_id
where a.client_id is not null;
