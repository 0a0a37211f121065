insert overwrite table sgmisit.currency_history
select a.payment_id, current_date()
from sgmisitstg.stg_payment_event a
where a.payment_id is not null;
