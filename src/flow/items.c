/*
 * flow/items.c
 *		The items of a Map's ItemReader, read in the session that coordinates.
 *
 *		object ──► olist_etl.read_object() ──► CSV or JSON ──► items
 *		Parameters ──► a function's jsonb ───────────────────► items
 *
 * The data path is met in SQL, as everywhere. Reading runs in a subtransaction:
 * what fails leaves nothing behind but the state's error.
 */
#include "postgres.h"

#include "flow/items.h"

#include "asl/datum.h"
#include "asl/items.h"
#include "base/spi.h"
#include "base/try.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "flow/task.h"
#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/snapmgr.h"

typedef struct Reading
{
	const OlistJson *reader;
	const char *uri; /* NULL: a function is called */
	MemoryContext context;
	char *text; /* what was read, UTF-8 */
	int len;
} Reading;

static void
read_object(Reading *reading)
{
	OlistSpiArg args[1];
	bool isnull;
	bytea *value;

	SPI_connect();
	args[0] = OLIST_SPI_TEXT(olist_utf8_to_server(reading->uri));
	olist_spi_execute("SELECT olist_etl.read_object($1)", SPI_OK_SELECT, 1, args);
	value =
		DatumGetByteaPP(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
	reading->len = (int) VARSIZE_ANY_EXHDR(value);
	pg_verify_mbstr(PG_UTF8, VARDATA_ANY(value), reading->len, false);
	reading->text = MemoryContextAlloc(reading->context, reading->len + 1);
	memcpy(reading->text, VARDATA_ANY(value), reading->len);
	reading->text[reading->len] = '\0';
	SPI_finish();
}

static void
call_function(Reading *reading)
{
	const OlistJson *parameters = olist_json_get(reading->reader, "Parameters");
	Datum argument = olist_json_to_datum(parameters == NULL ? olist_json_object() : parameters);
	const char *resource = olist_utf8_to_server(olist_json_get(reading->reader, "Resource")->text);
	Jsonb *result = olist_task_call_function(resource, TextDatumGetCString(argument), false);
	MemoryContext previous = MemoryContextSwitchTo(reading->context);

	reading->text = olist_json_datum_text(
		CStringGetTextDatum(JsonbToCString(NULL, &result->root, VARSIZE(result))), &reading->len);
	MemoryContextSwitchTo(previous);
}

static void
read_source(void *arg)
{
	Reading *reading = arg;

	if (reading->uri == NULL)
		call_function(reading);
	else
	{
		PushActiveSnapshot(GetTransactionSnapshot());
		read_object(reading);
		PopActiveSnapshot();
	}
}

OlistJson *
olist_flow_read_items(void *arg, const OlistJson *reader, OlistFailure *failure)
{
	Reading reading = {
		.reader = reader, .uri = olist_items_uri(reader), .context = CurrentMemoryContext};
	const OlistJson *resource = olist_json_get(reader, "Resource");
	OlistJsonError error;
	ErrorData *edata;

	failure->error = "States.ItemReaderFailed";
	if (reading.uri == NULL && strncmp(resource->text, "olist:", 6) != 0)
	{
		failure->cause = "The ItemReader names no object: Parameters must have Bucket and Key, "
						 "or Uri.";
		return NULL;
	}
	edata = olist_try(read_source, &reading);
	if (edata != NULL && edata->sqlerrcode == ERRCODE_QUERY_CANCELED)
		ReThrowError(edata);
	if (edata != NULL)
	{
		failure->cause = olist_utf8_from_server(edata->message);
		return NULL;
	}
	if (reading.uri == NULL)
		return olist_items_limit(reader, olist_json_parse(reading.text, reading.len, &error),
								 failure);
	return olist_items_parse(reader, reading.text, reading.len, failure);
}
