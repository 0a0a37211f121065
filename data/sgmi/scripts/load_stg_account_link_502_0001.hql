insert overwrite table sgmisitstg.stg_account_link_502
select a.client_id, current_date()
from sgmisitstg.stg_client_snapshot a
left join sgmisitstg.stg_provision_master b on a.client_id = b.provision_id
left join sgmisitstg.stg_rating_event c on a.client_id = c.rating_id
where a.client_id is not null;
