/*
 * flow/slots.c
 *		How many workers there may be.
 *
 * The locks are no advisory ones, which a task could release by
 * pg_advisory_unlock_all(), but look like them in pg_locks: database 0, the
 * role or 0, the place's number, kind 4.
 */
#include "postgres.h"

#include "flow/slots.h"

#include <unistd.h>

#include "base/lock.h"
#include "compat.h"
#include "miscadmin.h"
#include "storage/lock.h"

int olist_flow_max_workers = -1;
int olist_flow_max_workers_total = -1;
int olist_flow_max_workers_per_role = -1;

int
olist_slot_limit(void)
{
	int suggested;

	if (olist_flow_max_workers >= 0)
		return Min(olist_flow_max_workers, max_worker_processes);
	suggested = Max(2, (int) sysconf(_SC_NPROCESSORS_ONLN));
	return Max(1, Min(suggested, max_worker_processes / 2));
}

static LOCKTAG
place_tag(Oid role, int place)
{
	LOCKTAG tag;

	SET_LOCKTAG_ADVISORY(tag, InvalidOid, role, place, OLIST_LOCK_WORKER);
	tag.locktag_lockmethodid = DEFAULT_LOCKMETHOD;
	return tag;
}

/* the number of a free place, now taken, or -1 */
static int
take_place(Oid role, int places)
{
	for (int i = 0; i < places; i++)
	{
		LOCKTAG tag = place_tag(role, i);

		/* another worker of this very session may be in it */
		if (!olist_compat_lock_held(&tag, ExclusiveLock) &&
			LockAcquire(&tag, ExclusiveLock, true, true) != LOCKACQUIRE_NOT_AVAIL)
			return i;
	}
	return -1;
}

static void
free_place(Oid role, int place)
{
	LOCKTAG tag = place_tag(role, place);

	if (olist_compat_lock_held(&tag, ExclusiveLock))
		LockRelease(&tag, ExclusiveLock, true);
}

bool
olist_slot_take(Oid role, OlistSlot *slot)
{
	int of_all = olist_flow_max_workers_total >= 0 ? olist_flow_max_workers_total
												   : Max(1, max_worker_processes / 2);
	int of_role = olist_flow_max_workers_per_role >= 0 ? olist_flow_max_workers_per_role : of_all;

	slot->role = role;
	slot->of_role = take_place(role, of_role);
	if (slot->of_role < 0)
		return false;
	slot->of_all = take_place(InvalidOid, of_all);
	if (slot->of_all < 0)
		free_place(role, slot->of_role);
	return slot->of_all >= 0;
}

void
olist_slot_free(const OlistSlot *slot)
{
	free_place(slot->role, slot->of_role);
	free_place(InvalidOid, slot->of_all);
}

void
olist_slot_retake(const OlistSlot *slot)
{
	LOCKTAG tags[2] = {place_tag(slot->role, slot->of_role), place_tag(InvalidOid, slot->of_all)};

	for (int i = 0; i < 2; i++)
		if (!olist_compat_lock_held(&tags[i], ExclusiveLock))
			(void) LockAcquire(&tags[i], ExclusiveLock, true, true);
}
