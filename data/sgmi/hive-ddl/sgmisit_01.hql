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

CREATE VIEW `v3_client_snapshot_005_007_014` AS select `latest`.`origin`, `latest`.`origin_1_2`, `latest`.`client_id_1`, `latest`.`text_value_2`, `latest`.`number_value_3_4`, `latest`.`running_total_5` from (select nvl(`v2_client_snapshot_005_007`.`origin`, 'n/a') as `origin`, `v2_client_snapshot_005_007`.`origin_1_2`, `v2_client_snapshot_005_007`.`client_id_1`, if((`v2_client_snapshot_005_007`.`text_value_2` is null), 'unknown', `v2_client_snapshot_005_007`.`text_value_2`) as `text_value_2`, nvl(`v2_client_snapshot_005_007`.`number_value_3`, 0) as `number_value_3_4`, CASE WHEN (`v2_client_snapshot_005_007`.`origin` = 'A') THEN `v2_client_snapshot_005_007`.`running_total` WHEN (`v2_client_snapshot_005_007`.`origin` in ('B', 'C')) THEN `v2_client_snapshot_005_007`.`number_value_3` ELSE 0 END as `running_total_5`, row_number() over (partition by `v2_client_snapshot_005_007`.`origin`) as `rn` from `sgmisitetl`.`v2_client_snapshot_005_007`) `latest` where (`latest`.`rn` = 1);

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

CREATE VIEW `v3_client_snapshot_005_007_015` AS select 'current' as `origin`, `p0`.`origin` as `origin_1_2`, `p0`.`origin_1_2` as `text_value`, `p0`.`number_value_3` as `number_value` from `sgmisitetl`.`v2_client_snapshot_005_007` `p0` where (`p0`.`origin_1_2` <> '') UNION ALL select 'archive' as `origin`, `p1`.`currency_id`, `p1`.`currency_owner_16` as `text_value`, `p1`.`currency_fee_11` as `number_value` from `sgmisitstg`.`stg_currency_daily` `p1` where (`p1`.`currency_owner_16` <> '') UNION ALL select 'manual' as `origin`, `p2`.`position_id`, `p2`.`position_group_3` as `text_value`, `p2`.`src_fee_4` as `number_value` from `sgmisitetl`.`tmp_position_monthly` `p2` where (`p2`.`position_group_3` <> '');

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

CREATE VIEW `v3_client_snapshot_005_007_016` AS select CASE WHEN (`x`.`origin` = '1') THEN 'open' WHEN (`x`.`origin` = '2') THEN 'closed' WHEN (`x`.`origin` = '3') THEN 'in review; see note' ELSE `x`.`origin` END as `origin`, upper(trim(`x`.`origin_1_2`)) as `origin_1_2`, if((`x`.`text_value_2` is null), 'unknown', `x`.`client_id_1`) as `client_id_1`, `x`.`text_value_2`, CASE WHEN (`x`.`origin_1_2` = 'A') THEN `x`.`number_value_3` WHEN (`x`.`text_value_2` in ('B', 'C')) THEN `x`.`number_value_3` ELSE 0 END as `number_value_3_4`, cast(`x`.`running_total` as decimal(18,2)) as `running_total_5`, nvl(`y`.`facility_id`, 'n/a') as `facility_id`, `y`.`src_value_4`, `y`.`rep_category_7`, cast(`y`.`facility_score_8` as decimal(18,2)) as `facility_score_8_9`, `y`.`src_owner_11` from `sgmisitetl`.`v2_client_snapshot_005_007` `x`, `sgmisitstg`.`stg_facility_daily` `y` where (`x`.`origin` = `y`.`facility_id` and `x`.`origin` is not null);

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

