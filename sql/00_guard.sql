/* olist_etl: install script, assembled from the numbered parts under sql/ */

\echo Use "CREATE EXTENSION olist_etl" to load this file. \quit

/*
 * The schema must be ours alone: whoever could create it beforehand could have
 * filled it with operators and functions that this script, and later every
 * function that looks there, would pick up.
 */
DO $$
DECLARE
    schema_owner pg_catalog.oid;
BEGIN
    SELECT n.nspowner INTO STRICT schema_owner
    FROM pg_catalog.pg_namespace n
    WHERE n.nspname OPERATOR(pg_catalog.=) 'olist_etl'::pg_catalog.name;

    IF schema_owner OPERATOR(pg_catalog.<>) (
        SELECT r.oid FROM pg_catalog.pg_roles r
        WHERE r.rolname OPERATOR(pg_catalog.=) current_user)
    THEN
        RAISE EXCEPTION 'schema "olist_etl" exists and belongs to role "%"',
            pg_catalog.pg_get_userbyid(schema_owner)
            USING ERRCODE = 'insufficient_privilege',
                  HINT = 'Look into that schema, drop it, and run CREATE EXTENSION again.';
    END IF;

    IF EXISTS (
        SELECT FROM pg_catalog.pg_depend d
        WHERE d.refclassid OPERATOR(pg_catalog.=) 'pg_catalog.pg_namespace'::pg_catalog.regclass::pg_catalog.oid
          AND d.refobjid OPERATOR(pg_catalog.=) 'olist_etl'::pg_catalog.regnamespace::pg_catalog.oid
          AND d.classid OPERATOR(pg_catalog.<>) 'pg_catalog.pg_extension'::pg_catalog.regclass::pg_catalog.oid)
    THEN
        RAISE EXCEPTION 'schema "olist_etl" exists and is not empty'
            USING ERRCODE = 'duplicate_schema',
                  HINT = 'Look into that schema, drop it, and run CREATE EXTENSION again.';
    END IF;
END
$$;
