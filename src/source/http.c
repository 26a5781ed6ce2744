/*
 * source/http.c
 *		HTTP requests in flight.
 *
 *		request ──► easy handle ──► multi handle ──► [socket]
 *		body ──► write callback ──► buffer of the transfer ──► olist_http_take()
 *
 * A transfer's memory context stops the transfer before its memory goes, so
 * libcurl never holds a pointer into freed memory, whatever error unwinds us.
 */
#include "postgres.h"

#include "source/http.h"

#include "base/message.h"
#include "source/http_transfer.h"
#include "utils/memutils.h"

/* libcurl gives the write callback at most this much, so no buffer is smaller */
#define MIN_CAPACITY (2 * CURL_MAX_WRITE_SIZE)

static void
release_callback(void *arg)
{
	olist_http_engine_release(arg);
}

OlistHttp *
olist_http_create(size_t capacity)
{
	MemoryContext context =
		AllocSetContextCreate(CurrentMemoryContext, "olist http", ALLOCSET_SMALL_SIZES);
	OlistHttp *http = MemoryContextAllocZero(context, sizeof(OlistHttp));

	http->context = context;
	http->capacity = Max(capacity, MIN_CAPACITY);
	http->buf = MemoryContextAllocHuge(context, http->capacity);
	http->callback.func = release_callback;
	http->callback.arg = http;
	MemoryContextRegisterResetCallback(context, &http->callback);
	return http;
}

void
olist_http_stop(OlistHttp *http)
{
	olist_http_engine_release(http);
	http->head_done = false;
	http->finished = false;
	http->status = 0;
	http->head_len = 0;
	http->error_len = 0;
	http->code = CURLE_OK;
	http->denied = http->out_of_fds = http->stalled = http->head_overflow = false;
	http->idle_ms = 0;
	http->unhurried = 0;
	http->message[0] = '\0';
	http->peer[0] = '\0';
	memset(&http->times, 0, sizeof(http->times));
}

void
olist_http_discard(OlistHttp *http)
{
	http->len = http->pos = 0;
}

void
olist_http_start(OlistHttp *http, const OlistHttpRequest *request)
{
	olist_http_stop(http);
	olist_http_engine_open();
	http->host = MemoryContextStrdup(http->context, request->host);
	http->port = request->port;
	http->metadata = request->metadata;
	http->timeout = request->options->timeout;
	olist_http_engine_equip(http);
	olist_http_configure(http, request);
	olist_http_engine_add(http);
}

OlistHttpState
olist_http_state(const OlistHttp *http)
{
	if (http->finished)
		return http->code == CURLE_OK && http->head_done ? OLIST_HTTP_DONE : OLIST_HTTP_FAILED;
	if (http->easy == NULL)
		return OLIST_HTTP_IDLE;
	return http->head_done ? OLIST_HTTP_BODY : OLIST_HTTP_RUNNING;
}

bool
olist_http_has_header(const OlistHttp *http)
{
	return http->head_done;
}

int
olist_http_status(const OlistHttp *http)
{
	return http->status;
}

char *
olist_http_header(const OlistHttp *http, const char *name)
{
	size_t name_len = strlen(name);
	const char *end = http->head + http->head_len;
	const char *line = http->head;

	while (line < end)
	{
		const char *eol = memchr(line, '\n', end - line);
		const char *value = line + name_len;

		if (eol == NULL)
			break;
		if (value < eol && *value == ':' && pg_strncasecmp(line, name, name_len) == 0)
		{
			const char *stop = eol;

			value++;
			while (value < stop && (*value == ' ' || *value == '\t'))
				value++;
			while (stop > value && isspace((unsigned char) stop[-1]))
				stop--;
			return pnstrdup(value, stop - value);
		}
		line = eol + 1;
	}
	return NULL;
}

bool
olist_http_paused(const OlistHttp *http)
{
	return http->paused;
}

void
olist_http_close(OlistHttp *http)
{
	MemoryContextDelete(http->context);
}

size_t
olist_http_available(const OlistHttp *http)
{
	return http->len - http->pos;
}

size_t
olist_http_take(OlistHttp *http, char *buf, size_t len)
{
	len = Min(len, http->len - http->pos);
	memcpy(buf, http->buf + http->pos, len);
	http->pos += len;
	if (http->pos == http->len)
	{
		http->pos = http->len = 0;
		olist_http_engine_resume(http);
	}
	return len;
}

char *
olist_http_error_body(const OlistHttp *http, size_t *len)
{
	*len = http->error_len;
	return pnstrdup(http->error_body, http->error_len);
}

void
olist_http_times(const OlistHttp *http, OlistHttpTimes *times)
{
	*times = http->times;
	times->address = pstrdup(http->peer);
}

/* libcurl's code does not say in which phase time ran out, the times do */
static OlistHttpPhase
phase_of_timeout(const OlistHttp *http)
{
	if (http->times.resolved == 0)
		return OLIST_HTTP_RESOLVE;
	if (http->times.connected == 0)
		return OLIST_HTTP_CONNECT;
	return http->times.sent == 0 ? OLIST_HTTP_TLS : OLIST_HTTP_ANSWER;
}

/* what libcurl's code means for the user, and whether another try makes sense */
static void
classify(const OlistHttp *http, OlistHttpFailure *failure)
{
	failure->phase = OLIST_HTTP_ANSWER;
	failure->reason = OLIST_RETRY_RESET;
	switch (http->code)
	{
		case CURLE_COULDNT_RESOLVE_HOST:
			failure->phase = OLIST_HTTP_RESOLVE;
			failure->transient = true;
			failure->reason = OLIST_RETRY_CONNECT;
			break;
		case CURLE_COULDNT_CONNECT:
			failure->phase = OLIST_HTTP_CONNECT;
			failure->transient = true;
			failure->reason = OLIST_RETRY_CONNECT;
			break;
		case CURLE_OPERATION_TIMEDOUT:
			failure->phase = phase_of_timeout(http);
			failure->transient = true;
			failure->reason = OLIST_RETRY_TIMEOUT;
			break;
		case CURLE_SSL_CONNECT_ERROR:
		case CURLE_PEER_FAILED_VERIFICATION:
		case CURLE_SSL_CACERT_BADFILE:
		case CURLE_SSL_CERTPROBLEM:
		case CURLE_SSL_CIPHER:
		case CURLE_SSL_ISSUER_ERROR:
		case CURLE_SSL_INVALIDCERTSTATUS:
			failure->phase = OLIST_HTTP_TLS;
			failure->hint = "Check the server's certificate, the option ca_file and the option "
							"min_tls of the server.";
			break;
		case CURLE_OUT_OF_MEMORY:
			failure->sqlerrcode = ERRCODE_OUT_OF_MEMORY;
			break;
		case CURLE_UNSUPPORTED_PROTOCOL:
		case CURLE_WEIRD_SERVER_REPLY:
		case CURLE_WRITE_ERROR:
		case CURLE_BAD_CONTENT_ENCODING:
			failure->sqlerrcode = ERRCODE_PROTOCOL_VIOLATION;
			break;
		default:
			failure->transient = true;
			break;
	}
	if (failure->sqlerrcode == 0)
		failure->sqlerrcode = failure->phase == OLIST_HTTP_ANSWER
								  ? ERRCODE_CONNECTION_FAILURE
								  : ERRCODE_SQLCLIENT_UNABLE_TO_ESTABLISH_SQLCONNECTION;
}

void
olist_http_failure(const OlistHttp *http, OlistHttpFailure *failure)
{
	const char *message = http->message[0] != '\0' ? http->message : curl_easy_strerror(http->code);

	memset(failure, 0, sizeof(*failure));
	classify(http, failure);
	failure->message = psprintf("%s.", olist_clip(message, strlen(message)));
	if (http->denied && http->code == CURLE_COULDNT_CONNECT)
	{
		failure->sqlerrcode = ERRCODE_INSUFFICIENT_PRIVILEGE;
		failure->transient = false;
		failure->message = psprintf("The host \"%s\", or the address that it has, is not allowed.",
									olist_clip(http->host, strlen(http->host)));
		failure->hint = "A superuser can list it in olist_etl.allowed_endpoints: a private or "
						"loopback address by the address itself or its network.";
	}
	else if (http->out_of_fds && http->code == CURLE_COULDNT_CONNECT)
	{
		/* another transfer may leave one */
		failure->sqlerrcode = ERRCODE_INSUFFICIENT_RESOURCES;
		failure->message = pstrdup("There is no file descriptor left for a connection.");
		failure->hint = "Raise max_files_per_process, or the operating system's limit.";
	}
	else if (http->stalled)
		failure->message =
			psprintf("Next to nothing came from the server for %d ms.", http->timeout);
	else if (http->head_overflow)
		failure->message =
			psprintf("The answer's headers have more than %d bytes.", OLIST_HTTP_HEAD_BYTES);
	else if (http->code == CURLE_OK)
		failure->message = pstrdup("The server's answer has no header.");
}
