/*
 * 90_grant: who may do what. Nothing is granted to PUBLIC but pure helpers.
 */

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA olist_etl FROM PUBLIC;
REVOKE ALL ON ALL PROCEDURES IN SCHEMA olist_etl FROM PUBLIC;

/* pure helpers */
GRANT USAGE ON SCHEMA olist_etl TO PUBLIC;
GRANT EXECUTE ON FUNCTION olist_etl.version() TO PUBLIC;
GRANT EXECUTE ON FUNCTION olist_etl.normalize_name(text) TO PUBLIC;
GRANT EXECUTE ON FUNCTION olist_etl.validate(text) TO PUBLIC;
GRANT EXECUTE ON FUNCTION olist_etl.validate(json) TO PUBLIC;
GRANT EXECUTE ON FUNCTION olist_etl.validate(jsonb) TO PUBLIC;
GRANT EXECUTE ON FUNCTION olist_etl.simulate(json, json, json, json) TO PUBLIC;
GRANT EXECUTE ON FUNCTION olist_etl.test_state(json, json, json, json, json) TO PUBLIC;
GRANT EXECUTE ON FUNCTION olist_etl.graph(json, text, json) TO PUBLIC;
/* schedule() and the command that it leaves with pg_cron call these as the caller */
GRANT EXECUTE ON FUNCTION olist_etl.database_identity() TO PUBLIC;
GRANT EXECUTE ON FUNCTION olist_etl.scheduled(json, text) TO PUBLIC;

/* writes files on the server, as COPY ... TO does */
GRANT EXECUTE ON FUNCTION olist_etl.generate_sample(
    text, double precision, bigint, text, text, boolean) TO pg_write_server_files;
