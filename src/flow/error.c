/*
 * flow/error.c
 *		SQL's errors as States Language's, and back.
 *
 *		task fails ──► name, cause ──► Retry, Catch ──► end of the run ──► SQLSTATE
 */
#include "postgres.h"

#include "flow/error.h"

#include "lib/stringinfo.h"

#define SQLSTATE_PREFIX "SQLSTATE."

char *
olist_error_name(const ErrorData *edata)
{
	int code = edata->sqlerrcode;

	if (code == ERRCODE_INSUFFICIENT_PRIVILEGE)
		return pstrdup("States.Permissions");
	if (code == ERRCODE_T_R_SERIALIZATION_FAILURE || code == ERRCODE_T_R_DEADLOCK_DETECTED ||
		code == ERRCODE_LOCK_NOT_AVAILABLE)
		return pstrdup("Olist.Retryable");
	if (ERRCODE_TO_CATEGORY(code) == ERRCODE_CONNECTION_EXCEPTION)
		return pstrdup("Olist.Source");
	return psprintf(SQLSTATE_PREFIX "%s", unpack_sql_state(code));
}

char *
olist_error_cause(const ErrorData *edata)
{
	StringInfoData cause;

	initStringInfo(&cause);
	appendStringInfoString(&cause, edata->message ? edata->message : "unknown error");
	if (edata->detail)
		appendStringInfo(&cause, "\nDETAIL: %s", edata->detail);
	if (edata->hint)
		appendStringInfo(&cause, "\nHINT: %s", edata->hint);
	return cause.data;
}

/* the code of "SQLSTATE.<code>"; a Fail state may say what it likes, success among it */
static bool
parse_sqlstate(const char *name, int *code)
{
	const char *p = name + strlen(SQLSTATE_PREFIX);

	if (strncmp(name, SQLSTATE_PREFIX, strlen(SQLSTATE_PREFIX)) != 0 || strlen(p) != 5 ||
		strspn(p, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ") != 5)
		return false;
	*code = MAKE_SQLSTATE(p[0], p[1], p[2], p[3], p[4]);
	return ERRCODE_TO_CATEGORY(*code) != ERRCODE_SUCCESSFUL_COMPLETION &&
		   ERRCODE_TO_CATEGORY(*code) != ERRCODE_WARNING &&
		   ERRCODE_TO_CATEGORY(*code) != ERRCODE_NO_DATA;
}

int
olist_error_sqlstate(const char *name)
{
	static const struct
	{
		const char *name;
		int code;
	} known[] = {
		{"States.Permissions", ERRCODE_INSUFFICIENT_PRIVILEGE},
		{"Olist.Retryable", ERRCODE_T_R_SERIALIZATION_FAILURE},
		{"Olist.Source", ERRCODE_CONNECTION_EXCEPTION},
		{"States.Timeout", ERRCODE_QUERY_CANCELED},
		{"States.DataLimitExceeded", ERRCODE_PROGRAM_LIMIT_EXCEEDED},
	};
	int code;

	if (name != NULL && parse_sqlstate(name, &code))
		return code;
	for (int i = 0; name != NULL && i < (int) lengthof(known); i++)
		if (strcmp(name, known[i].name) == 0)
			return known[i].code;
	return ERRCODE_EXTERNAL_ROUTINE_EXCEPTION;
}
