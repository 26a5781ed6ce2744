/*
 * star/seeds.c
 *		The surrogate keys that the warehouse has given already.
 *
 * A key once given stays with its member, so that facts, and whatever users
 * keep beside the warehouse, go on meaning the same.
 */
#include "postgres.h"

#include "star/seeds.h"

#include "catalog/pg_type.h"
#include "utils/timestamp.h"

#define NO_SEED PG_UINT32_MAX

typedef struct Seed
{
	int64 key; /* 0: taken */
	Timestamp valid_from;
	uint32 next; /* of the same member, or NO_SEED */
} Seed;

struct OlistSeeds
{
	uint32 *first; /* by member: its earliest seed, or NO_SEED */
	uint32 nfirst;
	Seed *seeds;
	uint32 count;
	uint32 capacity;
};

/* put the seed in its place among the member's, by valid_from */
static void
add_seed(OlistSeeds *seeds, uint32 member, int64 key, Timestamp valid_from)
{
	uint32 *link = &seeds->first[member];

	seeds->seeds = olist_array_reserve(seeds->seeds, &seeds->capacity, seeds->count, sizeof(Seed));
	while (*link != NO_SEED && seeds->seeds[*link].valid_from <= valid_from)
		link = &seeds->seeds[*link].next;
	seeds->seeds[seeds->count] = (Seed){key, valid_from, *link};
	*link = seeds->count++;
}

OlistSeeds *
olist_seeds_load(const OlistTable *table, const char *natural_key, const OlistKeyMap *members,
				 bool versioned)
{
	OlistScanColumn columns[] = {{natural_key, TEXTOID},
								 {table->key, INT8OID},
								 {versioned ? "valid_from" : NULL, TIMESTAMPOID},
								 {NULL, InvalidOid}};
	OlistSeeds *seeds;
	OlistScan *scan;

	scan = olist_scan_warehouse(table->name, columns);
	if (scan == NULL)
		return NULL;
	seeds = palloc0(sizeof(OlistSeeds));
	seeds->nfirst = olist_key_map_count(members);
	seeds->first = palloc_extended(Max(seeds->nfirst, 1) * sizeof(uint32), MCXT_ALLOC_HUGE);
	memset(seeds->first, 0xFF, seeds->nfirst * sizeof(uint32));
	while (olist_scan_next(scan))
	{
		OlistKey key;
		int len;
		const char *text = olist_scan_text(scan, 0, &len);
		uint32 member;

		/* to a merge, who is new is known by name, without a key */
		if (text == NULL || scan->isnull[1] || DatumGetInt64(scan->values[1]) == OLIST_UNKNOWN_KEY)
			continue;
		olist_key_set(&key, text, len);
		member = olist_key_map_find(members, &key);
		if (member != OLIST_NO_KEY)
			add_seed(seeds, member, DatumGetInt64(scan->values[1]),
					 versioned ? DatumGetTimestamp(scan->values[2]) : 0);
	}
	olist_scan_end(scan);
	return seeds;
}

/* the member's seed that begins at this time, or any if at is NULL; 0 if there is none */
static int64
take_seed(OlistSeeds *seeds, uint32 member, const Timestamp *at)
{
	uint32 i = seeds == NULL || member >= seeds->nfirst ? NO_SEED : seeds->first[member];

	for (; i != NO_SEED; i = seeds->seeds[i].next)
	{
		int64 key = seeds->seeds[i].key;

		if (key != 0 && (at == NULL || seeds->seeds[i].valid_from == *at))
		{
			seeds->seeds[i].key = 0;
			return key;
		}
	}
	return 0;
}

void
olist_seeds_assign(OlistSeeds *seeds, uint32 member, int n, const Timestamp *valid_from,
				   int64 *keys)
{
	for (int i = 0; i < n; i++)
		keys[i] = valid_from == NULL ? 0 : take_seed(seeds, member, &valid_from[i]);
	for (int i = 0; i < n; i++)
	{
		if (keys[i] == 0)
			keys[i] = take_seed(seeds, member, NULL);
	}
}
