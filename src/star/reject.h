/*
 * star/reject.h
 *		Staged rows that cannot stand in the warehouse, kept whole.
 */
#ifndef OLIST_STAR_REJECT_H
#define OLIST_STAR_REJECT_H

#include "access/htup.h"
#include "access/tupdesc.h"
#include "star/build.h"

typedef enum OlistRejectReason
{
	OLIST_REJECT_ORPHAN,	/* its order has not arrived */
	OLIST_REJECT_DUPLICATE, /* another row with the same natural key counts */
	OLIST_REJECT_NO_KEY,	/* its natural key is NULL */
	OLIST_REJECT_RANGE		/* a value does not fit its column in the warehouse */
} OlistRejectReason;

/* begin a task's rejects: those of an earlier attempt are dropped */
extern void olist_reject_begin(const char *task);

/*
 * Reject the row at which the scan stands because of column (a name at the
 * source). The scan's first column is the key by which the row is found again
 * when what it waits for arrives. The row is kept as a JSON object of the
 * source's columns in olist_build.reject_<task>, from where publishing takes it
 * to olist_etl.reject. The caller is connected to SPI.
 */
extern void olist_reject(OlistScan *scan, OlistRejectReason reason, const char *column);

/*
 * The same for a row that no scan stands at: of an entity, with the key as its
 * first column, _object_id and _line as its last. desc is blessed.
 */
extern void olist_reject_tuple(const char *entity, HeapTuple tuple, TupleDesc desc,
							   OlistRejectReason reason, const char *column);

/*
 * Write the rest, after which olist_build.reject_<task> can be read, if there
 * was any row, and none be added; returns the rows rejected by the task.
 */
extern uint64 olist_reject_end(void);

/*
 * Move the rejects of the tables' tasks to olist_etl.reject, in place of all
 * that an earlier build left there; nothing is written if they are the same.
 * Objects' counts in the ledger follow. Returns how many there are. Rows that
 * were put into staging by hand, without an object, are not kept.
 */
extern uint64 olist_reject_publish(const OlistTable *const *tables, int ntables);

/*
 * The same for a merge: in place of those that it tried again, or that are of
 * withdrawn objects (olist_build.prior_reject).
 */
extern uint64 olist_reject_merge(const OlistTable *const *tables, int ntables);

#endif /* OLIST_STAR_REJECT_H */
