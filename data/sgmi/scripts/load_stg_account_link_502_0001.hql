insert overwrite table sgmisitstg.stg_account_link_502
select a.provision_id, current_date()
from sgmisitstg.stg_provision_master a
left join sgmisitstg.stg_payment_event b on a.provision_id = b.payment_id
where a.provision_id is not null;
