/*
 * flow/coordinator.h
 *		A run, from its first row to its last, in the session that called for it.
 */
#ifndef OLIST_COORDINATOR_H
#define OLIST_COORDINATOR_H

#include "flow/store.h"

typedef struct OlistRunRequest
{
	const char *workflow;
	const char *input; /* JSON text */
	bool wait;		   /* for a run of the same workflow that is going on */
	bool atomic;	   /* everything in the current transaction */
} OlistRunRequest;

typedef struct OlistRunResult
{
	int64 run_id;
	const char *status; /* "RUNNING": another session's run, not ours */
	OlistStoreSummary summary;
} OlistRunResult;

/*
 * Execute a workflow; tells of each task by a NOTICE. Commits as it goes unless
 * atomic. A task's failure is a FAILED run, not an error. Errors: 25006 on a
 * standby; 57014 and others that end the session's statement, after which the
 * run is ABORTED and no worker is left.
 */
extern void olist_coordinator_run(const OlistRunRequest *request, OlistRunResult *result);

/* setting olist_etl.max_workers; -1 stands for what the machine suggests */
extern int olist_flow_max_workers;

#endif /* OLIST_COORDINATOR_H */
