/*
 * base/trust.c
 *		Whose tables we write into.
 */
#include "postgres.h"

#include "base/trust.h"

#include "miscadmin.h"
#include "utils/acl.h"

void
olist_trust_check_owner(Oid owner, const char *what)
{
	if (owner == GetUserId() || superuser_arg(owner))
		return;

	/* a superuser is a member of every role, which is no reason for trust */
	if (!superuser() && is_member_of_role(GetUserId(), owner))
		return;
	ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
					errmsg("%s belongs to role \"%s\", whose triggers would run with your rights",
						   what, GetUserNameFromId(owner, false)),
					errhint("Run as that role, or drop what it has made if it was not meant to.")));
}
