/*
 * flow/flow.c
 *		What users call, and the settings of this room.
 */
#include "postgres.h"

#include "flow/flow.h"

#include "asl/datum.h"
#include "asl/validate.h"
#include "base/lock.h"
#include "base/message.h"
#include "base/row.h"
#include "base/spi.h"
#include "base/try.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "flow/clean_up.h"
#include "flow/coordinator.h"
#include "flow/run.h"
#include "flow/slots.h"
#include "flow/task.h"
#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/numeric.h"
#include "utils/snapmgr.h"

/* problems of a refused definition that its error lists */
#define MAX_PROBLEMS_TOLD 10
/* of a workflow's name, as of a state's */
#define MAX_NAME_CHARACTERS 80

PG_FUNCTION_INFO_V1(olist_etl_create_workflow);
PG_FUNCTION_INFO_V1(olist_etl_drop_workflow);
PG_FUNCTION_INFO_V1(olist_etl_check_workflow);
PG_FUNCTION_INFO_V1(olist_etl_run);
PG_FUNCTION_INFO_V1(olist_etl_resume);
PG_FUNCTION_INFO_V1(olist_etl_cancel);

void
olist_flow_init(void)
{
	olist_clean_up_init();
	DefineCustomIntVariable("olist_etl.max_workers",
							"Background workers that one run may use at a time.",
							"-1 takes the number of cores, as far as max_worker_processes allows; "
							"with 0 the session executes all tasks itself.",
							&olist_flow_max_workers, -1, -1, 256, PGC_USERSET, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("olist_etl.max_workers_per_role",
							"Background workers that all runs of one role may use at a time.",
							"-1 sets no limit beyond olist_etl.max_workers_total.",
							&olist_flow_max_workers_per_role, -1, -1, 256, PGC_SUSET, 0, NULL, NULL,
							NULL);
	DefineCustomIntVariable("olist_etl.max_workers_total",
							"Background workers that all runs together may use at a time.",
							"-1 leaves half of max_worker_processes to others.",
							&olist_flow_max_workers_total, -1, -1, 256, PGC_SUSET, 0, NULL, NULL,
							NULL);
}

/*
 * Workflows
 */

static void
check_owner(const char *name)
{
	OlistWorkflow workflow;

	if (olist_store_workflow(name, 0, &workflow) && !olist_run_is_member(workflow.owner))
		ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
						errmsg("permission denied for workflow \"%s\"", name),
						errhint("It belongs to role \"%s\".", workflow.owner)));
}

static void
refuse_definition(const char *name, const OlistProblems *problems)
{
	StringInfoData detail;
	bool unsupported = true;

	initStringInfo(&detail);
	for (int i = 0; i < problems->count; i++)
	{
		const OlistProblem *problem = &problems->items[i];

		if (i < MAX_PROBLEMS_TOLD)
			appendStringInfo(&detail, "%s%s: %s", i > 0 ? "\n" : "", problem->path,
							 problem->message);
		unsupported = unsupported && strcmp(problem->code, OLIST_NOT_SUPPORTED) == 0;
	}
	ereport(ERROR,
			(errcode(unsupported ? ERRCODE_FEATURE_NOT_SUPPORTED : ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg_plural("the definition of workflow \"%s\" has %d problem",
						   "the definition of workflow \"%s\" has %d problems", problems->count,
						   name, problems->count),
			 errdetail_internal("%s", detail.data),
			 errhint("olist_etl.validate() lists them all.")));
}

/* a name is shown in messages, pictures and job lists, and is typed again */
static void
check_name(const char *name)
{
	int characters = pg_mbstrlen(name);

	if (characters == 0)
		ereport(ERROR, (errcode(ERRCODE_INVALID_NAME),
						errmsg("the name of a workflow must not be empty")));
	if (characters > MAX_NAME_CHARACTERS)
		ereport(ERROR, (errcode(ERRCODE_NAME_TOO_LONG), errmsg("the workflow's name is too long"),
						errdetail("It has %d characters, of %d at most.", characters,
								  MAX_NAME_CHARACTERS)));
	if (!olist_is_visible(name))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_NAME),
				 errmsg("the workflow's name \"%s\" has control characters or invisible ones",
						olist_clip(name, strlen(name)))));
}

/* create_workflow(name text, definition json) returns integer */
Datum
olist_etl_create_workflow(PG_FUNCTION_ARGS)
{
	char *name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	char *body = text_to_cstring(PG_GETARG_TEXT_PP(1));
	OlistJsonError error;
	char *utf8 = olist_utf8_from_server(body);
	OlistJson *definition = olist_json_parse(utf8, (int) strlen(utf8), &error);
	OlistProblems *problems = olist_validate_text(utf8, (int) strlen(utf8));

	check_name(name);
	if (problems->count == 0 && definition != NULL)
		problems = olist_validate(definition, false);
	if (problems->count > 0)
		refuse_definition(name, problems);

	/* first the lock: whoever made the name his own meanwhile must be seen */
	if (!olist_lock_try_until_commit(OLIST_LOCK_DEFINITION, name))
		ereport(ERROR, (errcode(ERRCODE_LOCK_NOT_AVAILABLE),
						errmsg("another transaction is changing workflow \"%s\"", name),
						errhint("Try again when that has ended.")));
	check_owner(name);
	PG_RETURN_INT32(olist_store_create_workflow(name, body));
}

/* drop_workflow(name text) returns void */
Datum
olist_etl_drop_workflow(PG_FUNCTION_ARGS)
{
	char *name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	OlistWorkflow workflow;

	if (!olist_store_workflow(name, 0, &workflow))
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT),
						errmsg("workflow \"%s\" does not exist", name)));
	check_owner(name);
	if (!olist_lock_try_until_commit(OLIST_LOCK_RUN, name))
		ereport(ERROR, (errcode(ERRCODE_OBJECT_IN_USE), errmsg("workflow \"%s\" is running", name),
						errhint("Wait for its end, or cancel the run by olist_etl.cancel().")));
	olist_store_drop_workflow(name);
	PG_RETURN_VOID();
}

/* check_workflow(name text) returns void */
Datum
olist_etl_check_workflow(PG_FUNCTION_ARGS)
{
	olist_run_check(text_to_cstring(PG_GETARG_TEXT_PP(0)));
	PG_RETURN_VOID();
}

/*
 * Runs
 */

/* the procedures' row of INOUT parameters */
static Datum
result_row(FunctionCallInfo fcinfo, const OlistRunResult *result)
{
	bool executed = strcmp(result->status, "RUNNING") != 0;
	bool nulls[6] = {executed && result->dry, false, !executed, !executed, !executed, !executed};
	Datum values[6];

	values[0] = Int64GetDatum(result->run_id);
	values[1] = CStringGetTextDatum(result->status);
	values[2] = Int64GetDatum(result->summary.objects);
	values[3] = Int64GetDatum(result->summary.rows);
	values[4] = Int64GetDatum(result->summary.rejects);
	values[5] = DirectFunctionCall2(
		numeric_round, DirectFunctionCall1(float8_numeric, Float8GetDatum(result->summary.seconds)),
		Int32GetDatum(3));
	return olist_row_result(fcinfo, values, nulls);
}

static void
require_commits(FunctionCallInfo fcinfo, const char *command, const char *hint)
{
	if (castNode(CallContext, fcinfo->context)->atomic)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_TRANSACTION_TERMINATION),
				 errmsg("%s cannot commit inside a transaction block or a function", command),
				 errhint("%s", hint)));
}

/*
 * What the states of the run did, for who watches; the picture itself is drawn
 * by another room, of the caller's own run and therefore with the owner's
 * rights. A run of one task, as one that finds nothing new, is not worth one.
 */
static void
show_picture(void *arg)
{
	const OlistRunResult *result = arg;
	OlistSpiArg args[1] = {OLIST_SPI_INT8(result->run_id)};

	PushActiveSnapshot(GetTransactionSnapshot());
	SPI_connect();
	if (olist_spi_execute_as_owner("SELECT olist_etl.graph($1)"
								   " WHERE EXISTS (SELECT FROM olist_etl.task t"
								   "               WHERE t.run_id = $1"
								   "               OFFSET 1)",
								   SPI_OK_SELECT, 1, args) > 0)
		ereport(NOTICE, (errmsg_internal(
							"%s", SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1))));
	SPI_finish();
	PopActiveSnapshot();
}

/* the run has ended and is committed: no picture is no reason to fail */
static void
show_run(OlistRunResult *result)
{
	ErrorData *edata;

	if (result->run_id == 0 || strcmp(result->status, "RUNNING") == 0)
		return;
	edata = olist_try(show_picture, result);
	if (edata != NULL && edata->sqlerrcode == ERRCODE_QUERY_CANCELED)
		ReThrowError(edata);
	if (edata != NULL)
		ereport(WARNING, (errcode(edata->sqlerrcode),
						  errmsg("the run cannot be shown: %s", edata->message)));
}

/* a run, and what it did, to be undone */
typedef struct Rehearsal
{
	const OlistRunRequest *request;
	OlistRunResult *result;
} Rehearsal;

static void
rehearse(void *arg)
{
	Rehearsal *rehearsal = arg;

	olist_run_start(rehearsal->request, rehearsal->result);
	show_run(rehearsal->result);
}

/* run(workflow, input, wait, atomic, dry_run, INOUT …) */
Datum
olist_etl_run(PG_FUNCTION_ARGS)
{
	OlistRunRequest request;
	OlistRunResult result;

	for (int i = 0; i < 5; i++)
		if (PG_ARGISNULL(i))
			ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
							errmsg("argument %d of olist_etl.run() must not be NULL", i + 1)));
	request.workflow = text_to_cstring(PG_GETARG_TEXT_PP(0));
	request.input = text_to_cstring(PG_GETARG_TEXT_PP(1));
	request.wait = PG_GETARG_BOOL(2);
	request.dry = PG_GETARG_BOOL(4);
	request.atomic = PG_GETARG_BOOL(3) || request.dry;
	if (request.dry)
	{
		Rehearsal rehearsal = {&request, &result};
		ErrorData *edata = olist_try_and_undo(rehearse, &rehearsal);

		if (edata != NULL)
			ReThrowError(edata);
	}
	else
	{
		if (!request.atomic)
			require_commits(fcinfo, "olist_etl.run()",
							"Call it outside, or with atomic => true to run everything in this one "
							"transaction.");
		olist_run_start(&request, &result);
		show_run(&result);
	}
	olist_run_raise_failure(&result);
	if (result.dry && strcmp(result.status, "RUNNING") != 0)
		ereport(NOTICE, (errmsg("this was a dry run: nothing of it is kept")));
	return result_row(fcinfo, &result);
}

/* resume(INOUT run_id, INOUT …) */
Datum
olist_etl_resume(PG_FUNCTION_ARGS)
{
	OlistRunResult result;

	require_commits(fcinfo, "olist_etl.resume()", "Call it outside.");
	olist_run_resume(PG_ARGISNULL(0) ? 0 : PG_GETARG_INT64(0), &result);
	show_run(&result);
	olist_run_raise_failure(&result);
	return result_row(fcinfo, &result);
}

/* cancel(run_id bigint) returns boolean */
Datum
olist_etl_cancel(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(olist_run_cancel(PG_GETARG_INT64(0)));
}
