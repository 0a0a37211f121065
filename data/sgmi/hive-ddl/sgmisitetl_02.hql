create database if not exists sgmisitetl LOCATION 'hdfs://warehouse.example:8020/warehouse/sgmisitetl.db';
use sgmisitetl;

CREATE VIEW `v2_client_snapshot_005_007` AS select `two`.`origin`, `two`.`origin_1_2`, `two`.`client_id_1`, `two`.`text_value_2`, `two`.`number_value_3`, `two`.`running_total` from (select `one`.`origin`, `one`.`origin_1_2`, `one`.`client_id_1`, `one`.`text_value_2`, `one`.`number_value_3`, sum(`one`.`number_value_3`) over (partition by `one`.`origin`) as `running_total` from (select `s`.`origin`, CASE WHEN (`s`.`origin` = '1') THEN 'open' WHEN (`s`.`origin` = '2') THEN 'closed' WHEN (`s`.`origin` = '3') THEN 'in review; see note' ELSE `s`.`origin` END as `origin_1_2`, nvl(`s`.`client_id`, 'n/a') as `client_id_1`, CASE WHEN (`s`.`text_value` = '1') THEN 'open' WHEN (`s`.`text_value` = '2') THEN 'closed' WHEN (`s`.`text_value` = '3') THEN 'in review; see note' ELSE `s`.`text_value` END as `text_value_2`, (`s`.`number_value` * (1 - nvl(`s`.`number_value`, 0))) as `number_value_3` from `v1_client_snapshot_005` `s` where (`s`.`origin` is not null)) `one`) `two` order by `two`.`origin`;

CREATE VIEW `v2_history_004_008` AS select `both`.`origin`, `both`.`branch_id_0`, max(`both`.`text_value`) as `last_text_value`, max(`both`.`number_value`) as `last_number_value` from (select 'u' as `origin`, `p0`.`branch_id_0`, `p0`.`rep_code_7_5` as `text_value`, `p0`.`rep_rate_8_6` as `number_value` from `v1_history_004` `p0` where (`p0`.`rep_code_7_5` <> '') UNION ALL select 'w' as `origin`, `p1`.`balance_id`, `p1`.`rep_channel_2` as `text_value`, `p1`.`src_share_6` as `number_value` from `sgmisitstg`.`stg_balance_event` `p1` where (`p1`.`rep_channel_2` <> '')) `both` group by `both`.`origin`, `both`.`branch_id_0`;

CREATE VIEW `v2_history_004_009` AS select if((`m`.`branch_id_0` is null), 'unknown', `m`.`branch_id_0`) as `branch_id_0`, upper(trim(`m`.`branch_owner_2_1`)) as `branch_owner_2_1_1`, `m`.`src_total_3`, substr(`m`.`branch_group_4_3`, 1, 4) as `branch_group_4_3_3`, cast(`m`.`src_score_6` as decimal(18,2)) as `src_score_6_4`, cast(`m`.`rep_rate_8_6` as decimal(18,2)) as `rep_rate_8_6`, date_format(`m`.`rep_valuation_9`, 'yyyy-MM') as `rep_valuation_9_6`, `m`.`branch_channel_11`, `m`.`load_date`, nvl(`sums`.`total`, 0) as `total` from `sgmisitetl`.`v1_history_004` `m` LEFT OUTER JOIN (select `d`.`account_id` as `join_key`, sum(`d`.`rep_total_14`) as `total` from `sgmisitstg`.`stg_account_link_502` `d` group by `d`.`account_id`) `sums` ON (`m`.`branch_id_0` = `sums`.`join_key`);

CREATE VIEW `v2_history_407_001_010` AS select `v1_history_407_001`.`src_review_3`,
nvl(`v1_history_407_001`.`rating_reason_4_1`, 'n/a') as `rating_reason_4_1_1`,
if((`v1_history_407_001`.`src_class_23_15` is null), 'unknown', `v1_history_407_001`.`src_source_7`) as `src_source_7`,
`v1_history_407_001`.`rating_amount_13_3`,
CASE WHEN (`v1_history_407_001`.`rep_name_26_4` = '1') THEN 'open' WHEN (`v1_history_407_001`.`rep_name_26_4` = '2') THEN 'closed' WHEN (`v1_history_407_001`.`rep_name_26_4` = '3') THEN 'in review; see note' ELSE `v1_history_407_001`.`rep_name_26_4` END as `rep_name_26_4_4`,
CASE WHEN (`v1_history_407_001`.`rating_code_31` = '1') THEN 'open' WHEN (`v1_history_407_001`.`rating_code_31` = '2') THEN 'closed' WHEN (`v1_history_407_001`.`rating_code_31` = '3') THEN 'in review; see note' ELSE `v1_history_407_001`.`rating_code_31` END as `rating_code_31`,
`v1_history_407_001`.`src_reason_33`,
`v1_history_407_001`.`src_weight_37`,
`v1_history_407_001`.`src_value_4`,
cast(`v1_history_407_001`.`rep_total_13` as decimal(18,2)) as `rep_total_13_9`,
to_date(`v1_history_407_001`.`rep_due_23`) as `rep_due_23_10`,
`v1_history_407_001`.`src_reference_27_11`,
`v1_history_407_001`.`segment_type_31_12`,
nvl(`v1_history_407_001`.`rep_rate_8_13`, 0) as `rep_rate_8_13_13`,
nvl(`v1_history_407_001`.`guarantor_reference_18`, 'n/a') as `guarantor_reference_18_14`,
nvl(`v1_history_407_001`.`src_class_23_15`, 'n/a') as `src_class_23_15`,
cast(`v1_history_407_001`.`rep_score_26_16` as decimal(18,2)) as `rep_score_26_16`
from `v1_history_407_001`
where (`v1_history_407_001`.`rating_reason_4_1` in ('183965', '680504', '021729', '822071', '093454', '935333', '795751', '579339', '590441', '991044', '699571', '796819', '551566', '110565', '696035', '913110', '466695', '105598', '554271', '577088', '567334', '020798', '172514', '714402', '453541', '047667', '765446', '801791', '109950', '998801', '360456', '557611', '358696', '684900', '643240', '869075', '621778', '001791', '593277', '272404', '932038', '465335', '550758', '884708', '705440', '508540', '399098', '902565', '861217', '639259', '897685', '051671', '678535', '760558', '288931', '356466', '641202', '797866', '355747', '208872', '333785', '212042', '993057', '874169', '617665', '792493', '043898', '365937', '943420', '228249', '332025', '415329', '462252', '898825', '031478', '974181', '905354', '772517', '425360', '198509', '323652', '537489', '901820', '188728', '849879', '700520', '790534', '846450', '577190', '440190', '087267', '346473', '861514', '174480', '452847', '252945', '459183', '035967', '726564', '200419', '605903', '451586', '665406', '214734', '155170', '722272', '548468', '267833', '901000', '573773', '605029', '464095', '506700', '277587', '985163', '687046', '810513', '064211', '222484', '604018', '664274', '079766', '855152', '651650', '172887', '289309', '094621', '098780', '194940', '672276', '649051', '429366', '190487', '944994', '418529', '443569', '223057', '977159', '489537', '136736', '184302', '114025', '360002', '146445', '010772', '081152', '890738', '536096', '027099', '677225', '142281', '835812', '266403', '014818', '602937', '774391', '444810', '969235', '643022', '267865', '767783', '297676', '660209', '284093', '486904', '991325', '346790', '418799', '724332', '701591', '992407', '016033', '744260', '681552', '165633', '804193', '406126', '371994', '535455', '458597', '576030', '645049'));

CREATE VIEW `v2_daily_002_011` AS select substr(`a`.`exposure_id`, 1, 4) as `exposure_id_0`,
upper(trim(`a`.`rep_label_5`)) as `rep_label_5_1`,
nvl(`a`.`row_count`, 0) as `row_count`,
(`a`.`total` * (1 - nvl(`a`.`row_count`, 0))) as `total_3`,
`a`.`largest`,
CASE WHEN (`a`.`rep_label_5` = 'A') THEN `a`.`total_a` WHEN (`a`.`rep_label_5` in ('B', 'C')) THEN `a`.`kinds` ELSE 0 END as `total_a_5`,
nvl(`a`.`kinds`, 0) as `kinds_6`,
`a`.`codes`,
`stg_client_snapshot`.`rep_balance_2`,
`stg_client_snapshot`.`src_code_4`,
CASE WHEN (`stg_client_snapshot`.`src_reason_31` = 'A') THEN `stg_client_snapshot`.`src_amount_16` WHEN (`stg_client_snapshot`.`payment_category_22` in ('B', 'C')) THEN `stg_client_snapshot`.`rep_share_9` ELSE 0 END as `src_amount_16_10`,
cast(`stg_client_snapshot`.`payment_fee_19` as decimal(18,2)) as `payment_fee_19_11`,
substr(`stg_client_snapshot`.`src_reason_30`, 1, 4) as `src_reason_30`,
nvl(`c`.`outcome_id`, 'n/a') as `outcome_id`,
`c`.`cutoff_date`,
`c`.`known_date`,
`c`.`downgraded`
from `sgmisitetl`.`v1_daily_002` `a`
LEFT OUTER JOIN `sgmisitstg`.`stg_payment_event` `stg_client_snapshot` ON (`a`.`exposure_id` = `stg_client_snapshot`.`payment_id`)
JOIN `sgmisit`.`facility_outcome` `c` ON (`a`.`exposure_id` = `c`.`outcome_id`);

CREATE VIEW `v2_history_407_001_012` AS select `g`.`rating_reason_4_1`,
`g`.`guarantor_reference_18`,
count(*) as `row_count`,
sum(`g`.`rating_amount_13_3`) as `total`,
max(nvl(`g`.`rating_amount_13_3`, 0)) as `largest`,
sum(CASE WHEN (`g`.`src_source_7` = 'A') THEN `g`.`rating_amount_13_3` ELSE 0 END) as `total_a`,
count(distinct `g`.`src_source_7`) as `kinds`,
collect_set(`g`.`src_source_7`) as `codes`
from `sgmisitetl`.`v1_history_407_001` `g`
group by `g`.`rating_reason_4_1`, `g`.`guarantor_reference_18`
having (count(`g`.`src_source_7`) > 1);

CREATE VIEW `v2_client_snapshot_005_013` AS select `l`.`rep_score_2`,
`l`.`payment_group_5`,
`l`.`src_review_9`,
substr(`l`.`src_owner_13`, 1, 4) as `src_owner_13_3`,
concat_ws('-', `l`.`src_source_17`, `l`.`payment_owner_15`) as `src_source_17`,
CASE WHEN (`l`.`load_date` = '1') THEN 'open' WHEN (`l`.`load_date` = '2') THEN 'closed' WHEN (`l`.`load_date` = '3') THEN 'in review; see note' ELSE `l`.`load_date` END as `load_date_5`,
`items`.`item`
from `sgmisit`.`payment_monthly` `l`
LATERAL VIEW explode(`l`.`payment_tags`) `items` AS `item`;

