/*
 * flow/coordinator.c
 *		The loop that carries an execution through.
 *
 *		              ┌────────────────────────────────────────────────────┐
 *		              ▼                                                    │
 *		executor says what is next ──► commit events and task rows ──► hand out ──► wait
 *		              ▲                                                    │
 *		              └─────── outcomes, already committed by their tasks ◄┘
 *
 * Between two commits the session holds no snapshot and waits on its latch
 * only, so neither vacuum nor anybody else minds a run of hours.
 *
 * A task that is ready while nothing else goes on is executed right here: a
 * sequence of tasks needs no worker, and a run that finds nothing new never
 * launches one. So is every task when no worker is to be had.
 */
#include "postgres.h"

#include "flow/coordinator.h"

#include "access/xact.h"
#include "asl/datum.h"
#include "base/fault.h"
#include "base/spi.h"
#include "catalog/pg_authid.h"
#include "compat.h"
#include "executor/spi.h"
#include "flow/clock.h"
#include "flow/replica.h"
#include "flow/settings.h"
#include "flow/slots.h"
#include "flow/tell.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "storage/latch.h"
#include "tcop/tcopprot.h"
#include "utils/acl.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"
#include "utils/timeout.h"
#include "utils/timestamp.h"

/* how often a session at work looks whether its client is still there */
#define CLIENT_CHECK_MS "1000"
/* the longest wait: for what only time brings, like a worker that never started */
#define POLL_MS 1000
/* a wait that is worth a note in the run's row */
#define DUE_MS 1000
/* an attempt during which the server or the session was lost so often is given up */
#define MAX_CRASHES 3
/*
 * Transactions
 */

/*
 * A new transaction of the run, not the caller's: at the isolation that tasks
 * expect, and watching the client, which may leave while a task goes on.
 */
static void
begin(const OlistRun *run)
{
	if (!run->atomic)
		olist_settings_set_local("transaction_isolation", "read committed");
	if (MyProcPort != NULL && client_connection_check_interval == 0)
	{
		olist_settings_set_local("client_connection_check_interval", CLIENT_CHECK_MS);
		if (client_connection_check_interval > 0 &&
			!get_timeout_active(CLIENT_CONNECTION_CHECK_TIMEOUT))
			enable_timeout_after(CLIENT_CONNECTION_CHECK_TIMEOUT, client_connection_check_interval);
	}
}

void
olist_coordinator_commit(OlistRun *run)
{
	bool awaited = !run->atomic && olist_replica_awaited();

	if (!run->atomic)
		SPI_commit();
	begin(run);
	if (awaited)
		olist_replica_check_cancel();
}

void
olist_coordinator_flush(OlistRun *run)
{
	olist_store_flush(run->row.run_id, run->row.token, &run->batch);
	run->batch.events = NIL;
	run->urgent = false;
	MemoryContextReset(run->batch_context);
}

static void
free_task(OlistTaskRow *task)
{
	pfree(task->state);
	pfree(task->resource);
	pfree(task->argument);
	pfree(task);
}

/*
 * Make what the executor decided durable before any of it starts. Losing the
 * last moments of it in a crash is harmless, as nothing but bookkeeping is in
 * it: so this commit does not wait for the disk. Only when a crash has already
 * interrupted the run does it, so that the attempt that causes crashes is known.
 */
static void
commit_batch(OlistRun *run)
{
	OlistStoreBatch *batch = &run->batch;
	ListCell *lc;

	if (!run->urgent && batch->tasks == NIL && batch->unwanted == NIL)
		return;
	if (!run->atomic)
		olist_settings_set_local("synchronous_commit", run->redriven ? "local" : "off");
	olist_coordinator_flush(run);
	OLIST_FAULT("flow-schedule-commit-before");
	olist_coordinator_commit(run);
	OLIST_FAULT("flow-schedule-commit-after");

	foreach (lc, batch->unwanted)
	{
		OlistTaskRow *task = lfirst(lc);

		if (task->unwanted)
			olist_pool_cancel(run->pool, task->task_id);
		else
			free_task(task);
	}
	run->ready = list_concat(run->ready, batch->tasks);
	list_free(batch->tasks);
	list_free(batch->unwanted);
	batch->tasks = batch->unwanted = NIL;
}

/*
 * Tasks
 */

static OlistTaskRow *
make_task(const OlistAction *action)
{
	OlistTaskRow *task = palloc0(sizeof(OlistTaskRow));

	task->task_id = action->task;
	task->attempt = action->attempt;
	task->state = olist_utf8_to_server(pstrdup(action->state));
	task->resource = olist_utf8_to_server(pstrdup(action->resource));
	task->argument = olist_json_print_server(action->payload);
	task->scope = action->scope;
	task->item = action->item;
	task->deadline = olist_clock_from_unix(action->deadline);
	task->again = action->again;
	return task;
}

/* the task of this id, taken out of the list; NULL if it is not there */
static OlistTaskRow *
take_task(List **tasks, int64 task_id)
{
	ListCell *lc;

	foreach (lc, *tasks)
	{
		OlistTaskRow *task = lfirst(lc);

		if (task->task_id == task_id)
		{
			*tasks = foreach_delete_current(*tasks, lc);
			return task;
		}
	}
	return NULL;
}

/* the executor learns what came of a task, and so does the user; the task is freed */
static void
take_outcome(OlistRun *run, OlistTaskRow *task, const OlistTaskOutcome *outcome)
{
	MemoryContext scratch =
		AllocSetContextCreate(run->context, "olist_etl outcome", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(scratch);
	OlistFailure failure = {olist_utf8_from_server(outcome->error),
							olist_utf8_from_server(outcome->cause)};
	OlistJsonError error;

	olist_tell_outcome(task, outcome);
	if (outcome->succeeded)
	{
		OlistJson *result = olist_json_parse_server(outcome->output, &error);

		olist_tell_notices(result);
		olist_execution_task_succeeded(run->execution, task->task_id, result);
	}
	else
		olist_execution_task_failed(run->execution, task->task_id, &failure);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(scratch);
	free_task(task);
}

static OlistTaskCall
make_call(const OlistRun *run, const OlistTaskRow *task)
{
	return (OlistTaskCall){.run_id = run->row.run_id,
						   .task_id = task->task_id,
						   .token = run->row.token,
						   .resource = task->resource,
						   .argument = task->argument,
						   .claim = run->claim,
						   .deadline = olist_clock_to_ticks(&run->clock, task->deadline),
						   .owns_transaction = !run->atomic};
}

static void
raise_taken_over(const OlistRun *run)
{
	ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					errmsg("run " INT64_FORMAT " has been ended or taken over by another session",
						   run->row.run_id)));
}

/*
 * Commit a task's transaction. An error here is the task's, unless it is a
 * cancel: the new transaction, which SPI_commit() has begun, notes it.
 */
static void
commit_task(OlistRun *run, const OlistTaskCall *call, OlistTaskOutcome *outcome)
{
	MemoryContext context = CurrentMemoryContext;
	ErrorData *volatile edata = NULL;

	PG_TRY();
	{
		OLIST_FAULT("flow-task-commit-before");
		olist_coordinator_commit(run);
		OLIST_FAULT("flow-task-commit-after");
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(context);
		if (run->atomic || geterrcode() == ERRCODE_QUERY_CANCELED)
			PG_RE_THROW();
		edata = CopyErrorData();
		FlushErrorState();
	}
	PG_END_TRY();
	if (edata != NULL)
	{
		olist_relock_extension(&run->lock);
		if (run->pool)
			olist_pool_retake_slots(run->pool);
		begin(run);
		if (!olist_task_record_failure(call, edata, outcome))
			raise_taken_over(run);
		olist_coordinator_commit(run);
	}
}

/* what the session has that no task can have left there */
static void
note_leftovers(OlistRun *run)
{
	MemoryContext old;

	if (run->leftovers != NULL)
		return;
	old = MemoryContextSwitchTo(run->context);
	run->leftovers = olist_leftovers_note();
	MemoryContextSwitchTo(old);
}

static void
execute_here(OlistRun *run, OlistTaskRow *task)
{
	OlistTaskCall call = make_call(run, task);
	int64 own_deadline = call.deadline;
	OlistTaskOutcome outcome;
	MemoryContext scratch =
		AllocSetContextCreate(run->context, "olist_etl task", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(scratch);

	call.deadline = olist_clock_to_ticks(&run->clock, Min(task->deadline, run->machine_deadline));
	olist_execution_task_started(run->execution, task->task_id);
	note_leftovers(run);
	if (!olist_task_execute(&call, &outcome) || !olist_relock_workflow(&run->lock))
		raise_taken_over(run);
	olist_leftovers_clear(run->leftovers);
	commit_task(run, &call, &outcome);
	if (!run->atomic)
		olist_leftovers_clear_committed(run->leftovers);
	if (call.deadline < own_deadline && olist_clock_ticks() >= call.deadline)
		free_task(task); /* the executor will find that the run's time is over */
	else
		take_outcome(run, task, &outcome);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(scratch);
}

/*
 * An attempt that was under way when the run was interrupted: its outcome may
 * be on record, or it may be what interrupted the run. True if nothing is left
 * to execute.
 */
static bool
recall_outcome(OlistRun *run, OlistTaskRow *task)
{
	OlistTaskOutcome outcome = {0};
	int crashes;

	if (!olist_store_recall_task(run->row.run_id, task->task_id, &outcome, &crashes))
	{
		OlistTaskCall call = make_call(run, task);
		OlistStoreBatch attempt = {.tasks = list_make1(task)};

		if (crashes < MAX_CRASHES)
			return false;
		outcome = (OlistTaskOutcome){.error = "Olist.WorkerCrashed",
									 .cause = "the server or the session was lost each time that "
											  "the task was executed",
									 .rows = -1,
									 .rejects = -1};
		olist_store_flush(run->row.run_id, run->row.token, &attempt);
		if (!olist_store_end_task(&call, &outcome))
			raise_taken_over(run);
	}
	take_outcome(run, task, &outcome);
	return true;
}

/* deal with what one worker has reported */
static void
take_report(OlistRun *run, OlistPoolReport *report)
{
	OlistTaskRow *task = take_task(&run->running, report->task_id);
	OlistTaskCall call;
	int crashes;

	if (task == NULL)
		elog(ERROR, "task " INT64_FORMAT " is not with a worker", report->task_id);
	call = make_call(run, task);
	if (task->unwanted)
	{
		free_task(task);
		return;
	}
	if (report->died)
	{
		/* it may have died after its commit: then its word stands */
		if (!olist_store_recall_task(call.run_id, call.task_id, &report->outcome, &crashes) &&
			!olist_store_end_task(&call, &report->outcome))
			raise_taken_over(run);
		olist_coordinator_commit(run);
	}
	else if (!report->recorded)
		raise_taken_over(run);
	take_outcome(run, task, &report->outcome);
}

/* false if no worker had anything to report */
static bool
take_reports(OlistRun *run)
{
	bool any = false;
	MemoryContext scratch;
	MemoryContext old;
	OlistPoolReport report;

	if (run->pool == NULL)
		return false;
	scratch = AllocSetContextCreate(run->context, "olist_etl report", ALLOCSET_DEFAULT_SIZES);
	old = MemoryContextSwitchTo(scratch);
	while (olist_pool_receive(run->pool, &report))
	{
		take_report(run, &report);
		any = true;
		MemoryContextReset(scratch);
	}
	MemoryContextSwitchTo(old);
	MemoryContextDelete(scratch);
	return any;
}

/*
 * Workers
 */

/* a worker connects as the role, which therefore must exist and be allowed to */
static void
check_role(OlistRun *run)
{
	HeapTuple tuple = SearchSysCache1(AUTHOID, ObjectIdGetDatum(run->role));
	bool can_login;

	if (!HeapTupleIsValid(tuple))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION),
				 errmsg("the role that executes run " INT64_FORMAT " does not exist any more",
						run->row.run_id),
				 errhint("Run the workflow as another role; what has been committed stays.")));
	can_login = ((Form_pg_authid) GETSTRUCT(tuple))->rolcanlogin;
	ReleaseSysCache(tuple);
	if (!can_login && !OLIST_WORKER_IGNORES_NOLOGIN && !run->no_workers)
	{
		ereport(NOTICE, (errmsg("the session executes all tasks itself"),
						 errdetail("Background workers cannot connect as a role without LOGIN."),
						 errhint("Run the workflow as a role that may log in.")));
		run->no_workers = true;
	}
}

/* bring the pool to the size that the ready and running tasks can use */
static void
grow_pool(OlistRun *run)
{
	int wanted = Min(olist_slot_limit(), list_length(run->running) + list_length(run->ready));
	int live = run->pool ? olist_pool_live(run->pool) : 0;

	if (live >= wanted)
		return;
	check_role(run);
	if (run->no_workers)
		return;
	if (run->pool == NULL)
	{
		MemoryContext old = MemoryContextSwitchTo(run->context);
		StringInfoData settings;

		initStringInfo(&settings);
		olist_settings_collect(&settings);
		run->pool = olist_pool_create(run->row.run_id, run->role, olist_slot_limit(), &settings);
		pfree(settings.data);
		MemoryContextSwitchTo(old);
	}
	olist_coordinator_commit(run);
	olist_pool_grow(run->pool, wanted);
}

/* may the one ready task hold up this session until it is done? */
static bool
is_lone(const OlistRun *run)
{
	return list_length(run->ready) == 1 && run->running == NIL && olist_task_may_run_here() &&
		   olist_clock_from_unix(run->action.until) >=
			   Min(run->machine_deadline, ((OlistTaskRow *) linitial(run->ready))->deadline);
}

/* give ready tasks to workers, or execute one here; false if nothing could be started */
static bool
hand_out(OlistRun *run)
{
	bool any = false;

	if (run->ready == NIL)
		return false;
	if (olist_slot_limit() > 0 && !run->no_workers && !is_lone(run))
	{
		grow_pool(run);
		while (run->pool && run->ready != NIL)
		{
			OlistTaskRow *task = linitial(run->ready);
			OlistTaskCall call = make_call(run, task);

			if (!olist_pool_send(run->pool, &call))
				break;
			olist_execution_task_started(run->execution, task->task_id);
			run->running = lappend(run->running, task);
			run->ready = list_delete_first(run->ready);
			any = true;
		}
		if (any || (run->pool && olist_pool_live(run->pool) > 0))
			return any;
	}
	else
		check_role(run);
	{
		OlistTaskRow *task = linitial(run->ready);

		run->ready = list_delete_first(run->ready);
		execute_here(run, task);
	}
	return true;
}

/*
 * The loop
 */

/* the result of a task is not wanted any more: forget it, or cancel it where it is */
static void
stop_task(OlistRun *run, int64 task_id)
{
	OlistTaskRow *task = take_task(&run->ready, task_id);
	ListCell *lc;

	if (task == NULL)
		task = take_task(&run->batch.tasks, task_id);
	foreach (lc, run->running)
	{
		OlistTaskRow *other = lfirst(lc);

		if (other->task_id == task_id)
		{
			other->unwanted = true;
			task = other;
		}
	}
	if (task == NULL)
		return;
	task->timed_out = task->deadline <= olist_clock_now(&run->clock);
	run->batch.unwanted = lappend(run->batch.unwanted, task);
}

/* ask the executor for everything that is to be done now */
static void
take_actions(OlistRun *run)
{
	for (;;)
	{
		OlistTaskRow *task;

		switch (olist_execution_next(run->execution, &run->action))
		{
			case OLIST_ACTION_TASK:
				task = make_task(&run->action);
				if (task->again && recall_outcome(run, task))
					break;
				run->batch.tasks = lappend(run->batch.tasks, task);
				break;
			case OLIST_ACTION_STOP_TASK:
				stop_task(run, run->action.task);
				break;
			case OLIST_ACTION_BUSY:
			case OLIST_ACTION_IDLE:
			case OLIST_ACTION_DONE:
				return;
		}
	}
}

/* until when there is nothing to do, noted where others can see it */
static void
note_due(OlistRun *run)
{
	TimestampTz until = olist_clock_from_unix(run->action.until);

	if (run->running != NIL || until >= run->machine_deadline ||
		TimestampDifferenceMilliseconds(olist_clock_now(&run->clock), until) < DUE_MS)
		until = DT_NOEND;
	if (until == run->due_at)
		return;
	olist_store_set_due(run->row.run_id, until);
	olist_coordinator_commit(run);
	run->due_at = until;
}

static void
wait(OlistRun *run)
{
	TimestampTz until = olist_clock_from_unix(run->action.until);
	long timeout =
		Min(POLL_MS, TimestampDifferenceMilliseconds(olist_clock_now(&run->clock), until));

	note_due(run);
	if (!run->atomic && ActiveSnapshotSet())
		olist_coordinator_commit(run);
	(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, timeout,
					 PG_WAIT_EXTENSION);
	ResetLatch(MyLatch);
	CHECK_FOR_INTERRUPTS();
}

void
olist_coordinator_drive(OlistRun *run)
{
	MemoryContext old = MemoryContextSwitchTo(run->context);

	for (;;)
	{
		CHECK_FOR_INTERRUPTS();
		take_actions(run);
		if (run->action.kind == OLIST_ACTION_DONE)
			break;
		commit_batch(run);
		if (!take_reports(run) && !hand_out(run) && run->action.kind != OLIST_ACTION_BUSY)
			wait(run);
	}
	MemoryContextSwitchTo(old);
}
