/*
 * flow/channel.h
 *		What a coordinator and its workers say to each other, and where.
 *
 * One shared memory segment a run:
 *
 *		OlistChannel | settings | calls 0 | outcomes 0 | calls 1 | outcomes 1 | …
 *
 * Each worker has a queue of calls that it reads and a queue of outcomes that it
 * writes. A queue whose other end is gone says so, which is how each side learns
 * that the other has died; nothing else is needed. No pointer stands in the
 * segment.
 */
#ifndef OLIST_CHANNEL_H
#define OLIST_CHANNEL_H

#include "flow/task.h"
#include "lib/stringinfo.h"
#include "port/atomics.h"
#include "storage/shm_mq.h"

typedef struct OlistChannel
{
	Oid database;
	Oid role;
	int workers;			 /* pairs of queues there are */
	int settings_bytes;		 /* of names and values, each ending in NUL */
	pg_atomic_uint32 closed; /* set: what is cancelled now is not the task's failure */
} OlistChannel;

/* bytes of one queue; longer messages pass through it in pieces */
#define OLIST_CHANNEL_QUEUE_BYTES 16384

extern Size olist_channel_size(int workers, int settings_bytes);

/* settings of the calling session that the workers take over: see settings.h */
extern char *olist_channel_settings(OlistChannel *channel);

extern shm_mq *olist_channel_calls(OlistChannel *channel, int worker);
extern shm_mq *olist_channel_outcomes(OlistChannel *channel, int worker);

/*
 * Messages as bytes. Decoding copies into the current memory context. A worker
 * that is ready for its first call says so by an outcome for task 0. An outcome
 * that is not recorded came too late: its task was no longer awaited.
 */
extern void olist_channel_encode_call(StringInfo buf, const OlistTaskCall *call);
extern void olist_channel_decode_call(const void *data, Size size, OlistTaskCall *call);
extern void olist_channel_encode_outcome(StringInfo buf, int64 task_id, bool recorded,
										 const OlistTaskOutcome *outcome);
extern int64 olist_channel_decode_outcome(const void *data, Size size, bool *recorded,
										  OlistTaskOutcome *outcome);

#endif /* OLIST_CHANNEL_H */
