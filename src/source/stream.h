/*
 * source/stream.h
 *		Bytes of one object, pulled.
 *
 * A stream is what every source looks like to its reader, and what
 * decompression looks like on top of another stream:
 *
 *		file | http | s3 | sample  ──►  [gzip | zstd]  ──►  reader
 */
#ifndef OLIST_STREAM_H
#define OLIST_STREAM_H

#include "source/object.h"
#include "source/options.h"

typedef struct OlistStream OlistStream;

/* what an implementation provides; a stream's struct starts with OlistStream */
typedef struct OlistStreamOps
{
	/*
	 * Up to len bytes into buf: at least one, or 0 at the end. Raises an error
	 * for a body that is shorter or longer than the object, or that changed.
	 */
	size_t (*read)(OlistStream *stream, char *buf, size_t len);

	/*
	 * Release what the memory context does not: foreign handles, file
	 * descriptors. Called once, when the stream's context is about to end,
	 * also after an error in the middle of opening: a handle may not be there
	 * yet. Contexts below the stream's are gone by then. Must not raise.
	 */
	void (*close)(OlistStream *stream);
} OlistStreamOps;

struct OlistStream
{
	const OlistStreamOps *ops;
	MemoryContext context;			/* holds the struct and everything below it */
	MemoryContextCallback callback; /* calls ops->close */
	OlistObject object;				/* the version that is being read, as the source says */
};

/*
 * For implementations: a zeroed stream of size bytes in a context of its own
 * below the current one, whose ops->close will be called from now on. Call it
 * before the foreign handle is created. A handle must not belong to the
 * transaction or a resource owner (no AllocateFile, no OpenTransientFile):
 * those are closed before memory is, and close would find another's.
 *
 * A stream that wraps another makes the inner context a child of its own
 * (MemoryContextSetParent); the inner stream is then closed with it.
 */
extern OlistStream *olist_stream_create(size_t size, const OlistStreamOps *ops);

/*
 * Open an object by its URI (file:///path, /path, http://, https://, s3://,
 * sample://) and undo its compression (gzip or zstd, known by content). When
 * expected is given, its etag and size pin the version: an object that has
 * changed since is an error (55000), never a mixture.
 *
 * The stream lives in the current memory context and is closed with it at the
 * latest, also after an error; options (NULL: no server, the current user)
 * must live as long. Checks the caller's right to the scheme
 * (pg_read_server_files, USAGE, endpoint policy) before anything is opened.
 */
extern OlistStream *
olist_stream_open(const char *uri, const OlistObject *expected, const OlistSourceOptions *options);

/* Up to len bytes, at least one, or 0 at the end. Interruptible. */
extern size_t olist_stream_read(OlistStream *stream, char *buf, size_t len);

/* Close before the context ends; the pointer is dead afterwards. */
extern void olist_stream_close(OlistStream *stream);

#endif /* OLIST_STREAM_H */
