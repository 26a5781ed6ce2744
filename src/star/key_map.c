/*
 * star/key_map.c
 *		Natural keys to small numbers, in memory.
 *
 * The keys get the numbers 0, 1, 2, … as they are added, so that whatever
 * belongs to a key stands in a plain array under its number. Nearly all keys
 * are ids of 32 hex digits or a few bytes of text: they take 16 bytes, without
 * a pointer. The slots of the open-addressed table hold the number alone; two
 * bits of it tell how the key is held, so most misses never touch the key.
 *
 *		text ─► OlistKey (kind, 16 bytes, hash) ─► slot ─► number
 */
#include "postgres.h"

#include "star/key_map.h"

#include "common/hashfn.h"
#include "utils/memutils.h"

/* a slot is number << 2 | kind + 1; 0 is free */
#define MAX_KEYS (PG_UINT32_MAX >> 2)

/* bytes after which arrays grow by a quarter instead of doubling */
#define DOUBLING_LIMIT (8 * 1024 * 1024)

typedef struct StoredKey
{
	union
	{
		uint64 word[2]; /* HEX, SHORT */
		struct
		{
			char *text;
			uint32 len;
			uint32 hash; /* of the high half, to tell most texts apart */
		} text;			 /* LONG */
	};
} StoredKey;

struct OlistKeyMap
{
	MemoryContext context;
	uint32 *slots;
	uint32 mask; /* slots - 1 */
	StoredKey *keys;
	uint8 *kinds; /* OlistKeyKind of each */
	uint32 count;
	uint32 key_capacity;
	uint32 kind_capacity;
};

static const int8 hex_value[256] = {
	['0'] = 1,	['1'] = 2,	['2'] = 3,	['3'] = 4,	['4'] = 5,	['5'] = 6,
	['6'] = 7,	['7'] = 8,	['8'] = 9,	['9'] = 10, ['a'] = 11, ['b'] = 12,
	['c'] = 13, ['d'] = 14, ['e'] = 15, ['f'] = 16, /* 0 is no digit */
};

/* sixteen hex digits as a number; false if one is none */
static inline bool
pack_hex(const char *text, uint64 *word)
{
	uint64 packed = 0;
	int missing = 0;

	for (int i = 0; i < 16; i++)
	{
		int digit = hex_value[(unsigned char) text[i]];

		missing |= digit - 1; /* negative for no digit */
		packed = packed << 4 | (uint64) (digit - 1);
	}
	*word = packed;
	return missing >= 0;
}

static inline uint64
hash_words(uint64 a, uint64 b)
{
	return olist_mix(a ^ olist_mix(b + UINT64CONST(0x9E3779B97F4A7C15)));
}

void
olist_key_set(OlistKey *key, const char *text, int len)
{
	if (len == 32 && pack_hex(text, &key->word[0]) && pack_hex(text + 16, &key->word[1]))
		key->kind = OLIST_KEY_HEX;
	else if (len <= 15)
	{
		key->kind = OLIST_KEY_SHORT;
		key->word[0] = key->word[1] = 0;
		memcpy(key->word, text, len);
		((uint8 *) key->word)[15] = len;
	}
	else
	{
		key->kind = OLIST_KEY_LONG;
		key->text = text;
		key->len = len;
		key->hash = hash_bytes_extended((const unsigned char *) text, len, 0);
		return;
	}
	key->hash = hash_words(key->word[0], key->word[1]);
}

OlistKeyMap *
olist_key_map_create(uint32 expected)
{
	OlistKeyMap *map = palloc0(sizeof(OlistKeyMap));
	uint32 nslots = 64;

	while (nslots < expected * 2 && nslots < MAX_KEYS)
		nslots *= 2;
	map->context = CurrentMemoryContext;
	map->slots = MemoryContextAllocExtended(map->context, nslots * sizeof(uint32),
											MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	map->mask = nslots - 1;
	map->key_capacity = map->kind_capacity = Max(expected, 16);
	map->keys = MemoryContextAllocHuge(map->context, map->key_capacity * sizeof(StoredKey));
	map->kinds = MemoryContextAllocHuge(map->context, map->kind_capacity);
	return map;
}

static inline bool
is_key(const OlistKeyMap *map, uint32 slot, const OlistKey *key)
{
	const StoredKey *stored;

	if ((slot & 3) != (uint32) key->kind + 1)
		return false;
	stored = &map->keys[slot >> 2];
	if (key->kind != OLIST_KEY_LONG)
		return stored->word[0] == key->word[0] && stored->word[1] == key->word[1];
	return stored->text.len == (uint32) key->len &&
		   stored->text.hash == (uint32) (key->hash >> 32) &&
		   memcmp(stored->text.text, key->text, key->len) == 0;
}

/* the slot that holds the key, or the free one where it belongs */
static inline uint32
find_slot(const OlistKeyMap *map, const OlistKey *key)
{
	uint32 i = (uint32) key->hash & map->mask;

	while (map->slots[i] != 0 && !is_key(map, map->slots[i], key))
		i = (i + 1) & map->mask;
	return i;
}

uint32
olist_key_map_find(const OlistKeyMap *map, const OlistKey *key)
{
	uint32 slot = map->slots[find_slot(map, key)];

	return slot == 0 ? OLIST_NO_KEY : slot >> 2;
}

/* the hash of a stored key, as olist_key_set() gave it */
static uint64
stored_hash(const StoredKey *stored, OlistKeyKind kind)
{
	if (kind == OLIST_KEY_LONG)
		return hash_bytes_extended((const unsigned char *) stored->text.text, stored->text.len, 0);
	return hash_words(stored->word[0], stored->word[1]);
}

/* twice the slots */
static void
grow_slots(OlistKeyMap *map)
{
	uint32 *old = map->slots;
	uint32 nold = map->mask + 1;

	map->slots = MemoryContextAllocExtended(map->context, (Size) nold * 2 * sizeof(uint32),
											MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	map->mask = nold * 2 - 1;
	for (uint32 i = 0; i < nold; i++)
	{
		uint32 j;

		if (old[i] == 0)
			continue;
		j = (uint32) stored_hash(&map->keys[old[i] >> 2], (old[i] & 3) - 1) & map->mask;
		while (map->slots[j] != 0)
			j = (j + 1) & map->mask;
		map->slots[j] = old[i];
	}
	pfree(old);
}

uint32
olist_key_map_add(OlistKeyMap *map, const OlistKey *key)
{
	uint32 i = find_slot(map, key);
	StoredKey *stored;

	if (map->slots[i] != 0)
		return map->slots[i] >> 2;
	if (map->count >= MAX_KEYS)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED), errmsg("too many keys in one map")));
	if ((uint64) map->count * 3 >= (uint64) map->mask * 2)
	{
		grow_slots(map);
		i = find_slot(map, key);
	}
	map->keys = olist_array_reserve(map->keys, &map->key_capacity, map->count, sizeof(StoredKey));
	map->kinds = olist_array_reserve(map->kinds, &map->kind_capacity, map->count, 1);
	stored = &map->keys[map->count];
	if (key->kind == OLIST_KEY_LONG)
	{
		stored->text.text = MemoryContextAlloc(map->context, key->len);
		memcpy(stored->text.text, key->text, key->len);
		stored->text.len = key->len;
		stored->text.hash = (uint32) (key->hash >> 32);
	}
	else
		memcpy(stored->word, key->word, sizeof(stored->word));
	map->kinds[map->count] = key->kind;
	map->slots[i] = map->count << 2 | (key->kind + 1);
	return map->count++;
}

uint32
olist_key_map_count(const OlistKeyMap *map)
{
	return map->count;
}

/* sixteen hex digits of a number */
static void
unpack_hex(uint64 word, char *text)
{
	for (int i = 15; i >= 0; i--)
	{
		text[i] = "0123456789abcdef"[word & 15];
		word >>= 4;
	}
}

const char *
olist_key_map_text(const OlistKeyMap *map, uint32 n, char *buf, int *len)
{
	const StoredKey *stored = &map->keys[n];

	Assert(n < map->count);
	switch ((OlistKeyKind) map->kinds[n])
	{
		case OLIST_KEY_HEX:
			unpack_hex(stored->word[0], buf);
			unpack_hex(stored->word[1], buf + 16);
			*len = 32;
			return buf;
		case OLIST_KEY_SHORT:
			*len = ((const uint8 *) stored->word)[15];
			memcpy(buf, stored->word, *len);
			return buf;
		case OLIST_KEY_LONG:
			break;
	}
	*len = stored->text.len;
	return stored->text.text;
}

int
olist_key_map_compare(const OlistKeyMap *map, uint32 a, uint32 b)
{
	char buf_a[OLIST_KEY_BUF];
	char buf_b[OLIST_KEY_BUF];
	int len_a;
	int len_b;
	const char *text_a = olist_key_map_text(map, a, buf_a, &len_a);
	const char *text_b = olist_key_map_text(map, b, buf_b, &len_b);
	int order = memcmp(text_a, text_b, Min(len_a, len_b));

	return order != 0 ? order : len_a - len_b;
}

void *
olist_array_reserve(void *array, uint32 *capacity, uint32 n, Size element)
{
	Size bytes = (Size) *capacity * element;
	uint32 wanted;

	if (array != NULL && n < *capacity)
		return array;
	wanted = bytes < DOUBLING_LIMIT ? *capacity * 2 : *capacity + *capacity / 4;
	wanted = Max(Max(wanted, n + 1), 16);
	if (array == NULL)
		array = MemoryContextAllocHuge(CurrentMemoryContext, wanted * element);
	else
		array = repalloc_huge(array, wanted * element);
	memset((char *) array + bytes, 0, wanted * element - bytes);
	*capacity = wanted;
	return array;
}
