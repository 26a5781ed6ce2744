/*
 * base/limit.c
 *		Settings that bound what a user may consume.
 *
 * A superuser-only setting would do, but a careful user wants to be able to
 * lower a limit for one session. So a limit is a setting for everybody, whose
 * check hook refuses what is above the value that the session began with.
 */
#include "postgres.h"

#include "base/limit.h"

#include "access/parallel.h"
#include "access/xact.h"
#include "miscadmin.h"

/*
 * Does this source speak for the user of the session? Configuration files and
 * the stored values of databases and roles do not; the latter were checked,
 * as PGC_S_TEST, when they were stored.
 */
static bool
is_user_source(GucSource source)
{
	return source == PGC_S_CLIENT || source == PGC_S_INTERACTIVE || source == PGC_S_TEST ||
		   source == PGC_S_SESSION;
}

bool
olist_limit_check(const char *name, int newval, GucSource source)
{
	const char *granted;

	if (!is_user_source(source) || InitializingParallelWorker || !IsTransactionState())
		return true;
	if (superuser())
		return true;
	granted = GetConfigOptionResetString(name);
	if (granted == NULL || newval <= atoi(granted))
		return true;
	GUC_check_errcode(ERRCODE_INSUFFICIENT_PRIVILEGE);
	GUC_check_errmsg("permission denied to raise \"%s\"", name);
	GUC_check_errdetail("The limit is %s, only a superuser may set it to %d.", granted, newval);
	GUC_check_errhint("A superuser can raise it for a role with ALTER ROLE ... SET.");
	return false;
}
