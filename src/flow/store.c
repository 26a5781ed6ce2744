/*
 * flow/store.c
 *		The tables run, task and event.
 *
 *		            create_run
 *		                │
 *		                ▼          end_run, once, under the token
 *		             RUNNING ──────────────────────────────────────► SUCCEEDED
 *		                                                             FAILED
 *		                                                             TIMED_OUT
 *		                                                             ABORTED
 *
 * A task's row goes the same way: flush() writes it RUNNING, end_task() ends
 * it in the transaction of its work, and end_run() aborts what is left.
 */
#include "postgres.h"

#include "flow/store.h"

#include "base/spi.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

/* a column of many rows, bound as one array parameter */
typedef struct Column
{
	Datum *values;
	bool *nulls;
	int n;
} Column;

static Column
column_new(int capacity)
{
	Column column = {palloc(capacity * sizeof(Datum)), palloc0(capacity * sizeof(bool)), 0};

	return column;
}

static void
column_add(Column *column, Datum value)
{
	column->values[column->n++] = value;
}

static void
column_add_text(Column *column, const char *value)
{
	column->nulls[column->n] = value == NULL;
	column_add(column, value ? CStringGetTextDatum(value) : (Datum) 0);
}

static OlistSpiArg
column_arg(const Column *column, Oid element, Oid array)
{
	int dims[1] = {column->n};
	int lower[1] = {1};
	bool text = element == TEXTOID;
	ArrayType *value =
		construct_md_array(column->values, column->nulls, 1, dims, lower, element,
						   text ? -1 : (element == INT4OID ? 4 : 8),
						   text ? false : (element == INT4OID ? true : FLOAT8PASSBYVAL),
						   text || element == INT4OID ? TYPALIGN_INT : TYPALIGN_DOUBLE);

	return (OlistSpiArg){array, PointerGetDatum(value), false};
}

/* the first column of the only row */
static int64
result_int8(void)
{
	bool isnull;

	return DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
}

static int64
draw_token(void)
{
	int64 token;

	if (!pg_strong_random(&token, sizeof(token)))
		ereport(ERROR, (errcode(ERRCODE_INTERNAL_ERROR), errmsg("could not draw a random number")));
	return token & PG_INT64_MAX;
}

int64
olist_store_create_run(const char *workflow, int version, const char *input, int64 *token)
{
	int64 run_id;
	OlistSpiArg args[6];

	*token = draw_token();
	SPI_connect();
	args[0] = OLIST_SPI_TEXT(workflow);
	args[1] = OLIST_SPI_INT4(version);
	args[2] = OLIST_SPI_TEXT(input);
	args[3] = OLIST_SPI_TEXT(GetUserNameFromId(GetUserId(), false));
	args[4] = OLIST_SPI_INT8(*token);
	args[5] = OLIST_SPI_INT4(MyProcPid);
	olist_spi_execute_as_owner(
		"INSERT INTO olist_etl.run (workflow, version, status, input, owner, token, pid) "
		"VALUES ($1, $2, 'RUNNING', $3::pg_catalog.json, $4, $5, $6) "
		"RETURNING run_id",
		SPI_OK_INSERT_RETURNING, lengthof(args), args);
	run_id = result_int8();
	SPI_finish();
	return run_id;
}

int64
olist_store_running_run(const char *workflow)
{
	OlistSpiArg args[1];
	int64 run_id = 0;

	SPI_connect();
	args[0] = OLIST_SPI_TEXT(workflow);
	if (olist_spi_execute_as_owner("SELECT run_id FROM olist_etl.run "
								   "WHERE workflow = $1 "
								   "AND status = 'RUNNING'",
								   SPI_OK_SELECT, lengthof(args), args) > 0)
		run_id = result_int8();
	SPI_finish();
	return run_id;
}

static void
insert_events(int64 run_id, List *events)
{
	int n = list_length(events);
	Column id = column_new(n), previous = column_new(n), type = column_new(n);
	Column state = column_new(n), at = column_new(n), details = column_new(n);
	OlistSpiArg args[7];
	ListCell *lc;

	foreach (lc, events)
	{
		const OlistStoreEvent *event = lfirst(lc);

		column_add(&id, Int64GetDatum(event->id));
		column_add(&previous, Int64GetDatum(event->previous_id));
		column_add_text(&type, event->type);
		column_add_text(&state, event->state);
		column_add(&at, TimestampTzGetDatum(event->at));
		column_add_text(&details, event->details);
	}
	args[0] = OLIST_SPI_INT8(run_id);
	args[1] = column_arg(&id, INT8OID, INT8ARRAYOID);
	args[2] = column_arg(&previous, INT8OID, INT8ARRAYOID);
	args[3] = column_arg(&type, TEXTOID, TEXTARRAYOID);
	args[4] = column_arg(&state, TEXTOID, TEXTARRAYOID);
	args[5] = column_arg(&at, TIMESTAMPTZOID, TIMESTAMPTZARRAYOID);
	args[6] = column_arg(&details, TEXTOID, TEXTARRAYOID);
	olist_spi_execute_as_owner(
		"INSERT INTO olist_etl.event (run_id, id, previous_id, type, state, at, details) "
		"SELECT $1, e.id, e.previous_id, e.type, e.state, e.at, e.details::pg_catalog.json "
		"FROM ROWS FROM (pg_catalog.unnest($2), pg_catalog.unnest($3), pg_catalog.unnest($4), "
		"pg_catalog.unnest($5), pg_catalog.unnest($6), pg_catalog.unnest($7)) "
		"AS e (id, previous_id, type, state, at, details)",
		SPI_OK_INSERT, lengthof(args), args);
}

static void
insert_tasks(int64 run_id, int64 token, List *tasks)
{
	int n = list_length(tasks);
	Column id = column_new(n), attempt = column_new(n), name = column_new(n);
	Column function = column_new(n), argument = column_new(n);
	OlistSpiArg args[7];
	ListCell *lc;

	foreach (lc, tasks)
	{
		const OlistStoreTask *task = lfirst(lc);

		column_add(&id, Int64GetDatum(task->task_id));
		column_add(&attempt, Int32GetDatum(task->attempt));
		column_add_text(&name, task->name);
		column_add_text(&function, task->function);
		column_add_text(&argument, task->argument);
	}
	args[0] = OLIST_SPI_INT8(run_id);
	args[1] = OLIST_SPI_INT8(token);
	args[2] = column_arg(&id, INT8OID, INT8ARRAYOID);
	args[3] = column_arg(&attempt, INT4OID, INT4ARRAYOID);
	args[4] = column_arg(&name, TEXTOID, TEXTARRAYOID);
	args[5] = column_arg(&function, TEXTOID, TEXTARRAYOID);
	args[6] = column_arg(&argument, TEXTOID, TEXTARRAYOID);
	olist_spi_execute_as_owner(
		"INSERT INTO olist_etl.task (run_id, token, status, task_id, attempt, name, function, "
		"input) "
		"SELECT $1, $2, 'RUNNING', t.id, t.attempt, t.name, t.function, t.input::pg_catalog.json "
		"FROM ROWS FROM (pg_catalog.unnest($3), pg_catalog.unnest($4), pg_catalog.unnest($5), "
		"pg_catalog.unnest($6), pg_catalog.unnest($7)) AS t (id, attempt, name, function, input)",
		SPI_OK_INSERT, lengthof(args), args);
}

void
olist_store_flush(int64 run_id, int64 token, List *events, List *tasks)
{
	if (events == NIL && tasks == NIL)
		return;
	SPI_connect();
	if (events != NIL)
		insert_events(run_id, events);
	if (tasks != NIL)
		insert_tasks(run_id, token, tasks);
	SPI_finish();
}

static const char *
outcome_status(const OlistTaskOutcome *outcome)
{
	if (outcome->succeeded)
		return "SUCCEEDED";
	return strcmp(outcome->error, "States.Timeout") == 0 ? "TIMED_OUT" : "FAILED";
}

void
olist_store_end_task(const OlistTaskCall *call, const OlistTaskOutcome *outcome)
{
	OlistSpiArg args[11];

	SPI_connect();
	args[0] = OLIST_SPI_INT8(call->run_id);
	args[1] = OLIST_SPI_INT8(call->task_id);
	args[2] = OLIST_SPI_INT8(call->token);
	args[3] = OLIST_SPI_TEXT(outcome_status(outcome));
	args[4] = OLIST_SPI_TEXT(outcome->output);
	args[5] = OLIST_SPI_TEXT(outcome->error);
	args[6] = OLIST_SPI_TEXT(outcome->cause);
	args[7] = (OlistSpiArg){INT8OID, Int64GetDatum(outcome->rows), outcome->rows < 0};
	args[8] = (OlistSpiArg){FLOAT8OID, Float8GetDatum(outcome->usec / 1000.0), false};
	args[9] = OLIST_SPI_INT4(MyProcPid);
	args[10] = (OlistSpiArg){INT8OID, Int64GetDatum(outcome->rejects), outcome->rejects < 0};
	if (olist_spi_execute_as_owner(
			"UPDATE olist_etl.task "
			"SET status = $4, output = $5::pg_catalog.json, error = $6, cause = $7, rows = $8, "
			"rejects = $11, milliseconds = $9, pid = $10, ended_at = pg_catalog.clock_timestamp() "
			"WHERE run_id = $1 "
			"AND task_id = $2 "
			"AND token = $3 "
			"AND status = 'RUNNING'",
			SPI_OK_UPDATE, lengthof(args), args) != 1)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("task " INT64_FORMAT " of run " INT64_FORMAT " is no longer awaited",
						call->task_id, call->run_id),
				 errdetail("The run has ended or has been taken up by another session meanwhile; "
						   "the task's work is undone.")));
	SPI_finish();
}

static char *
result_text(int column)
{
	return SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, column);
}

bool
olist_store_recall_task(const OlistTaskCall *call, OlistTaskOutcome *outcome)
{
	MemoryContext context = CurrentMemoryContext;
	OlistSpiArg args[2];
	bool found;

	SPI_connect();
	args[0] = OLIST_SPI_INT8(call->run_id);
	args[1] = OLIST_SPI_INT8(call->task_id);
	found = olist_spi_execute_as_owner("SELECT output, error, cause, rows, rejects, milliseconds "
									   "FROM olist_etl.task "
									   "WHERE run_id = $1 "
									   "AND task_id = $2 "
									   "AND status <> ALL "
									   "    (ARRAY['RUNNING', 'ABORTED'])",
									   SPI_OK_SELECT, lengthof(args), args) == 1;
	if (found)
	{
		MemoryContext spi = MemoryContextSwitchTo(context);
		char *rows = result_text(4);
		char *rejects = result_text(5);

		outcome->output = result_text(1);
		outcome->error = result_text(2);
		outcome->cause = result_text(3);
		outcome->succeeded = outcome->error == NULL;
		outcome->rows = rows ? pg_strtoint64(rows) : -1;
		outcome->rejects = rejects ? pg_strtoint64(rejects) : -1;
		outcome->usec = (int64) (strtod(result_text(6), NULL) * 1000);
		MemoryContextSwitchTo(spi);
	}
	SPI_finish();
	return found;
}

bool
olist_store_end_run(int64 run_id, int64 token, const char *status, const char *output,
					const char *error, const char *cause)
{
	OlistSpiArg args[6];
	bool ended;

	SPI_connect();
	args[0] = OLIST_SPI_INT8(run_id);
	args[1] = OLIST_SPI_INT8(token);
	args[2] = OLIST_SPI_TEXT(status);
	args[3] = OLIST_SPI_TEXT(output);
	args[4] = OLIST_SPI_TEXT(error);
	args[5] = OLIST_SPI_TEXT(cause);
	ended = olist_spi_execute_as_owner(
				"UPDATE olist_etl.run "
				"SET status = $3, output = $4::pg_catalog.json, error = $5, cause = $6, "
				"ended_at = pg_catalog.clock_timestamp() "
				"WHERE run_id = $1 "
				"AND status = 'RUNNING' "
				"AND ($2 = 0 OR token = $2)",
				SPI_OK_UPDATE, lengthof(args), args) == 1;
	if (ended)
		olist_spi_execute_as_owner(
			"UPDATE olist_etl.task "
			"SET status = 'ABORTED', ended_at = pg_catalog.clock_timestamp() "
			"WHERE run_id = $1 "
			"AND status = 'RUNNING'",
			SPI_OK_UPDATE, 1, args);
	SPI_finish();
	return ended;
}

void
olist_store_summary(int64 run_id, OlistStoreSummary *summary)
{
	OlistSpiArg args[1];
	HeapTuple row;
	TupleDesc desc;
	bool isnull;

	SPI_connect();
	args[0] = OLIST_SPI_INT8(run_id);
	olist_spi_execute_as_owner("SELECT pg_catalog.count(t.run_id), "
							   "       coalesce(pg_catalog.sum(t.rows), 0)::pg_catalog.int8, "
							   "       coalesce(pg_catalog.sum(t.rejects), 0)::pg_catalog.int8, "
							   "       pg_catalog.date_part('epoch', "
							   "           coalesce(r.ended_at, pg_catalog.clock_timestamp()) "
							   "           - r.started_at) "
							   "FROM olist_etl.run r "
							   "LEFT JOIN olist_etl.task t ON t.run_id = r.run_id "
							   "    AND t.status = 'SUCCEEDED' "
							   "    AND t.output -> 'object_id' IS NOT NULL "
							   "WHERE r.run_id = $1 "
							   "GROUP BY r.run_id",
							   SPI_OK_SELECT, lengthof(args), args);
	row = SPI_tuptable->vals[0];
	desc = SPI_tuptable->tupdesc;
	summary->objects = DatumGetInt64(SPI_getbinval(row, desc, 1, &isnull));
	summary->rows = DatumGetInt64(SPI_getbinval(row, desc, 2, &isnull));
	summary->rejects = DatumGetInt64(SPI_getbinval(row, desc, 3, &isnull));
	summary->seconds = DatumGetFloat8(SPI_getbinval(row, desc, 4, &isnull));
	SPI_finish();
}
