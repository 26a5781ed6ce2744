/*
 * flow/store.h
 *		The tables workflow, run, task and event: every access to them stands here.
 *
 * All run as the extension's owner, in the caller's transaction, inside an SPI
 * connection of their own. Results are palloc'd in the current memory context.
 *
 * The fence. A run's token is drawn anew by every session that takes the run. A
 * task's row carries the token of the session that scheduled it, and an outcome
 * is only written where token and state still match: a worker that slept
 * through the end of its run cannot commit.
 */
#ifndef OLIST_STORE_H
#define OLIST_STORE_H

#include "asl/executor.h"
#include "datatype/timestamp.h"
#include "flow/task.h"
#include "nodes/pg_list.h"

/* a version of a workflow */
typedef struct OlistWorkflow
{
	char *name;
	int version;
	char *definition; /* JSON text */
	char *owner;	  /* name of a role */
	bool builtin;
} OlistWorkflow;

/* a row of run, as far as its coordinator needs it */
typedef struct OlistRunRow
{
	int64 run_id;
	char *workflow;
	int version;
	char *status;
	char *input; /* JSON text */
	char *owner;
	TimestampTz started_at;
	int redrive_count;
	int64 seed;
	int64 token;
	int pid;
	int64 last_event_id; /* 0: there is none */
} OlistRunRow;

/* one line of history to be written */
typedef struct OlistEventRow
{
	int64 id;
	int64 previous_id;
	const char *type;
	int64 scope;
	int item;
	const char *state;	 /* or NULL */
	const char *details; /* JSON text or NULL */
	TimestampTz at;
} OlistEventRow;

/* one attempt of a task */
typedef struct OlistTaskRow
{
	int64 task_id;
	int attempt; /* 0 is the first */
	char *state;
	char *resource;
	char *argument; /* JSON text */
	int64 scope;
	int item;
	TimestampTz deadline;
	bool again;		/* its row may stand there from before an interruption */
	bool unwanted;	/* stopped: nobody waits for its outcome */
	bool timed_out; /* it was stopped because its deadline has come */
} OlistTaskRow;

/* what a run gave, as run() returns it */
typedef struct OlistRunSummary
{
	int64 objects;
	int64 rows;
	int64 rejects;
	double seconds;
	bool can_resume; /* could resume() make something of it? */
} OlistRunSummary;

/* the latest version (version 0) or a certain one; false if there is none */
extern bool olist_store_workflow(const char *name, int version, OlistWorkflow *workflow);

/*
 * The next version of that name, which is the current user's; returns it, or
 * the latest one if that is the same and his, or comes with the extension. The
 * caller holds the lock on the definition.
 */
extern int olist_store_create_workflow(const char *name, const char *definition);
extern void olist_store_drop_workflow(const char *name);

/*
 * A new run in state RUNNING. Fills in run_id, status, started_at, seed, token
 * and pid; the rest is given.
 */
extern void olist_store_create_run(OlistRunRow *run);

/* a run by its number; the one of a workflow that is RUNNING by its row; a role's last one */
extern bool olist_store_run(int64 run_id, OlistRunRow *run);
extern bool olist_store_running_run(const char *workflow, OlistRunRow *run);
extern bool olist_store_last_run(const char *owner, OlistRunRow *run);

/* how a run ends */
typedef struct OlistRunEnd
{
	OlistStatus status;
	const char *output; /* JSON text */
	const char *error;
	const char *cause;
	bool write_event; /* the executor is not there to write ExecutionAborted or …Failed */
} OlistRunEnd;

/*
 * The transitions of a run. Out of RUNNING: the run and what is left of its
 * tasks end; false if it was not RUNNING under this token (0: any). Back to
 * RUNNING: a token is drawn for this process, run is filled in.
 */
extern bool olist_store_end_run(int64 run_id, int64 token, const OlistRunEnd *end);
extern void olist_store_redrive_run(OlistRunRow *run);

/* a run whose session is gone: the attempts that were under way with it have crashed */
extern void olist_store_reconcile_run(const OlistRunRow *run);

/*
 * Append history, note the attempts that start now (again if their rows are
 * there), abort those that are no longer wanted, and note until when the run
 * has nothing to do (DT_NOEND: unknown).
 */
typedef struct OlistStoreBatch
{
	List *events;	/* OlistEventRow */
	List *tasks;	/* OlistTaskRow */
	List *unwanted; /* OlistTaskRow */
} OlistStoreBatch;

extern void olist_store_flush(int64 run_id, int64 token, const OlistStoreBatch *batch);
extern void olist_store_set_due(int64 run_id, TimestampTz due_at);

/* the events of one branch in order of id, folded into recall */
extern void olist_store_recall_branch(int64 run_id, int64 scope, int item, OlistRecall *recall);

/* write an attempt's outcome; false if it is no longer awaited */
extern bool olist_store_end_task(const OlistTaskCall *call, const OlistTaskOutcome *outcome);

/*
 * The outcome that stands in the attempt's row; false if it has none. *crashes
 * says how often the attempt was under way when its session was lost.
 */
extern bool
olist_store_recall_task(int64 run_id, int64 task_id, OlistTaskOutcome *outcome, int *crashes);

extern void olist_store_summary(int64 run_id, OlistRunSummary *summary);

#endif /* OLIST_STORE_H */
