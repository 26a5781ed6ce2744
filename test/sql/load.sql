-- load(): each version of an object into a table once, with its rejects and its ledger line.
\getenv test PG_ABS_SRCDIR
\set include :test '/sql/include/files.psql'
\set ECHO none
\i :include
\set ECHO all
SELECT pg_temp.dir() AS dir \gset
\set one :dir '/1.csv'
\set all :dir '/*.csv'
\set bad :dir '/bad.csv'
CREATE TABLE things (id integer, name text, _object_id bigint, _line bigint);
CREATE VIEW pg_temp.ledger AS
    SELECT object_id - (SELECT min(object_id) FROM olist_etl.ledger WHERE target = 'public.things') + 1 AS id,
           pg_temp.masked(uri) AS uri, rows_read AS read, rows_loaded AS loaded, rows_rejected AS rejected,
           is_current AS current, superseded_by IS NOT NULL AS superseded
    FROM olist_etl.ledger WHERE target = 'public.things' ORDER BY uri COLLATE "C", object_id;
CREATE FUNCTION pg_temp.load(uri text, on_error text DEFAULT 'stop', reload boolean DEFAULT false)
RETURNS TABLE (object text, status text, rows_read bigint, rows_loaded bigint, rows_rejected bigint)
LANGUAGE sql AS $$
    SELECT pg_temp.masked(l.object), l.status, l.rows_read, l.rows_loaded, l.rows_rejected
    FROM olist_etl.load('things', replace(uri, 'DIR', pg_temp.dir()), on_error => on_error, reload => reload) l
$$;

SELECT pg_temp.put('1.csv', E'id,name\n1,one\n2,"two\nlines"\n3,three\n'),
       pg_temp.put('2.csv', E'name,id\nfour,4\n');
SELECT * FROM pg_temp.load('DIR/*.csv');
SELECT id, name, _line, _object_id = (SELECT object_id FROM olist_etl.ledger WHERE uri LIKE '%/1.csv') AS is_of_1
FROM things ORDER BY id;
SELECT * FROM pg_temp.ledger;

-- the same versions again: nothing happens
SELECT * FROM pg_temp.load('DIR/*.csv');
SELECT count(*) FROM things;

-- ... however the session would write the table's name
SET quote_all_identifiers = on;
SELECT * FROM pg_temp.load('DIR/*.csv');
RESET quote_all_identifiers;
SELECT count(*) FROM things;

-- a changed object replaces the rows of its former version
SELECT pg_temp.put('1.csv', E'id,name\n1,uno\n');
SELECT * FROM pg_temp.load('DIR/1.csv');
SELECT id, name FROM things ORDER BY id;
SELECT * FROM pg_temp.ledger;
-- ... and when it changes back, the former version is current again
SELECT pg_temp.shell('mv DIR/1.csv DIR/1.uno');
SELECT pg_temp.put('1.csv', E'id,name\n1,eins\n2,zwei\n');
SELECT * FROM pg_temp.load('DIR/1.csv');
SELECT pg_temp.shell('mv DIR/1.uno DIR/1.csv');
SELECT * FROM pg_temp.load('DIR/1.csv');
SELECT id, name FROM things ORDER BY id;
SELECT * FROM pg_temp.ledger;

-- on demand, loaded again
SELECT * FROM pg_temp.load('DIR/1.csv', reload => true);
SELECT id, name FROM things ORDER BY id;
SELECT count(*) FROM pg_temp.ledger;

-- an error leaves nothing behind: neither rows nor a ledger line
SELECT pg_temp.put('bad.csv', E'id,name\n5,five\nsix,6\n7\n8,eight\n');
SELECT * FROM pg_temp.try('SELECT * FROM olist_etl.load(''things'', ''DIR/bad.csv'')');
SELECT count(*) FROM things;
SELECT count(*) FROM pg_temp.ledger;

-- bad records are kept whole, with their place and reason, and counted
SELECT * FROM pg_temp.load('DIR/bad.csv', on_error => 'reject');
SELECT id FROM things WHERE id >= 5 ORDER BY id;
SELECT r.reason, r.record, r.line, r.byte_offset, r.column_name, r.sqlstate, r.message, r.hint, convert_from(r.raw, 'UTF8') AS raw
FROM olist_etl.reject r JOIN olist_etl.ledger l USING (object_id) WHERE l.target = 'public.things' ORDER BY r.record;
-- loading it again does not double them
SELECT * FROM pg_temp.load('DIR/bad.csv', on_error => 'reject', reload => true);
SELECT count(*) FROM olist_etl.reject r JOIN olist_etl.ledger l USING (object_id) WHERE l.target = 'public.things';
-- a fixed file has none, and those of its former version are history
SELECT pg_temp.put('bad.csv', E'id,name\n5,five\n6,six\n7,\n8,eight\n');
SELECT * FROM pg_temp.load('DIR/bad.csv', on_error => 'reject');
SELECT count(*) FROM olist_etl.reject r JOIN olist_etl.ledger l USING (object_id)
WHERE l.target = 'public.things' AND l.is_current;

-- limits of rejects
SELECT pg_temp.put('bad.csv', 'id,name' || string_agg(E'\n' || CASE WHEN i % 10 = 0 THEN 'x' ELSE i::text END || ',n', '') || E'\n')
FROM generate_series(1, 1200) i;
SELECT state, message, detail FROM pg_temp.try('SELECT * FROM olist_etl.load(''things'', ''DIR/bad.csv'', on_error => ''reject'', reject_limit => ''9%'')');
SELECT state, message, detail FROM pg_temp.try('SELECT * FROM olist_etl.load(''things'', ''DIR/bad.csv'', on_error => ''reject'', reject_limit => ''119'')');
SELECT count(*) FROM things WHERE id BETWEEN 5 AND 8;
SELECT rows_read, rows_loaded, rows_rejected
FROM olist_etl.load('things', :'bad', on_error => 'reject', reject_limit => '10%');
SELECT count(*), min(_line), max(_line) FROM things WHERE name = 'n';
SELECT count(*), min(line), max(line), count(DISTINCT byte_offset)
FROM olist_etl.reject r JOIN olist_etl.ledger l USING (object_id) WHERE l.target = 'public.things' AND l.is_current;

-- columns that come or go are noted
SELECT pg_temp.put('drift.csv', E'id,name,new,newer\n9,nine,x,y\n');
SELECT * FROM pg_temp.load('DIR/drift.csv');
SELECT d.column_name, d.kind FROM olist_etl.drift d JOIN olist_etl.ledger l USING (object_id) WHERE l.target = 'public.things' ORDER BY 1;
SELECT pg_temp.put('lacks.csv', E'id\n10\n');
SELECT state, message, detail, hint FROM pg_temp.try('SELECT * FROM olist_etl.load(''things'', ''DIR/lacks.csv'')');

-- the error cases of a file as a whole
SELECT pg_temp.put('empty.csv', ''), pg_temp.put('quote.csv', E'id,name\n1,"open\n2,x\n'),
       pg_temp.put('header.csv', E'id,name\n');
SELECT pg_temp.shell('printf "id,name\n1,x\n2,y\n" | gzip -n | head -c 25 > DIR/cut.csv.gz');
SELECT f.name, o.on_error, e.state, e.message, e.detail, e.hint, e.context
FROM (VALUES ('empty.csv'), ('quote.csv'), ('cut.csv.gz')) AS f (name),
     (VALUES ('stop'), ('reject')) AS o (on_error),
     LATERAL pg_temp.try(format('SELECT * FROM olist_etl.load(''things'', ''DIR/%s'', on_error => %L)', f.name, o.on_error)) e
WHERE e.state <> '00000';
SELECT * FROM pg_temp.ledger WHERE uri LIKE '%quote%';
SELECT * FROM pg_temp.load('DIR/header.csv');

-- a table with more than a heap: the executor's way, with everything that an INSERT does
CREATE TABLE rich (id integer PRIMARY KEY CHECK (id < 100), name text NOT NULL DEFAULT 'none',
                   twice integer GENERATED ALWAYS AS (id * 2) STORED, serial bigserial,
                   at date DEFAULT '2018-01-01', _object_id bigint);
CREATE FUNCTION shout() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.name := upper(NEW.name);
    RETURN NEW;
END
$$;
CREATE TRIGGER shout BEFORE INSERT ON rich FOR EACH ROW EXECUTE FUNCTION shout();
SELECT pg_temp.put('rich.csv', E'id,name\n1,one\n2,two\n');
\set rich :dir '/rich.csv'
SET client_min_messages = error;
SELECT status, rows_loaded FROM olist_etl.load('rich', :'rich');
SELECT id, name, twice, serial, at FROM rich ORDER BY id;
SELECT pg_temp.put('rich.csv', E'id,name,at\n1,one,2018-02-03\n2,two,\n3,three,2018-02-03\n');
SELECT status, rows_loaded FROM olist_etl.load('rich', :'rich');
SELECT id, name, twice, serial, at FROM rich ORDER BY id;
SELECT pg_temp.put('twice.csv', E'id,name\n4,x\n4,y\n'), pg_temp.put('check.csv', E'id,name\n100,x\n'),
       pg_temp.put('null.csv', E'id,name\n5,\n');
SELECT f.name, e.state, e.message
FROM (VALUES ('twice'), ('check'), ('null')) AS f (name),
     LATERAL pg_temp.try(format('SELECT * FROM olist_etl.load(''rich'', ''DIR/%s.csv'')', f.name)) e;
-- ... and a row that the table refuses can be rejected like any other
SELECT pg_temp.put('many.csv', 'id,name' || string_agg(format(E'\n%s,%s', CASE WHEN i % 20 = 0 THEN '1' WHEN i = 33 THEN 'x' WHEN i = 44 THEN '100' ELSE (i + 3)::text END,
                                                              CASE WHEN i <> 55 THEN 'n' END), '') || E'\n')
FROM generate_series(1, 60) i;
\set many :dir '/many.csv'
SELECT status, rows_read, rows_loaded, rows_rejected FROM olist_etl.load('rich', :'many', on_error => 'reject');
SELECT count(*), min(id), max(id) FROM rich WHERE name = 'N';
SELECT r.record, r.line, r.byte_offset, r.column_name, r.sqlstate, r.message, convert_from(r.raw, 'UTF8') AS raw
FROM olist_etl.reject r JOIN olist_etl.ledger l USING (object_id) WHERE l.target = 'public.rich' ORDER BY r.record;
SELECT state, message, detail FROM pg_temp.try('SELECT * FROM olist_etl.load(''rich'', ''DIR/many.csv'', on_error => ''reject'', reject_limit => ''5'', reload => true)');

-- a trigger that keeps rows away is noticed
CREATE FUNCTION drop_it() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RETURN CASE WHEN NEW.id > 85 THEN NEW END;
END
$$;
CREATE TRIGGER drop_it BEFORE INSERT ON rich FOR EACH ROW EXECUTE FUNCTION drop_it();
SELECT pg_temp.put('rich2.csv', E'id,name\n85,x\n86,y\n');
SELECT state, message, hint FROM pg_temp.try('SELECT * FROM olist_etl.load(''rich'', ''DIR/rich2.csv'')');
CREATE TABLE parted (id integer, name text, _object_id bigint) PARTITION BY RANGE (id);
CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM (0) TO (2);
CREATE TABLE parted_2 PARTITION OF parted FOR VALUES FROM (2) TO (10);
SELECT status, rows_loaded FROM olist_etl.load('parted', :'one');
SELECT status, rows_loaded FROM olist_etl.load('parted', :'rich');
SELECT tableoid::regclass, id, name FROM parted ORDER BY tableoid::regclass::text, id;

-- a table without provenance takes an object once, and cannot take its next version
CREATE TABLE plain (id integer, name text);
SELECT status, rows_loaded FROM olist_etl.load('plain', :'one');
SELECT status, rows_loaded FROM olist_etl.load('plain', :'one');
SELECT pg_temp.put('1.csv', E'id,name\n1,eins\n2,zwei\n');
SELECT state, message, detail, hint FROM pg_temp.try('SELECT * FROM olist_etl.load(''plain'', ''DIR/1.csv'')');

-- unlogged rows that are gone are loaded again, and a ledger line stays one
CREATE UNLOGGED TABLE fleeting (id integer, name text, _object_id bigint);
SELECT status, rows_loaded FROM olist_etl.load('fleeting', :'one');
SELECT status, rows_loaded FROM olist_etl.load('fleeting', :'one');
TRUNCATE fleeting;
SELECT status, rows_loaded FROM olist_etl.load('fleeting', :'one');
DROP TABLE fleeting;
CREATE UNLOGGED TABLE fleeting (id integer, name text, _object_id bigint);
SELECT status, rows_loaded FROM olist_etl.load('fleeting', :'one');
-- after a crash, the marker is gone with the rows
TRUNCATE olist_etl.staged;
SELECT status, rows_loaded FROM olist_etl.load('fleeting', :'one');
SELECT count(*), count(DISTINCT id) FROM fleeting;
SELECT count(*) FROM olist_etl.ledger WHERE target = 'public.fleeting';

-- rows of a table made or truncated in the same transaction are frozen
BEGIN;
CREATE TABLE frozen (id integer, name text, _object_id bigint);
SELECT status FROM olist_etl.load('frozen', :'one');
SELECT count(*) FROM frozen;
SAVEPOINT s;
TRUNCATE frozen;
SELECT status, rows_loaded FROM olist_etl.load('frozen', :'one', reload => true);
ROLLBACK TO s;
SELECT count(*) FROM frozen;
COMMIT;
-- (only such rows make a page all-visible without VACUUM)
ANALYZE frozen, things;
SELECT relname, relallvisible > 0 AS is_frozen FROM pg_class WHERE relname IN ('frozen', 'things') ORDER BY 1;

-- what cannot be loaded into
CREATE TEMP TABLE temporary (id integer, name text);
CREATE VIEW a_view AS SELECT 1 AS id, 'x' AS name;
CREATE ROLE regress_olist_loader;
GRANT USAGE ON SCHEMA olist_etl TO regress_olist_loader;
GRANT EXECUTE ON FUNCTION olist_etl.load TO regress_olist_loader;
GRANT pg_read_server_files TO regress_olist_loader;
SELECT t.name, e.state, e.message, e.hint
FROM (VALUES ('temporary'), ('a_view'), ('no_such_table')) AS t (name),
     LATERAL pg_temp.try(format('SELECT * FROM olist_etl.load(%L, ''DIR/1.csv'')', t.name)) e;

-- the loader has the caller's rights on the target, and the ledger is nobody's to write
SET ROLE regress_olist_loader;
SELECT state, message FROM pg_temp.try('SELECT * FROM olist_etl.load(''things'', ''DIR/1.csv'')');
SELECT state, message FROM pg_temp.try('DELETE FROM olist_etl.ledger');
RESET ROLE;
GRANT INSERT ON things TO regress_olist_loader;
SET ROLE regress_olist_loader;
-- replacing rows needs the rights of DELETE
SELECT state, message FROM pg_temp.try('SELECT * FROM olist_etl.load(''things'', ''DIR/1.csv'')');
RESET ROLE;
GRANT SELECT, DELETE ON things TO regress_olist_loader;
SET ROLE regress_olist_loader;
SELECT status, rows_loaded FROM olist_etl.load('things', :'one');
RESET ROLE;
-- row security is obeyed
ALTER TABLE things ENABLE ROW LEVEL SECURITY;
CREATE POLICY nothing ON things FOR INSERT TO regress_olist_loader WITH CHECK (false);
SELECT pg_temp.put('1.csv', E'id,name\n1,un\n');
SET ROLE regress_olist_loader;
SELECT state, message FROM pg_temp.try('SELECT * FROM olist_etl.load(''things'', ''DIR/1.csv'')');
RESET ROLE;

DELETE FROM olist_etl.ledger WHERE target LIKE 'public.%';
DELETE FROM olist_etl.reject;
DELETE FROM olist_etl.drift;
DROP TABLE things, rich, parted, plain, fleeting, frozen;
DROP VIEW a_view;
DROP FUNCTION shout, drop_it;
REVOKE ALL ON SCHEMA olist_etl FROM regress_olist_loader;
REVOKE ALL ON FUNCTION olist_etl.load FROM regress_olist_loader;
DROP ROLE regress_olist_loader;
SELECT pg_temp.shell('rm -r DIR');
