-- What the dimensions make of staging rows.
\getenv test PG_ABS_SRCDIR
\set include :test '/sql/include/star_build.psql'
\set ECHO none
\i :include
\set ECHO all
\pset format unaligned

-- names of places: accents, case, spaces; letters that NFD does not take apart stay
SELECT n, olist_etl.normalize_name(n) AS normalized
FROM unnest(ARRAY['São Paulo', '  SÃO   PAULO ', 'sa~o', U&'sa\0303o paulo', 'Mogi-Guaçu',
                  'Embu das Artes', U&'\00a0Itu\00a0', 'ÆØß', '', U&'\1ea4']) AS n;

-- medians of an odd and an even number of points; points outside Brazil, at its
-- very edge, or without a coordinate; a prefix that has only such points
INSERT INTO olist_staging.geolocation VALUES
    ('00001', -10, -50, 'odd', 'SP'), ('00001', -30, -40, 'odd', 'SP'), ('00001', -20, -60, 'odd', 'SP'),
    ('00002', -10, -50, 'even', 'RJ'), ('00002', -20, -60, 'even', 'RJ'),
    ('00002', 48, 2, 'even', 'RJ'), ('00002', NULL, -50, 'even', 'RJ'), ('00002', 'NaN', -50, 'even', 'RJ'),
    ('00003', 5.27438888, -34.79314722, 'edge', 'AM'), ('00003', 5.27438889, -40, 'edge', 'AM'),
    ('00004', 0, 0, 'nowhere', 'ZZ'),
    -- the most frequent name wins; of equals the smallest; spellings of one name count together
    ('00005', -1, -50, 'São Paulo', 'SP'), ('00005', -1, -50, 'sao paulo', 'RJ'), ('00005', -1, -50, 'campinas', 'RJ'),
    ('00006', -1, -50, 'b', 'SP'), ('00006', -1, -50, 'a', 'PR'), ('00006', -1, -50, NULL, NULL), ('00006', -1, -50, '', NULL);
-- a prefix without points takes the names of who lives there; one with points does not
INSERT INTO olist_staging.customers VALUES
    ('c1', 'p1', '00007', 'Belém', 'PA'), ('c2', 'p2', '00007', 'BELEM', 'PA'), ('c3', 'p3', '00007', 'ananindeua', 'AP'),
    ('c4', 'p4', '00001', 'elsewhere', 'BA'), ('c5', 'p5', NULL, 'no zip', 'BA');
INSERT INTO olist_staging.sellers VALUES ('s1', '00008', 'curitiba', 'PR');
SELECT olist_etl.build_dim_geography();
SELECT zip_code_prefix, city, state, region, latitude, longitude, point_count, outlier_count
FROM olist_build.dim_geography ORDER BY zip_code_prefix;

-- dim_date: whole years that cover every date, without a gap; and Brazil's holidays
INSERT INTO olist_staging.orders (order_id, order_purchase_timestamp, order_estimated_delivery_date) VALUES
    ('o1', '2023-06-01 10:00', '2023-07-01'), ('o2', 'infinity', NULL), ('o3', NULL, '-infinity');
INSERT INTO olist_staging.order_items (order_id, order_item_id, shipping_limit_date) VALUES ('o1', 1, '2025-01-01');
SELECT olist_etl.build_dim_date();
SELECT count(*) FILTER (WHERE date_key = -1) AS missing, min(date), max(date), count(date),
       count(*) FILTER (WHERE date_key <> -1
                        AND (date_key, year, quarter, month, day, iso_week, iso_year, iso_dow, month_start,
                             month_name, day_name, is_weekend)
                        IS DISTINCT FROM
                            (to_char(date, 'YYYYMMDD')::int, extract(year FROM date)::int,
                             extract(quarter FROM date)::int, extract(month FROM date)::int,
                             extract(day FROM date)::int, extract(week FROM date)::int,
                             extract(isoyear FROM date)::int, extract(isodow FROM date)::int,
                             date_trunc('month', date)::date, to_char(date, 'FMMonth'),
                             to_char(date, 'FMDay'), extract(isodow FROM date) > 5)) AS wrong
FROM olist_build.dim_date;
SELECT string_agg(date::text || ' ' || holiday_name, E'\n' ORDER BY date) AS holidays
FROM olist_build.dim_date WHERE is_holiday;
-- Easter's extremes, and the years of the data: good Friday is two days before
TRUNCATE olist_staging.orders, olist_staging.order_items;
INSERT INTO olist_staging.orders (order_id, order_purchase_timestamp)
SELECT y::text, make_date(y, 1, 1) FROM unnest(ARRAY[1943, 2008, 2016, 2017, 2018]) AS y;
SELECT olist_etl.build_dim_date();
SELECT date + 2 AS easter FROM olist_build.dim_date
WHERE holiday_name = 'Good Friday' AND year IN (1943, 2008, 2016, 2017, 2018) ORDER BY 1;
-- one absurd date does not make a thousand years
INSERT INTO olist_staging.orders (order_id, order_purchase_timestamp) VALUES ('x', '0018-05-05'), ('y', '9999-12-31'), ('z', '12018-05-05');
SELECT olist_etl.build_dim_date();
SELECT min(year), max(year), count(DISTINCT year) FROM olist_build.dim_date WHERE year NOT BETWEEN 1943 AND 2018;

-- sellers and products: a version for each change, in the source's order, whatever the order of loading
TRUNCATE olist_staging.orders, olist_staging.sellers, olist_staging.customers;
SELECT pg_temp.object('sellers', '2020-03-01 12:00+00') AS march,
       pg_temp.object('sellers', '2020-01-01 12:00+00') AS january,
       pg_temp.object('sellers', '2020-02-01 12:00+00') AS february,
       pg_temp.object('sellers', '2020-04-01 12:00+00') AS april \gset
INSERT INTO olist_staging.sellers VALUES
    ('s1', '00001', 'a', 'SP', :march, 1),     -- goes back to where it was
    ('s1', '00001', 'a', 'SP', :january, 1),
    ('s1', '00002', 'b', 'RJ', :february, 1),
    ('s1', '00001', 'a', 'SP', :april, 1),     -- repeats, is no version
    ('s2', '00002', NULL, 'RJ', :january, 2), ('s2', '00002', NULL, 'RJ', :february, 2),
    ('s2', '00002', 'b', 'RJ', :april, 2),     -- from NULL
    ('s3', '99999', 'x', 'XX', :march, 3), ('s3', '00001', 'y', 'SP', :march, 4),  -- twice in an object: the last counts
    (NULL, '00001', 'z', 'SP', :march, 5);
INSERT INTO olist_staging.order_items (order_id, order_item_id, seller_id) VALUES ('o', 1, 's2'), ('o', 2, 's9'), ('o', 3, NULL);
SELECT olist_etl.build_dim_seller();
SELECT s.seller_id, version, s.zip_code_prefix, s.city, s.state, s.region, g.zip_code_prefix AS geography,
       valid_from, valid_to, is_current, is_inferred, _object_id IS NOT NULL AS has_object, _line
FROM olist_build.dim_seller s JOIN olist_build.dim_geography g USING (geography_key) ORDER BY 1, 2;
SELECT entity, line, reason, column_name, sqlstate, message, raw::jsonb - '_object_id' AS raw
FROM olist_build.reject_dim_seller ORDER BY line;

-- products: no category, no translation, a translation that comes twice; a missing edge; an absurd box
SELECT pg_temp.object('products', '2020-01-01 12:00+00') AS january,
       pg_temp.object('products', '2020-02-01 12:00+00') AS february,
       pg_temp.object('category_translation', '2020-02-01 12:00+00') AS new,
       pg_temp.object('category_translation', '2020-01-01 12:00+00') AS old \gset
INSERT INTO olist_staging.category_translation VALUES
    ('beleza', 'beauty', :new, 2), ('beleza', 'ugliness', :old, 2), ('pcs', NULL, :new, 3);
INSERT INTO olist_staging.products VALUES
    ('p1', 'beleza', 10, 20, 3, 500, 10, 20, 30, :january, 1),
    ('p1', 'beleza', 10, 20, 3, 501, 10, 20, 30, :february, 1),
    ('p2', NULL, NULL, NULL, NULL, NULL, 10, NULL, 30, :january, 2),
    ('p3', 'pcs', 1, 1, 1, 1, 2147483647, 2147483647, 3, :january, 3);
INSERT INTO olist_staging.order_items (order_id, order_item_id, product_id) VALUES ('o', 4, 'p3'), ('o', 5, 'p9');
SELECT olist_etl.build_dim_product();
SELECT product_id, version, category, category_english, name_length, description_length, photos_qty,
       weight_g, length_cm, height_cm, width_cm, volume_cm3, valid_from, valid_to, is_current, is_inferred
FROM olist_build.dim_product ORDER BY 1, 2;

-- persons: a version where the address differs from the order before; by purchase, then order_id
TRUNCATE olist_staging.orders;
INSERT INTO olist_staging.customers VALUES
    ('c1', 'p1', '00001', 'a', 'SP', 1, 1), ('c2', 'p1', '00002', 'b', 'RJ', 1, 2), ('c3', 'p1', '00002', 'b', 'RJ', 1, 3),
    ('c4', 'p1', '00001', 'a', 'SP', 1, 4), ('c5', 'p1', '00001', NULL, 'SP', 1, 5),
    ('c6', 'p2', '00002', 'b', 'RJ', 1, 6), ('c7', 'p2', '00001', 'a', 'SP', 1, 7),
    ('c8', 'p3', '00001', 'a', 'SP', 1, 8), ('c9', 'p3', '00001', 'first', 'SP', 1, 9), -- no order at all
    ('c10', NULL, '00001', 'a', 'SP', 1, 10), (NULL, 'p4', '00001', 'a', 'SP', 1, 11);
INSERT INTO olist_staging.orders (order_id, customer_id, order_purchase_timestamp) VALUES
    ('o3', 'c3', '2018-03-01'), ('o1', 'c1', '2018-01-01'), ('o4', 'c4', '2018-04-01'), ('o2', 'c2', '2018-02-01'), ('o5', 'c5', '2018-05-01'),
    ('o7', 'c7', '2018-01-01'), ('o6', 'c6', '2018-01-01'), -- the same moment, two addresses
    ('o8', 'cx', '2018-01-01'), ('o9', NULL, '2018-01-01'), ('o0', 'cy', NULL);
SELECT olist_etl.build_dim_customer();
SELECT customer_unique_id, version, c.zip_code_prefix, c.city, c.state, g.zip_code_prefix AS geography,
       valid_from, valid_to, is_current, is_inferred, _line
FROM olist_build.dim_customer c JOIN olist_build.dim_geography g USING (geography_key) ORDER BY 1, 2;
SELECT order_id, c.customer_unique_id, c.version, l.purchased_at
FROM olist_build.order_link l JOIN olist_build.dim_customer c USING (customer_key) ORDER BY 1;

SELECT pg_temp.clean();
