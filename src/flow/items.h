/*
 * flow/items.h
 *		The items of a Map's ItemReader.
 */
#ifndef OLIST_FLOW_ITEMS_H
#define OLIST_FLOW_ITEMS_H

#include "asl/executor.h"

/*
 * The executor's hook: the rows of a CSV object or the items of a JSON one, as
 * the caller may read it, or what a function "olist:schema.function" returns
 * for the reader's Parameters. What goes wrong is States.ItemReaderFailed.
 */
extern OlistJson *olist_flow_read_items(void *arg, const OlistJson *reader, OlistFailure *failure);

#endif /* OLIST_FLOW_ITEMS_H */
