/*
 * asl/items.h
 *		The items of an ItemReader: from an object's bytes to an array.
 */
#ifndef OLIST_ITEMS_H
#define OLIST_ITEMS_H

#include "asl/dataflow.h"

/*
 * The address of what an ItemReader with its Parameters evaluated reads:
 * "s3://bucket/key" for Resource arn:aws:states:::s3:getObject, Parameters.Uri
 * if it is given. NULL if it reads no object but calls a function ("olist:…").
 */
extern char *olist_items_uri(const OlistJson *reader);

/*
 * The items in an object's text, as ReaderConfig says: a JSON array, or the
 * rows of a CSV file as objects of strings. NULL with failure filled.
 */
extern OlistJson *
olist_items_parse(const OlistJson *reader, const char *text, int len, OlistFailure *failure);

/* the first MaxItems of items that were had otherwise; NULL with failure filled */
extern OlistJson *
olist_items_limit(const OlistJson *reader, OlistJson *items, OlistFailure *failure);

#endif /* OLIST_ITEMS_H */
