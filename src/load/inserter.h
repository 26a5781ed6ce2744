/*
 * load/inserter.h
 *		Rows into any table, through the executor.
 */
#ifndef OLIST_INSERTER_H
#define OLIST_INSERTER_H

#include "nodes/bitmapset.h"
#include "utils/relcache.h"

typedef struct OlistInserter OlistInserter;

/*
 * Begin to insert into rel, giving the columns of the attribute numbers in
 * columns; the others take their defaults. Triggers, constraints, indexes,
 * partitions, generated columns, rights and row security are the executor's
 * business, and its errors pass through. Lives in the current memory context.
 */
extern OlistInserter *olist_inserter_begin(Relation rel, const Bitmapset *columns);

/* Append one row of rel's descriptor. Everything is copied. */
extern void olist_inserter_put(OlistInserter *inserter, const Datum *values, const bool *isnull);

/* Insert what is pending and release everything; the number of rows inserted. */
extern uint64 olist_inserter_end(OlistInserter *inserter);

#endif /* OLIST_INSERTER_H */
