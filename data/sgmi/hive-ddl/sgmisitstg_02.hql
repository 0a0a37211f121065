create database if not exists sgmisitstg LOCATION 'hdfs://warehouse.example:8020/warehouse/sgmisitstg.db';
use sgmisitstg;

CREATE EXTERNAL TABLE `stg_client_snapshot`(
  `client_id` string COMMENT 'key',
  `rep_owner_1` string,
  `rep_flag_2` string,
  `rep_balance_3` decimal(10,0),
  `src_review_4` date,
  `client_weight_5` decimal(18,2),
  `client_category_6` string,
  `client_weight_7` decimal(38,10),
  `src_status_8` string COMMENT 'in units of the reporting currency',
  `rep_rate_9` decimal(10,0),
  `src_value_10` decimal(22,4),
  `client_review_11` date,
  `src_category_12` string,
  `src_reference_13` string,
  `client_type_14` string,
  `src_code_15` string,
  `src_share_16` decimal(10,0),
  `client_type_17` string,
  `client_weight_18` decimal(18,2),
  `src_review_19` timestamp,
  `client_name_20` string,
  `src_start_21` date,
  `src_reason_22` string,
  `rep_reason_23` string,
  `src_flag_24` string COMMENT 'yyyy-MM-dd; empty where open',
  `rep_start_25` date,
  `client_name_26` string,
  `src_source_27` string)
COMMENT 'key; see the CREATE note of the owner'
PARTITIONED BY (
  `load_date` date COMMENT 'day of delivery')
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
  'hdfs://warehouse.example:8020/warehouse/sgmisitstg.db/stg_client_snapshot'
TBLPROPERTIES (
  'numRows'='428570',
  'transient_lastDdlTime'='1687905481');

CREATE EXTERNAL TABLE `stg_payment_link`(
  `payment_id` string COMMENT 'key',
  `rep_code_1` string,
  `src_flag_2` string,
  `rep_due_3` date COMMENT 'in units of the reporting currency',
  `src_valuation_4` date,
  `rep_name_5` string,
  `payment_amount_6` decimal(22,4),
  `rep_channel_7` string,
  `payment_channel_8` string,
  `payment_total_9` decimal(38,10),
  `payment_owner_10` string,
  `payment_total_11` decimal(10,0),
  `payment_code_12` string,
  `payment_channel_13` string,
  `payment_class_14` string,
  `src_reason_15` string,
  `payment_closing_16` timestamp,
  `rep_flag_17` string,
  `payment_code_18` string,
  `rep_booking_19` date,
  `rep_name_20` string COMMENT 'share between 0 and 1')
PARTITIONED BY (
  `load_date` string)
ROW FORMAT SERDE 
  'org.apache.hadoop.hive.ql.io.orc.OrcSerde' 
STORED AS INPUTFORMAT 
  'org.apache.hadoop.hive.ql.io.orc.OrcInputFormat' 
OUTPUTFORMAT 
  'org.apache.hadoop.hive.ql.io.orc.OrcOutputFormat'
LOCATION
  'hdfs://warehouse.example:8020/warehouse/sgmisitstg.db/stg_payment_link'
TBLPROPERTIES (
  'numRows'='3950148',
  'transient_lastDdlTime'='1665537215');

CREATE EXTERNAL TABLE `stg_provision_master`(
  `provision_id` string COMMENT 'key',
  `provision_value_1` decimal(38,10),
  `src_amount_2` decimal(22,4),
  `rep_status_3` string,
  `src_channel_4` string,
  `provision_status_5` string COMMENT 'key; see the CREATE note of the owner',
  `src_source_6` string,
  `provision_value_7` decimal(18,2),
  `src_source_8` string,
  `src_reference_9` string,
  `src_valuation_10` timestamp COMMENT 'yyyy-MM-dd; empty where open',
  `src_channel_11` string,
  `rep_group_12` string,
  `rep_reference_13` string,
  `provision_status_14` string,
  `src_score_15` decimal(10,0) COMMENT 'not used since the migration -- kept for audits',
  `src_share_16` decimal(38,10),
  `rep_rate_17` decimal(38,10),
  `rep_source_18` string COMMENT 'share between 0 and 1',
  `provision_label_19` string)
PARTITIONED BY (
  `load_date` string)
ROW FORMAT SERDE 
  'org.apache.hadoop.hive.ql.io.orc.OrcSerde' 
STORED AS INPUTFORMAT 
  'org.apache.hadoop.hive.ql.io.orc.OrcInputFormat' 
OUTPUTFORMAT 
  'org.apache.hadoop.hive.ql.io.orc.OrcOutputFormat'
LOCATION
  'hdfs://warehouse.example:8020/warehouse/sgmisitstg.db/stg_provision_master'
TBLPROPERTIES (
  'numRows'='2366897',
  'transient_lastDdlTime'='1658287363');

CREATE EXTERNAL TABLE `stg_currency_monthly`(
  `currency_id` string COMMENT 'key',
  `currency_label_1` string,
  `src_category_2` string COMMENT 'not used since the migration -- kept for audits',
  `rep_category_3` string,
  `src_reason_4` string,
  `rep_channel_5` string,
  `rep_name_6` string,
  `src_type_7` string,
  `currency_score_8` decimal(18,2),
  `currency_class_9` string,
  `src_balance_10` decimal(38,10),
  `rep_label_11` string,
  `rep_group_12` string,
  `rep_class_13` string,
  `rep_owner_14` string,
  `rep_fee_15` bigint,
  `src_code_16` string,
  `src_code_17` string,
  `currency_share_18` decimal(38,10),
  `rep_owner_19` string COMMENT 'key; see the CREATE note of the owner',
  `currency_fee_20` decimal(22,4),
  `rep_owner_21` string COMMENT 'not used since the migration -- kept for audits',
  `src_category_22` string,
  `rep_reference_23` string,
  `src_group_24` string COMMENT 'as delivered by the source',
  `src_source_25` string COMMENT 'the client\'s own value',
  `currency_share_26` decimal(38,10),
  `rep_reason_27` string,
  `currency_owner_28` string,
  `rep_total_29` decimal(18,2),
  `currency_status_30` string,
  `rep_code_31` string,
  `currency_code_32` string COMMENT 'not used since the migration -- kept for audits')
ROW FORMAT DELIMITED 
  FIELDS TERMINATED BY '\;' 
  LINES TERMINATED BY '\n' 
STORED AS INPUTFORMAT 
  'org.apache.hadoop.mapred.TextInputFormat' 
OUTPUTFORMAT 
  'org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat'
LOCATION
  'hdfs://warehouse.example:8020/warehouse/sgmisitstg.db/stg_currency_monthly'
TBLPROPERTIES (
  'numRows'='1887164',
  'transient_lastDdlTime'='1682186634');

CREATE EXTERNAL TABLE `stg_account_map`(
  `account_id` string COMMENT 'key',
  `rep_code_1` string,
  `src_source_2` string,
  `rep_group_3` string,
  `src_booking_4` timestamp COMMENT 'key; see the CREATE note of the owner',
  `src_source_5` string,
  `account_balance_6` decimal(22,4),
  `src_reference_7` string,
  `rep_flag_8` string,
  `src_fee_9` decimal(22,4),
  `rep_source_10` string,
  `src_group_11` string COMMENT 'share between 0 and 1',
  `rep_channel_12` string,
  `src_fee_13` int,
  `rep_category_14` string,
  `account_group_15` string,
  `account_source_16` string,
  `account_label_17` string,
  `account_status_18` string,
  `rep_due_19` date,
  `rep_name_20` string,
  `src_code_21` string,
  `rep_fee_22` decimal(10,0),
  `rep_channel_23` string,
  `rep_owner_24` string,
  `src_start_25` timestamp,
  `src_owner_26` string,
  `account_group_27` string,
  `account_source_28` string,
  `account_score_29` decimal(18,2))
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
  'hdfs://warehouse.example:8020/warehouse/sgmisitstg.db/stg_account_map'
TBLPROPERTIES (
  'numRows'='3621086',
  'skip.header.line.count'='1',
  'transient_lastDdlTime'='1694278981');

CREATE EXTERNAL TABLE `stg_guarantor_event`(
  `guarantor_id` string COMMENT 'key',
  `src_total_1` decimal(22,4),
  `src_category_2` string,
  `guarantor_reference_3` string,
  `rep_share_4` decimal(18,2),
  `guarantor_group_5` string,
  `guarantor_name_6` string,
  `rep_owner_7` string,
  `rep_group_8` string,
  `src_closing_9` date,
  `guarantor_balance_10` decimal(22,4),
  `src_reason_11` string,
  `rep_weight_12` decimal(10,0),
  `rep_label_13` string,
  `src_balance_14` decimal(18,2),
  `guarantor_end_15` date,
  `rep_due_16` date,
  `guarantor_source_17` string,
  `guarantor_reference_18` string,
  `guarantor_rate_19` decimal(22,4),
  `guarantor_label_20` string COMMENT 'in units of the reporting currency',
  `rep_status_21` string COMMENT 'the client\'s own value',
  `src_group_22` string,
  `rep_class_23` string,
  `src_code_24` string,
  `guarantor_fee_25` decimal(10,0))
PARTITIONED BY (
  `load_year` int,
  `load_month` int)
ROW FORMAT SERDE 
  'org.apache.hadoop.hive.ql.io.orc.OrcSerde' 
STORED AS INPUTFORMAT 
  'org.apache.hadoop.hive.ql.io.orc.OrcInputFormat' 
OUTPUTFORMAT 
  'org.apache.hadoop.hive.ql.io.orc.OrcOutputFormat'
LOCATION
  'hdfs://warehouse.example:8020/warehouse/sgmisitstg.db/stg_guarantor_event'
TBLPROPERTIES (
  'external.table.purge'='true',
  'numRows'='3901669',
  'transient_lastDdlTime'='1629911908');

CREATE EXTERNAL TABLE `stg_guarantor_snapshot`(
  `guarantor_id` string COMMENT 'key',
  `rep_reason_1` string,
  `guarantor_total_2` decimal(38,10),
  `src_value_3` bigint,
  `guarantor_balance_4` bigint,
  `src_code_5` string,
  `guarantor_score_6` decimal(10,0),
  `guarantor_channel_7` string,
  `rep_total_8` decimal(10,0),
  `guarantor_group_9` string,
  `guarantor_class_10` string,
  `rep_owner_11` string,
  `src_value_12` int COMMENT 'in units of the reporting currency',
  `src_label_13` string,
  `rep_name_14` string,
  `guarantor_share_15` decimal(22,4),
  `rep_owner_16` string,
  `src_type_17` string,
  `src_weight_18` decimal(38,10),
  `src_reason_19` string,
  `guarantor_score_20` int)
PARTITIONED BY (
  `load_year` int,
  `load_month` int)
ROW FORMAT DELIMITED 
  FIELDS TERMINATED BY '\;' 
  LINES TERMINATED BY '\n' 
STORED AS INPUTFORMAT 
  'org.apache.hadoop.mapred.TextInputFormat' 
OUTPUTFORMAT 
  'org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat'
LOCATION
  'hdfs://warehouse.example:8020/warehouse/sgmisitstg.db/stg_guarantor_snapshot'
TBLPROPERTIES (
  'numRows'='1084332',
  'transient_lastDdlTime'='1670112650');

CREATE EXTERNAL TABLE `stg_guarantor_map`(
  `guarantor_id` string COMMENT 'key',
  `rep_class_1` string,
  `src_class_2` string,
  `guarantor_total_3` decimal(18,2),
  `guarantor_class_4` string,
  `src_rate_5` decimal(22,4),
  `src_amount_6` decimal(22,4),
  `src_amount_7` decimal(22,4),
  `rep_name_8` string,
  `rep_type_9` string,
  `src_name_10` string,
  `src_rate_11` decimal(10,0),
  `rep_status_12` string)
PARTITIONED BY (
  `load_date` string)
ROW FORMAT SERDE 
  'org.apache.hadoop.hive.ql.io.orc.OrcSerde' 
STORED AS INPUTFORMAT 
  'org.apache.hadoop.hive.ql.io.orc.OrcInputFormat' 
OUTPUTFORMAT 
  'org.apache.hadoop.hive.ql.io.orc.OrcOutputFormat'
LOCATION
  'hdfs://warehouse.example:8020/warehouse/sgmisitstg.db/stg_guarantor_map'
TBLPROPERTIES (
  'numRows'='4746190',
  'transient_lastDdlTime'='1649576717');

CREATE EXTERNAL TABLE `stg_guarantor_monthly`(
  `guarantor_id` string COMMENT 'key',
  `guarantor_code_1` string,
  `rep_reason_2` string,
  `guarantor_status_3` string,
  `src_owner_4` string,
  `src_owner_5` string,
  `guarantor_reason_6` string,
  `guarantor_fee_7` decimal(18,2),
  `rep_rate_8` decimal(18,2),
  `guarantor_share_9` decimal(18,2) COMMENT 'in units of the reporting currency',
  `guarantor_reference_10` string,
  `rep_total_11` decimal(10,0),
  `src_reason_12` string,
  `src_share_13` decimal(22,4),
  `guarantor_type_14` string,
  `rep_fee_15` decimal(22,4),
  `rep_rate_16` decimal(22,4),
  `src_group_17` string,
  `guarantor_reference_18` string,
  `rep_value_19` decimal(10,0),
  `guarantor_group_20` string,
  `rep_source_21` string,
  `rep_share_22` decimal(10,0),
  `src_class_23` string,
  `rep_share_24` decimal(38,10),
  `rep_class_25` string,
  `rep_score_26` decimal(22,4))
COMMENT 'yyyy-MM-dd; empty where open'
PARTITIONED BY (
  `load_date` string)
CLUSTERED BY (
  guarantor_id)
INTO 16 BUCKETS
ROW FORMAT SERDE 
  'org.apache.hadoop.hive.ql.io.orc.OrcSerde' 
STORED AS INPUTFORMAT 
  'org.apache.hadoop.hive.ql.io.orc.OrcInputFormat' 
OUTPUTFORMAT 
  'org.apache.hadoop.hive.ql.io.orc.OrcOutputFormat'
LOCATION
  'hdfs://warehouse.example:8020/warehouse/sgmisitstg.db/stg_guarantor_monthly'
TBLPROPERTIES (
  'numRows'='2866495',
  'transient_lastDdlTime'='1693211354');

CREATE EXTERNAL TABLE `stg_account_link_502`(
  `account_id` string COMMENT 'key',
  `src_source_1` string,
  `rep_code_2` string COMMENT 'yyyy-MM-dd; empty where open',
  `src_group_3` string,
  `rep_reference_4` string,
  `account_total_5` decimal(18,2),
  `rep_status_6` string,
  `account_score_7` decimal(10,0),
  `rep_class_8` string,
  `src_reason_9` string,
  `account_reference_10` string,
  `src_reference_11` string,
  `account_class_12` string,
  `account_code_13` string,
  `rep_total_14` decimal(38,10),
  `account_category_15` string,
  `account_category_16` string,
  `rep_class_17` string,
  `src_status_18` string,
  `src_share_19` decimal(18,2),
  `src_reason_20` string,
  `src_owner_21` string,
  `src_group_22` string,
  `src_flag_23` string,
  `account_review_24` date,
  `account_share_25` int)
PARTITIONED BY (
  `load_date` string)
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
  'hdfs://warehouse.example:8020/warehouse/sgmisitstg.db/stg_account_link_502'
TBLPROPERTIES (
  'numRows'='318823',
  'skip.header.line.count'='1',
  'transient_lastDdlTime'='1635717212');

CREATE EXTERNAL TABLE `stg_collateral_history_417`(
  `collateral_id` string COMMENT 'key',
  `rep_code_1` string COMMENT 'not used since the migration -- kept for audits',
  `rep_closing_2` date,
  `rep_class_3` string,
  `rep_reason_4` string,
  `src_reason_5` string,
  `src_label_6` string,
  `collateral_review_7` date,
  `rep_status_8` string,
  `src_type_9` string,
  `src_value_10` decimal(22,4),
  `collateral_type_11` string,
  `src_name_12` string,
  `collateral_reason_13` string,
  `rep_start_14` timestamp,
  `src_label_15` string,
  `collateral_value_16` decimal(22,4),
  `rep_source_17` string)
ROW FORMAT SERDE 
  'org.apache.hadoop.hive.hbase.HBaseSerDe' 
STORED BY 
  'org.apache.hadoop.hive.hbase.HBaseStorageHandler' 
WITH SERDEPROPERTIES ( 
  'hbase.columns.mapping'=':key,d:rep_code_1,d:rep_closing_2,d:rep_class_3,d:rep_reason_4,d:src_reason_5,d:src_label_6,d:collateral_review_7,d:rep_status_8,d:src_type_9,d:src_value_10,d:collateral_type_11,d:src_name_12,d:collateral_reason_13,d:rep_start_14,d:src_label_15,d:collateral_value_16,d:rep_source_17', 
  'serialization.format'='1')
TBLPROPERTIES (
  'numRows'='289192',
  'transient_lastDdlTime'='1684028472');

CREATE EXTERNAL TABLE `stg_payment_event`(
  `payment_id` string COMMENT 'key',
  `rep_source_1` string COMMENT 'in units of the reporting currency',
  `rep_balance_2` decimal(38,10),
  `payment_rate_3` decimal(22,4),
  `src_code_4` string,
  `rep_class_5` string,
  `payment_type_6` string,
  `rep_type_7` string,
  `payment_reason_8` string,
  `rep_share_9` decimal(22,4),
  `rep_value_10` decimal(38,10),
  `src_name_11` string,
  `payment_class_12` string,
  `src_code_13` string,
  `payment_name_14` char(3),
  `src_value_15` decimal(38,10),
  `src_amount_16` decimal(22,4),
  `payment_status_17` string,
  `rep_score_18` decimal(10,0),
  `payment_fee_19` int,
  `rep_source_20` string,
  `src_class_21` string COMMENT 'key; see the CREATE note of the owner',
  `payment_category_22` string,
  `src_flag_23` string,
  `src_due_24` date,
  `rep_start_25` date,
  `rep_source_26` string,
  `src_channel_27` string,
  `rep_total_28` decimal(22,4),
  `rep_total_29` decimal(10,0),
  `src_reason_30` string COMMENT 'from 2019 on',
  `src_reason_31` string)
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
  'hdfs://warehouse.example:8020/warehouse/sgmisitstg.db/stg_payment_event'
TBLPROPERTIES (
  'numRows'='2686782',
  'skip.header.line.count'='1',
  'transient_lastDdlTime'='1623292820');

CREATE EXTERNAL TABLE `stg_rating_event`(
  `rating_id` string COMMENT 'key',
  `src_weight_1` decimal(10,0),
  `rep_reason_2` string COMMENT 'as delivered by the source',
  `rating_name_3` string,
  `src_reference_4` string,
  `rep_type_5` string,
  `rating_label_6` string,
  `rep_type_7` string,
  `src_owner_8` string,
  `rating_value_9` decimal(38,10),
  `rep_fee_10` decimal(10,0),
  `rep_name_11` string,
  `src_code_12` string,
  `rating_group_13` string,
  `src_due_14` date COMMENT 'as delivered by the source',
  `rating_label_15` string COMMENT 'as delivered by the source',
  `src_amount_16` decimal(18,2),
  `src_reference_17` string COMMENT 'in units of the reporting currency',
  `src_fee_18` decimal(22,4),
  `rating_label_19` string,
  `rating_total_20` decimal(38,10),
  `src_share_21` decimal(22,4),
  `rep_class_22` string,
  `src_flag_23` string COMMENT 'as delivered by the source',
  `rating_total_24` decimal(22,4),
  `rating_balance_25` decimal(18,2),
  `rep_due_26` date)
PARTITIONED BY (
  `load_year` int,
  `load_month` int)
ROW FORMAT SERDE 
  'org.apache.hadoop.hive.ql.io.orc.OrcSerde' 
STORED AS INPUTFORMAT 
  'org.apache.hadoop.hive.ql.io.orc.OrcInputFormat' 
OUTPUTFORMAT 
  'org.apache.hadoop.hive.ql.io.orc.OrcOutputFormat'
LOCATION
  'hdfs://warehouse.example:8020/warehouse/sgmisitstg.db/stg_rating_event'
TBLPROPERTIES (
  'numRows'='1914591',
  'transient_lastDdlTime'='1664600275');

