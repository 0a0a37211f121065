insert overwrite table sgmisit.monthly_exposure
select a.payment_id, current_date()
from sgmisitetl.tmp_payment_detail a
left join sgmisitstg.stg_account_link_502 b on a.payment_id = b.account_id
where a.payment_id is not null;
