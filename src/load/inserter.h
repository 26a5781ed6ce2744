/*
 * load/inserter.h
 *		Rows into any table, through the executor.
 */
#ifndef OLIST_INSERTER_H
#define OLIST_INSERTER_H

#include "csv/row_source.h"
#include "load/reject.h"
#include "nodes/bitmapset.h"
#include "utils/relcache.h"

typedef struct OlistInserter OlistInserter;

/*
 * Begin to insert into rel, giving the columns of the attribute numbers in
 * columns; the others take their defaults. Triggers, constraints, indexes,
 * partitions, generated columns, rights and row security are the executor's
 * business.
 *
 * With rejects, a row that the table refuses (a constraint, a trigger's
 * exception) is kept there; without, its error is raised. Lives in the current
 * memory context.
 */
extern OlistInserter *
olist_inserter_begin(Relation rel, const Bitmapset *columns, OlistRejects *rejects);

/*
 * Append one row of rel's descriptor, the one that rows has just given.
 * Everything is copied.
 */
extern void olist_inserter_put(OlistInserter *inserter, const Datum *values, const bool *isnull,
							   const OlistRowSource *rows);

/* Insert what is pending and release everything. */
extern void olist_inserter_end(OlistInserter *inserter);

/* rows inserted so far, and rows kept as rejects so far */
extern int64 olist_inserter_inserted(const OlistInserter *inserter);
extern int64 olist_inserter_rejected(const OlistInserter *inserter);

#endif /* OLIST_INSERTER_H */
