/*
 * source/http_request.c
 *		A request as settings and callbacks of libcurl.
 *
 * The callbacks run inside libcurl, so they raise nothing and allocate
 * nothing: they copy into what the transfer already has, set flags, and pause
 * when the buffer is full. Everything is judged afterwards, in our own frames.
 */
#include "postgres.h"

#include "source/http_transfer.h"

#include <sys/socket.h>
#include <unistd.h>

#include "source/policy.h"
#include "storage/fd.h"

/* what libcurl reads from a socket at once */
#define BUFFER_BYTES (256L * 1024)

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

	olist_http_engine_news(http, len);
	if (len >= 5 && memcmp(data, "HTTP/", 5) == 0)
	{
		http->head_len = 0;
		http->head_done = false;
		http->status = parse_status(data, len);
	}
	else if (http->head_done)
		return len; /* trailers of a chunked body mean nothing to us */
	if (len > OLIST_HTTP_HEAD_BYTES - (size_t) http->head_len)
	{
		http->head_overflow = true;
		return 0;
	}
	memcpy(http->head + http->head_len, data, len);
	http->head_len += (int) len;
	if (len <= 2 && http->status >= 200)
	{
		http->head_done = true;
		http->idle_ms = 0;
	}
	return len;
}

/* a piece of the body: of the object into the buffer, of an error aside */
static size_t
write_callback(char *data, size_t size, size_t nitems, void *arg)
{
	OlistHttp *http = arg;
	size_t len = size * nitems;

	olist_http_engine_news(http, len);
	if (http->status / 100 != 2)
	{
		size_t room = OLIST_HTTP_ERROR_BYTES - http->error_len;

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

/*
 * Hand a header to libcurl, which takes a line for what it is: one that held a
 * line's end, in an ETag or a key that somebody made up, would be two.
 */
static void
add_header(OlistHttp *http, const char *line)
{
	struct curl_slist *more;

	for (const char *p = line; *p != '\0'; p++)
	{
		if ((unsigned char) *p < 0x20 || *p == 0x7F)
			ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
							errmsg("the value of the header \"%s\" holds a control character",
								   pnstrdup(line, strcspn(line, ":")))));
	}
	more = curl_slist_append(http->headers, line);
	if (more == NULL)
		olist_http_out_of_memory();
	http->headers = more;
}

static void
set_headers(OlistHttp *http, const OlistHttpRequest *request)
{
	/* bytes as they are stored: what is packed is known by its content */
	static const char *const always[] = {"Accept-Encoding: identity", "Expect:"};
	ListCell *lc;

	for (size_t i = 0; i < lengthof(always); i++)
		add_header(http, always[i]);
	foreach (lc, request->headers)
		add_header(http, lfirst(lc));
	SET(CURLOPT_HTTPHEADER, http->headers);
}

void
olist_http_configure(OlistHttp *http, const OlistHttpRequest *request)
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
	/* refused by a used handle that still has its buffer, which is of this size then */
	(void) curl_easy_setopt(http->easy, CURLOPT_BUFFERSIZE, BUFFER_BYTES);
	SET(CURLOPT_CONNECTTIMEOUT_MS, (long) request->options->connect_timeout);
	SET(CURLOPT_TCP_KEEPALIVE, 1L);
	SET(CURLOPT_SHARE, olist_http_engine_share());
	/* some servers send the body of an error even after HEAD */
	if (request->metadata || strcmp(request->method, "HEAD") == 0)
		SET(CURLOPT_FORBID_REUSE, 1L);
	if (request->fresh || request->metadata || olist_http_engine_stale())
		SET(CURLOPT_FRESH_CONNECT, 1L);
}
