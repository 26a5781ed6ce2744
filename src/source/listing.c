/*
 * source/listing.c
 *		Where a URI becomes a listing of objects.
 *
 * As with streams, a listing lives in a memory context of its own and is
 * closed by that context's callback.
 */
#include "postgres.h"

#include "source/listing.h"

#include "base/message.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "source/file.h"
#include "source/policy.h"
#include "source/s3_list.h"
#include "source/sample.h"
#include "source/uri.h"
#include "utils/memutils.h"

static void
close_listing(void *arg)
{
	OlistListing *listing = arg;

	listing->ops->close(listing);
}

OlistListing *
olist_listing_create(size_t size, const OlistListingOps *ops)
{
	MemoryContext context =
		AllocSetContextCreate(CurrentMemoryContext, "olist listing", ALLOCSET_DEFAULT_SIZES);
	OlistListing *listing = MemoryContextAllocZero(context, size);

	listing->ops = ops;
	listing->context = context;
	if (ops->close != NULL)
	{
		listing->callback.func = close_listing;
		listing->callback.arg = listing;
		MemoryContextRegisterResetCallback(context, &listing->callback);
	}
	return listing;
}

OlistListing *
olist_listing_open(const char *uri, const OlistSourceOptions *options)
{
	OlistUri *parts = olist_uri_parse(uri);

	if (options == NULL)
		options = olist_source_options(InvalidOid, GetUserId());
	olist_policy_check_scheme(parts, options);
	switch (parts->scheme)
	{
		case OLIST_SCHEME_FILE:
			return olist_file_listing_open(parts->path);
		case OLIST_SCHEME_S3:
			return olist_s3_listing_open(parts, uri, options);
		case OLIST_SCHEME_HTTP:
		case OLIST_SCHEME_HTTPS:
			return olist_remote_single_open(parts, uri, options);
		case OLIST_SCHEME_SAMPLE:
			return olist_sample_listing_open(uri);
	}
	pg_unreachable();
}

/* what a source says of an object goes into tables, and must be text there */
static void
require_text(const OlistObject *object, const char *what, const char *text)
{
	if (text != NULL && !pg_verify_mbstr(GetDatabaseEncoding(), text, (int) strlen(text), true))
		ereport(ERROR, (errcode(ERRCODE_CHARACTER_NOT_IN_REPERTOIRE),
						errmsg("the %s of object \"%s\" is not valid in encoding %s", what,
							   olist_redact_uri(object->uri), GetDatabaseEncodingName()),
						errhint("Rename the object, or take it away.")));
}

bool
olist_listing_next(OlistListing *listing, OlistObject *object)
{
	CHECK_FOR_INTERRUPTS();
	if (!listing->ops->next(listing, object))
		return false;
	require_text(object, "name", object->uri);
	require_text(object, "ETag", object->etag);
	return true;
}

void
olist_listing_close(OlistListing *listing)
{
	MemoryContextDelete(listing->context);
}
