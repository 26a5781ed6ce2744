/*
 * load/writer.h
 *		Rows into a heap, in bulk.
 */
#ifndef OLIST_WRITER_H
#define OLIST_WRITER_H

#include "utils/relcache.h"

typedef struct OlistWriter OlistWriter;

/*
 * Why rows must not be put into rel behind the executor's back, as a noun
 * phrase ("a trigger", "an index"), or NULL: olist_writer_begin() is right.
 */
extern const char *olist_writer_obstacle(Relation rel);

/*
 * Begin to write into rel, which the caller has opened with at least
 * RowExclusiveLock, has the right to insert into, and for which
 * olist_writer_obstacle() is NULL or whose constraints and indexes are the
 * caller's own business. Lives in the current memory context. The rows carry
 * the current command id: they are seen after CommandCounterIncrement().
 * in_order: a scan of rel is to meet the rows in the order of their putting; then
 * room that is free in pages stays so. lasting: rows of a new table are written so
 * that no VACUUM need come back to them.
 */
extern OlistWriter *olist_writer_begin(Relation rel, bool in_order, bool lasting);

/*
 * Append one row of rel's descriptor. Everything is copied, so the caller may
 * reset the context of the values at once.
 */
extern void olist_writer_put(OlistWriter *writer, const Datum *values, const bool *isnull);

/* Write what is pending and release everything; the number of rows written. */
extern uint64 olist_writer_end(OlistWriter *writer);

#endif /* OLIST_WRITER_H */
