/*
 * 01_schema: the schema itself, and the version.
 */

COMMENT ON SCHEMA olist_etl IS
    'olist_etl: loading, transforming and orchestrating the Olist e-commerce data';

CREATE FUNCTION olist_etl.version() RETURNS text
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'olist_etl_version';
COMMENT ON FUNCTION olist_etl.version() IS
    'The version of olist_etl''s library';
