/*
 * source/exchange.c
 *		One thing asked of a remote, until it is answered: with retries.
 *
 *					 ask				   2xx					  body taken
 *		IDLE ──────────► WAITING ───────────────► BODY ──────────────────► END
 *						  │  ▲ try again, later	   │
 *						  │  └─────────────────────┤ body broke off: resume
 *						  │ no more tries		   │
 *						  └────────► FAILED ◄──────┘
 *
 * Tries are counted anew once a good piece of the body has come: a long object
 * over a bad line may break any number of times.
 */
#include "postgres.h"

#include "source/exchange.h"

#include "source/backoff.h"
#include "utils/memutils.h"

/* a piece of the body that proves the line works, in bytes */
#define PROGRESS_BYTES (64 * 1024)

struct OlistExchange
{
	MemoryContext context;
	OlistRemote *remote;
	OlistHttp *http;
	const OlistExchangeOps *ops;
	void *arg;
	OlistExchangeState state;
	OlistAsk ask;
	int tries;	   /* failed, since the last progress */
	int64 taken;   /* bytes of the body, since the ask */
	int64 at_try;  /* received when the present try began */
	bool sent;	   /* WAITING: is the request under way? */
	bool answered; /* has check() seen this try's answer? */
	double due;	   /* WAITING, not sent: when to send it, by olist_backoff_now() */
};

OlistExchange *
olist_exchange_create(OlistRemote *remote, size_t capacity, const OlistExchangeOps *ops, void *arg)
{
	MemoryContext context =
		AllocSetContextCreate(CurrentMemoryContext, "olist exchange", ALLOCSET_SMALL_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	OlistExchange *exchange = palloc0(sizeof(OlistExchange));

	exchange->context = context;
	exchange->remote = remote;
	exchange->ops = ops;
	exchange->arg = arg;
	exchange->http = olist_http_create(capacity);
	MemoryContextSwitchTo(old);
	return exchange;
}

int64
olist_exchange_received(const OlistExchange *exchange)
{
	return exchange->taken + (int64) olist_http_available(exchange->http);
}

int64
olist_exchange_offset(const OlistExchange *exchange)
{
	return exchange->at_try;
}

static void
send_try(OlistExchange *exchange)
{
	exchange->sent = true;
	exchange->answered = false;
	exchange->at_try = olist_exchange_received(exchange);
	olist_remote_send(exchange->remote, exchange->http, &exchange->ask);
}

void
olist_exchange_ask(OlistExchange *exchange, const OlistAsk *ask)
{
	olist_http_stop(exchange->http);
	olist_http_discard(exchange->http);
	exchange->ask = *ask;
	exchange->tries = 0;
	exchange->taken = 0;
	exchange->state = OLIST_EXCHANGE_WAITING;
	send_try(exchange);
}

/* after a failed try: again later, or never */
static void
plan_retry(OlistExchange *exchange, const OlistVerdict *verdict)
{
	exchange->state = OLIST_EXCHANGE_FAILED;
	if (olist_exchange_received(exchange) - exchange->at_try >= PROGRESS_BYTES)
		exchange->tries = 0;
	if (!verdict->free)
		exchange->tries++;
	if (!verdict->again || exchange->tries > exchange->remote->options->retries)
		return;
	if (exchange->answered && !exchange->ops->resume(exchange, &exchange->ask, exchange->arg))
		return;
	olist_source_counters.retries[verdict->reason]++;
	exchange->state = OLIST_EXCHANGE_WAITING;
	exchange->sent = false;
	exchange->due = olist_backoff_now() +
					(verdict->free ? 0 : olist_backoff_delay(exchange->tries, verdict->delay));
}

static void
judge(OlistExchange *exchange)
{
	OlistVerdict verdict;

	olist_remote_judge(exchange->remote, exchange->http, &verdict);
	plan_retry(exchange, &verdict);
}

/* the state of the transfer has moved: what does it mean? */
static void
look(OlistExchange *exchange)
{
	OlistHttpState state = olist_http_state(exchange->http);
	bool success =
		olist_http_has_header(exchange->http) && olist_http_status(exchange->http) / 100 == 2;

	/* also before a failure: header, body and break may all have come at once */
	if (success && !exchange->answered)
	{
		exchange->answered = true;
		exchange->ops->check(exchange, exchange->arg);
		exchange->state = OLIST_EXCHANGE_BODY;
	}
	/* the document that says why there was no success may still be coming */
	if (state == OLIST_HTTP_FAILED || (state == OLIST_HTTP_DONE && !success))
		judge(exchange);
	else if (state == OLIST_HTTP_DONE && olist_http_available(exchange->http) == 0)
		exchange->state = OLIST_EXCHANGE_END;
}

OlistExchangeState
olist_exchange_advance(OlistExchange *exchange)
{
	if (exchange->state == OLIST_EXCHANGE_WAITING && !exchange->sent)
	{
		if (olist_backoff_now() >= exchange->due)
			send_try(exchange);
	}
	else if (exchange->state == OLIST_EXCHANGE_WAITING || exchange->state == OLIST_EXCHANGE_BODY)
		look(exchange);
	return exchange->state;
}

OlistExchangeState
olist_exchange_wait(OlistExchange *exchange)
{
	while (olist_exchange_advance(exchange) == OLIST_EXCHANGE_WAITING)
		olist_http_drive(true);
	return exchange->state;
}

size_t
olist_exchange_take(OlistExchange *exchange, char *buf, size_t len)
{
	size_t n = olist_http_take(exchange->http, buf, len);

	exchange->taken += (int64) n;
	return n;
}

void
olist_exchange_reject(OlistExchange *exchange)
{
	OlistVerdict verdict = {.again = true, .delay = -1, .reason = OLIST_RETRY_SERVER};

	olist_http_stop(exchange->http);
	plan_retry(exchange, &verdict);
}

void
olist_exchange_raise(OlistExchange *exchange)
{
	olist_remote_raise(exchange->remote, exchange->http, Max(exchange->tries, 1));
}

OlistHttp *
olist_exchange_http(OlistExchange *exchange)
{
	return exchange->http;
}

void
olist_exchange_close(OlistExchange *exchange)
{
	MemoryContextDelete(exchange->context);
}
