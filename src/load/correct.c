/*
 * load/correct.c
 *		What was loaded, taken back or tried again.
 *
 *		forget(uri)			──► all versions of the object are no longer current, the present one is
 *								marked; their rows leave the warehouse by a merge of nothing
 *		remember(uri)		──► the mark is gone: the next run loads the object
 *		replay_rejects()	──► objects with rejects are marked: the next run stages them again, and
 *								its merge replaces their rows
 *
 * Each is one transaction, beside which no run of a workflow is going on that
 * writes the warehouse, as that would publish what it has read before.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "base/lock.h"
#include "base/message.h"
#include "base/spi.h"
#include "catalog/pg_type.h"
#include "compat.h"
#include "executor/spi.h"
#include "fdw/entity.h"
#include "fmgr.h"
#include "funcapi.h"
#include "load/claim.h"
#include "load/ledger.h"
#include "load/staging.h"
#include "utils/builtins.h"

PG_FUNCTION_INFO_V1(olist_etl_forget);
PG_FUNCTION_INFO_V1(olist_etl_remember);
PG_FUNCTION_INFO_V1(olist_etl_replay_rejects);

/*
 * Of the object $1: the ids of all its versions, and whether the warehouse shows
 * any. A row that did not change from one version to the next is still the
 * former version's, so all of them are to be withdrawn.
 */
static const char *const forget_sql =
	"WITH present AS ("
	"    SELECT l.object_id, l.target"
	"      FROM olist_etl.ledger l"
	"      JOIN olist_etl.entity e ON e.target = l.target"
	"     WHERE l.uri = $1 AND l.is_current"
	"       FOR UPDATE OF l),"
	" version AS ("
	"    UPDATE olist_etl.ledger l"
	"       SET is_current = false, superseded_by = NULL, is_replayed = false,"
	"           " OLIST_LEDGER_AS_PUBLISHED ","
	"           forgotten_at = CASE WHEN l.object_id = p.object_id THEN now()"
	"                               ELSE l.forgotten_at END"
	"      FROM present p"
	"     WHERE l.target = p.target AND l.uri = $1"
	" RETURNING l.object_id, l.published_at),"
	" unmarked AS ("
	"    DELETE FROM olist_etl.staged s USING version v WHERE s.object_id = v.object_id)"
	"SELECT array_agg(v.object_id), coalesce(bool_or(v.published_at IS NOT NULL), false)"
	"  FROM version v";

static const char *const remember_sql = "UPDATE olist_etl.ledger l"
										"   SET forgotten_at = NULL"
										"  FROM olist_etl.entity e"
										" WHERE e.target = l.target AND l.uri = $1"
										"   AND l.forgotten_at IS NOT NULL";

/*
 * Mark the objects of the entity $1, or of all, that have rejects which do not
 * only wait for other rows: their ids, how many they are and how many rejects.
 */
static const char *const replay_sql =
	"WITH object AS MATERIALIZED ("
	"    SELECT l.object_id, count(*) AS rejects"
	"      FROM olist_etl.ledger l"
	"      JOIN olist_etl.entity e ON e.target = l.target"
	"      JOIN olist_etl.reject r ON r.object_id = l.object_id"
	"     WHERE e.entity = coalesce($1, e.entity)"
	"       AND l.is_current AND l.source IS NOT NULL AND l.gone_at IS NULL"
	"       AND r.reason NOT IN ('orphan', 'duplicate')"
	"     GROUP BY l.object_id),"
	" marked AS ("
	"    UPDATE olist_etl.ledger l"
	"       SET is_replayed = true"
	"      FROM object o"
	"     WHERE l.object_id = o.object_id AND NOT l.is_replayed),"
	" unmarked AS ("
	"    DELETE FROM olist_etl.staged s USING object o WHERE s.object_id = o.object_id)"
	"SELECT array_agg(o.object_id), count(*), coalesce(sum(o.rejects), 0)::bigint"
	"  FROM object o";

/* connect to SPI; no run goes on, and the source stays, until the transaction ends */
static void
begin_correction(void)
{
	SPI_connect();
	olist_claim_warehouse(false);
	olist_spi_run("SELECT olist_etl.hold_source('{}')", SPI_OK_SELECT);
}

/* column i of the result's only row */
static Datum
get_value(int i, bool *isnull)
{
	return SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, i, isnull);
}

static OlistSpiArg
get_ids(void)
{
	OlistSpiArg ids = {INT8ARRAYOID, (Datum) 0, true};

	ids.value = get_value(1, &ids.isnull);
	return ids;
}

static bool
is_true(const char *sql)
{
	bool isnull;

	olist_spi_run(sql, SPI_OK_SELECT);
	return DatumGetBool(get_value(1, &isnull));
}

/* the URI as the ledger has it: a file may be named by its path alone, as to set_source() */
static char *
object_uri(text *given)
{
	char *uri = text_to_cstring(given);

	return uri[0] == '/' ? psprintf("file://%s", uri) : uri;
}

/* a result row of n counts */
static Datum
counts_row(FunctionCallInfo fcinfo, int n, Datum *values)
{
	bool isnull[3] = {false};
	TupleDesc desc;

	Assert(n <= (int) lengthof(isnull));
	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "the function must return a row");
	return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, isnull));
}

/* forget(uri text, OUT deleted, OUT updated, OUT inserted): what that did to the warehouse */
Datum
olist_etl_forget(PG_FUNCTION_ARGS)
{
	char *uri = object_uri(PG_GETARG_TEXT_PP(0));
	OlistSpiArg arg = OLIST_SPI_TEXT(uri);
	Datum values[3] = {Int64GetDatum(0), Int64GetDatum(0), Int64GetDatum(0)};
	OlistSpiArg ids;
	bool isnull;
	bool is_published;

	begin_correction();
	olist_spi_execute_as_owner(forget_sql, SPI_OK_SELECT, 1, &arg);
	ids = get_ids();
	is_published = DatumGetBool(get_value(2, &isnull));
	if (ids.isnull)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("no object \"%s\" has been loaded", olist_redact_uri(uri)),
				 errhint("The current lines of olist_etl.ledger are what can be forgotten.")));
	(void) olist_staging_remove(&ids);
	if (is_published && is_true("SELECT olist_etl.has_warehouse()"))
	{
		/* objects that wait to be published are not to come along unchecked: they are staged again */
		olist_staging_lock();
		olist_staging_empty(false);
		olist_spi_run("SELECT (m OPERATOR(pg_catalog.->>) 'deleted')::pg_catalog.int8,"
					  "       (m OPERATOR(pg_catalog.->>) 'updated')::pg_catalog.int8,"
					  "       (m OPERATOR(pg_catalog.->>) 'inserted')::pg_catalog.int8"
					  "  FROM olist_etl.merge() AS m",
					  SPI_OK_SELECT);
		for (int i = 0; i < (int) lengthof(values); i++)
			values[i] = get_value(i + 1, &isnull);
	}
	SPI_finish();
	return counts_row(fcinfo, lengthof(values), values);
}

/* remember(uri text) returns void */
Datum
olist_etl_remember(PG_FUNCTION_ARGS)
{
	char *uri = object_uri(PG_GETARG_TEXT_PP(0));
	OlistSpiArg arg = OLIST_SPI_TEXT(uri);

	begin_correction();
	if (olist_spi_execute_as_owner(remember_sql, SPI_OK_UPDATE, 1, &arg) == 0)
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT),
						errmsg("no object \"%s\" has been forgotten", olist_redact_uri(uri)),
						errhint("See the column forgotten_at of olist_etl.ledger.")));
	SPI_finish();
	PG_RETURN_VOID();
}

/* replay_rejects(entity text, OUT objects, OUT rejects): what the next run tries again */
Datum
olist_etl_replay_rejects(PG_FUNCTION_ARGS)
{
	char *entity = PG_ARGISNULL(0) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(0));
	OlistSpiArg arg = OLIST_SPI_TEXT(entity);
	OlistSpiArg ids;
	Datum values[2];
	bool isnull;

	if (entity != NULL)
		(void) olist_entity_require(entity);
	begin_correction();
	olist_spi_execute_as_owner(replay_sql, SPI_OK_SELECT, 1, &arg);
	ids = get_ids();
	for (int i = 0; i < (int) lengthof(values); i++)
		values[i] = get_value(i + 2, &isnull);
	(void) olist_staging_remove(&ids);
	SPI_finish();
	return counts_row(fcinfo, lengthof(values), values);
}
