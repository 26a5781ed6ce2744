/*
 * 63_trace: from a row of the warehouse back to its object.
 */

CREATE FUNCTION olist_etl.trace(
    relation regclass,
    VARIADIC key "any",
    OUT uri text,
    OUT etag text,
    OUT size bigint,
    OUT line bigint,
    OUT run_id bigint,
    OUT loaded_at timestamptz,
    OUT published_at timestamptz,
    OUT note text)
RETURNS SETOF record
LANGUAGE C STRICT ROWS 1
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'olist_etl_trace';
COMMENT ON FUNCTION olist_etl.trace(regclass, "any") IS
    'Where a row of the warehouse comes from: its object, the line in it, and the run that loaded it. Takes the values of the table''s primary key; note says so when no line of an object holds the row. The caller must be able to read the table';
