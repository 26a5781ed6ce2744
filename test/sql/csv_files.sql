-- Files that change while they are read, packed files, and what thousands of
-- opens leave behind: nothing.
\getenv test PG_ABS_SRCDIR
\set include :test '/sql/include/files.psql'
\set ECHO none
\i :include
\set ECHO all
SELECT pg_temp.dir() AS dir \gset

-- A cursor reads the first row, then the file is changed: how does it end? The
-- file is longer than what is read at once.
CREATE FUNCTION pg_temp.change(command text) RETURNS TABLE (state text, message text, hint text) LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_temp.put('f.csv', E'a\n' || string_agg(i::text, E'\n') || E'\n') FROM generate_series(1, 50000) i;
    EXECUTE format('CREATE FOREIGN TABLE f (a int) SERVER olist_local OPTIONS (uri %L)', pg_temp.dir() || '/f.csv');
    DECLARE c CURSOR FOR SELECT * FROM f;
    BEGIN
        OPEN c;
        FETCH c INTO state;
        PERFORM pg_temp.shell(command);
        RETURN QUERY SELECT e.state, e.message, e.hint FROM pg_temp.try(format('MOVE ALL FROM %I', c)) e;
        CLOSE c;
    EXCEPTION WHEN invalid_cursor_name THEN
    END;
    DROP FOREIGN TABLE f;
END
$$;
SELECT v.command, c.*
FROM unnest(ARRAY['true', 'cat DIR/f.csv > /dev/null', 'echo 7 >> DIR/f.csv', 'truncate -s -1 DIR/f.csv', 'touch -d 2000-01-01 DIR/f.csv',
                  'cp DIR/f.csv DIR/g.csv; mv DIR/g.csv DIR/f.csv', 'rm DIR/f.csv']) v (command), LATERAL pg_temp.change(v.command) c;

-- Packed files: several members or frames, padding; cut, damaged, prolonged,
-- packed twice, misnamed. zstd frames are made by hand: a.zst and b.zst hold one
-- raw block each.
CREATE FUNCTION pg_temp.pack(command text, name text) RETURNS TABLE (state text, message text, hint text) LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_temp.shell('(' || command || ') > DIR/' || name);
    RETURN QUERY SELECT e.state, e.message, e.hint
    FROM pg_temp.try(format('SELECT * FROM olist_etl.read_csv(''DIR/%s'') AS t(a int)', name)) e;
END
$$;
SELECT pg_temp.put('a.csv', E'a\n1\n'), pg_temp.put('a.zst', '\x28b52ffd0050210000610a310a'::bytea),
       pg_temp.put('b.csv', E'2\n'), pg_temp.put('b.zst', '\x28b52ffd0050110000320a'::bytea),
       pg_temp.put('none.zst', '\x28b52ffd0050010000'::bytea), pg_temp.put('skip.zst', '\x502a4d180300000078797a'::bytea);
SET client_min_messages = error;
SELECT v.*, p.*
FROM (VALUES ('gzip < DIR/a.csv', 'x.csv.gz'), ('gzip < DIR/a.csv', 'x.GZ'), ('gzip < DIR/a.csv', 'x'), ('gzip < DIR/a.csv', 'x.csv'),
             ('cat DIR/a.zst', 'x.csv.zst'), ('cat DIR/a.zst', 'x.gz'), ('cat DIR/a.zst', 'x.csv'), ('cat DIR/a.csv', 'x.zst'),
             ('gzip < DIR/a.csv; gzip < DIR/b.csv', 'x.gz'), ('cat DIR/skip.zst DIR/a.zst DIR/none.zst DIR/skip.zst DIR/b.zst', 'x.zst'),
             ('gzip < DIR/a.csv; cat DIR/b.zst', 'x.gz'), ('gzip < DIR/a.csv; head -c 5000 /dev/zero', 'x.gz'),
             ('cat DIR/a.zst; head -c 5000 /dev/zero', 'x.zst'), ('gzip < DIR/a.csv; echo', 'x.gz'), ('cat DIR/a.zst; echo', 'x.zst'),
             ('gzip < DIR/a.csv | head -c 15', 'x.gz'), ('head -c 12 DIR/a.zst', 'x.zst'), ('head -c 7 DIR/a.zst', 'x.zst'),
             ('gzip < DIR/a.csv | gzip', 'x.gz'), ('gzip < DIR/a.zst', 'x.gz'), ('gzip < /dev/null', 'x.gz'), ('cat DIR/none.zst', 'x.zst')) v (command, name),
     LATERAL pg_temp.pack(v.command, v.name) p;
SET client_min_messages = warning;
CREATE FUNCTION pg_temp.values(name text) RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(a::text, ',') FROM olist_etl.read_csv(pg_temp.dir() || '/' || name) AS t(a int)
$$;
SELECT pg_temp.shell('(gzip < DIR/a.csv; gzip < DIR/b.csv) > DIR/x.gz; cat DIR/a.zst DIR/skip.zst DIR/b.zst > DIR/x.zst');
SELECT pg_temp.values('x.gz'), pg_temp.values('x.zst');
-- bombs of 30 MB, and objects that are simply too large
SELECT pg_temp.shell('(echo a; head -c 30000000 /dev/zero | tr "\000" "\n") | gzip -9 > DIR/bomb.gz'),
       pg_temp.put('bomb.zst', ('\x28b52ffd0050100000610a' || repeat('0200100a', 229) || '010000')::bytea);
SELECT v.name, e.state, e.message, e.hint FROM (VALUES ('bomb.gz'), ('bomb.zst')) v (name),
     LATERAL pg_temp.try(format('SELECT * FROM olist_etl.read_csv(''DIR/%s'') AS t(a int)', v.name)) e;
SET olist_etl.max_compression_ratio = 1000000;
SELECT pg_temp.values('bomb.gz'), pg_temp.values('bomb.zst');
SET olist_etl.max_object_size = '1MB';
SELECT v.name, e.state, e.message, e.detail, e.hint FROM (VALUES ('bomb.gz'), ('bomb.zst')) v (name),
     LATERAL pg_temp.try(format('SELECT * FROM olist_etl.read_csv(''DIR/%s'') AS t(a int)', v.name)) e;
RESET olist_etl.max_object_size;
RESET olist_etl.max_compression_ratio;

-- A cursor that is not read to its end, a LIMIT and all sorts of errors leave
-- neither a file descriptor nor memory behind.
SELECT pg_temp.shell('head -c 15 DIR/x.gz > DIR/cut.gz; (printf "a,b\n"; seq 30000 | sed s/$/,x/) > DIR/long.csv; printf "a\n1\nx\n" > DIR/bad.csv; printf "a\n\"1\n" > DIR/open.csv');
CREATE FUNCTION pg_temp.open_many(n int) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    name text;
BEGIN
    FOR i IN 1..n LOOP
        FOREACH name IN ARRAY '{cut.gz,bad.csv,open.csv,long.csv,no.csv}'::text[] LOOP
            BEGIN
                PERFORM * FROM olist_etl.read_csv(pg_temp.dir() || '/' || name) AS t(a int) LIMIT 2;
            EXCEPTION WHEN OTHERS THEN
            END;
        END LOOP;
        DECLARE c CURSOR FOR SELECT * FROM pg_temp.long;
        BEGIN
            OPEN c;
            MOVE c;
            PERFORM 1 / (i % 2);
            CLOSE c;
        EXCEPTION WHEN division_by_zero THEN
        END;
    END LOOP;
END
$$;
CREATE FUNCTION pg_temp.used(OUT files bigint, OUT kilobytes bigint) LANGUAGE sql AS $$
    SELECT (SELECT count(*) FROM pg_ls_dir('/proc/self/fd')),
           (SELECT substring(pg_read_file('/proc/self/status') FROM 'VmRSS:\s*(\d+)')::bigint)
$$;
DO $$
BEGIN
    EXECUTE format('CREATE FOREIGN TABLE pg_temp.long (a int, b text) SERVER olist_local OPTIONS (uri %L)', pg_temp.dir() || '/long.csv');
END
$$;
SELECT pg_temp.open_many(100);
SELECT files, kilobytes FROM pg_temp.used() \gset before_
SELECT pg_temp.open_many(500);
SELECT files <= :before_files AS files_are_flat, kilobytes - :before_kilobytes < 4096 AS memory_is_flat FROM pg_temp.used();

SELECT pg_temp.shell('rm -r DIR');
