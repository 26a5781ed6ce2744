/*
 * fdw/read_csv.c
 *		The rows of CSV objects as a set-returning function.
 *
 * The caller's column definition list says what to read: read_csv(uri) AS
 * t(a int, b text) takes the header's columns a and b.
 */
#include "postgres.h"

#include "fdw/options.h"

#include "fdw/reader.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "source/options.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/tuplestore.h"

PG_FUNCTION_INFO_V1(olist_etl_read_csv);

/* a call without "AS t(a int, ...)" gets told how it is done */
static void
check_result_type(FunctionCallInfo fcinfo)
{
	TupleDesc desc;

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("read_csv() needs to be told the columns to read"),
				 errhint("Call it as SELECT * FROM olist_etl.read_csv(...) AS t(a int, b text).")));
}

/* the arguments after uri and server */
static const char *const option_arguments[] = {
	"delimiter",	   "quote",			  "header",		  "null",
	"encoding",		   "on_error",		  "reject_limit", "max_columns",
	"max_field_bytes", "max_record_bytes"};

/* read_csv(uri text, server name, then option_arguments) */
Datum
olist_etl_read_csv(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	char *uri;
	char *server;
	OlistCsvOptions csv;
	OlistReader *reader;
	MemoryContext row_context;
	MemoryContext caller;
	Datum *values;
	bool *isnull;

	if (PG_ARGISNULL(0))
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("uri must not be null")));
	check_result_type(fcinfo);
	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);

	uri = text_to_cstring(PG_GETARG_TEXT_PP(0));
	server = PG_ARGISNULL(1) ? NULL : NameStr(*PG_GETARG_NAME(1));
	olist_csv_options_default(&csv);
	olist_csv_options_from_arguments(&csv, fcinfo, 2, lengthof(option_arguments), option_arguments);
	reader =
		olist_reader_open(uri, olist_source_options(olist_source_server(server, uri), GetUserId()),
						  result->setDesc, &csv);

	values = palloc(result->setDesc->natts * sizeof(Datum));
	isnull = palloc(result->setDesc->natts * sizeof(bool));
	row_context =
		AllocSetContextCreate(CurrentMemoryContext, "olist read_csv row", ALLOCSET_DEFAULT_SIZES);
	caller = MemoryContextSwitchTo(row_context);
	while (olist_reader_next(reader, values, isnull))
	{
		tuplestore_putvalues(result->setResult, result->setDesc, values, isnull);
		MemoryContextReset(row_context);
	}
	MemoryContextSwitchTo(caller);
	olist_reader_close(reader);
	return (Datum) 0;
}
