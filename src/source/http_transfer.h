/*
 * source/http_transfer.h
 *		A transfer from inside, for the files that make up source/http.h.
 *
 *		http.c			 what others call
 *		http_request.c	 a request as settings and callbacks of libcurl
 *		http_engine.c	 the multi handle that drives all transfers
 */
#ifndef OLIST_HTTP_TRANSFER_H
#define OLIST_HTTP_TRANSFER_H

#include <curl/curl.h>

#include "compat.h"
#include "lib/ilist.h"
#include "source/http.h"

/* what a server's headers may amount to; S3 itself allows 8 kB */
#define OLIST_HTTP_HEAD_BYTES (32 * 1024)

/* how much of an error's body is worth reading */
#define OLIST_HTTP_ERROR_BYTES (8 * 1024)

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
	int timeout;	  /* ms without progress */
	double idle_ms;	  /* waited without progress */
	size_t unhurried; /* bytes that came since idle_ms was zero */

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
	char head[OLIST_HTTP_HEAD_BYTES];
	char error_body[OLIST_HTTP_ERROR_BYTES];
};

/* http_request.c: give the easy handle all that the request says; may raise */
extern void olist_http_configure(OlistHttp *http, const OlistHttpRequest *request);

/* http_engine.c: have a multi handle whose connections the policy allows; may raise */
extern void olist_http_engine_open(void);

/* Do the cached connections obey a policy that has changed? */
extern bool olist_http_engine_stale(void);

/* where TLS sessions are kept */
extern CURLSH *olist_http_engine_share(void);

/* Give the transfer an easy handle, and let it run; may raise. */
extern void olist_http_engine_equip(OlistHttp *http);
extern void olist_http_engine_add(OlistHttp *http);

/* Let go of the easy handle and the headers; the answer stays. */
extern void olist_http_engine_release(OlistHttp *http);

/* Let a paused transfer go on. */
extern void olist_http_engine_resume(OlistHttp *http);

/* bytes came for a transfer: whoever waits should look */
extern void olist_http_engine_news(OlistHttp *http, size_t bytes);

/* libcurl could not allocate */
pg_noreturn extern void olist_http_out_of_memory(void);

#endif /* OLIST_HTTP_TRANSFER_H */
