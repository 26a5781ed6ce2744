/*
 * star/share.c
 *		Work whose memory is bounded, whatever the number of keys.
 *
 * The transforms keep what belongs to a key in memory. When olist_etl.work_mem
 * is not enough for all keys, the keys are split by a bit of their hash and
 * the input is read once for each half, and so on: memory is traded for
 * passes, and nothing is spilled.
 */
#include "postgres.h"

#include "star/share.h"

#include "miscadmin.h"
#include "utils/memutils.h"

/* beyond so many shares splitting has stopped to help */
#define MAX_SHARES (1 << 16)

int olist_star_work_mem;

/* the memory of the share that is being worked on */
static MemoryContext share_context;

static void
run_share(OlistShareWork work, void *arg, OlistKeyShare share)
{
	MemoryContext outer = share_context;
	MemoryContext context =
		AllocSetContextCreate(CurrentMemoryContext, "olist_etl share", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	bool done;

	share_context = context;
	done = work(share, arg);
	share_context = outer;
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
	if (!done)
	{
		check_stack_depth();
		run_share(work, arg, (OlistKeyShare){share.index, share.count * 2});
		run_share(work, arg, (OlistKeyShare){share.index + share.count, share.count * 2});
	}
}

void
olist_share_run(OlistShareWork work, void *arg)
{
	share_context = NULL;
	run_share(work, arg, OLIST_ALL_KEYS);
}

bool
olist_share_is_full(OlistKeyShare share)
{
	return share.count < MAX_SHARES &&
		   MemoryContextMemAllocated(share_context, true) > (Size) olist_star_work_mem * 1024;
}
