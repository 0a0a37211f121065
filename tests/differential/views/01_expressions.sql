-- Expressions over one table.
CREATE VIEW e_identity AS SELECT `sale`.`sale_id`, `sale`.`price` AS `p`, `sale`.`price` FROM `sale`;
CREATE VIEW e_arithmetic AS SELECT price * quantity - discount AS net, -cost AS negative, (price + cost) / 2 AS mean FROM sale;
CREATE VIEW e_functions AS SELECT upper(trim(note)) AS u, substr(note, 1, 3) AS s, concat(note, '-', cast(sale_id AS string)) AS c, length(note) AS l FROM sale;
CREATE VIEW e_constants AS SELECT 1 AS one, 'x' AS letter, cast(NULL AS string) AS nothing, current_date() AS today, price FROM sale;
CREATE VIEW e_nvl AS SELECT nvl(discount, 0) AS a, coalesce(discount, cost, price) AS b, nvl2(discount, price, cost) AS c, ifnull(note, 'none') AS d, nullif(quantity, 0) AS e FROM sale;
CREATE VIEW e_case_searched AS SELECT CASE WHEN quantity > 10 THEN price WHEN discount IS NULL THEN cost ELSE list_price END AS chosen FROM sale JOIN item ON sale.item_id = item.item_id;
CREATE VIEW e_case_simple AS SELECT CASE sex WHEN 'f' THEN first_name WHEN 'm' THEN last_name END AS called FROM buyer;
CREATE VIEW e_case_nested AS SELECT CASE WHEN quantity > 1 THEN CASE WHEN price > 5 THEN discount ELSE cost END ELSE 0 END AS deep FROM sale;
CREATE VIEW e_case_constants AS SELECT CASE WHEN country = 'N' THEN 'north' ELSE 'south' END AS side FROM shop;
CREATE VIEW e_if AS SELECT if(quantity > 1, price, cost) AS a, if(note = 'x', 1, 0) AS b, if(price > 1, if(cost > 1, discount, 0), quantity) AS c FROM sale;
CREATE VIEW e_decode AS SELECT decode(region, 'a', first_name, 'b', last_name, email) AS d FROM buyer;
CREATE VIEW e_predicates AS SELECT price BETWEEN cost AND discount AS b, note LIKE 'a%' AS l, note RLIKE '^a' AS r, quantity IN (1, 2, 3) AS i, note IS NOT NULL AS n, NOT (quantity = 1 OR price > 2) AS o FROM sale;
CREATE VIEW e_dates AS SELECT months_between(current_date(), born) AS age, add_months(born, 6) AS half, date_format(born, 'yyyy-MM') AS month, datediff(born, '2000-01-01') AS days, year(born) AS y, date_add(born, 3) AS later, trunc(born, 'MM') AS first_day, to_date(born) AS d FROM buyer;
CREATE VIEW e_cast AS SELECT cast(price AS double) AS a, cast(sold_at AS date) AS b, cast(cast(note AS int) AS bigint) AS c FROM sale;
CREATE VIEW e_collections AS SELECT array(price, cost) AS a, map('p', price, note, cost) AS m, named_struct('x', price, 'y', quantity) AS s, struct(price, cost) AS t FROM sale;
CREATE VIEW e_access AS SELECT tags[0] AS t0, limits['max'] AS lm, maker.name AS mn, maker.address.city AS mc, item.maker.address.street AS ms, size(tags) AS n, map_keys(limits) AS k FROM item;
CREATE VIEW e_quoted AS SELECT `item`.`maker`.`name` AS `maker name`, `item`.`code` AS `select`, `item`.`brand` AS `größe` FROM `item`;
CREATE VIEW e_case_of_names AS SELECT SALE.PRICE AS A, Sale.Cost AS b, pRiCe AS c FROM Sale;
CREATE VIEW e_in_list AS SELECT CASE WHEN code IN ('a', 'b', 'c', 'd') THEN brand END AS x, color FROM item WHERE category IN ('p', 'q');
CREATE VIEW e_regex AS SELECT regexp_replace(email, '@.*', '') AS who, split(email, '@')[1] AS domain, regexp_extract(email, '(.*)@', 1) AS e FROM buyer;
CREATE VIEW e_comments AS SELECT /* price */ cost AS c, -- discount
 quantity AS q FROM sale -- WHERE price > 1
;
CREATE VIEW e_greatest AS SELECT greatest(price, cost, discount) AS g, least(price, 0) AS l, round(price, 1) AS r, abs(discount) AS a, price % 2 AS m FROM sale;
CREATE VIEW e_boolean AS SELECT holiday AND month_number = 1 AS a, NOT holiday AS b, (quarter = 1) = holiday AS c FROM day;
CREATE VIEW e_null_safe AS SELECT first_name <=> last_name AS same, first_name || last_name AS whole FROM buyer;
CREATE VIEW e_interval AS SELECT calendar_date + INTERVAL 1 DAY AS next, extract(month FROM calendar_date) AS m FROM day;
