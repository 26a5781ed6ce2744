/*
 * flow/store.h
 *		The tables run, task and event: every write to them stands here.
 *
 * Writes run as the extension's owner, in the caller's transaction, inside an
 * SPI connection of their own.
 *
 * The fence. A run's token is drawn anew by every coordinator that takes the
 * run. A task's row carries the token of the coordinator that scheduled it, and
 * an outcome is only written where token and state still match: a worker that
 * slept through the end of its run cannot commit.
 */
#ifndef OLIST_STORE_H
#define OLIST_STORE_H

#include "datatype/timestamp.h"
#include "flow/task.h"
#include "nodes/pg_list.h"

/* one line of history to be written */
typedef struct OlistStoreEvent
{
	int64 id;
	int64 previous_id;
	const char *type;
	const char *state;	 /* or NULL */
	const char *details; /* JSON text or NULL */
	TimestampTz at;
} OlistStoreEvent;

/* one attempt about to start */
typedef struct OlistStoreTask
{
	int64 task_id;
	int attempt; /* 0 is the first */
	const char *name;
	const char *function;
	const char *argument;
} OlistStoreTask;

/* what a run gave, as run() returns it */
typedef struct OlistStoreSummary
{
	int64 objects;
	int64 rows;
	int64 rejects;
	double seconds;
} OlistStoreSummary;

/* a new run in state RUNNING; *token is its fence */
extern int64
olist_store_create_run(const char *workflow, int version, const char *input, int64 *token);

/* the run of this workflow that is RUNNING by its row, 0 if none */
extern int64 olist_store_running_run(const char *workflow);

/* append history and note the attempts that start now, in one statement each */
extern void olist_store_flush(int64 run_id, int64 token, List *events, List *tasks);

/* write an attempt's outcome; an error (55000) if it is no longer ours */
extern void olist_store_end_task(const OlistTaskCall *call, const OlistTaskOutcome *outcome);

/* the outcome that stands in the attempt's row; false if it has none */
extern bool olist_store_recall_task(const OlistTaskCall *call, OlistTaskOutcome *outcome);

/*
 * The only way out of RUNNING: the run and what is left of its tasks end in
 * this status. False if the run was not RUNNING under this token (0: any).
 */
extern bool olist_store_end_run(int64 run_id, int64 token, const char *status, const char *output,
								const char *error, const char *cause);

extern void olist_store_summary(int64 run_id, OlistStoreSummary *summary);

#endif /* OLIST_STORE_H */
