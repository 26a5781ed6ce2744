/*
 * load/reject.h
 *		Records that could not be loaded, kept whole.
 */
#ifndef OLIST_REJECT_H
#define OLIST_REJECT_H

#include "csv/row_source.h"

typedef struct OlistRejects OlistRejects;

/*
 * Begin to collect the rejects of an object, in the current memory context.
 * Those of an earlier load of the same version are gone.
 */
extern OlistRejects *olist_rejects_begin(int64 object_id, bool may_have_rejects);

/* Keep one record, with its place and the reason. Copies what it needs. */
extern void olist_rejects_add(OlistRejects *rejects, const OlistRowPosition *position,
							  const OlistRowError *error);

/* Write what is pending and release everything. */
extern void olist_rejects_end(OlistRejects *rejects);

/* Keep the error for which an object as a whole was rejected, in place of an earlier one. */
extern void olist_rejects_add_object(int64 object_id, const ErrorData *error);

#endif /* OLIST_REJECT_H */
