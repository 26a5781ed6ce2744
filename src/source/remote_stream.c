/*
 * source/remote_stream.c
 *		The bytes of an object at an HTTP server.
 *
 *		object	 ├─ part ─┼─ part ─┼─ part ─┼─ part ─┼─ …
 *		slots	  [head: being read] [under way] [under way]	a ring
 *					  │
 *					  └──► reader, in order
 *
 * An object is read in parts, each a range of its bytes asked for in a request
 * of its own. Several are under way while the first is being read; each slot
 * of the ring holds one part's bytes, so memory is bounded by slots × part.
 *
 * Every part is of the same version: the first answer (or the caller's
 * listing) says which ETag and size there is, every further request carries
 * If-Match, and every answer is compared: status 206, Content-Range, length,
 * ETag, total size. A part that breaks off is asked for again from where it
 * broke. Nothing else is ever put in its place.
 *
 * A server of plain http(s) may know no ranges or no ETags. Then the object is
 * read in one answer, which is one version by itself, and can only be resumed
 * where there is an ETag.
 */
#include "postgres.h"

#include "source/remote_stream.h"

#include "base/limit.h"
#include "base/message.h"
#include "compat.h"
#include "source/answer.h"
#include "source/exchange.h"
#include "source/md5.h"
#include "source/time_text.h"
#include "utils/guc.h"
#include "utils/memutils.h"

/* how much of the first part is read before others are asked for */
#define AHEAD_AFTER (256 * 1024)

/* how many bytes are read between two looks at the network */
#define TEND_EVERY (1024 * 1024)

typedef struct RemoteStream RemoteStream;

/* one part under way; its first byte is slot->first, its last slot->last */
typedef struct Slot
{
	RemoteStream *stream;
	OlistExchange *exchange;
	int64 first;
	int64 last;	 /* -1: the end of the object, wherever that is */
	int64 taken; /* bytes that the reader has */
} Slot;

struct RemoteStream
{
	OlistStream base; /* base.object.size and .etag are the version, once known */
	OlistRemote *remote;
	bool s3;
	bool known;	 /* the version is known */
	bool single; /* read in one answer, without ranges */
	int64 part_size;
	int64 next;		/* first byte that no slot has asked for */
	int64 position; /* bytes that the reader has */
	int64 tended;	/* position of the last look at the network */
	bool checksum;	/* is the ETag an MD5 sum that is to be compared? */
	OlistMd5 md5;
	int nslots;
	int head;  /* the slot that is being read */
	int nused; /* slots under way, from head on */
	Slot *slots;
};

static size_t remote_read(OlistStream *stream, char *buf, size_t len);
static void remote_close(OlistStream *stream);
static void check_answer(OlistExchange *exchange, void *arg);
static bool resume_part(OlistExchange *exchange, OlistAsk *ask, void *arg);

static const OlistStreamOps remote_ops = {remote_read, remote_close};
static const OlistExchangeOps slot_ops = {check_answer, resume_part};

static int read_ahead_kb;

static bool
check_read_ahead(int *newval, void **extra, GucSource source)
{
	return olist_limit_check("olist_etl.read_ahead", *newval, source);
}

void
olist_remote_stream_init(void)
{
	DefineCustomIntVariable(
		"olist_etl.read_ahead", "Limits the memory that one object is read ahead into.",
		"Users may lower it, only superusers may raise it.", &read_ahead_kb, 64 * 1024, 64,
		1024 * 1024, PGC_USERSET, GUC_UNIT_KB, check_read_ahead, NULL, NULL);
}

pg_noreturn static void mismatch(const RemoteStream *stream, const char *detail);

/* the server did not do what was asked */
static void
mismatch(const RemoteStream *stream, const char *detail)
{
	ereport(ERROR, (errcode(ERRCODE_PROTOCOL_VIOLATION),
					errmsg("could not read \"%s\": the answer does not fit the request",
						   stream->remote->name),
					errdetail("%s", detail)));
}

pg_noreturn static void changed(const RemoteStream *stream, const char *detail);

static void
changed(const RemoteStream *stream, const char *detail)
{
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("object \"%s\" has changed since its version was fixed", stream->remote->name),
			 errdetail("%s", detail),
			 errhint("List it again and read its new version from the beginning.")));
}

static char *
int64_text(int64 value)
{
	return psprintf(INT64_FORMAT, value);
}

/*
 * Is this ETag the MD5 sum of the bytes? Not for uploads in several parts
 * ("…-2"), nor for objects under a key of KMS or the customer's, nor in
 * directory buckets.
 */
static bool
etag_is_md5(const RemoteStream *stream, const OlistHttp *http)
{
	const char *etag = stream->base.object.etag;
	const char *bucket = stream->remote->uri->bucket;
	char *encryption = olist_http_header(http, "x-amz-server-side-encryption");
	size_t bucket_len = strlen(bucket);

	if (strlen(etag) != 32 || strspn(etag, "0123456789abcdef") != 32)
		return false;
	if (encryption != NULL && strncmp(encryption, "aws:", 4) == 0)
		return false;
	if (olist_http_header(http, "x-amz-server-side-encryption-customer-algorithm") != NULL)
		return false;
	return bucket_len < 6 || strcmp(bucket + bucket_len - 6, "--x-s3") != 0;
}

/*
 * Is the sum to be compared? TLS protects the bytes better than the sum would.
 * MD5 is slower than the network: of a large object, which is read in several
 * parts, it is compared only when asked for, as AWS's own SDKs compare sums of
 * whole answers only.
 */
static bool
wants_checksum(const RemoteStream *stream, const Slot *slot)
{
	const OlistSourceOptions *options = stream->remote->options;

	if (!stream->s3 || options->checksum != OLIST_CHECKSUM_AUTO)
		return stream->s3 && options->checksum == OLIST_CHECKSUM_ON;
	return options->endpoint != NULL && pg_strncasecmp(options->endpoint, "http:", 5) == 0 &&
		   slot->last + 1 == stream->base.object.size;
}

/* the first answer of all: which version is it? */
static void
learn_version(RemoteStream *stream, const OlistHttp *http, int64 size)
{
	OlistObject *object = &stream->base.object;
	MemoryContext old = MemoryContextSwitchTo(stream->base.context);
	char *modified = olist_http_header(http, "last-modified");

	if (!stream->known)
	{
		object->size = size;
		if (object->etag == NULL)
			object->etag = olist_answer_etag(http);
		object->storage_class = olist_http_header(http, "x-amz-storage-class");
		if (object->storage_class == NULL && stream->s3)
			object->storage_class = pstrdup("STANDARD");
		object->last_modified = olist_time_from_http(modified);
		stream->known = true;
	}
	MemoryContextSwitchTo(old);
}

/* the ETag of every answer must be the version's */
static void
check_etag(const RemoteStream *stream, const OlistHttp *http)
{
	const char *expected = stream->base.object.etag;
	char *etag = olist_answer_etag(http);

	if (expected == NULL)
		return;
	if (etag == NULL)
		mismatch(stream, "It names no version (ETag).");
	if (strcmp(etag, expected) != 0)
		changed(stream,
				psprintf("Its ETag was \"%s\" and is \"%s\".",
						 olist_clip(expected, strlen(expected)), olist_clip(etag, strlen(etag))));
}

static void
check_size(const RemoteStream *stream, int64 size)
{
	int64 expected = stream->base.object.size;

	if (expected >= 0 && size >= 0 && size != expected)
		changed(stream,
				psprintf("It had %s bytes and has %s.", int64_text(expected), int64_text(size)));
}

/* 206: exactly the bytes that were asked for, of exactly this version */
static void
check_part(RemoteStream *stream, Slot *slot, const OlistHttp *http, int64 received)
{
	int64 length = olist_answer_length(http);
	int64 want_first = slot->first + received;
	int64 want_last;
	int64 first;
	int64 last;
	int64 total;

	if (!olist_answer_range(http, &first, &last, &total))
		mismatch(stream, "It has no Content-Range with a total size.");
	check_size(stream, total);
	learn_version(stream, http, total);
	check_etag(stream, http);
	want_last = slot->last < 0 ? total - 1 : Min(slot->last, total - 1);
	if (first != want_first || last != want_last)
		mismatch(stream, psprintf("Bytes %s to %s were asked for and %s to %s came.",
								  int64_text(want_first), int64_text(want_last), int64_text(first),
								  int64_text(last)));
	if (length >= 0 && length != last - first + 1)
		mismatch(stream, psprintf("It announces %s bytes and has %s.", int64_text(last - first + 1),
								  int64_text(length)));
	slot->last = want_last;
}

/* 200: the whole object */
static void
check_whole(RemoteStream *stream, Slot *slot, const OlistHttp *http, int64 received)
{
	int64 length = olist_answer_length(http);

	if (received > 0)
		mismatch(stream, "The rest was asked for and the whole came.");
	/* only a server of plain http that knows no ranges may answer the first request so */
	if (slot->first > 0 || (stream->s3 && slot->last >= 0))
		mismatch(stream, "A range was asked for and the whole came.");
	if (length < 0 && stream->base.object.size < 0 && !olist_answer_is_chunked(http))
		mismatch(stream, "It announces no length, so nobody could tell if it is cut off.");
	check_size(stream, length);
	learn_version(stream, http, length);
	check_etag(stream, http);
	stream->single = true;
	slot->last = stream->base.object.size >= 0 ? stream->base.object.size - 1 : -1;
	stream->next = PG_INT64_MAX;
}

static void
check_answer(OlistExchange *exchange, void *arg)
{
	Slot *slot = arg;
	RemoteStream *stream = slot->stream;
	OlistHttp *http = olist_exchange_http(exchange);
	int64 received = olist_exchange_offset(exchange);

	if (stream->s3 && olist_answer_etag(http) == NULL)
		mismatch(stream, "It names no version (ETag).");
	if (olist_http_status(http) == 206)
		check_part(stream, slot, http, received);
	else if (olist_http_status(http) == 200)
		check_whole(stream, slot, http, received);
	else
		mismatch(stream, psprintf("Its status is %d.", olist_http_status(http)));
	if (stream->position == 0 && slot->first == 0 && received == 0 && wants_checksum(stream, slot))
	{
		stream->checksum = etag_is_md5(stream, http);
		olist_md5_init(&stream->md5);
	}
}

/* ask for the rest of a part that broke off; possible only for a version with a name */
static bool
resume_part(OlistExchange *exchange, OlistAsk *ask, void *arg)
{
	Slot *slot = arg;

	ask->if_match = slot->stream->base.object.etag;
	ask->first = slot->first + olist_exchange_received(exchange);
	ask->last = slot->last;
	return ask->if_match != NULL && (slot->last < 0 || ask->first <= slot->last);
}

/* ask for the bytes from first to last in the next free slot */
static void
start_part(RemoteStream *stream, int64 first, int64 last)
{
	Slot *slot = &stream->slots[(stream->head + stream->nused) % stream->nslots];
	OlistAsk ask = {.kind = OLIST_REQUEST_GET, .first = first, .last = last};

	slot->stream = stream;
	slot->first = first < 0 ? 0 : first;
	slot->last = last;
	slot->taken = 0;
	if (slot->exchange == NULL)
	{
		MemoryContext old = MemoryContextSwitchTo(stream->base.context);
		int64 bytes = stream->known ? Min(stream->part_size, stream->base.object.size - slot->first)
									: stream->part_size;

		slot->exchange =
			olist_exchange_create(stream->remote, (size_t) Max(bytes, 0), &slot_ops, slot);
		MemoryContextSwitchTo(old);
	}
	ask.if_match = stream->base.object.etag;
	stream->nused++;
	olist_exchange_ask(slot->exchange, &ask);
}

/* keep as many parts under way as there are slots and bytes */
static void
start_parts(RemoteStream *stream)
{
	int64 size = stream->base.object.size;

	if (!stream->known || stream->single)
		return;
	while (stream->nused < stream->nslots && stream->next < size &&
		   (stream->nused == 0 || stream->position >= Min(AHEAD_AFTER, stream->part_size / 2)))
	{
		int64 last = Min(stream->next + stream->part_size, size) - 1;

		start_part(stream, stream->next, last);
		stream->next = last + 1;
	}
}

/*
 * The first request, for a version that is not known: its first part. An
 * empty object has no first byte, so the answer is 416 and HEAD tells the rest.
 */
static void
discover_version(RemoteStream *stream)
{
	Slot *slot = &stream->slots[0];
	OlistHttp *http;

	start_part(stream, 0, stream->part_size - 1);
	if (olist_exchange_wait(slot->exchange) == OLIST_EXCHANGE_FAILED)
	{
		OlistAsk ask = {.kind = OLIST_REQUEST_HEAD, .first = -1, .last = -1};

		http = olist_exchange_http(slot->exchange);
		if (olist_http_state(http) != OLIST_HTTP_DONE || olist_http_status(http) != 416)
			olist_exchange_raise(slot->exchange);
		slot->last = -1;
		olist_exchange_ask(slot->exchange, &ask);
		if (olist_exchange_wait(slot->exchange) == OLIST_EXCHANGE_FAILED)
			olist_exchange_raise(slot->exchange);
		if (stream->base.object.size != 0)
			mismatch(stream, "It has no first byte and is not empty.");
	}
	if (stream->single)
		return;
	if (stream->base.object.etag == NULL)
	{
		/* without a name for the version its parts need not be of one */
		olist_exchange_close(slot->exchange);
		slot->exchange = NULL;
		stream->nused = 0;
		stream->known = false;
		start_part(stream, -1, -1);
		if (olist_exchange_wait(slot->exchange) == OLIST_EXCHANGE_FAILED)
			olist_exchange_raise(slot->exchange);
		if (!stream->single)
			mismatch(stream, "The whole was asked for and a part came.");
	}
	stream->next = slot->last + 1;
}

/* how many parts of which size fit into the memory allowed */
static void
plan_parts(RemoteStream *stream)
{
	const OlistSourceOptions *options = stream->remote->options;
	int64 limit = (int64) read_ahead_kb * 1024;

	stream->part_size = Min(options->part_size, limit);
	stream->nslots = (int) Min(options->connections, limit / stream->part_size);
	stream->slots = palloc0(sizeof(Slot) * stream->nslots);
}

OlistStream *
olist_remote_stream_open(const OlistUri *uri, const char *text, const OlistObject *expected,
						 const OlistSourceOptions *options)
{
	RemoteStream *stream = (RemoteStream *) olist_stream_create(sizeof(RemoteStream), &remote_ops);
	OlistObject *object = &stream->base.object;
	MemoryContext old = MemoryContextSwitchTo(stream->base.context);

	stream->s3 = uri->scheme == OLIST_SCHEME_S3;
	stream->remote = olist_remote_create(uri, text, options);
	object->uri = pstrdup(text);
	object->size = -1;
	object->last_modified = DT_NOBEGIN;
	plan_parts(stream);
	if (expected != NULL)
	{
		object->size = expected->size;
		object->etag = expected->etag ? pstrdup(expected->etag) : NULL;
		object->last_modified = expected->last_modified;
		object->storage_class = expected->storage_class ? pstrdup(expected->storage_class) : NULL;
	}
	stream->known = object->size >= 0 && object->etag != NULL;
	if (!stream->known)
		discover_version(stream);
	else if (object->size == 0)
		start_part(stream, -1, -1);
	else
		start_parts(stream);
	MemoryContextSwitchTo(old);
	return &stream->base;
}

/* the memory contexts below the stream's stop all transfers */
static void
remote_close(OlistStream *stream)
{
}

/* all parts have been read: is it all, and is it right? */
static void
check_end(RemoteStream *stream)
{
	char sum[33];

	if (stream->base.object.size >= 0 && stream->position != stream->base.object.size)
		mismatch(stream,
				 psprintf("The object has %s bytes and %s came.",
						  int64_text(stream->base.object.size), int64_text(stream->position)));
	if (!stream->checksum)
		return;
	stream->checksum = false;
	olist_md5_final(&stream->md5, sum);
	if (strcmp(sum, stream->base.object.etag) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("the bytes of \"%s\" do not match its checksum", stream->remote->name),
				 errdetail("Its ETag is the MD5 sum \"%s\", and what came has \"%s\".",
						   stream->base.object.etag, sum),
				 errhint("The bytes were damaged on the way: use https. Where ETags are not MD5 "
						 "sums, set the option checksum of the server to off.")));
}

/* the part in the head slot has been read to its end */
static void
finish_part(RemoteStream *stream)
{
	Slot *slot = &stream->slots[stream->head];
	int64 length = slot->last - slot->first + 1;

	if (slot->last >= 0 && slot->taken != length)
		mismatch(stream, psprintf("A part of %s bytes was asked for and %s came.",
								  int64_text(length), int64_text(slot->taken)));
	stream->head = (stream->head + 1) % stream->nslots;
	stream->nused--;
}

/* bytes that are there, of the head slot */
static size_t
take(RemoteStream *stream, Slot *slot, char *buf, size_t len)
{
	size_t n = olist_exchange_take(slot->exchange, buf, len);

	slot->taken += (int64) n;
	stream->position += (int64) n;
	if (slot->last >= 0 && slot->taken > slot->last - slot->first + 1)
		mismatch(stream, "More bytes came than were asked for.");
	if (stream->checksum)
		olist_md5_update(&stream->md5, buf, n);
	return n;
}

static void
advance_all(RemoteStream *stream)
{
	start_parts(stream);
	for (int i = 0; i < stream->nused; i++)
		(void) olist_exchange_advance(stream->slots[(stream->head + i) % stream->nslots].exchange);
}

static size_t
remote_read(OlistStream *base, char *buf, size_t len)
{
	RemoteStream *stream = (RemoteStream *) base;

	for (;;)
	{
		Slot *slot = &stream->slots[stream->head];
		OlistExchangeState state;
		size_t n;

		/* while bytes are at hand, the other parts still want attention */
		if (stream->position - stream->tended >= TEND_EVERY)
		{
			stream->tended = stream->position;
			olist_http_drive(false);
		}
		advance_all(stream);
		if (stream->nused == 0)
		{
			check_end(stream);
			return 0;
		}
		state = olist_exchange_advance(slot->exchange);
		if (state != OLIST_EXCHANGE_WAITING || slot->taken > 0)
		{
			n = take(stream, slot, buf, len);
			if (n > 0)
				return n;
		}
		if (state == OLIST_EXCHANGE_FAILED)
			olist_exchange_raise(slot->exchange);
		else if (state == OLIST_EXCHANGE_END)
			finish_part(stream);
		else
			olist_http_drive(true);
	}
}
