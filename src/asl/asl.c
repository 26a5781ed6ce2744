/*
 * asl/asl.c
 *		The room's settings, and what validation says to SQL.
 */
#include "postgres.h"

#include "asl/asl.h"
#include "asl/datum.h"
#include "asl/validate.h"

#include "base/message.h"
#include "fmgr.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/guc.h"

PG_FUNCTION_INFO_V1(olist_etl_validate);

int olist_asl_max_payload_kb = 65536;

void
olist_asl_init(void)
{
	DefineCustomIntVariable("olist_etl.max_payload",
							"Largest value that may pass from one state of a workflow to the next.",
							"Step Functions allows 256 kB. A larger value is the error "
							"States.DataLimitExceeded. 0 means no limit.",
							&olist_asl_max_payload_kb, 65536, 0, 1024 * 1024 - 1, PGC_USERSET,
							GUC_UNIT_KB, NULL, NULL, NULL);
}

static void
return_problems(ReturnSetInfo *rsinfo, const OlistProblems *problems)
{
	for (int i = 0; i < problems->count; i++)
	{
		const OlistProblem *problem = &problems->items[i];
		Datum values[3];
		bool nulls[3] = {0};

		values[0] = olist_json_text_datum(problem->path, (int) strlen(problem->path));
		values[1] = CStringGetTextDatum(problem->code);
		values[2] = olist_json_text_datum(problem->message, (int) strlen(problem->message));
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}
}

/* of a text or json value: both are text inside */
Datum
olist_etl_validate(PG_FUNCTION_ARGS)
{
	int len;
	char *text = olist_json_datum_text(PG_GETARG_DATUM(0), &len);
	OlistProblems *problems;
	OlistJsonError error;
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;

	InitMaterializedSRF(fcinfo, 0);
	problems = olist_validate_text(text, len);
	return_problems(rsinfo, problems);
	if (problems->count == 0)
		return_problems(rsinfo,
						olist_validate(olist_json_parse(text, len, &error), OLIST_RESOURCES_OWN));
	return (Datum) 0;
}

void
olist_validate_or_raise(const OlistProblems *problems)
{
	const OlistProblem *first = &problems->items[0];

	if (problems->count == 0)
		return;
	ereport(ERROR, (errcode(strcmp(first->code, OLIST_NOT_SUPPORTED) == 0
								? ERRCODE_FEATURE_NOT_SUPPORTED
								: ERRCODE_INVALID_PARAMETER_VALUE),
					errmsg("invalid state machine definition at %s: %s",
						   olist_clip(first->path, strlen(first->path)),
						   olist_clip(first->message, strlen(first->message))),
					errdetail_plural("There is %d problem.", "There are %d problems.",
									 problems->count, problems->count),
					errhint("Use olist_etl.validate() to see all of them.")));
}
