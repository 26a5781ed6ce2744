-- What CALL olist_etl.run() refuses, and how it says so.
BEGIN;
CALL olist_etl.run();
\echo :LAST_ERROR_SQLSTATE
ROLLBACK;
CALL olist_etl.run('no_such_workflow');
\echo :LAST_ERROR_SQLSTATE
CALL olist_etl.run(wait => NULL);
\echo :LAST_ERROR_SQLSTATE
BEGIN READ ONLY;
CALL olist_etl.run(atomic => true);
\echo :LAST_ERROR_SQLSTATE
ROLLBACK;
SELECT count(*) AS runs FROM olist_etl.run;
