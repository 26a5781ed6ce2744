/*
 * flow/clean_up.c
 *		olist_etl.clean_up(): what old runs and objects leave behind.
 *
 *		runs			with their tasks, events and check results, after keep_runs
 *		events			of runs that succeeded, after keep_events; others need them to resume
 *		rejects, drift	of object versions that were replaced, after keep_rejects
 *
 * The last run of a workflow stays, and so does every line of the ledger: it is
 * the proof that an object was loaded, and what the warehouse's rows lead to.
 * Runs are those of roles whose rights the caller has.
 */
#include "postgres.h"

#include "flow/clean_up.h"

#include "base/row.h"
#include "base/spi.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/guc.h"

PG_FUNCTION_INFO_V1(olist_etl_clean_up);

#define MINUTES_PER_DAY (24 * 60)

/* in minutes; -1: forever */
static int keep_runs;
static int keep_events;
static int keep_rejects;

void
olist_clean_up_init(void)
{
	DefineCustomIntVariable(
		"olist_etl.keep_runs", "For how long clean_up() leaves runs that have ended.",
		"With their tasks, history and check results; -1 is forever.", &keep_runs,
		365 * MINUTES_PER_DAY, -1, INT_MAX, PGC_SUSET, GUC_UNIT_MIN, NULL, NULL, NULL);
	DefineCustomIntVariable("olist_etl.keep_events",
							"For how long clean_up() leaves the history of runs that succeeded.",
							"-1 is forever.", &keep_events, 90 * MINUTES_PER_DAY, -1, INT_MAX,
							PGC_SUSET, GUC_UNIT_MIN, NULL, NULL, NULL);
	DefineCustomIntVariable("olist_etl.keep_rejects",
							"For how long clean_up() leaves rejects and drift of replaced objects.",
							"-1 is forever.", &keep_rejects, 365 * MINUTES_PER_DAY, -1, INT_MAX,
							PGC_SUSET, GUC_UNIT_MIN, NULL, NULL, NULL);
}

/* is the run one of a role whose rights the caller, $1, has? */
#define IS_CALLERS                                            \
	"coalesce((SELECT pg_has_role($1, o.oid, 'USAGE')"        \
	"            FROM pg_roles o WHERE o.rolname = r.owner)," \
	"         (SELECT c.rolsuper FROM pg_roles c WHERE c.oid = $1))"

/* counts of runs and of events */
static const char *const runs_sql =
	"WITH old AS ("
	"    DELETE FROM olist_etl.run r"
	"     WHERE r.ended_at < now() - make_interval(mins => $2)"
	"       AND EXISTS (SELECT FROM olist_etl.run n"
	"                    WHERE n.workflow = r.workflow AND n.run_id > r.run_id)"
	"       AND " IS_CALLERS "    RETURNING r.run_id),"
	" tasks AS (DELETE FROM olist_etl.task t USING old WHERE t.run_id = old.run_id),"
	" results AS (DELETE FROM olist_etl.check_result c USING old WHERE c.run_id = old.run_id),"
	" events AS ("
	"    DELETE FROM olist_etl.event e USING old WHERE e.run_id = old.run_id RETURNING e.run_id)"
	"SELECT (SELECT count(*) FROM old), (SELECT count(*) FROM events)";

static const char *const events_sql = "WITH events AS ("
									  "    DELETE FROM olist_etl.event e USING olist_etl.run r"
									  "     WHERE e.run_id = r.run_id AND r.status = 'SUCCEEDED'"
									  "       AND r.ended_at < now() - make_interval(mins => $2)"
									  "       AND " IS_CALLERS "    RETURNING e.run_id)"
									  "SELECT count(*), 0::bigint FROM events";

/*
 * Counts of rejects and of drift; $1 is not needed. Rows that wait for others
 * stay: one that did not change with its object is still the former version's.
 */
static const char *const rejects_sql =
	"WITH old AS MATERIALIZED ("
	"    SELECT l.object_id FROM olist_etl.ledger l"
	"     WHERE NOT l.is_current AND $1 IS NOT NULL"
	"       AND l.loaded_at < now() - make_interval(mins => $2)),"
	" rejects AS ("
	"    DELETE FROM olist_etl.reject j USING old"
	"     WHERE j.object_id = old.object_id AND j.reason NOT IN ('orphan', 'duplicate')"
	"    RETURNING j.object_id),"
	" drift AS ("
	"    DELETE FROM olist_etl.drift d USING old WHERE d.object_id = old.object_id"
	"    RETURNING d.object_id)"
	"SELECT (SELECT count(*) FROM rejects), (SELECT count(*) FROM drift)";

/* run a statement for what is older than so many minutes, and add its two counts */
static void
delete_older(const char *sql, int minutes, int64 *first, int64 *second)
{
	OlistSpiArg args[] = {OLIST_SPI_OID(GetUserId()), OLIST_SPI_INT4(minutes)};
	bool isnull;

	if (minutes < 0)
		return;
	SPI_connect();
	olist_spi_execute_as_owner(sql, SPI_OK_SELECT, lengthof(args), args);
	*first +=
		DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
	*second +=
		DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 2, &isnull));
	SPI_finish();
}

/* clean_up(INOUT runs, events, rejects, drift): how many rows of each are gone */
Datum
olist_etl_clean_up(PG_FUNCTION_ARGS)
{
	int64 runs = 0;
	int64 events = 0;
	int64 rejects = 0;
	int64 drift = 0;
	int64 none = 0;
	Datum values[4];
	bool nulls[4] = {false};

	delete_older(runs_sql, keep_runs, &runs, &events);
	delete_older(events_sql, keep_events, &events, &none);
	delete_older(rejects_sql, keep_rejects, &rejects, &drift);
	values[0] = Int64GetDatum(runs);
	values[1] = Int64GetDatum(events);
	values[2] = Int64GetDatum(rejects);
	values[3] = Int64GetDatum(drift);
	return olist_row_result(fcinfo, values, nulls);
}
