create database if not exists sgmisitetl LOCATION 'hdfs://warehouse.example:8020/warehouse/sgmisitetl.db';
use sgmisitetl;

CREATE EXTERNAL TABLE `tmp_position_monthly`(
  `position_id` string COMMENT 'key',
  `rep_label_1` string,
  `rep_start_2` timestamp,
  `position_group_3` string,
  `src_fee_4` bigint,
  `rep_reference_5` string,
  `position_amount_6` decimal(38,10),
  `position_source_7` string,
  `rep_reason_8` string,
  `position_category_9` string,
  `position_flag_10` string,
  `rep_reference_11` string,
  `position_share_12` decimal(10,0),
  `rep_owner_13` string,
  `rep_owner_14` string,
  `position_source_15` string,
  `rep_name_16` string COMMENT 'not used since the migration -- kept for audits',
  `rep_status_17` string COMMENT 'not used since the migration -- kept for audits')
PARTITIONED BY (
  `load_date` string)
ROW FORMAT SERDE 
  'org.apache.hadoop.hive.ql.io.orc.OrcSerde' 
STORED AS INPUTFORMAT 
  'org.apache.hadoop.hive.ql.io.orc.OrcInputFormat' 
OUTPUTFORMAT 
  'org.apache.hadoop.hive.ql.io.orc.OrcOutputFormat'
LOCATION
  'hdfs://warehouse.example:8020/warehouse/sgmisitetl.db/tmp_position_monthly'
TBLPROPERTIES (
  'external.table.purge'='true',
  'numRows'='3429304',
  'transient_lastDdlTime'='1613632794');

CREATE EXTERNAL TABLE `tmp_contract_snapshot`(
  `contract_id` string COMMENT 'key',
  `contract_label_1` string,
  `rep_share_2` decimal(38,10) COMMENT 'from 2019 on',
  `contract_share_3` int,
  `rep_category_4` string,
  `contract_amount_5` decimal(18,2),
  `src_flag_6` string,
  `src_fee_7` decimal(10,0) COMMENT 'key; see the CREATE note of the owner',
  `src_group_8` string,
  `rep_reference_9` string,
  `src_channel_10` string,
  `rep_rate_11` decimal(18,2),
  `contract_total_12` bigint,
  `rep_class_13` string,
  `rep_label_14` string,
  `contract_source_15` string,
  `rep_reason_16` string,
  `src_owner_17` char(1),
  `src_due_18` date,
  `src_amount_19` decimal(18,2),
  `src_group_20` string,
  `contract_weight_21` double,
  `src_share_22` decimal(38,10) COMMENT 'as delivered by the source',
  `contract_class_23` string COMMENT 'not used since the migration -- kept for audits',
  `src_owner_24` string,
  `contract_reference_25` string,
  `contract_amount_26` decimal(18,2),
  `contract_status_27` string,
  `contract_tags` array<string>,
  `contract_limits` map<string,decimal(18,2)>,
  `contract_address` struct<street:string,zip:string,lines:array<string>>,
  `contract_active` boolean,
  `contract_ratio` float)
COMMENT 'as delivered by the source'
PARTITIONED BY (
  `load_date` string)
CLUSTERED BY (
  contract_id)
INTO 4 BUCKETS
ROW FORMAT SERDE 
  'org.apache.hadoop.hive.ql.io.orc.OrcSerde' 
STORED AS INPUTFORMAT 
  'org.apache.hadoop.hive.ql.io.orc.OrcInputFormat' 
OUTPUTFORMAT 
  'org.apache.hadoop.hive.ql.io.orc.OrcOutputFormat'
LOCATION
  'hdfs://warehouse.example:8020/warehouse/sgmisitetl.db/tmp_contract_snapshot'
TBLPROPERTIES (
  'numRows'='148160',
  'transient_lastDdlTime'='1656863566');

CREATE EXTERNAL TABLE `tmp_product_history`(
  `product_id` string COMMENT 'key',
  `product_booking_1` date,
  `rep_label_2` string,
  `rep_owner_3` string,
  `rep_name_4` string,
  `rep_booking_5` date,
  `src_status_6` string,
  `src_reference_7` string,
  `src_reference_8` string,
  `rep_status_9` string,
  `rep_total_10` decimal(18,2),
  `rep_reference_11` string,
  `product_source_12` string,
  `src_owner_13` string,
  `product_channel_14` string,
  `product_score_15` decimal(38,10),
  `product_code_16` string,
  `product_class_17` string,
  `product_flag_18` string,
  `rep_source_19` string,
  `product_flag_20` string,
  `rep_reason_21` string,
  `rep_type_22` string,
  `src_share_23` decimal(38,10),
  `rep_reason_24` string,
  `src_owner_25` string,
  `product_fee_26` decimal(22,4),
  `src_weight_27` decimal(38,10),
  `src_class_28` string,
  `rep_owner_29` string,
  `rep_reason_30` string,
  `rep_type_31` string,
  `src_category_32` string,
  `product_flag_33` string,
  `src_score_34` decimal(10,0))
PARTITIONED BY (
  `load_date` string)
ROW FORMAT SERDE 
  'org.apache.hadoop.hive.ql.io.orc.OrcSerde' 
STORED AS INPUTFORMAT 
  'org.apache.hadoop.hive.ql.io.orc.OrcInputFormat' 
OUTPUTFORMAT 
  'org.apache.hadoop.hive.ql.io.orc.OrcOutputFormat'
LOCATION
  'hdfs://warehouse.example:8020/warehouse/sgmisitetl.db/tmp_product_history'
TBLPROPERTIES (
  'numRows'='595336',
  'transient_lastDdlTime'='1625765906');

CREATE VIEW `v1_covenant_history_000` AS select concat_ws('-', `stg_covenant_history`.`covenant_id`, `stg_covenant_history`.`covenant_status_417`) as `covenant_id`, if((`stg_covenant_history`.`covenant_status_383` is null), 'unknown', `stg_covenant_history`.`src_category_1`) as `src_category_1`, (`stg_covenant_history`.`covenant_weight_2` * (1 - nvl(`stg_covenant_history`.`src_fee_23`, 0))) as `covenant_weight_2_2`, if((`stg_covenant_history`.`covenant_reference_490` is null), 'unknown', `stg_covenant_history`.`covenant_label_3`) as `covenant_label_3`, if((`stg_covenant_history`.`src_channel_217` is null), 'unknown', `stg_covenant_history`.`rep_source_4`) as `rep_source_4_4`, if((`stg_covenant_history`.`rep_owner_461` is null), 'unknown', `stg_covenant_history`.`rep_flag_5`) as `rep_flag_5`, `stg_covenant_history`.`rep_fee_6`, if((`stg_covenant_history`.`rep_category_97` is null), 'unknown', `stg_covenant_history`.`covenant_status_7`) as `covenant_status_7_7`, if((`stg_covenant_history`.`src_class_63` is null), 'unknown', `stg_covenant_history`.`rep_channel_8`) as `rep_channel_8_8`, concat_ws('-', `stg_covenant_history`.`covenant_reference_9`, `stg_covenant_history`.`src_category_128`) as `covenant_reference_9_9`, if((`stg_covenant_history`.`src_reason_308` is null), 'unknown', `stg_covenant_history`.`covenant_label_10`) as `covenant_label_10_10`, CASE WHEN (`stg_covenant_history`.`src_reference_11` = '1') THEN 'open' WHEN (`stg_covenant_history`.`src_reference_11` = '2') THEN 'closed' WHEN (`stg_covenant_history`.`src_reference_11` = '3') THEN 'in review; see note' ELSE `stg_covenant_history`.`src_reference_11` END as `src_reference_11`, `stg_covenant_history`.`covenant_group_12`, `stg_covenant_history`.`rep_owner_13`, `stg_covenant_history`.`src_category_14`, nvl(`stg_covenant_history`.`covenant_amount_15`, 0) as `covenant_amount_15_15`, `stg_covenant_history`.`covenant_type_16`, nvl(`stg_covenant_history`.`src_total_17`, 0) as `src_total_17`, substr(`stg_covenant_history`.`covenant_flag_18`, 1, 4) as `covenant_flag_18_18`, if((`stg_covenant_history`.`covenant_label_309` is null), 'unknown', `stg_covenant_history`.`covenant_source_19`) as `covenant_source_19_19`, months_between(current_date(), `stg_covenant_history`.`covenant_valuation_20`) as `covenant_valuation_20_20`, nvl(`stg_covenant_history`.`rep_name_21`, 'n/a') as `rep_name_21`, `stg_covenant_history`.`src_name_22`, `stg_covenant_history`.`src_fee_23`, nvl(`stg_covenant_history`.`rep_source_24`, 'n/a') as `rep_source_24_24`, nvl(`stg_covenant_history`.`covenant_label_25`, 'n/a') as `covenant_label_25`, `stg_covenant_history`.`covenant_total_26`, `stg_covenant_history`.`rep_reason_27`, CASE WHEN (`stg_covenant_history`.`src_channel_28` = '1') THEN 'open' WHEN (`stg_covenant_history`.`src_channel_28` = '2') THEN 'closed' WHEN (`stg_covenant_history`.`src_channel_28` = '3') THEN 'in review; see note' ELSE `stg_covenant_history`.`src_channel_28` END as `src_channel_28_28`, if((`stg_covenant_history`.`rep_owner_13` is null), 'unknown', `stg_covenant_history`.`covenant_flag_29`) as `covenant_flag_29`, (`stg_covenant_history`.`rep_amount_30` * (1 - nvl(`stg_covenant_history`.`covenant_score_222`, 0))) as `rep_amount_30`, `stg_covenant_history`.`covenant_category_31`, substr(`stg_covenant_history`.`rep_code_32`, 1, 4) as `rep_code_32_32`, cast(`stg_covenant_history`.`covenant_fee_33` as decimal(18,2)) as `covenant_fee_33_33`, `stg_covenant_history`.`covenant_balance_34`, cast(`stg_covenant_history`.`covenant_fee_35` as decimal(18,2)) as `covenant_fee_35`, `stg_covenant_history`.`covenant_fee_36`, upper(trim(`stg_covenant_history`.`rep_name_37`)) as `rep_name_37_37`, concat_ws('-', `stg_covenant_history`.`rep_reference_38`, `stg_covenant_history`.`src_label_488`) as `rep_reference_38_38`, (`stg_covenant_history`.`rep_weight_39` * (1 - nvl(`stg_covenant_history`.`src_value_290`, 0))) as `rep_weight_39`, `stg_covenant_history`.`rep_label_40`, `stg_covenant_history`.`covenant_group_41`, `stg_covenant_history`.`rep_channel_42`, nvl(`stg_covenant_history`.`rep_code_43`, 'n/a') as `rep_code_43`, `stg_covenant_history`.`src_owner_44`, `stg_covenant_history`.`rep_class_45`, nvl(`stg_covenant_history`.`rep_balance_46`, 0) as `rep_balance_46_46`, concat_ws('-', `stg_covenant_history`.`rep_flag_47`, `stg_covenant_history`.`src_type_367`) as `rep_flag_47_47`, `stg_covenant_history`.`src_total_48`, concat_ws('-', `stg_covenant_history`.`rep_type_49`, `stg_covenant_history`.`covenant_status_141`) as `rep_type_49_49`, `stg_covenant_history`.`covenant_score_50`, upper(trim(`stg_covenant_history`.`rep_label_51`)) as `rep_label_51`, nvl(`stg_covenant_history`.`src_weight_52`, 0) as `src_weight_52`, `stg_covenant_history`.`src_code_53`, `stg_covenant_history`.`covenant_status_54`, `stg_covenant_history`.`src_reference_55`, nvl(`stg_covenant_history`.`rep_flag_56`, 'n/a') as `rep_flag_56`, nvl(`stg_covenant_history`.`covenant_total_57`, 0) as `covenant_total_57_57`, if((`stg_covenant_history`.`covenant_flag_192` is null), 'unknown', `stg_covenant_history`.`covenant_reason_58`) as `covenant_reason_58_58`, if((`stg_covenant_history`.`covenant_group_81` is null), 'unknown', `stg_covenant_history`.`src_type_59`) as `src_type_59_59`, CASE WHEN (`stg_covenant_history`.`covenant_channel_288` = 'A') THEN `stg_covenant_history`.`src_fee_60` WHEN (`stg_covenant_history`.`rep_name_198` in ('B', 'C')) THEN `stg_covenant_history`.`src_fee_227` ELSE 0 END as `src_fee_60`, cast(`stg_covenant_history`.`src_weight_61` as decimal(18,2)) as `src_weight_61`, `stg_covenant_history`.`src_group_62`, concat_ws('-', `stg_covenant_history`.`src_class_63`, `stg_covenant_history`.`src_type_355`) as `src_class_63`, cast(`stg_covenant_history`.`covenant_balance_64` as decimal(18,2)) as `covenant_balance_64_64`, substr(`stg_covenant_history`.`covenant_label_65`, 1, 4) as `covenant_label_65`, substr(`stg_covenant_history`.`rep_class_66`, 1, 4) as `rep_class_66`, `stg_covenant_history`.`src_reference_67`, nvl(`stg_covenant_history`.`covenant_code_68`, 'n/a') as `covenant_code_68_68`, CASE WHEN (`stg_covenant_history`.`rep_group_69` = '1') THEN 'open' WHEN (`stg_covenant_history`.`rep_group_69` = '2') THEN 'closed' WHEN (`stg_covenant_history`.`rep_group_69` = '3') THEN 'in review; see note' ELSE `stg_covenant_history`.`rep_group_69` END as `rep_group_69_69`, concat_ws('-', `stg_covenant_history`.`src_flag_70`, `stg_covenant_history`.`src_flag_70`) as `src_flag_70`, substr(`stg_covenant_history`.`rep_label_71`, 1, 4) as `rep_label_71_71`, CASE WHEN (`stg_covenant_history`.`covenant_class_379` = 'A') THEN `stg_covenant_history`.`src_balance_72` WHEN (`stg_covenant_history`.`rep_class_207` in ('B', 'C')) THEN `stg_covenant_history`.`src_score_424` ELSE 0 END as `src_balance_72_72`, `stg_covenant_history`.`rep_value_73`, concat_ws('-', `stg_covenant_history`.`src_reference_74`, `stg_covenant_history`.`rep_channel_240`) as `src_reference_74_74`, `stg_covenant_history`.`covenant_reference_75`, `stg_covenant_history`.`covenant_channel_76`, nvl(`stg_covenant_history`.`covenant_class_77`, 'n/a') as `covenant_class_77_77`, concat_ws('-', `stg_covenant_history`.`covenant_type_78`, `stg_covenant_history`.`covenant_label_127`) as `covenant_type_78`, substr(`stg_covenant_history`.`rep_class_79`, 1, 4) as `rep_class_79`, `stg_covenant_history`.`rep_group_80`, upper(trim(`stg_covenant_history`.`covenant_group_81`)) as `covenant_group_81_81`, concat_ws('-', `stg_covenant_history`.`src_type_82`, `stg_covenant_history`.`rep_source_339`) as `src_type_82_82`, `stg_covenant_history`.`covenant_source_83`, if((`stg_covenant_history`.`src_reference_489` is null), 'unknown', `stg_covenant_history`.`covenant_category_84`) as `covenant_category_84`, CASE WHEN (`stg_covenant_history`.`covenant_flag_85` = '1') THEN 'open' WHEN (`stg_covenant_history`.`covenant_flag_85` = '2') THEN 'closed' WHEN (`stg_covenant_history`.`covenant_flag_85` = '3') THEN 'in review; see note' ELSE `stg_covenant_history`.`covenant_flag_85` END as `covenant_flag_85_85`, `stg_covenant_history`.`rep_review_86`, nvl(`stg_covenant_history`.`src_rate_87`, 0) as `src_rate_87`, nvl(`stg_covenant_history`.`rep_amount_88`, 0) as `rep_amount_88_88`, `stg_covenant_history`.`src_reference_89`, cast(`stg_covenant_history`.`covenant_fee_90` as decimal(18,2)) as `covenant_fee_90`, date_format(`stg_covenant_history`.`covenant_booking_91`, 'yyyy-MM') as `covenant_booking_91_91`, `stg_covenant_history`.`covenant_total_92`, if((`stg_covenant_history`.`src_label_492` is null), 'unknown', `stg_covenant_history`.`covenant_code_93`) as `covenant_code_93`, cast(`stg_covenant_history`.`src_fee_94` as decimal(18,2)) as `src_fee_94_94`, `stg_covenant_history`.`src_channel_95`, if((`stg_covenant_history`.`covenant_type_464` is null), 'unknown', `stg_covenant_history`.`src_class_96`) as `src_class_96_96`, upper(trim(`stg_covenant_history`.`rep_category_97`)) as `rep_category_97_97`, `stg_covenant_history`.`src_category_98`, nvl(`stg_covenant_history`.`rep_rate_99`, 0) as `rep_rate_99_99`, `stg_covenant_history`.`rep_name_100`, (`stg_covenant_history`.`rep_amount_101` * (1 - nvl(`stg_covenant_history`.`rep_amount_88`, 0))) as `rep_amount_101`, `stg_covenant_history`.`src_channel_102`, substr(`stg_covenant_history`.`src_owner_103`, 1, 4) as `src_owner_103_103`, `stg_covenant_history`.`covenant_name_104`, nvl(`stg_covenant_history`.`src_reference_105`, 'n/a') as `src_reference_105`, `stg_covenant_history`.`rep_code_106`, substr(`stg_covenant_history`.`rep_type_107`, 1, 4) as `rep_type_107_107`, nvl(`stg_covenant_history`.`rep_flag_108`, 'n/a') as `rep_flag_108_108`, `stg_covenant_history`.`covenant_source_109`, `stg_covenant_history`.`covenant_total_110`, `stg_covenant_history`.`src_channel_111`, `stg_covenant_history`.`rep_balance_112`, if((`stg_covenant_history`.`covenant_code_376` is null), 'unknown', `stg_covenant_history`.`rep_status_113`) as `rep_status_113`, `stg_covenant_history`.`rep_category_114`, `stg_covenant_history`.`covenant_source_115`, CASE WHEN (`stg_covenant_history`.`rep_source_24` = 'A') THEN `stg_covenant_history`.`rep_amount_116` WHEN (`stg_covenant_history`.`src_category_98` in ('B', 'C')) THEN `stg_covenant_history`.`covenant_rate_175` ELSE 0 END as `rep_amount_116`, CASE WHEN (`stg_covenant_history`.`rep_owner_268` = 'A') THEN `stg_covenant_history`.`src_fee_117` WHEN (`stg_covenant_history`.`rep_group_384` in ('B', 'C')) THEN `stg_covenant_history`.`src_value_467` ELSE 0 END as `src_fee_117_117`, `stg_covenant_history`.`rep_balance_118`, `stg_covenant_history`.`src_class_119`, if((`stg_covenant_history`.`rep_owner_437` is null), 'unknown', `stg_covenant_history`.`covenant_source_120`) as `covenant_source_120`, nvl(`stg_covenant_history`.`covenant_source_121`, 'n/a') as `covenant_source_121`, CASE WHEN (`stg_covenant_history`.`rep_channel_122` = '1') THEN 'open' WHEN (`stg_covenant_history`.`rep_channel_122` = '2') THEN 'closed' WHEN (`stg_covenant_history`.`rep_channel_122` = '3') THEN 'in review; see note' ELSE `stg_covenant_history`.`rep_channel_122` END as `rep_channel_122_122`, `stg_covenant_history`.`src_group_123`, nvl(`stg_covenant_history`.`src_amount_124`, 0) as `src_amount_124_124`, concat_ws('-', `stg_covenant_history`.`src_channel_125`, `stg_covenant_history`.`rep_category_439`) as `src_channel_125_125`, `stg_covenant_history`.`src_balance_126`, concat_ws('-', `stg_covenant_history`.`covenant_label_127`, `stg_covenant_history`.`src_reference_327`) as `covenant_label_127_127`, `stg_covenant_history`.`src_category_128`, upper(trim(`stg_covenant_history`.`src_label_129`)) as `src_label_129`, nvl(`stg_covenant_history`.`src_share_130`, 0) as `src_share_130_130`, upper(trim(`stg_covenant_history`.`src_class_131`)) as `src_class_131_131`, `stg_covenant_history`.`covenant_source_132`, substr(`stg_covenant_history`.`rep_code_133`, 1, 4) as `rep_code_133_133`, `stg_covenant_history`.`covenant_reason_134`, `stg_covenant_history`.`rep_due_135`, if((`stg_covenant_history`.`covenant_reference_297` is null), 'unknown', `stg_covenant_history`.`src_code_136`) as `src_code_136_136`, substr(`stg_covenant_history`.`src_source_137`, 1, 4) as `src_source_137_137`, nvl(`stg_covenant_history`.`rep_type_138`, 'n/a') as `rep_type_138`, `stg_covenant_history`.`rep_class_139`, `stg_covenant_history`.`covenant_class_140`, substr(`stg_covenant_history`.`covenant_status_141`, 1, 4) as `covenant_status_141_141`, if((`stg_covenant_history`.`covenant_source_109` is null), 'unknown', `stg_covenant_history`.`covenant_code_142`) as `covenant_code_142_142`, `stg_covenant_history`.`rep_reference_143`, CASE WHEN (`stg_covenant_history`.`rep_code_144` = '1') THEN 'open' WHEN (`stg_covenant_history`.`rep_code_144` = '2') THEN 'closed' WHEN (`stg_covenant_history`.`rep_code_144` = '3') THEN 'in review; see note' ELSE `stg_covenant_history`.`rep_code_144` END as `rep_code_144`, nvl(`stg_covenant_history`.`rep_name_145`, 'n/a') as `rep_name_145`, `stg_covenant_history`.`rep_source_146`, if((`stg_covenant_history`.`src_label_409` is null), 'unknown', `stg_covenant_history`.`covenant_status_147`) as `covenant_status_147_147`, if((`stg_covenant_history`.`rep_class_168` is null), 'unknown', `stg_covenant_history`.`covenant_category_148`) as `covenant_category_148_148`, cast(`stg_covenant_history`.`rep_fee_149` as decimal(18,2)) as `rep_fee_149`, cast(`stg_covenant_history`.`src_rate_150` as decimal(18,2)) as `src_rate_150`, concat_ws('-', `stg_covenant_history`.`rep_status_151`, `stg_covenant_history`.`covenant_category_358`) as `rep_status_151_151`, nvl(`stg_covenant_history`.`src_share_152`, 0) as `src_share_152_152`, `stg_covenant_history`.`covenant_score_153`, CASE WHEN (`stg_covenant_history`.`covenant_channel_154` = '1') THEN 'open' WHEN (`stg_covenant_history`.`covenant_channel_154` = '2') THEN 'closed' WHEN (`stg_covenant_history`.`covenant_channel_154` = '3') THEN 'in review; see note' ELSE `stg_covenant_history`.`covenant_channel_154` END as `covenant_channel_154_154`, `stg_covenant_history`.`rep_category_155`, `stg_covenant_history`.`rep_owner_156`, `stg_covenant_history`.`src_channel_157`, CASE WHEN (`stg_covenant_history`.`rep_code_352` = 'A') THEN `stg_covenant_history`.`covenant_balance_158` WHEN (`stg_covenant_history`.`covenant_group_281` in ('B', 'C')) THEN `stg_covenant_history`.`covenant_total_412` ELSE 0 END as `covenant_balance_158`, `stg_covenant_history`.`rep_category_159`, `stg_covenant_history`.`rep_owner_160`, cast(`stg_covenant_history`.`rep_weight_161` as decimal(18,2)) as `rep_weight_161_161`, `stg_covenant_history`.`rep_reference_162`, if((`stg_covenant_history`.`covenant_class_218` is null), 'unknown', `stg_covenant_history`.`src_group_163`) as `src_group_163_163`, `stg_covenant_history`.`src_score_164`, CASE WHEN (`stg_covenant_history`.`src_name_237` = 'A') THEN `stg_covenant_history`.`rep_total_165` WHEN (`stg_covenant_history`.`covenant_type_429` in ('B', 'C')) THEN `stg_covenant_history`.`rep_fee_181` ELSE 0 END as `rep_total_165_165`, CASE WHEN (`stg_covenant_history`.`covenant_type_78` = 'A') THEN `stg_covenant_history`.`src_total_166` WHEN (`stg_covenant_history`.`rep_type_49` in ('B', 'C')) THEN `stg_covenant_history`.`rep_score_407` ELSE 0 END as `src_total_166_166`, if((`stg_covenant_history`.`covenant_reference_297` is null), 'unknown', `stg_covenant_history`.`src_code_167`) as `src_code_167_167`, CASE WHEN (`stg_covenant_history`.`rep_class_168` = '1') THEN 'open' WHEN (`stg_covenant_history`.`rep_class_168` = '2') THEN 'closed' WHEN (`stg_covenant_history`.`rep_class_168` = '3') THEN 'in review; see note' ELSE `stg_covenant_history`.`rep_class_168` END as `rep_class_168_168`, CASE WHEN (`stg_covenant_history`.`src_flag_70` = 'A') THEN `stg_covenant_history`.`src_score_169` WHEN (`stg_covenant_history`.`rep_owner_236` in ('B', 'C')) THEN `stg_covenant_history`.`src_score_164` ELSE 0 END as `src_score_169_169`, `stg_covenant_history`.`covenant_type_170`, cast(`stg_covenant_history`.`rep_value_171` as decimal(18,2)) as `rep_value_171`, upper(trim(`stg_covenant_history`.`rep_source_172`)) as `rep_source_172`, `stg_covenant_history`.`src_fee_173`, cast(`stg_covenant_history`.`covenant_amount_174` as decimal(18,2)) as `covenant_amount_174`, `stg_covenant_history`.`covenant_rate_175`, `stg_covenant_history`.`rep_value_176`, concat_ws('-', `stg_covenant_history`.`src_group_177`, `stg_covenant_history`.`rep_source_24`) as `src_group_177_177`, if((`stg_covenant_history`.`src_status_280` is null), 'unknown', `stg_covenant_history`.`covenant_category_178`) as `covenant_category_178`, concat_ws('-', `stg_covenant_history`.`covenant_reference_179`, `stg_covenant_history`.`src_reference_89`) as `covenant_reference_179_179`, `stg_covenant_history`.`rep_reference_180`, cast(`stg_covenant_history`.`rep_fee_181` as decimal(18,2)) as `rep_fee_181_181`, cast(`stg_covenant_history`.`covenant_fee_182` as decimal(18,2)) as `covenant_fee_182_182`, upper(trim(`stg_covenant_history`.`src_reason_183`)) as `src_reason_183`, `stg_covenant_history`.`covenant_group_184`, `stg_covenant_history`.`rep_owner_185`, upper(trim(`stg_covenant_history`.`covenant_channel_186`)) as `covenant_channel_186_186`, CASE WHEN (`stg_covenant_history`.`covenant_group_187` = '1') THEN 'open' WHEN (`stg_covenant_history`.`covenant_group_187` = '2') THEN 'closed' WHEN (`stg_covenant_history`.`covenant_group_187` = '3') THEN 'in review; see note' ELSE `stg_covenant_history`.`covenant_group_187` END as `covenant_group_187`, upper(trim(`stg_covenant_history`.`rep_flag_188`)) as `rep_flag_188_188`, nvl(`stg_covenant_history`.`src_reason_189`, 'n/a') as `src_reason_189_189`, `stg_covenant_history`.`src_valuation_190`, `stg_covenant_history`.`src_owner_191`, concat_ws('-', `stg_covenant_history`.`covenant_flag_192`, `stg_covenant_history`.`rep_flag_340`) as `covenant_flag_192`, if((`stg_covenant_history`.`covenant_label_466` is null), 'unknown', `stg_covenant_history`.`src_reason_193`) as `src_reason_193_193`, months_between(current_date(), `stg_covenant_history`.`covenant_start_194`) as `covenant_start_194`, substr(`stg_covenant_history`.`src_status_195`, 1, 4) as `src_status_195`, nvl(`stg_covenant_history`.`rep_class_196`, 'n/a') as `rep_class_196`, to_date(`stg_covenant_history`.`covenant_review_197`) as `covenant_review_197`, substr(`stg_covenant_history`.`rep_name_198`, 1, 4) as `rep_name_198_198`, months_between(current_date(), `stg_covenant_history`.`covenant_review_199`) as `covenant_review_199`, substr(`stg_covenant_history`.`covenant_category_200`, 1, 4) as `covenant_category_200_200`, substr(`stg_covenant_history`.`covenant_reason_201`, 1, 4) as `covenant_reason_201`, `stg_covenant_history`.`src_category_202`, nvl(`stg_covenant_history`.`src_group_203`, 'n/a') as `src_group_203`, CASE WHEN (`stg_covenant_history`.`covenant_type_204` = '1') THEN 'open' WHEN (`stg_covenant_history`.`covenant_type_204` = '2') THEN 'closed' WHEN (`stg_covenant_history`.`covenant_type_204` = '3') THEN 'in review; see note' ELSE `stg_covenant_history`.`covenant_type_204` END as `covenant_type_204_204`, upper(trim(`stg_covenant_history`.`src_owner_205`)) as `src_owner_205_205`, `stg_covenant_history`.`src_reference_206`, CASE WHEN (`stg_covenant_history`.`rep_class_207` = '1') THEN 'open' WHEN (`stg_covenant_history`.`rep_class_207` = '2') THEN 'closed' WHEN (`stg_covenant_history`.`rep_class_207` = '3') THEN 'in review; see note' ELSE `stg_covenant_history`.`rep_class_207` END as `rep_class_207_207`, (`stg_covenant_history`.`covenant_balance_208` * (1 - nvl(`stg_covenant_history`.`src_fee_366`, 0))) as `covenant_balance_208`, (`stg_covenant_history`.`rep_rate_209` * (1 - nvl(`stg_covenant_history`.`rep_balance_112`, 0))) as `rep_rate_209_209`, concat_ws('-', `stg_covenant_history`.`src_status_210`, `stg_covenant_history`.`src_owner_205`) as `src_status_210_210`, nvl(`stg_covenant_history`.`covenant_balance_211`, 0) as `covenant_balance_211_211`, if((`stg_covenant_history`.`rep_reference_162` is null), 'unknown', `stg_covenant_history`.`rep_status_212`) as `rep_status_212_212`, `stg_covenant_history`.`rep_group_213`, `stg_covenant_history`.`rep_group_214`, concat_ws('-', `stg_covenant_history`.`rep_code_215`, `stg_covenant_history`.`rep_type_283`) as `rep_code_215`, `stg_covenant_history`.`rep_due_216`, `stg_covenant_history`.`src_channel_217`, `stg_covenant_history`.`covenant_class_218`, concat_ws('-', `stg_covenant_history`.`rep_type_219`, `stg_covenant_history`.`src_status_382`) as `rep_type_219`, `stg_covenant_history`.`covenant_group_220`, if((`stg_covenant_history`.`src_group_342` is null), 'unknown', `stg_covenant_history`.`src_reference_221`) as `src_reference_221`, `stg_covenant_history`.`covenant_score_222`, `stg_covenant_history`.`rep_channel_223`, cast(`stg_covenant_history`.`covenant_total_224` as decimal(18,2)) as `covenant_total_224`, substr(`stg_covenant_history`.`src_channel_225`, 1, 4) as `src_channel_225`, upper(trim(`stg_covenant_history`.`src_type_226`)) as `src_type_226_226`, cast(`stg_covenant_history`.`src_fee_227` as decimal(18,2)) as `src_fee_227_227`, nvl(`stg_covenant_history`.`covenant_owner_228`, 'n/a') as `covenant_owner_228`, nvl(`stg_covenant_history`.`src_score_229`, 0) as `src_score_229_229`, `stg_covenant_history`.`covenant_value_230`, date_format(`stg_covenant_history`.`src_end_231`, 'yyyy-MM') as `src_end_231`, if((`stg_covenant_history`.`covenant_group_307` is null), 'unknown', `stg_covenant_history`.`rep_reason_232`) as `rep_reason_232_232`, `stg_covenant_history`.`covenant_code_233`, nvl(`stg_covenant_history`.`covenant_name_234`, 'n/a') as `covenant_name_234_234`, `stg_covenant_history`.`covenant_end_235`, if((`stg_covenant_history`.`rep_label_51` is null), 'unknown', `stg_covenant_history`.`rep_owner_236`) as `rep_owner_236`, substr(`stg_covenant_history`.`src_name_237`, 1, 4) as `src_name_237`, if((`stg_covenant_history`.`covenant_reference_75` is null), 'unknown', `stg_covenant_history`.`rep_category_238`) as `rep_category_238_238`, upper(trim(`stg_covenant_history`.`src_flag_239`)) as `src_flag_239`, `stg_covenant_history`.`rep_channel_240`, nvl(`stg_covenant_history`.`rep_amount_241`, 0) as `rep_amount_241_241`, nvl(`stg_covenant_history`.`covenant_balance_242`, 0) as `covenant_balance_242_242`, (`stg_covenant_history`.`src_amount_243` * (1 - nvl(`stg_covenant_history`.`covenant_balance_270`, 0))) as `src_amount_243`, upper(trim(`stg_covenant_history`.`covenant_channel_244`)) as `covenant_channel_244_244`, (`stg_covenant_history`.`covenant_balance_245` * (1 - nvl(`stg_covenant_history`.`src_total_509`, 0))) as `covenant_balance_245_245`, `stg_covenant_history`.`src_value_246`, cast(`stg_covenant_history`.`covenant_amount_247` as decimal(18,2)) as `covenant_amount_247_247`, substr(`stg_covenant_history`.`covenant_type_248`, 1, 4) as `covenant_type_248`, `stg_covenant_history`.`src_flag_249`, `stg_covenant_history`.`covenant_source_250`, concat_ws('-', `stg_covenant_history`.`covenant_label_251`, `stg_covenant_history`.`covenant_name_104`) as `covenant_label_251_251`, `stg_covenant_history`.`covenant_booking_252`, nvl(`stg_covenant_history`.`rep_class_253`, 'n/a') as `rep_class_253_253`, if((`stg_covenant_history`.`src_type_469` is null), 'unknown', `stg_covenant_history`.`rep_name_254`) as `rep_name_254`, `stg_covenant_history`.`rep_name_255`, nvl(`stg_covenant_history`.`covenant_balance_256`, 0) as `covenant_balance_256`, substr(`stg_covenant_history`.`covenant_type_257`, 1, 4) as `covenant_type_257`, `stg_covenant_history`.`covenant_label_258`, nvl(`stg_covenant_history`.`src_rate_259`, 0) as `src_rate_259`, substr(`stg_covenant_history`.`covenant_reference_260`, 1, 4) as `covenant_reference_260_260`, `stg_covenant_history`.`src_code_261`, (`stg_covenant_history`.`covenant_weight_262` * (1 - nvl(`stg_covenant_history`.`covenant_score_493`, 0))) as `covenant_weight_262`, CASE WHEN (`stg_covenant_history`.`src_status_263` = '1') THEN 'open' WHEN (`stg_covenant_history`.`src_status_263` = '2') THEN 'closed' WHEN (`stg_covenant_history`.`src_status_263` = '3') THEN 'in review; see note' ELSE `stg_covenant_history`.`src_status_263` END as `src_status_263_263`, date_format(`stg_covenant_history`.`rep_due_264`, 'yyyy-MM') as `rep_due_264`, `stg_covenant_history`.`rep_balance_265`, `stg_covenant_history`.`rep_type_266`, `stg_covenant_history`.`src_amount_267`, substr(`stg_covenant_history`.`rep_owner_268`, 1, 4) as `rep_owner_268_268`, concat_ws('-', `stg_covenant_history`.`src_status_269`, `stg_covenant_history`.`covenant_id`) as `src_status_269_269`, `stg_covenant_history`.`covenant_balance_270`, `stg_covenant_history`.`rep_weight_271`, CASE WHEN (`stg_covenant_history`.`covenant_flag_272` = '1') THEN 'open' WHEN (`stg_covenant_history`.`covenant_flag_272` = '2') THEN 'closed' WHEN (`stg_covenant_history`.`covenant_flag_272` = '3') THEN 'in review; see note' ELSE `stg_covenant_history`.`covenant_flag_272` END as `covenant_flag_272_272`, `stg_covenant_history`.`rep_category_273`, upper(trim(`stg_covenant_history`.`covenant_class_274`)) as `covenant_class_274`, date_format(`stg_covenant_history`.`rep_end_275`, 'yyyy-MM') as `rep_end_275`, CASE WHEN (`stg_covenant_history`.`rep_owner_334` = 'A') THEN `stg_covenant_history`.`covenant_total_276` WHEN (`stg_covenant_history`.`covenant_status_141` in ('B', 'C')) THEN `stg_covenant_history`.`covenant_fee_90` ELSE 0 END as `covenant_total_276_276`, CASE WHEN (`stg_covenant_history`.`rep_source_325` = 'A') THEN `stg_covenant_history`.`covenant_weight_277` WHEN (`stg_covenant_history`.`src_label_409` in ('B', 'C')) THEN `stg_covenant_history`.`src_total_17` ELSE 0 END as `covenant_weight_277_277`, CASE WHEN (`stg_covenant_history`.`rep_name_278` = '1') THEN 'open' WHEN (`stg_covenant_history`.`rep_name_278` = '2') THEN 'closed' WHEN (`stg_covenant_history`.`rep_name_278` = '3') THEN 'in review; see note' ELSE `stg_covenant_history`.`rep_name_278` END as `rep_name_278_278`, `stg_covenant_history`.`src_name_279`, `stg_covenant_history`.`src_status_280`, concat_ws('-', `stg_covenant_history`.`covenant_group_281`, `stg_covenant_history`.`rep_source_172`) as `covenant_group_281_281`, nvl(`stg_covenant_history`.`src_value_282`, 0) as `src_value_282`, substr(`stg_covenant_history`.`rep_type_283`, 1, 4) as `rep_type_283`, upper(trim(`stg_covenant_history`.`rep_flag_284`)) as `rep_flag_284_284`, `stg_covenant_history`.`src_amount_285`, nvl(`stg_covenant_history`.`covenant_channel_286`, 'n/a') as `covenant_channel_286`, concat_ws('-', `stg_covenant_history`.`src_source_287`, `stg_covenant_history`.`src_channel_217`) as `src_source_287_287`, if((`stg_covenant_history`.`rep_reference_506` is null), 'unknown', `stg_covenant_history`.`covenant_channel_288`) as `covenant_channel_288`, `stg_covenant_history`.`covenant_code_289`, `stg_covenant_history`.`src_value_290`, nvl(`stg_covenant_history`.`rep_share_291`, 0) as `rep_share_291`, nvl(`stg_covenant_history`.`covenant_amount_292`, 0) as `covenant_amount_292`, concat_ws('-', `stg_covenant_history`.`src_group_293`, `stg_covenant_history`.`covenant_class_377`) as `src_group_293`, (`stg_covenant_history`.`covenant_fee_294` * (1 - nvl(`stg_covenant_history`.`src_total_166`, 0))) as `covenant_fee_294`, (`stg_covenant_history`.`src_value_295` * (1 - nvl(`stg_covenant_history`.`src_fee_23`, 0))) as `src_value_295_295`, nvl(`stg_covenant_history`.`covenant_weight_296`, 0) as `covenant_weight_296`, `stg_covenant_history`.`covenant_reference_297`, if((`stg_covenant_history`.`covenant_label_427` is null), 'unknown', `stg_covenant_history`.`covenant_label_298`) as `covenant_label_298_298`, nvl(`stg_covenant_history`.`rep_label_299`, 'n/a') as `rep_label_299`, CASE WHEN (`stg_covenant_history`.`covenant_channel_154` = 'A') THEN `stg_covenant_history`.`src_value_300` WHEN (`stg_covenant_history`.`rep_category_454` in ('B', 'C')) THEN `stg_covenant_history`.`src_value_300` ELSE 0 END as `src_value_300`, CASE WHEN (`stg_covenant_history`.`rep_type_138` = 'A') THEN `stg_covenant_history`.`src_amount_301` WHEN (`stg_covenant_history`.`covenant_status_511` in ('B', 'C')) THEN `stg_covenant_history`.`covenant_fee_36` ELSE 0 END as `src_amount_301_301`, if((`stg_covenant_history`.`src_owner_361` is null), 'unknown', `stg_covenant_history`.`src_class_302`) as `src_class_302`, (`stg_covenant_history`.`rep_rate_303` * (1 - nvl(`stg_covenant_history`.`covenant_score_153`, 0))) as `rep_rate_303`, CASE WHEN (`stg_covenant_history`.`covenant_group_519` = 'A') THEN `stg_covenant_history`.`src_amount_304` WHEN (`stg_covenant_history`.`rep_reference_506` in ('B', 'C')) THEN `stg_covenant_history`.`covenant_score_50` ELSE 0 END as `src_amount_304`, if((`stg_covenant_history`.`rep_group_305` is null), 'unknown', `stg_covenant_history`.`rep_group_305`) as `rep_group_305`, CASE WHEN (`stg_covenant_history`.`src_status_306` = '1') THEN 'open' WHEN (`stg_covenant_history`.`src_status_306` = '2') THEN 'closed' WHEN (`stg_covenant_history`.`src_status_306` = '3') THEN 'in review; see note' ELSE `stg_covenant_history`.`src_status_306` END as `src_status_306_306`, `stg_covenant_history`.`covenant_group_307`, substr(`stg_covenant_history`.`src_reason_308`, 1, 4) as `src_reason_308_308`, substr(`stg_covenant_history`.`covenant_label_309`, 1, 4) as `covenant_label_309_309`, if((`stg_covenant_history`.`src_name_237` is null), 'unknown', `stg_covenant_history`.`rep_name_310`) as `rep_name_310_310`, `stg_covenant_history`.`src_label_311`, if((`stg_covenant_history`.`src_owner_475` is null), 'unknown', `stg_covenant_history`.`src_name_312`) as `src_name_312_312`, if((`stg_covenant_history`.`src_group_177` is null), 'unknown', `stg_covenant_history`.`covenant_type_313`) as `covenant_type_313_313`, if((`stg_covenant_history`.`src_reason_308` is null), 'unknown', `stg_covenant_history`.`covenant_flag_314`) as `covenant_flag_314`, nvl(`stg_covenant_history`.`src_reason_315`, 'n/a') as `src_reason_315_315`, if((`stg_covenant_history`.`covenant_label_10` is null), 'unknown', `stg_covenant_history`.`src_reason_316`) as `src_reason_316_316`, `stg_covenant_history`.`covenant_label_317`, substr(`stg_covenant_history`.`src_source_318`, 1, 4) as `src_source_318_318`, `stg_covenant_history`.`covenant_balance_319`, substr(`stg_covenant_history`.`rep_label_320`, 1, 4) as `rep_label_320_320`, if((`stg_covenant_history`.`src_status_306` is null), 'unknown', `stg_covenant_history`.`src_group_321`) as `src_group_321_321`, nvl(`stg_covenant_history`.`src_class_322`, 'n/a') as `src_class_322`, to_date(`stg_covenant_history`.`src_review_323`) as `src_review_323_323`, `stg_covenant_history`.`src_share_324`, `stg_covenant_history`.`rep_source_325`, concat_ws('-', `stg_covenant_history`.`src_reason_326`, `stg_covenant_history`.`rep_type_283`) as `src_reason_326`, `stg_covenant_history`.`src_reference_327`, nvl(`stg_covenant_history`.`covenant_owner_328`, 'n/a') as `covenant_owner_328_328`, if((`stg_covenant_history`.`rep_channel_420` is null), 'unknown', `stg_covenant_history`.`src_reason_329`) as `src_reason_329_329`, concat_ws('-', `stg_covenant_history`.`src_reference_330`, `stg_covenant_history`.`src_flag_418`) as `src_reference_330_330`, CASE WHEN (`stg_covenant_history`.`rep_name_331` = '1') THEN 'open' WHEN (`stg_covenant_history`.`rep_name_331` = '2') THEN 'closed' WHEN (`stg_covenant_history`.`rep_name_331` = '3') THEN 'in review; see note' ELSE `stg_covenant_history`.`rep_name_331` END as `rep_name_331_331`, nvl(`stg_covenant_history`.`covenant_category_332`, 'n/a') as `covenant_category_332_332`, substr(`stg_covenant_history`.`covenant_channel_333`, 1, 4) as `covenant_channel_333_333`, `stg_covenant_history`.`rep_owner_334`, (`stg_covenant_history`.`rep_share_335` * (1 - nvl(`stg_covenant_history`.`src_score_483`, 0))) as `rep_share_335_335`, CASE WHEN (`stg_covenant_history`.`rep_channel_240` = 'A') THEN `stg_covenant_history`.`covenant_rate_336` WHEN (`stg_covenant_history`.`rep_class_66` in ('B', 'C')) THEN `stg_covenant_history`.`src_value_380` ELSE 0 END as `covenant_rate_336`, if((`stg_covenant_history`.`covenant_source_516` is null), 'unknown', `stg_covenant_history`.`covenant_source_337`) as `covenant_source_337_337`, `stg_covenant_history`.`src_score_338`, `stg_covenant_history`.`rep_source_339`, CASE WHEN (`stg_covenant_history`.`rep_flag_340` = '1') THEN 'open' WHEN (`stg_covenant_history`.`rep_flag_340` = '2') THEN 'closed' WHEN (`stg_covenant_history`.`rep_flag_340` = '3') THEN 'in review; see note' ELSE `stg_covenant_history`.`rep_flag_340` END as `rep_flag_340`, `stg_covenant_history`.`rep_amount_341`, `stg_covenant_history`.`src_group_342`, CASE WHEN (`stg_covenant_history`.`src_reason_343` = '1') THEN 'open' WHEN (`stg_covenant_history`.`src_reason_343` = '2') THEN 'closed' WHEN (`stg_covenant_history`.`src_reason_343` = '3') THEN 'in review; see note' ELSE `stg_covenant_history`.`src_reason_343` END as `src_reason_343_343`, nvl(`stg_covenant_history`.`covenant_weight_344`, 0) as `covenant_weight_344`, substr(`stg_covenant_history`.`src_code_345`, 1, 4) as `src_code_345_345`, nvl(`stg_covenant_history`.`rep_class_346`, 'n/a') as `rep_class_346`, if((`stg_covenant_history`.`src_status_382` is null), 'unknown', `stg_covenant_history`.`rep_type_347`) as `rep_type_347`, `stg_covenant_history`.`rep_fee_348`, (`stg_covenant_history`.`covenant_share_349` * (1 - nvl(`stg_covenant_history`.`covenant_balance_256`, 0))) as `covenant_share_349`, (`stg_covenant_history`.`rep_value_350` * (1 - nvl(`stg_covenant_history`.`src_fee_23`, 0))) as `rep_value_350`, nvl(`stg_covenant_history`.`covenant_source_351`, 'n/a') as `covenant_source_351`, if((`stg_covenant_history`.`rep_class_253` is null), 'unknown', `stg_covenant_history`.`rep_code_352`) as `rep_code_352_352`, concat_ws('-', `stg_covenant_history`.`rep_label_353`, `stg_covenant_history`.`src_name_237`) as `rep_label_353_353`, substr(`stg_covenant_history`.`src_reason_354`, 1, 4) as `src_reason_354`, upper(trim(`stg_covenant_history`.`src_type_355`)) as `src_type_355`, concat_ws('-', `stg_covenant_history`.`rep_owner_356`, `stg_covenant_history`.`rep_owner_185`) as `rep_owner_356`, months_between(current_date(), `stg_covenant_history`.`covenant_review_357`) as `covenant_review_357`, substr(`stg_covenant_history`.`covenant_category_358`, 1, 4) as `covenant_category_358_358`, nvl(`stg_covenant_history`.`rep_status_359`, 'n/a') as `rep_status_359_359`, CASE WHEN (`stg_covenant_history`.`src_class_360` = '1') THEN 'open' WHEN (`stg_covenant_history`.`src_class_360` = '2') THEN 'closed' WHEN (`stg_covenant_history`.`src_class_360` = '3') THEN 'in review; see note' ELSE `stg_covenant_history`.`src_class_360` END as `src_class_360`, `stg_covenant_history`.`src_owner_361`, nvl(`stg_covenant_history`.`src_rate_362`, 0) as `src_rate_362`, upper(trim(`stg_covenant_history`.`covenant_reason_363`)) as `covenant_reason_363_363`, nvl(`stg_covenant_history`.`rep_total_364`, 0) as `rep_total_364_364`, substr(`stg_covenant_history`.`covenant_category_365`, 1, 4) as `covenant_category_365`, `stg_covenant_history`.`src_fee_366`, upper(trim(`stg_covenant_history`.`src_type_367`)) as `src_type_367_367`, `stg_covenant_history`.`covenant_type_368`, CASE WHEN (`stg_covenant_history`.`covenant_code_369` = '1') THEN 'open' WHEN (`stg_covenant_history`.`covenant_code_369` = '2') THEN 'closed' WHEN (`stg_covenant_history`.`covenant_code_369` = '3') THEN 'in review; see note' ELSE `stg_covenant_history`.`covenant_code_369` END as `covenant_code_369_369`, nvl(`stg_covenant_history`.`rep_rate_370`, 0) as `rep_rate_370`, `stg_covenant_history`.`rep_status_371`, if((`stg_covenant_history`.`covenant_channel_154` is null), 'unknown', `stg_covenant_history`.`covenant_label_372`) as `covenant_label_372_372`, nvl(`stg_covenant_history`.`covenant_category_373`, 'n/a') as `covenant_category_373`, `stg_covenant_history`.`rep_rate_374`, nvl(`stg_covenant_history`.`covenant_category_375`, 'n/a') as `covenant_category_375_375`, `stg_covenant_history`.`covenant_code_376`, if((`stg_covenant_history`.`rep_flag_452` is null), 'unknown', `stg_covenant_history`.`covenant_class_377`) as `covenant_class_377_377`, if((`stg_covenant_history`.`covenant_channel_76` is null), 'unknown', `stg_covenant_history`.`src_name_378`) as `src_name_378_378`, upper(trim(`stg_covenant_history`.`covenant_class_379`)) as `covenant_class_379_379`, `stg_covenant_history`.`src_value_380`, substr(`stg_covenant_history`.`covenant_code_381`, 1, 4) as `covenant_code_381_381`, if((`stg_covenant_history`.`covenant_owner_399` is null), 'unknown', `stg_covenant_history`.`src_status_382`) as `src_status_382_382`, nvl(`stg_covenant_history`.`covenant_status_383`, 'n/a') as `covenant_status_383_383`, `stg_covenant_history`.`rep_group_384`, months_between(current_date(), `stg_covenant_history`.`covenant_valuation_385`) as `covenant_valuation_385`, `stg_covenant_history`.`src_reason_386`, `stg_covenant_history`.`covenant_group_387`, substr(`stg_covenant_history`.`covenant_channel_388`, 1, 4) as `covenant_channel_388_388`, `stg_covenant_history`.`src_reference_389`, if((`stg_covenant_history`.`src_class_96` is null), 'unknown', `stg_covenant_history`.`src_owner_390`) as `src_owner_390_390`, CASE WHEN (`stg_covenant_history`.`covenant_type_464` = 'A') THEN `stg_covenant_history`.`covenant_value_391` WHEN (`stg_covenant_history`.`covenant_category_373` in ('B', 'C')) THEN `stg_covenant_history`.`rep_total_436` ELSE 0 END as `covenant_value_391`, nvl(`stg_covenant_history`.`covenant_amount_392`, 0) as `covenant_amount_392`, substr(`stg_covenant_history`.`src_code_393`, 1, 4) as `src_code_393`, if((`stg_covenant_history`.`covenant_group_387` is null), 'unknown', `stg_covenant_history`.`covenant_reference_394`) as `covenant_reference_394`, `stg_covenant_history`.`rep_weight_395`, if((`stg_covenant_history`.`src_channel_102` is null), 'unknown', `stg_covenant_history`.`covenant_status_396`) as `covenant_status_396`, substr(`stg_covenant_history`.`rep_class_397`, 1, 4) as `rep_class_397_397`, substr(`stg_covenant_history`.`covenant_name_398`, 1, 4) as `covenant_name_398_398`, CASE WHEN (`stg_covenant_history`.`covenant_owner_399` = '1') THEN 'open' WHEN (`stg_covenant_history`.`covenant_owner_399` = '2') THEN 'closed' WHEN (`stg_covenant_history`.`covenant_owner_399` = '3') THEN 'in review; see note' ELSE `stg_covenant_history`.`covenant_owner_399` END as `covenant_owner_399_399`, concat_ws('-', `stg_covenant_history`.`covenant_category_400`, `stg_covenant_history`.`covenant_group_184`) as `covenant_category_400`, cast(`stg_covenant_history`.`covenant_fee_401` as decimal(18,2)) as `covenant_fee_401_401`, CASE WHEN (`stg_covenant_history`.`rep_label_402` = '1') THEN 'open' WHEN (`stg_covenant_history`.`rep_label_402` = '2') THEN 'closed' WHEN (`stg_covenant_history`.`rep_label_402` = '3') THEN 'in review; see note' ELSE `stg_covenant_history`.`rep_label_402` END as `rep_label_402_402`, `stg_covenant_history`.`rep_amount_403`, `stg_covenant_history`.`covenant_source_404`, `stg_covenant_history`.`src_reason_405`, CASE WHEN (`stg_covenant_history`.`covenant_code_68` = 'A') THEN `stg_covenant_history`.`covenant_fee_406` WHEN (`stg_covenant_history`.`rep_category_155` in ('B', 'C')) THEN `stg_covenant_history`.`covenant_weight_344` ELSE 0 END as `covenant_fee_406_406`, CASE WHEN (`stg_covenant_history`.`covenant_type_464` = 'A') THEN `stg_covenant_history`.`rep_score_407` WHEN (`stg_covenant_history`.`covenant_type_204` in ('B', 'C')) THEN `stg_covenant_history`.`src_balance_126` ELSE 0 END as `rep_score_407_407`, (`stg_covenant_history`.`src_score_408` * (1 - nvl(`stg_covenant_history`.`src_share_472`, 0))) as `src_score_408_408`, concat_ws('-', `stg_covenant_history`.`src_label_409`, `stg_covenant_history`.`rep_reference_38`) as `src_label_409_409`, `stg_covenant_history`.`covenant_channel_410`, `stg_covenant_history`.`src_closing_411`, cast(`stg_covenant_history`.`covenant_total_412` as decimal(18,2)) as `covenant_total_412_412`, (`stg_covenant_history`.`rep_amount_413` * (1 - nvl(`stg_covenant_history`.`covenant_value_230`, 0))) as `rep_amount_413_413`, `stg_covenant_history`.`rep_type_414`, substr(`stg_covenant_history`.`covenant_group_415`, 1, 4) as `covenant_group_415`, date_format(`stg_covenant_history`.`rep_booking_416`, 'yyyy-MM') as `rep_booking_416`, if((`stg_covenant_history`.`rep_type_347` is null), 'unknown', `stg_covenant_history`.`covenant_status_417`) as `covenant_status_417`, substr(`stg_covenant_history`.`src_flag_418`, 1, 4) as `src_flag_418_418`, substr(`stg_covenant_history`.`covenant_type_419`, 1, 4) as `covenant_type_419_419`, `stg_covenant_history`.`rep_channel_420`, upper(trim(`stg_covenant_history`.`covenant_name_421`)) as `covenant_name_421`, CASE WHEN (`stg_covenant_history`.`rep_channel_422` = '1') THEN 'open' WHEN (`stg_covenant_history`.`rep_channel_422` = '2') THEN 'closed' WHEN (`stg_covenant_history`.`rep_channel_422` = '3') THEN 'in review; see note' ELSE `stg_covenant_history`.`rep_channel_422` END as `rep_channel_422_422`, `stg_covenant_history`.`src_valuation_423`, cast(`stg_covenant_history`.`src_score_424` as decimal(18,2)) as `src_score_424_424`, substr(`stg_covenant_history`.`rep_name_425`, 1, 4) as `rep_name_425_425`, cast(`stg_covenant_history`.`rep_value_426` as decimal(18,2)) as `rep_value_426`, if((`stg_covenant_history`.`rep_name_254` is null), 'unknown', `stg_covenant_history`.`covenant_label_427`) as `covenant_label_427`, `stg_covenant_history`.`src_score_428`, nvl(`stg_covenant_history`.`covenant_type_429`, 'n/a') as `covenant_type_429`, `stg_covenant_history`.`covenant_code_430`, nvl(`stg_covenant_history`.`covenant_score_431`, 0) as `covenant_score_431`, if((`stg_covenant_history`.`src_reference_55` is null), 'unknown', `stg_covenant_history`.`rep_owner_432`) as `rep_owner_432_432`, CASE WHEN (`stg_covenant_history`.`covenant_category_433` = '1') THEN 'open' WHEN (`stg_covenant_history`.`covenant_category_433` = '2') THEN 'closed' WHEN (`stg_covenant_history`.`covenant_category_433` = '3') THEN 'in review; see note' ELSE `stg_covenant_history`.`covenant_category_433` END as `covenant_category_433`, CASE WHEN (`stg_covenant_history`.`covenant_type_434` = '1') THEN 'open' WHEN (`stg_covenant_history`.`covenant_type_434` = '2') THEN 'closed' WHEN (`stg_covenant_history`.`covenant_type_434` = '3') THEN 'in review; see note' ELSE `stg_covenant_history`.`covenant_type_434` END as `covenant_type_434_434`, `stg_covenant_history`.`covenant_code_435`, `stg_covenant_history`.`rep_total_436`, CASE WHEN (`stg_covenant_history`.`rep_owner_437` = '1') THEN 'open' WHEN (`stg_covenant_history`.`rep_owner_437` = '2') THEN 'closed' WHEN (`stg_covenant_history`.`rep_owner_437` = '3') THEN 'in review; see note' ELSE `stg_covenant_history`.`rep_owner_437` END as `rep_owner_437_437`, CASE WHEN (`stg_covenant_history`.`rep_flag_438` = '1') THEN 'open' WHEN (`stg_covenant_history`.`rep_flag_438` = '2') THEN 'closed' WHEN (`stg_covenant_history`.`rep_flag_438` = '3') THEN 'in review; see note' ELSE `stg_covenant_history`.`rep_flag_438` END as `rep_flag_438`, if((`stg_covenant_history`.`covenant_name_398` is null), 'unknown', `stg_covenant_history`.`rep_category_439`) as `rep_category_439_439`, upper(trim(`stg_covenant_history`.`src_category_440`)) as `src_category_440`, CASE WHEN (`stg_covenant_history`.`src_owner_441` = '1') THEN 'open' WHEN (`stg_covenant_history`.`src_owner_441` = '2') THEN 'closed' WHEN (`stg_covenant_history`.`src_owner_441` = '3') THEN 'in review; see note' ELSE `stg_covenant_history`.`src_owner_441` END as `src_owner_441_441`, nvl(`stg_covenant_history`.`covenant_value_442`, 0) as `covenant_value_442`, nvl(`stg_covenant_history`.`src_status_443`, 'n/a') as `src_status_443_443`, CASE WHEN (`stg_covenant_history`.`rep_reference_444` = '1') THEN 'open' WHEN (`stg_covenant_history`.`rep_reference_444` = '2') THEN 'closed' WHEN (`stg_covenant_history`.`rep_reference_444` = '3') THEN 'in review; see note' ELSE `stg_covenant_history`.`rep_reference_444` END as `rep_reference_444_444`, `stg_covenant_history`.`rep_amount_445`, if((`stg_covenant_history`.`src_owner_390` is null), 'unknown', `stg_covenant_history`.`covenant_flag_446`) as `covenant_flag_446_446`, if((`stg_covenant_history`.`covenant_code_289` is null), 'unknown', `stg_covenant_history`.`covenant_code_447`) as `covenant_code_447_447`, CASE WHEN (`stg_covenant_history`.`src_name_448` = '1') THEN 'open' WHEN (`stg_covenant_history`.`src_name_448` = '2') THEN 'closed' WHEN (`stg_covenant_history`.`src_name_448` = '3') THEN 'in review; see note' ELSE `stg_covenant_history`.`src_name_448` END as `src_name_448`, nvl(`stg_covenant_history`.`rep_channel_449`, 'n/a') as `rep_channel_449_449`, `stg_covenant_history`.`src_rate_450`, `stg_covenant_history`.`rep_share_451`, `stg_covenant_history`.`rep_flag_452`, nvl(`stg_covenant_history`.`src_flag_453`, 'n/a') as `src_flag_453`, substr(`stg_covenant_history`.`rep_category_454`, 1, 4) as `rep_category_454_454`, `stg_covenant_history`.`rep_rate_455`, substr(`stg_covenant_history`.`rep_code_456`, 1, 4) as `rep_code_456_456`, concat_ws('-', `stg_covenant_history`.`src_name_457`, `stg_covenant_history`.`covenant_label_317`) as `src_name_457_457`, nvl(`stg_covenant_history`.`covenant_reason_458`, 'n/a') as `covenant_reason_458`, if((`stg_covenant_history`.`src_owner_191` is null), 'unknown', `stg_covenant_history`.`rep_reference_459`) as `rep_reference_459`, nvl(`stg_covenant_history`.`covenant_group_460`, 'n/a') as `covenant_group_460_460`, upper(trim(`stg_covenant_history`.`rep_owner_461`)) as `rep_owner_461_461`, `stg_covenant_history`.`covenant_reason_462`, concat_ws('-', `stg_covenant_history`.`rep_reason_463`, `stg_covenant_history`.`rep_owner_498`) as `rep_reason_463`, concat_ws('-', `stg_covenant_history`.`covenant_type_464`, `stg_covenant_history`.`src_class_63`) as `covenant_type_464_464`, `stg_covenant_history`.`rep_class_465`, `stg_covenant_history`.`covenant_label_466`, (`stg_covenant_history`.`src_value_467` * (1 - nvl(`stg_covenant_history`.`rep_weight_395`, 0))) as `src_value_467_467`, `stg_covenant_history`.`covenant_group_468`, `stg_covenant_history`.`src_type_469`, `stg_covenant_history`.`covenant_channel_470`, nvl(`stg_covenant_history`.`covenant_reference_471`, 'n/a') as `covenant_reference_471`, cast(`stg_covenant_history`.`src_share_472` as decimal(18,2)) as `src_share_472`, upper(trim(`stg_covenant_history`.`src_category_473`)) as `src_category_473_473`, `stg_covenant_history`.`rep_class_474`, `stg_covenant_history`.`src_owner_475`, if((`stg_covenant_history`.`covenant_group_460` is null), 'unknown', `stg_covenant_history`.`src_class_476`) as `src_class_476`, CASE WHEN (`stg_covenant_history`.`rep_label_71` = 'A') THEN `stg_covenant_history`.`src_rate_477` WHEN (`stg_covenant_history`.`rep_source_24` in ('B', 'C')) THEN `stg_covenant_history`.`rep_rate_370` ELSE 0 END as `src_rate_477_477`, CASE WHEN (`stg_covenant_history`.`covenant_flag_478` = '1') THEN 'open' WHEN (`stg_covenant_history`.`covenant_flag_478` = '2') THEN 'closed' WHEN (`stg_covenant_history`.`covenant_flag_478` = '3') THEN 'in review; see note' ELSE `stg_covenant_history`.`covenant_flag_478` END as `covenant_flag_478`, CASE WHEN (`stg_covenant_history`.`covenant_status_495` = 'A') THEN `stg_covenant_history`.`src_rate_479` WHEN (`stg_covenant_history`.`covenant_code_381` in ('B', 'C')) THEN `stg_covenant_history`.`src_fee_60` ELSE 0 END as `src_rate_479_479`, (`stg_covenant_history`.`rep_rate_480` * (1 - nvl(`stg_covenant_history`.`src_rate_362`, 0))) as `rep_rate_480`, substr(`stg_covenant_history`.`covenant_class_481`, 1, 4) as `covenant_class_481_481`, CASE WHEN (`stg_covenant_history`.`rep_status_482` = '1') THEN 'open' WHEN (`stg_covenant_history`.`rep_status_482` = '2') THEN 'closed' WHEN (`stg_covenant_history`.`rep_status_482` = '3') THEN 'in review; see note' ELSE `stg_covenant_history`.`rep_status_482` END as `rep_status_482_482`, cast(`stg_covenant_history`.`src_score_483` as decimal(18,2)) as `src_score_483_483`, `stg_covenant_history`.`src_reason_484`, `stg_covenant_history`.`covenant_label_485`, concat_ws('-', `stg_covenant_history`.`src_flag_486`, `stg_covenant_history`.`src_reference_105`) as `src_flag_486`, `stg_covenant_history`.`src_code_487`, concat_ws('-', `stg_covenant_history`.`src_label_488`, `stg_covenant_history`.`covenant_group_468`) as `src_label_488`, if((`stg_covenant_history`.`src_name_378` is null), 'unknown', `stg_covenant_history`.`src_reference_489`) as `src_reference_489_489`, substr(`stg_covenant_history`.`covenant_reference_490`, 1, 4) as `covenant_reference_490_490`, `stg_covenant_history`.`src_review_491`, upper(trim(`stg_covenant_history`.`src_label_492`)) as `src_label_492`, (`stg_covenant_history`.`covenant_score_493` * (1 - nvl(`stg_covenant_history`.`rep_rate_303`, 0))) as `covenant_score_493_493`, concat_ws('-', `stg_covenant_history`.`src_group_494`, `stg_covenant_history`.`covenant_owner_228`) as `src_group_494_494`, `stg_covenant_history`.`covenant_status_495`, CASE WHEN (`stg_covenant_history`.`covenant_source_496` = '1') THEN 'open' WHEN (`stg_covenant_history`.`covenant_source_496` = '2') THEN 'closed' WHEN (`stg_covenant_history`.`covenant_source_496` = '3') THEN 'in review; see note' ELSE `stg_covenant_history`.`covenant_source_496` END as `covenant_source_496_496`, substr(`stg_covenant_history`.`src_code_497`, 1, 4) as `src_code_497_497`, `stg_covenant_history`.`rep_owner_498`, `stg_covenant_history`.`covenant_flag_499`, if((`stg_covenant_history`.`rep_reason_508` is null), 'unknown', `stg_covenant_history`.`covenant_group_500`) as `covenant_group_500`, CASE WHEN (`stg_covenant_history`.`rep_type_501` = '1') THEN 'open' WHEN (`stg_covenant_history`.`rep_type_501` = '2') THEN 'closed' WHEN (`stg_covenant_history`.`rep_type_501` = '3') THEN 'in review; see note' ELSE `stg_covenant_history`.`rep_type_501` END as `rep_type_501_501`, concat_ws('-', `stg_covenant_history`.`rep_name_502`, `stg_covenant_history`.`covenant_label_466`) as `rep_name_502_502`, CASE WHEN (`stg_covenant_history`.`covenant_reference_503` = '1') THEN 'open' WHEN (`stg_covenant_history`.`covenant_reference_503` = '2') THEN 'closed' WHEN (`stg_covenant_history`.`covenant_reference_503` = '3') THEN 'in review; see note' ELSE `stg_covenant_history`.`covenant_reference_503` END as `covenant_reference_503_503`, concat_ws('-', `stg_covenant_history`.`src_label_504`, `stg_covenant_history`.`rep_type_107`) as `src_label_504_504`, nvl(`stg_covenant_history`.`rep_score_505`, 0) as `rep_score_505_505`, `stg_covenant_history`.`rep_reference_506`, if((`stg_covenant_history`.`src_category_98` is null), 'unknown', `stg_covenant_history`.`covenant_source_507`) as `covenant_source_507_507`, nvl(`stg_covenant_history`.`rep_reason_508`, 'n/a') as `rep_reason_508`, `stg_covenant_history`.`src_total_509`, concat_ws('-', `stg_covenant_history`.`covenant_reason_510`, `stg_covenant_history`.`rep_source_146`) as `covenant_reason_510`, CASE WHEN (`stg_covenant_history`.`covenant_status_511` = '1') THEN 'open' WHEN (`stg_covenant_history`.`covenant_status_511` = '2') THEN 'closed' WHEN (`stg_covenant_history`.`covenant_status_511` = '3') THEN 'in review; see note' ELSE `stg_covenant_history`.`covenant_status_511` END as `covenant_status_511_511`, nvl(`stg_covenant_history`.`src_name_512`, 'n/a') as `src_name_512_512`, `stg_covenant_history`.`src_type_513`, upper(trim(`stg_covenant_history`.`covenant_status_514`)) as `covenant_status_514_514`, nvl(`stg_covenant_history`.`rep_value_515`, 0) as `rep_value_515`, nvl(`stg_covenant_history`.`covenant_source_516`, 'n/a') as `covenant_source_516_516`, nvl(`stg_covenant_history`.`covenant_amount_517`, 0) as `covenant_amount_517`, upper(trim(`stg_covenant_history`.`src_type_518`)) as `src_type_518`, upper(trim(`stg_covenant_history`.`covenant_group_519`)) as `covenant_group_519`, `stg_covenant_history`.`load_date` from `sgmisitstg`.`stg_covenant_history`;

CREATE TABLE `tmp_balance_snapshot`(
  `balance_id` string COMMENT 'key',
  `rep_type_1` string,
  `src_category_2` string,
  `rep_share_3` decimal(22,4),
  `rep_name_4` string,
  `src_reference_5` string,
  `rep_class_6` string,
  `src_name_7` string,
  `src_score_8` decimal(10,0),
  `src_label_9` string,
  `balance_share_10` decimal(18,2),
  `src_name_11` string,
  `src_type_12` string,
  `rep_owner_13` string COMMENT 'yyyy-MM-dd; empty where open',
  `rep_source_14` string,
  `src_channel_15` string,
  `src_name_16` string)
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
  'hdfs://warehouse.example:8020/warehouse/sgmisitetl.db/tmp_balance_snapshot'
TBLPROPERTIES (
  'numRows'='4571489',
  'transient_lastDdlTime'='1697286099');

CREATE EXTERNAL TABLE `tmp_payment_detail`(
  `payment_id` string COMMENT 'key',
  `payment_status_1` string,
  `src_category_2` string COMMENT 'from 2019 on',
  `rep_rate_3` decimal(22,4),
  `payment_due_4` date,
  `src_status_5` string,
  `src_name_6` string,
  `rep_amount_7` decimal(38,10),
  `rep_weight_8` decimal(38,10),
  `payment_weight_9` decimal(10,0),
  `rep_weight_10` decimal(38,10),
  `src_source_11` string,
  `rep_channel_12` string,
  `rep_balance_13` decimal(22,4),
  `rep_reference_14` string,
  `rep_rate_15` decimal(10,0),
  `payment_reason_16` string,
  `src_reason_17` string,
  `rep_owner_18` string,
  `payment_rate_19` decimal(22,4),
  `payment_status_20` string,
  `payment_group_21` string COMMENT 'yyyy-MM-dd; empty where open',
  `payment_tags` array<string>,
  `payment_limits` map<string,decimal(18,2)>,
  `payment_address` struct<street:string,zip:string,lines:array<string>>,
  `payment_active` boolean,
  `payment_ratio` float)
PARTITIONED BY (
  `load_date` string)
ROW FORMAT SERDE 
  'org.apache.hadoop.hive.ql.io.orc.OrcSerde' 
STORED AS INPUTFORMAT 
  'org.apache.hadoop.hive.ql.io.orc.OrcInputFormat' 
OUTPUTFORMAT 
  'org.apache.hadoop.hive.ql.io.orc.OrcOutputFormat'
LOCATION
  'hdfs://warehouse.example:8020/warehouse/sgmisitetl.db/tmp_payment_detail'
TBLPROPERTIES (
  'external.table.purge'='true',
  'numRows'='3407745',
  'transient_lastDdlTime'='1615796850');

CREATE EXTERNAL TABLE `tmp_account_link_1048`(
  `account_id` string COMMENT 'key',
  `rep_fee_1` decimal(10,0),
  `account_channel_2` string,
  `src_class_3` string,
  `rep_name_4` string,
  `rep_code_5` string,
  `rep_value_6` decimal(38,10),
  `rep_flag_7` string COMMENT 'share between 0 and 1',
  `src_source_8` string,
  `account_category_9` string,
  `account_channel_10` string,
  `src_label_11` string,
  `src_weight_12` decimal(22,4),
  `account_balance_13` decimal(38,10),
  `src_reference_14` varchar(40),
  `rep_owner_15` string,
  `src_name_16` string,
  `account_status_17` string,
  `src_fee_18` decimal(22,4),
  `rep_start_19` timestamp,
  `rep_share_20` double,
  `account_weight_21` decimal(18,2),
  `account_owner_22` string,
  `rep_class_23` string,
  `account_status_24` string,
  `account_group_25` string,
  `account_category_26` string,
  `account_class_27` string,
  `src_flag_28` string,
  `src_status_29` string,
  `account_channel_30` string)
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
  'hdfs://warehouse.example:8020/warehouse/sgmisitetl.db/tmp_account_link_1048'
TBLPROPERTIES (
  'numRows'='1724534',
  'transient_lastDdlTime'='1686477176');

CREATE VIEW `v1_history_407_001` AS select `a`.`src_review_3`,
substr(`a`.`rating_reason_4`, 1, 4) as `rating_reason_4_1`,
`a`.`src_source_7`,
(`a`.`rating_amount_13` * (1 - nvl(`a`.`src_balance_16`, 0))) as `rating_amount_13_3`,
CASE WHEN (`a`.`rep_name_26` = '1') THEN 'open' WHEN (`a`.`rep_name_26` = '2') THEN 'closed' WHEN (`a`.`rep_name_26` = '3') THEN 'in review; see note' ELSE `a`.`rep_name_26` END as `rep_name_26_4`,
substr(`a`.`rating_code_31`, 1, 4) as `rating_code_31`,
nvl(`a`.`src_reason_33`, 'n/a') as `src_reason_33`,
`a`.`src_weight_37`,
CASE WHEN (`tmp_payment_detail`.`segment_id` = 'A') THEN `tmp_payment_detail`.`src_value_4` WHEN (`tmp_payment_detail`.`rep_group_33` in ('B', 'C')) THEN `tmp_payment_detail`.`src_value_4` ELSE 0 END as `src_value_4`,
`tmp_payment_detail`.`rep_total_13`,
`tmp_payment_detail`.`rep_due_23`,
concat_ws('-', `tmp_payment_detail`.`src_reference_27`, `tmp_payment_detail`.`segment_id`) as `src_reference_27_11`,
concat_ws('-', `tmp_payment_detail`.`segment_type_31`, `tmp_payment_detail`.`rep_group_33`) as `segment_type_31_12`,
(`c`.`rep_rate_8` * (1 - nvl(`c`.`rep_fee_15`, 0))) as `rep_rate_8_13`,
`c`.`guarantor_reference_18`,
upper(trim(`c`.`src_class_23`)) as `src_class_23_15`,
cast(`c`.`rep_score_26` as decimal(18,2)) as `rep_score_26_16`
from `sgmisit`.`rating_history_407` `a`
LEFT OUTER JOIN `sgmisit`.`segment_monthly` `tmp_payment_detail` ON (`a`.`rating_id` = `tmp_payment_detail`.`segment_id`)
JOIN `sgmisitstg`.`stg_guarantor_monthly` `c` ON (`a`.`rating_id` = `c`.`guarantor_id`);

CREATE EXTERNAL TABLE `tmp_account_daily`(
  `account_id` string COMMENT 'key',
  `account_flag_1` string,
  `rep_group_2` string COMMENT 'the client\'s own value',
  `account_fee_3` decimal(38,10),
  `account_balance_4` decimal(38,10),
  `src_type_5` string,
  `account_group_6` string,
  `rep_channel_7` string,
  `src_owner_8` string,
  `rep_category_9` string,
  `src_group_10` string,
  `rep_group_11` string,
  `src_type_12` string,
  `account_total_13` decimal(10,0),
  `rep_reason_14` string,
  `src_reason_15` string,
  `account_name_16` string,
  `rep_reference_17` string,
  `rep_fee_18` bigint,
  `account_category_19` string,
  `rep_status_20` string,
  `src_total_21` decimal(10,0),
  `rep_weight_22` decimal(18,2),
  `account_type_23` string,
  `rep_due_24` date,
  `account_weight_25` decimal(22,4),
  `src_source_26` string COMMENT 'in units of the reporting currency',
  `account_class_27` string,
  `rep_share_28` decimal(38,10))
COMMENT 'the client\'s own value'
ROW FORMAT SERDE 
  'org.apache.hadoop.hive.hbase.HBaseSerDe' 
STORED BY 
  'org.apache.hadoop.hive.hbase.HBaseStorageHandler' 
WITH SERDEPROPERTIES ( 
  'hbase.columns.mapping'=':key,d:account_flag_1,d:rep_group_2,d:account_fee_3,d:account_balance_4,d:src_type_5,d:account_group_6,d:rep_channel_7,d:src_owner_8,d:rep_category_9,d:src_group_10,d:rep_group_11,d:src_type_12,d:account_total_13,d:rep_reason_14,d:src_reason_15,d:account_name_16,d:rep_reference_17,d:rep_fee_18,d:account_category_19,d:rep_status_20,d:src_total_21,d:rep_weight_22,d:account_type_23,d:rep_due_24,d:account_weight_25,d:src_source_26,d:account_class_27,d:rep_share_28', 
  'serialization.format'='1')
TBLPROPERTIES (
  'external.table.purge'='true',
  'numRows'='1950256',
  'transient_lastDdlTime'='1680916497');

CREATE VIEW `v1_daily_002` AS select `g`.`exposure_id`, `g`.`rep_label_5`, count(*) as `row_count`, sum(`g`.`rep_score_4`) as `total`, max(nvl(`g`.`rep_score_4`, 0)) as `largest`, sum(CASE WHEN (`g`.`src_code_11` = 'A') THEN `g`.`rep_score_4` ELSE 0 END) as `total_a`, count(distinct `g`.`src_code_11`) as `kinds`, collect_set(`g`.`src_code_11`) as `codes` from `sgmisit`.`exposure_daily` `g` group by `g`.`exposure_id`, `g`.`rep_label_5` having (count(`g`.`src_code_11`) > 1);

CREATE VIEW `v1_history_003` AS select nvl(`l`.`rep_reason_7`, 'n/a') as `rep_reason_7_0`, `l`.`rating_reference_8`, `l`.`rep_fee_16`, nvl(`l`.`rep_class_17`, 'n/a') as `rep_class_17_3`, nvl(`l`.`rep_reference_24`, 'n/a') as `rep_reference_24`, nvl(`l`.`src_weight_27`, 0) as `src_weight_27_5`, `items`.`item_key`, `items`.`item_value` from `sgmisit`.`rating_history` `l` LATERAL VIEW explode(`l`.`rating_limits`) `items` AS `item_key`, `item_value`;

CREATE VIEW `v1_history_004` AS select `latest`.`branch_id_0`,
`latest`.`branch_owner_2_1`,
`latest`.`src_total_3`,
`latest`.`branch_group_4_3`,
`latest`.`src_score_6`,
`latest`.`rep_code_7_5`,
`latest`.`rep_rate_8_6`,
`latest`.`rep_valuation_9`,
`latest`.`branch_channel_11`,
`latest`.`load_date`
from (select nvl(`branch_history`.`branch_id`, 'n/a') as `branch_id_0`,
upper(trim(`branch_history`.`branch_owner_2`)) as `branch_owner_2_1`,
`branch_history`.`src_total_3`,
concat_ws('-', `branch_history`.`branch_group_4`, `branch_history`.`branch_group_4`) as `branch_group_4_3`,
nvl(`branch_history`.`src_score_6`, 0) as `src_score_6`,
concat_ws('-', `branch_history`.`rep_code_7`, `branch_history`.`branch_id`) as `rep_code_7_5`,
(`branch_history`.`rep_rate_8` * (1 - nvl(`branch_history`.`src_total_3`, 0))) as `rep_rate_8_6`,
`branch_history`.`rep_valuation_9`,
`branch_history`.`branch_channel_11`,
`branch_history`.`load_date`,
row_number() over (partition by `branch_history`.`branch_id`) as `rn`
from `sgmisit`.`branch_history`) `latest`
where (`latest`.`rn` = 1);

CREATE VIEW `v1_client_snapshot_005` AS select 'current' as `origin`, `p0`.`client_id`, `p0`.`src_reference_13` as `text_value`, `p0`.`src_share_16` as `number_value` from `sgmisitstg`.`stg_client_snapshot` `p0` where (`p0`.`src_reference_13` <> '') UNION ALL select 'archive' as `origin`, `p1`.`region_id`, `p1`.`region_id` as `text_value`, `p1`.`unemployment_rate` as `number_value` from `sgmisit`.`region` `p1` where (`p1`.`region_id` <> '') UNION ALL select 'manual' as `origin`, `p2`.`region_id`, `p2`.`region_name` as `text_value`, `p2`.`unemployment_rate` as `number_value` from `sgmisit`.`region` `p2` where (`p2`.`region_name` <> '');

CREATE VIEW `v1_guarantor_monthly_006` AS select if((`x`.`rep_source_21` is null), 'unknown', `x`.`rep_reason_2`) as `rep_reason_2`, `x`.`src_owner_4`, `x`.`guarantor_share_9`, substr(`x`.`guarantor_group_20`, 1, 4) as `guarantor_group_20_3`, `x`.`rep_source_21`, nvl(`x`.`rep_share_22`, 0) as `rep_share_22`, nvl(`x`.`rep_share_24`, 0) as `rep_share_24_6`, `y`.`src_reference_5`, `y`.`balance_rate_7`, `y`.`balance_type_13`, `y`.`balance_rate_16`, `y`.`balance_share_18` from `sgmisitstg`.`stg_guarantor_monthly` `x`, `sgmisitstg`.`stg_balance_event` `y` where (`x`.`guarantor_id` = `y`.`balance_id` and `x`.`guarantor_id` is not null);

