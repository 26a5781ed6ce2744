/*
 * source/http.c
 *		HTTP requests in flight: the one transfer engine.
 *
 *		request ──► easy handle ──► multi handle ──► [socket]
 *		body ──► write callback ──► buffer of the transfer ──► olist_http_take()
 *
 * The callbacks run inside libcurl, so they raise nothing and allocate
 * nothing: they copy into what the transfer already has, set flags, and pause
 * when the buffer is full. Everything is judged afterwards, in our own frames.
 *
 * A transfer's memory context stops the transfer before its memory goes, so
 * libcurl never holds a pointer into freed memory, whatever error unwinds us.
 *
 * Signals are blocked around libcurl's work, because the thread in which it
 * resolves names inherits the mask: a signal that is meant for the backend
 * must not be handled there. They are open while we wait, and end the wait.
 */
#include "postgres.h"

#include "source/http.h"

#include <curl/curl.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include "base/message.h"
#include "lib/ilist.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "portability/instr_time.h"
#include "source/policy.h"
#include "storage/fd.h"
#include "storage/ipc.h"
#include "storage/pmsignal.h"
#include "utils/memutils.h"

/* the most that a wait sleeps before it looks for interrupts again, in ms */
#define MAX_NAP 50

/* what a server's headers may amount to; S3 itself allows 8 kB */
#define MAX_HEAD_BYTES (32 * 1024)

/* how much of an error's body is worth reading */
#define MAX_ERROR_BYTES (8 * 1024)

/* libcurl gives the write callback at most this much, so no buffer is smaller */
#define MIN_CAPACITY (2 * CURL_MAX_WRITE_SIZE)

#define MAX_IDLE_HANDLES 32
#define MAX_IDLE_CONNECTIONS 32

struct OlistHttp
{
	MemoryContext context;
	MemoryContextCallback callback; /* stops the transfer */
	dlist_node node;				/* in active, while easy is set */
	CURL *easy;						/* while the request is under way */
	struct curl_slist *headers;
	char *host; /* of the request, for the policy */
	int port;
	bool metadata;
	int timeout;	/* ms without news */
	double idle_ms; /* waited without news */

	/* the answer */
	int status;
	bool head_done;
	int head_len;
	int error_len;
	size_t len, pos; /* buf[pos..len) waits to be taken */
	bool paused;
	char *buf;
	size_t capacity;

	/* the end */
	bool finished;
	CURLcode code;
	bool denied; /* by the policy */
	bool out_of_fds;
	bool stalled;
	bool head_overflow;
	OlistHttpTimes times;
	char peer[64];

	char message[CURL_ERROR_SIZE];
	char head[MAX_HEAD_BYTES];
	char error_body[MAX_ERROR_BYTES];
};

OlistSourceStats olist_source_counters;

static CURLM *multi = NULL;
static CURLSH *share = NULL; /* TLS sessions */
static dlist_head active = DLIST_STATIC_INIT(active);
static CURL *idle[MAX_IDLE_HANDLES];
static int nidle = 0;
static bool news = false;			/* did a callback see any? */
static uint64 multi_generation = 0; /* of the policy that its connections obey */

static void out_of_memory(void) pg_attribute_noreturn();

static void
out_of_memory(void)
{
	ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory in libcurl")));
}

static void
block_signals(sigset_t *saved)
{
	sigset_t all;

	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, saved);
}

static void
restore_signals(const sigset_t *saved)
{
	pthread_sigmask(SIG_SETMASK, saved, NULL);
}

/*
 * libcurl would write TLS keys to the file that this variable names. It is
 * read when the library starts, so that is when it must be out of sight.
 */
static CURLcode
start_library(void)
{
	char *keylog = getenv("SSLKEYLOGFILE");
	char *saved = keylog ? pstrdup(keylog) : NULL;
	CURLcode code;

	if (saved)
		unsetenv("SSLKEYLOGFILE");
	code = curl_global_init(CURL_GLOBAL_DEFAULT);
	if (saved)
	{
		setenv("SSLKEYLOGFILE", saved, 1);
		pfree(saved);
	}
	return code;
}

/*
 * Have a multi handle whose cached connections the policy allows. After a
 * change of the policy they are closed as soon as nothing runs; until then
 * every new transfer opens a connection of its own.
 */
static void
open_engine(void)
{
	static bool started = false;

	if (!started)
	{
		if (start_library() != CURLE_OK)
			out_of_memory();
		started = true;
	}
	if (share == NULL)
	{
		share = curl_share_init();
		if (share == NULL)
			out_of_memory();
		curl_share_setopt(share, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION);
	}
	if (multi != NULL && multi_generation != olist_policy_generation() && dlist_is_empty(&active))
	{
		curl_multi_cleanup(multi);
		multi = NULL;
	}
	if (multi == NULL)
	{
		multi = curl_multi_init();
		if (multi == NULL)
			out_of_memory();
		curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, (long) MAX_IDLE_CONNECTIONS);
		multi_generation = olist_policy_generation();
	}
}

/* the status of a "HTTP/1.1 206 Partial Content", or 0 */
static int
parse_status(const char *line, size_t len)
{
	const char *space = memchr(line, ' ', len);

	if (space == NULL || line + len - space < 4)
		return 0;
	for (int i = 1; i <= 3; i++)
	{
		if (!isdigit((unsigned char) space[i]))
			return 0;
	}
	return (space[1] - '0') * 100 + (space[2] - '0') * 10 + (space[3] - '0');
}

/* one line of the header at a time; an interim answer's header is forgotten */
static size_t
header_callback(char *data, size_t size, size_t nitems, void *arg)
{
	OlistHttp *http = arg;
	size_t len = size * nitems;

	news = true;
	http->idle_ms = 0;
	if (len >= 5 && memcmp(data, "HTTP/", 5) == 0)
	{
		http->head_len = 0;
		http->head_done = false;
		http->status = parse_status(data, len);
	}
	else if (http->head_done)
		return len; /* trailers of a chunked body mean nothing to us */
	if (len > MAX_HEAD_BYTES - (size_t) http->head_len)
	{
		http->head_overflow = true;
		return 0;
	}
	memcpy(http->head + http->head_len, data, len);
	http->head_len += (int) len;
	if (len <= 2 && http->status >= 200)
		http->head_done = true;
	return len;
}

/* a piece of the body: of the object into the buffer, of an error aside */
static size_t
write_callback(char *data, size_t size, size_t nitems, void *arg)
{
	OlistHttp *http = arg;
	size_t len = size * nitems;

	news = true;
	http->idle_ms = 0;
	if (http->status / 100 != 2)
	{
		size_t room = MAX_ERROR_BYTES - http->error_len;

		memcpy(http->error_body + http->error_len, data, Min(len, room));
		http->error_len += (int) Min(len, room);
		return len;
	}
	if (http->len + len > http->capacity)
	{
		memmove(http->buf, http->buf + http->pos, http->len - http->pos);
		http->len -= http->pos;
		http->pos = 0;
		if (http->len + len > http->capacity)
		{
			http->paused = true;
			return CURL_WRITEFUNC_PAUSE;
		}
	}
	memcpy(http->buf + http->len, data, len);
	http->len += len;
	olist_source_counters.bytes += len;
	return len;
}

/* open the socket for a resolved address, if the policy lets us */
static curl_socket_t
open_socket_callback(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
	OlistHttp *http = arg;
	int fd;

	if (!(http->metadata ? olist_policy_allows_metadata(&address->addr)
						 : olist_policy_allows(http->host, http->port, &address->addr)))
	{
		http->denied = true;
		return CURL_SOCKET_BAD;
	}
	if (!AcquireExternalFD())
	{
		http->out_of_fds = true;
		return CURL_SOCKET_BAD;
	}
	fd = socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
	if (fd < 0)
	{
		http->out_of_fds = errno == EMFILE || errno == ENFILE;
		ReleaseExternalFD();
		return CURL_SOCKET_BAD;
	}
	olist_source_counters.connections++;
	return fd;
}

static int
close_socket_callback(void *arg, curl_socket_t fd)
{
	ReleaseExternalFD();
	return close(fd);
}

static CURL *
take_easy(void)
{
	CURL *easy = nidle > 0 ? idle[--nidle] : curl_easy_init();

	if (easy == NULL)
		out_of_memory();
	return easy;
}

/* keep the handle for the next transfer; it forgets all that it was told */
static void
give_back_easy(CURL *easy)
{
	if (nidle == MAX_IDLE_HANDLES)
	{
		curl_easy_cleanup(easy);
		return;
	}
	curl_easy_reset(easy);
	idle[nidle++] = easy;
}

/* let go of the easy handle and the headers; the answer stays */
static void
release(OlistHttp *http)
{
	if (http->easy != NULL)
	{
		CURL *easy = http->easy;
		sigset_t saved;

		block_signals(&saved);
		if (http->node.next != NULL)
		{
			dlist_delete(&http->node);
			http->node.next = NULL;
			curl_multi_remove_handle(multi, easy);
		}
		give_back_easy(easy);
		restore_signals(&saved);
		http->easy = NULL;
	}
	curl_slist_free_all(http->headers);
	http->headers = NULL;
	http->paused = false;
}

static void
release_callback(void *arg)
{
	release(arg);
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
	release(http);
	http->head_done = false;
	http->finished = false;
	http->status = 0;
	http->head_len = 0;
	http->error_len = 0;
	http->code = CURLE_OK;
	http->denied = http->out_of_fds = http->stalled = http->head_overflow = false;
	http->idle_ms = 0;
	http->message[0] = '\0';
	http->peer[0] = '\0';
	memset(&http->times, 0, sizeof(http->times));
}

void
olist_http_discard(OlistHttp *http)
{
	http->len = http->pos = 0;
}

/* libcurl's setters fail only for want of memory or an option it was built without */
#define SET(option, value)                                                               \
	do                                                                                   \
	{                                                                                    \
		if (curl_easy_setopt(http->easy, option, value) != CURLE_OK)                     \
			ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY),                              \
							errmsg("libcurl does not accept the setting %s", #option))); \
	} while (0)

/* what holds for every request: no surprises from the environment or the server */
static void
set_safety(OlistHttp *http, const OlistHttpRequest *request)
{
#if LIBCURL_VERSION_NUM >= 0x075500
	SET(CURLOPT_PROTOCOLS_STR, "http,https");
#else
	SET(CURLOPT_PROTOCOLS, (long) (CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
#if LIBCURL_VERSION_NUM >= 0x075700
	/* else stopping a transfer waits for its name to be resolved */
	SET(CURLOPT_QUICK_EXIT, 1L);
#endif
	SET(CURLOPT_FOLLOWLOCATION, 0L);
	SET(CURLOPT_PROXY, "");
	SET(CURLOPT_NOPROXY, "*");
	SET(CURLOPT_NETRC, (long) CURL_NETRC_IGNORED);
	SET(CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
	SET(CURLOPT_NOSIGNAL, 1L);
	SET(CURLOPT_PATH_AS_IS, 1L);
	SET(CURLOPT_HTTP_VERSION, (long) CURL_HTTP_VERSION_1_1);
	SET(CURLOPT_OPENSOCKETFUNCTION, open_socket_callback);
	SET(CURLOPT_OPENSOCKETDATA, http);
	SET(CURLOPT_CLOSESOCKETFUNCTION, close_socket_callback);
	SET(CURLOPT_SSL_VERIFYPEER, 1L);
	SET(CURLOPT_SSL_VERIFYHOST, 2L);
	SET(CURLOPT_SSLVERSION,
		(long) (strcmp(request->options->min_tls, "1.3") == 0 ? CURL_SSLVERSION_TLSv1_3
															  : CURL_SSLVERSION_TLSv1_2));
	if (request->options->ca_file != NULL)
		SET(CURLOPT_CAINFO, request->options->ca_file);
}

static void
set_method(OlistHttp *http, const OlistHttpRequest *request)
{
	if (strcmp(request->method, "HEAD") == 0)
		SET(CURLOPT_NOBODY, 1L);
	else if (request->body != NULL)
	{
		SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t) strlen(request->body));
		SET(CURLOPT_COPYPOSTFIELDS, request->body);
	}
	if (strcmp(request->method, "PUT") == 0)
		SET(CURLOPT_CUSTOMREQUEST, "PUT");
}

static void
set_headers(OlistHttp *http, const OlistHttpRequest *request)
{
	/* bytes as they are stored: what is packed is known by its content */
	static const char *const always[] = {"Accept-Encoding: identity", "Expect:"};
	ListCell *lc;

	for (size_t i = 0; i < lengthof(always); i++)
	{
		struct curl_slist *more = curl_slist_append(http->headers, always[i]);

		if (more == NULL)
			out_of_memory();
		http->headers = more;
	}
	foreach (lc, request->headers)
	{
		struct curl_slist *more = curl_slist_append(http->headers, lfirst(lc));

		if (more == NULL)
			out_of_memory();
		http->headers = more;
	}
	SET(CURLOPT_HTTPHEADER, http->headers);
}

static void
configure(OlistHttp *http, const OlistHttpRequest *request)
{
	SET(CURLOPT_PRIVATE, http);
	SET(CURLOPT_ERRORBUFFER, http->message);
	SET(CURLOPT_URL, request->url);
	set_safety(http, request);
	set_method(http, request);
	set_headers(http, request);
	SET(CURLOPT_USERAGENT, "olist_etl");
	SET(CURLOPT_HEADERFUNCTION, header_callback);
	SET(CURLOPT_HEADERDATA, http);
	SET(CURLOPT_WRITEFUNCTION, write_callback);
	SET(CURLOPT_WRITEDATA, http);
	SET(CURLOPT_BUFFERSIZE, 256L * 1024);
	SET(CURLOPT_CONNECTTIMEOUT_MS, (long) request->options->connect_timeout);
	SET(CURLOPT_TCP_KEEPALIVE, 1L);
	SET(CURLOPT_SHARE, share);
	if (request->metadata)
		SET(CURLOPT_FORBID_REUSE, 1L);
	if (request->metadata || multi_generation != olist_policy_generation())
		SET(CURLOPT_FRESH_CONNECT, 1L);
}

void
olist_http_start(OlistHttp *http, const OlistHttpRequest *request)
{
	CURLMcode code;
	sigset_t saved;

	olist_http_stop(http);
	open_engine();
	http->host = MemoryContextStrdup(http->context, request->host);
	http->port = request->port;
	http->metadata = request->metadata;
	http->timeout = request->options->timeout;
	http->easy = take_easy();
	configure(http, request);

	block_signals(&saved);
	code = curl_multi_add_handle(multi, http->easy);
	restore_signals(&saved);
	if (code != CURLM_OK)
		out_of_memory();
	dlist_push_tail(&active, &http->node);
}

static double
seconds(CURL *easy, CURLINFO info)
{
	curl_off_t microseconds = 0;

	(void) curl_easy_getinfo(easy, info, &microseconds);
	return (double) microseconds / 1e6;
}

static void
note_times(OlistHttp *http)
{
	const char *ip = NULL;

	http->times.resolved = seconds(http->easy, CURLINFO_NAMELOOKUP_TIME_T);
	http->times.connected = seconds(http->easy, CURLINFO_CONNECT_TIME_T);
	http->times.secured = seconds(http->easy, CURLINFO_APPCONNECT_TIME_T);
	http->times.sent = seconds(http->easy, CURLINFO_PRETRANSFER_TIME_T);
	http->times.first_byte = seconds(http->easy, CURLINFO_STARTTRANSFER_TIME_T);
	if (curl_easy_getinfo(http->easy, CURLINFO_PRIMARY_IP, &ip) == CURLE_OK && ip != NULL)
		strlcpy(http->peer, ip, sizeof(http->peer));
}

static void
finish(OlistHttp *http, CURLcode code)
{
	note_times(http);
	http->finished = true;
	http->code = code;
	news = true;
	release(http);
}

/* let libcurl do what can be done without waiting, and note which transfers ended */
static void
perform(void)
{
	CURLMcode code;
	CURLMsg *msg;
	int n;
	sigset_t saved;

	block_signals(&saved);
	code = curl_multi_perform(multi, &n);
	restore_signals(&saved);
	if (code != CURLM_OK)
		ereport(ERROR, (errcode(ERRCODE_INTERNAL_ERROR),
						errmsg("libcurl failed: %s", curl_multi_strerror(code))));
	while ((msg = curl_multi_info_read(multi, &n)) != NULL)
	{
		CURLcode result = msg->data.result;
		char *http = NULL;

		if (msg->msg != CURLMSG_DONE)
			continue;
		(void) curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, &http);
		finish((OlistHttp *) http, result);
	}
}

/* wait for the network; returns the milliseconds that took */
static double
nap(void)
{
	instr_time start;
	instr_time end;
	double waited;
	CURLMcode code;

	INSTR_TIME_SET_CURRENT(start);
	pgstat_report_wait_start(PG_WAIT_EXTENSION);
	code = curl_multi_poll(multi, NULL, 0, MAX_NAP, NULL);
	pgstat_report_wait_end();
	INSTR_TIME_SET_CURRENT(end);
	INSTR_TIME_SUBTRACT(end, start);
	if (code != CURLM_OK)
		ereport(ERROR, (errcode(ERRCODE_INTERNAL_ERROR),
						errmsg("libcurl failed: %s", curl_multi_strerror(code))));
	waited = INSTR_TIME_GET_MILLISEC(end);
	olist_source_counters.wait_ms += waited;
	return waited;
}

/* charge the time waited to every transfer that had no news in it */
static void
find_stalled(double waited)
{
	dlist_mutable_iter iter;

	dlist_foreach_modify(iter, &active)
	{
		OlistHttp *http = dlist_container(OlistHttp, node, iter.cur);

		if (http->paused)
			continue;
		http->idle_ms += waited;
		if (http->idle_ms > http->timeout)
		{
			http->stalled = true;
			finish(http, CURLE_OPERATION_TIMEDOUT);
		}
	}
}

void
olist_http_drive(bool wait)
{
	double waited;

	CHECK_FOR_INTERRUPTS();
	open_engine();
	news = false;
	perform();
	if (news || !wait)
		return;
	waited = nap();
	if (!PostmasterIsAlive())
		proc_exit(1);
	CHECK_FOR_INTERRUPTS();
	perform();
	find_stalled(waited);
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
		if (http->paused && http->easy != NULL)
		{
			sigset_t saved;

			/* may call the write callback at once with what it held back */
			http->paused = false;
			block_signals(&saved);
			(void) curl_easy_pause(http->easy, CURLPAUSE_CONT);
			restore_signals(&saved);
		}
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

/* what libcurl's code means for the user, and whether another try makes sense */
static void
classify(const OlistHttp *http, OlistHttpFailure *failure)
{
	switch (http->code)
	{
		case CURLE_COULDNT_RESOLVE_HOST:
		case CURLE_COULDNT_CONNECT:
			failure->sqlerrcode = ERRCODE_SQLCLIENT_UNABLE_TO_ESTABLISH_SQLCONNECTION;
			failure->transient = true;
			failure->reason = OLIST_RETRY_CONNECT;
			break;
		case CURLE_OPERATION_TIMEDOUT:
			failure->sqlerrcode = http->times.sent > 0
									  ? ERRCODE_CONNECTION_FAILURE
									  : ERRCODE_SQLCLIENT_UNABLE_TO_ESTABLISH_SQLCONNECTION;
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
			failure->sqlerrcode = ERRCODE_SQLCLIENT_UNABLE_TO_ESTABLISH_SQLCONNECTION;
			failure->transient = false;
			failure->hint = "Check the server's certificate, the option ca_file and the option "
							"min_tls of the server.";
			break;
		case CURLE_OUT_OF_MEMORY:
			failure->sqlerrcode = ERRCODE_OUT_OF_MEMORY;
			failure->transient = false;
			break;
		case CURLE_UNSUPPORTED_PROTOCOL:
		case CURLE_WEIRD_SERVER_REPLY:
		case CURLE_WRITE_ERROR:
		case CURLE_BAD_CONTENT_ENCODING:
			failure->sqlerrcode = ERRCODE_PROTOCOL_VIOLATION;
			failure->transient = false;
			break;
		default:
			failure->sqlerrcode = ERRCODE_CONNECTION_FAILURE;
			failure->transient = true;
			failure->reason = OLIST_RETRY_RESET;
			break;
	}
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
		failure->sqlerrcode = ERRCODE_INSUFFICIENT_RESOURCES;
		failure->transient = false;
		failure->message = pstrdup("There is no file descriptor left for a connection.");
		failure->hint = "Raise max_files_per_process, or the operating system's limit.";
	}
	else if (http->stalled)
		failure->message = psprintf("Nothing came from the server for %d ms.", http->timeout);
	else if (http->head_overflow)
		failure->message =
			psprintf("The answer's headers have more than %d bytes.", MAX_HEAD_BYTES);
	else if (http->code == CURLE_OK)
		failure->message = pstrdup("The server's answer has no header.");
}
