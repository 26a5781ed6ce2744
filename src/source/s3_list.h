/*
 * source/s3_list.h
 *		The objects of a bucket.
 */
#ifndef OLIST_S3_LIST_H
#define OLIST_S3_LIST_H

#include "source/listing.h"
#include "source/uri.h"

/*
 * List s3://bucket/…: a whole bucket, the keys under a prefix that ends in
 * '/', the keys that a glob matches, or one key. options must live as long as
 * the listing. For what is missing see olist_listing_open().
 */
extern OlistListing *
olist_s3_listing_open(const OlistUri *uri, const char *text, const OlistSourceOptions *options);

/* The one object at http(s)://…, or at a key of s3://. */
extern OlistListing *
olist_remote_single_open(const OlistUri *uri, const char *text, const OlistSourceOptions *options);

#endif /* OLIST_S3_LIST_H */
