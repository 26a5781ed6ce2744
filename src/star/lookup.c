/*
 * star/lookup.c
 *		What facts look up in the dimensions that were built before them.
 */
#include "postgres.h"

#include "star/lookup.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "star/build.h"
#include "star/share.h"
#include "utils/date.h"
#include "utils/datetime.h"
#include "utils/timestamp.h"

/* mean radius of the earth, in km (IUGG) */
#define EARTH_RADIUS_KM 6371.0088

#define NO_VERSION PG_UINT32_MAX

struct OlistPlaces
{
	OlistKeyMap *by_zip;
	OlistKeyMap *by_key; /* keys are the eight bytes of a geography_key */
	OlistPlace *places;	 /* under the number in either map */
	uint32 capacity;
	OlistPlace unknown;
};

struct OlistMembers
{
	OlistKeyMap *map;
	uint32 *last; /* by member: its latest version */
	uint32 last_capacity;
	OlistMember *versions;
	uint32 count;
	uint32 capacity;
	OlistMember unknown;
};

static void
key_from_int8(OlistKey *key, int64 value)
{
	olist_key_set(key, (const char *) &value, sizeof(value));
}

OlistPlaces *
olist_places_load(void)
{
	static const OlistScanColumn columns[] = {{"zip_code_prefix", TEXTOID},
											  {"geography_key", INT8OID},
											  {"latitude", FLOAT8OID},
											  {"longitude", FLOAT8OID},
											  {NULL, InvalidOid}};
	OlistPlaces *places = palloc0(sizeof(OlistPlaces));
	OlistScan *scan = olist_scan_begin(OLIST_BUILD_SCHEMA, "dim_geography", columns);

	places->by_zip = olist_key_map_create(256);
	places->by_key = olist_key_map_create(256);
	places->unknown.key = OLIST_UNKNOWN_KEY;
	while (olist_scan_next(scan))
	{
		OlistKey key;
		int len;
		const char *zip = olist_scan_text(scan, 0, &len);
		OlistPlace place = {.key = DatumGetInt64(scan->values[1])};
		uint32 n;

		if (place.key == OLIST_UNKNOWN_KEY)
			continue;
		place.is_located = !scan->isnull[2] && !scan->isnull[3];
		if (place.is_located)
		{
			place.latitude = DatumGetFloat8(scan->values[2]);
			place.longitude = DatumGetFloat8(scan->values[3]);
		}
		olist_key_set(&key, zip, len);
		n = olist_key_map_add(places->by_zip, &key);
		key_from_int8(&key, place.key);
		(void) olist_key_map_add(places->by_key, &key);
		places->places =
			olist_array_reserve(places->places, &places->capacity, n, sizeof(OlistPlace));
		places->places[n] = place;
	}
	olist_scan_end(scan);
	return places;
}

const OlistPlace *
olist_places_by_zip(const OlistPlaces *places, const char *zip, int len)
{
	OlistKey key;
	uint32 n;

	if (zip == NULL)
		return &places->unknown;
	olist_key_set(&key, zip, len);
	n = olist_key_map_find(places->by_zip, &key);
	return n == OLIST_NO_KEY ? &places->unknown : &places->places[n];
}

const OlistPlace *
olist_places_by_key(const OlistPlaces *places, int64 geography_key)
{
	OlistKey key;
	uint32 n;

	key_from_int8(&key, geography_key);
	n = olist_key_map_find(places->by_key, &key);
	return n == OLIST_NO_KEY ? &places->unknown : &places->places[n];
}

bool
olist_places_distance(const OlistPlace *a, const OlistPlace *b, double *km)
{
	double lat_a;
	double lat_b;
	double sin_lat;
	double sin_lng;
	double h;

	if (!a->is_located || !b->is_located)
		return false;
	lat_a = a->latitude * (M_PI / 180);
	lat_b = b->latitude * (M_PI / 180);
	sin_lat = sin((lat_b - lat_a) / 2);
	sin_lng = sin((b->longitude - a->longitude) * (M_PI / 180) / 2);
	h = sin_lat * sin_lat + cos(lat_a) * cos(lat_b) * sin_lng * sin_lng;
	*km = 2 * EARTH_RADIUS_KM * asin(Min(1.0, sqrt(h)));
	return true;
}

/* put the version in its place among the member's, the latest first */
static void
add_version(OlistMembers *members, uint32 member, OlistMember version)
{
	uint32 *link;

	members->versions = olist_array_reserve(members->versions, &members->capacity, members->count,
											sizeof(OlistMember));
	link = &members->last[member];
	while (*link != NO_VERSION && members->versions[*link].valid_from > version.valid_from)
		link = &members->versions[*link].next;
	version.next = *link;
	members->versions[members->count] = version;
	*link = members->count++;
}

OlistMembers *
olist_members_load(const char *dimension, const char *natural_key, const char *surrogate_key,
				   bool has_place)
{
	OlistScanColumn columns[] = {{natural_key, TEXTOID},
								 {surrogate_key, INT8OID},
								 {"valid_from", TIMESTAMPOID},
								 {has_place ? "geography_key" : NULL, INT8OID},
								 {NULL, InvalidOid}};
	OlistMembers *members = palloc0(sizeof(OlistMembers));
	OlistScan *scan = olist_scan_begin(OLIST_BUILD_SCHEMA, dimension, columns);

	members->map = olist_key_map_create(256);
	members->unknown = (OlistMember){.key = OLIST_UNKNOWN_KEY, .geography_key = OLIST_UNKNOWN_KEY};
	while (olist_scan_next(scan))
	{
		OlistMember version = {.key = DatumGetInt64(scan->values[1]),
							   .valid_from = DatumGetTimestamp(scan->values[2]),
							   .geography_key =
								   has_place ? DatumGetInt64(scan->values[3]) : OLIST_UNKNOWN_KEY};
		OlistKey key;
		int len;
		const char *text = olist_scan_text(scan, 0, &len);
		uint32 known = olist_key_map_count(members->map);
		uint32 member;

		if (version.key == OLIST_UNKNOWN_KEY)
			continue;
		olist_key_set(&key, text, len);
		member = olist_key_map_add(members->map, &key);
		members->last =
			olist_array_reserve(members->last, &members->last_capacity, member, sizeof(uint32));
		if (member == known)
			members->last[member] = NO_VERSION;
		add_version(members, member, version);
	}
	olist_scan_end(scan);
	return members;
}

const OlistMember *
olist_members_find(const OlistMembers *members, OlistScan *scan, int column, Timestamp at)
{
	OlistKey key;
	int len;
	const char *id = olist_scan_text(scan, column, &len);
	uint32 member;
	const OlistMember *version;

	if (id == NULL)
		return &members->unknown;
	olist_key_set(&key, id, len);
	member = olist_key_map_find(members->map, &key);
	if (member == OLIST_NO_KEY)
		return &members->unknown;
	version = &members->versions[members->last[member]];
	while (version->valid_from > at && version->next != NO_VERSION)
		version = &members->versions[version->next];
	return version;
}

int32
olist_date_key(Timestamp at)
{
	int64 day;
	int year;
	int month;
	int mday;

	if (TIMESTAMP_NOT_FINITE(at))
		return (int32) OLIST_UNKNOWN_KEY;
	day = at / USECS_PER_DAY - (at % USECS_PER_DAY < 0);
	j2date((int) (day + POSTGRES_EPOCH_JDATE), &year, &month, &mday);
	if (year < 1 || year > 9999)
		return (int32) OLIST_UNKNOWN_KEY;
	return year * 10000 + month * 100 + mday;
}
