/*
 * 20_fdw: CSV objects as foreign tables, and as the rows of a function.
 */

CREATE FUNCTION olist_etl.fdw_handler() RETURNS fdw_handler
    LANGUAGE c STRICT
    AS 'MODULE_PATHNAME', 'olist_etl_fdw_handler';
COMMENT ON FUNCTION olist_etl.fdw_handler() IS
    'Handler of the foreign-data wrapper olist_etl';

CREATE FUNCTION olist_etl.fdw_validator(options text[], catalog oid) RETURNS void
    LANGUAGE c STRICT
    AS 'MODULE_PATHNAME', 'olist_etl_fdw_validator';
COMMENT ON FUNCTION olist_etl.fdw_validator(text[], oid) IS
    'Validator of the options of servers, user mappings and foreign tables of the wrapper olist_etl';

CREATE FOREIGN DATA WRAPPER olist_etl
    HANDLER olist_etl.fdw_handler
    VALIDATOR olist_etl.fdw_validator;
COMMENT ON FOREIGN DATA WRAPPER olist_etl IS
    'CSV objects in S3, behind http(s), in the server''s file system, or generated';

CREATE SERVER olist_local FOREIGN DATA WRAPPER olist_etl;
COMMENT ON SERVER olist_local IS
    'A server without options: for file:// and sample:// objects, and for buckets on AWS';

CREATE FUNCTION olist_etl.read_csv(
    uri text,
    server name DEFAULT NULL,
    delimiter text DEFAULT NULL,
    quote text DEFAULT NULL,
    header boolean DEFAULT NULL,
    null_string text DEFAULT NULL,
    encoding text DEFAULT NULL,
    on_error text DEFAULT NULL,
    reject_limit text DEFAULT NULL,
    max_columns text DEFAULT NULL,
    max_field_bytes text DEFAULT NULL,
    max_record_bytes text DEFAULT NULL)
RETURNS SETOF record
    LANGUAGE c VOLATILE
    ROWS 100000
    AS 'MODULE_PATHNAME', 'olist_etl_read_csv';
COMMENT ON FUNCTION olist_etl.read_csv(text, name, text, text, boolean, text, text, text, text, text, text, text) IS
    'The rows of all CSV objects that a URI stands for: SELECT * FROM olist_etl.read_csv(''s3://bucket/x.csv'') AS t(a int, b text)';

CREATE FUNCTION olist_etl.read_object(uri text, server name DEFAULT NULL)
RETURNS bytea
    LANGUAGE c VOLATILE
    AS 'MODULE_PATHNAME', 'olist_etl_read_object';
COMMENT ON FUNCTION olist_etl.read_object(text, name) IS
    'One object as it is, after decompression; at most 64 MB';
