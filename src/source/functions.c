/*
 * source/functions.c
 *		What users can ask about a source in SQL.
 */
#include "postgres.h"

#include "base/message.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "source/listing.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

PG_FUNCTION_INFO_V1(olist_etl_list_objects);

/* the options that a function's caller means with a URI and, perhaps, a server's name */
static OlistSourceOptions *
caller_options(const char *uri, const char *server)
{
	return olist_source_options(olist_source_server(server, uri), GetUserId());
}

/* list_objects(uri text, server name) returns table */
Datum
olist_etl_list_objects(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	MemoryContext row =
		AllocSetContextCreate(CurrentMemoryContext, "olist list_objects row", ALLOCSET_SMALL_SIZES);
	OlistListing *listing;
	OlistObject object;
	char *uri;

	if (PG_ARGISNULL(0))
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("uri must not be null")));
	uri = text_to_cstring(PG_GETARG_TEXT_PP(0));
	InitMaterializedSRF(fcinfo, 0);
	listing = olist_listing_open(
		uri, caller_options(uri, PG_ARGISNULL(1) ? NULL : NameStr(*PG_GETARG_NAME(1))));
	for (;;)
	{
		MemoryContext old;
		Datum values[5];
		bool nulls[5] = {false};
		bool found;

		MemoryContextReset(row);
		old = MemoryContextSwitchTo(row);
		found = olist_listing_next(listing, &object);
		if (found)
		{
			values[0] = CStringGetTextDatum(object.uri);
			values[1] = Int64GetDatum(object.size);
			nulls[1] = object.size < 0;
			values[2] = object.etag ? CStringGetTextDatum(object.etag) : (Datum) 0;
			nulls[2] = object.etag == NULL;
			values[3] = TimestampTzGetDatum(object.last_modified);
			nulls[3] = object.last_modified == DT_NOBEGIN;
			values[4] =
				object.storage_class ? CStringGetTextDatum(object.storage_class) : (Datum) 0;
			nulls[4] = object.storage_class == NULL;
			tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
		}
		MemoryContextSwitchTo(old);
		if (!found)
			break;
	}
	olist_listing_close(listing);
	MemoryContextDelete(row);
	return (Datum) 0;
}
