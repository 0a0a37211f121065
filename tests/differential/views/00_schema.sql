-- A small star schema of a made-up chain of shops, in Hive's types.
CREATE TABLE sale (sale_id bigint, day_id int, shop_id int, item_id int, buyer_id int, promo_id int, quantity int, price decimal(10,2), discount decimal(10,2), cost decimal(10,2), sold_at timestamp, note string);
CREATE TABLE refund (refund_id bigint, sale_id bigint, day_id int, item_id int, quantity int, amount decimal(10,2), reason string);
CREATE TABLE day (day_id int, calendar_date date, month_number int, quarter int, year_number int, day_name string, holiday boolean);
CREATE TABLE shop (shop_id int, name string, city string, country string, opened date, area double, manager string);
CREATE TABLE item (item_id int, code string, category string, brand string, list_price decimal(10,2), color string, tags array<string>, limits map<string,decimal(10,2)>, maker struct<name:string,address:struct<street:string,city:string>>);
CREATE TABLE buyer (buyer_id int, first_name string, last_name string, born date, sex string, region string, email string, household int);
CREATE TABLE promo (promo_id int, name string, channel string, starts date, ends date, cost double);
