/*
 * unit/transfer.c
 *		What a server sends, under sanitizers: headers, and whole objects, read in
 *		parts from a server that breaks, overwrites them and lies.
 *
 * Here libcurl is played by this file: what http_request.c gives it as
 * callbacks is called with made-up headers and bodies.
 *
 *		transfer [iterations [seed]]		test, writes TAP
 */
#include "postgres.h"

#include "server.h"

#include "random.h"
#include "source/answer.h"
#include "source/backoff.h"
#include "source/http_transfer.h"
#include "source/policy.h"
#include "source/remote.h"
#include "source/remote_stream.h"
#include "source/time_text.h"
#include "storage/fd.h"
#include "utils/timestamp.h"

/* ---------- what the code needs of the server and of other rooms ---------- */

bool
AcquireExternalFD(void)
{
	return true;
}

void
ReleaseExternalFD(void)
{
}

bool
olist_policy_allows(const char *host, int port, const struct sockaddr *address)
{
	return true;
}

bool
olist_policy_allows_metadata(const struct sockaddr *address)
{
	return true;
}

OlistSourceStats olist_source_counters;
static double now_ms; /* the clock, which moves when somebody waits */

double
olist_backoff_now(void)
{
	return now_ms;
}

double
olist_backoff_delay(int tries, int asked_for)
{
	return 100;
}

/* ---------- libcurl ---------- */

/* a server's answer on its way */
typedef struct Wire
{
	OlistHttp *http;
	curl_write_callback header;
	curl_write_callback body;
	char *head; /* lines that are still to come */
	const char *data;
	size_t len;			/* of data that is still to come */
	int64 breaks_after; /* bytes of data, or -1 */
} Wire;

#define MAX_WIRES 64

static Wire wires[MAX_WIRES];

static Wire *
wire_of(const OlistHttp *http)
{
	for (int i = 0; i < MAX_WIRES; i++)
	{
		if (wires[i].http == http)
			return &wires[i];
	}
	return NULL;
}

/* what the test before has used is all given back */
static void
check_wires(void)
{
	for (int i = 0; i < MAX_WIRES; i++)
		CHECK(wires[i].http == NULL);
}

#undef curl_easy_setopt
CURLcode
curl_easy_setopt(CURL *easy, CURLoption option, ...)
{
	Wire *wire = (Wire *) easy;
	va_list args;

	va_start(args, option);
	if (option == CURLOPT_HEADERFUNCTION)
		wire->header = va_arg(args, curl_write_callback);
	else if (option == CURLOPT_WRITEFUNCTION)
		wire->body = va_arg(args, curl_write_callback);
	va_end(args);
	return CURLE_OK;
}

void
olist_http_engine_open(void)
{
}

bool
olist_http_engine_stale(void)
{
	return false;
}

CURLSH *
olist_http_engine_share(void)
{
	return NULL;
}

void
olist_http_engine_equip(OlistHttp *http)
{
	Wire *wire = wire_of(NULL);

	memset(wire, 0, sizeof(Wire));
	wire->http = http;
	wire->breaks_after = -1;
	http->easy = (CURL *) wire;
}

void
olist_http_engine_add(OlistHttp *http)
{
}

void
olist_http_engine_release(OlistHttp *http)
{
	if (http->easy != NULL)
		((Wire *) http->easy)->http = NULL;
	http->easy = NULL;
	curl_slist_free_all(http->headers);
	http->headers = NULL;
	http->paused = false;
}

void
olist_http_engine_resume(OlistHttp *http)
{
	http->paused = false;
}

void
olist_http_engine_news(OlistHttp *http, size_t bytes)
{
}

void
olist_http_out_of_memory(void)
{
	abort();
}

static void
end_transfer(OlistHttp *http, CURLcode code)
{
	http->finished = true;
	http->code = code;
	olist_http_engine_release(http);
}

/* some more of an answer arrives */
static void
deliver(Wire *wire)
{
	OlistHttp *http = wire->http;
	size_t n;

	if (http->paused)
		return;
	if (wire->head != NULL && *wire->head != '\0')
	{
		n = strcspn(wire->head, "\n") + (strchr(wire->head, '\n') != NULL);
		if (wire->header(wire->head, 1, n, http) != n)
			end_transfer(http, CURLE_WRITE_ERROR);
		else
			wire->head += n;
		return;
	}
	n = 1 + random_number(CURL_MAX_WRITE_SIZE);
	n = Min(n, wire->len);
	if (wire->breaks_after >= 0)
		n = Min(n, (size_t) wire->breaks_after);
	if (n == 0)
	{
		end_transfer(http, wire->len > 0 ? CURLE_RECV_ERROR : CURLE_OK);
		return;
	}
	if (wire->body(unconstify(char *, wire->data), 1, n, http) == CURL_WRITEFUNC_PAUSE)
		return; /* the same bytes will be given again */
	wire->data += n;
	wire->len -= n;
	if (wire->breaks_after >= 0)
		wire->breaks_after -= (int64) n;
}

void
olist_http_drive(bool wait)
{
	now_ms += 10;
	for (int i = 0; i < MAX_WIRES; i++)
	{
		if (wires[i].http != NULL && wires[i].header != NULL && wires[i].head != NULL && !chance(3))
			deliver(&wires[i]);
	}
}

/* ---------- headers ---------- */

static OlistHttp *
start_request(OlistHttp *http)
{
	static OlistSourceOptions options = {.min_tls = "1.2", .timeout = 1000};
	OlistHttpRequest request = {
		.method = "GET", .url = "http://x/", .host = "x", .port = 80, .options = &options};

	olist_http_start(http, &request);
	return http;
}

/* headers as they come, line by line; false if they were refused */
static bool
receive_head(OlistHttp *http, const char *head, size_t len)
{
	Wire *wire = wire_of(http);

	while (len > 0)
	{
		const char *eol = memchr(head, '\n', len);
		size_t n = eol != NULL ? (size_t) (eol - head) + 1 : len;
		char *line = palloc(n);
		bool accepted;

		memcpy(line, head, n);
		accepted = wire->header(line, 1, n, http) == n;
		pfree(line);
		if (!accepted)
			return false;
		head += n;
		len -= n;
	}
	return true;
}

static void
look_at_headers(const OlistHttp *http)
{
	int64 first;
	int64 last;
	int64 total;
	char *etag = olist_answer_etag(http);

	CHECK(etag == NULL || strchr(etag, '\n') == NULL);
	CHECK(olist_answer_length(http) >= -1);
	(void) olist_answer_is_chunked(http);
	(void) olist_time_from_http(olist_http_header(http, "last-modified"));
	if (olist_answer_range(http, &first, &last, &total))
		CHECK(first >= 0 && first <= last && last < total);
}

static void
check_head(const char *head, size_t len)
{
	OlistHttp *http = start_request(olist_http_create(0));

	(void) receive_head(http, head, len);
	look_at_headers(http);
	olist_http_close(http);
}

/* an interim answer, then headers in any case and spacing: each is found as it was sent */
static void
random_head(void)
{
	static const char *const names[] = {"ETag",	  "etag", "Content-Length",	 "content-range",
										"X-Etag", "E",	  "Content-Range-X", "Transfer-Encoding"};
	static const char *const values[] = {"\"e\"",
										 "W/\"e\"",
										 "\"",
										 "5",
										 "-1",
										 "bytes 0-9/10",
										 "bytes 0-9/*",
										 "bytes 5-4/10",
										 "bytes 0-9/9",
										 "chunked",
										 "",
										 "bytes 1-2/3x",
										 "bytes 0-9/99999999999999999999",
										 "a: b"};
	static const char *const spaces[] = {"", " ", "\t ", "   "};
	OlistHttp *http = start_request(olist_http_create(0));
	const char *expected = NULL;
	const char *wanted = names[random_number(lengthof(names))];
	StringInfoData head;
	char *found;

	initStringInfo(&head);
	if (chance(3))
		appendStringInfoString(&head, "HTTP/1.1 100 Continue\r\nETag: \"interim\"\r\n\r\n");
	appendStringInfoString(&head, "HTTP/1.1 206 Partial Content\r\n");
	for (uint32 n = random_number(8); n > 0; n--)
	{
		const char *name = names[random_number(lengthof(names))];
		const char *value = values[random_number(lengthof(values))];

		appendStringInfo(&head, "%s:%s%s%s\r\n", name, spaces[random_number(4)], value,
						 spaces[random_number(4)]);
		if (expected == NULL && pg_strcasecmp(name, wanted) == 0)
			expected = value;
	}
	appendStringInfoString(&head, "\r\n");
	CHECK(receive_head(http, head.data, head.len));
	CHECK(olist_http_has_header(http) && olist_http_status(http) == 206);
	found = olist_http_header(http, wanted);
	CHECK((found == NULL) == (expected == NULL));
	CHECK(found == NULL || strcmp(found, expected) == 0);
	look_at_headers(http);
	olist_http_close(http);

	damage(&head);
	if (head.len > 0 && chance(3))
		head.data[random_number(head.len)] = '\0';
	check_head(head.data, head.len);

	/* more than anybody may send */
	if (chance(50))
	{
		head.len = 0;
		appendStringInfoString(&head, "HTTP/1.1 200 OK\r\n");
		for (int i = 0; i < 9; i++)
		{
			for (int j = 0; j < 4000; j++)
				appendStringInfoChar(&head, 'x');
			appendStringInfoString(&head, "\r\n");
		}
		http = start_request(olist_http_create(0));
		CHECK(!receive_head(http, head.data, head.len) && http->head_overflow);
		olist_http_close(http);
	}
}

/* ---------- whole objects ---------- */

/* how the server behaves */
typedef enum Lie
{
	LIE_NONE,
	LIE_OTHER_RANGE, /* than was asked for */
	LIE_WHOLE,		 /* 200 instead of a range */
	LIE_SHORT,		 /* fewer bytes, and a Content-Length that fits them */
	LIE_LONG,		 /* more bytes than announced */
	LIE_NO_ETAG,
	LIE_OTHER_ETAG,
	LIE_TOTAL, /* another size */
	LIES
} Lie;

#define MAX_OBJECT 120000

static char versions[2][MAX_OBJECT]; /* what the object was, and what it is */
static int64 version_size[2];
static int present;		 /* the version that is there */
static int overwrite_in; /* requests until it is overwritten; -1: never */
static int lie_in;		 /* requests until there is a lie; -1: never */
static Lie lie;
static uint32 trouble;	/* one of so many requests breaks; 0: none */
static bool has_ranges; /* plain http servers need not know them */

OlistRemote *
olist_remote_create(const OlistUri *uri, const char *text, const OlistSourceOptions *options)
{
	OlistRemote *remote = palloc0(sizeof(OlistRemote));

	remote->options = options;
	remote->uri = uri;
	remote->name = pstrdup(text);
	return remote;
}

static void
answer_refusal(Wire *wire, int status)
{
	wire->head = psprintf("HTTP/1.1 %d No\r\nContent-Length: 0\r\n\r\n", status);
	wire->len = 0;
}

/* a 2xx answer with the bytes from first to last, or, with a lie, not */
static void
answer_bytes(Wire *wire, int64 first, int64 last, bool ranged, Lie told)
{
	int64 size = version_size[present];
	int64 n = last - first + 1;
	StringInfoData head;

	if (told == LIE_WHOLE && ranged)
	{
		ranged = false;
		first = 0;
		n = size;
	}
	if (told == LIE_OTHER_RANGE && ranged && first > 0)
		first--;
	wire->data = versions[present] + first;
	if (told == LIE_SHORT && n > 0)
		n--;
	wire->len = n;
	if (told == LIE_LONG && first + n < size)
		wire->len++;
	initStringInfo(&head);
	appendStringInfo(&head, "HTTP/1.1 %d X\r\nContent-Length: %d\r\n", ranged ? 206 : 200, (int) n);
	if (ranged)
		appendStringInfo(&head, "Content-Range: bytes %d-%d/%d\r\n", (int) first, (int) last,
						 (int) size + (told == LIE_TOTAL));
	if (told != LIE_NO_ETAG)
		appendStringInfo(&head, "ETag: \"v%d\"\r\n", told == LIE_OTHER_ETAG ? 9 : present);
	appendStringInfoString(&head, "\r\n");
	wire->head = head.data;
}

void
olist_remote_send(OlistRemote *remote, OlistHttp *http, const OlistAsk *ask)
{
	int64 size;
	int64 last;
	Wire *wire;
	bool ranged = ask->first >= 0 && has_ranges;

	start_request(http);
	wire = wire_of(http);
	if (overwrite_in >= 0 && overwrite_in-- == 0)
		present = 1;
	size = version_size[present];
	if (trouble > 0 && chance(trouble))
	{
		if (chance(2))
		{
			answer_refusal(wire, 503);
			return;
		}
		wire->breaks_after = random_number(3000);
	}
	last = ranged && ask->last >= 0 ? Min(ask->last, size - 1) : size - 1;
	if (ask->if_match != NULL && strcmp(ask->if_match, psprintf("v%d", present)) != 0)
		answer_refusal(wire, 412);
	else if (ranged && ask->first >= size)
		answer_refusal(wire, 416);
	else
		answer_bytes(wire, ranged ? ask->first : 0, last, ranged,
					 lie_in >= 0 && lie_in-- == 0 ? lie : LIE_NONE);
	if (ask->kind == OLIST_REQUEST_HEAD)
		wire->len = 0;
}

void
olist_remote_judge(OlistRemote *remote, OlistHttp *http, OlistVerdict *verdict)
{
	memset(verdict, 0, sizeof(*verdict));
	verdict->delay = -1;
	verdict->again = olist_http_state(http) == OLIST_HTTP_FAILED || olist_http_status(http) == 503;
}

void
olist_remote_raise(OlistRemote *remote, OlistHttp *http, int tries)
{
	ereport(ERROR, (errcode(ERRCODE_CONNECTION_FAILURE), errmsg("refused")));
}

/* all of the object; the bytes that came, *len of them */
static char *
read_object(const OlistObject *expected, const OlistSourceOptions *options, const char *text,
			size_t *len, char **etag)
{
	OlistStream *stream = olist_remote_stream_open(olist_uri_parse(text), text, expected, options);
	char *all = palloc(MAX_OBJECT + 1);
	size_t n;

	*len = 0;
	do
	{
		size_t piece = 1 + random_number(20000);

		n = olist_stream_read(stream, all + *len, Min(piece, MAX_OBJECT + 1 - *len));
		*len += n;
	} while (n > 0 && *len <= MAX_OBJECT);
	*etag = stream->object.etag ? pstrdup(stream->object.etag) : NULL;
	return all;
}

/*
 * An object from a server that breaks, overwrites it and lies: the bytes of one
 * version, all of them, or an error; and where nothing is wrong but broken
 * connections no error.
 */
static void
random_object(void)
{
	OlistSourceOptions options = {.min_tls = "1.2",
								  .timeout = 1000,
								  .part_size = 1 + (int) random_number(40000),
								  .connections = 1 + (int) random_number(5),
								  .retries = 30,
								  .checksum = (OlistChecksum) random_number(2)};
	bool s3 = chance(2);
	OlistObject known = {.uri = "x", .etag = "v0"};
	char *volatile all = NULL;
	char *volatile etag = NULL;
	volatile size_t len = 0;
	bool raised;
	bool calm;

	check_wires();
	present = 0;
	version_size[0] = chance(10) ? 0 : random_number(MAX_OBJECT);
	version_size[1] = chance(2) ? version_size[0] : random_number(MAX_OBJECT);
	overwrite_in = chance(3) ? (int) random_number(6) : -1;
	lie_in = chance(3) ? (int) random_number(6) : -1;
	lie = (Lie) random_number(LIES);
	trouble = chance(2) ? 2 + random_number(4) : 0;
	has_ranges = s3 || !chance(3);
	/* who says less than there is, and all of that, is not found out */
	if (!has_ranges && lie == LIE_SHORT)
		lie = LIE_NONE;
	/* where ranges are not known what broke off cannot be continued */
	calm = overwrite_in < 0 && (lie_in < 0 || lie == LIE_NONE) && (has_ranges || trouble == 0);
	known.size = version_size[0];
	known.last_modified = DT_NOBEGIN;
	raised = UNIT_RAISES({
		size_t n;
		char *name;

		all = read_object(chance(2) ? &known : NULL, &options, s3 ? "s3://b/k" : "http://x/k", &n,
						  &name);
		len = n;
		etag = name;
	});
	if (raised && calm)
		fprintf(stderr, "%s\n", unit_message);
	if (raised)
		CHECK(!calm);
	else
	{
		bool named = etag != NULL && etag[1] < '2';
		int v = named ? etag[1] - '0' : present;

		CHECK((int64) len == version_size[v] && memcmp(all, versions[v], len) == 0);
	}
}

int
main(int argc, char **argv)
{
	static const UnitTest tests[] = {
		{random_head, "headers are found as they were sent", 1},
		{random_object, "objects are one version's bytes or an error, whatever the server does", 1},
	};

	olist_remote_stream_init();
	for (int v = 0; v < 2; v++)
	{
		for (int i = 0; i < MAX_OBJECT; i++)
			versions[v][i] = (char) random_number(256);
	}
	return run_tests(argc, argv, tests, lengthof(tests));
}
