/*
 * load/stage.c
 *		olist_etl.stage(): one discovered object into its staging table.
 *
 * The task of the workflow that moves bytes. Its argument is what discover()
 * gave; its transaction holds the object's rows, rejects and ledger line.
 */
#include "postgres.h"

#include "load/object_error.h"

#include "base/message.h"
#include "fmgr.h"
#include "lib/stringinfo.h"
#include "load/json.h"
#include "load/source.h"
#include "load/staging.h"
#include "miscadmin.h"
#include "source/options.h"
#include "source/stats.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

PG_FUNCTION_INFO_V1(olist_etl_stage);

/* the object that the argument describes */
static void
read_object(Jsonb *argument, OlistObject *object)
{
	char *last_modified = olist_json_text(argument, "last_modified");

	object->uri = olist_json_required_text(argument, "uri");
	object->size = olist_json_int8(argument, "size", -1);
	object->etag = olist_json_text(argument, "etag");
	object->storage_class = NULL;
	object->last_modified = DT_NOBEGIN;
	if (last_modified != NULL)
		object->last_modified = DatumGetTimestampTz(
			DirectFunctionCall3(timestamptz_in, CStringGetDatum(last_modified),
								ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1)));
}

/* every member that is the name of a CSV option */
static void
read_csv_options(Jsonb *argument, OlistCsvOptions *csv)
{
	JsonbIterator *iterator = JsonbIteratorInit(&argument->root);
	JsonbIteratorToken token;
	JsonbValue value;
	char *name = NULL;

	olist_csv_options_default(csv);
	csv->on_error = OLIST_ON_ERROR_REJECT;
	csv->format.allow_non_finite = false;
	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
	{
		if (token == WJB_KEY)
			name = pnstrdup(value.val.string.val, value.val.string.len);
		else if (token == WJB_VALUE && value.type != jbvNull && value.type != jbvBinary)
			(void) olist_csv_options_set(csv, name, olist_json_text(argument, name));
	}
	olist_csv_options_check(csv);
}

/* what sets the object's columns apart: "has 1 unknown column, lacks 2 optional columns" */
static const char *
column_drift(const OlistLoadResult *loaded)
{
	StringInfoData drift;

	initStringInfo(&drift);
	if (loaded->extra_columns > 0)
		appendStringInfo(&drift, "has %d unknown column%s%s", loaded->extra_columns,
						 loaded->extra_columns == 1 ? "" : "s",
						 loaded->missing_columns > 0 ? ", " : "");
	if (loaded->missing_columns > 0)
		appendStringInfo(&drift, "lacks %d optional column%s", loaded->missing_columns,
						 loaded->missing_columns == 1 ? "" : "s");
	return drift.data;
}

/* what whoever called run() should know of the object, as "notices" */
static void
push_notices(JsonbParseState **state, const OlistObject *object, const OlistLoadResult *loaded)
{
	const char *uri = olist_redact_uri(object->uri);
	JsonbValue value = {.type = jbvString};

	if (loaded->error == NULL && loaded->extra_columns == 0 && loaded->missing_columns == 0)
		return;
	value.val.string.val = "notices";
	value.val.string.len = strlen("notices");
	pushJsonbValue(state, WJB_KEY, &value);
	pushJsonbValue(state, WJB_BEGIN_ARRAY, NULL);
	value.val.string.val =
		loaded->error != NULL
			? psprintf("object \"%s\" was rejected, and will be tried again: %s", uri,
					   loaded->error)
			: psprintf("object \"%s\" %s: see olist_etl.drift", uri, column_drift(loaded));
	value.val.string.len = strlen(value.val.string.val);
	pushJsonbValue(state, WJB_ELEM, &value);
	pushJsonbValue(state, WJB_END_ARRAY, NULL);
}

static Jsonb *
make_result(const OlistEntity *entity, const OlistObject *object, const OlistLoadResult *loaded,
			const OlistSourceStats *before)
{
	JsonbParseState *state = NULL;

	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	olist_json_push_int8(&state, "object_id", loaded->object_id);
	olist_json_push_text(&state, "entity", entity->name);
	olist_json_push_text(&state, "status",
						 loaded->error != NULL ? "rejected"
						 : loaded->skipped	   ? "skipped"
											   : "loaded");
	olist_json_push_int8(&state, "rows_read", loaded->rows_read);
	olist_json_push_int8(&state, "rows_loaded", loaded->rows_loaded);
	olist_json_push_int8(&state, "rows_rejected", loaded->rows_rejected);
	olist_json_push_int8(&state, "bytes", Max(object->size, 0));
	olist_source_stats_push(&state, before);
	push_notices(&state, object, loaded);
	return JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL));
}

/* stage(jsonb): see README.md */
Datum
olist_etl_stage(PG_FUNCTION_ARGS)
{
	Jsonb *argument = PG_GETARG_JSONB_P(0);
	OlistEntity *entity = olist_entity_require(olist_json_required_text(argument, "entity"));
	char *source_name = olist_json_text(argument, "source");
	OlistSourceStats before = olist_source_counters;
	OlistLoadTarget target = {0};
	OlistObject object = {0};
	OlistLoadResult loaded;

	olist_source_hold(argument);
	read_object(argument, &object);
	read_csv_options(argument, &target.csv);
	target.source_name = source_name != NULL ? source_name : OLIST_DEFAULT_SOURCE;
	target.source =
		olist_source_options(olist_named_source(target.source_name)->serverid, GetUserId());
	target.relid = olist_staging_table(entity);
	target.entity = entity;
	target.run_id = olist_json_int8(argument, "run_id", 0);
	target.reload = olist_json_bool(argument, "reload", false);
	loaded = olist_load_object_or_reject(&target, &object);
	PG_RETURN_JSONB_P(make_result(entity, &object, &loaded, &before));
}
