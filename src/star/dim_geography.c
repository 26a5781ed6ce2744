/*
 * star/dim_geography.c
 *		dim_geography: a zip prefix seen in any file.
 *
 *	 staging.geolocation ─► points ─► grouped in place ─► repeats, medians ──────┐
 *						└─► votes for city and state ────────────────────────────┤
 *	 staging.customers, sellers ─► prefixes without a point, and their votes ────┴─► rows
 *
 * A point takes 28 bytes in memory: points are moved to their prefix's stretch
 * of the arrays by swapping along cycles, and a median is selected, not sorted
 * for. Points that repeat another in every column have the same fingerprint.
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "star/build.h"
#include "star/key_map.h"
#include "star/name.h"
#include "star/reject.h"
#include "star/seeds.h"
#include "star/share.h"
#include "star/tables.h"
#include "star/votes.h"
#include "utils/builtins.h"
#include "utils/float.h"

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
};

/* a prefix's points stand from start in the arrays of points */
typedef struct Prefix
{
	uint32 point_count;
	uint32 start;
	uint32 filled; /* while points are moved */
} Prefix;

/* what one share of the prefixes needs */
typedef struct Gathered
{
	OlistBuild *build;
	bool has_row_without_zip;
	OlistKeyMap *zips;
	Prefix *prefixes;
	uint32 prefix_capacity;

	uint32 *point_prefix; /* the points; a missing coordinate is NaN */
	double *lat;
	double *lng;
	uint64 *fingerprint; /* of all columns but the prefix */
	uint32 npoints;
	uint32 prefix_of_point_capacity;
	uint32 lat_capacity;
	uint32 lng_capacity;
	uint32 fingerprint_capacity;

	OlistKeyMap *spellings; /* city names as they stand in the files */
	uint32 *city_of_spelling;
	uint32 spelling_capacity;
	OlistKeyMap *names;			  /* normalised cities, and states */
	OlistVotes *points_spellings; /* votes of points */
	OlistVotes *cities;
	OlistVotes *states;
	OlistVotes *resident_cities; /* votes of customers and sellers */
	OlistVotes *resident_states;
} Gathered;

static uint32
find_prefix(Gathered *g, OlistScan *scan, int column, OlistKeyShare share)
{
	OlistKey key;
	int len;
	const char *zip = olist_scan_text(scan, column, &len);
	uint32 n;

	if (zip == NULL)
		return OLIST_NO_KEY;
	olist_key_set(&key, zip, len);
	if (!olist_key_in_share(&key, share))
		return OLIST_NO_KEY;
	n = olist_key_map_add(g->zips, &key);
	g->prefixes = olist_array_reserve(g->prefixes, &g->prefix_capacity, n, sizeof(Prefix));
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

/* a row's city and state, as numbers in spellings and in names; OLIST_NO_KEY: none */
typedef struct Place
{
	uint32 spelling;
	uint32 state;
} Place;

/* count the row's city and state as votes for the prefix */
static Place
vote(Gathered *g, OlistScan *scan, int column, uint32 prefix, OlistVotes *cities,
	 OlistVotes *states)
{
	Place place = {OLIST_NO_KEY, OLIST_NO_KEY};
	int len;
	const char *text = olist_scan_text(scan, column, &len);

	if (text != NULL)
	{
		place.spelling = city_spelling(g, text, len);
		if (g->city_of_spelling[place.spelling] != OLIST_NO_KEY)
			olist_votes_add(cities, prefix, g->city_of_spelling[place.spelling]);
	}
	text = olist_scan_text(scan, column + 1, &len);
	if (text != NULL && len > 0)
	{
		OlistKey key;

		olist_key_set(&key, text, len);
		place.state = olist_key_map_add(g->names, &key);
		olist_votes_add(states, prefix, place.state);
	}
	return place;
}

static uint64
bits(double number)
{
	uint64 result;

	memcpy(&result, &number, sizeof(result));
	return result;
}

static void
add_point(Gathered *g, uint32 prefix, double lat, double lng, Place place)
{
	uint32 n = g->npoints++;

	g->point_prefix =
		olist_array_reserve(g->point_prefix, &g->prefix_of_point_capacity, n, sizeof(uint32));
	g->lat = olist_array_reserve(g->lat, &g->lat_capacity, n, sizeof(double));
	g->lng = olist_array_reserve(g->lng, &g->lng_capacity, n, sizeof(double));
	g->fingerprint =
		olist_array_reserve(g->fingerprint, &g->fingerprint_capacity, n, sizeof(uint64));
	g->point_prefix[n] = prefix;
	g->lat[n] = lat;
	g->lng[n] = lng;
	g->fingerprint[n] =
		olist_mix(olist_mix(((uint64) place.spelling << 32 | place.state) + olist_mix(bits(lat))) +
				  bits(lng));
	g->prefixes[prefix].point_count++;
}

/* read the points; false if they are too many for this share */
static bool
gather_points(Gathered *g, OlistKeyShare share)
{
	static const OlistScanColumn columns[] = {
		{"geolocation_zip_code_prefix", TEXTOID}, {"geolocation_city", TEXTOID},
		{"geolocation_state", TEXTOID},			  {"geolocation_lat", FLOAT8OID},
		{"geolocation_lng", FLOAT8OID},			  {NULL, InvalidOid}};
	OlistScan *scan = olist_scan_begin(OLIST_STAGING_SCHEMA, "geolocation", columns);
	bool full = false;

	while (!full && olist_scan_next(scan))
	{
		double lat = scan->isnull[3] ? get_float8_nan() : DatumGetFloat8(scan->values[3]);
		double lng = scan->isnull[4] ? get_float8_nan() : DatumGetFloat8(scan->values[4]);
		uint32 prefix = find_prefix(g, scan, 0, share);
		Place place;

		g->has_row_without_zip |= scan->isnull[0];
		if (prefix == OLIST_NO_KEY)
			continue;
		place = vote(g, scan, 1, prefix, g->cities, g->states);
		if (place.spelling != OLIST_NO_KEY)
			olist_votes_add(g->points_spellings, prefix, place.spelling);
		add_point(g, prefix, lat, lng, place);
		full = (scan->row & 1023) == 0 && olist_share_is_full(share);
	}
	olist_scan_end(scan);
	return !full;
}

/* read who lives where; false if there are too many prefixes for this share */
static bool
gather_residents(Gathered *g, OlistKeyShare share, const char *table,
				 const OlistScanColumn *columns)
{
	OlistScan *scan = olist_scan_begin(OLIST_STAGING_SCHEMA, table, columns);
	bool full = false;

	while (!full && olist_scan_next(scan))
	{
		uint32 prefix = find_prefix(g, scan, 0, share);

		if (prefix != OLIST_NO_KEY)
			(void) vote(g, scan, 1, prefix, g->resident_cities, g->resident_states);
		full = (scan->row & 1023) == 0 && olist_share_is_full(share);
	}
	olist_scan_end(scan);
	return !full;
}

static inline void
swap_doubles(double *a, double *b)
{
	double tmp = *a;

	*a = *b;
	*b = tmp;
}

static inline void
swap_fingerprints(uint64 *a, uint64 *b)
{
	uint64 tmp = *a;

	*a = *b;
	*b = tmp;
}

/* move every point to its prefix's stretch, in place */
static void
group_points(Gathered *g)
{
	uint32 nprefixes = olist_key_map_count(g->zips);
	uint32 start = 0;

	for (uint32 p = 0; p < nprefixes; p++)
	{
		g->prefixes[p].start = g->prefixes[p].filled = start;
		start += g->prefixes[p].point_count;
	}
	for (uint32 p = 0; p < nprefixes; p++)
	{
		Prefix *prefix = &g->prefixes[p];

		while (prefix->filled < prefix->start + prefix->point_count)
		{
			uint32 here = prefix->filled;
			uint32 owner = g->point_prefix[here];
			uint32 there = g->prefixes[owner].filled++;

			if (there == here)
				continue;
			g->point_prefix[here] = g->point_prefix[there];
			g->point_prefix[there] = owner;
			swap_doubles(&g->lat[here], &g->lat[there]);
			swap_doubles(&g->lng[here], &g->lng[there]);
			swap_fingerprints(&g->fingerprint[here], &g->fingerprint[there]);
		}
		CHECK_FOR_INTERRUPTS();
	}
}

#define ST_SORT sort_fingerprints
#define ST_ELEMENT_TYPE uint64
#define ST_COMPARE(a, b) ((*(a) > *(b)) - (*(a) < *(b)))
#define ST_SCOPE static
#define ST_DECLARE
#define ST_DEFINE
#include "lib/sort_template.h"

/* how many of a prefix's points repeat another one; reorders their fingerprints */
static uint32
count_repeats(Gathered *g, const Prefix *prefix)
{
	uint64 *fingerprints = g->fingerprint + prefix->start;
	uint32 repeats = 0;

	sort_fingerprints(fingerprints, prefix->point_count);
	for (uint32 i = 1; i < prefix->point_count; i++)
		repeats += fingerprints[i] == fingerprints[i - 1];
	return repeats;
}

/* move a prefix's points inside Brazil before the others; returns how many they are */
static uint32
gather_inside(Gathered *g, const Prefix *prefix)
{
	double *lat = g->lat + prefix->start;
	double *lng = g->lng + prefix->start;
	uint32 inside = 0;

	for (uint32 i = 0; i < prefix->point_count; i++)
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
put_prefix(Gathered *g, OlistSeeds *seeds, uint32 n)
{
	OlistBuild *build = g->build;
	const Prefix *prefix = &g->prefixes[n];
	uint32 inside = gather_inside(g, prefix);
	int64 key;

	olist_seeds_assign(seeds, n, 1, NULL, &key);
	olist_build_set(build, GEO_KEY, Int64GetDatum(key != 0 ? key : build->next_key++));
	set_text(build, GEO_ZIP, g->zips, n);
	set_text(build, GEO_CITY, g->names, elected(g->cities, g->resident_cities, n));
	set_text(build, GEO_STATE, g->names, elected(g->states, g->resident_states, n));
	olist_build_set_region(build, GEO_REGION, GEO_STATE);
	if (inside > 0)
	{
		olist_build_set(build, GEO_LATITUDE,
						Float8GetDatum(median(g->lat + prefix->start, inside)));
		olist_build_set(build, GEO_LONGITUDE,
						Float8GetDatum(median(g->lng + prefix->start, inside)));
	}
	olist_build_set(build, GEO_POINT_COUNT, UInt32GetDatum(prefix->point_count));
	olist_build_set(build, GEO_OUTLIER_COUNT, UInt32GetDatum(prefix->point_count - inside));
	olist_build_set(build, GEO_REPEAT_COUNT, UInt32GetDatum(count_repeats(g, prefix)));
	olist_build_set(build, GEO_SPELLING_COUNT,
					UInt32GetDatum(olist_votes_names(g->points_spellings, n)));
	olist_build_set(build, GEO_STATE_COUNT, UInt32GetDatum(olist_votes_names(g->states, n)));
	olist_build_put(build);
}

/* points without a zip prefix belong to no place */
static void
reject_points_without_zip(void)
{
	static const OlistScanColumn columns[] = {{"geolocation_zip_code_prefix", TEXTOID},
											  {NULL, InvalidOid}};
	OlistScan *scan = olist_scan_begin(OLIST_STAGING_SCHEMA, "geolocation", columns);

	while (olist_scan_next(scan))
	{
		if (scan->isnull[0])
			olist_reject(scan, OLIST_REJECT_NO_KEY, columns[0].name);
	}
	olist_scan_end(scan);
}

static bool
build_share(OlistKeyShare share, void *arg)
{
	static const OlistScanColumn customer_columns[] = {{"customer_zip_code_prefix", TEXTOID},
													   {"customer_city", TEXTOID},
													   {"customer_state", TEXTOID},
													   {NULL, InvalidOid}};
	static const OlistScanColumn seller_columns[] = {{"seller_zip_code_prefix", TEXTOID},
													 {"seller_city", TEXTOID},
													 {"seller_state", TEXTOID},
													 {NULL, InvalidOid}};
	Gathered g = {.build = arg};
	OlistSeeds *seeds;

	g.zips = olist_key_map_create(256);
	g.spellings = olist_key_map_create(256);
	g.names = olist_key_map_create(256);
	g.points_spellings = olist_votes_create(g.spellings);
	g.cities = olist_votes_create(g.names);
	g.states = olist_votes_create(g.names);
	g.resident_cities = olist_votes_create(g.names);
	g.resident_states = olist_votes_create(g.names);
	if (!gather_points(&g, share) || !gather_residents(&g, share, "customers", customer_columns) ||
		!gather_residents(&g, share, "sellers", seller_columns))
		return false;
	group_points(&g);
	olist_votes_decide(g.cities);
	olist_votes_decide(g.states);
	olist_votes_decide(g.resident_cities);
	olist_votes_decide(g.resident_states);
	seeds = olist_seeds_load(&olist_dim_geography, "zip_code_prefix", g.zips, false);
	for (uint32 n = 0; n < olist_key_map_count(g.zips); n++)
		put_prefix(&g, seeds, n);
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
	OlistBuild *build;

	olist_task_begin(&olist_dim_geography);
	build = olist_build_begin(&olist_dim_geography);
	put_unknown(build);
	olist_share_run(build_share, build);
	return olist_task_end(&olist_dim_geography, olist_build_end(build));
}
