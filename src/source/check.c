/*
 * source/check.c
 *		olist_etl.check_source(): what works on the way to a source, and what
 *		does not.
 *
 *		address ──► resolve ──► connect ──► tls ──► sign ──► list ──► read
 *
 * Each step is a row, with the time it took. The first that fails says why, in
 * the words that any other use of the source would fail with, and ends it.
 */
#include "postgres.h"

#include <math.h>

#include "access/xact.h"
#include "base/message.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "source/backoff.h"
#include "source/credentials.h"
#include "source/listing.h"
#include "source/policy.h"
#include "source/remote.h"
#include "source/stream.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/resowner.h"
#include "utils/tuplestore.h"

PG_FUNCTION_INFO_V1(olist_etl_check_source);

/* what the steps hand on to each other */
typedef struct Check
{
	ReturnSetInfo *result;
	char *text; /* the URI */
	const char *server;
	OlistUri *uri;
	OlistSourceOptions *options;
	OlistObject object; /* the first that was listed; uri NULL: none */
	bool https;
	OlistRemote *remote; /* NULL: not over a network */
	OlistHttp *http;	 /* of the probe */
	OlistHttpTimes times;
	bool failed;
	OlistHttpFailure failure; /* if it failed */
	char *detail;			  /* what a step has to say */
	double ms;				  /* what a step took, if that is not the time of the call; else -1 */
} Check;

typedef void (*Step)(Check *check);

static void
add_row(Check *check, const char *step, const char *status, double ms, const char *detail,
		const char *hint)
{
	Datum values[5];
	bool nulls[5] = {false};

	values[0] = CStringGetTextDatum(step);
	values[1] = CStringGetTextDatum(status);
	values[2] = Float8GetDatum(rint(ms * 1000) / 1000);
	nulls[3] = detail == NULL;
	values[3] = detail ? CStringGetTextDatum(detail) : (Datum) 0;
	nulls[4] = hint == NULL;
	values[4] = hint ? CStringGetTextDatum(hint) : (Datum) 0;
	tuplestore_putvalues(check->result->setResult, check->result->setDesc, values, nulls);
}

/* a step's error as a row; one that is about the session goes on its way */
static void
add_error(Check *check, const char *step, double ms, const ErrorData *error)
{
	char *detail = psprintf("%s (%s)", error->message, unpack_sql_state(error->sqlerrcode));

	if (error->detail != NULL)
		detail = psprintf("%s. %s", detail, error->detail);
	add_row(check, step, "failed", ms, detail, error->hint);
}

/*
 * Do a step in a subtransaction of its own, so that its failure leaves nothing
 * behind. False if it failed; the row is there either way.
 */
static bool
attempt(Check *check, const char *name, Step step)
{
	MemoryContext caller = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	double start = olist_backoff_now();
	ErrorData *volatile error = NULL;
	double ms;

	check->detail = NULL;
	check->ms = -1;
	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(caller);
	PG_TRY();
	{
		step(check);
		ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(caller);
		error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
	}
	PG_END_TRY();
	MemoryContextSwitchTo(caller);
	CurrentResourceOwner = owner;
	ms = check->ms >= 0 ? check->ms : olist_backoff_now() - start;
	if (error == NULL)
	{
		add_row(check, name, "ok", ms, check->detail, NULL);
		return true;
	}
	if (ERRCODE_TO_CATEGORY(error->sqlerrcode) == ERRCODE_OPERATOR_INTERVENTION)
		ReThrowError(error);
	add_error(check, name, ms, error);
	return false;
}

static bool
is_remote(const OlistUri *uri)
{
	return uri->scheme == OLIST_SCHEME_S3 || uri->scheme == OLIST_SCHEME_HTTP ||
		   uri->scheme == OLIST_SCHEME_HTTPS;
}

/* is the address one, may the user use the server and this kind of address? */
static void
check_address(Check *check)
{
	check->uri = olist_uri_parse(check->text);
	check->options =
		olist_source_options(olist_source_server(check->server, check->text), GetUserId());
	olist_policy_check_scheme(check->uri, check->options);
	check->remote =
		is_remote(check->uri) ? olist_remote_create(check->uri, check->text, check->options) : NULL;
	check->detail = olist_redact_uri(check->remote ? olist_remote_url(check->remote) : check->text);
}

/* send a request that proves nothing, and wait for what becomes of it */
static void
probe(Check *check)
{
	check->http = olist_http_create(0);
	olist_remote_probe(check->remote, check->http);
	while (olist_http_state(check->http) == OLIST_HTTP_RUNNING)
		olist_http_drive(true);
	olist_http_times(check->http, &check->times);
	check->failed = olist_http_state(check->http) == OLIST_HTTP_FAILED;
	if (check->failed)
		olist_http_failure(check->http, &check->failure);
}

static void
check_resolve(Check *check)
{
	probe(check);
	check->ms = check->times.resolved * 1000;
	if (check->failed && check->failure.phase == OLIST_HTTP_RESOLVE)
		olist_remote_raise(check->remote, check->http, 1);
}

/* over http this is the last thing that can fail before S3 has its say */
static void
check_connect(Check *check)
{
	check->ms = Max(check->times.connected - check->times.resolved, 0) * 1000;
	if (check->failed && (check->failure.phase == OLIST_HTTP_CONNECT || !check->https))
		olist_remote_raise(check->remote, check->http, 1);
	check->detail = check->times.address;
}

static void
check_tls(Check *check)
{
	check->ms = Max(check->times.secured - check->times.connected, 0) * 1000;
	if (check->failed)
		olist_remote_raise(check->remote, check->http, 1);
}

/* whose credentials would be used? */
static void
check_sign(Check *check)
{
	const OlistCredentials *credentials = olist_credentials_get(check->options);

	check->detail = pstrdup(credentials ? credentials->origin : "anonymous: nothing is signed");
}

/* list what the address stands for, up to its first object */
static void
check_list(Check *check)
{
	OlistListing *listing = olist_listing_open(check->text, check->options);

	if (olist_listing_next(listing, &check->object))
		check->detail = psprintf("%s, %s bytes", olist_redact_uri(check->object.uri),
								 psprintf(INT64_FORMAT, check->object.size));
	else
	{
		check->object.uri = NULL;
		check->detail = pstrdup("There is no object.");
	}
	olist_listing_close(listing);
}

/* read, and where it is packed unpack, the first bytes of the first object */
static void
check_read(Check *check)
{
	OlistStream *stream;
	char byte;

	stream = olist_stream_open(check->object.uri, &check->object, check->options);
	check->detail = pstrdup(olist_stream_read(stream, &byte, 1) > 0 ? "The first bytes came."
																	: "The object is empty.");
	olist_stream_close(stream);
}

static void
check_all(Check *check)
{
	if (!attempt(check, "address", check_address))
		return;
	if (check->remote != NULL)
	{
		const char *endpoint = check->options->endpoint;

		check->https = check->uri->scheme == OLIST_SCHEME_HTTPS ||
					   (check->uri->scheme == OLIST_SCHEME_S3 &&
						(endpoint == NULL || pg_strncasecmp(endpoint, "https:", 6) == 0));
		if (!attempt(check, "resolve", check_resolve) ||
			!attempt(check, "connect", check_connect) ||
			(check->https && !attempt(check, "tls", check_tls)))
			return;
	}
	if (check->uri->scheme == OLIST_SCHEME_S3 && !attempt(check, "sign", check_sign))
		return;
	if (!attempt(check, "list", check_list))
		return;
	if (check->object.uri != NULL)
		(void) attempt(check, "read", check_read);
	else
		add_row(check, "read", "warning", 0, "There is nothing to read.",
				"The bucket, directory or prefix may be another.");
}

/* check_source(uri text, server name) returns table */
Datum
olist_etl_check_source(PG_FUNCTION_ARGS)
{
	Check check = {0};

	if (PG_ARGISNULL(0))
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("uri must not be null")));
	InitMaterializedSRF(fcinfo, 0);
	check.result = (ReturnSetInfo *) fcinfo->resultinfo;
	check.text = text_to_cstring(PG_GETARG_TEXT_PP(0));
	check.server = PG_ARGISNULL(1) ? NULL : NameStr(*PG_GETARG_NAME(1));
	check_all(&check);
	return (Datum) 0;
}
