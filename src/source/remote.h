/*
 * source/remote.h
 *		An object or a bucket at an HTTP server: how to ask for it, and what the
 *		server's answers mean.
 */
#ifndef OLIST_REMOTE_H
#define OLIST_REMOTE_H

#include "compat.h"
#include "nodes/pg_list.h"
#include "source/http.h"
#include "source/options.h"
#include "source/uri.h"

/* what is addressed, and what has been learnt about it from answers */
typedef struct OlistRemote
{
	const OlistSourceOptions *options;
	const OlistUri *uri;
	char *name;				  /* the URI, fit for messages */
	char *region;			  /* s3: to sign for */
	int region_changes;		  /* s3: how often a server sent us elsewhere */
	bool renewed;			  /* s3: have credentials been renewed because of an answer? */
	int hops;				  /* http(s): redirects followed */
	bool conditional;		  /* did the last request name a version? */
	const OlistUri *location; /* http(s): where the last one led */
} OlistRemote;

/* one thing to ask of a remote; all pointers stay the caller's */
typedef struct OlistAsk
{
	OlistRequestKind kind; /* of the object, or (LIST) of the bucket */
	const List *query;	   /* of OlistPair */
	int64 first;		   /* first byte wanted, -1: no range */
	int64 last;			   /* last byte wanted, -1: all that follow */
	const char *if_match;  /* ETag without quotes, or NULL */
} OlistAsk;

/* what to do about an answer that is no success */
typedef struct OlistVerdict
{
	bool again;				 /* ask again: as soon as delay is over */
	int delay;				 /* ms; -1: an exponential one of the caller's choice */
	bool free;				 /* does not count as a try: something was corrected */
	OlistRetryReason reason; /* why */
} OlistVerdict;

extern OlistRemote *
olist_remote_create(const OlistUri *uri, const char *text, const OlistSourceOptions *options);

/* The URL of the object, without a query; olist_redact_uri() it for a message. */
extern char *olist_remote_url(const OlistRemote *remote);

/* The bucket is in another region, also for all that is asked of it from now on. */
extern void olist_remote_change_region(OlistRemote *remote, const char *region);

/*
 * Send the request for what is asked, signed as of now. Raises errors of
 * finding credentials; those of the network show later.
 */
extern void olist_remote_send(OlistRemote *remote, OlistHttp *http, const OlistAsk *ask);

/*
 * Send a request that asks for nothing and proves nothing, over a connection
 * of its own: whatever the answer, the server can be reached.
 */
extern void olist_remote_probe(OlistRemote *remote, OlistHttp *http);

/*
 * The answer is there and is not 2xx, or the transfer failed: correct what can
 * be corrected (region, credentials, redirect) and say what to do. When
 * nothing can be done verdict->again is false; olist_remote_raise() says why.
 */
extern void olist_remote_judge(OlistRemote *remote, OlistHttp *http, OlistVerdict *verdict);

/*
 * Raise the error that the answer amounts to: 28000 credentials, 42501 denied,
 * 58P01 missing, 55000 changed or archived, 08001, 08006, 08P01 network and
 * server. tries is how often it was tried, for the message.
 */
pg_noreturn extern void olist_remote_raise(OlistRemote *remote, OlistHttp *http, int tries);

#endif /* OLIST_REMOTE_H */
