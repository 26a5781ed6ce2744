/*
 * source/stats.h
 *		What this backend has asked of its sources.
 */
#ifndef OLIST_STATS_H
#define OLIST_STATS_H

typedef enum OlistRequestKind
{
	OLIST_REQUEST_GET,
	OLIST_REQUEST_HEAD,
	OLIST_REQUEST_LIST,
	OLIST_REQUEST_CREDENTIALS,
	OLIST_REQUEST_KINDS /* how many there are */
} OlistRequestKind;

typedef enum OlistRetryReason
{
	OLIST_RETRY_CONNECT,	 /* name, connection or TLS */
	OLIST_RETRY_RESET,		 /* the connection broke */
	OLIST_RETRY_TIMEOUT,	 /* nothing came for too long */
	OLIST_RETRY_SERVER,		 /* 500, 502, 503, 504 */
	OLIST_RETRY_THROTTLED,	 /* 429, SlowDown */
	OLIST_RETRY_CREDENTIALS, /* renewed before their time */
	OLIST_RETRY_REGION,		 /* the bucket lives elsewhere; a redirect */
	OLIST_RETRY_REASONS		 /* how many there are */
} OlistRetryReason;

/* counters since the backend started; differences make the numbers of a task */
typedef struct OlistSourceStats
{
	int64 requests[OLIST_REQUEST_KINDS];
	int64 retries[OLIST_RETRY_REASONS];
	int64 bytes;	   /* of bodies received */
	int64 connections; /* opened */
	double wait_ms;	   /* waiting for the network */
} OlistSourceStats;

extern OlistSourceStats olist_source_counters;

struct JsonbParseState;

/*
 * For a task's result: the member "network" with what has been counted since
 * the counters were copied to before, by metric; nothing if nothing has.
 */
extern void olist_source_stats_push(struct JsonbParseState **state, const OlistSourceStats *before);

#endif /* OLIST_STATS_H */
