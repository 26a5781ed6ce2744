-- Who may set which option, and who may reach what: everything that is decided
-- before a connection is opened. (T13, T15, T21, T32 of the threat table, as
-- far as they need no other server.)
-- whatever the server is set to
SET olist_etl.allowed_endpoints = '';
CREATE ROLE regress_source_user;
GRANT USAGE ON FOREIGN DATA WRAPPER olist_etl TO regress_source_user;
GRANT EXECUTE ON FUNCTION olist_etl.list_objects(text, name),
    olist_etl.check_source(text, name) TO regress_source_user;

-- options: unknown names, names in the wrong place, unusable values
CREATE SERVER s FOREIGN DATA WRAPPER olist_etl OPTIONS (endpont 'https://x');
CREATE SERVER s FOREIGN DATA WRAPPER olist_etl OPTIONS (secret_access_key 'x');
CREATE SERVER s FOREIGN DATA WRAPPER olist_etl OPTIONS (endpoint 'x.example.com');
CREATE SERVER s FOREIGN DATA WRAPPER olist_etl OPTIONS (endpoint 'https://x.example.com/path');
CREATE SERVER s FOREIGN DATA WRAPPER olist_etl OPTIONS (region 'eu.evil.example/');
CREATE SERVER s FOREIGN DATA WRAPPER olist_etl OPTIONS (min_tls '1.0');
CREATE SERVER s FOREIGN DATA WRAPPER olist_etl OPTIONS (part_size '1');
CREATE SERVER s FOREIGN DATA WRAPPER olist_etl OPTIONS (connections 'many');
CREATE SERVER s FOREIGN DATA WRAPPER olist_etl OPTIONS (addressing 'virtuel');
-- programs and unpackers do not exist (T14)
CREATE SERVER s FOREIGN DATA WRAPPER olist_etl OPTIONS (program 'gunzip');

-- a user may make a server, but not one that reaches into the machine
SET ROLE regress_source_user;
CREATE SERVER s FOREIGN DATA WRAPPER olist_etl OPTIONS (use_http 'true');
CREATE SERVER s FOREIGN DATA WRAPPER olist_etl OPTIONS (ambient_credentials 'true');
CREATE SERVER s FOREIGN DATA WRAPPER olist_etl OPTIONS (ca_file '/etc/passwd');
CREATE SERVER s FOREIGN DATA WRAPPER olist_etl OPTIONS (sts_endpoint 'https://evil.example.com');
CREATE SERVER regress_source FOREIGN DATA WRAPPER olist_etl OPTIONS (region 'eu-west-1');
CREATE USER MAPPING FOR CURRENT_USER SERVER regress_source OPTIONS (profile 'admin');
CREATE USER MAPPING FOR CURRENT_USER SERVER regress_source OPTIONS (token 'x');

-- settings: an allow-list, a file of secrets and limits are not the user's to widen
SET olist_etl.allowed_endpoints = '127.0.0.1';
SET olist_etl.credentials_file = '/tmp/mine';
SET olist_etl.read_ahead = '128MB';
SET olist_etl.read_ahead = '32MB';
RESET olist_etl.read_ahead;

-- without a mapping, or without a server, there are no credentials: not the server's own
SELECT * FROM olist_etl.list_objects('s3://bucket/', 'regress_source');
SELECT * FROM olist_etl.list_objects('s3://bucket/');
-- and there are no files of the server, however they are spelt
SELECT * FROM olist_etl.list_objects('/etc/passwd');
SELECT * FROM olist_etl.list_objects('file:///etc/');
SELECT * FROM olist_etl.list_objects('FILE:///proc/self/environ');
-- nor plain http, nor addresses inside
SELECT * FROM olist_etl.list_objects('http://example.com/x.csv');
SELECT * FROM olist_etl.list_objects('https://127.0.0.1:1/x.csv');
SELECT * FROM olist_etl.list_objects('https://2130706433:1/x.csv');
SELECT * FROM olist_etl.list_objects('https://0x7f.1:1/x.csv');
SELECT * FROM olist_etl.list_objects('https://[::ffff:127.0.0.1]:1/x.csv');
SELECT * FROM olist_etl.list_objects('https://169.254.169.254/latest/');
-- the query of an address, which may hold a signature, is not shown
SELECT * FROM olist_etl.list_objects('https://127.0.0.1:1/x.csv?X-Amz-Signature=secret');
RESET ROLE;

-- servers of others need USAGE, servers of other wrappers do not serve
REVOKE ALL ON FOREIGN SERVER regress_source FROM PUBLIC;
CREATE ROLE regress_source_other;
GRANT EXECUTE ON FUNCTION olist_etl.list_objects(text, name) TO regress_source_other;
SET ROLE regress_source_other;
SELECT * FROM olist_etl.list_objects('s3://bucket/', 'regress_source');
RESET ROLE;
CREATE FOREIGN DATA WRAPPER regress_source_wrapper;
CREATE SERVER regress_source_foreign FOREIGN DATA WRAPPER regress_source_wrapper;
SELECT * FROM olist_etl.list_objects('s3://bucket/', 'regress_source_foreign');
SELECT * FROM olist_etl.list_objects('s3://bucket/', 'regress_source_none');

-- a role on top of the server's own identity is the superuser's to choose
CREATE SERVER regress_source_ambient FOREIGN DATA WRAPPER olist_etl
    OPTIONS (ambient_credentials 'true');
GRANT USAGE ON FOREIGN SERVER regress_source_ambient TO regress_source_user;
SET ROLE regress_source_user;
CREATE USER MAPPING FOR CURRENT_USER SERVER regress_source_ambient
    OPTIONS (role_arn 'arn:aws:iam::1:role/admin');
SELECT * FROM olist_etl.list_objects('s3://bucket/', 'regress_source_ambient');
RESET ROLE;

-- check_source() says the same, step by step
SET ROLE regress_source_user;
SELECT step, status, detail FROM olist_etl.check_source('s3://bucket/', 'regress_source_none');
SELECT step, status, detail FROM olist_etl.check_source('/etc/passwd');
SELECT step, status, detail FROM olist_etl.check_source('https://127.0.0.1:1/x.csv');
RESET ROLE;

-- where a request goes: AWS's endpoint of the region unless there is another, the
-- bucket in the host's name where its certificate covers that
CREATE FUNCTION pg_temp.url(uri text, server name) RETURNS text
    LANGUAGE c STRICT AS 'olist_etl', 'olist_etl_test_url';
CREATE SERVER regress_source_aws FOREIGN DATA WRAPPER olist_etl;
SELECT pg_temp.url('s3://bucket/a key', 'regress_source_aws');
SELECT pg_temp.url('s3://dotted.bucket/k', 'regress_source_aws');
SELECT pg_temp.url('s3://Upper/k', 'regress_source_aws');
ALTER SERVER regress_source_aws OPTIONS (ADD region 'cn-north-1');
SELECT pg_temp.url('s3://bucket/k', 'regress_source_aws');
ALTER SERVER regress_source_aws OPTIONS (ADD addressing 'path');
SELECT pg_temp.url('s3://bucket/k', 'regress_source_aws');
ALTER SERVER regress_source_aws OPTIONS (ADD endpoint 'https://Minio.example.com:9000', DROP addressing);
SELECT pg_temp.url('s3://bucket/../%20', 'regress_source_aws');
ALTER SERVER regress_source_aws OPTIONS (ADD addressing 'virtual');
SELECT pg_temp.url('s3://bucket//k', 'regress_source_aws');
ALTER SERVER regress_source_aws OPTIONS (SET endpoint 'https://[2001:db8::1]', SET addressing 'path');
SELECT pg_temp.url('s3://bucket/k', 'regress_source_aws');
ALTER SERVER regress_source_aws OPTIONS (SET addressing 'virtual');
SELECT pg_temp.url('s3://bucket/k', 'regress_source_aws');
ALTER SERVER regress_source_aws OPTIONS (SET endpoint 'https://192.0.2.1');
SELECT pg_temp.url('s3://bucket/k', 'regress_source_aws');

-- what becomes part of a request's header cannot be a second one
CREATE FUNCTION pg_temp.read(uri text, server name, etag text, size bigint, sum boolean) RETURNS text
    LANGUAGE c STRICT AS 'olist_etl', 'olist_etl_test_read';
ALTER SERVER regress_source_aws OPTIONS (SET endpoint 'https://127.0.0.1:1', SET addressing 'path', ADD retries '0');
CREATE USER MAPPING FOR CURRENT_USER SERVER regress_source_aws
    OPTIONS (access_key_id E'a\nX-Forwarded-For: b', secret_access_key 'c');
SELECT pg_temp.read('s3://bucket/k', 'regress_source_aws', E'e"\r\n\r\nDELETE / HTTP/1.1\r\nX: "', 1, false);
SELECT pg_temp.read('s3://bucket/k', 'regress_source_aws', 'e', 1, false);

DROP USER MAPPING FOR CURRENT_USER SERVER regress_source_aws;
DROP SERVER regress_source_aws;
DROP SERVER regress_source CASCADE;
DROP SERVER regress_source_ambient CASCADE;
DROP FOREIGN DATA WRAPPER regress_source_wrapper CASCADE;
DROP OWNED BY regress_source_user, regress_source_other;
DROP ROLE regress_source_user, regress_source_other;
