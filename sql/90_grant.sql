/*
 * 90_grant: who may do what. Nothing is granted to PUBLIC but pure helpers.
 */

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA olist_etl FROM PUBLIC;
REVOKE ALL ON ALL PROCEDURES IN SCHEMA olist_etl FROM PUBLIC;

/* pure helpers */
GRANT USAGE ON SCHEMA olist_etl TO PUBLIC;
GRANT EXECUTE ON FUNCTION olist_etl.version() TO PUBLIC;
