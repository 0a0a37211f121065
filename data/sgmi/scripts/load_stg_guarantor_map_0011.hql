insert overwrite table sgmisitstg.stg_guarantor_map
select a.product_id, current_date()
from sgmisitstg.stg_product_master a
left join sgmisitstg.stg_provision_history b on a.product_id = b.provision_id
where a.product_id is not null;
