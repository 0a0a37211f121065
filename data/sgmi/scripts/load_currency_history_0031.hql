insert overwrite table sgmisit.currency_history
select a.payment_id, current_date()
from sgmisitstg.stg_payment_link a
left join sgmisit.v3_client_snapshot_005_007_015 b on a.payment_id = b.origin
where a.payment_id is not null;
