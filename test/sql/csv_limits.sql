-- Limits: an administrator's to set, everybody's to lower, nobody else's to raise.
-- And files: for those who may read the server's files, and only files.
\getenv test PG_ABS_SRCDIR
\set include :test '/sql/include/files.psql'
\set ECHO none
\i :include
\set ECHO all
SELECT pg_temp.dir() AS dir \gset
LOAD 'olist_etl';
SELECT name, setting, unit, context FROM pg_settings
WHERE name ~ '^olist_etl.max_(object_size|compression_ratio|columns|field_bytes|record_bytes)$' ORDER BY name COLLATE "C";

CREATE ROLE regress_olist_user;
GRANT EXECUTE ON FUNCTION olist_etl.read_csv TO regress_olist_user;
SET ROLE regress_olist_user;
-- lower, lower still, and back up to where the session began
SET olist_etl.max_columns = 100;
SET olist_etl.max_columns = 10;
SET olist_etl.max_columns = 2000;
SELECT state, message, detail, hint FROM pg_temp.try('SET olist_etl.max_columns = 2001');
RESET olist_etl.max_columns;
SELECT s.statement, e.state
FROM unnest(ARRAY[
    'SET LOCAL olist_etl.max_object_size = ''1TB''',
    'SET olist_etl.max_compression_ratio = 100000',
    'SET olist_etl.max_field_bytes = ''256MB''',
    'SELECT set_config(''olist_etl.max_record_bytes'', ''256MB'', false)',
    'CREATE FUNCTION pg_temp.raised() RETURNS int LANGUAGE sql SET olist_etl.max_columns = 5000 AS ''SELECT 1''',
    'ALTER ROLE regress_olist_user SET olist_etl.max_columns = 5000',
    'ALTER ROLE regress_olist_user SET olist_etl.max_columns = 50']) s (statement), LATERAL pg_temp.try(s.statement) e;
-- nor may they read files
SELECT state, message, hint FROM pg_temp.try('SELECT * FROM olist_etl.read_csv(''DIR/a.csv'') AS t(a int)');
RESET ROLE;
-- a superuser raises it, for a session or for a role
SET olist_etl.max_columns = 5000;
RESET olist_etl.max_columns;
ALTER ROLE regress_olist_user SET olist_etl.max_columns = 5000;

-- whoever may read the server's files may read these, but only regular ones
GRANT pg_read_server_files TO regress_olist_user;
SELECT pg_temp.put('a.csv', E'a\n1\n');
SELECT pg_temp.shell('cd DIR && mkdir d d/e && cp a.csv d/b.csv && cp a.csv d/e/c.csv && cp a.csv "d/x y%20[1].csv" && ln -s a.csv link.csv && ln -s d linked && mkfifo fifo.csv && : > empty.csv && touch d/.hidden');
SET ROLE regress_olist_user;
SELECT f.path, e.state, e.message, e.hint
FROM (VALUES ('DIR/a.csv'), ('file://DIR/a.csv'), ('DIR//./a.csv'), ('DIR/d/../a.csv'), ('a.csv'), ('DIR/link.csv'), ('DIR/fifo.csv'), ('/dev/zero'),
             ('/proc/self/environ'), ('DIR/no.csv'), ('DIR/a.csv/x'), ('DIR/no/'), ('DIR/empty.csv'), ('DIR/n*.csv')) f (path),
     LATERAL pg_temp.try(format('SELECT * FROM olist_etl.read_csv(%L) AS t(a int)', f.path)) e;
RESET ROLE;
REVOKE pg_read_server_files FROM regress_olist_user;
SET ROLE regress_olist_user;
SELECT state FROM pg_temp.try('SELECT * FROM olist_etl.read_csv(''DIR/a.csv'') AS t(a int)');
RESET ROLE;

-- listings: by name, bytewise, all below a directory; links and pipes are no objects
CREATE FUNCTION pg_temp.list(path text) RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(replace(uri, 'file://' || pg_temp.dir(), ''), ' | ') FROM olist_etl.list_objects(pg_temp.dir() || path)
$$;
SELECT v.path, pg_temp.list(v.path) AS objects
FROM unnest('{/,/d,/d/,/d/e/,/*,/*.csv,/**.csv,/d/*,/*/*.csv,/**/c.csv,/d/?.csv,"/{a,d/b}.csv","/{d,e}/**",/no*,/no/*/x,/a.csv,"/d/x y%20[1].csv"}'::text[]) v (path);
SELECT uri LIKE 'file:///%/a.csv' AS uri, size, etag ~ '^[0-9a-f]+-4-[0-9a-f]+$' AS etag,
       last_modified BETWEEN now() - interval '1 hour' AND now() + interval '1 hour' AS last_modified, storage_class
FROM olist_etl.list_objects(pg_temp.dir() || '/a.csv');

SELECT pg_temp.shell('rm -r DIR');
REVOKE EXECUTE ON FUNCTION olist_etl.read_csv FROM regress_olist_user;
DROP ROLE regress_olist_user;
