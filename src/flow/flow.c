/*
 * flow/flow.c
 *		What users call, and the settings of this room.
 */
#include "postgres.h"

#include "flow/flow.h"

#include "access/htup_details.h"
#include "flow/coordinator.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/numeric.h"

PG_FUNCTION_INFO_V1(olist_etl_run);

void
olist_flow_init(void)
{
	DefineCustomIntVariable("olist_etl.max_workers",
							"Background workers that one run may use at a time.",
							"-1 takes the number of cores, as far as max_worker_processes allows; "
							"with 0 the session executes all tasks itself.",
							&olist_flow_max_workers, -1, -1, 256, PGC_USERSET, 0, NULL, NULL, NULL);
}

/* the procedure's row of INOUT parameters */
static Datum
result_row(FunctionCallInfo fcinfo, const OlistRunResult *result)
{
	bool ours = strcmp(result->status, "RUNNING") != 0;
	bool nulls[6] = {false, false, !ours, !ours, !ours, !ours};
	Datum values[6];
	TupleDesc desc;

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "olist_etl.run() must have output parameters");
	values[0] = Int64GetDatum(result->run_id);
	values[1] = CStringGetTextDatum(result->status);
	values[2] = Int64GetDatum(result->summary.objects);
	values[3] = Int64GetDatum(result->summary.rows);
	values[4] = Int64GetDatum(result->summary.rejects);
	values[5] = DirectFunctionCall2(
		numeric_round, DirectFunctionCall1(float8_numeric, Float8GetDatum(result->summary.seconds)),
		Int32GetDatum(3));
	return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls));
}

/* run(workflow, input, wait, atomic, INOUT …) */
Datum
olist_etl_run(PG_FUNCTION_ARGS)
{
	OlistRunRequest request;
	OlistRunResult result;

	for (int i = 0; i < 4; i++)
		if (PG_ARGISNULL(i))
			ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
							errmsg("argument %d of olist_etl.run() must not be NULL", i + 1)));
	request.workflow = text_to_cstring(PG_GETARG_TEXT_PP(0));
	request.input = text_to_cstring(PG_GETARG_TEXT_PP(1));
	request.wait = PG_GETARG_BOOL(2);
	request.atomic = PG_GETARG_BOOL(3);
	if (!request.atomic && castNode(CallContext, fcinfo->context)->atomic)
		ereport(ERROR, (errcode(ERRCODE_INVALID_TRANSACTION_TERMINATION),
						errmsg("olist_etl.run() cannot commit inside a transaction block or a "
							   "function"),
						errhint("Call it outside, or with atomic => true to run everything in "
								"this one transaction.")));
	olist_coordinator_run(&request, &result);
	return result_row(fcinfo, &result);
}
