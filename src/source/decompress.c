/*
 * source/decompress.c
 *		gzip and zstd undone on the way, known by content.
 *
 *		inner stream ──► input (as stored) ──► zlib | zstd | nothing ──► reader
 *		                   1 sniff                                  2 sniff
 *
 * The first bytes of the input say what the object is (1); the first bytes
 * that come out must not again be those of a packed file (2). Both libraries
 * are driven by us and call nothing of ours, so that errors can be raised
 * where they are noticed. They allocate with malloc; the stream's close
 * operation gives that back.
 *
 * A checksum that fails is noticed after its rows were handed out: the reader
 * must not commit before the stream has ended well.
 */
#include "postgres.h"

#include "source/decompress.h"

#include <limits.h>
#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

#include "base/limit.h"
#include "base/message.h"
#include "utils/guc.h"
#include "utils/memutils.h"

/* input is read in pieces of at most this size */
#define INPUT_BYTES (64 * 1024)

/* as many of the first bytes as sniffing wants to see */
#define SNIFF_BYTES 16

/* an object that unpacks to less than this is never called a bomb */
#define RATIO_FLOOR_BYTES (4 * 1024 * 1024)

typedef enum Format
{
	FORMAT_UNKNOWN, /* nothing was read yet */
	FORMAT_PLAIN,
	FORMAT_GZIP,
	FORMAT_ZSTD
} Format;

typedef struct DecompressStream
{
	OlistStream base;
	OlistStream *inner;
	Format format;
	bool finished; /* all was handed out */

	/* input: in[in_pos .. in_len) is not used yet */
	unsigned char *in;
	size_t in_pos;
	size_t in_len;
	bool in_eof;	 /* inner has ended */
	bool inside;	 /* in the middle of a gzip member or zstd frame */
	int64 in_total;	 /* bytes taken from inner */
	int64 out_total; /* bytes handed out */

	/* the first bytes that came out, kept back until they were looked at */
	unsigned char head[SNIFF_BYTES];
	size_t head_pos;
	size_t head_len;

	z_stream zlib;
	bool zlib_open;
	ZSTD_DCtx *zstd;
} DecompressStream;

/* a kind of packed file, known by the bytes it begins with */
typedef struct Signature
{
	const char *bytes;
	size_t len;
	Format format; /* what we make of it; FORMAT_UNKNOWN: nothing */
	const char *name;
	const char *hint; /* when it cannot be read as it is */
} Signature;

static const Signature signatures[] = {
	{"\x1f\x8b", 2, FORMAT_GZIP, "gzip", "Give the object a name that ends in .gz."},
	{"\x28\xb5\x2f\xfd", 4, FORMAT_ZSTD, "zstd", "Give the object a name that ends in .zst."},
	{"PK\x03\x04", 4, FORMAT_UNKNOWN, "a zip archive", "Unzip it, and load the files in it."},
	{"PK\x05\x06", 4, FORMAT_UNKNOWN, "a zip archive", "Unzip it, and load the files in it."},
	{"BZh", 3, FORMAT_UNKNOWN, "bzip2", "Unpack it with bunzip2, or repack it as gzip or zstd."},
	{"\xfd"
	 "7zXZ",
	 6, FORMAT_UNKNOWN, "xz", "Unpack it with unxz, or repack it as gzip or zstd."},
	{"7z\xbc\xaf\x27\x1c", 6, FORMAT_UNKNOWN, "a 7-Zip archive",
	 "Unpack it, and load the files in it."},
};

/* endings of names that promise a format */
static const struct
{
	const char *ending;
	Format format;
} endings[] = {
	{".gz", FORMAT_GZIP},	{".gzip", FORMAT_GZIP}, {".zst", FORMAT_ZSTD},	{".zstd", FORMAT_ZSTD},
	{".csv", FORMAT_PLAIN}, {".tsv", FORMAT_PLAIN}, {".txt", FORMAT_PLAIN},
};

int olist_read_chunk_size = 64 * 1024;

static int max_object_size_kb;
static int max_compression_ratio;

static size_t decompress_read(OlistStream *stream, char *buf, size_t len);
static void decompress_close(OlistStream *stream);

static const OlistStreamOps decompress_ops = {decompress_read, decompress_close};

static bool
check_max_object_size(int *newval, void **extra, GucSource source)
{
	return olist_limit_check("olist_etl.max_object_size", *newval, source);
}

static bool
check_max_compression_ratio(int *newval, void **extra, GucSource source)
{
	return olist_limit_check("olist_etl.max_compression_ratio", *newval, source);
}

void
olist_decompress_init(void)
{
	DefineCustomIntVariable(
		"olist_etl.max_object_size", "Limits the bytes of one object, after decompression.",
		"Users may lower it, only superusers may raise it.", &max_object_size_kb, 64 * 1024 * 1024,
		1, INT_MAX, PGC_USERSET, GUC_UNIT_KB, check_max_object_size, NULL, NULL);
	DefineCustomIntVariable("olist_etl.max_compression_ratio",
							"Limits how many times longer an object may be after decompression.",
							"Users may lower it, only superusers may raise it.",
							&max_compression_ratio, 200, 1, INT_MAX, PGC_USERSET, 0,
							check_max_compression_ratio, NULL, NULL);
	DefineCustomIntVariable(
		"olist_etl.read_chunk_size", "Sets how many bytes of an object are read at once.",
		"The result of a load does not depend on it.", &olist_read_chunk_size, 64 * 1024, 1,
		1024 * 1024, PGC_USERSET, GUC_UNIT_BYTE, NULL, NULL, NULL);
}

OlistStream *
olist_decompress_wrap(OlistStream *inner)
{
	DecompressStream *stream =
		(DecompressStream *) olist_stream_create(sizeof(DecompressStream), &decompress_ops);

	MemoryContextSetParent(inner->context, stream->base.context);
	stream->inner = inner;
	stream->base.object = inner->object;
	stream->in = MemoryContextAlloc(stream->base.context, INPUT_BYTES);
	return &stream->base;
}

/* the object's name for a message */
static char *
object_name(const DecompressStream *stream)
{
	return olist_redact_uri(stream->base.object.uri);
}

/* raise 58030: the object cannot be unpacked, for this reason */
static void
damaged(const DecompressStream *stream, const char *reason)
{
	ereport(ERROR, (errcode(ERRCODE_IO_ERROR),
					errmsg("object \"%s\" is damaged: %s", object_name(stream), reason),
					errdetail("Noticed after %lld bytes of the object.",
							  (long long) (stream->in_total - (stream->in_len - stream->in_pos))),
					errhint("Write the object again from what it was made of.")));
}

/* Have at least need bytes of input at hand; fewer only at the end. */
static void
fill_input(DecompressStream *stream, size_t need)
{
	if (stream->in_pos > 0)
	{
		stream->in_len -= stream->in_pos;
		memmove(stream->in, stream->in + stream->in_pos, stream->in_len);
		stream->in_pos = 0;
	}
	while (stream->in_len < need && !stream->in_eof)
	{
		size_t room = Min(INPUT_BYTES - stream->in_len, (size_t) olist_read_chunk_size);
		size_t n = olist_stream_read(stream->inner, (char *) stream->in + stream->in_len, room);

		if (n == 0)
			stream->in_eof = true;
		stream->in_len += n;
		stream->in_total += n;
	}
}

/* the packed format that these first bytes show, or NULL */
static const Signature *
find_signature(const unsigned char *bytes, size_t len)
{
	/* a zstd frame of metadata, as parallel compressors write before each part */
	static const Signature skippable = {"\x50\x2a\x4d\x18", 4, FORMAT_ZSTD, "zstd",
										"Give the object a name that ends in .zst."};

	if (len >= 4 && (bytes[0] & 0xF0) == 0x50 && memcmp(bytes + 1, skippable.bytes + 1, 3) == 0)
		return &skippable;
	for (size_t i = 0; i < lengthof(signatures); i++)
	{
		const Signature *s = &signatures[i];

		if (len < s->len || memcmp(bytes, s->bytes, s->len) != 0)
			continue;
		/* three letters alone could be a column's name */
		if (s->bytes[0] == 'B' && (len < 10 || memcmp(bytes + 4, "1AY&SY", 6) != 0))
			continue;
		return s;
	}
	return NULL;
}

/* the format that the object's name promises; FORMAT_UNKNOWN: none */
static Format
promised_format(const char *uri)
{
	size_t len = strlen(uri);

	/* only an http URL has a query */
	if (pg_strncasecmp(uri, "http", 4) == 0)
		len = strcspn(uri, "?#");
	for (size_t i = 0; i < lengthof(endings); i++)
	{
		size_t n = strlen(endings[i].ending);

		if (len > n && pg_strncasecmp(uri + len - n, endings[i].ending, n) == 0)
			return endings[i].format;
	}
	return FORMAT_UNKNOWN;
}

/* raise 22P04: this is a packed file where text should be */
static void
not_text(const DecompressStream *stream, const Signature *found, bool nested)
{
	ereport(ERROR, (errcode(ERRCODE_BAD_COPY_FILE_FORMAT),
					errmsg("object \"%s\" is not a CSV file: its content looks like %s (%02x %02x)",
						   object_name(stream), found->name, (unsigned char) found->bytes[0],
						   (unsigned char) found->bytes[1]),
					nested ? errhint("It was compressed twice: compress it once.")
						   : errhint("%s", found->hint)));
}

/* look at the first bytes of the object and prepare to read it */
static void
start(DecompressStream *stream)
{
	Format promised = promised_format(stream->base.object.uri);
	const Signature *found;

	fill_input(stream, SNIFF_BYTES);
	found = find_signature(stream->in, stream->in_len);
	stream->format = FORMAT_PLAIN;
	if (found != NULL && (found->format == FORMAT_UNKNOWN || promised == FORMAT_PLAIN))
		not_text(stream, found, false);
	if (found == NULL && (promised == FORMAT_GZIP || promised == FORMAT_ZSTD))
		ereport(ERROR, (errcode(ERRCODE_IO_ERROR),
						errmsg("object \"%s\" is not compressed, though its name says so",
							   object_name(stream)),
						stream->in_len == 0 ? errdetail("The object is empty.")
											: errdetail("Its content is neither gzip nor zstd.")));
	if (found == NULL)
		return;

	/* memory is asked for before the handle is marked open */
	if (found->format == FORMAT_GZIP)
	{
		if (inflateInit2(&stream->zlib, 15 + 16) != Z_OK)
			ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory"),
							errdetail("Failed to start the decompression of gzip.")));
		stream->zlib_open = true;
	}
	else
	{
		stream->zstd = ZSTD_createDCtx();
		if (stream->zstd == NULL)
			ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory"),
							errdetail("Failed to start the decompression of zstd.")));
	}
	stream->inside = true;
	stream->format = found->format;
}

/* Nothing but zeros may follow the last member: tape blocks are padded so. */
static void
check_padding(DecompressStream *stream)
{
	int64 zeros = 0;

	while (stream->in_len > stream->in_pos)
	{
		for (size_t i = stream->in_pos; i < stream->in_len; i++)
			if (stream->in[i] != 0)
				damaged(stream, "other bytes follow the end of the compressed data");
		zeros += stream->in_len - stream->in_pos;
		stream->in_pos = stream->in_len;
		fill_input(stream, 1);
	}
	ereport(WARNING, (errmsg("object \"%s\" ends with %lld zero bytes after the compressed data",
							 object_name(stream), (long long) zeros)));
}

/* Between two members or frames: is there another one? */
static bool
next_member(DecompressStream *stream)
{
	const Signature *found;

	fill_input(stream, SNIFF_BYTES);
	if (stream->in_len == 0)
		return false;
	found = find_signature(stream->in, stream->in_len);
	if (found == NULL || found->format != stream->format)
	{
		check_padding(stream);
		return false;
	}
	if (stream->format == FORMAT_GZIP)
		inflateReset(&stream->zlib);
	stream->inside = true;
	return true;
}

/* unpack some input into buf; returns the bytes made */
static size_t
run_zlib(DecompressStream *stream, unsigned char *buf, size_t len)
{
	z_stream *z = &stream->zlib;
	int rc;

	z->next_in = stream->in + stream->in_pos;
	z->avail_in = stream->in_len - stream->in_pos;
	z->next_out = buf;
	z->avail_out = Min(len, UINT_MAX);
	rc = inflate(z, Z_NO_FLUSH);
	stream->in_pos = stream->in_len - z->avail_in;
	switch (rc)
	{
		case Z_STREAM_END:
			stream->inside = false;
			break;
		case Z_OK:
		case Z_BUF_ERROR: /* no room or no input: the caller sees to both */
			break;
		case Z_MEM_ERROR:
			ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory"),
							errdetail("Failed in the decompression of gzip.")));
			break;
		default:
			damaged(stream, z->msg != NULL && strstr(z->msg, "data check") != NULL
								? "the checksum of the gzip data is wrong"
							: z->msg != NULL && strstr(z->msg, "length check") != NULL
								? "the length of the gzip data is wrong"
								: "the gzip data is invalid");
	}
	return Min(len, UINT_MAX) - z->avail_out;
}

/* the same for zstd */
static size_t
run_zstd(DecompressStream *stream, unsigned char *buf, size_t len)
{
	ZSTD_inBuffer in = {stream->in, stream->in_len, stream->in_pos};
	ZSTD_outBuffer out = {buf, len, 0};
	size_t rc = ZSTD_decompressStream(stream->zstd, &out, &in);

	stream->in_pos = in.pos;
	if (ZSTD_isError(rc))
	{
		if (ZSTD_getErrorCode(rc) == ZSTD_error_memory_allocation)
			ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory"),
							errdetail("Failed in the decompression of zstd.")));
		damaged(stream, psprintf("the zstd data is invalid (%s)", ZSTD_getErrorName(rc)));
	}
	if (rc == 0)
		stream->inside = false;
	return out.pos;
}

/* unpack: at least one byte into buf, 0 at the end of the object */
static size_t
unpack(DecompressStream *stream, unsigned char *buf, size_t len)
{
	for (;;)
	{
		size_t n;

		if (!stream->inside && !next_member(stream))
			return 0;
		if (stream->in_pos == stream->in_len)
			fill_input(stream, 1);
		n = stream->format == FORMAT_GZIP ? run_zlib(stream, buf, len) : run_zstd(stream, buf, len);
		if (n > 0)
			return n;
		if (stream->inside && stream->in_eof && stream->in_pos == stream->in_len)
			damaged(stream, "it ends in the middle of the compressed data");
	}
}

/* hand input on as it is */
static size_t
pass(DecompressStream *stream, char *buf, size_t len)
{
	size_t n = stream->in_len - stream->in_pos;

	if (n == 0)
	{
		if (stream->in_eof)
			return 0;
		n = olist_stream_read(stream->inner, buf, len);
		stream->in_total += n;
		return n;
	}
	n = Min(n, len);
	memcpy(buf, stream->in + stream->in_pos, n);
	stream->in_pos += n;
	return n;
}

/* Keep the first unpacked bytes back until it is sure that they are text. */
static void
look_at_head(DecompressStream *stream)
{
	const Signature *found;
	size_t n;

	while (stream->head_len < SNIFF_BYTES && (n = unpack(stream, stream->head + stream->head_len,
														 SNIFF_BYTES - stream->head_len)) > 0)
		stream->head_len += n;
	found = find_signature(stream->head, stream->head_len);
	if (found != NULL)
		not_text(stream, found, found->format != FORMAT_UNKNOWN);
}

/* raise 54000 when the object has become too long */
static void
check_limits(const DecompressStream *stream)
{
	if (stream->out_total > (int64) max_object_size_kb * 1024)
		ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
						errmsg("object \"%s\" is too large", object_name(stream)),
						errdetail("It has more than %d kB.", max_object_size_kb),
						errhint("The limit is set by \"%s\".", "olist_etl.max_object_size")));
	if (stream->format != FORMAT_PLAIN && stream->out_total > RATIO_FLOOR_BYTES &&
		stream->out_total / max_compression_ratio > stream->in_total)
		ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
						errmsg("object \"%s\" unpacks to too much data", object_name(stream)),
						errdetail("%lld bytes became more than %lld bytes.",
								  (long long) stream->in_total, (long long) stream->out_total),
						errhint("The limit is set by \"%s\".", "olist_etl.max_compression_ratio")));
}

/* implements OlistStreamOps.read */
static size_t
decompress_read(OlistStream *base, char *buf, size_t len)
{
	DecompressStream *stream = (DecompressStream *) base;
	size_t n;

	if (stream->finished)
		return 0;
	if (stream->format == FORMAT_UNKNOWN)
	{
		start(stream);
		if (stream->format != FORMAT_PLAIN)
			look_at_head(stream);
	}
	if (stream->head_pos < stream->head_len)
	{
		n = Min(len, stream->head_len - stream->head_pos);
		memcpy(buf, stream->head + stream->head_pos, n);
		stream->head_pos += n;
	}
	else
		n = stream->format == FORMAT_PLAIN ? pass(stream, buf, len)
										   : unpack(stream, (unsigned char *) buf, len);
	stream->out_total += n;
	stream->finished = (n == 0);
	check_limits(stream);
	return n;
}

/* implements OlistStreamOps.close; inner is closed as a child context */
static void
decompress_close(OlistStream *base)
{
	DecompressStream *stream = (DecompressStream *) base;

	if (stream->zlib_open)
		inflateEnd(&stream->zlib);
	ZSTD_freeDCtx(stream->zstd);
}
