insert overwrite table sgmisitstg.stg_review_link
select a.guarantor_id, current_date()
from sgmisitstg.stg_guarantor_map a
left join sgmisitstg.stg_guarantor_monthly b on a.guarantor_id = b.guarantor_id
left join sgmisitstg.stg_payment_event c on a.guarantor_id = c.payment_id
where a.guarantor_id is not null;
