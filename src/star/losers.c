/*
 * star/losers.c
 *		Which staged rows lose against another row with the same natural key.
 *
 *	 pass 1: every key's 64-bit fingerprint ─► those that come twice (usually none)
 *	 pass 2: only rows with such a fingerprint ─► exact keys ─► the last row wins
 *
 * Equal keys have equal fingerprints, so an empty result of the first pass is
 * certain; a chance collision only makes the second pass look at a row more.
 */
#include "postgres.h"

#include "star/losers.h"

#include "catalog/pg_type.h"
#include "star/build.h"
#include "star/key_map.h"
#include "star/origin.h"
#include "star/share.h"

/* an open-addressed set of 64-bit numbers; 0 cannot be in it */
typedef struct FingerprintSet
{
	uint64 *slots;
	uint64 mask;
	uint64 count;
} FingerprintSet;

typedef struct LoserSearch
{
	const char *table;
	OlistScanColumn columns[5];		/* key, part or key again, _object_id, _line */
	OlistScanColumn key_columns[3]; /* only the key: the first pass reads no further */
	bool has_part;
	OlistLosers *losers;
	MemoryContext context; /* of losers */
} LoserSearch;

enum
{
	COL_KEY,
	COL_PART,
	COL_OBJECT,
	COL_LINE
};

static FingerprintSet *
fingerprint_set_create(void)
{
	FingerprintSet *set = palloc(sizeof(FingerprintSet));

	set->mask = 1023;
	set->slots = palloc0(sizeof(uint64) * (set->mask + 1));
	set->count = 0;
	return set;
}

static bool
fingerprint_set_has(const FingerprintSet *set, uint64 fingerprint)
{
	uint64 i = fingerprint & set->mask;

	while (set->slots[i] != 0 && set->slots[i] != fingerprint)
		i = (i + 1) & set->mask;
	return set->slots[i] != 0;
}

static void
fingerprint_set_grow(FingerprintSet *set)
{
	uint64 *old = set->slots;
	uint64 nold = set->mask + 1;

	set->mask = nold * 2 - 1;
	set->slots = palloc_extended(sizeof(uint64) * nold * 2, MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	for (uint64 i = 0; i < nold; i++)
	{
		uint64 j = old[i] & set->mask;

		if (old[i] == 0)
			continue;
		while (set->slots[j] != 0)
			j = (j + 1) & set->mask;
		set->slots[j] = old[i];
	}
	pfree(old);
}

/* add a fingerprint; false if it was there */
static bool
fingerprint_set_add(FingerprintSet *set, uint64 fingerprint)
{
	uint64 i = fingerprint & set->mask;

	while (set->slots[i] != 0)
	{
		if (set->slots[i] == fingerprint)
			return false;
		i = (i + 1) & set->mask;
	}
	set->slots[i] = fingerprint;
	if (++set->count * 3 > set->mask * 2)
		fingerprint_set_grow(set);
	return true;
}

/* the row's fingerprint, never 0; false if a part of its key is NULL */
static bool
row_fingerprint(OlistScan *scan, const LoserSearch *search, OlistKey *key, uint64 *fingerprint)
{
	int len;
	const char *text = olist_scan_text(scan, COL_KEY, &len);

	if (text == NULL || scan->isnull[COL_PART])
		return false;
	olist_key_set(key, text, len);
	*fingerprint = key->hash;
	if (search->has_part && search->columns[COL_PART].type == INT4OID)
		*fingerprint = olist_mix(key->hash + (uint32) DatumGetInt32(scan->values[COL_PART]));
	else if (search->has_part)
	{
		OlistKey part;

		text = olist_scan_text(scan, COL_PART, &len);
		olist_key_set(&part, text, len);
		*fingerprint = olist_mix(key->hash + olist_mix(part.hash));
	}
	if (*fingerprint == 0)
		*fingerprint = 1;
	return true;
}

static bool
fingerprint_in_share(uint64 fingerprint, OlistKeyShare share)
{
	return ((fingerprint >> 40) & (share.count - 1)) == share.index;
}

/* the whole key of the row as bytes: the parts, the first one's length before them */
static void
append_key(StringInfo buf, OlistScan *scan, const LoserSearch *search)
{
	int len;
	const char *text = olist_scan_text(scan, COL_KEY, &len);

	resetStringInfo(buf);
	appendBinaryStringInfo(buf, (const char *) &len, sizeof(len));
	appendBinaryStringInfo(buf, text, len);
	if (search->has_part && search->columns[COL_PART].type == INT4OID)
	{
		int32 part = DatumGetInt32(scan->values[COL_PART]);

		appendBinaryStringInfo(buf, (const char *) &part, sizeof(part));
	}
	else if (search->has_part)
	{
		text = olist_scan_text(scan, COL_PART, &len);
		appendBinaryStringInfo(buf, text, len);
	}
}

static void
add_loser(LoserSearch *search, uint64 row)
{
	MemoryContext old = MemoryContextSwitchTo(search->context);
	OlistLosers *losers = search->losers;

	losers->rows =
		olist_array_reserve(losers->rows, &losers->capacity, losers->count, sizeof(uint64));
	losers->rows[losers->count++] = row;
	MemoryContextSwitchTo(old);
}

/* pass 2: among the rows whose fingerprint came twice, all but the last of a key lose */
static void
find_losers_among(LoserSearch *search, const FingerprintSet *repeated)
{
	typedef struct Winner
	{
		OlistOrigin origin;
		uint64 row;
	} Winner;
	OlistScan *scan = olist_scan_entity(search->table, search->columns);
	OlistKeyMap *keys = olist_key_map_create(repeated->count);
	Winner *winners = NULL;
	uint32 capacity = 0;
	StringInfoData buf;

	initStringInfo(&buf);
	while (olist_scan_next(scan))
	{
		OlistKey key;
		uint64 fingerprint;
		uint32 known;
		uint32 n;
		OlistOrigin origin = {DatumGetInt64(scan->values[COL_OBJECT]),
							  DatumGetInt64(scan->values[COL_LINE])};

		if (!row_fingerprint(scan, search, &key, &fingerprint) ||
			!fingerprint_set_has(repeated, fingerprint))
			continue;
		append_key(&buf, scan, search);
		olist_key_set(&key, buf.data, buf.len);
		known = olist_key_map_count(keys);
		n = olist_key_map_add(keys, &key);
		if (n == known)
		{
			winners = olist_array_reserve(winners, &capacity, n, sizeof(Winner));
			winners[n] = (Winner){origin, scan->row};
		}
		else if (olist_origin_compare(winners[n].origin, origin) <= 0)
		{
			add_loser(search, winners[n].row);
			winners[n] = (Winner){origin, scan->row};
		}
		else
			add_loser(search, scan->row);
	}
	olist_scan_end(scan);
}

static bool
search_share(OlistKeyShare share, void *arg)
{
	LoserSearch *search = arg;
	OlistScan *scan = olist_scan_entity(search->table, search->key_columns);
	FingerprintSet *seen = fingerprint_set_create();
	FingerprintSet *repeated = fingerprint_set_create();
	bool full = false;

	while (!full && olist_scan_next(scan))
	{
		OlistKey key;
		uint64 fingerprint;

		if (!row_fingerprint(scan, search, &key, &fingerprint) ||
			!fingerprint_in_share(fingerprint, share))
			continue;
		if (!fingerprint_set_add(seen, fingerprint))
			fingerprint_set_add(repeated, fingerprint);
		full = (scan->row & 1023) == 0 && olist_share_is_full(share);
	}
	olist_scan_end(scan);
	if (!full && repeated->count > 0)
		find_losers_among(search, repeated);
	return !full;
}

static int
compare_rows(const void *a, const void *b)
{
	uint64 row_a = *(const uint64 *) a;
	uint64 row_b = *(const uint64 *) b;

	return row_a < row_b ? -1 : row_a > row_b;
}

OlistLosers *
olist_losers_find(const char *table, const char *key, const char *part, Oid part_type)
{
	LoserSearch search = {
		.table = table,
		.columns = {{key, TEXTOID},
					{part ? part : key, part ? part_type : TEXTOID},
					{"_object_id", INT8OID},
					{"_line", INT8OID},
					{NULL, InvalidOid}},
		.key_columns = {{key, TEXTOID},
						{part ? part : key, part ? part_type : TEXTOID},
						{NULL, InvalidOid}},
		.has_part = part != NULL,
		.losers = palloc0(sizeof(OlistLosers)),
		.context = CurrentMemoryContext,
	};

	olist_share_run(search_share, &search);
	olist_losers_sort(search.losers);
	return search.losers;
}

void
olist_losers_sort(OlistLosers *losers)
{
	if (losers->count > 1)
		qsort(losers->rows, losers->count, sizeof(uint64), compare_rows);
}

bool
olist_losers_search(const OlistLosers *losers, uint64 row)
{
	return bsearch(&row, losers->rows, losers->count, sizeof(uint64), compare_rows) != NULL;
}
