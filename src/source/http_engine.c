/*
 * source/http_engine.c
 *		The multi handle that drives all transfers of a backend.
 *
 * Signals are blocked around libcurl's work, because the thread in which it
 * resolves names inherits the mask: a signal that is meant for the backend
 * must not be handled there. They are open while we wait, and end the wait.
 */
#include "postgres.h"

#include "source/http_transfer.h"

#include <pthread.h>
#include <signal.h>

#include "miscadmin.h"
#include "pgstat.h"
#include "portability/instr_time.h"
#include "source/policy.h"
#include "storage/ipc.h"
#include "storage/pmsignal.h"

/* the most that a wait sleeps before it looks for interrupts again, in ms */
#define MAX_NAP 50

/* what has to come within a transfer's timeout, in bytes: a trickle is a stall */
#define MIN_PROGRESS 1024

#define MAX_IDLE_HANDLES 32
#define MAX_IDLE_CONNECTIONS 32

static CURLM *multi = NULL;
static CURLSH *share = NULL; /* TLS sessions */
static dlist_head active = DLIST_STATIC_INIT(active);
static CURL *idle[MAX_IDLE_HANDLES];
static int nidle = 0;
static bool news = false;			/* did a callback see any? */
static uint64 multi_generation = 0; /* of the policy that its connections obey */

void
olist_http_out_of_memory(void)
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
void
olist_http_engine_open(void)
{
	static bool started = false;

	if (!started)
	{
		if (start_library() != CURLE_OK)
			olist_http_out_of_memory();
		started = true;
	}
	if (share == NULL)
	{
		share = curl_share_init();
		if (share == NULL)
			olist_http_out_of_memory();
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
			olist_http_out_of_memory();
		curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, (long) MAX_IDLE_CONNECTIONS);
		multi_generation = olist_policy_generation();
	}
}

bool
olist_http_engine_stale(void)
{
	return multi_generation != olist_policy_generation();
}

CURLSH *
olist_http_engine_share(void)
{
	return share;
}

void
olist_http_engine_news(OlistHttp *http, size_t bytes)
{
	news = true;
	http->unhurried += bytes;
	if (http->unhurried >= MIN_PROGRESS)
	{
		http->unhurried = 0;
		http->idle_ms = 0;
	}
}

void
olist_http_engine_equip(OlistHttp *http)
{
	http->easy = nidle > 0 ? idle[--nidle] : curl_easy_init();
	if (http->easy == NULL)
		olist_http_out_of_memory();
}

void
olist_http_engine_add(OlistHttp *http)
{
	CURLMcode code;
	sigset_t saved;

	block_signals(&saved);
	code = curl_multi_add_handle(multi, http->easy);
	restore_signals(&saved);
	if (code != CURLM_OK)
		olist_http_out_of_memory();
	dlist_push_tail(&active, &http->node);
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

void
olist_http_engine_release(OlistHttp *http)
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

void
olist_http_engine_resume(OlistHttp *http)
{
	sigset_t saved;

	if (!http->paused || http->easy == NULL)
		return;
	/* may call the write callback at once, with what it held back */
	http->paused = false;
	block_signals(&saved);
	(void) curl_easy_pause(http->easy, CURLPAUSE_CONT);
	restore_signals(&saved);
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
	olist_http_engine_release(http);
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

/* charge the time waited to every transfer, and end those that waited for too long */
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
	olist_http_engine_open();
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
