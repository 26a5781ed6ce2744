/*
 * star/points.c
 *		The points of zip prefixes, in memory and as rows of geography_point.
 *
 * A point takes 24 bytes in memory. Points of one prefix and one object are a
 * stretch; when all have been added they are moved to their stretch's part of
 * the arrays by swapping along cycles, in place and in the order in which they
 * were added. The stretches of a prefix stand side by side, so the prefix's
 * points are one range.
 *
 * As a row, a stretch is two arrays of coordinates and one of places, each a
 * pair of city and state that is written once. Coordinates do not compress:
 * the arrays are stored as they are.
 */
#include "postgres.h"

#include "star/points.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#define NO_STRETCH PG_UINT32_MAX

/* the points of one prefix and object stand from start in the arrays */
typedef struct Stretch
{
	int64 object_id;
	bool is_prior; /* read from geography_point, and there already */
	uint32 count;
	uint32 start;
	uint32 filled; /* points that have been given a place */
	uint32 next;   /* of the same prefix, or NO_STRETCH */
} Stretch;

struct OlistPoints
{
	const OlistKeyMap *spellings;
	const OlistKeyMap *states;

	uint32 *stretch; /* by point; while they are grouped: where the point belongs */
	double *latitude;
	double *longitude;
	uint32 *name;
	uint32 count;
	uint32 stretch_capacity;
	uint32 latitude_capacity;
	uint32 longitude_capacity;
	uint32 name_capacity;

	Stretch *stretches;
	uint32 nstretches;
	uint32 stretches_capacity;
	uint32 *first; /* by prefix: number of its first stretch + 1, 0 for none */
	uint32 first_capacity;

	OlistKeyMap *name_map; /* keys are the eight bytes of an OlistPlaceName */
	OlistPlaceName *names;
	uint32 names_capacity;
	int32 *place_of_name; /* while a row is written: the name's place in it, or 0 */
};

enum
{
	POINT_ZIP,
	POINT_OBJECT_ID,
	POINT_LATITUDE,
	POINT_LONGITUDE,
	POINT_PLACE,
	POINT_CITIES,
	POINT_STATES
};

const OlistTable olist_geography_point = {
	.name = "geography_point",
	.comment = "The points behind dim_geography: those of a zip prefix in an object",
	.columns =
		(const OlistColumn[]){
			{"zip_code_prefix", OLIST_ID_TYPE, "As in dim_geography"},
			{"_object_id", "bigint NOT NULL",
			 "The object that the points come from, in olist_etl.ledger; 0 if from none"},
			{"latitude", "double precision[] NOT NULL", "Of each point; NaN if missing"},
			{"longitude", "double precision[] NOT NULL", "Of each point; NaN if missing"},
			{"place", "integer[] NOT NULL", "Of each point: where its city and state stand below"},
			{"cities", "text[] NOT NULL", "Names of the city, as the source spells them"},
			{"states", "text[] NOT NULL", "The states that go with them"},
			{0}},
	.primary_key = (const char *const[]){"zip_code_prefix", "_object_id", NULL},
	.indexes = (const char *const[]){"_object_id", NULL},
	.scope = "withdrawn",
	.scope_column = "_object_id",
	.uncompressed = (const char *const[]){"latitude", "longitude", "place", NULL},
};

const OlistScanColumn olist_geography_point_columns[] = {
	{"zip_code_prefix", TEXTOID},  {"_object_id", INT8OID}, {"latitude", FLOAT8ARRAYOID},
	{"longitude", FLOAT8ARRAYOID}, {"place", INT4ARRAYOID}, {"cities", TEXTARRAYOID},
	{"states", TEXTARRAYOID},	   {NULL, InvalidOid}};

OlistPoints *
olist_points_create(const OlistKeyMap *spellings, const OlistKeyMap *states)
{
	OlistPoints *points = palloc0(sizeof(OlistPoints));

	points->spellings = spellings;
	points->states = states;
	points->name_map = olist_key_map_create(256);
	return points;
}

/* the number of the stretch of a prefix and object */
static uint32
find_stretch(OlistPoints *points, uint32 prefix, int64 object_id, bool is_prior)
{
	uint32 n;

	points->first =
		olist_array_reserve(points->first, &points->first_capacity, prefix, sizeof(uint32));
	n = points->first[prefix] - 1;
	while (n != NO_STRETCH && points->stretches[n].object_id != object_id)
		n = points->stretches[n].next;
	if (n != NO_STRETCH)
		return n;
	n = points->nstretches++;
	points->stretches =
		olist_array_reserve(points->stretches, &points->stretches_capacity, n, sizeof(Stretch));
	points->stretches[n] =
		(Stretch){.object_id = object_id, .is_prior = is_prior, .next = points->first[prefix] - 1};
	points->first[prefix] = n + 1;
	return n;
}

static uint32
find_name(OlistPoints *points, OlistPlaceName name)
{
	OlistKey key;
	uint32 n;

	olist_key_set(&key, (const char *) &name, sizeof(name));
	n = olist_key_map_add(points->name_map, &key);
	points->names =
		olist_array_reserve(points->names, &points->names_capacity, n, sizeof(OlistPlaceName));
	points->names[n] = name;
	return n;
}

void
olist_points_add(OlistPoints *points, uint32 prefix, int64 object_id, double latitude,
				 double longitude, OlistPlaceName name, bool is_prior)
{
	uint32 stretch = find_stretch(points, prefix, object_id, is_prior);
	uint32 n = points->count++;

	points->stretch =
		olist_array_reserve(points->stretch, &points->stretch_capacity, n, sizeof(uint32));
	points->latitude =
		olist_array_reserve(points->latitude, &points->latitude_capacity, n, sizeof(double));
	points->longitude =
		olist_array_reserve(points->longitude, &points->longitude_capacity, n, sizeof(double));
	points->name = olist_array_reserve(points->name, &points->name_capacity, n, sizeof(uint32));
	points->stretch[n] = stretch;
	points->latitude[n] = latitude;
	points->longitude[n] = longitude;
	points->name[n] = find_name(points, name);
	points->stretches[stretch].count++;
}

bool
olist_points_exist(const OlistPoints *points, uint32 prefix)
{
	return prefix < points->first_capacity && points->first[prefix] != 0;
}

static inline void
swap_points(OlistPoints *points, uint32 a, uint32 b)
{
	double latitude = points->latitude[a];
	double longitude = points->longitude[a];
	uint32 name = points->name[a];

	points->latitude[a] = points->latitude[b];
	points->longitude[a] = points->longitude[b];
	points->name[a] = points->name[b];
	points->latitude[b] = latitude;
	points->longitude[b] = longitude;
	points->name[b] = name;
}

/* give every point its place, in the order of the points */
static void
assign_places(OlistPoints *points)
{
	for (uint32 i = 0; i < points->count; i++)
	{
		Stretch *stretch = &points->stretches[points->stretch[i]];

		points->stretch[i] = stretch->start + stretch->filled++;
	}
}

/* move every point to its place */
static void
settle_points(OlistPoints *points)
{
	for (uint32 i = 0; i < points->count; i++)
	{
		while (points->stretch[i] != i)
		{
			uint32 there = points->stretch[i];

			points->stretch[i] = points->stretch[there];
			points->stretch[there] = there;
			swap_points(points, i, there);
		}
		if ((i & 0xFFFF) == 0)
			CHECK_FOR_INTERRUPTS();
	}
}

void
olist_points_group(OlistPoints *points, uint32 nprefixes)
{
	uint32 start = 0;

	/* prefixes of the last numbers may have no point, and no place in first yet */
	if (nprefixes > 0)
		points->first = olist_array_reserve(points->first, &points->first_capacity, nprefixes - 1,
											sizeof(uint32));
	for (uint32 prefix = 0; prefix < nprefixes; prefix++)
	{
		for (uint32 n = points->first[prefix] - 1; n != NO_STRETCH; n = points->stretches[n].next)
		{
			points->stretches[n].start = start;
			start += points->stretches[n].count;
		}
	}
	assign_places(points);
	settle_points(points);
}

OlistPointRange
olist_points_of(OlistPoints *points, uint32 prefix)
{
	uint32 first = points->first[prefix] - 1;
	OlistPointRange range = {0};

	if (first == NO_STRETCH)
		return range;
	range.latitude = points->latitude + points->stretches[first].start;
	range.longitude = points->longitude + points->stretches[first].start;
	range.name = points->name + points->stretches[first].start;
	for (uint32 n = first; n != NO_STRETCH; n = points->stretches[n].next)
		range.count += points->stretches[n].count;
	return range;
}

/* an array of so many elements of a type of fixed length, without nulls */
static Datum
plain_array(const void *elements, int count, Oid type, Size size)
{
	Size bytes = ARR_OVERHEAD_NONULLS(1) + count * size;
	ArrayType *array = palloc0(bytes);

	SET_VARSIZE(array, bytes);
	array->ndim = 1;
	array->elemtype = type;
	ARR_DIMS(array)[0] = count;
	ARR_LBOUND(array)[0] = 1;
	memcpy(ARR_DATA_PTR(array), elements, count * size);
	return PointerGetDatum(array);
}

static Datum
text_array(Datum *values, bool *nulls, int count)
{
	int lower_bound = 1;

	return PointerGetDatum(construct_md_array(values, nulls, 1, &count, &lower_bound, TEXTOID, -1,
											  false, TYPALIGN_INT));
}

/* the text of a key, or a null for OLIST_NO_KEY */
static Datum
key_text(const OlistKeyMap *map, uint32 n, bool *isnull)
{
	char buf[OLIST_KEY_BUF];
	int len;
	const char *text;

	*isnull = n == OLIST_NO_KEY;
	if (*isnull)
		return (Datum) 0;
	text = olist_key_map_text(map, n, buf, &len);
	return PointerGetDatum(cstring_to_text_with_len(text, len));
}

/* number the places of a stretch in the order of their coming, and set the arrays of them */
static void
set_places(OlistPoints *points, const Stretch *stretch, OlistBuild *build)
{
	const uint32 *names = points->name + stretch->start;
	int32 *places = palloc(stretch->count * sizeof(int32));
	uint32 *used = palloc(stretch->count * sizeof(uint32));
	int n = 0;
	Datum *cities;
	Datum *states;
	bool *no_city;
	bool *no_state;

	for (uint32 i = 0; i < stretch->count; i++)
	{
		if (points->place_of_name[names[i]] == 0)
		{
			used[n++] = names[i];
			points->place_of_name[names[i]] = n;
		}
		places[i] = points->place_of_name[names[i]];
	}
	cities = palloc(n * sizeof(Datum));
	states = palloc(n * sizeof(Datum));
	no_city = palloc(n * sizeof(bool));
	no_state = palloc(n * sizeof(bool));
	for (int i = 0; i < n; i++)
	{
		const OlistPlaceName *name = &points->names[used[i]];

		cities[i] = key_text(points->spellings, name->spelling, &no_city[i]);
		states[i] = key_text(points->states, name->state, &no_state[i]);
		points->place_of_name[used[i]] = 0;
	}
	olist_build_set(build, POINT_PLACE,
					plain_array(places, stretch->count, INT4OID, sizeof(int32)));
	olist_build_set(build, POINT_CITIES, text_array(cities, no_city, n));
	olist_build_set(build, POINT_STATES, text_array(states, no_state, n));
}

void
olist_points_put(OlistPoints *points, uint32 prefix, const char *zip, int len, OlistBuild *build)
{
	if (points->place_of_name == NULL)
		points->place_of_name =
			palloc0((olist_key_map_count(points->name_map) + 1) * sizeof(int32));
	for (uint32 n = points->first[prefix] - 1; n != NO_STRETCH; n = points->stretches[n].next)
	{
		const Stretch *stretch = &points->stretches[n];
		MemoryContext old;

		if (stretch->is_prior)
			continue;
		old = MemoryContextSwitchTo(build->row_context);
		olist_build_set_text(build, POINT_ZIP, zip, len);
		olist_build_set(build, POINT_OBJECT_ID, Int64GetDatum(stretch->object_id));
		olist_build_set(build, POINT_LATITUDE,
						plain_array(points->latitude + stretch->start, stretch->count, FLOAT8OID,
									sizeof(double)));
		olist_build_set(build, POINT_LONGITUDE,
						plain_array(points->longitude + stretch->start, stretch->count, FLOAT8OID,
									sizeof(double)));
		set_places(points, stretch, build);
		MemoryContextSwitchTo(old);
		olist_build_put(build);
	}
}

void
olist_points_read(OlistScan *scan, OlistPointRow *row)
{
	ArrayType *latitude = DatumGetArrayTypeP(scan->values[POINT_LATITUDE]);
	ArrayType *longitude = DatumGetArrayTypeP(scan->values[POINT_LONGITUDE]);
	ArrayType *place = DatumGetArrayTypeP(scan->values[POINT_PLACE]);
	int nstates;
	bool fits = true;

	row->object_id = DatumGetInt64(scan->values[POINT_OBJECT_ID]);
	row->count = ArrayGetNItems(ARR_NDIM(latitude), ARR_DIMS(latitude));
	row->latitude = (const double *) ARR_DATA_PTR(latitude);
	row->longitude = (const double *) ARR_DATA_PTR(longitude);
	row->place = (const int32 *) ARR_DATA_PTR(place);
	deconstruct_array(DatumGetArrayTypeP(scan->values[POINT_CITIES]), TEXTOID, -1, false,
					  TYPALIGN_INT, &row->cities, &row->no_city, &row->nplaces);
	deconstruct_array(DatumGetArrayTypeP(scan->values[POINT_STATES]), TEXTOID, -1, false,
					  TYPALIGN_INT, &row->states, &row->no_state, &nstates);
	for (int i = 0; i < ArrayGetNItems(ARR_NDIM(place), ARR_DIMS(place)); i++)
		fits &= row->place[i] >= 1 && row->place[i] <= row->nplaces;
	if (!fits || ArrayGetNItems(ARR_NDIM(longitude), ARR_DIMS(longitude)) != row->count ||
		ArrayGetNItems(ARR_NDIM(place), ARR_DIMS(place)) != row->count || nstates != row->nplaces ||
		ARR_HASNULL(latitude) || ARR_HASNULL(longitude) || ARR_HASNULL(place))
		ereport(ERROR, (errcode(ERRCODE_DATA_CORRUPTED),
						errmsg("arrays of a row of table \"%s\" do not belong together",
							   olist_geography_point.name),
						errhint("CALL olist_etl.rebuild() makes the table anew.")));
}
