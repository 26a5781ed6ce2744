/*
 * source/remote.c
 *		An object or a bucket at an HTTP server: how to ask for it.
 *
 *		URI, options, credentials ──► URL, headers, signature ──► transfer
 *
 * Over s3 every request is signed, and signed again for each try; over http(s)
 * nothing is.
 */
#include "postgres.h"

#include "source/remote.h"

#include <time.h>

#include "base/message.h"
#include "mb/pg_wchar.h"
#include "source/credentials.h"
#include "source/policy.h"
#include "source/sigv4.h"
#include "utils/memutils.h"

#define DEFAULT_REGION "us-east-1"

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
	char *place; /* endpoint and bucket */
	char *region;
} KnownRegion;

static List *known_regions = NIL; /* of KnownRegion, in TopMemoryContext */

static char *
place_of(const OlistRemote *remote)
{
	return psprintf("%s|%s", remote->options->endpoint ? remote->options->endpoint : "",
					remote->uri->bucket);
}

static KnownRegion *
find_region(const char *place)
{
	ListCell *lc;

	foreach (lc, known_regions)
	{
		KnownRegion *known = lfirst(lc);

		if (strcmp(known->place, place) == 0)
			return known;
	}
	return NULL;
}

void
olist_remote_change_region(OlistRemote *remote, const char *region)
{
	KnownRegion *known = find_region(place_of(remote));
	MemoryContext old = MemoryContextSwitchTo(GetMemoryChunkContext(remote));

	remote->region = pstrdup(region);
	remote->region_changes++;
	MemoryContextSwitchTo(TopMemoryContext);
	if (known == NULL)
	{
		known = palloc0(sizeof(KnownRegion));
		known->place = place_of(remote);
		known_regions = lappend(known_regions, known);
	}
	else
		pfree(known->region);
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
		KnownRegion *known = find_region(place_of(remote));

		/* what a server said is newer than what somebody wrote down */
		remote->region = pstrdup(known != NULL	   ? known->region
								 : options->region ? options->region
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

static void
set_origin(Target *target, const OlistUri *endpoint)
{
	target->host = endpoint->host;
	target->port = endpoint->port;
	target->authority = olist_uri_authority(endpoint);
	target->origin = olist_uri_origin(endpoint);
}

/* put the name of the bucket before the name of the host */
static void
move_into_host(OlistUri *endpoint, const char *bucket)
{
	if (strspn(endpoint->host, "0123456789.") == strlen(endpoint->host) ||
		strchr(endpoint->host, ':') != NULL)
		ereport(
			ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("the name of a bucket cannot stand before the address \"%s\"", endpoint->host),
			 errhint("Set the option addressing of the server to path, or name its endpoint.")));
	endpoint->host = psprintf("%s.%s", bucket, endpoint->host);
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
	if (virtual)
		move_into_host(endpoint, remote->uri->bucket);
	set_origin(target, endpoint);
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

	set_origin(&target, remote->location);
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

char *
olist_remote_url(const OlistRemote *remote)
{
	Target target;

	if (remote->uri->scheme != OLIST_SCHEME_S3)
	{
		set_origin(&target, remote->location);
		return psprintf("%s%s", target.origin, remote->location->path);
	}
	set_s3_target(remote, true, &target);
	return psprintf("%s%s", target.origin, target.path);
}

void
olist_remote_probe(OlistRemote *remote, OlistHttp *http)
{
	OlistHttpRequest request = {.method = "HEAD", .fresh = true};
	Target target;

	if (remote->uri->scheme == OLIST_SCHEME_S3)
		set_s3_target(remote, false, &target);
	else
		set_origin(&target, remote->location);
	request.url = psprintf("%s/", target.origin);
	request.host = target.host;
	request.port = target.port;
	request.options = remote->options;
	olist_source_counters.requests[OLIST_REQUEST_HEAD]++;
	olist_http_start(http, &request);
}
