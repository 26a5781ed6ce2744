/*
 * flow/lock.c
 *		Who runs a workflow.
 *
 * The lock on a workflow is an advisory lock, as those alone outlive an aborted
 * transaction, but with a tag that no SQL function can form. Two names of one
 * hash would exclude each other, which is harmless.
 */
#include "postgres.h"

#include "flow/lock.h"

#include "catalog/namespace.h"
#include "catalog/pg_extension.h"
#include "commands/extension.h"
#include "common/hashfn.h"
#include "compat.h"
#include "miscadmin.h"

/* the SQL functions put 1 or 2 into the tag's last field */
#define LOCK_CLASS 3

static LOCKTAG
workflow_tag(const char *workflow)
{
	LOCKTAG tag;

	SET_LOCKTAG_ADVISORY(tag, MyDatabaseId, get_namespace_oid("olist_etl", false),
						 hash_bytes((const unsigned char *) workflow, (int) strlen(workflow)),
						 LOCK_CLASS);
	return tag;
}

static LOCKTAG
extension_tag(void)
{
	LOCKTAG tag;

	SET_LOCKTAG_OBJECT(tag, MyDatabaseId, ExtensionRelationId,
					   get_extension_oid("olist_etl", false), 0);
	return tag;
}

static void
release(const LOCKTAG *tag, LOCKMODE mode)
{
	if (olist_compat_lock_held(tag, mode))
		LockRelease(tag, mode, true);
}

bool
olist_lock_workflow(OlistWorkflowLock *lock, const char *workflow, bool wait)
{
	volatile bool acquired = false;

	lock->extension = extension_tag();
	lock->workflow = workflow_tag(workflow);

	/* a task of this very session's run must not start the same workflow again */
	if (olist_compat_lock_held(&lock->workflow, ExclusiveLock))
		return false;

	/* the extension first: a session that waits for DROP EXTENSION holds nothing */
	(void) LockAcquire(&lock->extension, AccessShareLock, true, false);
	PG_TRY();
	{
		acquired =
			LockAcquire(&lock->workflow, ExclusiveLock, true, !wait) != LOCKACQUIRE_NOT_AVAIL;
	}
	PG_FINALLY();
	{
		if (!acquired)
			release(&lock->extension, AccessShareLock);
	}
	PG_END_TRY();
	return acquired;
}

void
olist_unlock_workflow(const OlistWorkflowLock *lock)
{
	release(&lock->workflow, ExclusiveLock);
	release(&lock->extension, AccessShareLock);
}

void
olist_keep_extension(const OlistWorkflowLock *lock)
{
	/* granted at once, before those who wait: this process has the lock */
	(void) LockAcquire(&lock->extension, AccessShareLock, false, false);
}

void
olist_relock_extension(const OlistWorkflowLock *lock)
{
	if (!olist_compat_lock_held(&lock->extension, AccessShareLock))
		(void) LockAcquire(&lock->extension, AccessShareLock, true, false);
}
