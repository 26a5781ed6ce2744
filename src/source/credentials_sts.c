/*
 * source/credentials_sts.c
 *		Temporary credentials from AWS's Security Token Service.
 *
 *		who we are, role ──► AssumeRole ──► temporary credentials
 *		a signed token, role ──► AssumeRoleWithWebIdentity ──► the same
 */
#include "postgres.h"

#include "source/credential_provider.h"

#include <time.h>

#include "base/message.h"
#include "source/http_fetch.h"
#include "source/s3_error.h"
#include "source/sigv4.h"
#include "source/time_text.h"
#include "source/uri.h"
#include "source/xml_fields.h"

#define SESSION_NAME "olist_etl"

/* where STS is: the option's endpoint, or AWS's of the region */
static OlistUri *
sts_endpoint(const OlistSourceOptions *options, const char *region)
{
	if (options->sts_endpoint != NULL)
		return olist_uri_parse(options->sts_endpoint);
	return olist_uri_parse(psprintf("https://sts.%s.amazonaws.com%s", region,
									strncmp(region, "cn-", 3) == 0 ? ".cn" : ""));
}

/* sign the request as base, for the service sts */
static List *
sign(const OlistSourceOptions *options, const char *region, const OlistCredentials *base,
	 const char *authority, const char *body)
{
	OlistSigner signer = {base->access_key_id, base->secret_access_key, region, "sts"};
	OlistSignable signable = {.method = "POST", .path = "/", .query = ""};
	List *headers = NIL;

	signable.payload_hash = olist_sigv4_hash(body, strlen(body));
	signable.amz_date = olist_sigv4_date((pg_time_t) time(NULL));
	headers = olist_pair_append(headers, "host", authority);
	headers = olist_pair_append(headers, "content-type", "application/x-www-form-urlencoded");
	headers = olist_pair_append(headers, "x-amz-date", signable.amz_date);
	headers = olist_pair_append(headers, "x-amz-content-sha256", signable.payload_hash);
	if (base->session_token != NULL)
		headers = olist_pair_append(headers, "x-amz-security-token", base->session_token);
	signable.headers = headers;
	return olist_pair_append(headers, "authorization",
							 olist_sigv4_authorization(&signer, &signable));
}

static OlistProvided
fail(OlistProviderError *error, const OlistUri *endpoint, const OlistHttpAnswer *answer)
{
	OlistS3Error document;
	const OlistS3Meaning *meaning;

	if (answer->status == 0)
	{
		error->sqlerrcode = answer->failure.sqlerrcode;
		error->message =
			psprintf("No answer from \"%s\": %s", endpoint->host, answer->failure.message);
		error->hint = answer->failure.hint;
		return OLIST_PROVIDER_FAILED;
	}
	olist_s3_error_parse(answer->body, answer->len, &document);
	meaning = olist_s3_error_meaning(document.code);
	error->sqlerrcode = answer->status >= 500 ? ERRCODE_CONNECTION_FAILURE
											  : ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION;
	error->message = psprintf("\"%s\" answered %d %s (%s).", endpoint->host, answer->status,
							  olist_clip(document.code, strlen(document.code)),
							  olist_clip(document.message, strlen(document.message)));
	error->hint = meaning != NULL ? meaning->hint : NULL;
	return OLIST_PROVIDER_FAILED;
}

static OlistProvided
read_credentials(const OlistHttpAnswer *answer, const OlistUri *endpoint,
				 OlistCredentials *credentials, OlistProviderError *error)
{
	char key[256];
	char secret[256];
	char token[16384];
	char expiration[64];
	const OlistXmlField fields[] = {
		{"AccessKeyId", key, sizeof(key)},
		{"SecretAccessKey", secret, sizeof(secret)},
		{"SessionToken", token, sizeof(token)},
		{"Expiration", expiration, sizeof(expiration)},
	};

	olist_xml_fields(answer->body, answer->len, fields, lengthof(fields));
	credentials->expires = olist_time_from_iso(expiration);
	if (key[0] == '\0' || secret[0] == '\0' || token[0] == '\0' ||
		TIMESTAMP_NOT_FINITE(credentials->expires))
	{
		error->sqlerrcode = ERRCODE_PROTOCOL_VIOLATION;
		error->message = psprintf("The answer of \"%s\" holds no credentials.", endpoint->host);
		return OLIST_PROVIDER_FAILED;
	}
	credentials->access_key_id = pstrdup(key);
	credentials->secret_access_key = pstrdup(secret);
	credentials->session_token = pstrdup(token);
	explicit_bzero(secret, sizeof(secret));
	explicit_bzero(token, sizeof(token));
	return OLIST_PROVIDER_GAVE;
}

/* send the form to STS; signed by base, or unsigned (NULL) where the token is the proof */
static OlistProvided
call(const OlistSourceOptions *options, const OlistCredentials *base, List *form,
	 OlistCredentials *credentials, OlistProviderError *error)
{
	const char *region = options->region ? options->region : "us-east-1";
	OlistUri *endpoint = sts_endpoint(options, region);
	char *body = olist_sigv4_query(olist_pair_append(form, "Version", "2011-06-15"));
	OlistHttpRequest request = {.method = "POST"};
	OlistHttpAnswer answer;
	OlistProvided provided;
	List *headers;

	if (base != NULL)
		headers = sign(options, region, base, olist_uri_authority(endpoint), body);
	else
		headers = olist_pair_append(NIL, "content-type", "application/x-www-form-urlencoded");
	request.url = psprintf("%s/", olist_uri_origin(endpoint));
	request.host = endpoint->host;
	request.port = endpoint->port;
	request.headers = olist_pair_lines(headers);
	request.body = body;
	request.options = options;
	olist_http_fetch(&request, 1 + options->retries, &answer);
	if (answer.status != 200)
		return fail(error, endpoint, &answer);
	provided = read_credentials(&answer, endpoint, credentials, error);
	explicit_bzero(answer.body, answer.len);
	return provided;
}

OlistProvided
olist_provide_from_role(const OlistSourceOptions *options, const OlistCredentials *base,
						OlistCredentials *credentials, OlistProviderError *error)
{
	List *form = olist_pair_append(NIL, "Action", "AssumeRole");
	OlistProvided provided;

	form = olist_pair_append(form, "RoleArn", options->role_arn);
	form = olist_pair_append(form, "RoleSessionName", SESSION_NAME);
	if (options->external_id != NULL)
		form = olist_pair_append(form, "ExternalId", options->external_id);
	if (options->role_duration > 0)
		form = olist_pair_append(form, "DurationSeconds", psprintf("%d", options->role_duration));
	provided = call(options, base, form, credentials, error);
	if (provided == OLIST_PROVIDER_GAVE)
		credentials->origin =
			psprintf("the role \"%s\", assumed with %s",
					 olist_clip(options->role_arn, strlen(options->role_arn)), base->origin);
	return provided;
}

OlistProvided
olist_provide_from_web_identity(const OlistSourceOptions *options, OlistCredentials *credentials,
								OlistProviderError *error)
{
	const char *path = olist_provider_env("AWS_WEB_IDENTITY_TOKEN_FILE");
	const char *role = olist_provider_env("AWS_ROLE_ARN");
	const char *session = olist_provider_env("AWS_ROLE_SESSION_NAME");
	List *form = olist_pair_append(NIL, "Action", "AssumeRoleWithWebIdentity");
	OlistProvided provided;
	char *token;

	if (path == NULL || role == NULL)
		return OLIST_PROVIDER_ABSENT;
	if (!olist_provider_read_file(path, false, &token, error))
		return OLIST_PROVIDER_FAILED;
	form = olist_pair_append(form, "RoleArn", role);
	form = olist_pair_append(form, "RoleSessionName", session ? session : SESSION_NAME);
	form = olist_pair_append(form, "WebIdentityToken", token);
	provided = call(options, NULL, form, credentials, error);
	if (provided == OLIST_PROVIDER_GAVE)
		credentials->origin = pstrdup("the web identity of the server's environment");
	return provided;
}
