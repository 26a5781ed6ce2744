-- The generated data set: the same bytes for the same scale and seed, with all
-- the peculiarities of the real one, in any split.
\set VERBOSITY terse
SELECT current_setting('data_directory') || '/olist_sample_regress' AS dir \gset

-- what was written
SELECT * FROM olist_etl.generate_sample(:'dir' || '_1');
SELECT file, rows FROM olist_etl.generate_sample(:'dir' || '_2', 0.001, 7);

-- the same again, and as objects that need no file
SELECT file, left(encode(sha256(pg_read_binary_file(:'dir' || '_1/' || file)), 'hex'), 16) AS sha256
FROM unnest(string_to_array('olist_customers_dataset.csv olist_geolocation_dataset.csv olist_order_items_dataset.csv olist_order_payments_dataset.csv olist_order_reviews_dataset.csv olist_orders_dataset.csv olist_products_dataset.csv olist_sellers_dataset.csv product_category_name_translation.csv', ' ')) AS file;
SELECT uri, size, etag, last_modified AT TIME ZONE 'UTC' AS last_modified, storage_class
FROM olist_etl.list_objects('sample://olist/');
SELECT uri FROM olist_etl.list_objects('sample://olist/olist_order{s,_items}*');
SELECT uri FROM olist_etl.list_objects('sample://olist/olist_orders_dataset.csv');
SELECT uri FROM olist_etl.list_objects('sample://olist/other.csv');
SELECT uri FROM olist_etl.list_objects('sample://other/');

-- loaded by COPY
CREATE SCHEMA olist_sample_test;
SET search_path = olist_sample_test;
CREATE TABLE orders (order_id text, customer_id text, status text, purchased timestamp,
    approved timestamp, carrier timestamp, delivered timestamp, estimated timestamp);
CREATE TABLE customers (customer_id text, person text, zip text, city text, state text);
CREATE TABLE items (order_id text, item int, product_id text, seller_id text,
    shipping_limit timestamp, price numeric, freight numeric);
CREATE TABLE payments (order_id text, seq int, type text, installments int, value numeric);
CREATE TABLE reviews (review_id text, order_id text, score int, title text, message text,
    created timestamp, answered timestamp);
CREATE TABLE products (product_id text, category text, name_length int, description_length int,
    photos int, weight int, length int, height int, width int);
CREATE TABLE sellers (seller_id text, zip text, city text, state text);
CREATE TABLE geolocation (zip text, lat float8, lng float8, city text, state text);
CREATE TABLE translation (category text, english text);
CREATE VIEW load AS
SELECT target, file || '_dataset' AS file
FROM (VALUES ('orders', 'olist_orders'), ('customers', 'olist_customers'),
             ('items', 'olist_order_items'), ('payments', 'olist_order_payments'),
             ('reviews', 'olist_order_reviews'), ('products', 'olist_products'),
             ('sellers', 'olist_sellers'), ('geolocation', 'olist_geolocation')) AS v(target, file);
-- (the commands show where the server's data directory is)
\set ECHO errors
SELECT format('COPY %I FROM %L (FORMAT csv, HEADER, ENCODING ''UTF8'')', target,
              :'dir' || '_1/' || file || '.csv')
FROM load
UNION ALL
SELECT format('COPY translation FROM %L (FORMAT csv, HEADER, ENCODING ''UTF8'')',
              :'dir' || '_1/product_category_name_translation.csv') \gexec
\set ECHO all

-- every reference leads somewhere
SELECT
    (SELECT count(*) FROM orders LEFT JOIN customers c USING (customer_id) WHERE c.zip IS NULL) AS orders,
    (SELECT count(*) FROM items LEFT JOIN orders o USING (order_id) WHERE o.status IS NULL) AS items,
    (SELECT count(*) FROM payments LEFT JOIN orders o USING (order_id) WHERE o.status IS NULL) AS payments,
    (SELECT count(*) FROM reviews LEFT JOIN orders o USING (order_id) WHERE o.status IS NULL) AS reviews,
    (SELECT count(*) FROM items LEFT JOIN products USING (product_id)
     LEFT JOIN sellers s USING (seller_id) WHERE s.zip IS NULL) AS goods;

-- growth and its peak
SELECT to_char(purchased, 'YYYY-MM') AS month, count(*) FROM orders GROUP BY 1 ORDER BY 1;
SELECT status, count(*), count(approved) AS approved, count(carrier) AS carrier,
       count(delivered) AS delivered
FROM orders GROUP BY 1 ORDER BY 1;

-- persons who come back, some from elsewhere
SELECT count(DISTINCT person) AS persons,
       count(*) FILTER (WHERE version IS DISTINCT FROM former) AS versions
FROM (SELECT person, (zip, city, state) AS version,
             lag((zip, city, state)) OVER (PARTITION BY person ORDER BY purchased, order_id) AS former
      FROM orders JOIN customers USING (customer_id)) AS v;

-- time running backwards, delivered without a date, cancelled with one
SELECT count(*) FILTER (WHERE carrier < approved) AS carrier_approved,
       count(*) FILTER (WHERE carrier < purchased) AS carrier_purchased,
       count(*) FILTER (WHERE delivered < carrier) AS delivered_carrier,
       count(*) FILTER (WHERE status = 'canceled' AND delivered IS NOT NULL) AS canceled_delivered,
       count(*) FILTER (WHERE status = 'delivered' AND delivered IS NULL) AS delivered_missing,
       count(*) FILTER (WHERE delivered > estimated) AS late,
       count(*) FILTER (WHERE delivered::date > estimated) AS late_day
FROM orders;

-- orders without items, without a payment, with several reviews, with none
SELECT count(*) FILTER (WHERE items IS NULL) AS without_items,
       count(*) FILTER (WHERE payments IS NULL) AS without_payment,
       count(*) FILTER (WHERE reviews > 1) AS several_reviews,
       count(*) FILTER (WHERE reviews IS NULL) AS without_review
FROM orders
LEFT JOIN (SELECT order_id, count(*) AS items FROM items GROUP BY 1) AS i USING (order_id)
LEFT JOIN (SELECT order_id, count(*) AS payments FROM payments GROUP BY 1) AS p USING (order_id)
LEFT JOIN (SELECT order_id, count(*) AS reviews FROM reviews GROUP BY 1) AS r USING (order_id);
SELECT count(*) - count(DISTINCT review_id) AS repeated_reviews,
       count(*) FILTER (WHERE message LIKE E'%\r\n%') AS several_lines,
       count(*) FILTER (WHERE message LIKE '%"%') > 0 AS quotes,
       count(*) FILTER (WHERE message LIKE '%,%') > 0 AS commas,
       count(*) FILTER (WHERE message LIKE '%ã%') > 0 AS accents
FROM reviews;

-- payments that do not start at 1, are not defined, zero, or without installments
SELECT count(*) FILTER (WHERE first > 1) AS start_late, sum(undefined) AS undefined,
       sum(zero) AS zero, sum(no_installments) AS no_installments
FROM (SELECT order_id, min(seq) AS first, count(*) FILTER (WHERE type = 'not_defined') AS undefined,
             count(*) FILTER (WHERE value = 0) AS zero,
             count(*) FILTER (WHERE installments = 0) AS no_installments
      FROM payments GROUP BY 1) AS p;
-- mostly they are what the items and the freight come to
SELECT count(*) FILTER (WHERE paid = due) > 0.98 * count(*) AS mostly, count(*) FILTER (WHERE paid <> due) AS others
FROM (SELECT order_id, sum(value) AS paid FROM payments GROUP BY 1) AS p
JOIN (SELECT order_id, sum(price + freight) AS due FROM items GROUP BY 1) AS i USING (order_id);
SELECT max(shipping_limit) > '2020-01-01' AS far_limit, min(price) > 0 AS price,
       count(*) FILTER (WHERE freight = 0) AS without_freight
FROM items;
SELECT count(*) FILTER (WHERE category IS NULL) AS without_category,
       count(*) FILTER (WHERE weight IS NULL) AS without_dimensions,
       count(*) FILTER (WHERE category IS NOT NULL
                        AND category NOT IN (SELECT category FROM translation)) AS untranslated
FROM products;

-- points: repeated, outside Brazil, spelled in several ways, in two states, missing
SELECT count(*), count(DISTINCT zip) AS zips,
       count(*) - count(DISTINCT (zip, lat, lng, city, state)) AS repeated,
       count(*) FILTER (WHERE lat NOT BETWEEN -33.75116944 AND 5.27438888
                        OR lng NOT BETWEEN -73.98283055 AND -34.79314722) AS outside
FROM geolocation;
SELECT count(*) FILTER (WHERE cities > 1) AS several_cities, count(*) FILTER (WHERE states > 1) AS two_states
FROM (SELECT count(DISTINCT city) AS cities, count(DISTINCT state) AS states
      FROM geolocation GROUP BY zip) AS g;
SELECT (SELECT count(DISTINCT zip) FROM customers WHERE zip NOT IN (SELECT zip FROM geolocation)) AS customers,
       (SELECT count(DISTINCT zip) FROM sellers WHERE zip NOT IN (SELECT zip FROM geolocation)) AS sellers;

-- ids in quotes only where they start with a digit, zips always, line ends, byte order mark
SELECT count(*) FILTER (WHERE line ~ '^("[0-9][0-9a-f]{31}"|[a-f][0-9a-f]{31}),("[0-9][0-9a-f]{31}"|[a-f][0-9a-f]{31}),"\d{5}",'),
       count(*) FILTER (WHERE line LIKE E'%\r')
FROM regexp_split_to_table(pg_read_file(:'dir' || '_1/olist_customers_dataset.csv'), E'\n') AS line;
SELECT encode(substr(file, 1, 3), 'hex') AS mark, encode(substr(file, length(file) - 3), 'escape') AS ends,
       (SELECT count(*) FROM regexp_matches(encode(file, 'escape'), E'\r\n', 'g')) AS line_ends
FROM (SELECT pg_read_binary_file(:'dir' || '_1/product_category_name_translation.csv') AS file) AS f;

-- cut by months: the same rows
SELECT count(*), sum(rows) FROM olist_etl.generate_sample(:'dir' || '_3', split => 'month');
\set ECHO errors
SELECT format('CREATE TABLE %I (LIKE %I)', target || '_whole', target) FROM load
WHERE target IN ('orders', 'customers', 'items', 'payments', 'reviews')
UNION ALL
SELECT format('INSERT INTO %I SELECT * FROM %I', target || '_whole', target) FROM load
WHERE target IN ('orders', 'customers', 'items', 'payments', 'reviews')
UNION ALL
SELECT format('TRUNCATE %I', target) FROM load
WHERE target IN ('orders', 'customers', 'items', 'payments', 'reviews') \gexec
SELECT format('COPY %I FROM %L (FORMAT csv, HEADER, ENCODING ''UTF8'')', target, :'dir' || '_3/' || name)
FROM load, pg_ls_dir(:'dir' || '_3') AS name
WHERE target IN ('orders', 'customers', 'items', 'payments', 'reviews')
  AND name ~ ('^' || file || '_\d{4}-\d\d\.csv$') \gexec
\set ECHO all
SELECT
    (SELECT count(*) FROM (TABLE orders EXCEPT ALL TABLE orders_whole) AS d) AS orders,
    (SELECT count(*) FROM (TABLE customers EXCEPT ALL TABLE customers_whole) AS d) AS customers,
    (SELECT count(*) FROM (TABLE items EXCEPT ALL TABLE items_whole) AS d) AS items,
    (SELECT count(*) FROM (TABLE payments EXCEPT ALL TABLE payments_whole) AS d) AS payments,
    (SELECT count(*) FROM (TABLE reviews EXCEPT ALL TABLE reviews_whole) AS d) AS reviews,
    (SELECT count(*) FROM reviews) = (SELECT count(*) FROM reviews_whole) AS as_many;
-- and nothing but the month's
TRUNCATE orders;
\set ECHO errors
SELECT format('COPY orders FROM %L (FORMAT csv, HEADER)',
              :'dir' || '_3/olist_orders_dataset_2017-11.csv') \gexec
\set ECHO all
SELECT count(*), min(purchased) >= '2017-11-01' AS after, max(purchased) < '2017-12-01' AS before FROM orders;

-- gzip holds the same
SELECT sum(rows), sum(bytes) < 600000 AS smaller
FROM olist_etl.generate_sample(:'dir' || '_2', compress => 'gzip');
TRUNCATE orders;
\set ECHO errors
SELECT format('COPY orders FROM PROGRAM %L (FORMAT csv, HEADER)',
              'gzip -dc ' || :'dir' || '_2/olist_orders_dataset.csv.gz') \gexec
\set ECHO all
SELECT count(*) FROM (TABLE orders INTERSECT ALL TABLE orders_whole) AS d;

-- nothing is overwritten unasked; another seed, another data set
\set VERBOSITY sqlstate
SELECT * FROM olist_etl.generate_sample(:'dir' || '_1');
SELECT count(*) FROM olist_etl.generate_sample(:'dir' || '_1', seed => 2, overwrite => true);
TRUNCATE orders;
\set ECHO errors
SELECT format('COPY orders FROM %L (FORMAT csv, HEADER)', :'dir' || '_1/olist_orders_dataset.csv') \gexec
\set ECHO all
SELECT count(*), count(*) FILTER (WHERE order_id IN (SELECT order_id FROM orders_whole)) AS in_both FROM orders;

-- who may, and what may be asked for
SELECT * FROM olist_etl.generate_sample('relative');
SELECT * FROM olist_etl.generate_sample(:'dir' || '_none/sub');
\set VERBOSITY terse
SELECT * FROM olist_etl.generate_sample(:'dir' || '_4', 0);
SELECT * FROM olist_etl.generate_sample(:'dir' || '_4', 'NaN');
SELECT * FROM olist_etl.generate_sample(:'dir' || '_4', compress => 'zip');
SELECT * FROM olist_etl.generate_sample(:'dir' || '_4', split => 'day');
CREATE ROLE olist_sample_reader;
GRANT EXECUTE ON FUNCTION olist_etl.generate_sample TO olist_sample_reader;
SET ROLE olist_sample_reader;
SELECT * FROM olist_etl.generate_sample('/tmp');
RESET ROLE;
DROP OWNED BY olist_sample_reader;
DROP ROLE olist_sample_reader;

-- nothing half-written stays
SELECT count(*) FROM pg_ls_dir(:'dir' || '_1') WHERE pg_ls_dir LIKE '.%';
\set ECHO errors
SELECT format('COPY (SELECT 1) TO PROGRAM %L', 'cat >/dev/null; rm -rf ' || :'dir' || '_[1-4]') \gexec
\set ECHO all
SET client_min_messages = warning;
DROP SCHEMA olist_sample_test CASCADE;
