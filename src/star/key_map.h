/*
 * star/key_map.h
 *		Natural keys to small numbers, in memory.
 */
#ifndef OLIST_KEY_MAP_H
#define OLIST_KEY_MAP_H

/* how a key is held: in 16 bytes where it fits, else as text beside them */
typedef enum OlistKeyKind
{
	OLIST_KEY_HEX,	 /* 32 lower-case hex digits, packed */
	OLIST_KEY_SHORT, /* up to 15 bytes, zero-padded, the length in the last byte */
	OLIST_KEY_LONG	 /* anything else: length, and the text elsewhere */
} OlistKeyKind;

/* a key prepared for the map; refers to the text that it was made of */
typedef struct OlistKey
{
	OlistKeyKind kind;
	uint64 hash;	  /* of kind and bytes */
	uint64 word[2];	  /* HEX and SHORT: the key itself */
	const char *text; /* LONG */
	int len;		  /* LONG */
} OlistKey;

/* one of 2^n disjoint shares of all keys; {0, 1} is everything */
typedef struct OlistKeyShare
{
	uint32 index;
	uint32 count; /* a power of two */
} OlistKeyShare;

#define OLIST_ALL_KEYS ((OlistKeyShare){0, 1})

typedef struct OlistKeyMap OlistKeyMap;

#define OLIST_NO_KEY PG_UINT32_MAX

/* a well-mixed number of a number (the finalizer of MurmurHash3) */
static inline uint64
olist_mix(uint64 x)
{
	x ^= x >> 33;
	x *= UINT64CONST(0xFF51AFD7ED558CCD);
	x ^= x >> 33;
	x *= UINT64CONST(0xC4CEB9FE1A85EC53);
	x ^= x >> 33;
	return x;
}

extern void olist_key_set(OlistKey *key, const char *text, int len);

/* does the key belong to the share? Every key belongs to one of the 2^n */
static inline bool
olist_key_in_share(const OlistKey *key, OlistKeyShare share)
{
	return ((key->hash >> 40) & (share.count - 1)) == share.index;
}

/* a map in the current memory context, sized for about so many keys */
extern OlistKeyMap *olist_key_map_create(uint32 expected);

/* the number of the key: 0, 1, 2, … in the order of their first adding */
extern uint32 olist_key_map_add(OlistKeyMap *map, const OlistKey *key);

/* the number of the key, or OLIST_NO_KEY */
extern uint32 olist_key_map_find(const OlistKeyMap *map, const OlistKey *key);

extern uint32 olist_key_map_count(const OlistKeyMap *map);

/*
 * The text of key n: written to buf, which has OLIST_KEY_BUF bytes, or for a
 * long key a pointer into the map. Sets len; not NUL-terminated.
 */
#define OLIST_KEY_BUF 32
extern const char *olist_key_map_text(const OlistKeyMap *map, uint32 n, char *buf, int *len);

/* the order of the texts of keys a and b, byte by byte (collation "C") */
extern int olist_key_map_compare(const OlistKeyMap *map, uint32 a, uint32 b);

/*
 * Room for element n in an array of elements of so many bytes, doubled (beyond
 * some megabytes: lengthened by a quarter) when it is full. NULL with capacity
 * 0 begins an array in the current memory context. New room is zero.
 */
extern void *olist_array_reserve(void *array, uint32 *capacity, uint32 n, Size element);

#endif /* OLIST_KEY_MAP_H */
