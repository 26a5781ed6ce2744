/*
 * star/merge.h
 *		A built table's rows into the warehouse's table of the same name.
 */
#ifndef OLIST_MERGE_H
#define OLIST_MERGE_H

#include "star/build.h"

typedef struct OlistMergeCounts
{
	uint64 inserted;
	uint64 updated;
	uint64 deleted;
} OlistMergeCounts;

/*
 * Make olist_dw.<table> hold the rows of olist_build.<table>, by writing only
 * those that differ, or come from another object now; a later version of the
 * same object is none, except where the table says so. Rows that were not built
 * are deleted: all of them, or in a merge those in the table's scope. Adds what
 * was written to counts. The caller is connected to SPI.
 */
extern void olist_merge_table(const OlistTable *table, bool is_merge, OlistMergeCounts *counts);

/*
 * A query for the rows that olist_dw.<table> is going to have once the merge in
 * olist_build is published: those built, and those that stay as they are.
 */
extern char *olist_merge_outcome(const OlistTable *table);

#endif /* OLIST_MERGE_H */
