/*
 * source/remote_answer.c
 *		What a server's answers mean: elsewhere, later, or the error it is.
 *
 *		status, error document ──► corrected: again | transient: later | error
 *
 * Over s3 an answer that names another region is believed as to the region
 * only: the address is made by us, from our endpoint or AWS's, never from the
 * answer, so credentials cannot be led astray. Over http(s) nothing is signed,
 * and up to three redirects are followed, never from https to http.
 */
#include "postgres.h"

#include "source/remote.h"

#include <time.h>

#include <curl/curl.h>

#include "base/message.h"
#include "lib/stringinfo.h"
#include "source/credentials.h"
#include "source/policy.h"
#include "source/s3_error.h"
#include "utils/memutils.h"

/* a server that wants more patience than this is treated as busy, in ms */
#define MAX_RETRY_AFTER 30000

#define MAX_REGION_CHANGES 2
#define MAX_HOPS 3

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

/* Retry-After, given as seconds or as a date, in ms; -1 without one */
static int
retry_after(const OlistHttp *http)
{
	char *text = olist_http_header(http, "retry-after");
	char *end;
	long value;

	if (text == NULL)
		return -1;
	value = strtol(text, &end, 10);
	if (end == text || *end != '\0')
	{
		time_t date = curl_getdate(text, NULL);

		value = date == -1 ? -1 : (long) (date - time(NULL));
	}
	return value < 0 ? -1 : (int) Min(value, MAX_RETRY_AFTER / 1000) * 1000;
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
	olist_remote_change_region(remote, region);
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
	char *text = NULL;
	char *result = NULL;

	if (url == NULL)
		return NULL;
	if (curl_url_set(url, CURLUPART_URL, psprintf("%s%s", olist_uri_origin(base), base->path),
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
