/*
 * flow/replica.c
 *		Commits that wait for a synchronous standby.
 */
#include "postgres.h"

#include "flow/replica.h"

#include "access/xact.h"
#include "access/xlog.h"
#include "compat.h"
#include "replication/syncrep.h"
#include "replication/walsender.h"
#include "storage/lwlock.h"

/* what the commit waits for, as WalSndCtl counts it */
static int wait_mode;

bool
olist_replica_awaited(void)
{
	if (!SyncRepRequested() || !olist_compat_standbys_defined() ||
		!TransactionIdIsValid(GetTopTransactionIdIfAny()))
		return false;
	wait_mode = synchronous_commit == SYNCHRONOUS_COMMIT_REMOTE_WRITE	? SYNC_REP_WAIT_WRITE
				: synchronous_commit == SYNCHRONOUS_COMMIT_REMOTE_APPLY ? SYNC_REP_WAIT_APPLY
																		: SYNC_REP_WAIT_FLUSH;
	return true;
}

/*
 * Under the lock: whoever sets that there are no standbys any more wakes those
 * who wait before it sets that, all with the lock held.
 */
static bool
is_replicated(void)
{
	bool replicated;

	LWLockAcquire(SyncRepLock, LW_SHARED);
	replicated = !olist_compat_standbys_defined() || WalSndCtl->lsn[wait_mode] >= XactLastCommitEnd;
	LWLockRelease(SyncRepLock);
	return replicated;
}

void
olist_replica_check_cancel(void)
{
	if (is_replicated())
		return;
	ereport(ERROR,
			(errcode(ERRCODE_QUERY_CANCELED), errmsg("canceling statement due to user request"),
			 errdetail("The last transaction is committed here, but perhaps not on a "
					   "synchronous standby.")));
}
