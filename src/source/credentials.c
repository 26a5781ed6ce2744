/*
 * source/credentials.c
 *		Who we are at a source.
 */
#include "postgres.h"

#include "source/credentials.h"

const OlistCredentials *
olist_credentials_get(const OlistSourceOptions *options)
{
	static OlistCredentials credentials;

	if (options->anonymous)
		return NULL;
	if (options->access_key_id == NULL || options->secret_access_key == NULL)
		ereport(ERROR, (errcode(ERRCODE_S_R_E_PROHIBITED_SQL_STATEMENT_ATTEMPTED),
						errmsg("no credentials"),
						errhint("Give the user mapping of the server a profile, or the options "
								"access_key_id and secret_access_key.")));
	credentials.access_key_id = options->access_key_id;
	credentials.secret_access_key = options->secret_access_key;
	credentials.session_token = options->session_token;
	credentials.expires = DT_NOEND;
	credentials.origin = "the user mapping";
	return &credentials;
}

bool
olist_credentials_renew(const OlistSourceOptions *options)
{
	return false;
}
