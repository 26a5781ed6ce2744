/*
 * source/stream.c
 *		The life of a stream, whatever its source.
 *
 * A stream lives in a memory context of its own. Its close operation is a
 * callback of that context, so that an error, a LIMIT and a normal end all
 * release the foreign handle in the same way, exactly once.
 */
#include "postgres.h"

#include "source/stream.h"

#include "miscadmin.h"
#include "utils/memutils.h"

static void
close_stream(void *arg)
{
	OlistStream *stream = arg;

	stream->ops->close(stream);
}

OlistStream *
olist_stream_create(size_t size, const OlistStreamOps *ops)
{
	MemoryContext context =
		AllocSetContextCreate(CurrentMemoryContext, "olist stream", ALLOCSET_DEFAULT_SIZES);
	OlistStream *stream = MemoryContextAllocZero(context, size);

	stream->ops = ops;
	stream->context = context;
	stream->callback.func = close_stream;
	stream->callback.arg = stream;
	MemoryContextRegisterResetCallback(context, &stream->callback);
	return stream;
}

size_t
olist_stream_read(OlistStream *stream, char *buf, size_t len)
{
	CHECK_FOR_INTERRUPTS();
	return stream->ops->read(stream, buf, len);
}

void
olist_stream_close(OlistStream *stream)
{
	MemoryContextDelete(stream->context);
}
