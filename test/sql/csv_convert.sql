-- The fast conversions give what the types' input functions give, bit for bit,
-- or leave the text to them. Shown on the plain forms they are made for, on the
-- edges, and on some millions of random texts.
SET client_min_messages = warning;
CREATE FUNCTION check_conversion(value text, type anyelement, typmod int) RETURNS text
LANGUAGE c AS '$libdir/olist_etl', 'olist_etl_check_conversion';

-- one text: does the fast way take it?
SELECT v, check_conversion(v, NULL::int, -1) AS int, check_conversion(v, NULL::numeric, -1) AS numeric,
       check_conversion(v, NULL::float8, -1) AS float8, check_conversion(v, NULL::bool, -1) AS bool
FROM unnest('{1,0,-7,+7,"",-,.,1.,.5,-.5,"- 1"," 1","1 ",01,-0,-0.0,1e3,NaN,inf,0x1F,1_000,1.2.3,t,false,True,yes,
              2147483647,2147483648,-2147483648,-2147483649,9999999999999999999,99999999999999999999,
              0.0000000000000000001,123456789012.34,9007199254740993,9007199254740992.5}'::text[]) v;

SELECT v, check_conversion(v, NULL::timestamp, -1) AS timestamp,
       check_conversion(v, NULL::timestamptz, -1) AS timestamptz, check_conversion(v, NULL::date, -1) AS date
FROM unnest('{2017-10-02 10:56:33,2017-10-02T10:56:33,2017-10-02,2017-10-02 10:56:33.123456,
              2017-10-02 10:56:33.1,2017-10-02 10:56:33.1234567,2017-10-02 10:56:33.,2017-10-02 10:56,
              2017-02-29,2016-02-29,1900-02-29,2000-02-29,0000-01-01,0001-01-01,9999-12-31,2017-00-10,2017-13-01,
              2017-1-02,2017-10-02 24:00:00,2017-10-02 23:59:60,2017-10-02 10:56:33Z,2017-10-02 10:56:33+02,
              2017-10-02 10:56:33-03:30,2017-10-02 10:56:33+15,2017-10-02 10:56:33 BC,infinity,20171002}'::text[]) v;

-- types with a modifier: what has to be rounded or cut is left to the input function
CREATE TABLE modified (n numeric(5,2), m numeric(4,4), x numeric(3,-2), v varchar(3), t timestamp(0));
SELECT v, check_conversion(v, NULL::numeric, n) AS "numeric(5,2)", check_conversion(v, NULL::numeric, m) AS "numeric(4,4)",
       check_conversion(v, NULL::numeric, x) AS "numeric(3,-2)", check_conversion(v, NULL::varchar, s) AS "varchar(3)"
FROM unnest('{1,-1.5,1.25,1.255,0.0001,.1234,999.99,1000,00999.99,abc,abcd,"abc ",ação,açõ}'::text[]) v,
     (SELECT max(atttypmod) FILTER (WHERE attname = 'n') n, max(atttypmod) FILTER (WHERE attname = 'm') m,
             max(atttypmod) FILTER (WHERE attname = 'x') x, max(atttypmod) FILTER (WHERE attname = 'v') s
      FROM pg_attribute WHERE attrelid = 'modified'::regclass) mods;

-- In the queries below, fast says that most texts did take the fast way, wrong
-- counts the datums that differ, and any text that only the fast way accepts
-- ends the query with the input function's error.
SELECT setseed(0.17);

-- whole numbers of every length and sign
WITH v AS MATERIALIZED (
    SELECT CASE WHEN random() < 0.4 THEN '-' ELSE '' END ||
           left(floor(random() * 1e18)::bigint::text || floor(random() * 1e6)::text, 1 + floor(random() * 20)::int) AS v
    FROM generate_series(1, 300000))
SELECT count(*) FILTER (WHERE i8 = '=') > 250000 AS fast8, count(*) FILTER (WHERE i4 = '=') > 100000 AS fast4,
       count(*) FILTER (WHERE i2 = '=') > 50000 AS fast2, count(*) FILTER (WHERE '!' IN (i8, i4, i2)) AS wrong
FROM (SELECT check_conversion(v, NULL::int8, -1) i8, check_conversion(v, NULL::int4, -1) i4,
             check_conversion(v, NULL::int2, -1) i2 FROM v) c;

-- around every power of two
SELECT count(*) FILTER (WHERE i8 = '=') AS fast8, count(*) FILTER (WHERE i4 = '=') AS fast4,
       count(*) FILTER (WHERE i2 = '=') AS fast2, count(*) FILTER (WHERE '!' IN (i8, i4, i2, f, n)) AS wrong
FROM (SELECT check_conversion(v, NULL::int8, -1) i8, check_conversion(v, NULL::int4, -1) i4,
             check_conversion(v, NULL::int2, -1) i2, check_conversion(v, NULL::float8, -1) f,
             check_conversion(v, NULL::numeric, -1) n
      FROM (SELECT trunc(s * (2::numeric ^ p + d), 0)::text v
            FROM generate_series(0, 70) p, generate_series(-3, 3) d, unnest('{1,-1}'::int[]) s) t) c;

-- decimal numbers: digits, point anywhere, zeros at both ends
WITH v AS MATERIALIZED (
    SELECT s || repeat('0', (random() * random() * 6)::int) || left(d, p) || CASE WHEN random() < 0.9 THEN '.' ELSE '' END ||
           substr(d, p + 1) || repeat('0', (random() * random() * 6)::int) AS v
    FROM (SELECT CASE WHEN random() < 0.4 THEN '-' ELSE '' END s, n, floor(random() * (n + 1))::int p,
                 left(floor(random() * 1e9)::bigint::text || floor(random() * 1e12)::bigint::text, n) d
          FROM (SELECT (random() * 19)::int n FROM generate_series(1, 400000)) a) b)
SELECT count(*) FILTER (WHERE f = '=') > 300000 AS fast_float8, count(*) FILTER (WHERE n = '=') > 250000 AS fast_numeric,
       count(*) FILTER (WHERE m = '=') > 50000 AS fast_modified, count(*) FILTER (WHERE '!' IN (f, n, m)) AS wrong
FROM (SELECT check_conversion(v, NULL::float8, -1) f, check_conversion(v, NULL::numeric, -1) n,
             check_conversion(v, NULL::numeric, ((12 << 16) | 2) + 4) m FROM v) c;

-- coordinates of 14 to 19 digits, where a double must be rounded with care
SELECT count(*) FILTER (WHERE f = '=') > 380000 AS fast, count(*) FILTER (WHERE f = '!') AS wrong
FROM (SELECT check_conversion('-' || (10 + floor(random() * 80))::text || '.' ||
                              lpad(floor(random() * 1e15)::bigint::text, 15, '0') ||
                              left(floor(random() * 100)::text, (random() * 2)::int), NULL::float8, -1) f
      FROM generate_series(1, 400000)) c;

-- exactly half way between two doubles, and one unit of the last place beside it
SELECT count(*) FILTER (WHERE f = '=') > 150000 AS fast, count(*) FILTER (WHERE f = '!') AS wrong
FROM (SELECT check_conversion(trim(trailing '0' FROM ((n::numeric + d * 0.5) / 2 ^ k)::numeric::text), NULL::float8, -1) f
      FROM (SELECT 9007199254740992 + floor(random() * 9007199254740992)::bigint n, (random() * 3)::int k,
                   (random() * 2)::int d FROM generate_series(1, 200000)) r) c;

-- every day of four centuries and what is near to a day, in every DateStyle
SET datestyle = 'SQL, DMY';
SELECT count(*) FILTER (WHERE d = '=') AS fast, count(*) FILTER (WHERE d = '-') AS left_alone,
       count(*) FILTER (WHERE d = '!') AS wrong
FROM (SELECT check_conversion(format('%s-%s-%s', y, lpad(m::text, 2, '0'), lpad(dd::text, 2, '0')), NULL::date, -1) d
      FROM generate_series(1700, 2100) y, generate_series(0, 13) m, generate_series(0, 32) dd) c;
SET datestyle = 'German, MDY';
SELECT count(*) FILTER (WHERE '=' = ALL (ARRAY[t, z])) AS fast, count(*) FILTER (WHERE '!' IN (t, z)) AS wrong
FROM (SELECT check_conversion(v, NULL::timestamp, -1) t, check_conversion(v, NULL::timestamptz, -1) z
      FROM (SELECT to_char(timestamp '0001-01-01' + random() * interval '9998 years', 'YYYY-MM-DD HH24:MI:SS') v
            FROM generate_series(1, 200000)) r) c;
RESET datestyle;

-- timestamps with fractions, and zones with changes of the clock
SET timezone = 'America/Sao_Paulo';
SELECT count(*) FILTER (WHERE t = '=') > 190000 AS fast, count(*) FILTER (WHERE z = '=') > 190000 AS fast_zone,
       count(*) FILTER (WHERE '!' IN (t, z)) AS wrong
FROM (SELECT check_conversion(v, NULL::timestamp, -1) t,
             check_conversion(v || (ARRAY['', 'Z', '+00', '-03', '+05:45', '-13:30'])[1 + floor(random() * 6)::int],
                              NULL::timestamptz, -1) z
      FROM (SELECT left(to_char(timestamp '1890-01-01' + random() * interval '140 years', 'YYYY-MM-DD HH24:MI:SS.US'),
                        (ARRAY[19, 21, 22, 23, 24, 25, 26])[1 + floor(random() * 7)::int]) v
            FROM generate_series(1, 200000)) r) c;
-- each half hour of the years in which the clock was changed
SELECT count(*) FILTER (WHERE z = '=') AS fast, count(*) FILTER (WHERE z = '!') AS wrong
FROM (SELECT check_conversion(to_char(t, 'YYYY-MM-DD HH24:MI:SS'), NULL::timestamptz, -1) z
      FROM generate_series(timestamp '2016-01-01', '2019-12-31', '30 minutes') t) c;
RESET timezone;

-- random text from the bytes that numbers and timestamps are made of
SELECT count(*) FILTER (WHERE '!' IN (i, n, f, d, t, z, b)) AS wrong
FROM (SELECT check_conversion(v, NULL::int8, -1) i, check_conversion(v, NULL::numeric, -1) n,
             check_conversion(v, NULL::float8, -1) f, check_conversion(v, NULL::date, -1) d,
             check_conversion(v, NULL::timestamp, -1) t, check_conversion(v, NULL::timestamptz, -1) z,
             check_conversion(v, NULL::bool, -1) b
      FROM (SELECT (SELECT string_agg(substr('0123456789-.+:TtZfe ', 1 + floor(random() * 20)::int, 1), '')
                    FROM generate_series(1, 1 + (g % 7))) v
            FROM generate_series(1, 150000) g) r) c;

-- broken timestamps: one byte of a good one replaced
SELECT count(*) FILTER (WHERE '!' IN (t, z)) AS wrong, count(*) FILTER (WHERE t = '=') > 10000 AS fast
FROM (SELECT check_conversion(v, NULL::timestamp, -1) t, check_conversion(v, NULL::timestamptz, -1) z
      FROM (SELECT overlay('2017-10-02 10:56:33' PLACING substr('0123456789-: ', 1 + floor(random() * 13)::int, 1)
                           FROM 1 + floor(random() * 19)::int) v
            FROM generate_series(1, 50000)) r) c;

DROP TABLE modified;
DROP FUNCTION check_conversion(text, anyelement, int);
