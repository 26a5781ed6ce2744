/*
 * source/credentials_metadata.c
 *		Credentials from the endpoints that a container's or a virtual machine's
 *		surroundings offer.
 *
 *		container (ECS, EKS):  GET the address in the environment
 *		instance (IMDSv2):	   PUT token ──► GET role's name ──► GET its credentials
 *
 * These endpoints stand at link-local addresses, which nothing else may reach:
 * the policy has a list of its own for them.
 */
#include "postgres.h"

#include "source/credential_provider.h"

#include "base/message.h"
#include "source/backoff.h"
#include "source/http_fetch.h"
#include "source/time_text.h"
#include "source/uri.h"

/* an endpoint that is there answers at once, in ms */
#define METADATA_TIMEOUT 1000
#define METADATA_TRIES 3

#define INSTANCE_ENDPOINT "http://169.254.169.254"
#define CONTAINER_ENDPOINT "http://169.254.170.2"

/* how long a machine without the endpoint is remembered to have none, in ms */
#define ABSENT_FOR (5 * 60 * 1000)

static OlistProvided
fail(OlistProviderError *error, const char *what, const OlistHttpAnswer *answer)
{
	error->sqlerrcode = answer->status == 0 ? answer->failure.sqlerrcode
											: ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION;
	error->message = answer->status == 0 ? psprintf("%s: %s", what, answer->failure.message)
										 : psprintf("%s answered %d.", what, answer->status);
	error->hint = NULL;
	return OLIST_PROVIDER_FAILED;
}

/* one request to an endpoint's path, with one header or none */
static void
ask(const OlistSourceOptions *options, const OlistUri *endpoint, const char *method,
	const char *path, const char *header, OlistHttpAnswer *answer)
{
	OlistSourceOptions hasty = *options;
	OlistHttpRequest request = {.method = method, .metadata = true};

	hasty.connect_timeout = METADATA_TIMEOUT;
	hasty.timeout = METADATA_TIMEOUT;
	request.url = psprintf("%s%s", olist_uri_origin(endpoint), path);
	request.host = endpoint->host;
	request.port = endpoint->port;
	request.headers = header != NULL ? list_make1(unconstify(char *, header)) : NIL;
	request.body = strcmp(method, "PUT") == 0 ? "" : NULL;
	request.options = &hasty;
	olist_http_fetch(&request, METADATA_TRIES, answer);
}

/* after the opening quote: the string, without its escapes, into out if that is not NULL */
static const char *
read_string(const char *p, char *out)
{
	for (; *p != '"' && *p != '\0'; p++)
	{
		if (*p == '\\' && p[1] != '\0')
			p++; /* the values have no escapes but of '/' and '"' */
		if (out != NULL)
			*out++ = *p;
	}
	if (out != NULL)
		*out = '\0';
	return *p == '"' ? p + 1 : p;
}

/*
 * The string of that name in a flat JSON object, palloc'd, or NULL. Not the
 * server's parser, because its errors would show the document.
 */
static char *
json_string(const char *document, const char *name)
{
	char *text = palloc(strlen(document) + 1);
	const char *p = document;

	while ((p = strchr(p, '"')) != NULL)
	{
		bool wanted;

		p = read_string(p + 1, text);
		wanted = strcmp(text, name) == 0;
		p += strspn(p, " \t\r\n");
		if (*p != ':')
			continue;
		p++;
		p += strspn(p, " \t\r\n");
		if (*p != '"')
			continue;
		p = read_string(p + 1, text);
		if (wanted)
			return text;
	}
	pfree(text);
	return NULL;
}

static OlistProvided
read_credentials(const OlistHttpAnswer *answer, const char *what, OlistCredentials *credentials,
				 OlistProviderError *error)
{
	credentials->access_key_id = json_string(answer->body, "AccessKeyId");
	credentials->secret_access_key = json_string(answer->body, "SecretAccessKey");
	credentials->session_token = json_string(answer->body, "Token");
	credentials->expires = olist_time_from_iso(json_string(answer->body, "Expiration"));
	explicit_bzero(answer->body, answer->len);
	if (credentials->access_key_id == NULL || credentials->secret_access_key == NULL)
	{
		error->sqlerrcode = ERRCODE_PROTOCOL_VIOLATION;
		error->message = psprintf("The answer of %s holds no credentials.", what);
		return OLIST_PROVIDER_FAILED;
	}
	if (TIMESTAMP_NOT_FINITE(credentials->expires))
		credentials->expires = DT_NOEND;
	credentials->origin = pstrdup(what);
	return OLIST_PROVIDER_GAVE;
}

OlistProvided
olist_provide_from_container(const OlistSourceOptions *options, OlistCredentials *credentials,
							 OlistProviderError *error)
{
	const char *what = "the container's credentials endpoint";
	const char *relative = olist_provider_env("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
	const char *full = olist_provider_env("AWS_CONTAINER_CREDENTIALS_FULL_URI");
	const char *token = olist_provider_env("AWS_CONTAINER_AUTHORIZATION_TOKEN");
	const char *token_file = olist_provider_env("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
	OlistHttpAnswer answer;
	OlistUri *endpoint;

	if (relative == NULL && full == NULL)
		return OLIST_PROVIDER_ABSENT;
	endpoint = olist_uri_parse(relative ? psprintf("%s%s", CONTAINER_ENDPOINT, relative) : full);
	if (token_file != NULL)
	{
		char *content;

		if (!olist_provider_read_file(token_file, false, &content, error))
			return OLIST_PROVIDER_FAILED;
		token = content;
	}
	ask(options, endpoint, "GET", endpoint->path,
		token ? psprintf("Authorization: %s", token) : NULL, &answer);
	if (answer.status != 200)
		return fail(error, what, &answer);
	return read_credentials(&answer, what, credentials, error);
}

OlistProvided
olist_provide_from_instance(const OlistSourceOptions *options, OlistCredentials *credentials,
							OlistProviderError *error)
{
	static double absent_until = 0;
	const char *what = "the instance's metadata endpoint";
	const char *path = "/latest/meta-data/iam/security-credentials/";
	const char *disabled = olist_provider_env("AWS_EC2_METADATA_DISABLED");
	const char *address = olist_provider_env("AWS_EC2_METADATA_SERVICE_ENDPOINT");
	OlistUri *endpoint = olist_uri_parse(address ? address : INSTANCE_ENDPOINT);
	OlistHttpAnswer answer;
	char *header;

	if ((disabled != NULL && pg_strcasecmp(disabled, "true") == 0) ||
		olist_backoff_now() < absent_until)
		return OLIST_PROVIDER_ABSENT;
	ask(options, endpoint, "PUT", "/latest/api/token",
		"X-aws-ec2-metadata-token-ttl-seconds: 21600", &answer);
	if (answer.status == 0)
	{
		/* most machines are no instance */
		absent_until = olist_backoff_now() + ABSENT_FOR;
		return OLIST_PROVIDER_ABSENT;
	}
	if (answer.status != 200)
		return fail(error, what, &answer);
	header = psprintf("X-aws-ec2-metadata-token: %s", answer.body);
	ask(options, endpoint, "GET", path, header, &answer);
	if (answer.status == 404)
		return OLIST_PROVIDER_ABSENT; /* an instance without a role */
	if (answer.status != 200)
		return fail(error, what, &answer);
	answer.body[strcspn(answer.body, "\r\n")] = '\0';
	if (strspn(answer.body,
			   "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+=,.@_-") !=
		strlen(answer.body))
		return fail(error, what, &answer);
	ask(options, endpoint, "GET", psprintf("%s%s", path, answer.body), header, &answer);
	if (answer.status != 200)
		return fail(error, what, &answer);
	return read_credentials(&answer, what, credentials, error);
}
