/*
 * flow/task.h
 *		One attempt of one task: a SQL function (jsonb) returning jsonb, called in
 *		the transaction that also commits its result.
 */
#ifndef OLIST_TASK_H
#define OLIST_TASK_H

#include "utils/jsonb.h"

/* what is to be called, and for which run */
typedef struct OlistTaskCall
{
	int64 run_id;
	int64 task_id;
	int64 token;		   /* the run's fence: see store.h */
	const char *resource;  /* "olist:schema.function" */
	const char *argument;  /* JSON text */
	const char *claim;	   /* what the run alone may write, and so its tasks; or NULL */
	int64 deadline;		   /* in ticks of clock.h */
	bool owns_transaction; /* nothing but this attempt is in the transaction */
} OlistTaskCall;

/* what came of it */
typedef struct OlistTaskOutcome
{
	bool succeeded;
	char *output;  /* JSON text of a success */
	char *error;   /* of a failure, as States Language names it */
	char *cause;   /* of a failure: message, detail and hint */
	int64 rows;	   /* the rows that the output speaks of, -1 if it does not */
	int64 rejects; /* likewise */
	int64 usec;	   /* time spent in the function */
} OlistTaskOutcome;

/*
 * Call the function and write its outcome into the task's row, inside the
 * current transaction, which the caller commits. A failing function is undone
 * alone (it runs in a subtransaction). The outcome is palloc'd in the current
 * memory context.
 *
 * False if the attempt no longer belongs to the run: the caller must roll the
 * transaction back. A cancel of which the task's timer knows nothing is raised:
 * the caller knows whether it was meant for the task.
 */
extern bool olist_task_execute(const OlistTaskCall *call, OlistTaskOutcome *outcome);

/* write that the attempt failed with this error, in a transaction of its own; false as above */
extern bool olist_task_record_failure(const OlistTaskCall *call, const ErrorData *edata,
									  OlistTaskOutcome *outcome);

/*
 * Call the function that a resource names, as the current role, which it cannot
 * change, and under the settings of tasks; in a subtransaction of the caller's.
 * owns_transaction: what it has deferred is executed too. Errors: as
 * olist_task_function(), 22004 for a NULL, and its own.
 */
extern Jsonb *
olist_task_call_function(const char *resource, const char *argument, bool owns_transaction);

/*
 * Could the current role become the session's user by itself? If not, tasks
 * are rather executed in workers, whose session is the role's own; here they
 * can neither defer anything nor make anything temporary.
 */
extern bool olist_task_may_run_here(void);

/*
 * The function (jsonb) returning jsonb that a resource names, which the current
 * user may execute. Errors: 42602, 42883, 42809, 42501.
 */
extern Oid olist_task_function(const char *resource);

#endif /* OLIST_TASK_H */
