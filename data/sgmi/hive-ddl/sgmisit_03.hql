create database if not exists sgmisit LOCATION 'hdfs://warehouse.example:8020/warehouse/sgmisit.db';
use sgmisit;

CREATE EXTERNAL TABLE `branch_snapshot`(
  `branch_id` string COMMENT 'key',
  `branch_name_1` string,
  `branch_group_2` string,
  `src_fee_3` decimal(18,2) COMMENT 'in units of the reporting currency',
  `src_fee_4` decimal(38,10),
  `rep_flag_5` string,
  `branch_owner_6` string,
  `src_reference_7` string,
  `src_code_8` string,
  `rep_class_9` string,
  `src_valuation_10` date,
  `branch_name_11` string,
  `rep_channel_12` string,
  `branch_value_13` decimal(38,10),
  `rep_rate_14` decimal(10,0),
  `rep_reference_15` string,
  `branch_tags` array<string>,
  `branch_limits` map<string,decimal(18,2)>,
  `branch_address` struct<street:string,zip:string,lines:array<string>>)
ROW FORMAT DELIMITED 
  FIELDS TERMINATED BY '\;' 
  LINES TERMINATED BY '\n' 
STORED AS INPUTFORMAT 
  'org.apache.hadoop.mapred.TextInputFormat' 
OUTPUTFORMAT 
  'org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat'
LOCATION
  'hdfs://warehouse.example:8020/warehouse/sgmisit.db/branch_snapshot'
TBLPROPERTIES (
  'external.table.purge'='true',
  'numRows'='4439895',
  'transient_lastDdlTime'='1681396468');

CREATE EXTERNAL TABLE `branch_history`(
  `branch_id` string COMMENT 'key',
  `branch_weight_1` decimal(38,10),
  `branch_owner_2` string,
  `src_total_3` bigint COMMENT 'as delivered by the source',
  `branch_group_4` string,
  `rep_channel_5` string,
  `src_score_6` decimal(10,0),
  `rep_code_7` string COMMENT 'share between 0 and 1',
  `rep_rate_8` decimal(38,10),
  `rep_valuation_9` date,
  `rep_value_10` decimal(18,2) COMMENT 'from 2019 on',
  `branch_channel_11` string)
PARTITIONED BY (
  `load_date` string)
ROW FORMAT SERDE 
  'org.apache.hadoop.hive.ql.io.orc.OrcSerde' 
STORED AS INPUTFORMAT 
  'org.apache.hadoop.hive.ql.io.orc.OrcInputFormat' 
OUTPUTFORMAT 
  'org.apache.hadoop.hive.ql.io.orc.OrcOutputFormat'
LOCATION
  'hdfs://warehouse.example:8020/warehouse/sgmisit.db/branch_history'
TBLPROPERTIES (
  'numRows'='670276',
  'transient_lastDdlTime'='1648214130');

CREATE EXTERNAL TABLE `covenant_map`(
  `covenant_id` string COMMENT 'key',
  `src_channel_1` string,
  `rep_category_2` string,
  `rep_balance_3` decimal(38,10),
  `src_channel_4` string,
  `rep_class_5` string COMMENT 'not used since the migration -- kept for audits',
  `covenant_type_6` string,
  `src_group_7` string,
  `covenant_source_8` string,
  `covenant_share_9` decimal(22,4),
  `rep_group_10` string COMMENT 'key; see the CREATE note of the owner',
  `covenant_owner_11` string,
  `covenant_rate_12` bigint,
  `rep_reference_13` string,
  `src_reason_14` string,
  `rep_reason_15` string,
  `covenant_type_16` string COMMENT 'key; see the CREATE note of the owner',
  `rep_owner_17` string,
  `src_name_18` string,
  `rep_value_19` bigint,
  `covenant_source_20` string,
  `rep_name_21` string,
  `covenant_tags` array<string>,
  `covenant_limits` map<string,decimal(18,2)>,
  `covenant_address` struct<street:string,zip:string,lines:array<string>>,
  `covenant_active` boolean,
  `covenant_ratio` float)
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
  'hdfs://warehouse.example:8020/warehouse/sgmisit.db/covenant_map'
TBLPROPERTIES (
  'external.table.purge'='true',
  'numRows'='2035687',
  'skip.header.line.count'='1',
  'transient_lastDdlTime'='1685460145');

CREATE EXTERNAL TABLE `payment_event_652`(
  `payment_id` string COMMENT 'key',
  `payment_value_1` decimal(22,4),
  `payment_name_2` string,
  `src_flag_3` string,
  `payment_owner_4` string COMMENT 'key; see the CREATE note of the owner',
  `rep_type_5` string,
  `payment_total_6` decimal(38,10),
  `payment_name_7` string,
  `src_score_8` decimal(10,0),
  `src_channel_9` string,
  `rep_class_10` string COMMENT 'yyyy-MM-dd; empty where open',
  `src_share_11` decimal(22,4),
  `rep_status_12` string,
  `payment_category_13` string,
  `payment_weight_14` decimal(22,4),
  `rep_name_15` string,
  `src_value_16` decimal(10,0),
  `src_label_17` string,
  `rep_group_18` string,
  `src_source_19` string,
  `rep_code_20` string,
  `payment_due_21` date,
  `rep_label_22` string,
  `rep_reason_23` string,
  `rep_type_24` string,
  `payment_balance_25` decimal(22,4),
  `payment_rate_26` decimal(10,0),
  `rep_value_27` decimal(38,10),
  `payment_balance_28` decimal(38,10))
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
  'hdfs://warehouse.example:8020/warehouse/sgmisit.db/payment_event_652'
TBLPROPERTIES (
  'external.table.purge'='true',
  'numRows'='4266684',
  'transient_lastDdlTime'='1669066813');

