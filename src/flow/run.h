/*
 * flow/run.h
 *		A run's life: how it begins, is taken up again, and ends.
 */
#ifndef OLIST_RUN_H
#define OLIST_RUN_H

#include "flow/store.h"

typedef struct OlistRunRequest
{
	const char *workflow;
	const char *input; /* JSON text */
	bool wait;		   /* for a run of the same workflow that is going on */
	bool atomic;	   /* everything in the current transaction */
	bool dry;		   /* and nothing of it is to stay; goes with atomic */
} OlistRunRequest;

typedef struct OlistRunResult
{
	int64 run_id;
	const char *workflow;
	const char *status; /* "RUNNING": another session's run, not ours */
	const char *error;	/* of a run that has failed, or NULL */
	const char *cause;
	bool atomic;
	bool dry;
	OlistRunSummary summary;
} OlistRunResult;

/*
 * Execute a workflow; tells of each task by a NOTICE. Commits as it goes unless
 * atomic. To undo a dry run is the caller's. A run that the workflow lets fail is a result; the caller shows it and
 * then raises it. Errors: 25006 on a standby; 42704 for an unknown workflow,
 * 42501 for another role's; 57014 and others that end the session's statement,
 * after which the run is ABORTED or FAILED and no worker is left.
 */
extern void olist_run_start(const OlistRunRequest *request, OlistRunResult *result);

/*
 * Go on with a run; 0 is the caller's last one. Errors as above, and 42704 for
 * an unknown run, 55000 for one that has succeeded.
 */
extern void olist_run_resume(int64 run_id, OlistRunResult *result);

/*
 * Nothing for a run that succeeded, or is another session's; else the error
 * that the statement ends with, so that schedulers and scripts see it. In an
 * atomic run it undoes everything.
 */
extern void olist_run_raise_failure(const OlistRunResult *result);

/*
 * Check that a workflow could be executed by the caller: it exists and is his
 * to run, and so is every task function. Tells of each by a NOTICE.
 */
extern void olist_run_check(const char *workflow);

/* stop a run; false if it is not running. Errors: 42704, 42501 */
extern bool olist_run_cancel(int64 run_id);

/* may the current user see and change what belongs to the role of that name? */
extern bool olist_run_is_member(const char *owner);

#endif /* OLIST_RUN_H */
