/*
 * sample/place.h
 *		States, zip prefixes and cities, and where a customer or a seller lives.
 */
#ifndef OLIST_SAMPLE_PLACE_H
#define OLIST_SAMPLE_PLACE_H

#include "sample/plan.h"

#define OLIST_SAMPLE_STATES 27

/* room for any city name that is made here, with its ornaments */
#define OLIST_SAMPLE_CITY_BYTES 128

typedef struct OlistSampleState
{
	const char *uf;
	const char *name;
	const char *capital;
	int zip_first; /* the range of the prefixes' five digits */
	int zip_last;
	uint16 prefixes; /* at scale 1 */
	uint16 cities;
	uint16 customers; /* weights */
	uint16 sellers;
	int16 capital_lat; /* hundredths of a degree */
	int16 capital_lng;
	int16 south, north, west, east; /* a rectangle well inside the state */
	uint16 distance;				/* percent of the days and freight of SP */
} OlistSampleState;

extern const OlistSampleState olist_sample_states[OLIST_SAMPLE_STATES];

/* the state that a prefix (a number, 0 … prefixes-1) lies in */
extern int olist_sample_prefix_state(const OlistSamplePlan *plan, uint32 prefix);

/* the five digits of a prefix */
extern int olist_sample_prefix_zip(const OlistSamplePlan *plan, uint32 prefix);

/* does the geolocation file lack this prefix? */
extern bool olist_sample_prefix_is_dark(const OlistSamplePlan *plan, uint32 prefix);

/* the i-th of count prefixes with points that are spread evenly over all */
extern uint32 olist_sample_spread_prefix(const OlistSamplePlan *plan, uint32 i, uint32 count);

/*
 * The name of a prefix's city in UTF-8, with its accents, into out, not
 * terminated; returns its length.
 */
extern int olist_sample_city(const OlistSamplePlan *plan, uint32 prefix, char *out);

/* take the accents off len bytes of text, in place; returns the new length */
extern int olist_sample_strip_accents(char *text, int len);

/* a prefix's middle in units of 10^-15 degree */
extern void
olist_sample_prefix_middle(const OlistSamplePlan *plan, uint32 prefix, int64 *lat, int64 *lng);

/* where a person lives; version counts the removals */
extern uint32 olist_sample_home(const OlistSamplePlan *plan, uint64 person, int version);

/* where the person lives who placed the d-th order from the end of the singles */
extern uint32 olist_sample_dark_home(const OlistSamplePlan *plan, uint32 d);

extern uint32 olist_sample_seller_home(const OlistSamplePlan *plan, uint64 seller);

#endif /* OLIST_SAMPLE_PLACE_H */
