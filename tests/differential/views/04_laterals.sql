-- Lateral views and generators.
CREATE VIEW l_explode AS SELECT i.code, t.tag FROM item i LATERAL VIEW explode(i.tags) t AS tag;
CREATE VIEW l_outer AS SELECT i.code, t.tag FROM item i LATERAL VIEW OUTER explode(i.tags) t AS tag;
CREATE VIEW l_map AS SELECT i.code, l.k, l.v FROM item i LATERAL VIEW explode(i.limits) l AS k, v;
CREATE VIEW l_posexplode AS SELECT i.code, p.place, p.tag FROM item i LATERAL VIEW posexplode(i.tags) p AS place, tag;
CREATE VIEW l_chained AS SELECT a.tag, b.part FROM item i LATERAL VIEW explode(i.tags) a AS tag LATERAL VIEW explode(split(a.tag, '-')) b AS part;
CREATE VIEW l_bare AS SELECT code, tag FROM item LATERAL VIEW explode(split(category, ',')) x AS tag;
CREATE VIEW l_json AS SELECT s.sale_id, j.a, j.b FROM sale s LATERAL VIEW json_tuple(s.note, 'a', 'b') j AS a, b;
CREATE VIEW l_stack AS SELECT s.sale_id, t.kind, t.v FROM sale s LATERAL VIEW stack(2, 'p', s.price, 'c', s.cost) t AS kind, v;
CREATE VIEW l_inline AS SELECT s.sale_id, t.a, t.b FROM sale s LATERAL VIEW inline(array(named_struct('a', s.price, 'b', s.cost))) t AS a, b;
CREATE VIEW l_in_select AS SELECT explode(tags) AS tag FROM item;
CREATE VIEW l_aggregate AS SELECT t.tag, count(*) AS n, collect_set(i.brand) AS brands FROM item i LATERAL VIEW explode(i.tags) t AS tag GROUP BY t.tag;
CREATE VIEW l_join AS SELECT i.code, t.tag, s.price FROM sale s JOIN item i ON s.item_id = i.item_id LATERAL VIEW explode(i.tags) t AS tag;
