/*
 * source/stats.c
 *		What this backend has asked of its sources.
 */
#include "postgres.h"

#include "source/stats.h"

#include <math.h>

#include "fmgr.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/numeric.h"
#include "utils/tuplestore.h"

PG_FUNCTION_INFO_V1(olist_etl_source_stats);

OlistSourceStats olist_source_counters;

static const char *const kind_names[OLIST_REQUEST_KINDS] = {
	"requests_get",
	"requests_head",
	"requests_list",
	"requests_credentials",
};

static const char *const reason_names[OLIST_RETRY_REASONS] = {
	"retries_connect",	 "retries_reset",		"retries_timeout", "retries_server",
	"retries_throttled", "retries_credentials", "retries_region",
};

#define METRICS (OLIST_REQUEST_KINDS + OLIST_RETRY_REASONS + 3)

/* the counters under their names; returns the i-th */
static double
metric(const OlistSourceStats *stats, int i, const char **name)
{
	if (i < OLIST_REQUEST_KINDS)
	{
		*name = kind_names[i];
		return (double) stats->requests[i];
	}
	i -= OLIST_REQUEST_KINDS;
	if (i < OLIST_RETRY_REASONS)
	{
		*name = reason_names[i];
		return (double) stats->retries[i];
	}
	switch (i - OLIST_RETRY_REASONS)
	{
		case 0:
			*name = "bytes";
			return (double) stats->bytes;
		case 1:
			*name = "connections";
			return (double) stats->connections;
		default:
			*name = "wait_ms";
			return rint(stats->wait_ms);
	}
}

/* source_stats() returns table (metric text, value double precision) */
Datum
olist_etl_source_stats(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;

	InitMaterializedSRF(fcinfo, 0);
	for (int i = 0; i < METRICS; i++)
	{
		const char *name;
		double value = metric(&olist_source_counters, i, &name);
		Datum values[2];
		bool nulls[2] = {false};

		values[0] = CStringGetTextDatum(name);
		values[1] = Float8GetDatum(value);
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	return (Datum) 0;
}

static void
push_key(JsonbParseState **state, const char *name)
{
	JsonbValue key = {.type = jbvString};

	key.val.string.val = unconstify(char *, name);
	key.val.string.len = (int) strlen(name);
	pushJsonbValue(state, WJB_KEY, &key);
}

void
olist_source_stats_push(JsonbParseState **state, const OlistSourceStats *before)
{
	bool any = false;

	for (int i = 0; i < METRICS; i++)
	{
		const char *name;
		double change = metric(&olist_source_counters, i, &name) - metric(before, i, &name);
		JsonbValue value = {.type = jbvNumeric};

		if (change == 0)
			continue;
		if (!any)
		{
			push_key(state, "network");
			pushJsonbValue(state, WJB_BEGIN_OBJECT, NULL);
		}
		any = true;
		push_key(state, name);
		value.val.numeric = int64_to_numeric((int64) change);
		pushJsonbValue(state, WJB_VALUE, &value);
	}
	if (any)
		pushJsonbValue(state, WJB_END_OBJECT, NULL);
}
