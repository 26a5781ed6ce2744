/*
 * base/lock.c
 *		Locks on names, which no SQL command can take.
 */
#include "postgres.h"

#include "base/lock.h"

#include "common/hashfn.h"
#include "compat.h"
#include "miscadmin.h"

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

bool
olist_lock_try_until_commit(OlistLockKind kind, const char *name)
{
	LOCKTAG tag = olist_lock_tag(kind, name);

	return !olist_compat_lock_held(&tag, ExclusiveLock) &&
		   LockAcquire(&tag, ExclusiveLock, false, true) != LOCKACQUIRE_NOT_AVAIL;
}
