/*
 * source/http_fetch.c
 *		One small request, waited for.
 */
#include "postgres.h"

#include "source/http_fetch.h"

#include "source/backoff.h"
#include "utils/memutils.h"

#define MAX_BODY_BYTES (64 * 1024)

/* Wait for the answer; false if it failed or did not fit. */
static bool
wait_for_end(OlistHttp *http)
{
	for (;;)
	{
		OlistHttpState state = olist_http_state(http);

		if (state == OLIST_HTTP_DONE)
			return true;
		if (state == OLIST_HTTP_FAILED)
			return false;
		/* nobody takes anything, so it would pause for ever */
		if (olist_http_paused(http))
			return false;
		olist_http_drive(true);
	}
}

static void
wait_until(double due)
{
	while (olist_backoff_now() < due)
		olist_http_drive(true);
}

static void
read_answer(OlistHttp *http, OlistHttpAnswer *answer)
{
	answer->status = olist_http_status(http);
	if (answer->status / 100 != 2)
	{
		answer->body = olist_http_error_body(http, &answer->len);
		return;
	}
	answer->body = palloc0(MAX_BODY_BYTES + 1);
	answer->len = olist_http_take(http, answer->body, MAX_BODY_BYTES);
}

void
olist_http_fetch(const OlistHttpRequest *request, int tries, OlistHttpAnswer *answer)
{
	OlistHttp *http = olist_http_create(MAX_BODY_BYTES);

	for (int tried = 1;; tried++)
	{
		bool again;

		memset(answer, 0, sizeof(*answer));
		olist_source_counters.requests[OLIST_REQUEST_CREDENTIALS]++;
		olist_http_start(http, request);
		if (wait_for_end(http))
		{
			read_answer(http, answer);
			again = answer->status >= 500 || answer->status == 429;
		}
		else if (olist_http_paused(http))
		{
			answer->failure.sqlerrcode = ERRCODE_PROGRAM_LIMIT_EXCEEDED;
			answer->failure.message = psprintf("It has more than %d bytes.", MAX_BODY_BYTES);
			again = false;
		}
		else
		{
			olist_http_failure(http, &answer->failure);
			again = answer->failure.transient;
		}
		if (!again || tried >= tries)
			break;
		olist_http_stop(http);
		olist_source_counters.retries[OLIST_RETRY_CREDENTIALS]++;
		wait_until(olist_backoff_now() + olist_backoff_delay(tried, -1));
	}
	olist_http_close(http);
}
