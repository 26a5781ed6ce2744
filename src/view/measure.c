/*
 * view/measure.c
 *		A history, folded into what each state did.
 *
 *		events, oldest first ──► entered, left, attempts, times of each state
 */
#include "postgres.h"

#include "view/measure.h"

#include "asl/datum.h"
#include "base/spi.h"
#include "catalog/pg_type.h"
#include "common/string.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#define USECS_UNIX_TO_POSTGRES \
	((POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * SECS_PER_DAY * INT64CONST(1000000))

#define EVENTS_AT_A_TIME 1000

void
olist_measure_event(OlistLayout *layout, const char *type, const char *state, OlistTime at,
					const OlistJson *details)
{
	OlistNode *node = state == NULL ? NULL : olist_layout_find(layout, state);
	OlistMeasure *measure;

	if (node == NULL)
		return;
	measure = &node->measure;
	if (measure->first == 0 || at < measure->first)
		measure->first = at;
	measure->last = Max(measure->last, at);
	if (pg_str_endswith(type, "StateEntered"))
	{
		measure->entered++;
		measure->failing = measure->cancelled = false;
	}
	else if (pg_str_endswith(type, "StateExited"))
	{
		measure->exited++;
		measure->caught += measure->failing;
		measure->failing = false;
	}
	else if (strcmp(type, "TaskScheduled") == 0)
	{
		measure->attempts++;
		measure->failing = measure->cancelled = false;
	}
	else if (strcmp(type, "MapStateStarted") == 0)
	{
		int64 length;

		measure->failing = false;
		if (olist_json_to_int64(olist_json_get(details, "length"), &length))
			measure->items += length;
	}
	else if (pg_str_endswith(type, "StateAborted"))
		measure->cancelled = true;
	else if (strcmp(type, "MapIterationSucceeded") == 0)
		measure->items_done++;
	else if (strcmp(type, "TaskFailed") == 0 || strcmp(type, "TaskTimedOut") == 0 ||
			 strcmp(type, "MapStateFailed") == 0 || strcmp(type, "ParallelStateFailed") == 0)
		measure->failing = true;
}

/* ---------- a run ---------- */

static char *
column_text(HeapTuple row, TupleDesc desc, int column)
{
	bool isnull;
	Datum value = SPI_getbinval(row, desc, column, &isnull);
	int len;

	return isnull ? NULL : olist_json_datum_text(value, &len);
}

static OlistTime
column_time(HeapTuple row, TupleDesc desc, int column, OlistTime fallback)
{
	bool isnull;
	Datum value = SPI_getbinval(row, desc, column, &isnull);

	return isnull ? fallback : DatumGetTimestampTz(value) + USECS_UNIX_TO_POSTGRES;
}

/* all events, some at a time, so that a long history needs no memory */
static void
read_events(OlistLayout *layout, int64 run_id)
{
	Oid types[1] = {INT8OID};
	Datum values[1] = {Int64GetDatum(run_id)};
	MemoryContext context =
		AllocSetContextCreate(CurrentMemoryContext, "olist events", ALLOCSET_DEFAULT_SIZES);
	Portal portal =
		SPI_cursor_open_with_args(NULL,
								  "SELECT e.type, e.state, e.at,"
								  "       CASE WHEN e.type = 'MapStateStarted' THEN e.details END"
								  " FROM olist_etl.event e"
								  " WHERE e.run_id = $1"
								  " ORDER BY e.id",
								  1, types, values, NULL, true, 0);

	do
	{
		SPI_cursor_fetch(portal, true, EVENTS_AT_A_TIME);
		for (uint64 i = 0; i < SPI_processed; i++)
		{
			HeapTuple row = SPI_tuptable->vals[i];
			TupleDesc desc = SPI_tuptable->tupdesc;
			MemoryContext previous = MemoryContextSwitchTo(context);
			bool isnull;
			Datum details = SPI_getbinval(row, desc, 4, &isnull);

			olist_measure_event(layout, column_text(row, desc, 1), column_text(row, desc, 2),
								column_time(row, desc, 3, 0),
								isnull ? NULL : olist_json_from_datum(details));
			MemoryContextSwitchTo(previous);
			MemoryContextReset(context);
		}
		SPI_freetuptable(SPI_tuptable);
	} while (SPI_processed > 0);
	SPI_cursor_close(portal);
	MemoryContextDelete(context);
}

/* how many rows the tasks of each state said they had */
static void
read_rows(OlistLayout *layout, int64 run_id)
{
	OlistSpiArg args[1] = {OLIST_SPI_INT8(run_id)};
	uint64 count = olist_spi_execute("SELECT t.state, sum(t.rows)::int8"
									 " FROM olist_etl.task t"
									 " WHERE t.run_id = $1 AND t.status = 'SUCCEEDED'"
									 "   AND t.rows IS NOT NULL"
									 " GROUP BY t.state",
									 SPI_OK_SELECT, 1, args);

	for (uint64 i = 0; i < count; i++)
	{
		HeapTuple row = SPI_tuptable->vals[i];
		TupleDesc desc = SPI_tuptable->tupdesc;
		OlistNode *node = olist_layout_find(layout, column_text(row, desc, 1));
		bool isnull;

		if (node != NULL)
			node->measure.rows = DatumGetInt64(SPI_getbinval(row, desc, 2, &isnull));
	}
}

void
olist_measure_run(OlistLayout *layout, int64 run_id)
{
	OlistSpiArg args[1] = {OLIST_SPI_INT8(run_id)};
	OlistTime now = GetCurrentTimestamp() + USECS_UNIX_TO_POSTGRES;
	char *status;
	OlistTime started;
	OlistTime ended;

	read_events(layout, run_id);
	read_rows(layout, run_id);
	olist_spi_execute("SELECT r.status, r.started_at, r.ended_at"
					  " FROM olist_etl.run r"
					  " WHERE r.run_id = $1",
					  SPI_OK_SELECT, 1, args);
	status = column_text(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1);
	started = column_time(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 2, now);
	ended = column_time(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 3, now);
	olist_layout_judge(layout, status, started, ended);
}

/* ---------- a simulation ---------- */

/* the status that a history ends with */
static const char *
status_of(const char *last_type)
{
	static const char *const ends[][2] = {{"ExecutionSucceeded", "SUCCEEDED"},
										  {"ExecutionFailed", "FAILED"},
										  {"ExecutionTimedOut", "TIMED_OUT"},
										  {"ExecutionAborted", "ABORTED"}};

	for (size_t i = 0; i < lengthof(ends); i++)
	{
		if (strcmp(last_type, ends[i][0]) == 0)
			return ends[i][1];
	}
	return "RUNNING";
}

/* the state an event of a simulation is about: the one it names, or its branch's */
static const char *
event_state(OlistJson *branches, const OlistJson *event, const OlistJson *details)
{
	const OlistJson *name = olist_json_get(details, "name");
	const OlistJson *scope = olist_json_get(event, "scope");
	const OlistJson *item = olist_json_get(event, "item");
	const OlistJson *type = olist_json_get(event, "type");
	char *key = psprintf("%s/%s", scope == NULL ? "" : scope->text, item == NULL ? "" : item->text);

	if (name == NULL || name->type != OLIST_JSON_STRING)
		name = olist_json_get(branches, key);
	else if (pg_str_endswith(type->text, "StateEntered"))
		olist_json_set(branches, key, unconstify(OlistJson *, name));
	return name == NULL ? NULL : name->text;
}

void
olist_measure_events(OlistLayout *layout, const OlistJson *events)
{
	OlistJson *branches = olist_json_object();
	const char *last = "";
	OlistTime at = 0;
	OlistTime first = 0;

	if (events->type != OLIST_JSON_ARRAY)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("events must be what olist_etl.simulate() gives")));
	for (int i = 0; i < events->count; i++)
	{
		const OlistJson *event = events->items[i];
		const OlistJson *type = olist_json_get(event, "type");
		const OlistJson *time = olist_json_get(event, "timestamp");
		const OlistJson *details = NULL;

		if (type == NULL || type->type != OLIST_JSON_STRING)
			continue;
		for (int m = 0; m < event->count; m++)
		{
			if (event->members[m].value->type == OLIST_JSON_OBJECT)
				details = event->members[m].value;
		}
		if (time != NULL && time->type == OLIST_JSON_STRING)
			olist_timestamp_parse(time->text, &at);
		if (first == 0)
			first = at;
		last = type->text;
		olist_measure_event(layout, type->text, event_state(branches, event, details), at, details);
	}
	olist_layout_judge(layout, status_of(last), first, at);
}
