-- Foreign tables: what their options may say, and what a scan makes of them.
\getenv test PG_ABS_SRCDIR
\set include :test '/sql/include/files.psql'
\set ECHO none
\i :include
\set ECHO all
\t on

-- unknown options are refused with what was probably meant; no program can be run
SELECT e.state, e.message, e.hint
FROM (VALUES ('CREATE FOREIGN TABLE t (a int) SERVER olist_local'),
             ('CREATE FOREIGN TABLE t (a int) SERVER olist_local OPTIONS (uri ''/x'', delimitter '';'')'),
             ('CREATE FOREIGN TABLE t (a int) SERVER olist_local OPTIONS (uri ''/x'', program ''id'')'),
             ('CREATE FOREIGN TABLE t (a int) SERVER olist_local OPTIONS (uri ''/x'', secret_access_key ''x'')'),
             ('CREATE FOREIGN TABLE t (a int) SERVER olist_local OPTIONS (uri ''ftp://x'')'),
             ('CREATE FOREIGN TABLE t (a int OPTIONS (colum_name ''x'')) SERVER olist_local OPTIONS (uri ''/x'')'),
             ('CREATE FOREIGN TABLE t (a int OPTIONS (anything ''x'')) SERVER olist_local OPTIONS (uri ''/x'')'),
             ('CREATE FOREIGN TABLE t (a int OPTIONS (column_name ''' || repeat('x', 64) || ''')) SERVER olist_local OPTIONS (uri ''/x'')'),
             ('ALTER FOREIGN DATA WRAPPER olist_etl OPTIONS (uri ''x'')'),
             ('CREATE SERVER s FOREIGN DATA WRAPPER olist_etl OPTIONS (uri ''x'')')) AS s (statement),
     LATERAL pg_temp.try(s.statement) e;

-- ... and so are values that cannot be used
SELECT o.name, o.value, e.state, e.message, e.hint
FROM (VALUES ('delimiter', ';;'), ('delimiter', E'\n'), ('delimiter', '"'), ('delimiter', 'é'),
             ('quote', ''), ('header', 'perhaps'), ('encoding', 'EBCDIC'),
             ('on_error', 'ignore'), ('reject_limit', '5'), ('max_columns', '0'),
             ('max_field_bytes', 'much')) AS o (name, value),
     LATERAL pg_temp.try(format(
         'CREATE FOREIGN TABLE t (a int) SERVER olist_local OPTIONS (uri ''/x'', %I %L)',
         o.name, o.value)) e;
SELECT o.value, e.state, e.message
FROM (VALUES ('-1'), ('1.5'), ('101%'), ('5 %'), ('many'), ('nan'), ('2.5%'), ('0'), ('100')) AS o (value),
     LATERAL pg_temp.try(format(
         'CREATE FOREIGN TABLE pg_temp.%I (a int) SERVER olist_local
          OPTIONS (uri ''/x'', on_error ''reject'', reject_limit %L)', 'limit ' || o.value, o.value)) e;
\t off

SELECT pg_temp.put('a.csv', E'id,name,extra\n1,one,x\n2,"two, too",y\n3,,z\n');
SELECT pg_temp.put('b.csv', E'name,id\nfour,4\n"",5\n');
SELECT pg_temp.put('c.csv', E'id;name\n6;''it''''s six''\n7;-\n');
SELECT pg_temp.dir() AS dir \gset

-- columns are found by the header's names, in any order; extra ones are passed over
\set a :dir '/a.csv'
\set ab :dir '/{a,b}.csv'
\set c :dir '/c.csv'
\set bad :dir '/bad.csv'
CREATE FOREIGN TABLE one (name text, id integer) SERVER olist_local OPTIONS (uri :'a');
SELECT id, name, name IS NULL AS is_null FROM one ORDER BY id;

-- a glob or a directory stands for all its objects; a column may have another name in the header
CREATE FOREIGN TABLE two (number integer OPTIONS (column_name 'id'), name text,
                          remark text OPTIONS (column_name 'extra', optional 'true'))
    SERVER olist_local OPTIONS (uri :'ab');
SELECT * FROM two ORDER BY number;
SELECT * FROM two a JOIN two b USING (number) WHERE number < 3 ORDER BY number;
SELECT count(*) FROM two a, two b;
SELECT number FROM two LIMIT 1;

-- other formats, and no header at all
CREATE FOREIGN TABLE three (id integer, name text)
    SERVER olist_local OPTIONS (uri :'c', delimiter ';', quote '''', "null" '-');
SELECT * FROM three ORDER BY id;
ALTER FOREIGN TABLE three OPTIONS (ADD header 'false', DROP quote, DROP "null");
SELECT pg_temp.put('c.csv', E'6;six\n7;-\n');
SELECT * FROM three ORDER BY id;

-- an error names the object, the line and the column
SELECT pg_temp.put('bad.csv', E'id,name\n1,one\n2,"two\ntoo"\nthree,3\n4,four\n5\n6,six\n');
CREATE FOREIGN TABLE four (id integer, name text) SERVER olist_local OPTIONS (uri :'bad');
SELECT * FROM pg_temp.try('SELECT * FROM four');
-- a session can go on after it
SELECT * FROM pg_temp.try('SELECT * FROM four');

-- bad records can be passed over, all or so many of them
ALTER FOREIGN TABLE four OPTIONS (ADD on_error 'reject');
SELECT * FROM four;
ALTER FOREIGN TABLE four OPTIONS (ADD reject_limit '2');
SELECT count(*) FROM four;
ALTER FOREIGN TABLE four OPTIONS (SET reject_limit '1');
SELECT message, detail, hint FROM pg_temp.try('SELECT * FROM four');
ALTER FOREIGN TABLE four OPTIONS (SET reject_limit '34%');
SELECT count(*) FROM four;
ALTER FOREIGN TABLE four OPTIONS (SET reject_limit '33%');
SELECT message, detail FROM pg_temp.try('SELECT * FROM four');

-- a limit of the table may only be lower than the setting
ALTER FOREIGN TABLE one OPTIONS (ADD max_field_bytes '7');
SELECT state, message, context FROM pg_temp.try('SELECT * FROM one');
ALTER FOREIGN TABLE one OPTIONS (SET max_field_bytes '100MB');
SET olist_etl.max_field_bytes = 7;
SELECT state, message, context FROM pg_temp.try('SELECT * FROM one');
RESET olist_etl.max_field_bytes;

-- dropped columns are nobody's
CREATE FOREIGN TABLE five (id integer, gone text, name text)
    SERVER olist_local OPTIONS (uri :'a');
ALTER FOREIGN TABLE five DROP COLUMN gone;
SELECT * FROM five ORDER BY id;
DROP FOREIGN TABLE five;

-- nothing can be written
SELECT s.statement, e.state, e.message
FROM (VALUES ('INSERT INTO one VALUES (''x'', 1)'), ('UPDATE one SET id = 1'), ('DELETE FROM one'),
             ('TRUNCATE one'), ('COPY one FROM ''DIR/a.csv''')) AS s (statement),
     LATERAL pg_temp.try(s.statement) e;

-- what is not there
SELECT s.uri, e.state, e.message, e.hint
FROM (VALUES ('DIR/none.csv'), ('DIR/none/'), ('DIR/none*.csv')) AS s (uri),
     LATERAL pg_temp.try(format(
         'CREATE FOREIGN TABLE pg_temp.%I (id int) SERVER olist_local OPTIONS (uri %L)',
         'table of ' || s.uri, s.uri)) c,
     LATERAL pg_temp.try(format('SELECT * FROM pg_temp.%I', 'table of ' || s.uri)) e;

-- plans know how much there is to read
CREATE FUNCTION pg_temp.explain(options text, query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    line text;
BEGIN
    FOR line IN EXECUTE format('EXPLAIN (%s) %s', options, query) LOOP
        RETURN NEXT pg_temp.masked(regexp_replace(line, 'cost=[^ ]* ', ''));
    END LOOP;
END
$$;
SELECT pg_temp.explain('COSTS off', 'SELECT * FROM two WHERE number = 1');
SELECT pg_temp.explain('COSTS on', 'SELECT * FROM two WHERE number = 1');
ANALYZE two;
SELECT reltuples FROM pg_class WHERE oid = 'two'::regclass;
SELECT attname, null_frac, n_distinct FROM pg_stats WHERE tablename = 'two' ORDER BY attname;
SELECT pg_temp.explain('COSTS on', 'SELECT * FROM two');

-- a URL's query, in which a secret may stand, is not shown
CREATE FOREIGN TABLE secret (id int) SERVER olist_local
    OPTIONS (uri 'https://example.com/x.csv?X-Amz-Signature=canary');
SELECT pg_temp.explain('COSTS off', 'SELECT * FROM secret');

-- whole prefixes: entities get their columns, other objects those of their header
SELECT pg_temp.shell('mkdir DIR/olist DIR/olist/sellers');
SELECT pg_temp.put('olist/olist_orders_dataset.csv', E'order_id\n');
SELECT pg_temp.put('olist/sellers/1.csv', E'seller_id,seller_city\na,x\n');
SELECT pg_temp.put('olist/sellers/2.csv', E'seller_id,seller_state\nb,SP\n');
SELECT pg_temp.put('olist/Own Data.2024.csv', E'a,"b ""quoted"""\n1,2\n');
SELECT pg_temp.put('olist/README.txt', E'no data\n');
CREATE SCHEMA imported;
\set olist :dir '/olist/'
IMPORT FOREIGN SCHEMA whatever FROM SERVER olist_local INTO imported
    OPTIONS (uri :'olist', on_error 'reject');
SELECT c.relname, a.attname, format_type(a.atttypid, NULL), a.attfdwoptions
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
WHERE c.relnamespace = 'imported'::regnamespace
ORDER BY c.relname, a.attnum;
SELECT foreign_table_name, option_name, replace(option_value, :'dir', 'DIR') AS option_value
FROM information_schema.foreign_table_options WHERE foreign_table_schema = 'imported'
ORDER BY 1, 2;
SELECT * FROM imported.sellers ORDER BY seller_id;
SELECT * FROM imported."Own Data";
DROP SCHEMA imported CASCADE;
CREATE SCHEMA imported;
IMPORT FOREIGN SCHEMA whatever LIMIT TO (sellers) FROM SERVER olist_local INTO imported
    OPTIONS (uri :'olist');
IMPORT FOREIGN SCHEMA whatever EXCEPT (sellers, orders) FROM SERVER olist_local INTO imported
    OPTIONS (uri :'olist');
SELECT foreign_table_name FROM information_schema.foreign_tables WHERE foreign_table_schema = 'imported';
SELECT state, message, hint
FROM pg_temp.try('IMPORT FOREIGN SCHEMA x FROM SERVER olist_local INTO imported OPTIONS (url ''x'')');
DROP SCHEMA imported CASCADE;

-- rights count when a table is scanned, on every way to its object
CREATE ROLE regress_olist_reader;
GRANT USAGE ON FOREIGN SERVER olist_local TO regress_olist_reader;
GRANT SELECT ON one TO regress_olist_reader;
CREATE VIEW view_of_one AS SELECT * FROM one;
GRANT SELECT ON view_of_one TO regress_olist_reader;
SET ROLE regress_olist_reader;
SET client_min_messages = error;    -- ANALYZE warns, in words of each version
SELECT s.statement, e.state, e.message
FROM (VALUES ('SELECT * FROM one'), ('EXPLAIN SELECT * FROM one'), ('ANALYZE one'),
             ('IMPORT FOREIGN SCHEMA x FROM SERVER olist_local INTO pg_temp OPTIONS (uri ''DIR/'')')) AS s (statement),
     LATERAL pg_temp.try(s.statement) e;
SET client_min_messages = warning;
-- a view reads as its owner, who may
SELECT count(*) FROM view_of_one;
RESET ROLE;
ALTER FOREIGN TABLE one OWNER TO regress_olist_reader;
-- ANALYZE reads as the table's owner, who may not
SELECT state, message FROM pg_temp.try('ANALYZE one');
GRANT pg_read_server_files TO regress_olist_reader;
SET ROLE regress_olist_reader;
SELECT count(*) FROM one;
RESET ROLE;
REVOKE USAGE ON FOREIGN SERVER olist_local FROM regress_olist_reader;
SET ROLE regress_olist_reader;
SELECT state, message FROM pg_temp.try('SELECT * FROM one');
RESET ROLE;

DROP VIEW view_of_one;
DROP FOREIGN TABLE one, two, three, four, secret;
DROP ROLE regress_olist_reader;
SELECT pg_temp.shell('rm -r DIR');
