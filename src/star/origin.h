/*
 * star/origin.h
 *		Where a staged row comes from, and which of two rows counts.
 */
#ifndef OLIST_ORIGIN_H
#define OLIST_ORIGIN_H

#include "datatype/timestamp.h"

/* a row's object and line; 0 where the staging table holds a NULL */
typedef struct OlistOrigin
{
	int64 object_id;
	int64 line;
} OlistOrigin;

/*
 * The source time of the object: its last-modified, in UTC; -infinity where
 * the ledger does not know it. The caller is connected to SPI.
 */
extern Timestamp olist_origin_time(OlistOrigin origin);

/* Does the ledger have the object? Not one of before DROP EXTENSION. */
extern bool olist_origin_is_known(OlistOrigin origin);

/* Is it the version of the object that counts? */
extern bool olist_origin_is_current(OlistOrigin origin);

/*
 * Is the object one that the ledger has, but of which no version counts any more,
 * because its source points elsewhere? The caller is connected to SPI.
 */
extern bool olist_origin_is_retired(OlistOrigin origin);

/*
 * Which row was written later at the source? By the object's last-modified,
 * then its URI, then the line: the order does not depend on when or in what
 * order objects were loaded. A row that names a former version stands in the
 * one that counts now as it is, and is as late as that. Negative, 0, positive
 * as for qsort.
 */
extern int olist_origin_compare(OlistOrigin a, OlistOrigin b);

/* forget what was read from the ledger; at the begin of each task */
extern void olist_origin_reset(void);

#endif /* OLIST_ORIGIN_H */
