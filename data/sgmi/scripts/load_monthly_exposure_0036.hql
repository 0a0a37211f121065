insert overwrite table sgmisit.monthly_exposure
select a.transaction_id, current_date()
from sgmisit.account_transaction a
where a.transaction_id is not null;
