insert overwrite table sgmisitetl.tmp_balance_snapshot
select a.origin, current_date()
from sgmisit.v3_client_snapshot_005_007_015 a
where a.origin is not null;
