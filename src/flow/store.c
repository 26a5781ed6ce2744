/*
 * flow/store.c
 *		The tables workflow, run, task and event.
 *
 *		            create_run
 *		                │
 *		                ▼               end_run
 *		             RUNNING ─────────────────────────────► SUCCEEDED
 *		                ▲                                   FAILED
 *		                │           redrive_run             TIMED_OUT
 *		                └────────────────────────────────── ABORTED
 *
 * A task's row goes the same way: flush() writes it RUNNING, end_task() ends
 * it in the transaction of its work, and end_run() aborts what is left.
 */
#include "postgres.h"

#include "flow/store.h"

#include "asl/datum.h"
#include "base/spi.h"
#include "catalog/pg_type.h"
#include "commands/extension.h"
#include "executor/spi.h"
#include "flow/clock.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"

/* where a value stands in a struct, and what it is: BOOLOID, INT4OID, INT8OID, TIMESTAMPTZOID or TEXTOID */
typedef struct Field
{
	Oid type;
	size_t offset;
} Field;

/* the value of a struct's field; a C string, which may be NULL, becomes a text */
static Datum
field_value(const void *row, const Field *field, bool *isnull)
{
	const char *at = (const char *) row + field->offset;

	*isnull = false;
	switch (field->type)
	{
		case BOOLOID:
			return BoolGetDatum(*(const bool *) at);
		case INT4OID:
			return Int32GetDatum(*(const int32 *) at);
		case TEXTOID:
			*isnull = *(char *const *) at == NULL;
			return *isnull ? (Datum) 0 : CStringGetTextDatum(*(char *const *) at);
		default:
			return Int64GetDatum(*(const int64 *) at);
	}
}

/* one field of many structs, as an array to be bound */
static OlistSpiArg
field_array(const List *rows, const Field *field)
{
	int n = list_length(rows);
	Datum *values = palloc(n * sizeof(Datum));
	bool *nulls = palloc(n * sizeof(bool));
	int lower = 1;
	int16 len;
	bool by_value;
	char align;

	for (int i = 0; i < n; i++)
		values[i] = field_value(list_nth(rows, i), field, &nulls[i]);
	get_typlenbyvalalign(field->type, &len, &by_value, &align);
	return (OlistSpiArg){get_array_type(field->type),
						 PointerGetDatum(construct_md_array(values, nulls, 1, &n, &lower,
															field->type, len, by_value, align)),
						 false};
}

static void
field_arrays(const List *rows, const Field *fields, int n, OlistSpiArg *args)
{
	for (int i = 0; i < n; i++)
		args[i] = field_array(rows, &fields[i]);
}

/* columns of the row that SPI has fetched; all values outlive SPI_finish() */
static char *
text_value(int column)
{
	char *value = SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, column);
	char *copy = NULL;

	if (value != NULL)
	{
		copy = SPI_palloc(strlen(value) + 1);
		strcpy(copy, value);
	}
	return copy;
}

static Datum
value_or(int column, Datum otherwise)
{
	bool isnull;
	Datum value = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, column, &isnull);

	return isnull ? otherwise : value;
}

static int64
int8_value(int column)
{
	return DatumGetInt64(value_or(column, Int64GetDatum(0)));
}

static int
int4_value(int column)
{
	return DatumGetInt32(value_or(column, Int32GetDatum(0)));
}

static int64
draw_number(void)
{
	int64 number;

	if (!pg_strong_random(&number, sizeof(number)))
		ereport(ERROR, (errcode(ERRCODE_INTERNAL_ERROR), errmsg("could not draw a random number")));
	return number & PG_INT64_MAX;
}

/*
 * Workflows
 */

bool
olist_store_workflow(const char *name, int version, OlistWorkflow *workflow)
{
	OlistSpiArg args[2];
	bool found;

	SPI_connect();
	args[0] = OLIST_SPI_TEXT(name);
	args[1] = OLIST_SPI_INT4(version);
	found = olist_spi_execute_as_owner("SELECT name, version, definition, owner::text, builtin "
									   "FROM olist_etl.workflow "
									   "WHERE name = $1 AND ($2 = 0 OR version = $2) "
									   "ORDER BY version DESC LIMIT 1",
									   SPI_OK_SELECT, lengthof(args), args) == 1;
	if (found)
	{
		workflow->name = text_value(1);
		workflow->version = int4_value(2);
		workflow->definition = text_value(3);
		workflow->owner = text_value(4);
		workflow->builtin = DatumGetBool(value_or(5, BoolGetDatum(false)));
	}
	SPI_finish();
	return found;
}

int
olist_store_create_workflow(const char *name, const char *definition)
{
	OlistSpiArg args[4];
	int version;

	SPI_connect();
	args[0] = OLIST_SPI_TEXT(name);
	args[1] = OLIST_SPI_TEXT(definition);
	args[2] = OLIST_SPI_TEXT(GetUserNameFromId(GetUserId(), false));
	args[3] = OLIST_SPI_BOOL(creating_extension);

	if (olist_spi_execute_as_owner("WITH latest AS ("
								   "    SELECT version, definition, owner, builtin "
								   "    FROM olist_etl.workflow "
								   "    WHERE name = $1 ORDER BY version DESC LIMIT 1) "
								   "INSERT INTO olist_etl.workflow "
								   "    (name, version, definition, owner, builtin) "
								   "SELECT $1, coalesce((SELECT version FROM latest), 0) + 1, "
								   "    $2::json, $3, $4 "
								   "WHERE NOT EXISTS ("
								   "    SELECT FROM latest "
								   "    WHERE definition::text = $2 AND (builtin OR owner = $3)) "
								   "RETURNING version",
								   SPI_OK_INSERT_RETURNING, lengthof(args), args) == 0)
		olist_spi_execute_as_owner("SELECT max(version) FROM olist_etl.workflow WHERE name = $1",
								   SPI_OK_SELECT, 1, args);
	version = int4_value(1);
	SPI_finish();
	return version;
}

void
olist_store_drop_workflow(const char *name)
{
	OlistSpiArg args[1];

	SPI_connect();
	args[0] = OLIST_SPI_TEXT(name);
	olist_spi_execute_as_owner("WITH gone AS ("
							   "    DELETE FROM olist_etl.run WHERE workflow = $1 "
							   "    RETURNING run_id), "
							   "gone_task AS ("
							   "    DELETE FROM olist_etl.task "
							   "    WHERE run_id IN (SELECT run_id FROM gone)), "
							   "gone_event AS ("
							   "    DELETE FROM olist_etl.event "
							   "    WHERE run_id IN (SELECT run_id FROM gone)), "
							   "gone_result AS ("
							   "    DELETE FROM olist_etl.check_result "
							   "    WHERE run_id IN (SELECT run_id FROM gone)) "
							   "DELETE FROM olist_etl.workflow WHERE name = $1",
							   SPI_OK_DELETE, lengthof(args), args);
	SPI_finish();
}

/*
 * Runs
 */

void
olist_store_create_run(OlistRunRow *run)
{
	OlistSpiArg args[7];

	run->status = "RUNNING";
	run->owner = GetUserNameFromId(GetUserId(), false);
	run->redrive_count = 0;
	run->seed = draw_number();
	run->token = draw_number();
	run->pid = MyProcPid;
	run->last_event_id = 0;
	SPI_connect();
	args[0] = OLIST_SPI_TEXT(run->workflow);
	args[1] = OLIST_SPI_INT4(run->version);
	args[2] = OLIST_SPI_TEXT(run->input);
	args[3] = OLIST_SPI_TEXT(run->owner);
	args[4] = OLIST_SPI_INT8(run->seed);
	args[5] = OLIST_SPI_INT8(run->token);
	args[6] = OLIST_SPI_INT4(run->pid);
	olist_spi_execute_as_owner(
		"INSERT INTO olist_etl.run (workflow, version, status, input, owner, seed, token, pid) "
		"VALUES ($1, $2, 'RUNNING', $3::json, $4, $5, $6, $7) "
		"RETURNING run_id, started_at",
		SPI_OK_INSERT_RETURNING, lengthof(args), args);
	run->run_id = int8_value(1);
	run->started_at = DatumGetTimestampTz(value_or(2, (Datum) 0));
	SPI_finish();
}

/* the run that a condition on r finds, the newest if there are several */
static bool
find_run(const char *condition, OlistSpiArg arg, OlistRunRow *run)
{
	char *sql =
		psprintf("SELECT r.run_id, r.workflow, r.version, r.status, r.input, "
				 "    r.owner::text, r.started_at, r.redrive_count, r.seed, r.token, r.pid, "
				 "    (SELECT max(e.id) FROM olist_etl.event e WHERE e.run_id = r.run_id) "
				 "FROM olist_etl.run r WHERE %s ORDER BY r.run_id DESC LIMIT 1",
				 condition);
	bool found;

	SPI_connect();
	found = olist_spi_execute_as_owner(sql, SPI_OK_SELECT, 1, &arg) == 1;
	if (found)
	{
		run->run_id = int8_value(1);
		run->workflow = text_value(2);
		run->version = int4_value(3);
		run->status = text_value(4);
		run->input = text_value(5);
		run->owner = text_value(6);
		run->started_at = DatumGetTimestampTz(value_or(7, (Datum) 0));
		run->redrive_count = int4_value(8);
		run->seed = int8_value(9);
		run->token = int8_value(10);
		run->pid = int4_value(11);
		run->last_event_id = int8_value(12);
	}
	SPI_finish();
	pfree(sql);
	return found;
}

bool
olist_store_run(int64 run_id, OlistRunRow *run)
{
	return find_run("r.run_id = $1", OLIST_SPI_INT8(run_id), run);
}

bool
olist_store_running_run(const char *workflow, OlistRunRow *run)
{
	return find_run("r.workflow = $1 AND r.status = 'RUNNING'", OLIST_SPI_TEXT(workflow), run);
}

bool
olist_store_last_run(const char *owner, OlistRunRow *run)
{
	return find_run("r.owner = $1", OLIST_SPI_TEXT(owner), run);
}

/*
 * The event that tells of an end which the executor did not see. An abort comes
 * from outside and follows nothing, as AWS records it; a failure follows what
 * the machine did last.
 */
static void
insert_end_event(int64 run_id, const OlistRunEnd *end)
{
	OlistSpiArg args[4];

	args[0] = OLIST_SPI_INT8(run_id);
	args[1] = OLIST_SPI_TEXT(end->status == OLIST_STATUS_ABORTED ? "ExecutionAborted"
																 : "ExecutionFailed");
	args[2] = OLIST_SPI_TEXT(end->error);
	args[3] = OLIST_SPI_TEXT(end->cause);
	olist_spi_execute_as_owner(
		"INSERT INTO olist_etl.event (run_id, id, previous_id, type, scope, item, at, details) "
		"SELECT $1, coalesce(max(id), 0) + 1, "
		"    CASE WHEN $2 = 'ExecutionAborted' THEN 0 "
		"         ELSE coalesce(max(id) FILTER (WHERE scope = 0), 0) END, "
		"    $2, 0, 0, clock_timestamp(), "
		"    json_strip_nulls(json_build_object('error', $3, 'cause', $4)) "
		"FROM olist_etl.event WHERE run_id = $1",
		SPI_OK_INSERT, lengthof(args), args);
}

bool
olist_store_end_run(int64 run_id, int64 token, const OlistRunEnd *end)
{
	OlistSpiArg args[6];
	bool ended;

	SPI_connect();
	args[0] = OLIST_SPI_INT8(run_id);
	args[1] = OLIST_SPI_INT8(token);
	args[2] = OLIST_SPI_TEXT(olist_status_name(end->status));
	args[3] = OLIST_SPI_TEXT(end->output);
	args[4] = OLIST_SPI_TEXT(end->error);
	args[5] = OLIST_SPI_TEXT(end->cause);
	ended = olist_spi_execute_as_owner(
				"UPDATE olist_etl.run "
				"SET status = $3, output = $4::json, error = $5, cause = $6, due_at = NULL, "
				"    ended_at = clock_timestamp() "
				"WHERE run_id = $1 AND status = 'RUNNING' AND ($2 = 0 OR token = $2)",
				SPI_OK_UPDATE, lengthof(args), args) == 1;
	if (ended)
		olist_spi_execute_as_owner("UPDATE olist_etl.task "
								   "SET status = 'ABORTED', ended_at = clock_timestamp() "
								   "WHERE run_id = $1 AND status = 'RUNNING'",
								   SPI_OK_UPDATE, 1, args);
	if (ended && end->write_event)
		insert_end_event(run_id, end);
	SPI_finish();
	return ended;
}

void
olist_store_redrive_run(OlistRunRow *run)
{
	OlistSpiArg args[4];

	run->token = draw_number();
	run->pid = MyProcPid;
	run->redrive_count++;
	SPI_connect();
	args[0] = OLIST_SPI_INT8(run->run_id);
	args[1] = OLIST_SPI_INT8(run->token);
	args[2] = OLIST_SPI_INT4(run->pid);
	args[3] = OLIST_SPI_INT4(run->redrive_count);
	if (olist_spi_execute_as_owner(
			"UPDATE olist_etl.run "
			"SET status = 'RUNNING', output = NULL, error = NULL, cause = NULL, ended_at = NULL, "
			"    token = $2, pid = $3, redrive_count = $4 "
			"WHERE run_id = $1 AND status IN ('FAILED', 'TIMED_OUT', 'ABORTED')",
			SPI_OK_UPDATE, lengthof(args), args) != 1)
		elog(ERROR, "run " INT64_FORMAT " is not in a state to be taken up", run->run_id);
	SPI_finish();
	run->status = "RUNNING";
}

void
olist_store_reconcile_run(const OlistRunRow *run)
{
	OlistRunEnd end = {.status = OLIST_STATUS_ABORTED,
					   .cause = "the session that executed the run was lost",
					   .write_event = true};
	OlistSpiArg args[1];

	SPI_connect();
	args[0] = OLIST_SPI_INT8(run->run_id);
	olist_spi_execute_as_owner("UPDATE olist_etl.task SET crashes = crashes + 1 "
							   "WHERE run_id = $1 AND status = 'RUNNING'",
							   SPI_OK_UPDATE, lengthof(args), args);
	SPI_finish();
	(void) olist_store_end_run(run->run_id, 0, &end);
}

void
olist_store_set_due(int64 run_id, TimestampTz due_at)
{
	OlistSpiArg args[2];

	SPI_connect();
	args[0] = OLIST_SPI_INT8(run_id);
	args[1] = OLIST_SPI_TIMESTAMPTZ(due_at);
	args[1].isnull = due_at == DT_NOEND;
	olist_spi_execute_as_owner("UPDATE olist_etl.run SET due_at = $2 WHERE run_id = $1",
							   SPI_OK_UPDATE, lengthof(args), args);
	SPI_finish();
}

void
olist_store_summary(int64 run_id, OlistRunSummary *summary)
{
	OlistSpiArg args[1];

	SPI_connect();
	args[0] = OLIST_SPI_INT8(run_id);
	olist_spi_execute_as_owner("SELECT p.objects, "
							   "       least(p.rows, 9223372036854775807)::int8, "
							   "       least(p.rejects, 9223372036854775807)::int8, "
							   "       date_part('epoch', p.elapsed), "
							   "       p.status <> 'SUCCEEDED' AND olist_etl.can_resume(p.run_id) "
							   "FROM olist_etl.progress p "
							   "WHERE p.run_id = $1",
							   SPI_OK_SELECT, lengthof(args), args);
	summary->objects = int8_value(1);
	summary->rows = int8_value(2);
	summary->rejects = int8_value(3);
	summary->seconds = DatumGetFloat8(value_or(4, Float8GetDatum(0)));
	summary->can_resume = DatumGetBool(value_or(5, BoolGetDatum(false)));
	SPI_finish();
}

/*
 * History and tasks
 */

static void
insert_events(int64 run_id, const List *events)
{
	static const Field fields[] = {{INT8OID, offsetof(OlistEventRow, id)},
								   {INT8OID, offsetof(OlistEventRow, previous_id)},
								   {TEXTOID, offsetof(OlistEventRow, type)},
								   {INT8OID, offsetof(OlistEventRow, scope)},
								   {INT4OID, offsetof(OlistEventRow, item)},
								   {TEXTOID, offsetof(OlistEventRow, state)},
								   {TIMESTAMPTZOID, offsetof(OlistEventRow, at)},
								   {TEXTOID, offsetof(OlistEventRow, details)}};
	static OlistSpiKept kept = {
		.sql = "INSERT INTO olist_etl.event "
			   "    (run_id, id, previous_id, type, scope, item, state, at, details) "
			   "SELECT $1, e.id, e.previous_id, e.type, e.scope, e.item, e.state, e.at, "
			   "e.details::json "
			   "FROM unnest($2, $3, $4, $5, $6, $7, $8, $9) "
			   "    AS e (id, previous_id, type, scope, item, state, at, details)",
		.expected = SPI_OK_INSERT};
	OlistSpiArg args[1 + lengthof(fields)];

	args[0] = OLIST_SPI_INT8(run_id);
	field_arrays(events, fields, lengthof(fields), args + 1);
	olist_spi_execute_kept_as_owner(&kept, lengthof(args), args);
}

static void
insert_tasks(int64 run_id, int64 token, const List *tasks)
{
	static const Field fields[] = {
		{INT8OID, offsetof(OlistTaskRow, task_id)}, {INT4OID, offsetof(OlistTaskRow, attempt)},
		{TEXTOID, offsetof(OlistTaskRow, state)},	{INT8OID, offsetof(OlistTaskRow, scope)},
		{INT4OID, offsetof(OlistTaskRow, item)},	{TEXTOID, offsetof(OlistTaskRow, resource)},
		{TEXTOID, offsetof(OlistTaskRow, argument)}};
	static OlistSpiKept kept = {
		.sql = "INSERT INTO olist_etl.task AS old "
			   "    (run_id, token, status, task_id, attempt, state, scope, item, resource, input) "
			   "SELECT $1, $2, 'RUNNING', t.id, t.attempt, t.state, t.scope, t.item, t.resource, "
			   "    t.input::json "
			   "FROM unnest($3, $4, $5, $6, $7, $8, $9) "
			   "    AS t (id, attempt, state, scope, item, resource, input) "
			   "ON CONFLICT (run_id, task_id) DO UPDATE "
			   "SET status = 'RUNNING', token = excluded.token, ended_at = NULL "
			   "WHERE old.status = 'ABORTED'",
		.expected = SPI_OK_INSERT};
	OlistSpiArg args[2 + lengthof(fields)];

	args[0] = OLIST_SPI_INT8(run_id);
	args[1] = OLIST_SPI_INT8(token);
	field_arrays(tasks, fields, lengthof(fields), args + 2);
	olist_spi_execute_kept_as_owner(&kept, lengthof(args), args);
}

/* nobody waits for these any more: their time is over, or something else has ended the wait */
static void
abort_tasks(int64 run_id, const List *tasks)
{
	static const Field fields[] = {{INT8OID, offsetof(OlistTaskRow, task_id)},
								   {BOOLOID, offsetof(OlistTaskRow, timed_out)}};
	OlistSpiArg args[1 + lengthof(fields)];

	args[0] = OLIST_SPI_INT8(run_id);
	field_arrays(tasks, fields, lengthof(fields), args + 1);
	olist_spi_execute_as_owner("UPDATE olist_etl.task t "
							   "SET status = CASE WHEN s.timed_out THEN 'TIMED_OUT' "
							   "                  ELSE 'ABORTED' END, "
							   "    ended_at = clock_timestamp() "
							   "FROM unnest($2, $3) AS s (task_id, timed_out) "
							   "WHERE t.run_id = $1 AND t.task_id = s.task_id "
							   "    AND t.status = 'RUNNING'",
							   SPI_OK_UPDATE, lengthof(args), args);
}

void
olist_store_flush(int64 run_id, int64 token, const OlistStoreBatch *batch)
{
	SPI_connect();
	if (batch->events != NIL)
		insert_events(run_id, batch->events);
	if (batch->tasks != NIL)
		insert_tasks(run_id, token, batch->tasks);
	if (batch->unwanted != NIL)
		abort_tasks(run_id, batch->unwanted);
	SPI_finish();
}

/* the event in row i of what SPI has fetched */
static void
read_event(uint64 i, OlistEvent *event)
{
	HeapTuple row = SPI_tuptable->vals[i];
	TupleDesc desc = SPI_tuptable->tupdesc;
	char *details = SPI_getvalue(row, desc, 7);
	OlistJsonError error;
	bool isnull;

	event->id = DatumGetInt64(SPI_getbinval(row, desc, 1, &isnull));
	event->previous_id = DatumGetInt64(SPI_getbinval(row, desc, 2, &isnull));
	event->type = SPI_getvalue(row, desc, 3);
	event->scope = DatumGetInt64(SPI_getbinval(row, desc, 4, &isnull));
	event->item = DatumGetInt32(SPI_getbinval(row, desc, 5, &isnull));
	event->state = olist_utf8_from_server(SPI_getvalue(row, desc, 6));
	event->details = details ? olist_json_parse_server(details, &error) : NULL;
	event->details_member = NULL;
	event->at = olist_clock_to_unix(DatumGetTimestampTz(SPI_getbinval(row, desc, 8, &isnull)));
}

void
olist_store_recall_branch(int64 run_id, int64 scope, int item, OlistRecall *recall)
{
	MemoryContext context = CurrentMemoryContext;
	static OlistSpiKept kept = {
		.sql = "SELECT id, previous_id, type, scope, item, state, details, at FROM olist_etl.event "
			   "WHERE run_id = $1 AND scope = $2 AND item = $3 ORDER BY id",
		.expected = SPI_OK_SELECT};
	OlistSpiArg args[3];
	uint64 n;

	olist_recall_init(recall);
	SPI_connect();
	args[0] = OLIST_SPI_INT8(run_id);
	args[1] = OLIST_SPI_INT8(scope);
	args[2] = OLIST_SPI_INT4(item);
	n = olist_spi_execute_kept_as_owner(&kept, lengthof(args), args);
	for (uint64 i = 0; i < n; i++)
	{
		OlistEvent event;
		MemoryContext spi;

		read_event(i, &event);
		spi = MemoryContextSwitchTo(context);
		olist_recall_event(recall, &event);
		MemoryContextSwitchTo(spi);
	}
	SPI_finish();
}

static const char *
outcome_status(const OlistTaskOutcome *outcome)
{
	if (outcome->succeeded)
		return "SUCCEEDED";
	return strcmp(outcome->error, "States.Timeout") == 0 ? "TIMED_OUT" : "FAILED";
}

bool
olist_store_end_task(const OlistTaskCall *call, const OlistTaskOutcome *outcome)
{
	static OlistSpiKept kept = {
		.sql = "UPDATE olist_etl.task "
			   "SET status = $4, output = $5::json, error = $6, cause = $7, rows = $8, "
			   "    rejects = $9, pid = $11, ended_at = clock_timestamp(), "
			   "    started_at = clock_timestamp() - $10 * interval '1 microsecond' "
			   "WHERE run_id = $1 AND task_id = $2 AND token = $3 AND status = 'RUNNING'",
		.expected = SPI_OK_UPDATE};
	OlistSpiArg args[11];
	bool ended;

	SPI_connect();
	args[0] = OLIST_SPI_INT8(call->run_id);
	args[1] = OLIST_SPI_INT8(call->task_id);
	args[2] = OLIST_SPI_INT8(call->token);
	args[3] = OLIST_SPI_TEXT(outcome_status(outcome));
	args[4] = OLIST_SPI_TEXT(outcome->output);
	args[5] = OLIST_SPI_TEXT(outcome->error);
	args[6] = OLIST_SPI_TEXT(outcome->cause);
	args[7] = (OlistSpiArg){INT8OID, Int64GetDatum(outcome->rows), outcome->rows < 0};
	args[8] = (OlistSpiArg){INT8OID, Int64GetDatum(outcome->rejects), outcome->rejects < 0};
	args[9] = OLIST_SPI_INT8(outcome->usec);
	args[10] = OLIST_SPI_INT4(MyProcPid);
	ended = olist_spi_execute_kept_as_owner(&kept, lengthof(args), args) == 1;
	SPI_finish();
	return ended;
}

bool
olist_store_recall_task(int64 run_id, int64 task_id, OlistTaskOutcome *outcome, int *crashes)
{
	static OlistSpiKept kept = {
		.sql = "SELECT status NOT IN ('RUNNING', 'ABORTED'), output, error, cause, "
			   "    coalesce(rows, -1), coalesce(rejects, -1), "
			   "    (extract(epoch FROM ended_at - started_at) * 1000000)::int8, crashes "
			   "FROM olist_etl.task WHERE run_id = $1 AND task_id = $2",
		.expected = SPI_OK_SELECT};
	OlistSpiArg args[2];
	bool ended = false;

	*crashes = 0;
	SPI_connect();
	args[0] = OLIST_SPI_INT8(run_id);
	args[1] = OLIST_SPI_INT8(task_id);
	if (olist_spi_execute_kept_as_owner(&kept, lengthof(args), args) == 1)
	{
		ended = DatumGetBool(value_or(1, BoolGetDatum(false)));
		*crashes = int4_value(8);
	}
	if (ended)
	{
		outcome->output = text_value(2);
		outcome->error = text_value(3);
		outcome->cause = text_value(4);
		outcome->succeeded = outcome->error == NULL;
		outcome->rows = int8_value(5);
		outcome->rejects = int8_value(6);
		outcome->usec = int8_value(7);
	}
	SPI_finish();
	return ended;
}
