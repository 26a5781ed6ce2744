/*
 * 64_correct: what was loaded, taken back, tried again or built anew.
 */

CREATE FUNCTION olist_etl.forget(uri text, OUT deleted bigint, OUT updated bigint, OUT inserted bigint)
RETURNS record
LANGUAGE C STRICT
AS 'MODULE_PATHNAME', 'olist_etl_forget';
COMMENT ON FUNCTION olist_etl.forget(text) IS
    'Take what an object gave back out of the warehouse, and keep this version of it out; a later version is loaded again. Gives the numbers of rows that were written for that';

CREATE FUNCTION olist_etl.remember(uri text) RETURNS void
LANGUAGE C STRICT
AS 'MODULE_PATHNAME', 'olist_etl_remember';
COMMENT ON FUNCTION olist_etl.remember(text) IS
    'Take olist_etl.forget() back: the next run loads the object';

CREATE FUNCTION olist_etl.replay_rejects(entity text DEFAULT NULL, OUT objects bigint, OUT rejects bigint)
RETURNS record
LANGUAGE C
AS 'MODULE_PATHNAME', 'olist_etl_replay_rejects';
COMMENT ON FUNCTION olist_etl.replay_rejects(text) IS
    'Let the next run stage those objects of an entity (NULL: of all) again that have rejects, after what was wrong has been repaired. Rejects that only wait for other rows are tried again by every run that brings such';

CREATE PROCEDURE olist_etl.rebuild(
    wait boolean DEFAULT false,
    INOUT run_id bigint DEFAULT NULL,
    INOUT status text DEFAULT NULL,
    INOUT objects bigint DEFAULT NULL,
    INOUT rows bigint DEFAULT NULL,
    INOUT rejects bigint DEFAULT NULL,
    INOUT seconds numeric DEFAULT NULL)
LANGUAGE plpgsql
AS $$
BEGIN
    CALL olist_etl.run('olist', '{"rebuild": true}', wait, false, false,
                       run_id, status, objects, rows, rejects, seconds);
END
$$;
COMMENT ON PROCEDURE olist_etl.rebuild(boolean, bigint, text, bigint, bigint, bigint, numeric) IS
    'Build the whole warehouse anew from the source, beside the one that is there, and publish what differs; all surrogate keys are kept. The same as run() with the input {"rebuild": true}';
