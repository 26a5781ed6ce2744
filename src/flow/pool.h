/*
 * flow/pool.h
 *		The background workers of one run, as their coordinator sees them.
 *
 * A pool is created empty; workers are launched when there is work for them,
 * and only after a commit, because a worker does not care whether the
 * transaction that launched it rolls back.
 */
#ifndef OLIST_POOL_H
#define OLIST_POOL_H

#include "flow/task.h"
#include "lib/stringinfo.h"

typedef struct OlistPool OlistPool;

/* something that happened in a pool */
typedef struct OlistPoolReport
{
	int64 task_id;
	bool died;	   /* the worker is gone, and the task with it: outcome is a failure */
	bool recorded; /* the outcome is committed */
	OlistTaskOutcome outcome;
} OlistPoolReport;

/*
 * A pool for up to `limit` workers that connect as role and take over settings
 * (see settings.h), in the current memory context. It outlives transactions, and
 * must be ended by olist_pool_stop().
 */
extern OlistPool *
olist_pool_create(int64 run_id, Oid role, int limit, const StringInfoData *settings);

/* launch workers until `wanted` live or no place and no slot of the server is free */
extern void olist_pool_grow(OlistPool *pool, int wanted);

/* workers that may still take work: starting, idle or busy */
extern int olist_pool_live(const OlistPool *pool);

/* after an aborted transaction, which loses the workers' places (see slots.h) */
extern void olist_pool_retake_slots(const OlistPool *pool);

/* hand a call to an idle worker; false if there is none */
extern bool olist_pool_send(OlistPool *pool, const OlistTaskCall *call);

/* cancel the call of a task whose outcome nobody awaits any more; the worker reports all the same */
extern void olist_pool_cancel(OlistPool *pool, int64 task_id);

/* what happened, without waiting; false if nothing did */
extern bool olist_pool_receive(OlistPool *pool, OlistPoolReport *report);

/*
 * End all workers, cancelling what they do, and free the pool. Returns within
 * two seconds, uninterruptibly and without raising errors.
 */
extern void olist_pool_stop(OlistPool *pool);

#endif /* OLIST_POOL_H */
