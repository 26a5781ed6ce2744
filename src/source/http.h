/*
 * source/http.h
 *		HTTP requests in flight: the one transfer engine.
 *
 * A backend has one libcurl multi handle, and with it one cache of
 * connections, TLS sessions and names. Any number of requests run in it at the
 * same time; whoever waits for one of them drives them all.
 */
#ifndef OLIST_HTTP_H
#define OLIST_HTTP_H

#include "nodes/pg_list.h"
#include "source/options.h"
#include "source/stats.h"

typedef struct OlistHttp OlistHttp;

/* one request; only read while it is started */
typedef struct OlistHttpRequest
{
	const char *method; /* GET, HEAD, POST or PUT */
	const char *url;	/* made of checked parts: see OlistUri */
	const char *host;	/* as in the URL, for the policy */
	int port;
	const List *headers; /* of char *, "Name: value" */
	const char *body;	 /* for POST and PUT, or NULL */
	bool fresh;			 /* over a connection of its own, so that its times are whole */
	bool metadata;		 /* a credentials endpoint: only its own addresses are allowed,
						  * and its connection is not kept */
	const OlistSourceOptions *options; /* timeouts and TLS */
} OlistHttpRequest;

typedef enum OlistHttpState
{
	OLIST_HTTP_IDLE,	/* never started, or stopped */
	OLIST_HTTP_RUNNING, /* no complete header yet */
	OLIST_HTTP_BODY,	/* status and headers are there, the body is under way */
	OLIST_HTTP_DONE,	/* all of the body is there, though perhaps not taken yet */
	OLIST_HTTP_FAILED	/* see olist_http_failure() */
} OlistHttpState;

/* how far a transfer came before it failed */
typedef enum OlistHttpPhase
{
	OLIST_HTTP_RESOLVE,
	OLIST_HTTP_CONNECT,
	OLIST_HTTP_TLS,
	OLIST_HTTP_ANSWER
} OlistHttpPhase;

/* why a transfer failed */
typedef struct OlistHttpFailure
{
	int sqlerrcode;
	OlistHttpPhase phase;
	bool transient;			 /* may well succeed when tried again */
	OlistRetryReason reason; /* for the counters */
	char *message;			 /* for errdetail; a sentence */
	const char *hint;		 /* or NULL */
} OlistHttpFailure;

/*
 * A transfer that can carry one request after the other, in a memory context
 * of its own below the current one; ends with it. capacity is the size of its
 * body buffer in bytes: what does not fit makes the transfer pause until some
 * has been taken.
 */
extern OlistHttp *olist_http_create(size_t capacity);

/*
 * Send a request; the answer before it is forgotten, but body bytes that have
 * not been taken stay before the new ones. Returns at once. Errors: 53200.
 */
extern void olist_http_start(OlistHttp *http, const OlistHttpRequest *request);

/* Forget the body bytes that have not been taken. */
extern void olist_http_discard(OlistHttp *http);

/* Give up the request, if any. Takes no time, whatever state it is in. */
extern void olist_http_stop(OlistHttp *http);

/*
 * Let all transfers go on. If none has news at once, wait for some, when asked
 * to: at most 50 ms, so call it in a loop over what is waited for. Answers
 * interrupts. A transfer for which next to nothing came for as long as its
 * options' timeout, counted only while somebody waited here, has failed.
 */
extern void olist_http_drive(bool wait);

extern OlistHttpState olist_http_state(const OlistHttp *http);

/* Has a complete header come? Also true after a failure in the body. */
extern bool olist_http_has_header(const OlistHttp *http);

/* the status of the answer, once its header has come */
extern int olist_http_status(const OlistHttp *http);

/* a header of the answer, palloc'd, or NULL */
extern char *olist_http_header(const OlistHttp *http, const char *name);

/* Is the transfer waiting for room in its buffer? */
extern bool olist_http_paused(const OlistHttp *http);

/* how many bytes wait to be taken */
extern size_t olist_http_available(const OlistHttp *http);

/* Take up to len bytes of the body of a 2xx answer. */
extern size_t olist_http_take(OlistHttp *http, char *buf, size_t len);

/* the beginning of the body of any other answer, palloc'd, with its length */
extern char *olist_http_error_body(const OlistHttp *http, size_t *len);

/* after OLIST_HTTP_FAILED */
extern void olist_http_failure(const OlistHttp *http, OlistHttpFailure *failure);

/* Stop, and free, before the context ends. */
extern void olist_http_close(OlistHttp *http);

/* seconds that the parts of a transfer took, since its start; for check_source() */
typedef struct OlistHttpTimes
{
	double resolved;
	double connected;
	double secured;
	double sent;
	double first_byte;
	char *address; /* of the peer, palloc'd, "" if there was none */
} OlistHttpTimes;

extern void olist_http_times(const OlistHttp *http, OlistHttpTimes *times);

#endif /* OLIST_HTTP_H */
