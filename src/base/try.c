/*
 * base/try.c
 *		Work that may fail, or be undone, without ending the transaction.
 */
#include "postgres.h"

#include "base/try.h"

#include "access/xact.h"
#include "utils/memutils.h"
#include "utils/resowner.h"

/* work(arg) in a subtransaction, whose effects stay if keep says so; its error, or NULL */
static ErrorData *
work_in_subtransaction(void (*work)(void *arg), void *arg, bool keep)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	ErrorData *volatile edata = NULL;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(context);
	PG_TRY();
	{
		work(arg);
		if (keep)
			ReleaseCurrentSubTransaction();
		else
			RollbackAndReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(context);
		edata = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
	CurrentResourceOwner = owner;
	return edata;
}

ErrorData *
olist_try(void (*work)(void *arg), void *arg)
{
	return work_in_subtransaction(work, arg, true);
}

ErrorData *
olist_try_and_undo(void (*work)(void *arg), void *arg)
{
	return work_in_subtransaction(work, arg, false);
}
