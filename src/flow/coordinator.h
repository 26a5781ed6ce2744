/*
 * flow/coordinator.h
 *		The loop that carries an execution through, in the session that called for it.
 */
#ifndef OLIST_COORDINATOR_H
#define OLIST_COORDINATOR_H

#include "flow/clock.h"
#include "flow/leftovers.h"
#include "flow/lock.h"
#include "flow/pool.h"
#include "flow/store.h"

/* a run that this process coordinates */
typedef struct OlistRun
{
	OlistRunRow row;
	bool atomic; /* everything in the caller's transaction */
	Oid role;	 /* that called, under which the tasks are executed */
	OlistWorkflowLock lock;
	const char *claim; /* what only this run may write, NULL: nothing */
	OlistClock clock;
	OlistExecution *execution;
	OlistAction action;			  /* what the execution said last */
	TimestampTz machine_deadline; /* of the whole run, DT_NOEND: none */
	TimestampTz due_at;			  /* as the run's row has it */
	OlistPool *pool;			  /* NULL until there is work for two */
	OlistLeftovers *leftovers;	  /* NULL until the session executes a task */
	bool no_workers;			  /* the session executes everything itself */
	List *ready;				  /* OlistTaskRow, committed, not handed out yet */
	List *running;				  /* OlistTaskRow, with workers */
	OlistStoreBatch batch;		  /* not written yet */
	bool urgent;				  /* and it must be, before the session waits */
	TimestampTz batch_since;	  /* of the first event in it */
	bool redriven;				  /* tasks may have rows from before */
	MemoryContext context;		  /* of the run, a child of the portal's */
	MemoryContext batch_context;  /* of the batch's events, reset when they are written */
} OlistRun;

/*
 * prepare.c: begin the execution of run->row's definition, or go on with it if the row has
 * been redriven. Nothing is executed yet.
 */
extern void olist_coordinator_prepare(OlistRun *run, const OlistJson *definition);

/*
 * Carry the execution to its end, which run->action then tells. Commits as it
 * goes unless atomic, and tells of each task by a NOTICE. Leaves the last events
 * unwritten in run->batch, to be committed together with the run's end.
 */
extern void olist_coordinator_drive(OlistRun *run);

/* write the batch into the current transaction */
extern void olist_coordinator_flush(OlistRun *run);

/* a transaction's end and the next one's beginning; nothing in an atomic run */
extern void olist_coordinator_commit(OlistRun *run);

#endif /* OLIST_COORDINATOR_H */
