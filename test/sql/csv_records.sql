-- What becomes of the records of a CSV object: those that are odd but good, and
-- those that are rejected, with their place and reason. In every case the
-- result is the same whether the object is read in one piece or byte by byte.
\getenv test PG_ABS_SRCDIR
\set include :test '/sql/include/files.psql'
\set ECHO none
\i :include
\set ECHO all
SELECT pg_temp.dir() AS dir \gset
-- warnings tell the directory; t/csv_gate.pl looks at them
SET client_min_messages = error;
-- objects are written with \n, \r, \t and octal \377 in them
CREATE FUNCTION pg_temp.bytes(content text) RETURNS bytea LANGUAGE sql AS $$
    SELECT decode(replace(replace(replace(content, '\n', '\012'), '\r', '\015'), '\t', '\011'), 'escape')
$$;
CREATE TABLE abc (a text, b text, c text, _line bigint, _object_id bigint);
-- the rows and rejects of an object, in order
CREATE FUNCTION pg_temp.records(content bytea, chunk int)
RETURNS TABLE (record bigint, line bigint, at bigint, a text, b text, c text, state text, field text, message text, raw text)
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('olist_etl.read_chunk_size', chunk || 'B', true);
    PERFORM pg_temp.put('x.csv', content);
    PERFORM olist_etl.load('abc', pg_temp.dir() || '/x.csv', on_error => 'reject', reload => true);
    RETURN QUERY
    SELECT row_number() OVER (ORDER BY r.line, r.record), r.line, r.byte_offset,
           coalesce(r.a, CASE WHEN r.sqlstate IS NULL THEN '∅' END), coalesce(r.b, CASE WHEN r.sqlstate IS NULL THEN '∅' END),
           coalesce(r.c, CASE WHEN r.sqlstate IS NULL THEN '∅' END), r.sqlstate, r.column_name, r.message, encode(r.raw, 'escape')
    FROM (SELECT t._line AS line, NULL::bigint AS record, NULL::bigint AS byte_offset, t.a, t.b, t.c,
                 NULL AS sqlstate, NULL AS column_name, NULL AS message, NULL::bytea AS raw
          FROM abc t
          UNION ALL
          SELECT j.line, j.record, j.byte_offset, NULL, NULL, NULL, j.sqlstate, j.column_name, j.message, j.raw
          FROM olist_etl.reject j JOIN olist_etl.ledger l USING (object_id)
          WHERE l.target = 'public.abc' AND l.is_current) r;
    DELETE FROM olist_etl.ledger l WHERE l.target = 'public.abc';
    DELETE FROM olist_etl.reject;
    DELETE FROM abc;
END
$$;
-- the same in one piece; an error unless it is the same byte by byte
CREATE FUNCTION pg_temp.show(content text)
RETURNS TABLE (record bigint, line bigint, at bigint, a text, b text, c text, state text, field text, message text, raw text)
LANGUAGE plpgsql AS $$
DECLARE
    object bytea := pg_temp.bytes(content);
    whole text := (SELECT string_agg(r::text, E'\n') FROM pg_temp.records(object, 65536) r);
BEGIN
    FOR chunk IN 1..7 LOOP
        ASSERT whole IS NOT DISTINCT FROM (SELECT string_agg(r::text, E'\n') FROM pg_temp.records(object, chunk) r),
            'chunk size ' || chunk;
    END LOOP;
    RETURN QUERY SELECT * FROM pg_temp.records(object, 65536);
END
$$;
\pset null ''

-- plain
SELECT * FROM pg_temp.show('a,b,c\n1,2,3\n4,5,6');
-- NULL and the empty string; blanks stay
SELECT * FROM pg_temp.show('a,b,c\n,"",  x  \n,,\n');
-- quotes, delimiters and lines inside quotes: the line is the physical one
SELECT * FROM pg_temp.show('a,b,c\n1,"x, ""y""","l1\nl2\r\nl3"\n4,"""",""""""\n');
-- line ends of every kind, lines without a byte
SELECT * FROM pg_temp.show('a,b,c\r\n1,2,3\r\n\r\n4,5,6\r\n');
SELECT * FROM pg_temp.show('a,b,c\r1,2,3\r\r4,5,6');
SELECT * FROM pg_temp.show('\n\na,b,c\n\n1,2,3\r\n4,5,6\r7,8,9\n\r\n\r');
-- what other programs take for the end, a comment or an escape
SELECT * FROM pg_temp.show('a,b,c\n\\.\n#1,2,3\n1,\\N,NULL\n\032\n');
SELECT * FROM pg_temp.show('a,b,c\n1,"a\\"b",3\n4,5,6\n');

-- too few and too many fields
SELECT * FROM pg_temp.show('a,b,c\n1,2\n1,2,3,4\n1,2,3,\n7,8,9\n');
-- text after a closing quote, a quote inside an unquoted field: the next line is a record again
SELECT * FROM pg_temp.show('a,b,c\n1,"x"y,3\n4,5,6\n7,x"y,9\n1, "2",3\n1,2,3\n');
-- ... also when the field spans lines
SELECT * FROM pg_temp.show('a,b,c\n1,"l1\nl2"x,"\n4,5,6\n');
-- a quote that is never closed
SELECT * FROM pg_temp.show('a,b,c\n1,2,3\n4,"open,6\n7,8,9\n');
SELECT * FROM pg_temp.show('a,b,c\n1,2,"');
-- ... for more than a hundred lines: this is not one bad record, but a bad object,
-- whether the quote is open at the object's end or where the record gets too long
SELECT record, line, at, state, field, message, length(raw) FROM pg_temp.show('a,b,c\n1,2,3\n4,"open,6' || repeat('\n7,8,9', 99) || '\n');
SELECT pg_temp.put('o.csv', convert_to(E'a,b,c\n1,2,3\n4,"open,6' || repeat(E'\n7,8,9', 150) || E'\n', 'UTF8'));
SELECT e.* FROM (VALUES ('stop', 10000), ('reject', 10000), ('reject', 700), ('reject', 500)) AS v (on_error, max_record_bytes),
     LATERAL pg_temp.try(format('SELECT * FROM olist_etl.load(''abc'', ''DIR/o.csv'', on_error => %L, max_record_bytes => ''%s'')',
                                on_error, max_record_bytes)) e;
DELETE FROM olist_etl.ledger WHERE target = 'public.abc';
TRUNCATE abc;
-- the quote that opens the next field closes it
SELECT * FROM pg_temp.show('a,b,c\n1,"open,3\n4,"5",6\n7,8,9\n');

-- byte order marks: at the start, in front of a quote, amid the data
SELECT * FROM pg_temp.show('\357\273\277a,b,c\n1,2,3\n');
-- (psql does not agree with itself over the years on how wide this character is)
SELECT * FROM pg_temp.show('\357\273\277"a",b,c\n1,2,3\n\357\273\2774,5,6\n') \g (format=unaligned)
-- zero bytes, and bytes that are no UTF-8
SELECT * FROM pg_temp.show('a,b,c\n1,2\000x,3\n4,5,6\n');
SELECT * FROM pg_temp.show('a,b,c\n1,\377\376,3\n1,2,\300\257\n\355\240\200,2,3\n4,5,6\n1,S\343o Paulo,3\n1,2,\342\202');
SELECT * FROM pg_temp.show('a,b,c\n1,\303\251\342\202\254\360\237\230\200,3\n');

-- control bytes and text that hides: loaded as they are, escaped in messages
CREATE TABLE n (a int);
SELECT pg_temp.put('n.csv', E'a\n"\x1B[31m1\n2018-01-01 LOG:  fake\u202e"\n');
SELECT state, message, context FROM pg_temp.try('SELECT * FROM olist_etl.read_csv(''DIR/n.csv'') AS t(a int)');
SELECT pg_temp.put('n.csv', E'a\n' || repeat('x', 500) || E'\n');
SELECT state, message, context FROM pg_temp.try('SELECT * FROM olist_etl.read_csv(''DIR/n.csv'') AS t(a int)');
SELECT pg_temp.put('n.csv', E'a\n"%s%n"\n');
SELECT state, message, context FROM pg_temp.try('SELECT * FROM olist_etl.read_csv(''DIR/n.csv'') AS t(a int)');

-- limits: the record that exceeds one is rejected, the next is not
BEGIN;
SET LOCAL olist_etl.max_columns = 4;
SET LOCAL olist_etl.max_field_bytes = 10;
SET LOCAL olist_etl.max_record_bytes = 20;
SELECT state, field, message, raw FROM pg_temp.show('a,b,c\n1,2,3\n,,,,,,,,\n,12345678901,\n1,"234567""90",\n123456789,123456789,1\n"1\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n4,5,6\n');
COMMIT;
SELECT state, message, hint FROM pg_temp.try($$
    SELECT set_config('olist_etl.max_field_bytes', '2', true);
    SELECT * FROM olist_etl.read_csv('DIR/n.csv', max_field_bytes => '100') AS t(a text)$$);

-- the header
CREATE FUNCTION pg_temp.header(content text) RETURNS TABLE (state text, message text, detail text, hint text)
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_temp.put('h.csv', pg_temp.bytes(content));
    RETURN QUERY SELECT e.state, e.message, e.detail, e.hint
    FROM pg_temp.try('SELECT * FROM olist_etl.read_csv(''DIR/h.csv'') AS t(a text, b text, c text)') e;
END
$$;
SELECT h.* FROM unnest(ARRAY[
    '', '\n\r\n', 'a,b,c', 'c,b,a\n3,2,1\n', 'a,a,c\n', 'a,b\n1,2\n', 'a,b,c,d,,\n1,2,3,4,5,6\n', 'a;b;c\n', 'a\tb\tc\n', 'a|b|c\n',
    'sep=,\na,b,c\n', 'Report 2018\n\na,b,c\n', '<html>\n', '{"a": 1}\n', '"a""; DROP TABLE x; --",b,c\n',
    'a,b,"c\n', 'a,b"",c\n', 'a,b\000,c\n', '\377\376a\000,\000b\000\n\000', '\000a\000,\000b\000\n',
    '\000\000\000\000\000\000\000', 'a,b\343,c\n']) WITH ORDINALITY AS v (content, n),
    LATERAL pg_temp.header(v.content) h
ORDER BY n;
SELECT pg_temp.put('h.csv', E'A, b ,c\n1,2,3\n');
\set head :dir '/h.csv'
SELECT a, b, c FROM olist_etl.read_csv(:'head') AS t(a text, b text, c text);

SELECT pg_temp.shell('rm -r DIR');
DROP TABLE abc, n;
