/*
 * star/points.h
 *		The points of zip prefixes, in memory and as rows of geography_point.
 */
#ifndef OLIST_POINTS_H
#define OLIST_POINTS_H

#include "star/build.h"
#include "star/key_map.h"
#include "star/tables.h"

/* what a point says of its place: numbers in two maps, OLIST_NO_KEY for nothing */
typedef struct OlistPlaceName
{
	uint32 spelling; /* of the city, as it stands in the file */
	uint32 state;
} OlistPlaceName;

/* the points of one prefix, after olist_points_group() */
typedef struct OlistPointRange
{
	double *latitude; /* NaN if missing; may be reordered together */
	double *longitude;
	uint32 *name; /* number of the place's name; points that agree in it agree in both parts */
	uint32 count;
} OlistPointRange;

typedef struct OlistPoints OlistPoints;

/* the maps that OlistPlaceName's numbers are of */
extern OlistPoints *olist_points_create(const OlistKeyMap *spellings, const OlistKeyMap *states);

/*
 * Add a point to prefix number 0, 1, 2, …; is_prior: it was read from
 * geography_point. All points of a prefix and object are either so or not.
 */
extern void olist_points_add(OlistPoints *points, uint32 prefix, int64 object_id, double latitude,
							 double longitude, OlistPlaceName name, bool is_prior);

/* has the prefix a point? */
extern bool olist_points_exist(const OlistPoints *points, uint32 prefix);

/* bring together the points of each of so many prefixes; no point may be added after */
extern void olist_points_group(OlistPoints *points, uint32 nprefixes);

extern OlistPointRange olist_points_of(OlistPoints *points, uint32 prefix);

/*
 * Write the prefix's rows of geography_point that are not there yet, one for
 * each object, so that a later run can find the median again; before its range
 * is reordered.
 */
extern void
olist_points_put(OlistPoints *points, uint32 prefix, const char *zip, int len, OlistBuild *build);

/* such a row, read back */
typedef struct OlistPointRow
{
	int64 object_id;
	int count;
	const double *latitude;
	const double *longitude;
	const int32 *place; /* 1 is the first of the places */
	int nplaces;
	Datum *cities; /* text */
	bool *no_city;
	Datum *states;
	bool *no_state;
} OlistPointRow;

/* the columns to scan geography_point with; the first is the prefix */
extern const OlistScanColumn olist_geography_point_columns[];

/* the row at which the scan stands; palloc'd in the current memory context */
extern void olist_points_read(OlistScan *scan, OlistPointRow *row);

#endif /* OLIST_POINTS_H */
