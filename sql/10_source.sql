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
