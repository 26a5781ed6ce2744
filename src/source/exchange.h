/*
 * source/exchange.h
 *		One thing asked of a remote, until it is answered: with retries.
 */
#ifndef OLIST_EXCHANGE_H
#define OLIST_EXCHANGE_H

#include "compat.h"
#include "source/remote.h"

typedef struct OlistExchange OlistExchange;

typedef enum OlistExchangeState
{
	OLIST_EXCHANGE_IDLE,
	OLIST_EXCHANGE_WAITING, /* for an answer, or for the time of the next try */
	OLIST_EXCHANGE_BODY,	/* answered; the body is under way */
	OLIST_EXCHANGE_END,		/* all of the body has been taken */
	OLIST_EXCHANGE_FAILED	/* for good: see olist_exchange_raise() */
} OlistExchangeState;

/* how the owner of an exchange takes part in it; arg is the owner */
typedef struct OlistExchangeOps
{
	/*
	 * A 2xx answer's headers are there, of the first try or of one that
	 * resumes: raise an error if it is not what was asked for.
	 */
	void (*check)(OlistExchange *exchange, void *arg);

	/*
	 * The body broke off. Either the rest can be asked for: change ask->first
	 * to continue after the received bytes and return true. Or what has been
	 * taken can be forgotten: forget it, discard, and return true. Otherwise
	 * false, and the exchange has failed.
	 */
	bool (*resume)(OlistExchange *exchange, OlistAsk *ask, void *arg);
} OlistExchangeOps;

/* In a context of its own below the current one; capacity as olist_http_create(). */
extern OlistExchange *
olist_exchange_create(OlistRemote *remote, size_t capacity, const OlistExchangeOps *ops, void *arg);

/* Ask; what was asked before is forgotten. Returns at once. */
extern void olist_exchange_ask(OlistExchange *exchange, const OlistAsk *ask);

/* Do what can be done without waiting. */
extern OlistExchangeState olist_exchange_advance(OlistExchange *exchange);

/* Wait until the answer's headers are there, or it failed for good. */
extern OlistExchangeState olist_exchange_wait(OlistExchange *exchange);

/* Take up to len bytes of the body; 0 if there are none yet or no more. */
extern size_t olist_exchange_take(OlistExchange *exchange, char *buf, size_t len);

/* How many bytes of the body have come since it was asked, taken or not. */
extern int64 olist_exchange_received(const OlistExchange *exchange);

/* How many bytes had come when the present try began: where its answer starts. */
extern int64 olist_exchange_offset(const OlistExchange *exchange);

/* The content is an error after all: try again, or fail, as for a 500. */
extern void olist_exchange_reject(OlistExchange *exchange);

/* Raise what made it fail. */
pg_noreturn extern void olist_exchange_raise(OlistExchange *exchange);

/* the transfer, to look at headers */
extern OlistHttp *olist_exchange_http(OlistExchange *exchange);

extern void olist_exchange_close(OlistExchange *exchange);

#endif /* OLIST_EXCHANGE_H */
