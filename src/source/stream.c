/*
 * source/stream.c
 *		Where a URI becomes a stream of bytes.
 *
 *		URI ──► may the user? ──► the scheme's stream ──► [decompression] ──► reader
 *
 * A stream lives in a memory context of its own. Its close operation is a
 * callback of that context, so that an error, a LIMIT and a normal end all
 * release the foreign handle in the same way, exactly once.
 */
#include "postgres.h"

#include "source/stream.h"

#include "miscadmin.h"
#include "source/decompress.h"
#include "source/file.h"
#include "source/policy.h"
#include "source/remote_stream.h"
#include "source/sample.h"
#include "source/uri.h"
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

/* the stream of the stored bytes, still compressed */
static OlistStream *
open_stored(const OlistUri *parts, const char *uri, const OlistObject *expected,
			const OlistSourceOptions *options)
{
	switch (parts->scheme)
	{
		case OLIST_SCHEME_FILE:
			return olist_file_open(parts->path, expected);
		case OLIST_SCHEME_S3:
		case OLIST_SCHEME_HTTP:
		case OLIST_SCHEME_HTTPS:
			return olist_remote_stream_open(parts, uri, expected, options);
		case OLIST_SCHEME_SAMPLE:
			return olist_sample_stream_open(uri, expected);
	}
	pg_unreachable();
}

OlistStream *
olist_stream_open(const char *uri, const OlistObject *expected, const OlistSourceOptions *options)
{
	OlistUri *parts = olist_uri_parse(uri);

	if (options == NULL)
		options = olist_source_options(InvalidOid, GetUserId());
	olist_policy_check_scheme(parts, options);
	return olist_decompress_wrap(open_stored(parts, uri, expected, options));
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
