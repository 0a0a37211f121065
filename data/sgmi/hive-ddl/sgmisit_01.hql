create database if not exists sgmisit LOCATION 'hdfs://warehouse.example:8020/warehouse/sgmisit.db';
use sgmisit;

CREATE EXTERNAL TABLE `region`(
  `region_id` string,
  `region_name` string,
  `country` string,
  `unemployment_rate` double)
COMMENT 'region of the corporate bank'
ROW FORMAT SERDE 
  'org.apache.hadoop.hive.ql.io.orc.OrcSerde' 
STORED AS INPUTFORMAT 
  'org.apache.hadoop.hive.ql.io.orc.OrcInputFormat' 
OUTPUTFORMAT 
  'org.apache.hadoop.hive.ql.io.orc.OrcOutputFormat'
LOCATION
  'hdfs://warehouse.example:8020/warehouse/sgmisit.db/region'
TBLPROPERTIES (
  'numRows'='12',
  'transient_lastDdlTime'='1615875078');

CREATE EXTERNAL TABLE `client`(
  `client_id` string,
  `region_id` string,
  `sector` string,
  `rating` int,
  `employee_count` int,
  `leverage` double,
  `onboarded_date` date)
COMMENT 'client of the corporate bank'
ROW FORMAT SERDE 
  'org.apache.hadoop.hive.ql.io.orc.OrcSerde' 
STORED AS INPUTFORMAT 
  'org.apache.hadoop.hive.ql.io.orc.OrcInputFormat' 
OUTPUTFORMAT 
  'org.apache.hadoop.hive.ql.io.orc.OrcOutputFormat'
LOCATION
  'hdfs://warehouse.example:8020/warehouse/sgmisit.db/client'
TBLPROPERTIES (
  'numRows'='350',
  'transient_lastDdlTime'='1633582185');

CREATE EXTERNAL TABLE `facility`(
  `facility_id` string,
  `client_id` string,
  `facility_type` string,
  `limit_amount` decimal(18,2),
  `interest_margin` double,
  `collateral_ratio` double,
  `granted_date` date)
COMMENT 'facility of the corporate bank'
ROW FORMAT SERDE 
  'org.apache.hadoop.hive.ql.io.orc.OrcSerde' 
STORED AS INPUTFORMAT 
  'org.apache.hadoop.hive.ql.io.orc.OrcInputFormat' 
OUTPUTFORMAT 
  'org.apache.hadoop.hive.ql.io.orc.OrcOutputFormat'
LOCATION
  'hdfs://warehouse.example:8020/warehouse/sgmisit.db/facility'
TBLPROPERTIES (
  'numRows'='700',
  'transient_lastDdlTime'='1660586330');

CREATE VIEW `v3_history_407_001_010_014` AS select `latest`.`src_review_3`,
`latest`.`src_source_7`,
`latest`.`rating_code_31_2`,
`latest`.`src_reason_33`,
`latest`.`src_weight_37`,
`latest`.`rep_due_23_10`,
`latest`.`segment_type_31_12_6`,
`latest`.`guarantor_reference_18_14`,
`latest`.`src_class_23_15`,
`latest`.`rep_score_26_16`
from (select `v2_history_407_001_010`.`src_review_3`,
upper(trim(`v2_history_407_001_010`.`src_source_7`)) as `src_source_7`,
nvl(`v2_history_407_001_010`.`rating_code_31`, 'n/a') as `rating_code_31_2`,
nvl(`v2_history_407_001_010`.`src_reason_33`, 'n/a') as `src_reason_33`,
CASE WHEN (`v2_history_407_001_010`.`guarantor_reference_18_14` = 'A') THEN `v2_history_407_001_010`.`src_weight_37` WHEN (`v2_history_407_001_010`.`src_reference_27_11` in ('B', 'C')) THEN `v2_history_407_001_010`.`src_value_4` ELSE 0 END as `src_weight_37`,
`v2_history_407_001_010`.`rep_due_23_10`,
nvl(`v2_history_407_001_010`.`segment_type_31_12`, 'n/a') as `segment_type_31_12_6`,
`v2_history_407_001_010`.`guarantor_reference_18_14`,
`v2_history_407_001_010`.`src_class_23_15`,
CASE WHEN (`v2_history_407_001_010`.`src_source_7` = 'A') THEN `v2_history_407_001_010`.`rep_score_26_16` WHEN (`v2_history_407_001_010`.`src_class_23_15` in ('B', 'C')) THEN `v2_history_407_001_010`.`rep_score_26_16` ELSE 0 END as `rep_score_26_16`,
row_number() over (partition by `v2_history_407_001_010`.`rating_reason_4_1_1` order by `v2_history_407_001_010`.`rep_due_23_10` desc) as `rn`
from `sgmisitetl`.`v2_history_407_001_010`) `latest`
where (`latest`.`rn` = 1);

CREATE EXTERNAL TABLE `account_transaction`(
  `transaction_id` string,
  `facility_id` string,
  `booked_at` timestamp,
  `transaction_kind` string,
  `amount` decimal(18,2),
  `days_past_due` int)
COMMENT 'account transaction of the corporate bank'
ROW FORMAT SERDE 
  'org.apache.hadoop.hive.ql.io.orc.OrcSerde' 
STORED AS INPUTFORMAT 
  'org.apache.hadoop.hive.ql.io.orc.OrcInputFormat' 
OUTPUTFORMAT 
  'org.apache.hadoop.hive.ql.io.orc.OrcOutputFormat'
LOCATION
  'hdfs://warehouse.example:8020/warehouse/sgmisit.db/account_transaction'
TBLPROPERTIES (
  'numRows'='27963',
  'transient_lastDdlTime'='1647858372');

CREATE EXTERNAL TABLE `monthly_exposure`(
  `exposure_id` string,
  `facility_id` string,
  `month_end` date,
  `drawn_amount` decimal(18,2),
  `utilisation` double)
COMMENT 'monthly exposure of the corporate bank'
ROW FORMAT SERDE 
  'org.apache.hadoop.hive.ql.io.orc.OrcSerde' 
STORED AS INPUTFORMAT 
  'org.apache.hadoop.hive.ql.io.orc.OrcInputFormat' 
OUTPUTFORMAT 
  'org.apache.hadoop.hive.ql.io.orc.OrcOutputFormat'
LOCATION
  'hdfs://warehouse.example:8020/warehouse/sgmisit.db/monthly_exposure'
TBLPROPERTIES (
  'external.table.purge'='true',
  'numRows'='16028',
  'transient_lastDdlTime'='1619682663');

CREATE EXTERNAL TABLE `facility_outcome`(
  `outcome_id` string,
  `facility_id` string,
  `cutoff_date` date,
  `known_date` date,
  `downgraded` boolean)
COMMENT 'facility outcome of the corporate bank'
ROW FORMAT SERDE 
  'org.apache.hadoop.hive.ql.io.orc.OrcSerde' 
STORED AS INPUTFORMAT 
  'org.apache.hadoop.hive.ql.io.orc.OrcInputFormat' 
OUTPUTFORMAT 
  'org.apache.hadoop.hive.ql.io.orc.OrcOutputFormat'
LOCATION
  'hdfs://warehouse.example:8020/warehouse/sgmisit.db/facility_outcome'
TBLPROPERTIES (
  'numRows'='9029',
  'transient_lastDdlTime'='1687957269');

CREATE VIEW `v3_daily_002_011_015` AS select 'current' as `origin`,
`p0`.`exposure_id_0`,
`p0`.`src_reason_30` as `text_value`,
`p0`.`kinds_6` as `number_value`
from `sgmisitetl`.`v2_daily_002_011` `p0`
where (`p0`.`src_reason_30` <> '')
UNION ALL
select 'archive' as `origin`,
`p1`.`segment_id`,
`p1`.`segment_id` as `text_value`,
`p1`.`src_share_20` as `number_value`
from `segment_map` `p1`
where (`p1`.`segment_id` <> '')
UNION ALL
select 'manual' as `origin`,
`p2`.`balance_id`,
`p2`.`src_reference_5` as `text_value`,
`p2`.`balance_rate_7` as `number_value`
from `sgmisitstg`.`stg_balance_event` `p2`
where (`p2`.`src_reference_5` <> '');

CREATE EXTERNAL TABLE `contract_daily`(
  `contract_id` string COMMENT 'key',
  `src_source_1` string,
  `src_source_2` string,
  `contract_value_3` decimal(38,10),
  `src_group_4` string,
  `rep_weight_5` decimal(10,0),
  `contract_weight_6` decimal(38,10),
  `contract_category_7` string,
  `rep_name_8` string COMMENT 'as delivered by the source',
  `src_name_9` string,
  `contract_channel_10` string,
  `rep_source_11` string,
  `src_code_12` string COMMENT 'share between 0 and 1',
  `src_share_13` decimal(10,0),
  `src_type_14` string,
  `src_value_15` decimal(10,0),
  `rep_code_16` string,
  `contract_amount_17` decimal(38,10),
  `src_reference_18` string,
  `rep_type_19` string COMMENT 'not used since the migration -- kept for audits',
  `src_label_20` string,
  `rep_reason_21` string COMMENT 'the client\'s own value',
  `rep_code_22` string,
  `src_label_23` string COMMENT 'yyyy-MM-dd; empty where open',
  `contract_tags` array<string>,
  `contract_limits` map<string,decimal(18,2)>,
  `contract_address` struct<street:string,zip:string,lines:array<string>>,
  `contract_active` boolean,
  `contract_ratio` float)
ROW FORMAT SERDE 
  'org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe' 
WITH SERDEPROPERTIES ( 
  'field.delim'='|', 
  'serialization.format'='|') 
STORED AS INPUTFORMAT 
  'org.apache.hadoop.mapred.TextInputFormat' 
OUTPUTFORMAT 
  'org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat'
LOCATION
  'hdfs://warehouse.example:8020/warehouse/sgmisit.db/contract_daily'
TBLPROPERTIES (
  'numRows'='2833719',
  'skip.header.line.count'='1',
  'transient_lastDdlTime'='1677114212');

CREATE EXTERNAL TABLE `collateral_history`(
  `collateral_id` string COMMENT 'key',
  `collateral_name_1` string,
  `rep_reference_2` string COMMENT 'key; see the CREATE note of the owner',
  `src_fee_3` decimal(38,10),
  `src_start_4` timestamp,
  `src_type_5` string,
  `collateral_name_6` string,
  `src_channel_7` string,
  `rep_category_8` string COMMENT 'the client\'s own value',
  `src_flag_9` varchar(40),
  `src_value_10` decimal(22,4),
  `collateral_amount_11` decimal(22,4),
  `rep_owner_12` string,
  `src_source_13` string,
  `rep_reference_14` string,
  `rep_type_15` string,
  `rep_code_16` string COMMENT 'yyyy-MM-dd; empty where open',
  `rep_code_17` string,
  `rep_source_18` string,
  `rep_amount_19` decimal(18,2),
  `collateral_name_20` string,
  `src_flag_21` string)
COMMENT 'key; see the CREATE note of the owner'
ROW FORMAT SERDE 
  'org.apache.hadoop.hive.hbase.HBaseSerDe' 
STORED BY 
  'org.apache.hadoop.hive.hbase.HBaseStorageHandler' 
WITH SERDEPROPERTIES ( 
  'hbase.columns.mapping'=':key,d:collateral_name_1,d:rep_reference_2,d:src_fee_3,d:src_start_4,d:src_type_5,d:collateral_name_6,d:src_channel_7,d:rep_category_8,d:src_flag_9,d:src_value_10,d:collateral_amount_11,d:rep_owner_12,d:src_source_13,d:rep_reference_14,d:rep_type_15,d:rep_code_16,d:rep_code_17,d:rep_source_18,d:rep_amount_19,d:collateral_name_20,d:src_flag_21', 
  'serialization.format'='1')
TBLPROPERTIES (
  'numRows'='2226648',
  'transient_lastDdlTime'='1680799908');

CREATE EXTERNAL TABLE `payment_monthly`(
  `payment_id` string COMMENT 'key',
  `src_name_1` string,
  `rep_score_2` decimal(22,4),
  `rep_category_3` string,
  `payment_balance_4` decimal(18,2),
  `payment_group_5` string,
  `payment_source_6` string,
  `payment_fee_7` decimal(38,10),
  `rep_type_8` string,
  `src_review_9` date,
  `rep_source_10` string,
  `rep_code_11` string,
  `src_status_12` string,
  `src_owner_13` string,
  `rep_weight_14` decimal(38,10),
  `payment_owner_15` string COMMENT 'in units of the reporting currency',
  `rep_channel_16` string,
  `src_source_17` string,
  `src_source_18` string,
  `payment_reference_19` string,
  `payment_tags` array<string>,
  `payment_limits` map<string,decimal(18,2)>,
  `payment_address` struct<street:string,zip:string,lines:array<string>>)
PARTITIONED BY (
  `load_date` string)
ROW FORMAT SERDE 
  'org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe' 
STORED AS INPUTFORMAT 
  'org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat' 
OUTPUTFORMAT 
  'org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat'
LOCATION
  'hdfs://warehouse.example:8020/warehouse/sgmisit.db/payment_monthly'
TBLPROPERTIES (
  'numRows'='4705755',
  'transient_lastDdlTime'='1604502975');

CREATE VIEW `v3_client_snapshot_005_013_016` AS select `x`.`rep_score_2`, upper(trim(`x`.`payment_group_5`)) as `payment_group_5`, to_date(`x`.`src_review_9`) as `src_review_9_2`, substr(`x`.`src_owner_13_3`, 1, 4) as `src_owner_13_3`, upper(trim(`x`.`src_source_17`)) as `src_source_17_4`, CASE WHEN (`x`.`load_date_5` = '1') THEN 'open' WHEN (`x`.`load_date_5` = '2') THEN 'closed' WHEN (`x`.`load_date_5` = '3') THEN 'in review; see note' ELSE `x`.`load_date_5` END as `load_date_5_5`, `x`.`item`, `y`.`src_source_7`, `y`.`rep_total_13`, CASE WHEN (`y`.`segment_type_31_12` = 'A') THEN `y`.`rep_rate_8_13` WHEN (`y`.`guarantor_reference_18` in ('B', 'C')) THEN `y`.`rep_rate_8_13` ELSE 0 END as `rep_rate_8_13_9`, if((`y`.`src_class_23_15` is null), 'unknown', `y`.`guarantor_reference_18`) as `guarantor_reference_18_10`, `y`.`src_class_23_15` from `sgmisitetl`.`v2_client_snapshot_005_013` `x`, `sgmisitetl`.`v1_history_407_001` `y` where (`x`.`payment_group_5` = `y`.`rating_reason_4_1` and `x`.`payment_group_5` is not null);

CREATE EXTERNAL TABLE `position_detail`(
  `position_id` string COMMENT 'key',
  `rep_class_1` string,
  `src_group_2` string,
  `src_code_3` string,
  `rep_score_4` decimal(10,0),
  `src_reference_5` string,
  `src_category_6` string,
  `rep_reference_7` string,
  `position_status_8` string,
  `position_name_9` string,
  `position_category_10` string,
  `position_type_11` string,
  `position_class_12` string,
  `src_share_13` bigint,
  `rep_reason_14` string,
  `position_channel_15` string,
  `src_share_16` decimal(22,4),
  `rep_name_17` string,
  `src_source_18` string,
  `src_channel_19` string COMMENT 'not used since the migration -- kept for audits',
  `src_flag_20` string,
  `rep_value_21` decimal(38,10),
  `src_rate_22` decimal(10,0),
  `src_flag_23` string,
  `src_class_24` string COMMENT 'from 2019 on',
  `rep_balance_25` decimal(22,4),
  `src_category_26` string,
  `position_flag_27` string,
  `src_amount_28` decimal(22,4),
  `position_status_29` string COMMENT 'key; see the CREATE note of the owner',
  `position_name_30` string,
  `position_score_31` decimal(22,4))
PARTITIONED BY (
  `load_date` string)
ROW FORMAT SERDE 
  'org.apache.hadoop.hive.ql.io.orc.OrcSerde' 
STORED AS INPUTFORMAT 
  'org.apache.hadoop.hive.ql.io.orc.OrcInputFormat' 
OUTPUTFORMAT 
  'org.apache.hadoop.hive.ql.io.orc.OrcOutputFormat'
LOCATION
  'hdfs://warehouse.example:8020/warehouse/sgmisit.db/position_detail'
TBLPROPERTIES (
  'numRows'='2828839',
  'transient_lastDdlTime'='1685267434');

CREATE EXTERNAL TABLE `exposure_monthly`(
  `exposure_id` string COMMENT 'key',
  `src_weight_1` decimal(22,4),
  `exposure_source_2` string,
  `rep_balance_3` decimal(38,10),
  `rep_source_4` string COMMENT 'the client\'s own value',
  `src_status_5` string,
  `rep_class_6` string,
  `src_weight_7` decimal(22,4),
  `rep_class_8` string,
  `rep_category_9` string,
  `src_owner_10` varchar(3),
  `rep_reason_11` string,
  `rep_status_12` string,
  `rep_source_13` string COMMENT 'in units of the reporting currency',
  `exposure_group_14` string COMMENT 'not used since the migration -- kept for audits',
  `src_status_15` string,
  `exposure_weight_16` decimal(22,4) COMMENT 'the client\'s own value',
  `rep_class_17` string,
  `exposure_channel_18` string,
  `rep_status_19` string,
  `exposure_code_20` string,
  `exposure_type_21` string,
  `rep_amount_22` decimal(10,0),
  `exposure_fee_23` decimal(10,0),
  `exposure_share_24` decimal(18,2),
  `exposure_flag_25` string,
  `rep_weight_26` decimal(22,4),
  `rep_flag_27` string COMMENT 'from 2019 on',
  `src_status_28` string,
  `rep_category_29` varchar(3),
  `rep_code_30` string,
  `rep_amount_31` decimal(10,0),
  `rep_name_32` string,
  `exposure_fee_33` decimal(38,10),
  `rep_total_34` decimal(22,4) COMMENT 'from 2019 on',
  `rep_reason_35` string)
ROW FORMAT SERDE 
  'org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe' 
STORED AS INPUTFORMAT 
  'org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat' 
OUTPUTFORMAT 
  'org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat'
LOCATION
  'hdfs://warehouse.example:8020/warehouse/sgmisit.db/exposure_monthly'
TBLPROPERTIES (
  'numRows'='157490',
  'transient_lastDdlTime'='1695651436');

