/*
 * flow/lock.c
 *		Who runs a workflow.
 *
 * The lock on a workflow outlives an aborted transaction (see base/lock.h), the
 * one on the extension does not.
 */
#include "postgres.h"

#include "flow/lock.h"

#include "base/lock.h"
#include "base/spi.h"
#include "catalog/pg_extension.h"
#include "catalog/pg_type.h"
#include "commands/extension.h"
#include "compat.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"

/* whom a session waits for */
typedef struct Wait
{
	const char *workflow;
	int holder;
} Wait;

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

int
olist_lock_holder(const char *workflow)
{
	OlistSpiArg args[1];
	int pid = 0;
	bool isnull;

	SPI_connect();
	args[0] = OLIST_SPI_TEXT(workflow);
	if (olist_spi_execute_as_owner(
			"SELECT l.pid FROM pg_locks l "
			"WHERE l.locktype = 'advisory' AND l.objsubid = 3 AND l.granted "
			"  AND l.database = (SELECT d.oid FROM pg_database d "
			"                    WHERE d.datname = current_database()) "
			"  AND (l.classid::bigint << 32) | l.objid::bigint = hashtextextended($1, 0)",
			SPI_OK_SELECT, lengthof(args), args) > 0)
		pid =
			DatumGetInt32(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
	SPI_finish();
	return pid;
}

static void
tell_wait(void *arg)
{
	const Wait *wait = arg;

	errcontext("waiting for workflow \"%s\", which process %d was running", wait->workflow,
			   wait->holder);
}

static bool
acquire(const LOCKTAG *tag, const char *workflow, bool wait)
{
	Wait waiting = {workflow, 0};
	ErrorContextCallback context = {error_context_stack, tell_wait, &waiting};

	if (LockAcquire(tag, ExclusiveLock, true, true) != LOCKACQUIRE_NOT_AVAIL)
		return true;
	if (!wait)
		return false;
	waiting.holder = olist_lock_holder(workflow);
	error_context_stack = &context;
	(void) LockAcquire(tag, ExclusiveLock, true, false);
	error_context_stack = context.previous;
	return true;
}

bool
olist_lock_workflow(OlistWorkflowLock *lock, const char *workflow, bool wait)
{
	volatile bool acquired = false;

	lock->extension = extension_tag();
	lock->workflow = olist_lock_tag(OLIST_LOCK_RUN, workflow);

	/* a task of this very session's run must not start the same workflow again */
	if (olist_compat_lock_held(&lock->workflow, ExclusiveLock))
		return false;

	/* the extension first: a session that waits for DROP EXTENSION holds nothing */
	(void) LockAcquire(&lock->extension, AccessShareLock, true, false);
	PG_TRY();
	{
		acquired = acquire(&lock->workflow, workflow, wait);
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

bool
olist_relock_workflow(const OlistWorkflowLock *lock)
{
	return olist_compat_lock_held(&lock->workflow, ExclusiveLock) ||
		   LockAcquire(&lock->workflow, ExclusiveLock, true, true) != LOCKACQUIRE_NOT_AVAIL;
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
