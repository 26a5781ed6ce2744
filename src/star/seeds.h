/*
 * star/seeds.h
 *		The surrogate keys that the warehouse has given already.
 */
#ifndef OLIST_SEEDS_H
#define OLIST_SEEDS_H

#include "datatype/timestamp.h"
#include "star/build.h"
#include "star/key_map.h"

typedef struct OlistSeeds OlistSeeds;

/*
 * Read from the warehouse's table the keys of the members that are in the map.
 * natural_key is the column that the map's keys come from; versioned says that
 * a member has versions, told apart by valid_from. Without a warehouse there
 * are no seeds.
 */
extern OlistSeeds *olist_seeds_load(const OlistTable *table, const char *natural_key,
									const OlistKeyMap *members, bool versioned);

/*
 * The keys of a member's n versions. A version that begins where one in the
 * warehouse begins is that version and keeps its key; of the others the first
 * takes the first key that is left, and so on. 0 where no key is left: that
 * one is new. Without versions: n is 1 and valid_from NULL.
 */
extern void olist_seeds_assign(OlistSeeds *seeds, uint32 member, int n, const Timestamp *valid_from,
							   int64 *keys);

#endif /* OLIST_SEEDS_H */
