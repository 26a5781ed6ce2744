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
	const char *what;
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
	olist_lock_set_in_run(tag, false);
	if (olist_compat_lock_held(tag, mode))
		LockRelease(tag, mode, true);
}

/* the process that holds a lock on a name, 0 if none does */
static int
find_holder(OlistLockKind kind, const char *name)
{
	OlistSpiArg args[2];
	int pid = 0;
	bool isnull;

	SPI_connect();
	args[0] = OLIST_SPI_TEXT(name);
	args[1] = OLIST_SPI_INT4(kind);
	if (olist_spi_execute_as_owner(
			"SELECT l.pid FROM pg_locks l "
			"WHERE l.locktype = 'advisory' AND l.objsubid = $2 AND l.granted "
			"  AND l.database = (SELECT d.oid FROM pg_database d "
			"                    WHERE d.datname = current_database()) "
			"  AND (l.classid::bigint << 32) | l.objid::bigint = hashtextextended($1, 0)",
			SPI_OK_SELECT, lengthof(args), args) > 0)
		pid =
			DatumGetInt32(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
	SPI_finish();
	return pid;
}

int
olist_lock_holder(const char *workflow)
{
	return find_holder(OLIST_LOCK_RUN, workflow);
}

static void
tell_wait(void *arg)
{
	const Wait *wait = arg;

	errcontext("waiting for %s, which process %d was running", wait->what, wait->holder);
}

/* take the lock, of that kind and on that name */
static bool
acquire(const LOCKTAG *tag, OlistLockKind kind, const char *name, bool wait)
{
	Wait waiting = {
		psprintf(kind == OLIST_LOCK_RUN ? "workflow \"%s\"" : "a workflow on \"%s\"", name), 0};
	ErrorContextCallback context = {error_context_stack, tell_wait, &waiting};

	if (LockAcquire(tag, ExclusiveLock, true, true) == LOCKACQUIRE_NOT_AVAIL)
	{
		if (!wait)
			return false;
		waiting.holder = find_holder(kind, name);
		error_context_stack = &context;
		(void) LockAcquire(tag, ExclusiveLock, true, false);
		error_context_stack = context.previous;
	}
	olist_lock_set_in_run(tag, true);
	return true;
}

/* a task of this very session's run must not start the same workflow again */
static bool
is_in_use_here(const LOCKTAG *tag)
{
	return olist_compat_lock_held(tag, ExclusiveLock) && !olist_lock_is_kept(tag);
}

bool
olist_lock_workflow(OlistWorkflowLock *lock, const char *workflow, bool wait)
{
	volatile bool acquired = false;

	lock->extension = extension_tag();
	lock->workflow = olist_lock_tag(OLIST_LOCK_RUN, workflow);
	lock->has_claim = false;

	if (is_in_use_here(&lock->workflow))
		return false;

	/* the extension first: a session that waits for DROP EXTENSION holds nothing */
	(void) LockAcquire(&lock->extension, AccessShareLock, true, false);
	PG_TRY();
	{
		acquired = acquire(&lock->workflow, OLIST_LOCK_RUN, workflow, wait);
	}
	PG_FINALLY();
	{
		if (!acquired)
			release(&lock->extension, AccessShareLock);
	}
	PG_END_TRY();
	return acquired;
}

bool
olist_lock_claim(OlistWorkflowLock *lock, const char *claim, bool wait)
{
	lock->claim = olist_lock_tag(OLIST_LOCK_CLAIM, claim);
	lock->has_claim =
		!is_in_use_here(&lock->claim) && acquire(&lock->claim, OLIST_LOCK_CLAIM, claim, wait);
	return lock->has_claim;
}

void
olist_unlock_workflow(const OlistWorkflowLock *lock)
{
	if (lock->has_claim)
		release(&lock->claim, ExclusiveLock);
	release(&lock->workflow, ExclusiveLock);
	release(&lock->extension, AccessShareLock);
}

static bool
retake(const LOCKTAG *tag)
{
	return olist_compat_lock_held(tag, ExclusiveLock) ||
		   LockAcquire(tag, ExclusiveLock, true, true) != LOCKACQUIRE_NOT_AVAIL;
}

bool
olist_relock_workflow(const OlistWorkflowLock *lock)
{
	return retake(&lock->workflow) && (!lock->has_claim || retake(&lock->claim));
}

void
olist_keep_workflow(const OlistWorkflowLock *lock)
{
	olist_lock_keep(&lock->workflow);
	if (lock->has_claim)
		olist_lock_keep(&lock->claim);
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
