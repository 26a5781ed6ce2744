/*
 * 10_source: what users can ask about a source.
 */

CREATE FUNCTION olist_etl.list_objects(
    source_uri text,
    server name DEFAULT NULL,
    OUT uri text,
    OUT size bigint,
    OUT etag text,
    OUT last_modified timestamptz,
    OUT storage_class text
) RETURNS SETOF record
LANGUAGE C VOLATILE PARALLEL RESTRICTED
AS 'MODULE_PATHNAME', 'olist_etl_list_objects';
COMMENT ON FUNCTION olist_etl.list_objects(text, name) IS
    'The objects at a URI (one object, a prefix ending in "/", or a glob), as the source lists them. The server holds endpoint and credentials; without one, that of olist_etl.source is used';

CREATE FUNCTION olist_etl.check_source(
    source_uri text,
    server name DEFAULT NULL,
    OUT step text,
    OUT status text,
    OUT milliseconds double precision,
    OUT detail text,
    OUT hint text
) RETURNS SETOF record
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'olist_etl_check_source';
COMMENT ON FUNCTION olist_etl.check_source(text, name) IS
    'Goes the way to a source step by step (address, resolve, connect, tls, sign, list, read) and says how long each took, or why the first failed and what can be done';

CREATE FUNCTION olist_etl.source_stats(
    OUT metric text,
    OUT value double precision
) RETURNS SETOF record
LANGUAGE C VOLATILE PARALLEL RESTRICTED
AS 'MODULE_PATHNAME', 'olist_etl_source_stats';
COMMENT ON FUNCTION olist_etl.source_stats() IS
    'What this session has asked of its sources since it began: requests by kind, retries by reason, bytes, connections opened, and the time spent waiting for the network';
