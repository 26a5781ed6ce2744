/*
 * base/lock.c
 *		Locks on names, which no SQL command can take.
 */
#include "postgres.h"

#include "base/lock.h"

#include "common/hashfn.h"
#include "compat.h"
#include "miscadmin.h"
#include "utils/memutils.h"

/* a lock that the current transaction keeps */
typedef struct Kept
{
	LOCKTAG tag;
	bool in_run; /* a run that goes on in the transaction has it, too */
} Kept;

/* all of them, in the transaction's context, and the name that is lent */
static List *kept = NIL;
static const char *lent = NULL;

LOCKTAG
olist_lock_tag(OlistLockKind kind, const char *name)
{
	LOCKTAG tag;
	uint64 hash = hash_bytes_extended((const unsigned char *) name, (int) strlen(name), 0);

	SET_LOCKTAG_ADVISORY(tag, MyDatabaseId, (uint32) (hash >> 32), (uint32) hash, kind);
	return tag;
}

void
olist_lock_until_commit(OlistLockKind kind, const char *name)
{
	LOCKTAG tag = olist_lock_tag(kind, name);

	(void) LockAcquire(&tag, ExclusiveLock, false, false);
}

static void
forget_kept(void *arg)
{
	kept = NIL;
}

/* remember the lock until the transaction ends */
static void
note_kept(const LOCKTAG *tag)
{
	MemoryContext old = MemoryContextSwitchTo(TopTransactionContext);
	Kept *lock = palloc0(sizeof(Kept));

	if (kept == NIL)
	{
		MemoryContextCallback *callback = palloc0(sizeof(MemoryContextCallback));

		callback->func = forget_kept;
		MemoryContextRegisterResetCallback(TopTransactionContext, callback);
	}
	lock->tag = *tag;
	kept = lappend(kept, lock);
	MemoryContextSwitchTo(old);
}

bool
olist_lock_try_until_commit(OlistLockKind kind, const char *name)
{
	LOCKTAG tag = olist_lock_tag(kind, name);

	if (olist_lock_is_kept(&tag))
		return true;
	if (olist_compat_lock_held(&tag, ExclusiveLock) ||
		LockAcquire(&tag, ExclusiveLock, false, true) == LOCKACQUIRE_NOT_AVAIL)
		return false;
	note_kept(&tag);
	return true;
}

void
olist_lock_keep(const LOCKTAG *tag)
{
	/* granted at once, before those who wait: this process has the lock */
	(void) LockAcquire(tag, ExclusiveLock, false, false);
	note_kept(tag);
}

/* a savepoint that was rolled back to may have let go of it */
bool
olist_lock_is_kept(const LOCKTAG *tag)
{
	ListCell *lc;

	foreach (lc, kept)
	{
		Kept *lock = lfirst(lc);

		if (memcmp(&lock->tag, tag, sizeof(LOCKTAG)) == 0 && !lock->in_run)
			return olist_compat_lock_held(tag, ExclusiveLock);
	}
	return false;
}

void
olist_lock_set_in_run(const LOCKTAG *tag, bool in_run)
{
	ListCell *lc;

	foreach (lc, kept)
	{
		Kept *lock = lfirst(lc);

		if (memcmp(&lock->tag, tag, sizeof(LOCKTAG)) == 0)
			lock->in_run = in_run;
	}
}

const char *
olist_lock_lend(const char *name)
{
	const char *before = lent;

	lent = name;
	return before;
}

bool
olist_lock_is_lent(const char *name)
{
	return lent != NULL && strcmp(lent, name) == 0;
}
