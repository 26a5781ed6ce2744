/*
 * flow/pool.c
 *		The background workers of one run.
 *
 *		          grow                     "ready"                send
 *		VACANT ──────────► STARTING ──────────────────► IDLE ─────────────► BUSY
 *		   ▲                   │                          ▲      outcome      │
 *		   │    it never came  │            it is gone    └───────────────────┘
 *		   │                   ▼                                              │
 *		   └─────────────── LEAVING ◄─────────────────────────────────────────┘
 *		    its process has ended
 *
 * A worker that dies is found by its queue: the end that it held is detached.
 * Its place is filled anew only when its process has ended, since that detaches
 * one queue after the other, and would detach a new one in the same place too.
 */
#include "postgres.h"

#include "flow/pool.h"

#include <signal.h>

#include "flow/channel.h"
#include "flow/slots.h"
#include "flow/clock.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "storage/dsm.h"
#include "storage/latch.h"
#include "storage/proc.h"
#include "utils/memutils.h"

/* a worker that has not become ready by then is given up */
#define START_TIMEOUT_MS 10000
/* how long workers get to leave politely, and then at all */
#define STOP_POLITE_MS 700
#define STOP_TOTAL_MS 1500
/* launches beyond one a place; a role that may not log in must not cost one each time */
#define SPARE_LAUNCHES 8

typedef enum WorkerState
{
	WORKER_VACANT,
	WORKER_STARTING,
	WORKER_IDLE,
	WORKER_BUSY,
	WORKER_LEAVING
} WorkerState;

typedef struct Worker
{
	WorkerState state;
	OlistSlot slot; /* valid unless VACANT */
	BackgroundWorkerHandle *handle;
	shm_mq_handle *calls;
	shm_mq_handle *outcomes;
	int64 launched;		   /* when, in ticks */
	int64 task_id;		   /* while BUSY */
	StringInfoData unsent; /* of a call that the queue has not taken whole */
} Worker;

struct OlistPool
{
	MemoryContext context;
	dsm_segment *segment;
	OlistChannel *channel;
	int64 run_id;
	int limit;
	int launches_left;
	bool slots_missing; /* the log has been told */
	Worker *workers;
};

OlistPool *
olist_pool_create(int64 run_id, Oid role, int limit, const StringInfoData *settings)
{
	MemoryContext context =
		AllocSetContextCreate(CurrentMemoryContext, "olist_etl pool", ALLOCSET_DEFAULT_SIZES);
	OlistPool *pool = MemoryContextAllocZero(context, sizeof(OlistPool));

	pool->context = context;
	pool->run_id = run_id;
	pool->limit = limit;
	pool->launches_left = limit + SPARE_LAUNCHES;
	pool->workers = MemoryContextAllocZero(context, limit * sizeof(Worker));
	pool->segment = dsm_create(olist_channel_size(limit, settings->len), 0);
	dsm_pin_mapping(pool->segment);
	pool->channel = dsm_segment_address(pool->segment);
	pool->channel->database = MyDatabaseId;
	pool->channel->role = role;
	pool->channel->workers = limit;
	pool->channel->settings_bytes = settings->len;
	memcpy(olist_channel_settings(pool->channel), settings->data, settings->len);
	pg_atomic_init_u32(&pool->channel->closed, 0);
	return pool;
}

/* a queue in which this process has its end, the other being open */
static shm_mq_handle *
open_queue(OlistPool *pool, shm_mq *address, bool sends)
{
	shm_mq *mq = shm_mq_create(address, OLIST_CHANNEL_QUEUE_BYTES);

	if (sends)
		shm_mq_set_sender(mq, MyProc);
	else
		shm_mq_set_receiver(mq, MyProc);
	return shm_mq_attach(mq, pool->segment, NULL);
}

/* let go of the queues, and of what was to be sent */
static void
leave_queues(Worker *worker)
{
	if (worker->calls)
		shm_mq_detach(worker->calls);
	if (worker->outcomes)
		shm_mq_detach(worker->outcomes);
	if (worker->unsent.data)
		pfree(worker->unsent.data);
	worker->calls = worker->outcomes = NULL;
	worker->unsent.data = NULL;
}

/* the worker's process has ended, or never began; its place can be filled anew */
static void
vacate(Worker *worker)
{
	leave_queues(worker);
	olist_slot_free(&worker->slot);
	if (worker->handle)
		pfree(worker->handle);
	memset(worker, 0, sizeof(*worker));
}

static bool
launch(OlistPool *pool, int number)
{
	Worker *worker = &pool->workers[number];
	BackgroundWorker bgw = {0};
	MemoryContext old = MemoryContextSwitchTo(pool->context);
	bool registered;

	snprintf(bgw.bgw_name, BGW_MAXLEN, "olist_etl worker %d of run " INT64_FORMAT, number + 1,
			 pool->run_id);
	strlcpy(bgw.bgw_type, "olist_etl worker", BGW_MAXLEN);
	strlcpy(bgw.bgw_library_name, "olist_etl", BGW_MAXLEN);
	strlcpy(bgw.bgw_function_name, "olist_etl_worker_main", BGW_MAXLEN);
	bgw.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
	bgw.bgw_start_time = BgWorkerStart_RecoveryFinished;
	bgw.bgw_restart_time = BGW_NEVER_RESTART;
	bgw.bgw_notify_pid = MyProcPid;
	bgw.bgw_main_arg = UInt32GetDatum(dsm_segment_handle(pool->segment));
	memcpy(bgw.bgw_extra, &number, sizeof(number));

	worker->calls = open_queue(pool, olist_channel_calls(pool->channel, number), true);
	worker->outcomes = open_queue(pool, olist_channel_outcomes(pool->channel, number), false);
	registered = RegisterDynamicBackgroundWorker(&bgw, &worker->handle);
	if (registered)
	{
		shm_mq_set_handle(worker->calls, worker->handle);
		shm_mq_set_handle(worker->outcomes, worker->handle);
		worker->state = WORKER_STARTING;
		worker->launched = olist_clock_ticks();
	}
	else
		vacate(worker);
	MemoryContextSwitchTo(old);
	return registered;
}

void
olist_pool_grow(OlistPool *pool, int wanted)
{
	for (int i = 0; i < pool->limit && olist_pool_live(pool) < wanted; i++)
	{
		if (pool->workers[i].state != WORKER_VACANT)
			continue;
		if (pool->launches_left == 0 ||
			!olist_slot_take(pool->channel->role, &pool->workers[i].slot))
			return;
		pool->launches_left--;
		if (!launch(pool, i))
		{
			if (!pool->slots_missing)
				ereport(LOG, (errmsg("run " INT64_FORMAT " has %d of %d background workers",
									 pool->run_id, olist_pool_live(pool), Min(wanted, pool->limit)),
							  errhint("Without a worker the session does the work itself. Raise "
									  "max_worker_processes or lower olist_etl.max_workers.")));
			pool->slots_missing = true;
			return;
		}
	}
}

int
olist_pool_live(const OlistPool *pool)
{
	int live = 0;

	for (int i = 0; i < pool->limit; i++)
		live += pool->workers[i].state != WORKER_VACANT && pool->workers[i].state != WORKER_LEAVING;
	return live;
}

void
olist_pool_retake_slots(const OlistPool *pool)
{
	for (int i = 0; i < pool->limit; i++)
		if (pool->workers[i].state != WORKER_VACANT)
			olist_slot_retake(&pool->workers[i].slot);
}

/* push what is left of a call; the queue takes the rest when there is room */
static void
send_rest(Worker *worker)
{
	if (worker->unsent.data == NULL)
		return;
	if (shm_mq_send(worker->calls, worker->unsent.len, worker->unsent.data, true, true) ==
		SHM_MQ_WOULD_BLOCK)
		return;
	/* sent, or the worker is gone, which its other queue will tell */
	pfree(worker->unsent.data);
	worker->unsent.data = NULL;
}

bool
olist_pool_send(OlistPool *pool, const OlistTaskCall *call)
{
	for (int i = 0; i < pool->limit; i++)
	{
		Worker *worker = &pool->workers[i];
		MemoryContext old;

		if (worker->state != WORKER_IDLE)
			continue;
		old = MemoryContextSwitchTo(pool->context);
		initStringInfo(&worker->unsent);
		olist_channel_encode_call(&worker->unsent, call);
		MemoryContextSwitchTo(old);
		worker->state = WORKER_BUSY;
		worker->task_id = call->task_id;
		send_rest(worker);
		return true;
	}
	return false;
}

/* interrupt what the worker is executing */
static void
interrupt(const Worker *worker)
{
	pid_t pid;

	if (GetBackgroundWorkerPid(worker->handle, &pid) == BGWH_STARTED)
		kill(pid, SIGINT);
}

void
olist_pool_cancel(OlistPool *pool, int64 task_id)
{
	for (int i = 0; i < pool->limit; i++)
		if (pool->workers[i].state == WORKER_BUSY && pool->workers[i].task_id == task_id)
			interrupt(&pool->workers[i]);
}

static bool
has_stopped(const Worker *worker)
{
	pid_t pid;

	return GetBackgroundWorkerPid(worker->handle, &pid) == BGWH_STOPPED;
}

/* has this worker, which has not become ready yet, failed to come? */
static bool
start_failed(const Worker *worker)
{
	return worker->state == WORKER_STARTING &&
		   (has_stopped(worker) ||
			olist_clock_ticks() - worker->launched > START_TIMEOUT_MS * INT64CONST(1000));
}

/* the worker of this place is gone or going; true if a task went with it */
static bool
bury(Worker *worker, OlistPoolReport *report)
{
	bool was_busy = worker->state == WORKER_BUSY;

	memset(report, 0, sizeof(*report));
	report->task_id = worker->task_id;
	report->died = true;
	report->outcome.error = "Olist.WorkerCrashed";
	report->outcome.cause = "the background worker that executed the task ended before it was done";
	report->outcome.rows = report->outcome.rejects = -1;
	TerminateBackgroundWorker(worker->handle);
	leave_queues(worker);
	worker->state = WORKER_LEAVING;
	return was_busy;
}

bool
olist_pool_receive(OlistPool *pool, OlistPoolReport *report)
{
	for (int i = 0; i < pool->limit; i++)
	{
		Worker *worker = &pool->workers[i];
		Size size;
		void *data;
		shm_mq_result result;

		if (worker->state == WORKER_LEAVING && has_stopped(worker))
			vacate(worker);
		if (worker->state == WORKER_VACANT || worker->state == WORKER_LEAVING)
			continue;
		send_rest(worker);
		result = shm_mq_receive(worker->outcomes, &size, &data, true);
		if (result == SHM_MQ_SUCCESS)
		{
			WorkerState before = worker->state;

			worker->state = WORKER_IDLE;
			report->died = false;
			report->task_id =
				olist_channel_decode_outcome(data, size, &report->recorded, &report->outcome);
			if (before == WORKER_BUSY)
				return true;
		}
		else if (result == SHM_MQ_DETACHED || start_failed(worker))
		{
			if (bury(worker, report))
				return true;
		}
	}
	return false;
}

/* wait until all workers are gone or the clock has come so far; true if they are gone */
static bool
wait_gone(OlistPool *pool, int64 until)
{
	for (;;)
	{
		bool gone = true;
		int64 left;

		for (int i = 0; i < pool->limit; i++)
		{
			if (pool->workers[i].state != WORKER_VACANT && !has_stopped(&pool->workers[i]))
				gone = false;
		}
		left = until - olist_clock_ticks();
		if (gone || left <= 0)
			return gone;
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
						 (long) (left / 1000) + 1, PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
	}
}

void
olist_pool_stop(OlistPool *pool)
{
	int64 now = olist_clock_ticks();

	HOLD_INTERRUPTS();
	pg_atomic_write_u32(&pool->channel->closed, 1);
	for (int i = 0; i < pool->limit; i++)
	{
		Worker *worker = &pool->workers[i];

		if (worker->state == WORKER_VACANT)
			continue;
		if (worker->state == WORKER_STARTING)
			TerminateBackgroundWorker(worker->handle);
		else if (worker->state == WORKER_BUSY)
			interrupt(worker);
		leave_queues(worker);
	}
	if (!wait_gone(pool, now + STOP_POLITE_MS * INT64CONST(1000)))
	{
		for (int i = 0; i < pool->limit; i++)
			if (pool->workers[i].state != WORKER_VACANT)
				TerminateBackgroundWorker(pool->workers[i].handle);
		(void) wait_gone(pool, now + STOP_TOTAL_MS * INT64CONST(1000));
	}
	for (int i = 0; i < pool->limit; i++)
		if (pool->workers[i].state != WORKER_VACANT)
			olist_slot_free(&pool->workers[i].slot);
	dsm_detach(pool->segment);
	MemoryContextDelete(pool->context);
	SetLatch(MyLatch);
	RESUME_INTERRUPTS();
}
