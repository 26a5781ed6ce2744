/*
 * star/losers.h
 *		Which staged rows lose against another row with the same natural key.
 */
#ifndef OLIST_LOSERS_H
#define OLIST_LOSERS_H

#include "postgres_ext.h"

/* a set of row numbers of one table, as OlistScan counts them */
typedef struct OlistLosers
{
	uint64 *rows; /* ascending */
	uint32 count;
	uint32 capacity;
} OlistLosers;

/*
 * Read a staging table and find, for every key that stands in several rows,
 * all rows but the last by olist_origin_compare(). The key is the text column
 * key and, if it is not NULL, the text or integer column part. Rows with a
 * NULL in the key do not compete.
 */
extern OlistLosers *
olist_losers_find(const char *table, const char *key, const char *part, Oid part_type);

/* put the rows in ascending order, as searching needs them */
extern void olist_losers_sort(OlistLosers *losers);

extern bool olist_losers_search(const OlistLosers *losers, uint64 row);

static inline bool
olist_is_loser(const OlistLosers *losers, uint64 row)
{
	return losers->count > 0 && olist_losers_search(losers, row);
}

#endif /* OLIST_LOSERS_H */
