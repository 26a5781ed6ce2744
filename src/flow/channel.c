/*
 * flow/channel.c
 *		The layout of a run's shared memory and the messages in it.
 */
#include "postgres.h"

#include "flow/channel.h"

#include "libpq/pqformat.h"

static Size
queues_offset(int settings_bytes)
{
	return MAXALIGN(sizeof(OlistChannel)) + MAXALIGN(settings_bytes);
}

Size
olist_channel_size(int workers, int settings_bytes)
{
	return queues_offset(settings_bytes) + (Size) workers * 2 * OLIST_CHANNEL_QUEUE_BYTES;
}

char *
olist_channel_settings(OlistChannel *channel)
{
	return (char *) channel + MAXALIGN(sizeof(OlistChannel));
}

static shm_mq *
queue(OlistChannel *channel, int n)
{
	return (shm_mq *) ((char *) channel + queues_offset(channel->settings_bytes) +
					   (Size) n * OLIST_CHANNEL_QUEUE_BYTES);
}

shm_mq *
olist_channel_calls(OlistChannel *channel, int worker)
{
	return queue(channel, 2 * worker);
}

shm_mq *
olist_channel_outcomes(OlistChannel *channel, int worker)
{
	return queue(channel, 2 * worker + 1);
}

/* a string or NULL; both ends are in the server's encoding, so nothing is converted */
static void
put_string(StringInfo buf, const char *value)
{
	int len = value ? (int) strlen(value) : -1;

	pq_sendint32(buf, len);
	if (value)
		pq_sendbytes(buf, value, len);
}

static char *
get_string(StringInfo buf)
{
	int len = (int) pq_getmsgint(buf, 4);

	return len < 0 ? NULL : pnstrdup(pq_getmsgbytes(buf, len), len);
}

static StringInfoData
message(const void *data, Size size)
{
	StringInfoData buf = {(char *) data, (int) size, (int) size, 0};

	return buf;
}

void
olist_channel_encode_call(StringInfo buf, const OlistTaskCall *call)
{
	pq_sendint64(buf, call->run_id);
	pq_sendint64(buf, call->task_id);
	pq_sendint64(buf, call->token);
	pq_sendint64(buf, call->deadline);
	pq_sendbyte(buf, call->owns_transaction);
	put_string(buf, call->resource);
	put_string(buf, call->argument);
	put_string(buf, call->claim);
}

void
olist_channel_decode_call(const void *data, Size size, OlistTaskCall *call)
{
	StringInfoData buf = message(data, size);

	call->run_id = pq_getmsgint64(&buf);
	call->task_id = pq_getmsgint64(&buf);
	call->token = pq_getmsgint64(&buf);
	call->deadline = pq_getmsgint64(&buf);
	call->owns_transaction = pq_getmsgbyte(&buf) != 0;
	call->resource = get_string(&buf);
	call->argument = get_string(&buf);
	call->claim = get_string(&buf);
}

void
olist_channel_encode_outcome(StringInfo buf, int64 task_id, bool recorded,
							 const OlistTaskOutcome *outcome)
{
	pq_sendint64(buf, task_id);
	pq_sendbyte(buf, recorded);
	pq_sendbyte(buf, outcome->succeeded);
	pq_sendint64(buf, outcome->rows);
	pq_sendint64(buf, outcome->rejects);
	pq_sendint64(buf, outcome->usec);
	put_string(buf, outcome->output);
	put_string(buf, outcome->error);
	put_string(buf, outcome->cause);
}

int64
olist_channel_decode_outcome(const void *data, Size size, bool *recorded, OlistTaskOutcome *outcome)
{
	StringInfoData buf = message(data, size);
	int64 task_id = pq_getmsgint64(&buf);

	*recorded = pq_getmsgbyte(&buf) != 0;
	outcome->succeeded = pq_getmsgbyte(&buf) != 0;
	outcome->rows = pq_getmsgint64(&buf);
	outcome->rejects = pq_getmsgint64(&buf);
	outcome->usec = pq_getmsgint64(&buf);
	outcome->output = get_string(&buf);
	outcome->error = get_string(&buf);
	outcome->cause = get_string(&buf);
	return task_id;
}
