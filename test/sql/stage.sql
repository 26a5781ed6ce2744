-- From a source to staging: set_source(), discover(), stage(), pending().
\getenv test PG_ABS_SRCDIR
\set include :test '/sql/include/files.psql'
\set build :test '/sql/include/star_build.psql'
\set ECHO none
\i :include
\i :build
\set ECHO all
SET client_min_messages = error;
SELECT pg_temp.dir() AS dir \gset
CREATE FUNCTION pg_temp.discover(argument jsonb DEFAULT '{}') RETURNS TABLE (objects text, counts jsonb)
LANGUAGE sql AS $$
    SELECT (SELECT string_agg(format('%s %s', o ->> 'status', regexp_replace(o ->> 'uri', '.*/', '')), ', '
                              ORDER BY regexp_replace(o ->> 'uri', '.*/', '') COLLATE "C")
            FROM jsonb_array_elements(d -> 'objects') o), d - 'objects' - 'source_version'
    FROM olist_etl.discover(argument) d
$$;
CREATE FUNCTION pg_temp.stage_all(argument jsonb DEFAULT '{}')
RETURNS TABLE (entity text, status text, rows_read int, rows_loaded int, rows_rejected int, bytes int)
LANGUAGE sql AS $$
    SELECT s.entity, s.status, s.rows_read, s.rows_loaded, s.rows_rejected, s.bytes
    FROM jsonb_array_elements(olist_etl.discover(argument) -> 'objects') o,
         jsonb_to_record(olist_etl.stage(o || argument))
             AS s (entity text, status text, rows_read int, rows_loaded int, rows_rejected int, bytes int)
    ORDER BY s.entity, s.bytes DESC, s.rows_read DESC
$$;
CREATE VIEW pg_temp.pending AS
    SELECT entity, regexp_replace(uri, '.*/', '') AS object, size, status
    FROM olist_etl.pending() ORDER BY entity COLLATE "C", regexp_replace(uri, '.*/', '') COLLATE "C";

-- a warehouse, as without one nothing counts as published
SELECT * FROM pg_temp.build();
SELECT olist_etl.publish() ->> 'moved' AS tables;

-- the source that comes with the extension
SELECT * FROM olist_etl.source;

-- a directory, without and with a trailing slash, is the same
SELECT olist_etl.set_source(:'dir');
SELECT name, pg_temp.masked(uri) AS uri, server, is_default FROM olist_etl.source ORDER BY is_default;

-- nothing there, nothing of ours there, an entity missing: one clear error each
SELECT * FROM pg_temp.try('SELECT olist_etl.discover()');
SELECT pg_temp.put('notes.txt', 'x');
SELECT * FROM pg_temp.try('SELECT olist_etl.discover()');
SELECT pg_temp.put('olist_orders_dataset.csv', E'order_id,customer_id,order_status,order_purchase_timestamp,order_approved_at,order_delivered_carrier_date,order_delivered_customer_date,order_estimated_delivery_date\no1,c1,delivered,2018-01-01 10:00:00,,,,2018-01-10 00:00:00\no2,c2,shipped,2018-02-30 10:00:00,,,,\n'),
       pg_temp.put('olist_customers_dataset_2018-01.csv', E'customer_id,customer_unique_id,customer_zip_code_prefix,customer_city,customer_state\nc1,p1,01037,sao paulo,SP\n'),
       pg_temp.put('olist_customers_dataset_2018-02.csv', E'"customer_id","customer_unique_id","customer_zip_code_prefix","customer_city","customer_state"\n"c2","p2","01038","sao paulo","SP"\n');
SELECT * FROM pg_temp.try('SELECT olist_etl.discover()');
SELECT * FROM pg_temp.try('SELECT olist_etl.discover(''{"source": "none"}'')');
SELECT * FROM pg_temp.discover('{"allow_missing": true}');
UPDATE olist_etl.entity SET is_required = false WHERE entity NOT IN ('orders', 'customers');
SELECT * FROM pg_temp.discover();
SELECT * FROM pg_temp.pending;

-- staging them: bad records are rejected unless told otherwise
SELECT state, message, context
FROM pg_temp.try('SELECT olist_etl.stage(o || ''{"on_error": "stop"}'') FROM jsonb_array_elements(olist_etl.discover() -> ''objects'') o');
SELECT * FROM pg_temp.stage_all('{"run_id": 42}');
SELECT order_id, order_purchase_timestamp, _line FROM olist_staging.orders;
SELECT customer_id, customer_zip_code_prefix FROM olist_staging.customers ORDER BY 1;
SELECT l.entity, l.source, l.run_id, r.line, r.column_name, r.sqlstate, r.message
FROM olist_etl.reject r JOIN olist_etl.ledger l USING (object_id);

-- what is staged waits to be published; to stage it again costs nothing
SELECT * FROM pg_temp.discover();
SELECT * FROM pg_temp.pending;
SELECT * FROM pg_temp.stage_all();
UPDATE olist_etl.ledger SET published_at = now();
SELECT * FROM pg_temp.discover();
-- ... unless a rebuild is asked for, here or as the input of the run
SELECT * FROM pg_temp.discover('{"rebuild": true}');
SELECT * FROM pg_temp.discover('{"input": {"rebuild": true}}');
SELECT * FROM pg_temp.discover('{"rebuild": false, "input": "nothing"}');
SELECT * FROM pg_temp.pending;

-- a new object, a changed one, one that is gone, one whose name says nothing
SELECT pg_temp.put('olist_customers_dataset_2018-01.csv', E'customer_id,customer_unique_id\nc1,p1\nc3,p3\n'),
       pg_temp.put('olist_customers_dataset.backup.csv', E'customer_id\n');
SELECT pg_temp.shell('rm DIR/olist_customers_dataset_2018-02.csv; mkdir -p DIR/customers/dt=2018-03-01');
SELECT pg_temp.put('customers/dt=2018-03-01/part-1.csv', E'customer_id,customer_unique_id\nc4,p4\n');
SELECT * FROM pg_temp.discover();
SELECT * FROM pg_temp.pending;
SELECT * FROM pg_temp.stage_all();
SELECT customer_id FROM olist_staging.customers ORDER BY 1;
-- what is gone is noted, and its rows stay
CREATE VIEW pg_temp.gone AS
    SELECT regexp_replace(uri, '.*/', '') AS object, gone_at IS NOT NULL AS is_gone, rows_loaded
    FROM olist_etl.ledger WHERE is_current AND entity = 'customers' ORDER BY 1;
SELECT * FROM pg_temp.gone;
SELECT d.column_name, d.kind FROM olist_etl.drift d JOIN olist_etl.ledger l USING (object_id)
WHERE l.uri LIKE '%part-1.csv' ORDER BY 1;

-- patterns of one's own go first
INSERT INTO olist_etl.object_pattern (pattern, entity) VALUES ('*.backup.csv', 'sellers');
SELECT * FROM pg_temp.discover();
DELETE FROM olist_etl.object_pattern WHERE NOT is_default;

-- ... and nothing is rebuilt without what they gave
SELECT * FROM pg_temp.try('SELECT olist_etl.discover(''{"rebuild": true}'')');

-- published rows that have left the staging are not staged again
UPDATE olist_etl.ledger SET published_at = now() WHERE is_current;
TRUNCATE olist_staging.customers;
SELECT * FROM pg_temp.discover();
SELECT pg_temp.put('olist_customers_dataset_2018-02.csv', E'customer_id,customer_unique_id\nc2,p2\n');
SELECT * FROM pg_temp.discover();
SELECT * FROM pg_temp.stage_all();
SELECT customer_id FROM olist_staging.customers ORDER BY 1;
SELECT count(*), count(*) FILTER (WHERE is_current) FROM olist_etl.ledger WHERE entity = 'customers';
SELECT * FROM pg_temp.gone;
-- ... and noting it again writes nothing
SELECT olist_etl.discover() IS NOT NULL AS listed;
SELECT max(xmin::text::bigint) AS written FROM olist_etl.ledger \gset
SELECT olist_etl.discover() IS NOT NULL AS listed;
SELECT max(xmin::text::bigint) = :written AS untouched FROM olist_etl.ledger;

-- a batch is merged, until there is no warehouse for it
BEGIN;
DROP TABLE olist_dw.product_mention;
SELECT * FROM pg_temp.discover();
ROLLBACK;
-- ... nor is a warehouse rebuilt from one source that shows what another gave
UPDATE olist_etl.ledger SET source = 'regress' WHERE uri LIKE '%part-1.csv';
SELECT * FROM pg_temp.try('SELECT olist_etl.discover(''{"rebuild": true}'')');
UPDATE olist_etl.ledger SET source = 'olist' WHERE uri LIKE '%part-1.csv';

-- rows of nobody, as DROP EXTENSION or a restored dump leaves them, are not mixed with others
SELECT count(*) > 0 AS has_rows FROM olist_staging.customers;
TRUNCATE olist_etl.staged;
SELECT * FROM pg_temp.discover();
SELECT count(*) FROM olist_staging.customers;

-- a name that is no text in the database would come into tables, and no dump of them could be restored
SELECT pg_temp.shell($$touch "$(printf 'DIR/olist_sellers_dataset_\377.csv')"$$);
SELECT state, replace(message, :'dir', 'DIR') AS message, hint FROM pg_temp.try('SELECT * FROM olist_etl.pending()');
SELECT state FROM pg_temp.try('SELECT olist_etl.discover()');
SELECT pg_temp.shell($$rm "$(printf 'DIR/olist_sellers_dataset_\377.csv')"$$);

-- NaN and infinities are no data, unless one says so; other entities' types likewise
SELECT pg_temp.shell('mkdir DIR/odd');
SELECT pg_temp.put('odd/orders.csv', E'order_id,customer_id,order_status,order_purchase_timestamp\no1,c1,delivered,infinity\no2,c2,delivered,-infinity\no3,c3,delivered,2018-01-01 10:00:00\n'),
       pg_temp.put('odd/items.csv', E'order_id,order_item_id,product_id,seller_id,price,freight_value\no3,1,p,s,NaN,1\no3,2,p,s,5,Infinity\no3,3,p,s,5,1e2\n'),
       pg_temp.put('odd/points.csv', E'geolocation_zip_code_prefix,geolocation_lat,geolocation_lng\n01037,nan,-46\n01037,-23,-Infinity\n01037,-23,-46\n');
SELECT o.entity, r ->> 'rows_loaded' AS loaded, r ->> 'rows_rejected' AS rejected, a ->> 'rows_loaded' AS allowed
FROM (VALUES ('orders', 'orders'), ('order_items', 'items'), ('geolocation', 'points')) AS o (entity, file),
     LATERAL olist_etl.stage(jsonb_build_object('entity', o.entity, 'uri', :'dir' || '/odd/' || o.file || '.csv')) r,
     LATERAL olist_etl.stage(jsonb_build_object('entity', o.entity, 'uri', :'dir' || '/odd/' || o.file || '.csv',
                                                'reload', r IS NOT NULL, 'allow_non_finite', r IS NOT NULL)) a;
DO $$ BEGIN PERFORM olist_etl.stage(jsonb_build_object('entity', l.entity, 'uri', l.uri, 'reload', true))
            FROM olist_etl.ledger l WHERE l.uri LIKE '%/odd/%'; END $$;
SELECT l.entity, r.line, r.column_name, r.sqlstate, r.message, r.hint
FROM olist_etl.reject r JOIN olist_etl.ledger l USING (object_id) WHERE l.uri LIKE '%/odd/%' ORDER BY 1, 2;
-- nor are keys that no index can hold; what is no key may be long
SELECT pg_temp.put('odd/reviews.csv', convert_to(format(E'review_id,order_id,review_score,review_comment_message\n%s,o1,1,\nr2,%s,2,\nr3,o1,3,%s\n',
                                                        repeat('r', 1001), repeat('o', 10000), repeat('m', 10000)), 'UTF8'));
SELECT olist_etl.stage(jsonb_build_object('entity', 'order_reviews', 'uri', :'dir' || '/odd/reviews.csv')) -> 'rows_loaded' AS loaded;
SELECT review_id, length(review_comment_message) FROM olist_staging.order_reviews WHERE review_id = 'r3';
SELECT r.line, r.column_name, r.sqlstate, r.message
FROM olist_etl.reject r JOIN olist_etl.ledger l USING (object_id) WHERE l.uri LIKE '%/odd/reviews.csv' ORDER BY 1;
DELETE FROM olist_staging.order_reviews r USING olist_etl.ledger l WHERE l.object_id = r._object_id AND l.uri LIKE '%/odd/%';
DELETE FROM olist_staging.orders o USING olist_etl.ledger l WHERE l.object_id = o._object_id AND l.uri LIKE '%/odd/%';
DELETE FROM olist_etl.reject;
DELETE FROM olist_etl.ledger WHERE uri LIKE '%/odd/%';
SELECT pg_temp.shell('rm -r DIR/odd');

-- arguments that make no sense
SELECT a.argument, e.state, e.message, e.hint
FROM (VALUES ('[]'), ('{}'), ('{"entity": "orders"}'), ('{"entity": "none", "uri": "/x"}'),
             ('{"entity": "orders", "uri": "/x", "size": "big"}'),
             ('{"entity": "orders", "uri": "/x", "on_error": "perhaps"}')) AS a (argument),
     LATERAL pg_temp.try(format('SELECT olist_etl.stage(%L)', a.argument)) e;

-- a source that points elsewhere: what it gave before leaves it
SELECT pg_temp.shell('mkdir DIR/other');
SELECT pg_temp.put('other/olist_orders_dataset.csv', E'order_id,customer_id,order_status,order_purchase_timestamp\no9,c9,delivered,2018-01-01 10:00:00\n');
SELECT jsonb_path_query_first(olist_etl.discover('{"allow_missing": true, "rebuild": true}'), '$.objects[*] ? (@.entity == "orders")') AS former_object \gset
SET client_min_messages = notice;
SELECT olist_etl.set_source(:'dir' || '/other/');
SET client_min_messages = error;
SELECT count(*) FROM olist_staging.orders;
UPDATE olist_etl.entity SET is_required = false WHERE entity = 'customers';
SELECT * FROM pg_temp.discover();
SELECT * FROM pg_temp.stage_all();
-- ... nor can be staged or published any more, if it is known where it was discovered
SELECT * FROM pg_temp.try(format('SELECT olist_etl.stage(%L)', :'former_object'));
SELECT f.name, e.state FROM unnest(ARRAY['check_staged', 'publish', 'merge']) AS f (name),
       LATERAL pg_temp.try(format('SELECT olist_etl.%I(''{"source": "olist", "source_version": 1}'')', f.name)) e;
-- ... and comes back with it
SELECT olist_etl.set_source(:'dir' || '/');
SELECT * FROM pg_temp.discover();

-- a server of the source's own, with the caller's mapping; what is not given is unset
SELECT olist_etl.set_source('s3://regress/olist', endpoint => 'https://s3.example.com', region => 'eu-west-1',
                            access_key_id => 'id', secret_access_key => 'canary', options => '{"part_size": "16MB"}', name => 'regress');
SELECT uri, server FROM olist_etl.source WHERE name = 'regress';
SELECT srvoptions FROM pg_foreign_server WHERE srvname = 'regress_source';
SELECT umoptions FROM pg_user_mappings WHERE srvname = 'regress_source' AND usename = current_user;
SELECT olist_etl.set_source('s3://regress/{a,b}/*.csv', endpoint => 'https://s3.example.com', anonymous => true, name => 'regress');
SELECT uri, server FROM olist_etl.source WHERE name = 'regress';
SELECT srvoptions FROM pg_foreign_server WHERE srvname = 'regress_source';
SELECT count(*) FROM pg_user_mappings WHERE srvname = 'regress_source';
SELECT a.arguments, e.state, e.message, e.hint
FROM (VALUES ('NULL'), ('''ftp://x'''), ('''/x'', name => NULL'), ('''/x'', options => ''[1]'''),
             ('''s3://b'', endpoint => ''localhost'', name => ''regress'''),
             ('''s3://b'', options => ''{"connection": 3}'', name => ''regress''')) AS a (arguments),
     LATERAL pg_temp.try(format('SELECT olist_etl.set_source(%s)', a.arguments)) e;
-- no error of the DDL shows the secret
SELECT e::text LIKE '%canary%' AS shown, state, message
FROM pg_temp.try('SELECT olist_etl.set_source(''s3://b'', secret_access_key => ''canary'', addressing => ''x'', name => ''regress'')') e;

-- a stranger's table, whose trigger would run with our rights, is not written to
DROP SCHEMA olist_staging CASCADE;
CREATE ROLE regress_olist_stranger;
CREATE SCHEMA olist_staging AUTHORIZATION regress_olist_stranger;
CREATE TABLE olist_staging.orders (order_id text, _object_id bigint);
ALTER TABLE olist_staging.orders OWNER TO regress_olist_stranger;
SELECT state, message, hint FROM pg_temp.try('SELECT olist_etl.discover()');
SELECT state, message FROM pg_temp.try('SELECT olist_etl.stage(''{"entity": "orders", "uri": "DIR/olist_orders_dataset.csv"}'')');
GRANT EXECUTE ON FUNCTION olist_etl.check_staging TO regress_olist_stranger;
SET ROLE regress_olist_stranger;
SELECT olist_etl.check_staging();
RESET ROLE;
REVOKE EXECUTE ON FUNCTION olist_etl.check_staging FROM regress_olist_stranger;

DELETE FROM olist_etl.source WHERE NOT is_default;
DELETE FROM olist_etl.ledger;
DELETE FROM olist_etl.reject;
DELETE FROM olist_etl.drift;
UPDATE olist_etl.entity SET is_required = true;
DROP SERVER regress_source CASCADE;
SELECT pg_temp.clean();
DROP ROLE regress_olist_stranger;
SELECT pg_temp.shell('rm -r DIR');
