/*
 * star/values.h
 *		Dimensions that are nothing but the distinct values of a column.
 */
#ifndef OLIST_VALUES_H
#define OLIST_VALUES_H

#include "star/build.h"
#include "star/key_map.h"
#include "star/tables.h"

/* the dimension as built: its keys by value */
typedef struct OlistValues
{
	OlistKeyMap *map;
	int64 *keys;
} OlistValues;

extern OlistValues *olist_values_load(const OlistTable *table);

/* the key of the value in the row's text column; -1 for NULL */
extern int64 olist_values_find(const OlistValues *values, OlistScan *scan, int column);

#endif /* OLIST_VALUES_H */
