/*
 * flow/coordinator.c
 *		A run, in the session that called for it.
 *
 *		           ┌───────────────────────────────────────────────┐
 *		           ▼                                               │
 *		plan says what is next ──► commit history and task rows ──► hand out ──► wait
 *		           ▲                                                          │
 *		           └──────────── outcomes, already committed by their tasks ◄─┘
 *
 * Between two commits the session holds no snapshot and waits on its latch
 * only, so neither vacuum nor anybody else minds a run of hours.
 *
 * A single task that is ready while nothing else goes on is executed right
 * here: a run that finds nothing new never launches a worker. So is every task
 * when no worker is to be had.
 *
 * However the session's statement ends, the workers are stopped and the run is
 * ended first: by end_by_error() for errors, by end_by_exit() when the process
 * goes without one. What neither can do (a crash) the next run makes good: who
 * holds the workflow's lock knows that a run still RUNNING has lost its session.
 */
#include "postgres.h"

#include "flow/coordinator.h"

#include <unistd.h>

#include "access/xact.h"
#include "access/xlog.h"
#include "catalog/pg_authid.h"
#include "compat.h"
#include "executor/spi.h"
#include "flow/lock.h"
#include "flow/plan.h"
#include "flow/pool.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/portal.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"
#include "utils/timeout.h"
#include "utils/timestamp.h"

/* how often a waiting session looks whether its client is still there */
#define CLIENT_CHECK_MS "1000"
/* the longest wait for what only time brings: a worker that never started */
#define POLL_MS 1000

int olist_flow_max_workers = -1;

typedef struct Run
{
	const OlistRunRequest *request;
	OlistWorkflowLock lock;
	int64 run_id;
	int64 token;
	Oid role;
	OlistPlan *plan;
	OlistPool *pool;
	List *ready;	 /* OlistStoreTask, committed, not handed out yet */
	List *running;	 /* OlistStoreTask, with workers */
	List *events;	 /* OlistStoreEvent, not written yet */
	List *fresh;	 /* OlistStoreTask, not written yet */
	OlistStep step;	 /* what the plan said last */
	bool no_workers; /* a reason that does not go away: the session works itself */
	MemoryContext context;
	MemoryContext event_context; /* of events, reset when they are written */
} Run;

/* the run that commits on its own, for whom the process's exit must be caught */
static Run *current = NULL;

/* runs that this process is in the middle of: a task may start one, but not without end */
static int depth = 0;
#define MAX_DEPTH 4

static void
emit(void *arg, const OlistStoreEvent *event)
{
	Run *run = arg;
	MemoryContext old = MemoryContextSwitchTo(run->event_context);
	OlistStoreEvent *copy = palloc(sizeof(OlistStoreEvent));

	*copy = *event;
	copy->type = pstrdup(event->type);
	copy->state = event->state ? pstrdup(event->state) : NULL;
	copy->details = event->details ? pstrdup(event->details) : NULL;
	run->events = lappend(run->events, copy);
	MemoryContextSwitchTo(old);
}

static void
set_local(const char *name, const char *value)
{
	(void) set_config_option(name, value, superuser() ? PGC_SUSET : PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_LOCAL, true, 0, false);
}

/*
 * A new transaction of the run, not the caller's: at the isolation that tasks
 * expect, and watching the client, which may leave while a task goes on.
 */
static void
begin(const Run *run)
{
	if (!run->request->atomic)
		set_local("transaction_isolation", "read committed");
	if (MyProcPort != NULL && client_connection_check_interval == 0)
	{
		set_local("client_connection_check_interval", CLIENT_CHECK_MS);
		if (client_connection_check_interval > 0 &&
			!get_timeout_active(CLIENT_CONNECTION_CHECK_TIMEOUT))
			enable_timeout_after(CLIENT_CONNECTION_CHECK_TIMEOUT, client_connection_check_interval);
	}
}

/* in an atomic run all is one transaction of the caller's, and nothing is committed */
static void
commit(const Run *run)
{
	if (!run->request->atomic)
		SPI_commit();
	begin(run);
}

/*
 * Make what the plan decided durable before any of it starts. Losing the last
 * moments of it in a crash is harmless, as nothing but bookkeeping is in it:
 * so this commit does not wait for the disk.
 */
static void
flush(Run *run)
{
	if (run->events == NIL && run->fresh == NIL)
		return;
	if (!run->request->atomic)
		set_local("synchronous_commit", "off");
	olist_store_flush(run->run_id, run->token, run->events, run->fresh);
	commit(run);
	run->events = NIL;
	MemoryContextReset(run->event_context);
	run->ready = list_concat(run->ready, run->fresh);
	list_free(run->fresh);
	run->fresh = NIL;
}

static void
tell(const OlistStoreTask *task, const OlistTaskOutcome *outcome)
{
	double ms = outcome->usec / 1000.0;

	if (!outcome->succeeded)
		ereport(NOTICE, (errmsg("%s failed after %.0f ms: %s", task->name, ms, outcome->error),
						 errdetail_internal("%s", outcome->cause)));
	else if (outcome->rows >= 0)
		ereport(NOTICE,
				(errmsg("%s: " INT64_FORMAT " rows in %.0f ms", task->name, outcome->rows, ms)));
	else
		ereport(NOTICE, (errmsg("%s: %.0f ms", task->name, ms)));
}

/* the plan learns what came of a task, and so does the user */
static void
take_outcome(Run *run, const OlistStoreTask *task, const OlistTaskOutcome *outcome)
{
	tell(task, outcome);
	olist_plan_outcome(run->plan, task->task_id, outcome);
}

static OlistTaskCall
make_call(const Run *run, const OlistStoreTask *task)
{
	OlistTaskCall call = {run->run_id,	  task->task_id, run->token,		   task->function,
						  task->argument, DT_NOEND,		 !run->request->atomic};

	return call;
}

/*
 * Commit a task's transaction. An error here is the task's, unless it is a
 * cancel: the new transaction, which SPI_commit() has begun, notes it.
 */
static void
commit_task(Run *run, const OlistTaskCall *call, OlistTaskOutcome *outcome)
{
	MemoryContext context = CurrentMemoryContext;
	ErrorData *volatile edata = NULL;

	PG_TRY();
	{
		commit(run);
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(context);
		if (geterrcode() == ERRCODE_QUERY_CANCELED)
			PG_RE_THROW();
		edata = CopyErrorData();
		FlushErrorState();
	}
	PG_END_TRY();
	if (edata != NULL)
	{
		olist_relock_extension(&run->lock);
		begin(run);
		olist_task_record_failure(call, edata, outcome);
		commit(run);
	}
}

static void
execute_here(Run *run, const OlistStoreTask *task)
{
	OlistTaskCall call = make_call(run, task);
	OlistTaskOutcome outcome;

	olist_task_execute(&call, false, &outcome);
	commit_task(run, &call, &outcome);
	take_outcome(run, task, &outcome);
}

/* the task of this id that a worker has */
static OlistStoreTask *
remove_running(Run *run, int64 task_id)
{
	ListCell *lc;

	foreach (lc, run->running)
	{
		OlistStoreTask *task = lfirst(lc);

		if (task->task_id == task_id)
		{
			run->running = foreach_delete_current(run->running, lc);
			return task;
		}
	}
	elog(ERROR, "task " INT64_FORMAT " is not with a worker", task_id);
}

/* deal with everything that workers have reported; false if there was nothing */
static bool
take_reports(Run *run)
{
	OlistPoolReport report;
	bool any = false;

	while (run->pool && olist_pool_receive(run->pool, &report))
	{
		OlistStoreTask *task = remove_running(run, report.task_id);
		OlistTaskCall call = make_call(run, task);

		/* a worker may have died after its commit: then its word stands */
		if (report.died)
		{
			if (!olist_store_recall_task(&call, &report.outcome))
				olist_store_end_task(&call, &report.outcome);
			commit(run);
		}
		take_outcome(run, task, &report.outcome);
		any = true;
	}
	return any;
}

/* how many workers a run may have */
static int
worker_limit(void)
{
	long cores;

	if (olist_flow_max_workers >= 0)
		return Min(olist_flow_max_workers, max_worker_processes);
	cores = sysconf(_SC_NPROCESSORS_ONLN);
	return Max(1, Min(Max(cores, 2), max_worker_processes / 2));
}

/* a worker connects as the role, which therefore must exist and be allowed to */
static void
check_role(Run *run)
{
	HeapTuple tuple = SearchSysCache1(AUTHOID, ObjectIdGetDatum(run->role));
	bool can_login;

	if (!HeapTupleIsValid(tuple))
		ereport(ERROR, (errcode(ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION),
						errmsg("the role that called olist_etl.run() does not exist any more"),
						errhint("Call olist_etl.run() as another role; what is loaded stays.")));
	can_login = ((Form_pg_authid) GETSTRUCT(tuple))->rolcanlogin;
	ReleaseSysCache(tuple);
	if (!can_login && !OLIST_WORKER_IGNORES_NOLOGIN && !run->no_workers)
	{
		ereport(NOTICE, (errmsg("the session executes all tasks itself"),
						 errdetail("Background workers cannot connect as a role without LOGIN."),
						 errhint("Call olist_etl.run() as a role that may log in.")));
		run->no_workers = true;
	}
}

/* give ready tasks to workers, or execute one here; false if nothing could be started */
static bool
hand_out(Run *run)
{
	int ready = list_length(run->ready);
	bool lone = ready == 1 && run->running == NIL && run->step.until == DT_NOEND;
	int started = 0;

	if (ready == 0)
		return false;
	check_role(run);
	if (!lone && !run->no_workers)
	{
		if (run->pool == NULL)
		{
			MemoryContext old = MemoryContextSwitchTo(run->context);

			run->pool = olist_pool_create(run->run_id, run->role, worker_limit());
			MemoryContextSwitchTo(old);
		}
		olist_pool_grow(run->pool, list_length(run->running) + ready);
		while (run->ready != NIL)
		{
			OlistTaskCall call = make_call(run, linitial(run->ready));

			if (!olist_pool_send(run->pool, &call))
				break;
			run->running = lappend(run->running, linitial(run->ready));
			run->ready = list_delete_first(run->ready);
			started++;
		}
		if (olist_pool_live(run->pool) > 0)
			return started > 0;
	}
	execute_here(run, linitial(run->ready));
	run->ready = list_delete_first(run->ready);
	return true;
}

static void
wait(const Run *run)
{
	long timeout = POLL_MS;

	Assert(run->request->atomic || !ActiveSnapshotSet());
	if (run->step.until != DT_NOEND)
		timeout =
			Min(timeout, TimestampDifferenceMilliseconds(GetCurrentTimestamp(), run->step.until));
	(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, timeout,
					 PG_WAIT_EXTENSION);
	ResetLatch(MyLatch);
	CHECK_FOR_INTERRUPTS();
}

static void
drive(Run *run)
{
	for (;;)
	{
		MemoryContext old = MemoryContextSwitchTo(run->context);
		bool progress;

		CHECK_FOR_INTERRUPTS();
		for (;;)
		{
			olist_plan_next(run->plan, &run->step);
			if (run->step.kind != OLIST_STEP_TASK)
				break;
			run->fresh = lappend(run->fresh, memcpy(palloc(sizeof(OlistStoreTask)), &run->step.task,
													sizeof(OlistStoreTask)));
		}
		flush(run);
		MemoryContextSwitchTo(run->context);
		if (run->step.kind == OLIST_STEP_DONE)
			return;
		progress = take_reports(run);
		if (!progress)
			progress = hand_out(run);
		if (!progress)
			wait(run);
		MemoryContextSwitchTo(old);
	}
}

/* end the run in the state that an error or the process's end means */
static void
record_end(Run *run, const ErrorData *edata)
{
	bool cancelled = edata == NULL || edata->sqlerrcode == ERRCODE_QUERY_CANCELED;

	set_local("lock_timeout", "1000");
	PushActiveSnapshot(GetTransactionSnapshot());
	(void) olist_store_end_run(
		run->run_id, run->token, cancelled ? "ABORTED" : "FAILED", NULL,
		cancelled ? NULL : psprintf("SQLSTATE.%s", unpack_sql_state(edata->sqlerrcode)),
		edata ? edata->message : "the session ended");
	PopActiveSnapshot();
}

static void
stop_pool(Run *run)
{
	OlistPool *pool = run->pool;

	run->pool = NULL;
	if (pool)
		olist_pool_stop(pool);
}

/*
 * The statement ends with an error. Whatever transaction it was in the middle
 * of is rolled back, and one of our own notes the end of the run. If even that
 * fails, the next run finds the row and does it.
 */
static void
end_by_error(Run *run, const ErrorData *edata)
{
	MemoryContext context = CurrentMemoryContext;

	HOLD_INTERRUPTS();
	stop_pool(run);
	AbortCurrentTransaction();
	StartTransactionCommand();
	PG_TRY();
	{
		record_end(run, edata);
		CommitTransactionCommand();
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(context);
		EmitErrorReport();
		FlushErrorState();
		AbortCurrentTransaction();
	}
	PG_END_TRY();
	StartTransactionCommand();
	MemoryContextSwitchTo(context);
	RESUME_INTERRUPTS();
}

/* the process exits in the middle of a run: terminated, or its client is gone */
static void
end_by_exit(int code, Datum arg)
{
	Run *run = current;

	current = NULL;
	if (run == NULL)
		return;
	stop_pool(run);
	AbortOutOfAnyTransaction();
	StartTransactionCommand();
	record_end(run, NULL);
	CommitTransactionCommand();
}

static void
watch_exit(Run *run)
{
	static bool registered = false;

	if (!registered)
		before_shmem_exit(end_by_exit, (Datum) 0);
	registered = true;
	current = run;
}

/* from the run's first row to its last */
static void
run_to_end(Run *run)
{
	int64 stale = olist_store_running_run(run->request->workflow);

	/* we hold the workflow's lock, so a run that is RUNNING has nobody to go on with it */
	if (stale != 0)
		(void) olist_store_end_run(stale, 0, "ABORTED", NULL, NULL,
								   "the session that executed the run is gone");
	run->run_id =
		olist_store_create_run(run->request->workflow, 1, run->request->input, &run->token);
	commit(run);
	MemoryContextSwitchTo(run->context);
	run->plan = olist_plan_start(run->request->input, emit, run);
	drive(run);
	(void) olist_store_end_run(run->run_id, run->token, run->step.status, run->step.output,
							   run->step.error, run->step.cause);
	commit(run);
}

static void
run_committing(Run *run)
{
	MemoryContext context = CurrentMemoryContext;

	watch_exit(run);
	PG_TRY();
	{
		run_to_end(run);
		stop_pool(run);
		current = NULL;
	}
	PG_CATCH();
	{
		ErrorData *edata;

		MemoryContextSwitchTo(context);
		edata = CopyErrorData();
		FlushErrorState();
		current = NULL;
		end_by_error(run, edata);
		ReThrowError(edata);
	}
	PG_END_TRY();
}

static void
check_request(const OlistRunRequest *request)
{
	if (RecoveryInProgress())
		ereport(ERROR, (errcode(ERRCODE_READ_ONLY_SQL_TRANSACTION),
						errmsg("cannot execute olist_etl.run() during recovery"),
						errhint("Call it on the primary server.")));
	PreventCommandIfReadOnly("CALL olist_etl.run()");
	if (strcmp(request->workflow, "olist") != 0)
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT),
						errmsg("workflow \"%s\" does not exist", request->workflow)));
	if (depth >= MAX_DEPTH)
		ereport(
			ERROR,
			(errcode(ERRCODE_STATEMENT_TOO_COMPLEX), errmsg("runs are nested too deeply"),
			 errdetail("A task may start a run of another workflow, %d deep at most.", MAX_DEPTH)));
}

/* another session is at it: say so, and which run it is */
static void
tell_overlap(const OlistRunRequest *request, OlistRunResult *result)
{
	result->run_id = olist_store_running_run(request->workflow);
	result->status = "RUNNING";
	memset(&result->summary, 0, sizeof(result->summary));
	ereport(NOTICE, (errcode(ERRCODE_OBJECT_IN_USE),
					 errmsg("workflow \"%s\" is already running as run " INT64_FORMAT,
							request->workflow, result->run_id),
					 errhint("Look at olist_etl.progress, or call with wait => true.")));
}

void
olist_coordinator_run(const OlistRunRequest *request, OlistRunResult *result)
{
	MemoryContext context =
		AllocSetContextCreate(PortalContext, "olist_etl run", ALLOCSET_DEFAULT_SIZES);
	Run *run = MemoryContextAllocZero(context, sizeof(Run));

	check_request(request);
	run->request = request;
	run->role = GetUserId();
	run->no_workers = request->atomic; /* they do not see what is not committed */
	run->context = context;
	run->event_context = AllocSetContextCreate(context, "olist_etl events", ALLOCSET_DEFAULT_SIZES);
	SPI_connect_ext(request->atomic ? 0 : SPI_OPT_NONATOMIC);
	if (!request->atomic)
		commit(run);
	if (!olist_lock_workflow(&run->lock, request->workflow, request->wait))
		tell_overlap(request, result);
	else
	{
		depth++;
		PG_TRY();
		{
			if (request->atomic)
				run_to_end(run);
			else
				run_committing(run);
		}
		PG_FINALLY();
		{
			depth--;
			olist_unlock_workflow(&run->lock);
		}
		PG_END_TRY();
		olist_store_summary(run->run_id, &result->summary);
		result->run_id = run->run_id;
		result->status = run->step.status;
	}
	SPI_finish();
}
