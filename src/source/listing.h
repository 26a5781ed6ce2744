/*
 * source/listing.h
 *		The objects under a URI, pulled one at a time in constant memory.
 */
#ifndef OLIST_LISTING_H
#define OLIST_LISTING_H

#include "source/object.h"
#include "source/options.h"

typedef struct OlistListing OlistListing;

/* what an implementation provides; a listing's struct starts with OlistListing */
typedef struct OlistListingOps
{
	/* as olist_listing_next() */
	bool (*next)(OlistListing *listing, OlistObject *object);

	/* as in OlistStreamOps; NULL if the memory context is all there is */
	void (*close)(OlistListing *listing);
} OlistListingOps;

struct OlistListing
{
	const OlistListingOps *ops;
	MemoryContext context;			/* holds the struct and everything below it */
	MemoryContextCallback callback; /* calls ops->close */
};

/* for implementations: as olist_stream_create() */
extern OlistListing *olist_listing_create(size_t size, const OlistListingOps *ops);

/*
 * Start to list uri: one object, a directory or prefix (ending in '/'), or a
 * glob (*, **, ?, {a,b}). Nothing at the place is an empty listing, except a
 * named single file or directory, which is an error (58P01). Lives in the
 * current memory context and ends with it at the latest; options (NULL: no
 * server, the current user) must live as long.
 */
extern OlistListing *olist_listing_open(const char *uri, const OlistSourceOptions *options);

/*
 * The next object in the source's order (for S3 and files: by name, bytewise),
 * palloc'd in the current memory context; false at the end.
 */
extern bool olist_listing_next(OlistListing *listing, OlistObject *object);

extern void olist_listing_close(OlistListing *listing);

#endif /* OLIST_LISTING_H */
