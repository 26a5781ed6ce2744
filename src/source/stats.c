/*
 * source/stats.c
 *		What this backend has asked of its sources.
 */
#include "postgres.h"

#include "source/stats.h"

#include "fmgr.h"
#include "funcapi.h"
#include "utils/builtins.h"
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

static void
add_metric(ReturnSetInfo *result, const char *name, double value)
{
	Datum values[2];
	bool nulls[2] = {false};

	values[0] = CStringGetTextDatum(name);
	values[1] = Float8GetDatum(value);
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

/* source_stats() returns table (metric text, value double precision) */
Datum
olist_etl_source_stats(PG_FUNCTION_ARGS)
{
	const OlistSourceStats *stats = &olist_source_counters;
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;

	InitMaterializedSRF(fcinfo, 0);
	for (int i = 0; i < OLIST_REQUEST_KINDS; i++)
		add_metric(result, kind_names[i], (double) stats->requests[i]);
	for (int i = 0; i < OLIST_RETRY_REASONS; i++)
		add_metric(result, reason_names[i], (double) stats->retries[i]);
	add_metric(result, "bytes", (double) stats->bytes);
	add_metric(result, "connections", (double) stats->connections);
	add_metric(result, "wait_ms", stats->wait_ms);
	return (Datum) 0;
}
