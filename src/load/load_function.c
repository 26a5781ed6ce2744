/*
 * load/load_function.c
 *		olist_etl.load(): the objects of a URI into a table, by hand.
 */
#include "postgres.h"

#include "load/load.h"

#include "fdw/options.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "source/listing.h"
#include "source/options.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/tuplestore.h"

PG_FUNCTION_INFO_V1(olist_etl_load);

/* the arguments after target, uri and server; reload follows */
static const char *const option_arguments[] = {
	"on_error", "reject_limit", "delimiter",   "quote",			  "header",
	"null",		"encoding",		"max_columns", "max_field_bytes", "max_record_bytes"};

/* one row of the result */
static void
put_result(ReturnSetInfo *result, const char *uri, const OlistLoadResult *loaded)
{
	Datum values[] = {
		CStringGetTextDatum(uri),
		CStringGetTextDatum(loaded->skipped ? "skipped" : "loaded"),
		Int64GetDatum(loaded->rows_read),
		Int64GetDatum(loaded->rows_loaded),
		Int64GetDatum(loaded->rows_rejected),
	};
	bool isnull[lengthof(values)] = {false};

	tuplestore_putvalues(result->setResult, result->setDesc, values, isnull);
}

static void
read_arguments(FunctionCallInfo fcinfo, const char *uri, OlistLoadTarget *target)
{
	const char *server = PG_ARGISNULL(2) ? NULL : NameStr(*PG_GETARG_NAME(2));
	int reload = 3 + lengthof(option_arguments);

	target->relid = PG_GETARG_OID(0);
	target->source = olist_source_options(olist_source_server(server, uri), GetUserId());
	olist_csv_options_default(&target->csv);
	olist_csv_options_from_arguments(&target->csv, fcinfo, 3, lengthof(option_arguments),
									 option_arguments);
	target->reload = !PG_ARGISNULL(reload) && PG_GETARG_BOOL(reload);
}

/* load(target regclass, uri text, server name, then option_arguments, reload boolean) */
Datum
olist_etl_load(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	OlistLoadTarget target = {0};
	OlistListing *listing;
	OlistObject object;
	MemoryContext object_context;
	MemoryContext caller;
	char *uri;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
						errmsg("target and uri must not be null")));
	InitMaterializedSRF(fcinfo, 0);
	uri = text_to_cstring(PG_GETARG_TEXT_PP(1));
	read_arguments(fcinfo, uri, &target);

	listing = olist_listing_open(uri, target.source);
	object_context =
		AllocSetContextCreate(CurrentMemoryContext, "olist load object", ALLOCSET_DEFAULT_SIZES);
	caller = MemoryContextSwitchTo(object_context);
	while (olist_listing_next(listing, &object))
	{
		OlistLoadResult loaded = olist_load_object(&target, &object);

		put_result(result, object.uri, &loaded);
		MemoryContextReset(object_context);
	}
	MemoryContextSwitchTo(caller);
	olist_listing_close(listing);
	return (Datum) 0;
}
