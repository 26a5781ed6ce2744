-- Fields of every kind of type: what the fast conversions do not know goes
-- through the type's input function, and its errors become the record's.
\getenv test PG_ABS_SRCDIR
\set include :test '/sql/include/files.psql'
\set ECHO none
\i :include
\set ECHO all
CREATE TYPE mood AS ENUM ('sad', 'happy');
CREATE TYPE pair AS (x int, y text);
CREATE FUNCTION is_small(n int) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    IF n = 13 THEN
        RAISE EXCEPTION 'unlucky' USING HINT = 'Take another.';
    ELSIF n = 57 THEN
        PERFORM pg_sleep(10);
    END IF;
    RETURN n < 100;
END
$$;
CREATE DOMAIN small AS int CHECK (is_small(VALUE));
CREATE DOMAIN given AS text NOT NULL;

-- one value as one type: the value, or the error
CREATE FUNCTION pg_temp.read(type text, field text, OUT value text, OUT state text, OUT message text, OUT hint text)
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_temp.put('t.csv', E'v,w\n' || field || E',1\n');
    EXECUTE format('SELECT v::text FROM olist_etl.read_csv(%L) AS t(v %s, w int)', pg_temp.dir() || '/t.csv', type) INTO value;
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT, hint = PG_EXCEPTION_HINT;
    hint := replace(hint, 'DateStyle', 'datestyle');    -- from PostgreSQL 18 on
END
$$;
SELECT v.*, r.*
FROM (VALUES ('int', ' 7 '), ('int', 'x'), ('int', '2147483648'), ('int', '1.0'), ('int', '""'), ('int', ''), ('smallint', '-32769'),
             ('numeric', '1e3'), ('numeric(5,2)', '1.005'), ('numeric(5,2)', '1000'), ('numeric(5,2)', '1'), ('numeric', 'NaN'), ('numeric', '"1.234,56"'),
             ('float8', '1e400'), ('float8', 'inf'), ('float8', '0x10'), ('real', '1.5'),
             ('boolean', 'YES'), ('boolean', 'maybe'), ('date', 'infinity'), ('date', '2018-02-30'), ('date', '"January 8, 1999"'),
             ('timestamp', '2017-13-45 10:00:00'), ('timestamp', '2018-01-01'), ('timestamp(0)', '2018-01-01 00:00:00.6'), ('timestamptz', '2018-01-01 00:00:00+03'),
             ('varchar(3)', 'abc'), ('varchar(3)', 'abcd'), ('varchar(3)', 'abc  '), ('char(3)', 'a'), ('"char"', 'ab'), ('name', 'n'),
             ('mood', 'happy'), ('mood', 'angry'), ('pair', '"(1,""a b"")"'), ('pair', '(x)'), ('int[]', '"{1,2}"'), ('int[]', '{1'), ('int[]', '{a}'),
             ('json', '"{""a"": 1}"'), ('json', '{'), ('jsonb', '[]'), ('uuid', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'), ('uuid', 'a0'), ('bytea', '\x00ff'), ('bytea', '\x0'),
             ('int4range', '"[1,3)"'), ('int4range', '"[3,1)"'), ('regclass', 'no_such_table'), ('inet', '10.0.0.1'), ('interval', '1 day'),
             ('small', '5'), ('small', '200'), ('small', '13'), ('small', 'x'), ('small', ''), ('given', 'x'), ('given', '""'), ('given', '')) v (type, field),
     LATERAL pg_temp.read(v.type, v.field) r;

-- many errors in a row are rejects, whatever the type: the transaction goes on
SELECT pg_temp.put('m.csv', E'v,w\n' || string_agg(concat_ws(',', (i * 7) % 120, (ARRAY['sad', 'happy', 'angry'])[1 + i % 3]), E'\n') || E'\n')
FROM generate_series(1, 300) i WHERE (i * 7) % 120 <> 57;
CREATE TABLE moods (v small, w mood, _line bigint, _object_id bigint);
SELECT rows_read, rows_loaded, rows_rejected FROM olist_etl.load('moods', pg_temp.dir() || '/m.csv', on_error => 'reject');
SELECT count(*), max(v), min(w), max(w) FROM moods;
SELECT r.sqlstate, r.column_name, r.message, r.hint, count(*)
FROM olist_etl.reject r JOIN olist_etl.ledger l USING (object_id) WHERE l.target = 'public.moods' GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3;
DELETE FROM olist_etl.ledger WHERE target = 'public.moods';

-- what is not about the data is an error in every mode
SELECT pg_temp.put('t.csv', E'v\n57\n');
\set VERBOSITY terse
SET statement_timeout = 200;
SELECT * FROM olist_etl.read_csv(pg_temp.dir() || '/t.csv', on_error => 'reject') AS t(v small);
RESET statement_timeout;

-- an object in another encoding than the server's
SELECT pg_temp.put('l.csv', convert_to(E'cidade,n\nS\u00e3o Paulo,1\n"a""\u00e7",2\n', 'LATIN1')),
       pg_temp.put('s.csv', convert_to(E'v,n\n\u30bd\u8868,1\n', 'SJIS'));
SELECT t.*, length(cidade) FROM olist_etl.read_csv(pg_temp.dir() || '/l.csv', encoding => 'latin1') AS t(cidade text, n int);
SELECT t.*, length(v) FROM olist_etl.read_csv(pg_temp.dir() || '/s.csv', encoding => 'sjis') AS t(v text, n int);

-- columns in any order, some of them only
SELECT pg_temp.put('o.csv', E'd,b,a,c\n4,2,1,3\n');
SELECT * FROM olist_etl.read_csv(pg_temp.dir() || '/o.csv') AS t(a int, b text, c numeric, d real);
SELECT * FROM olist_etl.read_csv(pg_temp.dir() || '/o.csv') AS t(c text, a float8);

SELECT pg_temp.shell('rm -r DIR');
DROP TABLE moods;
DROP DOMAIN small, given;
DROP FUNCTION is_small;
DROP TYPE mood, pair;
