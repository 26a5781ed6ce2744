/*
 * flow/worker.c
 *		A background worker that executes the tasks of one run.
 *
 *		calls ──► transaction { olist_task_execute() } ──► outcomes
 *
 * It connects as the role that called run(), and lives until its coordinator
 * closes the queue or dies. What it leaves behind in its session (settings,
 * temporary tables, a role) is cleared after every task, so that no task can
 * prepare the ground for the next.
 */
#include "postgres.h"

#include "access/xact.h"
#include "base/fault.h"
#include "compat.h"
#include "flow/channel.h"
#include "flow/leftovers.h"
#include "flow/settings.h"
#include "flow/task.h"
#include "libpq/pqsignal.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "storage/dsm.h"
#include "storage/ipc.h"
#include "storage/proc.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

PGDLLEXPORT void olist_etl_worker_main(Datum main_arg);

typedef struct Worker
{
	OlistChannel *channel;
	shm_mq_handle *calls;
	shm_mq_handle *outcomes;
	MemoryContext context; /* of one call, reset after it */
} Worker;

static void
send_outcome(Worker *worker, int64 task_id, bool recorded, const OlistTaskOutcome *outcome)
{
	StringInfoData buf;

	initStringInfo(&buf);
	olist_channel_encode_outcome(&buf, task_id, recorded, outcome);
	if (shm_mq_send(worker->outcomes, buf.len, buf.data, false, true) != SHM_MQ_SUCCESS)
		proc_exit(0);
}

/* the next call, or false when the coordinator has closed the queue */
static bool
receive_call(Worker *worker, OlistTaskCall *call)
{
	Size size;
	void *data;

	if (shm_mq_receive(worker->calls, &size, &data, false) != SHM_MQ_SUCCESS)
		return false;
	olist_channel_decode_call(data, size, call);
	return true;
}

/* commit the transaction that has written an outcome, or undo it if nobody awaits that */
static void
finish_transaction(bool recorded)
{
	PopActiveSnapshot();
	if (!recorded)
		AbortCurrentTransaction();
	else
	{
		OLIST_FAULT("flow-task-commit-before");
		CommitTransactionCommand();
		OLIST_FAULT("flow-task-commit-after");
	}
}

static void
start_transaction(Worker *worker)
{
	StartTransactionCommand();
	MemoryContextSwitchTo(worker->context);
	PushActiveSnapshot(GetTransactionSnapshot());
}

/* an error that hit the transaction as a whole: at its commit, or a cancel */
static bool
record_failure(Worker *worker, const OlistTaskCall *call, const ErrorData *edata,
			   OlistTaskOutcome *outcome)
{
	bool recorded;

	start_transaction(worker);
	recorded = olist_task_record_failure(call, edata, outcome);
	finish_transaction(recorded);
	MemoryContextSwitchTo(worker->context);
	return recorded;
}

/* false if the outcome came too late to be recorded */
static bool
execute_call(Worker *worker, const OlistTaskCall *call, OlistTaskOutcome *outcome)
{
	ErrorData *volatile edata = NULL;
	volatile bool recorded = false;

	/* a cancel of old was not for this task */
	QueryCancelPending = false;
	RESUME_CANCEL_INTERRUPTS();
	PG_TRY();
	{
		start_transaction(worker);
		recorded = olist_task_execute(call, outcome);
		finish_transaction(recorded);
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(worker->context);
		edata = CopyErrorData();
		FlushErrorState();
		AbortCurrentTransaction();
	}
	PG_END_TRY();
	HOLD_CANCEL_INTERRUPTS();
	MemoryContextSwitchTo(worker->context);

	/* the run is over, which is what a cancel was for; the task's work is undone */
	if (pg_atomic_read_u32(&worker->channel->closed))
		proc_exit(0);
	if (edata != NULL)
		return record_failure(worker, call, edata, outcome);
	return recorded;
}

/*
 * What DISCARD ALL would clear. A changed session authorization cannot be undone: such a worker leaves.
 */
static void
clear_session(Worker *worker)
{
	StartTransactionCommand();
	ResetAllOptions();
	(void) set_config_option("role", "none", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SET, true, 0,
							 false);
	olist_leftovers_discard_all();
	olist_settings_apply(olist_channel_settings(worker->channel), worker->channel->settings_bytes);
	olist_settings_pin_worker();
	CommitTransactionCommand();
	if (GetUserId() != worker->channel->role)
		proc_exit(0);
}

static void
serve(Worker *worker)
{
	OlistTaskOutcome ready = {.succeeded = true};
	OlistTaskCall call;

	/* only a task can be cancelled; what comes at other times is for nobody */
	HOLD_CANCEL_INTERRUPTS();
	clear_session(worker);
	MemoryContextSwitchTo(worker->context);
	send_outcome(worker, 0, true, &ready);
	while (receive_call(worker, &call))
	{
		OlistTaskOutcome outcome;
		bool recorded;

		pgstat_report_activity(STATE_RUNNING, call.resource);
		recorded = execute_call(worker, &call, &outcome);
		send_outcome(worker, call.task_id, recorded, &outcome);
		clear_session(worker);
		pgstat_report_stat(false);
		pgstat_report_activity(STATE_IDLE, NULL);
		MemoryContextSwitchTo(worker->context);
		MemoryContextReset(worker->context);
	}
}

/* main_arg is the segment's handle, bgw_extra begins with the worker's number */
void
olist_etl_worker_main(Datum main_arg)
{
	Worker worker;
	dsm_segment *segment;
	int number;

	pqsignal(SIGTERM, die);
	BackgroundWorkerUnblockSignals();

	segment = dsm_attach(DatumGetUInt32(main_arg));
	if (segment == NULL)
		proc_exit(0);
	memcpy(&number, MyBgworkerEntry->bgw_extra, sizeof(number));
	worker.channel = dsm_segment_address(segment);
	worker.context =
		AllocSetContextCreate(TopMemoryContext, "olist_etl task", ALLOCSET_DEFAULT_SIZES);

	shm_mq_set_receiver(olist_channel_calls(worker.channel, number), MyProc);
	shm_mq_set_sender(olist_channel_outcomes(worker.channel, number), MyProc);
	worker.calls = shm_mq_attach(olist_channel_calls(worker.channel, number), segment, NULL);
	worker.outcomes = shm_mq_attach(olist_channel_outcomes(worker.channel, number), segment, NULL);

	BackgroundWorkerInitializeConnectionByOid(worker.channel->database, worker.channel->role,
											  OLIST_WORKER_CONNECT_FLAGS);
	serve(&worker);
	proc_exit(0);
}
