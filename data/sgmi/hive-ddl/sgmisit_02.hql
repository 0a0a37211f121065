create database if not exists sgmisit LOCATION 'hdfs://warehouse.example:8020/warehouse/sgmisit.db';
use sgmisit;

CREATE EXTERNAL TABLE `client_map`(
  `client_id` string COMMENT 'key',
  `rep_flag_1` string,
  `rep_class_2` string,
  `rep_source_3` string,
  `client_value_4` decimal(10,0),
  `client_code_5` string,
  `client_share_6` decimal(38,10),
  `rep_group_7` string,
  `client_total_8` decimal(18,2),
  `rep_channel_9` string,
  `src_type_10` string,
  `client_score_11` decimal(18,2),
  `src_source_12` string,
  `client_amount_13` decimal(18,2) COMMENT 'in units of the reporting currency')
COMMENT 'share between 0 and 1'
CLUSTERED BY (
  client_id)
INTO 4 BUCKETS
ROW FORMAT SERDE 
  'org.apache.hadoop.hive.ql.io.orc.OrcSerde' 
STORED AS INPUTFORMAT 
  'org.apache.hadoop.hive.ql.io.orc.OrcInputFormat' 
OUTPUTFORMAT 
  'org.apache.hadoop.hive.ql.io.orc.OrcOutputFormat'
LOCATION
  'hdfs://warehouse.example:8020/warehouse/sgmisit.db/client_map'
TBLPROPERTIES (
  'numRows'='3469579',
  'transient_lastDdlTime'='1600909294');

CREATE VIEW `v3_history_004_009_017` AS select `two`.`branch_id_0`, `two`.`branch_id_0_0`, `two`.`branch_owner_2_1_1`, `two`.`src_total_3_2`, `two`.`branch_group_4_3_3_3`, `two`.`src_score_6_4_4`, `two`.`rep_rate_8_6`, `two`.`branch_channel_11_6`, `two`.`load_date_7`, `two`.`total_8`, `two`.`running_total` from (select `one`.`branch_id_0`, `one`.`branch_id_0_0`, `one`.`branch_owner_2_1_1`, `one`.`src_total_3_2`, `one`.`branch_group_4_3_3_3`, `one`.`src_score_6_4_4`, `one`.`rep_rate_8_6`, `one`.`branch_channel_11_6`, `one`.`load_date_7`, `one`.`total_8`, sum(`one`.`src_total_3_2`) over (partition by `one`.`branch_id_0`) as `running_total` from (select `s`.`branch_id_0`, upper(trim(`s`.`branch_id_0`)) as `branch_id_0_0`, if((`s`.`branch_id_0` is null), 'unknown', `s`.`branch_owner_2_1_1`) as `branch_owner_2_1_1`, cast(`s`.`src_total_3` as decimal(18,2)) as `src_total_3_2`, substr(`s`.`branch_group_4_3_3`, 1, 4) as `branch_group_4_3_3_3`, CASE WHEN (`s`.`branch_group_4_3_3` = 'A') THEN `s`.`src_score_6_4` WHEN (`s`.`branch_group_4_3_3` in ('B', 'C')) THEN `s`.`src_score_6_4` ELSE 0 END as `src_score_6_4_4`, (`s`.`rep_rate_8_6` * (1 - nvl(`s`.`rep_rate_8_6`, 0))) as `rep_rate_8_6`, concat_ws('-', `s`.`branch_channel_11`, `s`.`branch_channel_11`) as `branch_channel_11_6`, nvl(`s`.`load_date`, 'n/a') as `load_date_7`, CASE WHEN (`s`.`branch_id_0` = 'A') THEN `s`.`total` WHEN (`s`.`branch_group_4_3_3` in ('B', 'C')) THEN `s`.`src_total_3` ELSE 0 END as `total_8` from `sgmisitetl`.`v2_history_004_009` `s` where (`s`.`branch_id_0` is not null)) `one`) `two` order by `two`.`branch_id_0`;

CREATE EXTERNAL TABLE `facility_history`(
  `facility_id` string COMMENT 'key',
  `src_fee_1` decimal(22,4),
  `rep_type_2` string,
  `facility_flag_3` string,
  `src_share_4` decimal(18,2),
  `facility_owner_5` string,
  `rep_status_6` string,
  `facility_channel_7` string,
  `facility_flag_8` string,
  `src_type_9` string,
  `rep_status_10` string,
  `src_owner_11` string,
  `rep_label_12` string,
  `rep_rate_13` decimal(18,2) COMMENT 'yyyy-MM-dd; empty where open',
  `src_amount_14` decimal(22,4),
  `rep_source_15` string,
  `rep_channel_16` varchar(10),
  `rep_fee_17` decimal(38,10),
  `rep_rate_18` double,
  `facility_share_19` decimal(38,10),
  `rep_status_20` string,
  `facility_type_21` string,
  `facility_flag_22` string)
ROW FORMAT SERDE 
  'org.apache.hadoop.hive.ql.io.orc.OrcSerde' 
STORED AS INPUTFORMAT 
  'org.apache.hadoop.hive.ql.io.orc.OrcInputFormat' 
OUTPUTFORMAT 
  'org.apache.hadoop.hive.ql.io.orc.OrcOutputFormat'
LOCATION
  'hdfs://warehouse.example:8020/warehouse/sgmisit.db/facility_history'
TBLPROPERTIES (
  'external.table.purge'='true',
  'numRows'='1125580',
  'transient_lastDdlTime'='1633104969');

CREATE EXTERNAL TABLE `segment_monthly`(
  `segment_id` string COMMENT 'key',
  `rep_type_1` string COMMENT 'not used since the migration -- kept for audits',
  `rep_score_2` decimal(10,0) COMMENT 'not used since the migration -- kept for audits',
  `src_flag_3` string,
  `src_value_4` decimal(18,2),
  `src_share_5` decimal(18,2) COMMENT 'from 2019 on',
  `rep_status_6` string,
  `src_channel_7` string,
  `segment_group_8` string,
  `rep_category_9` string,
  `src_fee_10` decimal(18,2),
  `src_amount_11` decimal(38,10),
  `segment_category_12` string,
  `rep_total_13` decimal(10,0),
  `rep_total_14` decimal(10,0),
  `rep_total_15` decimal(38,10),
  `src_value_16` decimal(10,0) COMMENT 'in units of the reporting currency',
  `src_reason_17` string COMMENT 'not used since the migration -- kept for audits',
  `rep_label_18` string,
  `segment_start_19` timestamp,
  `rep_label_20` string,
  `segment_score_21` decimal(22,4),
  `rep_owner_22` string,
  `rep_due_23` date,
  `src_channel_24` string,
  `src_reason_25` string,
  `src_reason_26` string,
  `src_reference_27` string,
  `src_fee_28` decimal(18,2),
  `rep_reason_29` string,
  `segment_value_30` decimal(38,10),
  `segment_type_31` string,
  `rep_amount_32` decimal(10,0),
  `rep_group_33` string,
  `src_source_34` string,
  `segment_flag_35` string,
  `rep_group_36` string,
  `src_value_37` decimal(10,0) COMMENT 'share between 0 and 1',
  `segment_tags` array<string>,
  `segment_limits` map<string,decimal(18,2)>,
  `segment_address` struct<street:string,zip:string,lines:array<string>>)
PARTITIONED BY (
  `load_date` string)
ROW FORMAT SERDE 
  'org.apache.hadoop.hive.ql.io.orc.OrcSerde' 
STORED AS INPUTFORMAT 
  'org.apache.hadoop.hive.ql.io.orc.OrcInputFormat' 
OUTPUTFORMAT 
  'org.apache.hadoop.hive.ql.io.orc.OrcOutputFormat'
LOCATION
  'hdfs://warehouse.example:8020/warehouse/sgmisit.db/segment_monthly'
TBLPROPERTIES (
  'numRows'='600313',
  'transient_lastDdlTime'='1623469090');

CREATE EXTERNAL TABLE `currency_history`(
  `currency_id` string COMMENT 'key',
  `rep_source_1` string,
  `rep_flag_2` string,
  `currency_name_3` string,
  `src_channel_4` varchar(1),
  `currency_source_5` string,
  `currency_share_6` decimal(10,0),
  `src_weight_7` decimal(10,0),
  `rep_value_8` decimal(22,4),
  `src_group_9` string,
  `rep_class_10` string,
  `rep_reference_11` string,
  `currency_class_12` string,
  `src_flag_13` string,
  `src_rate_14` decimal(22,4),
  `src_class_15` string,
  `currency_reference_16` string,
  `currency_flag_17` string,
  `src_type_18` string,
  `currency_value_19` decimal(38,10),
  `rep_balance_20` double,
  `rep_type_21` string COMMENT 'from 2019 on',
  `src_reference_22` string COMMENT 'yyyy-MM-dd; empty where open',
  `currency_name_23` string)
PARTITIONED BY (
  `load_year` int,
  `load_month` int)
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
  'hdfs://warehouse.example:8020/warehouse/sgmisit.db/currency_history'
TBLPROPERTIES (
  'numRows'='93036',
  'skip.header.line.count'='1',
  'transient_lastDdlTime'='1676358915');

CREATE VIEW `v3_history_004_009_018` AS select `both`.`origin`, `both`.`branch_id_0`, max(`both`.`text_value`) as `last_text_value`, max(`both`.`number_value`) as `last_number_value` from (select 'u' as `origin`, `p0`.`branch_id_0`, `p0`.`branch_channel_11` as `text_value`, `p0`.`src_score_6_4` as `number_value` from `sgmisitetl`.`v2_history_004_009` `p0` where (`p0`.`branch_channel_11` <> '') UNION ALL select 'w' as `origin`, `p1`.`payment_id`, `p1`.`payment_id` as `text_value`, `p1`.`payment_weight_14` as `number_value` from `sgmisit`.`payment_event_652` `p1` where (`p1`.`payment_id` <> '')) `both` group by `both`.`origin`, `both`.`branch_id_0`;

CREATE EXTERNAL TABLE `rating_history`(
  `rating_id` string COMMENT 'key',
  `src_name_1` string,
  `rating_type_2` string,
  `src_reason_3` string,
  `rep_source_4` string COMMENT 'as delivered by the source',
  `src_category_5` string,
  `src_total_6` decimal(38,10),
  `rep_reason_7` string,
  `rating_reference_8` string,
  `rep_group_9` string,
  `rating_rate_10` decimal(38,10),
  `rep_amount_11` decimal(38,10),
  `src_source_12` string,
  `rating_total_13` decimal(38,10),
  `src_source_14` string,
  `rep_flag_15` string,
  `rep_fee_16` decimal(18,2),
  `rep_class_17` string,
  `rating_total_18` decimal(18,2),
  `src_reason_19` string,
  `src_fee_20` decimal(18,2) COMMENT 'share between 0 and 1',
  `rating_source_21` string,
  `rep_score_22` bigint COMMENT 'share between 0 and 1',
  `src_source_23` string,
  `rep_reference_24` string,
  `rating_label_25` string,
  `rep_owner_26` string,
  `src_weight_27` decimal(22,4),
  `src_reason_28` string,
  `src_group_29` string,
  `rep_name_30` string,
  `rating_channel_31` string COMMENT 'share between 0 and 1',
  `rep_reason_32` string COMMENT 'not used since the migration -- kept for audits',
  `rating_balance_33` decimal(22,4),
  `rating_tags` array<string>,
  `rating_limits` map<string,decimal(18,2)>,
  `rating_address` struct<street:string,zip:string,lines:array<string>>,
  `rating_active` boolean,
  `rating_ratio` float)
COMMENT 'key; see the CREATE note of the owner'
ROW FORMAT SERDE 
  'org.apache.hadoop.hive.ql.io.orc.OrcSerde' 
STORED AS INPUTFORMAT 
  'org.apache.hadoop.hive.ql.io.orc.OrcInputFormat' 
OUTPUTFORMAT 
  'org.apache.hadoop.hive.ql.io.orc.OrcOutputFormat'
LOCATION
  'hdfs://warehouse.example:8020/warehouse/sgmisit.db/rating_history'
TBLPROPERTIES (
  'external.table.purge'='true',
  'numRows'='3060770',
  'transient_lastDdlTime'='1677507874');

CREATE EXTERNAL TABLE `rating_history_407`(
  `rating_id` string COMMENT 'key',
  `src_category_1` string,
  `rating_amount_2` decimal(10,0),
  `src_review_3` date,
  `rating_reason_4` string COMMENT 'from 2019 on',
  `src_fee_5` double,
  `rep_owner_6` string,
  `src_source_7` string,
  `src_class_8` string,
  `rating_value_9` decimal(18,2),
  `rating_name_10` string,
  `rep_weight_11` decimal(18,2) COMMENT 'key; see the CREATE note of the owner',
  `src_score_12` decimal(22,4) COMMENT 'key; see the CREATE note of the owner',
  `rating_amount_13` decimal(10,0),
  `rating_type_14` string,
  `rating_value_15` bigint,
  `src_balance_16` decimal(18,2) COMMENT 'yyyy-MM-dd; empty where open',
  `rep_status_17` string,
  `rep_rate_18` decimal(38,10),
  `rep_label_19` string,
  `src_amount_20` decimal(38,10),
  `src_channel_21` string,
  `rep_booking_22` timestamp,
  `rating_category_23` string,
  `src_category_24` string COMMENT 'yyyy-MM-dd; empty where open',
  `rep_total_25` decimal(38,10) COMMENT 'key; see the CREATE note of the owner',
  `rep_name_26` string,
  `rep_reference_27` string,
  `rating_type_28` string,
  `rep_name_29` string COMMENT 'as delivered by the source',
  `rating_source_30` string,
  `rating_code_31` string,
  `rating_group_32` string,
  `src_reason_33` string,
  `src_score_34` decimal(22,4),
  `src_channel_35` string COMMENT 'from 2019 on',
  `rep_code_36` string,
  `src_weight_37` decimal(18,2),
  `src_flag_38` string)
PARTITIONED BY (
  `load_date` date COMMENT 'day of delivery')
ROW FORMAT SERDE 
  'org.apache.hadoop.hive.ql.io.orc.OrcSerde' 
STORED AS INPUTFORMAT 
  'org.apache.hadoop.hive.ql.io.orc.OrcInputFormat' 
OUTPUTFORMAT 
  'org.apache.hadoop.hive.ql.io.orc.OrcOutputFormat'
LOCATION
  'hdfs://warehouse.example:8020/warehouse/sgmisit.db/rating_history_407'
TBLPROPERTIES (
  'numRows'='3246888',
  'transient_lastDdlTime'='1614668144');

CREATE EXTERNAL TABLE `exposure_daily`(
  `exposure_id` string COMMENT 'key',
  `exposure_group_1` string,
  `rep_group_2` string,
  `rep_flag_3` string,
  `rep_score_4` decimal(10,0),
  `rep_label_5` string,
  `src_weight_6` decimal(10,0),
  `exposure_source_7` string,
  `src_reason_8` string,
  `exposure_closing_9` date,
  `exposure_label_10` string,
  `src_code_11` string,
  `exposure_rate_12` decimal(38,10),
  `src_start_13` date COMMENT 'yyyy-MM-dd; empty where open',
  `exposure_class_14` string,
  `exposure_flag_15` string,
  `rep_flag_16` string,
  `rep_share_17` decimal(10,0),
  `rep_name_18` string,
  `src_rate_19` decimal(38,10),
  `rep_name_20` string,
  `exposure_total_21` decimal(38,10),
  `exposure_label_22` string,
  `exposure_class_23` string,
  `rep_label_24` string,
  `exposure_reason_25` string,
  `src_group_26` string,
  `exposure_tags` array<string>,
  `exposure_limits` map<string,decimal(18,2)>,
  `exposure_address` struct<street:string,zip:string,lines:array<string>>)
PARTITIONED BY (
  `load_date` string)
ROW FORMAT DELIMITED 
  FIELDS TERMINATED BY '\;' 
  LINES TERMINATED BY '\n' 
STORED AS INPUTFORMAT 
  'org.apache.hadoop.mapred.TextInputFormat' 
OUTPUTFORMAT 
  'org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat'
LOCATION
  'hdfs://warehouse.example:8020/warehouse/sgmisit.db/exposure_daily'
TBLPROPERTIES (
  'numRows'='4027238',
  'transient_lastDdlTime'='1651548962');

CREATE VIEW `v3_history_004_008_019` AS select nvl(`m`.`origin`, 'n/a') as `origin`,
nvl(`m`.`branch_id_0`, 'n/a') as `branch_id_0_1`,
concat_ws('-', `m`.`last_text_value`, `m`.`branch_id_0`) as `last_text_value_2`,
`m`.`last_number_value`,
nvl(`sums`.`total`, 0) as `total`
from `sgmisitetl`.`v2_history_004_008` `m`
LEFT OUTER JOIN (select `d`.`collateral_id` as `join_key`,
sum(`d`.`src_fee_3`) as `total`
from `sgmisit`.`collateral_history` `d`
group by `d`.`collateral_id`) `sums` ON (`m`.`origin` = `sums`.`join_key`);

CREATE EXTERNAL TABLE `schedule_master`(
  `schedule_id` string COMMENT 'key',
  `schedule_total_1` decimal(10,0),
  `src_owner_2` string,
  `src_reference_3` string,
  `schedule_fee_4` decimal(10,0) COMMENT 'share between 0 and 1',
  `src_type_5` string,
  `src_status_6` string,
  `rep_rate_7` decimal(22,4),
  `schedule_channel_8` string COMMENT 'yyyy-MM-dd; empty where open',
  `src_balance_9` decimal(10,0),
  `schedule_reason_10` string,
  `src_share_11` decimal(10,0),
  `src_source_12` string,
  `src_flag_13` string,
  `schedule_code_14` string,
  `rep_source_15` string COMMENT 'from 2019 on',
  `schedule_value_16` decimal(10,0),
  `rep_source_17` string,
  `schedule_source_18` string)
COMMENT 'share between 0 and 1'
PARTITIONED BY (
  `load_year` int,
  `load_month` int)
CLUSTERED BY (
  schedule_id)
INTO 8 BUCKETS
ROW FORMAT SERDE 
  'org.apache.hadoop.hive.ql.io.orc.OrcSerde' 
STORED AS INPUTFORMAT 
  'org.apache.hadoop.hive.ql.io.orc.OrcInputFormat' 
OUTPUTFORMAT 
  'org.apache.hadoop.hive.ql.io.orc.OrcOutputFormat'
LOCATION
  'hdfs://warehouse.example:8020/warehouse/sgmisit.db/schedule_master'
TBLPROPERTIES (
  'external.table.purge'='true',
  'numRows'='2530044',
  'transient_lastDdlTime'='1644443833');

CREATE EXTERNAL TABLE `collateral_master`(
  `collateral_id` string COMMENT 'key',
  `rep_reference_1` string COMMENT 'yyyy-MM-dd; empty where open',
  `src_type_2` string,
  `collateral_status_3` string,
  `collateral_rate_4` decimal(18,2),
  `src_name_5` string,
  `collateral_weight_6` decimal(38,10),
  `rep_booking_7` date COMMENT 'not used since the migration -- kept for audits',
  `collateral_status_8` string,
  `collateral_channel_9` string,
  `rep_code_10` string,
  `collateral_reason_11` string,
  `collateral_end_12` date,
  `collateral_label_13` string,
  `src_rate_14` double,
  `src_channel_15` string,
  `collateral_name_16` string,
  `src_end_17` timestamp,
  `collateral_name_18` string,
  `rep_category_19` string,
  `collateral_reason_20` string)
ROW FORMAT SERDE 
  'org.apache.hadoop.hive.hbase.HBaseSerDe' 
STORED BY 
  'org.apache.hadoop.hive.hbase.HBaseStorageHandler' 
WITH SERDEPROPERTIES ( 
  'hbase.columns.mapping'=':key,d:rep_reference_1,d:src_type_2,d:collateral_status_3,d:collateral_rate_4,d:src_name_5,d:collateral_weight_6,d:rep_booking_7,d:collateral_status_8,d:collateral_channel_9,d:rep_code_10,d:collateral_reason_11,d:collateral_end_12,d:collateral_label_13,d:src_rate_14,d:src_channel_15,d:collateral_name_16,d:src_end_17,d:collateral_name_18,d:rep_category_19,d:collateral_reason_20', 
  'serialization.format'='1')
TBLPROPERTIES (
  'numRows'='3368187',
  'transient_lastDdlTime'='1659461740');

CREATE EXTERNAL TABLE `contract_link`(
  `contract_id` string COMMENT 'key',
  `contract_share_1` decimal(18,2) COMMENT 'as delivered by the source',
  `rep_status_2` string,
  `contract_rate_3` decimal(38,10),
  `rep_total_4` bigint,
  `src_reference_5` string,
  `contract_reason_6` string,
  `contract_balance_7` double,
  `contract_channel_8` string,
  `rep_class_9` string COMMENT 'not used since the migration -- kept for audits',
  `contract_total_10` decimal(38,10),
  `rep_class_11` string COMMENT 'share between 0 and 1',
  `src_name_12` string,
  `rep_source_13` string,
  `contract_weight_14` decimal(22,4),
  `src_review_15` date,
  `contract_reason_16` string,
  `contract_amount_17` decimal(10,0),
  `contract_group_18` string COMMENT 'yyyy-MM-dd; empty where open',
  `contract_source_19` string,
  `contract_code_20` string,
  `rep_reference_21` string COMMENT 'not used since the migration -- kept for audits',
  `contract_fee_22` decimal(18,2),
  `src_score_23` decimal(18,2),
  `src_type_24` varchar(3),
  `src_fee_25` decimal(10,0),
  `rep_group_26` string,
  `src_flag_27` string,
  `rep_label_28` string)
PARTITIONED BY (
  `load_date` string)
ROW FORMAT SERDE 
  'org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe' 
STORED AS INPUTFORMAT 
  'org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat' 
OUTPUTFORMAT 
  'org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat'
LOCATION
  'hdfs://warehouse.example:8020/warehouse/sgmisit.db/contract_link'
TBLPROPERTIES (
  'numRows'='2310442',
  'transient_lastDdlTime'='1602215686');

CREATE EXTERNAL TABLE `segment_map`(
  `segment_id` string COMMENT 'key',
  `src_booking_1` date,
  `src_type_2` string,
  `segment_label_3` varchar(40),
  `src_code_4` string,
  `segment_amount_5` decimal(10,0),
  `rep_status_6` string,
  `src_owner_7` string,
  `src_code_8` string COMMENT 'share between 0 and 1',
  `src_name_9` string,
  `segment_reference_10` string,
  `segment_class_11` string,
  `segment_rate_12` bigint,
  `segment_reference_13` string,
  `segment_code_14` string,
  `rep_balance_15` decimal(18,2),
  `src_valuation_16` date,
  `src_flag_17` string COMMENT 'from 2019 on',
  `src_value_18` decimal(10,0) COMMENT 'yyyy-MM-dd; empty where open',
  `rep_type_19` string,
  `src_share_20` decimal(10,0) COMMENT 'key; see the CREATE note of the owner')
COMMENT 'from 2019 on'
ROW FORMAT SERDE 
  'org.apache.hadoop.hive.ql.io.orc.OrcSerde' 
STORED AS INPUTFORMAT 
  'org.apache.hadoop.hive.ql.io.orc.OrcInputFormat' 
OUTPUTFORMAT 
  'org.apache.hadoop.hive.ql.io.orc.OrcOutputFormat'
LOCATION
  'hdfs://warehouse.example:8020/warehouse/sgmisit.db/segment_map'
TBLPROPERTIES (
  'external.table.purge'='true',
  'numRows'='395096',
  'transient_lastDdlTime'='1612337477');

