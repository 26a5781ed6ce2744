/*
 * star/lookup.h
 *		What facts look up in the dimensions that were built before them.
 */
#ifndef OLIST_LOOKUP_H
#define OLIST_LOOKUP_H

#include "datatype/timestamp.h"
#include "star/key_map.h"
#include "star/scan.h"

/* a zip prefix, as dim_geography has it */
typedef struct OlistPlace
{
	int64 key;
	double latitude; /* valid if is_located */
	double longitude;
	bool is_located;
} OlistPlace;

/* zip prefixes by text and by key; read once, in the current memory context */
typedef struct OlistPlaces OlistPlaces;

extern OlistPlaces *olist_places_load(void);

/* the place of a zip prefix; for NULL or an unknown one, the place of key -1 */
extern const OlistPlace *olist_places_by_zip(const OlistPlaces *places, const char *zip, int len);

/* the place with this geography_key, likewise */
extern const OlistPlace *olist_places_by_key(const OlistPlaces *places, int64 key);

/* kilometres between two places on the great circle; false if one is not located */
extern bool olist_places_distance(const OlistPlace *a, const OlistPlace *b, double *km);

/* a version of a member of a dimension */
typedef struct OlistMember
{
	int64 key;
	Timestamp valid_from;
	int64 geography_key; /* where the dimension has one */
	uint32 next;		 /* the version before this one */
} OlistMember;

/* the members of a dimension with versions, by natural key */
typedef struct OlistMembers OlistMembers;

/* has_place says that the dimension has a geography_key */
extern OlistMembers *olist_members_load(const char *dimension, const char *natural_key,
										const char *surrogate_key, bool has_place);

/*
 * The version in force at this time of the member that the row's text column
 * names; for NULL, the unknown member.
 */
extern const OlistMember *
olist_members_find(const OlistMembers *members, OlistScan *scan, int column, Timestamp at);

/* yyyymmdd of a timestamp; -1 where dim_date can have no such day */
extern int32 olist_date_key(Timestamp at);

#endif /* OLIST_LOOKUP_H */
