/*
 * flow/lock.h
 *		Who runs a workflow.
 *
 * A session that coordinates a run holds two locks until the run ends or the
 * session does, whichever way: one on the workflow, which is how everybody
 * knows that a RUNNING run is alive, and one on the extension, so that DROP
 * EXTENSION waits. Neither can be taken by an SQL command, so nobody can hold
 * up a run by them.
 *
 * Workflows that write the same thing, as several that build the warehouse, must
 * not overlap either. What a workflow claims is a name that
 * olist_etl.workflow_claim() gives for its definition; a run holds that, too.
 */
#ifndef OLIST_WORKFLOW_LOCK_H
#define OLIST_WORKFLOW_LOCK_H

#include "storage/lock.h"

typedef struct OlistWorkflowLock
{
	LOCKTAG workflow;
	LOCKTAG extension;
	LOCKTAG claim; /* if has_claim */
	bool has_claim;
} OlistWorkflowLock;

/*
 * Take both; false if another session, or an outer run of this one, has the
 * workflow. wait: until that session lets go, or until the session's
 * lock_timeout (55P03, which names the other session).
 */
extern bool olist_lock_workflow(OlistWorkflowLock *lock, const char *workflow, bool wait);

/*
 * Having those, take what the workflow claims; false if another session, or an
 * outer run of this one, has it. wait: likewise.
 */
extern bool olist_lock_claim(OlistWorkflowLock *lock, const char *claim, bool wait);

/* let go; needs no transaction, and does not mind locks that an abort has taken along */
extern void olist_unlock_workflow(const OlistWorkflowLock *lock);

/*
 * Take the workflow's lock, and its claim, anew if a task has let go of them by
 * pg_advisory_unlock_all(); false if another session was faster.
 */
extern bool olist_relock_workflow(const OlistWorkflowLock *lock);

/*
 * Keep the workflow, and its claim, beyond olist_unlock_workflow(), until the
 * transaction ends: what a run has done in it, nobody sees before.
 */
extern void olist_keep_workflow(const OlistWorkflowLock *lock);

/*
 * Keep the extension beyond olist_unlock_workflow(), until the transaction ends,
 * which has read its tables and may read more: DROP EXTENSION would else take
 * some of them first, and wait for the others.
 */
extern void olist_keep_extension(const OlistWorkflowLock *lock);

/* the process that holds a workflow, 0 if none does */
extern int olist_lock_holder(const char *workflow);

/* after an aborted transaction, which loses the lock on the extension, not the other */
extern void olist_relock_extension(const OlistWorkflowLock *lock);

#endif /* OLIST_WORKFLOW_LOCK_H */
