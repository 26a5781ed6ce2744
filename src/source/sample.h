/*
 * source/sample.h
 *		The generated data set as objects: sample://…
 */
#ifndef OLIST_SAMPLE_SOURCE_H
#define OLIST_SAMPLE_SOURCE_H

#include "source/listing.h"
#include "source/stream.h"

/* Open one object of the generated data set by its URI ("sample://…"). */
extern OlistStream *olist_sample_stream_open(const char *uri, const OlistObject *expected);

/* The objects of the generated data set under a URI, as in olist_listing_open(). */
extern OlistListing *olist_sample_listing_open(const char *uri);

#endif /* OLIST_SAMPLE_SOURCE_H */
