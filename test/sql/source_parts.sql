-- The inner parts of the source layer, held against known answers: signatures,
-- names, patterns, address policy, checksums and listings. The functions are
-- declared here only; they are not part of the extension.
-- whatever the server is set to
SET olist_etl.allowed_endpoints = '';
CREATE FUNCTION pg_temp.sigv4(method text, path text, query text[], headers text[], body text,
    at text, key_id text, secret text, region text, service text) RETURNS text
    LANGUAGE c STRICT AS 'olist_etl', 'olist_etl_test_sigv4';
CREATE FUNCTION pg_temp.glob(pattern text, name text) RETURNS boolean
    LANGUAGE c STRICT AS 'olist_etl', 'olist_etl_test_glob';
CREATE FUNCTION pg_temp.uri(text) RETURNS text
    LANGUAGE c STRICT AS 'olist_etl', 'olist_etl_test_uri';
CREATE FUNCTION pg_temp.policy(host text, port int, address text) RETURNS boolean
    LANGUAGE c STRICT AS 'olist_etl', 'olist_etl_test_policy';
CREATE FUNCTION pg_temp.md5_pieces(bytea, int) RETURNS text
    LANGUAGE c STRICT AS 'olist_etl', 'olist_etl_test_md5';
CREATE FUNCTION pg_temp.page(document text, piece int) RETURNS text
    LANGUAGE c STRICT AS 'olist_etl', 'olist_etl_test_page';

-- Signature Version 4: the test suite that AWS publishes (general requests) ...
CREATE TEMP TABLE vector (name text, method text, path text, query text[], headers text[],
    body text, signature text);
INSERT INTO vector VALUES
('get-vanilla', 'GET', '/', '{}', '{}', '',
 '5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31'),
('get-vanilla-query-order-key-case', 'GET', '/', '{Param2,value2,Param1,value1}', '{}', '',
 'b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500'),
('get-utf8', 'GET', '/ሴ', '{}', '{}', '',
 '8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85'),
('get-vanilla-utf8-query', 'GET', '/', '{ሴ,bar}', '{}', '',
 '2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04'),
('get-unreserved', 'GET', '/-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz',
 '{}', '{}', '', '07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f'),
('get-vanilla-query-unreserved', 'GET', '/',
 '{-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz,-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz}',
 '{}', '', '9c3e54bfcdf0b19771a7f523ee5669cdf59bc7cc0884027167c21bb143a40197'),
('get-vanilla-empty-query-key', 'GET', '/', '{Param1,value1}', '{}', '',
 'a67d582fa61cc504c4bae71f336f98b97f1ea3c7a6bfe1b6e45aec72011b9aeb'),
('get-space', 'GET', '/example space/', '{}', '{}', '',
 '652487583200325589f1fba4c7e578f72c47cb61beeca81406b39ddec1366741'),
('get-header-value-trim', 'GET', '/', '{}', '{my-header1," value1",my-header2," \"a   b   c\""}', '',
 'acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736'),
('post-vanilla', 'POST', '/', '{}', '{}', '',
 '5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b'),
('post-x-www-form-urlencoded', 'POST', '/', '{}', '{content-type,application/x-www-form-urlencoded}',
 'Param1=value1', 'ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a');
SELECT name, pg_temp.sigv4(method, path, query,
        headers || '{host,example.amazonaws.com,x-amz-date,20150830T123600Z}', body,
        '20150830T123600Z', 'AKIDEXAMPLE', 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY',
        'us-east-1', 'service') = signature AS right
FROM vector ORDER BY name;

-- ... and the examples of S3's own documentation
SELECT name, pg_temp.sigv4('GET', path, query,
        headers || '{host,examplebucket.s3.amazonaws.com,x-amz-date,20130524T000000Z,x-amz-content-sha256,e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855}',
        '', '20130524T000000Z', 'AKIAIOSFODNN7EXAMPLE',
        'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY', 'us-east-1', 's3') = signature AS right
FROM (VALUES
    ('get object, range', '/test.txt', '{}'::text[], '{range,bytes=0-9}'::text[],
     'f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41'),
    ('get bucket lifecycle', '/', '{lifecycle,""}', '{}',
     'fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543'),
    ('list objects', '/', '{max-keys,2,prefix,J}', '{}',
     '34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7'))
    AS v(name, path, query, headers, signature);

-- addresses: keys stand as they are, URLs keep their encoding, secrets are refused
SELECT u, pg_temp.uri(u) FROM unnest(ARRAY[
    's3://bucket', 's3://bucket/', 's3://bucket/a/b.csv', 's3://bucket//lead', 's3://bucket/a b%20+?&#c',
    's3://bucket/k?versionId=abc', 's3://bucket/k?versionId=abc?versionId=', 'S3://bucket/X',
    'https://Example.com', 'https://example.com:8443/p?q=1#frag', 'http://[::1]:9000/x y',
    'https://example.com:443/', 'https://[2001:DB8::1]/', 'http://127.0.0.1:80',
    'file:///tmp/a b', '/tmp/x', 'sample://small/orders.csv']) u;
SELECT pg_temp.uri('s3:///key');
SELECT pg_temp.uri('s3://bad bucket/key');
SELECT pg_temp.uri('https://user:secret@example.com/');
SELECT pg_temp.uri('https://exa mple.com/');
SELECT pg_temp.uri('https://example.com:0/');
SELECT pg_temp.uri('file://relative');
SELECT pg_temp.uri('ftp://example.com/');

-- patterns
SELECT p, n, pg_temp.glob(p, n) FROM (VALUES
    ('a/*.csv', 'a/x.csv'), ('a/*.csv', 'a/b/x.csv'), ('a/**.csv', 'a/b/x.csv'),
    ('a/**/x.csv', 'a/x.csv'), ('a/**/x.csv', 'a/b/c/x.csv'), ('a/**/x.csv', 'a/bx.csv'),
    ('?.csv', 'é.csv'), ('?.csv', 'ab.csv'), ('?', '/'), ('{a,b{c,d}}.csv', 'bd.csv'),
    ('{a,b{c,d}}.csv', 'b.csv'), ('{,x}y', 'y'), ('\*', '*'), ('\*', 'x'), ('a\{b', 'a{b'),
    ('*', ''), ('', ''), ('', 'x'), ('**', 'a/b'))
    AS v(p, n);
-- (a pattern that takes for ever where matching backtracks)
SELECT pg_temp.glob(repeat('a*', 100) || 'b', repeat('a', 400));
SELECT pg_temp.glob('{a,b', 'a');
SELECT pg_temp.glob(repeat('{a,b}', 11), 'a');
SELECT pg_temp.glob(repeat('**/', 1365), 'a/b');
SELECT pg_temp.glob(repeat('**/', 1366), 'a/b');

-- the policy: public addresses only, however they are written; lists are exact
SELECT address, pg_temp.policy('h', 443, address) AS allowed FROM unnest(ARRAY[
    '8.8.8.8', '52.95.110.1', '127.0.0.1', '127.255.255.255', '10.1.2.3', '172.15.0.1', '172.16.0.1',
    '172.31.255.255', '172.32.0.1', '192.168.1.1', '169.254.169.254', '100.64.0.1', '0.0.0.0',
    '224.0.0.1', '255.255.255.255', '::1', '::', '::ffff:127.0.0.1', '::ffff:8.8.8.8', 'fe80::1',
    'fc00::1', 'fd00:ec2::254', 'ff02::1', '2600:1f18::1', '64:ff9b::7f00:1', '64:ff9b::808:808',
    '2002:7f00:1::', '2002:808:808::', '2001:db8::1', '::127.0.0.1']) address;
SET olist_etl.allowed_endpoints = '10.0.0.0/8, [fd00::]/8, 127.0.0.1:9000, s3.example.com, *.internal:443';
SELECT host, port, address, pg_temp.policy(host, port, address) AS allowed FROM (VALUES
    ('h', 443, '10.1.2.3'), ('h', 443, '11.1.2.3'), ('h', 443, 'fd12::1'), ('h', 9000, '127.0.0.1'),
    ('h', 9001, '127.0.0.1'), ('h', 9000, '::ffff:127.0.0.1'), ('s3.example.com', 443, '8.8.8.8'),
    ('s3.example.com', 443, '192.168.1.1'), ('x.s3.example.com', 443, '8.8.8.8'),
    ('a.internal', 443, '8.8.8.8'), ('a.internal', 80, '8.8.8.8'), ('internal', 443, '8.8.8.8'))
    AS v(host, port, address);
SET olist_etl.allowed_endpoints = 'localhost';
SET olist_etl.allowed_endpoints = '10.0.0.0/33';
SET olist_etl.allowed_endpoints = 'exa mple.com';
RESET olist_etl.allowed_endpoints;

-- MD5 by pieces is MD5
SELECT bool_and(pg_temp.md5_pieces(data, piece) = md5(data)) AS right
FROM (SELECT convert_to(repeat('olist', n), 'UTF8') AS data FROM generate_series(0, 60) n) d,
     unnest(ARRAY[1, 7, 63, 64, 65, 1000]) piece;

-- a page of a listing, in pieces of any size
CREATE TEMP TABLE document (name text, xml text);
INSERT INTO document VALUES
('plain', '<?xml version="1.0"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>b</Name><IsTruncated>true</IsTruncated><NextContinuationToken>a+/=</NextContinuationToken><Contents><Key>x&amp;y &lt;</Key><Size>10</Size><ETag>&quot;abc&quot;</ETag><StorageClass>GLACIER</StorageClass><Owner><ID>z</ID><DisplayName>Key</DisplayName></Owner></Contents><CommonPrefixes><Prefix>p/</Prefix></CommonPrefixes></ListBucketResult>'),
('encoded', '<ListBucketResult><EncodingType>url</EncodingType><Contents><Key>a+b%2Bc%2F%C3%A9%20</Key><Size>0</Size></Contents></ListBucketResult>'),
('empty', '<ListBucketResult/>'),
('error', '<Error><Code>InternalError</Code></Error>'),
('cut', '<ListBucketResult><Contents><Key>a</Key><Size>1</Size></Contents>'),
('no size', '<ListBucketResult><Contents><Key>a</Key></Contents></ListBucketResult>'),
('nul in key', '<ListBucketResult><EncodingType>url</EncodingType><Contents><Key>a%00b</Key><Size>0</Size></Contents></ListBucketResult>'),
('html', '<html><body>Please log in</body></html>'),
('entity bomb', '<!DOCTYPE l [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]><ListBucketResult><Contents><Key>&b;</Key><Size>1</Size></Contents></ListBucketResult>'),
('long key', '<ListBucketResult><Contents><Key>' || repeat('k', 5000) || '</Key><Size>1</Size></Contents></ListBucketResult>');
SELECT name, pg_temp.page(xml, 1000000) FROM document ORDER BY name;
SELECT bool_and(pg_temp.page(xml, piece) = pg_temp.page(xml, 1000000)) AS same
FROM document, unnest(ARRAY[1, 2, 3, 17]) piece;
