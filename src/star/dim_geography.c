/*
 * star/dim_geography.c
 *		dim_geography: a zip prefix seen in any file.
 *
 *	 staging.geolocation ─► points, by prefix ─► medians, repeats ────────────────┐
 *						└─► votes for city and state ────────────────────────────┤
 *	 staging.customers, sellers ─► prefixes without a point, and their votes ────┴─► rows
 *	 points ─► geography_point, for later runs
 *
 * A median is selected, not sorted for. Points that repeat another in every
 * column have the same fingerprint.
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "star/build.h"
#include "star/key_map.h"
#include "star/name.h"
#include "star/points.h"
#include "star/reject.h"
#include "star/seeds.h"
#include "star/share.h"
#include "star/tables.h"
#include "star/votes.h"
#include "utils/builtins.h"
#include "utils/float.h"
#include "utils/memutils.h"

/* the mainland's bounding box: points outside of it are outliers */
#define LAT_MIN (-33.75116944)
#define LAT_MAX 5.27438888
#define LNG_MIN (-73.98283055)
#define LNG_MAX (-34.79314722)

enum
{
	GEO_KEY,
	GEO_ZIP,
	GEO_CITY,
	GEO_STATE,
	GEO_REGION,
	GEO_LATITUDE,
	GEO_LONGITUDE,
	GEO_POINT_COUNT,
	GEO_OUTLIER_COUNT,
	GEO_REPEAT_COUNT,
	GEO_SPELLING_COUNT,
	GEO_STATE_COUNT
};

const OlistTable olist_dim_geography = {
	.name = "dim_geography",
	.comment = "A zip prefix, the first five digits of a zip code, seen in any file",
	.columns =
		(const OlistColumn[]){
			{"geography_key", "bigint NOT NULL", "Surrogate key; -1 is unknown"},
			{"zip_code_prefix", OLIST_ID_TYPE, "Text, with leading zeros"},
			{"city", "text",
			 "The most frequent normalised name among the prefix's points; among its customers "
			 "and sellers where it has no point"},
			{"state", "text", "The most frequent state, likewise"},
			{"region", "text", "N, NE, CO, SE or S"},
			{"latitude", "double precision",
			 "Median of the points inside Brazil; NULL if there are none"},
			{"longitude", "double precision",
			 "Median of the points inside Brazil; NULL if there are none"},
			{"point_count", "integer NOT NULL", "Points of the prefix, outliers included"},
			{"outlier_count", "integer NOT NULL", "Those outside Brazil's bounding box"},
			{"repeat_count", "integer NOT NULL", "Those that repeat another one in every column"},
			{"spelling_count", "integer NOT NULL",
			 "Names of the city among its points, as they are spelled in the source"},
			{"state_count", "integer NOT NULL", "States among its points"},
			{0}},
	.key = "geography_key",
	.primary_key = (const char *const[]){"geography_key", NULL},
	.unique = "zip_code_prefix",
	.indexes = (const char *const[]){"state", NULL},
	.scope = "prior_dim_geography",
	.scope_column = "geography_key",
};

/* what one share of the prefixes needs */
typedef struct Gathered
{
	OlistBuild *build;		 /* dim_geography */
	OlistBuild *point_build; /* geography_point */
	bool has_row_without_zip;
	OlistKeyMap *zips;
	bool is_closed; /* in a merge: no zip prefix may join those that it touches */
	bool *is_seen;	/* by prefix: in any row */
	uint32 seen_capacity;
	OlistPoints *points;

	OlistKeyMap *spellings;	  /* city names as they stand in the files */
	uint32 *city_of_spelling; /* number of the normalised name, or OLIST_NO_KEY */
	uint32 spelling_capacity;
	OlistKeyMap *names;			 /* normalised cities, and states */
	OlistVotes *point_spellings; /* votes of points */
	OlistVotes *cities;
	OlistVotes *states;
	OlistKeyMap *residents;		 /* customers and sellers that have voted */
	OlistVotes *resident_cities; /* their votes, for prefixes without points */
	OlistVotes *resident_states;
} Gathered;

/* the number of the row's prefix; OLIST_NO_KEY if it is not for this share, or merge */
static uint32
find_prefix(Gathered *g, OlistScan *scan, OlistKeyShare share)
{
	OlistKey key;
	int len;
	const char *zip = olist_scan_text(scan, 0, &len);
	uint32 n;

	if (zip == NULL)
		return OLIST_NO_KEY;
	olist_key_set(&key, zip, len);
	if (!olist_key_in_share(&key, share))
		return OLIST_NO_KEY;
	n = g->is_closed ? olist_key_map_find(g->zips, &key) : olist_key_map_add(g->zips, &key);
	if (n != OLIST_NO_KEY)
	{
		g->is_seen = olist_array_reserve(g->is_seen, &g->seen_capacity, n, sizeof(bool));
		g->is_seen[n] = true;
	}
	return n;
}

/* the number of a city's name as it is spelled; city_of_spelling has its normalised name's */
static uint32
city_spelling(Gathered *g, const char *spelling, int len)
{
	OlistKey key;
	uint32 known = olist_key_map_count(g->spellings);
	uint32 n;

	olist_key_set(&key, spelling, len);
	n = olist_key_map_add(g->spellings, &key);
	if (n == known)
	{
		char *name = olist_normalize_name(spelling, len);

		olist_key_set(&key, name, strlen(name));
		g->city_of_spelling =
			olist_array_reserve(g->city_of_spelling, &g->spelling_capacity, n, sizeof(uint32));
		g->city_of_spelling[n] = name[0] == '\0' ? OLIST_NO_KEY : olist_key_map_add(g->names, &key);
		pfree(name);
	}
	return n;
}

/* a city's and a state's names, either of which may be NULL, as numbers */
static OlistPlaceName
place_name(Gathered *g, const char *city, int city_len, const char *state, int state_len)
{
	OlistPlaceName name = {OLIST_NO_KEY, OLIST_NO_KEY};

	if (city != NULL)
		name.spelling = city_spelling(g, city, city_len);
	if (state != NULL && state_len > 0)
	{
		OlistKey key;

		olist_key_set(&key, state, state_len);
		name.state = olist_key_map_add(g->names, &key);
	}
	return name;
}

/* the names in two neighbouring columns of the row */
static OlistPlaceName
scanned_name(Gathered *g, OlistScan *scan, int column)
{
	int city_len;
	int state_len;
	const char *city = olist_scan_text(scan, column, &city_len);
	const char *state = olist_scan_text(scan, column + 1, &state_len);

	return place_name(g, city, city_len, state, state_len);
}

/* one vote for the prefix's city and state */
static void
vote(Gathered *g, uint32 prefix, OlistPlaceName name, OlistVotes *cities, OlistVotes *states)
{
	if (name.spelling != OLIST_NO_KEY && g->city_of_spelling[name.spelling] != OLIST_NO_KEY)
		olist_votes_add(cities, prefix, g->city_of_spelling[name.spelling]);
	if (name.state != OLIST_NO_KEY)
		olist_votes_add(states, prefix, name.state);
}

static void
add_point(Gathered *g, uint32 prefix, int64 object_id, double latitude, double longitude,
		  OlistPlaceName name, bool is_prior)
{
	vote(g, prefix, name, g->cities, g->states);
	if (name.spelling != OLIST_NO_KEY)
		olist_votes_add(g->point_spellings, prefix, name.spelling);
	olist_points_add(g->points, prefix, object_id, latitude, longitude, name, is_prior);
}

/* read the points; false if they are too many for this share */
static bool
gather_points(Gathered *g, OlistKeyShare share)
{
	static const OlistScanColumn columns[] = {{"geolocation_zip_code_prefix", TEXTOID},
											  {"geolocation_city", TEXTOID},
											  {"geolocation_state", TEXTOID},
											  {"geolocation_lat", FLOAT8OID},
											  {"geolocation_lng", FLOAT8OID},
											  {"_object_id", INT8OID},
											  {NULL, InvalidOid}};
	OlistScan *scan = olist_scan_entity("geolocation", columns);
	bool full = false;

	while (!full && olist_scan_next(scan))
	{
		uint32 prefix = find_prefix(g, scan, share);

		g->has_row_without_zip |= scan->isnull[0];
		if (prefix == OLIST_NO_KEY)
			continue;
		add_point(g, prefix, DatumGetInt64(scan->values[5]),
				  scan->isnull[3] ? get_float8_nan() : DatumGetFloat8(scan->values[3]),
				  scan->isnull[4] ? get_float8_nan() : DatumGetFloat8(scan->values[4]),
				  scanned_name(g, scan, 1), false);
		full = (scan->row & 1023) == 0 && olist_share_is_full(share);
	}
	olist_scan_end(scan);
	return !full;
}

/* the names of a place that a row of geography_point holds */
static OlistPlaceName
prior_name(Gathered *g, const OlistPointRow *row, int place)
{
	text *city = row->no_city[place] ? NULL : DatumGetTextPP(row->cities[place]);
	text *state = row->no_state[place] ? NULL : DatumGetTextPP(row->states[place]);

	return place_name(g, city ? VARDATA_ANY(city) : NULL, city ? VARSIZE_ANY_EXHDR(city) : 0,
					  state ? VARDATA_ANY(state) : NULL, state ? VARSIZE_ANY_EXHDR(state) : 0);
}

static void
add_prior_points(Gathered *g, uint32 prefix, const OlistPointRow *row)
{
	OlistPlaceName *names = palloc(Max(row->nplaces, 1) * sizeof(OlistPlaceName));

	for (int i = 0; i < row->nplaces; i++)
		names[i] = prior_name(g, row, i);
	for (int i = 0; i < row->count; i++)
		add_point(g, prefix, row->object_id, row->latitude[i], row->longitude[i],
				  names[row->place[i] - 1], true);
	pfree(names);
}

/* in a merge, read the points that the warehouse knows of the prefixes that it touches */
static bool
gather_prior_points(Gathered *g, OlistKeyShare share)
{
	OlistScan *scan;
	MemoryContext row_context;
	bool full = false;

	if (!olist_is_merge())
		return true;
	row_context =
		AllocSetContextCreate(CurrentMemoryContext, "olist_etl point row", ALLOCSET_DEFAULT_SIZES);
	scan = olist_scan_warehouse(olist_geography_point.name, olist_geography_point_columns);
	while (!full && olist_scan_next(scan))
	{
		uint32 prefix = find_prefix(g, scan, share);
		MemoryContext old = MemoryContextSwitchTo(row_context);
		OlistPointRow row;

		if (prefix != OLIST_NO_KEY)
			olist_points_read(scan, &row);
		MemoryContextSwitchTo(old);
		if (prefix != OLIST_NO_KEY)
			add_prior_points(g, prefix, &row);
		MemoryContextReset(row_context);
		full = olist_share_is_full(share);
	}
	olist_scan_end(scan);
	MemoryContextDelete(row_context);
	return !full;
}

/* has a customer or seller voted with these names already? Files may repeat them */
static bool
has_voted(Gathered *g, OlistScan *scan, uint32 prefix, OlistPlaceName name)
{
	struct
	{
		uint64 who;
		uint32 prefix;
		OlistPlaceName name;
	} ballot;
	OlistKey key;
	int len;
	const char *who = olist_scan_text(scan, 3, &len);
	uint32 known = olist_key_map_count(g->residents);

	memset(&ballot, 0, sizeof(ballot));
	if (who != NULL)
	{
		olist_key_set(&key, who, len);
		ballot.who = key.hash;
	}
	ballot.prefix = prefix;
	ballot.name = name;
	olist_key_set(&key, (const char *) &ballot, sizeof(ballot));
	return olist_key_map_add(g->residents, &key) < known;
}

/* read who lives where; false if there are too many prefixes for this share */
static bool
gather_residents(Gathered *g, OlistKeyShare share, OlistScan *scan)
{
	bool full = false;

	while (scan != NULL && !full && olist_scan_next(scan))
	{
		uint32 prefix = find_prefix(g, scan, share);

		/* where there are points they alone vote */
		if (prefix != OLIST_NO_KEY && !olist_points_exist(g->points, prefix))
		{
			OlistPlaceName name = scanned_name(g, scan, 1);

			if (!has_voted(g, scan, prefix, name))
				vote(g, prefix, name, g->resident_cities, g->resident_states);
		}
		full = (scan->row & 1023) == 0 && olist_share_is_full(share);
	}
	if (scan != NULL)
		olist_scan_end(scan);
	return !full;
}

#define ST_SORT sort_fingerprints
#define ST_ELEMENT_TYPE uint64
#define ST_COMPARE(a, b) ((*(a) > *(b)) - (*(a) < *(b)))
#define ST_SCOPE static
#define ST_DECLARE
#define ST_DEFINE
#include "lib/sort_template.h"

static uint64
bits(double number)
{
	uint64 result;

	memcpy(&result, &number, sizeof(result));
	return result;
}

/* how many of a prefix's points repeat another one in every column */
static uint32
count_repeats(const OlistPointRange *points)
{
	uint64 *fingerprints = palloc_extended(Max(points->count, 1) * sizeof(uint64), MCXT_ALLOC_HUGE);
	uint32 repeats = 0;

	for (uint32 i = 0; i < points->count; i++)
		fingerprints[i] =
			olist_mix(olist_mix(points->name[i] + olist_mix(bits(points->latitude[i]))) +
					  bits(points->longitude[i]));
	sort_fingerprints(fingerprints, points->count);
	for (uint32 i = 1; i < points->count; i++)
		repeats += fingerprints[i] == fingerprints[i - 1];
	pfree(fingerprints);
	return repeats;
}

static inline void
swap_doubles(double *a, double *b)
{
	double tmp = *a;

	*a = *b;
	*b = tmp;
}

/* move a prefix's points inside Brazil before the others; returns how many they are */
static uint32
gather_inside(OlistPointRange *points)
{
	double *lat = points->latitude;
	double *lng = points->longitude;
	uint32 inside = 0;

	for (uint32 i = 0; i < points->count; i++)
	{
		/* a missing coordinate is not inside: it compares as false */
		if (lat[i] >= LAT_MIN && lat[i] <= LAT_MAX && lng[i] >= LNG_MIN && lng[i] <= LNG_MAX)
		{
			swap_doubles(&lat[inside], &lat[i]);
			swap_doubles(&lng[inside++], &lng[i]);
		}
	}
	return inside;
}

/*
 * Reorder so that element k is where sorting would put it, nothing greater
 * before it and nothing smaller behind it (Hoare's selection).
 */
static void
select_nth(double *a, uint32 n, uint32 k)
{
	int64 lo = 0;
	int64 hi = (int64) n - 1;

	while (lo < hi)
	{
		double pivot = a[lo + (hi - lo) / 2];
		int64 i = lo;
		int64 j = hi;

		while (i <= j)
		{
			while (a[i] < pivot)
				i++;
			while (a[j] > pivot)
				j--;
			if (i <= j)
				swap_doubles(&a[i++], &a[j--]);
		}
		if (k <= j)
			hi = j;
		else if (k >= i)
			lo = i;
		else
			return;
	}
}

/* the median of n > 0 numbers, as percentile_cont(0.5) gives it; reorders them */
static double
median(double *a, uint32 n)
{
	double upper;
	double lower;

	select_nth(a, n, n / 2);
	upper = a[n / 2];
	if (n % 2 == 1)
		return upper;
	lower = a[0];
	for (uint32 i = 1; i < n / 2; i++)
		lower = Max(lower, a[i]);
	return lower + 0.5 * (upper - lower);
}

static void
set_text(OlistBuild *build, int column, const OlistKeyMap *map, uint32 n)
{
	char buf[OLIST_KEY_BUF];
	int len;
	const char *text;

	if (n == OLIST_NO_KEY)
		return;
	text = olist_key_map_text(map, n, buf, &len);
	olist_build_set_text(build, column, text, len);
}

static uint32
elected(const OlistVotes *by_points, const OlistVotes *by_residents, uint32 prefix)
{
	uint32 winner = olist_votes_winner(by_points, prefix);

	return winner != OLIST_NO_KEY ? winner : olist_votes_winner(by_residents, prefix);
}

static void
put_points(Gathered *g, uint32 n)
{
	char buf[OLIST_KEY_BUF];
	int len;
	const char *zip = olist_key_map_text(g->zips, n, buf, &len);

	olist_points_put(g->points, n, zip, len, g->point_build);
}

static void
put_prefix(Gathered *g, OlistSeeds *seeds, uint32 n)
{
	OlistBuild *build = g->build;
	OlistPointRange points = olist_points_of(g->points, n);
	uint32 repeats = count_repeats(&points);
	uint32 inside = gather_inside(&points);
	int64 key;

	olist_seeds_assign(seeds, n, 1, NULL, &key);
	olist_build_set(build, GEO_KEY, Int64GetDatum(key != 0 ? key : build->next_key++));
	set_text(build, GEO_ZIP, g->zips, n);
	set_text(build, GEO_CITY, g->names, elected(g->cities, g->resident_cities, n));
	set_text(build, GEO_STATE, g->names, elected(g->states, g->resident_states, n));
	olist_build_set_region(build, GEO_REGION, GEO_STATE);
	if (inside > 0)
	{
		olist_build_set(build, GEO_LATITUDE, Float8GetDatum(median(points.latitude, inside)));
		olist_build_set(build, GEO_LONGITUDE, Float8GetDatum(median(points.longitude, inside)));
	}
	olist_build_set(build, GEO_POINT_COUNT, UInt32GetDatum(points.count));
	olist_build_set(build, GEO_OUTLIER_COUNT, UInt32GetDatum(points.count - inside));
	olist_build_set(build, GEO_REPEAT_COUNT, UInt32GetDatum(repeats));
	olist_build_set(build, GEO_SPELLING_COUNT,
					UInt32GetDatum(olist_votes_names(g->point_spellings, n)));
	olist_build_set(build, GEO_STATE_COUNT, UInt32GetDatum(olist_votes_names(g->states, n)));
	olist_build_put(build);
}

/* points without a zip prefix belong to no place */
static void
reject_points_without_zip(void)
{
	static const OlistScanColumn columns[] = {{"geolocation_zip_code_prefix", TEXTOID},
											  {NULL, InvalidOid}};
	OlistScan *scan = olist_scan_entity("geolocation", columns);

	while (olist_scan_next(scan))
	{
		if (scan->isnull[0])
			olist_reject(scan, OLIST_REJECT_NO_KEY, columns[0].name);
	}
	olist_scan_end(scan);
}

/* in a merge, who lives where, of the prefixes that it touches */
static OlistScan *
scan_prior_residents(void)
{
	static const OlistScanColumn columns[] = {{"zip_code_prefix", TEXTOID},
											  {"city", TEXTOID},
											  {"state", TEXTOID},
											  {"id", TEXTOID},
											  {NULL, InvalidOid}};

	return olist_is_merge() ? olist_scan_begin(OLIST_BUILD_SCHEMA, "prior_resident", columns)
							: NULL;
}

/* in a merge, the prefixes that it touches are known beforehand */
static void
gather_touched(Gathered *g, OlistKeyShare share)
{
	static const OlistScanColumn columns[] = {{"zip_code_prefix", TEXTOID}, {NULL, InvalidOid}};
	OlistScan *scan = olist_scan_warehouse(olist_dim_geography.name, columns);

	while (olist_scan_next(scan))
		(void) find_prefix(g, scan, share);
	olist_scan_end(scan);
	memset(g->is_seen, 0, g->seen_capacity);
	g->is_closed = true;
}

static bool
gather(Gathered *g, OlistKeyShare share)
{
	static const OlistScanColumn customer_columns[] = {{"customer_zip_code_prefix", TEXTOID},
													   {"customer_city", TEXTOID},
													   {"customer_state", TEXTOID},
													   {"customer_id", TEXTOID},
													   {NULL, InvalidOid}};
	static const OlistScanColumn seller_columns[] = {{"seller_zip_code_prefix", TEXTOID},
													 {"seller_city", TEXTOID},
													 {"seller_state", TEXTOID},
													 {"seller_id", TEXTOID},
													 {NULL, InvalidOid}};

	if (olist_is_merge())
		gather_touched(g, share);
	return gather_points(g, share) && gather_prior_points(g, share) &&
		   gather_residents(g, share, olist_scan_entity("customers", customer_columns)) &&
		   gather_residents(g, share, olist_scan_entity("sellers", seller_columns)) &&
		   gather_residents(g, share, scan_prior_residents());
}

static bool
build_share(OlistKeyShare share, void *arg)
{
	const Gathered *task = arg;
	Gathered g = {.build = task->build, .point_build = task->point_build};
	OlistSeeds *seeds;

	g.zips = olist_key_map_create(256);
	g.spellings = olist_key_map_create(256);
	g.names = olist_key_map_create(256);
	g.residents = olist_key_map_create(256);
	g.points = olist_points_create(g.spellings, g.names);
	g.point_spellings = olist_votes_create(g.spellings);
	g.cities = olist_votes_create(g.names);
	g.states = olist_votes_create(g.names);
	g.resident_cities = olist_votes_create(g.names);
	g.resident_states = olist_votes_create(g.names);
	if (!gather(&g, share))
		return false;
	olist_points_group(g.points, olist_key_map_count(g.zips));
	olist_votes_decide(g.cities);
	olist_votes_decide(g.states);
	olist_votes_decide(g.resident_cities);
	olist_votes_decide(g.resident_states);
	seeds = olist_seeds_load(&olist_dim_geography, "zip_code_prefix", g.zips, false);
	for (uint32 n = 0; n < olist_key_map_count(g.zips); n++)
	{
		if (!g.is_seen[n])
			continue;
		put_points(&g, n);
		put_prefix(&g, seeds, n);
	}
	/* every row is of some share; the first one alone speaks for those of none */
	if (g.has_row_without_zip && share.index == 0)
		reject_points_without_zip();
	return true;
}

static void
put_unknown(OlistBuild *build)
{
	olist_build_set(build, GEO_KEY, Int64GetDatum(OLIST_UNKNOWN_KEY));
	olist_build_set_text(build, GEO_ZIP, "unknown", strlen("unknown"));
	olist_build_set(build, GEO_POINT_COUNT, Int32GetDatum(0));
	olist_build_set(build, GEO_OUTLIER_COUNT, Int32GetDatum(0));
	olist_build_set(build, GEO_REPEAT_COUNT, Int32GetDatum(0));
	olist_build_set(build, GEO_SPELLING_COUNT, Int32GetDatum(0));
	olist_build_set(build, GEO_STATE_COUNT, Int32GetDatum(0));
	olist_build_put(build);
}

PG_FUNCTION_INFO_V1(olist_etl_build_dim_geography);

/* build_dim_geography(jsonb) returns jsonb */
Datum
olist_etl_build_dim_geography(PG_FUNCTION_ARGS)
{
	Gathered task = {0};

	olist_task_begin(&olist_dim_geography);
	task.build = olist_build_begin(&olist_dim_geography);
	task.point_build = olist_build_begin(&olist_geography_point);
	put_unknown(task.build);
	olist_share_run(build_share, &task);
	(void) olist_build_end(task.point_build);
	return olist_task_end(&olist_dim_geography, olist_build_end(task.build));
}
