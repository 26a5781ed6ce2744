/*
 * sample/geolocation.h
 *		Which points belong to which zip prefix.
 */
#ifndef OLIST_SAMPLE_GEOLOCATION_H
#define OLIST_SAMPLE_GEOLOCATION_H

#include "sample/rows.h"

/*
 * Share the plan's points out over the prefixes. The map has at most some
 * 19,000 entries at any scale; palloc'd in the current memory context.
 */
extern void olist_sample_map_init(OlistSampleMap *map, const OlistSamplePlan *plan);

#endif /* OLIST_SAMPLE_GEOLOCATION_H */
