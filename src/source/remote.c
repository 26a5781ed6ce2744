/*
 * source/remote.c
 *		An object or a bucket at an HTTP server: how to ask for it, and what the
 *		server's answers mean.
 *
 *		URI, options, credentials ──► URL, headers, signature ──► transfer
 *		status, error document ──► again elsewhere | later | the error it is
 *
 * Over s3: every request is signed, and signed again for each try. An answer
 * that names another region is believed as to the region only: the address is
 * made by us, from our endpoint or AWS's, never from the answer, so credentials
 * cannot be led astray. Over http(s): nothing is signed, and up to three
 * redirects are followed, never from https to http.
 */
#include "postgres.h"

#include "source/remote.h"

#include <time.h>

#include <curl/curl.h>

#include "base/message.h"
#include "mb/pg_wchar.h"
#include "source/credentials.h"
#include "source/policy.h"
#include "source/s3_error.h"
#include "source/sigv4.h"
#include "utils/memutils.h"

#define DEFAULT_REGION "us-east-1"

/* a server that wants more patience than this is treated as busy, in ms */
#define MAX_RETRY_AFTER 30000

#define MAX_REGION_CHANGES 2
#define MAX_HOPS 3

/* where a request for a bucket or a key goes */
typedef struct Target
{
	char *origin; /* https://host[:port] */
	char *host;	  /* as the policy sees it */
	int port;
	char *authority; /* as the Host header says it */
	char *path;		 /* encoded */
} Target;

/* the region that a bucket turned out to be in, for the backend's lifetime */
typedef struct KnownRegion
{
	char *bucket;
	char *region;
} KnownRegion;

static List *known_regions = NIL; /* of KnownRegion, in TopMemoryContext */

static KnownRegion *
find_region(const char *bucket)
{
	ListCell *lc;

	foreach (lc, known_regions)
	{
		KnownRegion *known = lfirst(lc);

		if (strcmp(known->bucket, bucket) == 0)
			return known;
	}
	return NULL;
}

static void
remember_region(const char *bucket, const char *region)
{
	KnownRegion *known = find_region(bucket);
	MemoryContext old = MemoryContextSwitchTo(TopMemoryContext);

	if (known == NULL)
	{
		known = palloc(sizeof(KnownRegion));
		known->bucket = pstrdup(bucket);
		known->region = pstrdup(region);
		known_regions = lappend(known_regions, known);
	}
	else if (strcmp(known->region, region) != 0)
		known->region = pstrdup(region);
	MemoryContextSwitchTo(old);
}

OlistRemote *
olist_remote_create(const OlistUri *uri, const char *text, const OlistSourceOptions *options)
{
	OlistRemote *remote = palloc0(sizeof(OlistRemote));

	remote->options = options;
	remote->uri = uri;
	remote->location = uri;
	remote->name = olist_redact_uri(text);
	if (uri->scheme == OLIST_SCHEME_S3)
	{
		/* a custom endpoint may have a bucket of the same name elsewhere */
		KnownRegion *known = options->endpoint == NULL ? find_region(uri->bucket) : NULL;

		remote->region = pstrdup(options->region ? options->region
								 : known != NULL ? known->region
												 : DEFAULT_REGION);
	}
	return remote;
}

/* can the bucket be a label of a host name under a wildcard certificate? */
static bool
fits_host_name(const char *bucket)
{
	size_t len = strlen(bucket);

	return len >= 3 && len <= 63 && bucket[0] != '-' && bucket[len - 1] != '-' &&
		   strspn(bucket, "abcdefghijklmnopqrstuvwxyz0123456789-") == len;
}

static bool
wants_virtual(const OlistRemote *remote)
{
	switch (remote->options->addressing)
	{
		case OLIST_ADDRESSING_PATH:
			return false;
		case OLIST_ADDRESSING_VIRTUAL:
			return true;
		case OLIST_ADDRESSING_AUTO:
			break;
	}
	return remote->options->endpoint == NULL && fits_host_name(remote->uri->bucket);
}

/* scheme, host and port of an endpoint with a prefix before its host, or none */
static void
set_origin(Target *target, const OlistUri *endpoint, const char *prefix)
{
	bool https = endpoint->scheme == OLIST_SCHEME_HTTPS;
	bool ipv6 = strchr(endpoint->host, ':') != NULL;

	target->host = psprintf("%s%s", prefix, endpoint->host);
	target->port = endpoint->port;
	target->authority = ipv6 ? psprintf("[%s]", target->host) : pstrdup(target->host);
	if (endpoint->port != (https ? 443 : 80))
		target->authority = psprintf("%s:%d", target->authority, endpoint->port);
	target->origin = psprintf("%s://%s", https ? "https" : "http", target->authority);
}

static const char *
aws_endpoint(const char *region)
{
	return psprintf("https://s3.%s.amazonaws.com%s", region,
					strncmp(region, "cn-", 3) == 0 ? ".cn" : "");
}

static void
set_s3_target(const OlistRemote *remote, bool with_key, Target *target)
{
	const char *text = remote->options->endpoint;
	OlistUri *endpoint = olist_uri_parse(text ? text : aws_endpoint(remote->region));
	bool virtual = wants_virtual(remote);
	StringInfoData path;

	olist_policy_check_scheme(endpoint, remote->options);
	set_origin(target, endpoint, virtual ? psprintf("%s.", remote->uri->bucket) : "");
	initStringInfo(&path);
	appendStringInfoChar(&path, '/');
	if (!virtual)
		olist_sigv4_encode(&path, remote->uri->bucket, false);
	if (!virtual && with_key)
		appendStringInfoChar(&path, '/');
	/* S3 speaks UTF-8; the database may speak something else */
	if (with_key)
		olist_sigv4_encode(
			&path, pg_server_to_any(remote->uri->key, (int) strlen(remote->uri->key), PG_UTF8),
			true);
	target->path = path.data;
}

static char *
range_header(const OlistAsk *ask)
{
	if (ask->last < 0)
		return psprintf("bytes=" INT64_FORMAT "-", ask->first);
	return psprintf("bytes=" INT64_FORMAT "-" INT64_FORMAT, ask->first, ask->last);
}

static const char *
method_of(OlistRequestKind kind)
{
	return kind == OLIST_REQUEST_HEAD ? "HEAD" : "GET";
}

/* headers that matter for the answer, in the form that is signed */
static List *
common_headers(const OlistAsk *ask)
{
	List *headers = NIL;

	if (ask->first >= 0)
		headers = olist_pair_append(headers, "range", range_header(ask));
	if (ask->if_match != NULL)
		headers = olist_pair_append(headers, "if-match", psprintf("\"%s\"", ask->if_match));
	return headers;
}

static List *
sign(const OlistRemote *remote, const Target *target, const OlistAsk *ask, const char *query)
{
	const OlistCredentials *credentials = olist_credentials_get(remote->options);
	List *headers = common_headers(ask);
	OlistSignable signable = {0};
	OlistSigner signer;

	headers = olist_pair_append(headers, "host", target->authority);
	if (remote->options->requester_pays)
		headers = olist_pair_append(headers, "x-amz-request-payer", "requester");
	if (credentials == NULL)
		return headers;

	signable.amz_date = olist_sigv4_date((pg_time_t) time(NULL));
	headers = olist_pair_append(headers, "x-amz-date", signable.amz_date);
	headers = olist_pair_append(headers, "x-amz-content-sha256", OLIST_SIGV4_EMPTY_PAYLOAD);
	if (credentials->session_token != NULL)
		headers = olist_pair_append(headers, "x-amz-security-token", credentials->session_token);
	signable.method = method_of(ask->kind);
	signable.path = target->path;
	signable.query = query;
	signable.headers = headers;
	signable.payload_hash = OLIST_SIGV4_EMPTY_PAYLOAD;
	signer.access_key_id = credentials->access_key_id;
	signer.secret_access_key = credentials->secret_access_key;
	signer.region = remote->region;
	signer.service = "s3";
	return olist_pair_append(headers, "authorization",
							 olist_sigv4_authorization(&signer, &signable));
}

static void
send_s3(OlistRemote *remote, OlistHttp *http, const OlistAsk *ask)
{
	OlistHttpRequest request = {0};
	const List *pairs = ask->query;
	Target target;
	char *query;

	set_s3_target(remote, ask->kind != OLIST_REQUEST_LIST, &target);
	if (ask->kind != OLIST_REQUEST_LIST && remote->uri->version_id != NULL)
		pairs = olist_pair_append(NIL, "versionId", remote->uri->version_id);
	query = olist_sigv4_query(pairs);
	request.method = method_of(ask->kind);
	request.url = psprintf("%s%s%s%s", target.origin, target.path, *query ? "?" : "", query);
	request.host = target.host;
	request.port = target.port;
	request.headers = olist_pair_lines(sign(remote, &target, ask, query));
	request.options = remote->options;
	olist_http_start(http, &request);
}

static void
send_plain(OlistRemote *remote, OlistHttp *http, const OlistAsk *ask)
{
	OlistHttpRequest request = {0};
	Target target;

	set_origin(&target, remote->location, "");
	request.method = method_of(ask->kind);
	request.url = psprintf("%s%s", target.origin, remote->location->path);
	request.host = target.host;
	request.port = target.port;
	request.headers = olist_pair_lines(common_headers(ask));
	request.options = remote->options;
	olist_http_start(http, &request);
}

void
olist_remote_send(OlistRemote *remote, OlistHttp *http, const OlistAsk *ask)
{
	MemoryContext scratch =
		AllocSetContextCreate(CurrentMemoryContext, "olist request", ALLOCSET_SMALL_SIZES);
	MemoryContext old = MemoryContextSwitchTo(scratch);

	olist_source_counters.requests[ask->kind]++;
	remote->conditional = ask->if_match != NULL;
	if (remote->uri->scheme == OLIST_SCHEME_S3)
		send_s3(remote, http, ask);
	else
		send_plain(remote, http, ask);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(scratch);
}

void
olist_remote_probe(OlistRemote *remote, OlistHttp *http)
{
	OlistHttpRequest request = {.method = "HEAD", .fresh = true};
	Target target;

	if (remote->uri->scheme == OLIST_SCHEME_S3)
		set_s3_target(remote, false, &target);
	else
		set_origin(&target, remote->location, "");
	request.url = psprintf("%s/", target.origin);
	request.host = target.host;
	request.port = target.port;
	request.options = remote->options;
	olist_source_counters.requests[OLIST_REQUEST_HEAD]++;
	olist_http_start(http, &request);
}

/* the error document, with a code derived from the status where it has none */
static void
read_error(OlistHttp *http, OlistS3Error *error)
{
	size_t len;
	char *body = olist_http_error_body(http, &len);

	olist_s3_error_parse(body, len, error);
	if (error->code[0] == '\0')
		strlcpy(error->code, olist_s3_error_code_of_status(olist_http_status(http)),
				sizeof(error->code));
	pfree(body);
}

/* Retry-After in ms, as seconds or not at all; -1 without one */
static int
retry_after(const OlistHttp *http)
{
	char *text = olist_http_header(http, "retry-after");
	char *end;
	long value;

	if (text == NULL)
		return -1;
	value = strtol(text, &end, 10);
	if (end == text || *end != '\0' || value < 0)
		return -1;
	return (int) Min(value, MAX_RETRY_AFTER / 1000) * 1000;
}

/* Does the answer say that the bucket lives in another region? Then sign for that. */
static bool
change_region(OlistRemote *remote, OlistHttp *http, const OlistS3Error *error)
{
	int status = olist_http_status(http);
	const char *region = olist_http_header(http, "x-amz-bucket-region");

	if (status != 301 && status != 307 && status != 400 && status != 403)
		return false;
	if (region == NULL)
		region = error->region;
	if (*region == '\0' || strlen(region) > 32 || strcmp(region, remote->region) == 0 ||
		strspn(region, "abcdefghijklmnopqrstuvwxyz0123456789-") != strlen(region) ||
		remote->region_changes == MAX_REGION_CHANGES)
		return false;
	remote->region = MemoryContextStrdup(GetMemoryChunkContext(remote), region);
	remote->region_changes++;
	if (remote->options->endpoint == NULL)
		remember_region(remote->uri->bucket, region);
	return true;
}

/* Are the credentials too old, and can others be had? */
static bool
renew_credentials(OlistRemote *remote, const OlistS3Error *error)
{
	static const char *const codes[] = {"ExpiredToken", "TokenRefreshRequired", "InvalidToken",
										"InvalidAccessKeyId"};

	for (size_t i = 0; i < lengthof(codes) && !remote->renewed; i++)
	{
		if (strcmp(error->code, codes[i]) == 0)
		{
			remote->renewed = true;
			return olist_credentials_renew(remote->options);
		}
	}
	return false;
}

/* the address that a Location header means, or NULL for one that is not followed */
static char *
resolve_location(const OlistUri *base, const char *location)
{
	CURLU *url = curl_url();
	Target target;
	char *text = NULL;
	char *result = NULL;

	set_origin(&target, base, "");
	if (url == NULL)
		return NULL;
	if (curl_url_set(url, CURLUPART_URL, psprintf("%s%s", target.origin, base->path),
					 CURLU_PATH_AS_IS) == CURLUE_OK &&
		curl_url_set(url, CURLUPART_URL, location, CURLU_PATH_AS_IS) == CURLUE_OK &&
		curl_url_get(url, CURLUPART_URL, &text, 0) == CURLUE_OK)
		result =
			MemoryContextAllocExtended(CurrentMemoryContext, strlen(text) + 1, MCXT_ALLOC_NO_OOM);
	if (result != NULL)
		strcpy(result, text);
	curl_free(text);
	curl_url_cleanup(url);
	return result;
}

static bool
is_redirect(int status)
{
	return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

/* http(s) only: go where the answer sends us, within bounds */
static bool
follow_redirect(OlistRemote *remote, OlistHttp *http)
{
	char *location = olist_http_header(http, "location");
	MemoryContext old;
	OlistUri *next;
	char *text;

	if (!is_redirect(olist_http_status(http)) || location == NULL)
		return false;
	text = resolve_location(remote->location, location);
	if (text == NULL || remote->hops == MAX_HOPS ||
		(pg_strncasecmp(text, "https://", 8) != 0 && pg_strncasecmp(text, "http://", 7) != 0))
		return false;
	old = MemoryContextSwitchTo(GetMemoryChunkContext(remote));
	next = olist_uri_parse(text);
	MemoryContextSwitchTo(old);
	if (next->scheme == OLIST_SCHEME_HTTP && remote->location->scheme == OLIST_SCHEME_HTTPS)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("could not read \"%s\": redirected from https to http", remote->name)));
	olist_policy_check_scheme(next, remote->options);
	remote->location = next;
	remote->hops++;
	return true;
}

/* Did the answer show something that has now been put right? */
static bool
correct(OlistRemote *remote, OlistHttp *http, const OlistS3Error *error, OlistRetryReason *reason)
{
	*reason = OLIST_RETRY_REGION;
	if (remote->uri->scheme != OLIST_SCHEME_S3)
		return follow_redirect(remote, http);
	if (change_region(remote, http, error))
		return true;
	*reason = OLIST_RETRY_CREDENTIALS;
	return renew_credentials(remote, error);
}

void
olist_remote_judge(OlistRemote *remote, OlistHttp *http, OlistVerdict *verdict)
{
	OlistHttpFailure failure;
	OlistS3Error error;
	bool throttled;

	memset(verdict, 0, sizeof(*verdict));
	verdict->delay = -1;
	if (olist_http_state(http) == OLIST_HTTP_FAILED)
	{
		olist_http_failure(http, &failure);
		verdict->again = failure.transient;
		verdict->reason = failure.reason;
		return;
	}

	read_error(http, &error);
	verdict->free = correct(remote, http, &error, &verdict->reason);
	if (verdict->free)
	{
		verdict->again = true;
		verdict->delay = 0;
		return;
	}
	verdict->again = olist_s3_error_transient(olist_http_status(http), error.code, &throttled);
	verdict->reason = throttled ? OLIST_RETRY_THROTTLED : OLIST_RETRY_SERVER;
	verdict->delay = retry_after(http);
}

/* how far our clock is from the server's, in seconds; 0 if it does not say */
static long
clock_difference(const OlistHttp *http)
{
	char *date = olist_http_header(http, "date");
	time_t theirs = date != NULL ? curl_getdate(date, NULL) : -1;

	return theirs == -1 ? 0 : (long) (time(NULL) - theirs);
}

/* "The server answered 403 AccessDenied: …" and what helps to tell causes apart */
static char *
describe_answer(OlistRemote *remote, OlistHttp *http, const OlistS3Error *error,
				const OlistS3Meaning *meaning)
{
	StringInfoData detail;
	long difference = clock_difference(http);

	initStringInfo(&detail);
	appendStringInfo(&detail, "The server answered %d", olist_http_status(http));
	if (error->code[0] != '\0')
		appendStringInfo(&detail, " %s", olist_clip(error->code, strlen(error->code)));
	if (error->message[0] != '\0')
		appendStringInfo(&detail, " (%s)", olist_clip(error->message, strlen(error->message)));
	appendStringInfoChar(&detail, '.');
	if (meaning != NULL && remote->uri->scheme == OLIST_SCHEME_S3 &&
		(meaning->sqlerrcode == ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION ||
		 meaning->sqlerrcode == ERRCODE_INSUFFICIENT_PRIVILEGE))
	{
		const OlistCredentials *credentials = olist_credentials_get(remote->options);

		appendStringInfo(&detail, " The request was signed with %s for the region %s.",
						 credentials ? credentials->origin : "no credentials at all",
						 remote->region);
		if (labs(difference) > 60)
			appendStringInfo(&detail, " The clock here is %ld s %s the server's.", labs(difference),
							 difference > 0 ? "ahead of" : "behind");
	}
	return detail.data;
}

static void
raise_failure(OlistRemote *remote, OlistHttp *http, int tries)
{
	OlistHttpFailure failure;

	olist_http_failure(http, &failure);
	ereport(
		ERROR,
		(errcode(failure.sqlerrcode),
		 errmsg("could not read \"%s\": %s", remote->name,
				failure.sqlerrcode == ERRCODE_INSUFFICIENT_PRIVILEGE ? "the endpoint is not allowed"
				: failure.sqlerrcode == ERRCODE_SQLCLIENT_UNABLE_TO_ESTABLISH_SQLCONNECTION
					? "no connection"
					: "the connection failed"),
		 tries > 1 ? errdetail("%s Tried %d times.", failure.message, tries)
				   : errdetail("%s", failure.message),
		 failure.hint ? errhint("%s", failure.hint) : 0));
}

void
olist_remote_raise(OlistRemote *remote, OlistHttp *http, int tries)
{
	const OlistS3Meaning *meaning;
	OlistS3Error error;
	const char *hint;
	char *detail;
	int status;

	if (olist_http_state(http) == OLIST_HTTP_FAILED)
		raise_failure(remote, http, tries);

	status = olist_http_status(http);
	read_error(http, &error);
	meaning = olist_s3_error_meaning(error.code);
	if (meaning == NULL && status == 401)
		meaning = olist_s3_error_meaning("InvalidAccessKeyId");
	if (status == 412 && !remote->conditional)
		meaning = NULL; /* Swift's word for a request that it cannot make sense of */
	detail = describe_answer(remote, http, &error, meaning);
	if (tries > 1)
		detail = psprintf("%s Tried %d times.", detail, tries);
	if (is_redirect(status) && remote->uri->scheme != OLIST_SCHEME_S3)
		ereport(ERROR, (errcode(ERRCODE_CONNECTION_FAILURE),
						errmsg("could not read \"%s\": too many redirects, or one to another "
							   "kind of address",
							   remote->name),
						errdetail("%s", detail)));
	hint = meaning != NULL ? meaning->hint : NULL;
	if (strcmp(error.code, "SignatureDoesNotMatch") == 0 && labs(clock_difference(http)) > 300)
		hint = "The clock of this machine differs from the storage's: correct it.";
	ereport(ERROR, (errcode(meaning ? meaning->sqlerrcode : ERRCODE_PROTOCOL_VIOLATION),
					errmsg("could not read \"%s\": %s", remote->name,
						   meaning ? meaning->text : "the server refused"),
					errdetail("%s", detail), hint ? errhint("%s", hint) : 0));
}
