-- read_csv(): CSV objects as the rows of a function.
\getenv test PG_ABS_SRCDIR
\set include :test '/sql/include/files.psql'
\set ECHO none
\i :include
\set ECHO all
SELECT pg_temp.dir() AS dir \gset
SELECT pg_temp.put('1.csv', E'id,name\n1,one\n2,two\n'),
       pg_temp.put('2.csv', E'name,id\nthree,3\nfour,four\n'),
       pg_temp.put('3.tsv', E'1\tone\n2\t\\N\n'),
       pg_temp.put('latin1.csv', convert_to(E'name\nS\u00e3o Paulo\n', 'LATIN1'));
\set one :dir '/1.csv'
\set all :dir '/*.csv'
\set two :dir '/2.csv'
\set tsv :dir '/3.tsv'
\set latin1 :dir '/latin1.csv'

SELECT * FROM olist_etl.read_csv(:'one') AS t(name text, id int);
SELECT * FROM olist_etl.read_csv(:'tsv', delimiter => 'tab', header => false, null_string => '\N') AS t(a int, b text);
SELECT * FROM olist_etl.read_csv(:'latin1', encoding => 'latin1') AS t(name text);
SELECT * FROM pg_temp.try('SELECT * FROM olist_etl.read_csv(''DIR/latin1.csv'') AS t(name text)');

-- the first bad record is an error, or bad ones are passed over
SELECT * FROM pg_temp.try('SELECT * FROM olist_etl.read_csv(''DIR/{1,2}.csv'') AS t(id int, name text)');
SELECT * FROM olist_etl.read_csv(:'two', on_error => 'reject') AS t(id int, name text);
SELECT * FROM olist_etl.read_csv(:'two', on_error => 'reject', reject_limit => '50%') AS t(id int);
SELECT state, message, detail
FROM pg_temp.try('SELECT * FROM olist_etl.read_csv(''DIR/2.csv'', on_error => ''reject'', reject_limit => ''0'') AS t(id int)');

-- arguments that make no sense
SELECT s.arguments, e.state, e.message, e.hint
FROM (VALUES ('NULL'), ('''DIR/1.csv'', ''no_such_server'''), ('''DIR/1.csv'', quote => ''""'''),
             ('''DIR/1.csv'', reject_limit => ''1'''), ('''DIR/1.csv'', max_columns => ''1''')) AS s (arguments),
     LATERAL pg_temp.try(format('SELECT * FROM olist_etl.read_csv(%s) AS t(id int)', s.arguments)) e;
SELECT state, message, hint FROM pg_temp.try('SELECT olist_etl.read_csv(''DIR/1.csv'')');

-- a server must be one of the wrapper's, and files one's own to read
CREATE FOREIGN DATA WRAPPER regress_other;
CREATE SERVER regress_other FOREIGN DATA WRAPPER regress_other;
SELECT state, message FROM pg_temp.try('SELECT * FROM olist_etl.read_csv(''DIR/1.csv'', ''regress_other'') AS t(id int)');
DROP FOREIGN DATA WRAPPER regress_other CASCADE;
CREATE ROLE regress_olist_reader;
GRANT EXECUTE ON FUNCTION olist_etl.read_csv TO regress_olist_reader;
SET ROLE regress_olist_reader;
SELECT state, message FROM pg_temp.try('SELECT * FROM olist_etl.read_csv(''DIR/1.csv'') AS t(id int)');
RESET ROLE;
REVOKE EXECUTE ON FUNCTION olist_etl.read_csv FROM regress_olist_reader;
DROP ROLE regress_olist_reader;

SELECT pg_temp.shell('rm -r DIR');
