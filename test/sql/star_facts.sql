-- What the facts make of staging rows.
\getenv test PG_ABS_SRCDIR
\set include :test '/sql/include/star_build.psql'
\set ECHO none
\i :include
\set ECHO all
\pset format unaligned

SELECT pg_temp.object('order_items', '2020-01-01 12:00+00') AS old,
       pg_temp.object('order_items', '2020-02-01 12:00+00') AS new,
       pg_temp.object('products', '2018-02-01 12:00+00') AS february,
       pg_temp.object('products', '2018-03-01 12:00+00') AS march \gset

INSERT INTO olist_staging.geolocation VALUES
    ('00001', -10, -50, 'a', 'SP'), ('00002', -11, -50, 'b', 'RJ'), ('00003', 0, 0, 'outside', 'ZZ');
INSERT INTO olist_staging.customers VALUES
    ('c1', 'p1', '00001', 'a', 'SP'), ('c2', 'p1', '00002', 'b', 'RJ'), ('c3', 'p2', '00003', 'c', 'ZZ');
INSERT INTO olist_staging.sellers VALUES ('s1', '00001', 'a', 'SP'), ('s2', '00002', 'b', 'RJ');
INSERT INTO olist_staging.products VALUES
    ('x', 'old', 1, 1, 1, 1, 1, 1, 1, :february, 1), ('x', 'new', 1, 1, 1, 1, 1, 1, 1, :march, 1);

-- orders: on time, on the promised day (late by timestamp, not by day), late, on the way,
-- back in time, without anything, twice
INSERT INTO olist_staging.orders VALUES
    ('on_time', 'c1', 'delivered', '2018-01-01 12:00', '2018-01-01 18:00', '2018-01-02 06:00', '2018-01-09 23:59', '2018-01-10', 1, 1),
    ('same_day', 'c2', 'delivered', '2018-03-01 12:00', NULL, '2018-03-02', '2018-03-10 13:00', '2018-03-10', 1, 2),
    ('late', 'c3', 'delivered', '2018-01-01', '2018-01-01', '2018-01-01', '2018-01-11 00:00:01', '2018-01-10', 1, 3),
    ('on_the_way', 'c4', 'shipped', '2018-01-01', '2018-01-01', '2018-01-03', NULL, '2018-01-10', 1, 4),
    ('backwards', 'c1', 'canceled', '2018-01-05', '2018-01-04', '2018-01-03', '2018-01-02', NULL, 1, 5),
    ('bare', NULL, NULL, NULL, NULL, NULL, NULL, NULL, 1, 6),
    ('twice', 'c1', 'created', '2018-01-07', NULL, NULL, NULL, NULL, :new, 1),
    ('twice', 'c2', 'shipped', '2018-01-07', NULL, NULL, NULL, NULL, :old, 1),
    (NULL, 'c1', 'created', '2018-01-07', NULL, NULL, NULL, NULL, :new, 2);

-- items: two sellers in one order; a product before and after it changed; amounts that are not plain;
-- unknown product and seller; orphans; a key that comes in two objects; no key
INSERT INTO olist_staging.order_items VALUES
    ('on_time', 1, 'x', 's1', '2018-01-03', 10.00, 1.5, :new, 1), ('on_time', 2, 'x', 's2', '2018-01-03', 0.005, 0, :new, 2),
    ('on_time', 3, 'x', 's1', '2018-01-03', 9999999984.994, NULL, :new, 3),
    ('same_day', 1, 'x', 's1', '2018-03-03', 20.10, 2, :new, 4),
    ('late', 1, 'x', 's2', NULL, 1e-9, -0.015, :new, 5),
    ('on_the_way', 1, 'u', 'v', '2018-01-03', 5, 5, :new, 6), ('on_the_way', 2, NULL, NULL, '2018-01-03', 5, 5, :new, 7),
    ('nobody''s', 1, 'x', 's1', '2018-01-03', 1, 1, :new, 8), ('nobody''s', 1, 'x', 's1', '2018-01-03', 1, 1, :old, 8),
    ('late', 2, 'x', 's1', '2018-01-03', 7, 7, :new, 9), ('late', 2, 'x', 's1', '2018-01-03', 8, 8, :old, 9),
    ('late', 3, 'x', 's1', '2018-01-03', 9999999999.995, 0, :new, 10), ('late', 4, 'x', 's1', '2018-01-03', 0, 'NaN', :new, 11),
    (NULL, 1, 'x', 's1', '2018-01-03', 1, 1, :new, 12), ('late', NULL, 'x', 's1', '2018-01-03', 1, 1, :new, 13);
INSERT INTO olist_staging.order_payments VALUES
    ('on_time', 2, 'voucher', 1, 3.30, :new, 1), ('on_time', 3, 'credit_card', 10, 8.20, :new, 2),
    ('same_day', 1, 'not_defined', 0, 0, :new, 3), ('late', 1, NULL, NULL, NULL, :new, 4),
    ('late', 1, 'boleto', 1, 1, :old, 5), ('gone', 1, 'boleto', 1, 1, :new, 6);
-- reviews: the latest by answer, then creation, then the smallest id; missing times are the earliest
INSERT INTO olist_staging.order_reviews VALUES
    ('r1', 'on_time', 1, 't', 'm', '2018-01-10', '2018-01-12 12:00'), ('r2', 'on_time', 2, NULL, NULL, '2018-01-11', '2018-01-12 11:00'),
    ('r1', 'same_day', 3, NULL, NULL, '2018-01-10', NULL), ('r3', 'same_day', 4, NULL, NULL, '2018-01-09', NULL),
    ('r5', 'late', 5, NULL, NULL, NULL, NULL), ('r4', 'late', 1, NULL, NULL, NULL, NULL), ('r6', 'late', 2, NULL, NULL, NULL, NULL),
    ('r7', 'on_the_way', NULL, NULL, 'no score', '2018-01-10', '2018-01-10'), ('r8', 'gone', 1, NULL, NULL, NULL, NULL), (NULL, 'late', 5, NULL, NULL, NULL, NULL);
SELECT * FROM pg_temp.build();

SELECT order_id, customer_id, c.customer_unique_id AS person, c.version, g.zip_code_prefix AS geography, s.order_status AS status,
       purchase_date_key, approved_date_key, carrier_date_key, delivered_date_key, estimated_date_key
FROM olist_build.fact_order o JOIN olist_build.dim_customer c USING (customer_key)
JOIN olist_build.dim_geography g ON g.geography_key = o.customer_geography_key
JOIN olist_build.dim_order_status s USING (order_status_key) ORDER BY 1;
SELECT order_id, item_count AS items, seller_count AS sellers, price_total, freight_total, payment_count AS payments,
       payment_total, installments_max, review_score
FROM olist_build.fact_order ORDER BY 1;
SELECT order_id, approval_hours, handling_days, transit_days, delivery_days, estimate_days, is_late, is_late_day
FROM olist_build.fact_order ORDER BY 1;
SELECT o.order_id, order_item_id AS item, p.product_id, p.category, s.seller_id, c.customer_unique_id AS person, c.version,
       sg.zip_code_prefix AS seller_at, cg.zip_code_prefix AS customer_at, i.purchase_date_key, shipping_limit, price, freight,
       round(distance_km::numeric, 3) AS km, i._line
FROM olist_build.fact_order_item i JOIN olist_build.fact_order o USING (order_key)
JOIN olist_build.dim_product p USING (product_key) JOIN olist_build.dim_seller s USING (seller_key)
JOIN olist_build.dim_customer c ON c.customer_key = i.customer_key
JOIN olist_build.dim_geography sg ON sg.geography_key = i.seller_geography_key
JOIN olist_build.dim_geography cg ON cg.geography_key = i.customer_geography_key ORDER BY 1, 2;
SELECT o.order_id, payment_sequential, t.payment_type, p.purchase_date_key, installments, value
FROM olist_build.fact_payment p JOIN olist_build.fact_order o USING (order_key)
JOIN olist_build.dim_payment_type t USING (payment_type_key) ORDER BY 1, 2;
SELECT o.order_id, review_id, score, title, message, creation_date_key, created_at, answered_at, response_hours, is_latest
FROM olist_build.fact_review r JOIN olist_build.fact_order o USING (order_key) ORDER BY 1, 2;

-- every row that is not in a fact is kept, whole, with its reason
SELECT entity, object_id = :new AS new, line, reason, column_name, sqlstate, message FROM olist_build.reject_dim_customer
UNION ALL SELECT entity, object_id = :new, line, reason, column_name, sqlstate, message FROM olist_build.reject_fact_order_item
UNION ALL SELECT entity, object_id = :new, line, reason, column_name, sqlstate, message FROM olist_build.reject_fact_payment
UNION ALL SELECT entity, object_id = :new, line, reason, column_name, sqlstate, message FROM olist_build.reject_fact_review
ORDER BY 1, 3, 4, 5, 2;
SELECT raw::jsonb - '_object_id' AS raw FROM olist_build.reject_fact_order_item WHERE line = 10;

-- a sum that no numeric(12,2) holds is an error: silently it would break a restore
INSERT INTO olist_staging.order_items VALUES ('on_time', 4, 'x', 's1', '2018-01-03', 9, NULL, :new, 14);
SELECT olist_etl.build_fact_order();

-- in shares, because memory is short, the same comes out
TRUNCATE olist_staging.orders, olist_staging.customers, olist_staging.order_items, olist_staging.order_payments, olist_staging.order_reviews;
INSERT INTO olist_staging.customers
SELECT md5('c' || n), md5('p' || n * 9 / 10), lpad((n % 7)::text, 5, '0'), 'city', 'SP' FROM generate_series(1, 20000) n;
INSERT INTO olist_staging.geolocation
SELECT lpad((n * 7919 % 10007)::text, 5, '0'), -20 - n % 7, -50 + n % 11, 'city ' || n % 3, 'SP' FROM generate_series(1, 40000) n;
INSERT INTO olist_staging.orders
SELECT md5('o' || n), md5('c' || (n + 100)), 'delivered', '2018-01-01'::timestamp + n % 1000 * interval '1 hour' FROM generate_series(1, 20000) n;
INSERT INTO olist_staging.order_items
SELECT md5('o' || n), i, md5('x' || n % 30000), md5('s' || n * i % 1000), '2018-01-01', n / 100.0, i FROM generate_series(-99, 20100) n, generate_series(1, 2) i;
INSERT INTO olist_staging.order_items SELECT * FROM olist_staging.order_items LIMIT 1000;
INSERT INTO olist_staging.order_payments SELECT md5('o' || n), 1, 'boleto', 1, n FROM generate_series(-99, 20100) n;
INSERT INTO olist_staging.order_reviews
SELECT md5('r' || n / 2), md5('o' || n), n % 5 + 1, NULL, NULL, '2018-01-01', '2018-01-01'::timestamp + n % 100 * interval '1 hour' FROM generate_series(-99, 20100) n;
\set diff :test '/sql/include/star_diff.psql'
\set ECHO none
\i :diff
\set ECHO all
DROP TABLE olist_build.order_link;
SELECT * FROM pg_temp.build();
ALTER SCHEMA olist_build RENAME TO star_whole;
SET olist_etl.work_mem = '1MB';
SELECT * FROM pg_temp.build();
SELECT * FROM pg_temp.star_diff('star_whole', 'olist_build');
DROP SCHEMA star_whole CASCADE;
SELECT pg_temp.clean();
