/*
 * source/policy.c
 *		What a user may reach.
 */
#include "postgres.h"

#include "source/policy.h"

#include "catalog/pg_authid.h"
#include "utils/acl.h"

void
olist_policy_check_scheme(const OlistUri *uri, const OlistSourceOptions *options)
{
	switch (uri->scheme)
	{
		case OLIST_SCHEME_FILE:
			if (!has_privs_of_role(options->userid, ROLE_PG_READ_SERVER_FILES))
				ereport(ERROR,
						(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
						 errmsg("permission denied to read files of the server"),
						 errdetail("Only roles with privileges of the role \"%s\" may read them.",
								   "pg_read_server_files")));
			break;
		case OLIST_SCHEME_HTTP:
			if (!options->use_http)
				ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
								errmsg("plain http is not allowed"),
								errhint("Use https, or have a superuser set the option use_http "
										"of the server.")));
			break;
		case OLIST_SCHEME_HTTPS:
		case OLIST_SCHEME_S3:
		case OLIST_SCHEME_SAMPLE:
			break;
	}
}
