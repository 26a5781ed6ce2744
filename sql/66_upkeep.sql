/*
 * 66_upkeep: what is kept, and for how long.
 */

CREATE PROCEDURE olist_etl.clean_up(
    INOUT runs bigint DEFAULT NULL,
    INOUT events bigint DEFAULT NULL,
    INOUT rejects bigint DEFAULT NULL,
    INOUT drift bigint DEFAULT NULL)
LANGUAGE C AS 'MODULE_PATHNAME', 'olist_etl_clean_up';
COMMENT ON PROCEDURE olist_etl.clean_up(bigint, bigint, bigint, bigint) IS
    'Delete what is older than olist_etl.keep_runs, keep_events and keep_rejects allow: runs with all that belongs to them, the history of runs that succeeded, rejects and drift of replaced objects. Gives the numbers of rows. The ledger stays, and so does each workflow''s last run';
