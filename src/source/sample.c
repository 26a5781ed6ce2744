/*
 * source/sample.c
 *		The generated data set as objects: sample://olist/<file>.csv
 *
 * Nine objects of a hundredth of the real data set's size, the same on every
 * server and for everybody: what a new installation is pointed at, and what
 * tests can read without any file. Their version is the generator's.
 */
#include "postgres.h"

#include "source/sample.h"

#include "base/message.h"
#include "compat.h"
#include "sample/sample.h"
#include "source/glob.h"
#include "utils/timestamp.h"

#define ROOT "sample://olist/"
#define ROOT_WITHOUT_SLASH "sample://olist"
#define SUFFIX ".csv"

#define SCALE 0.01
#define SEED 1

/* 2018-11-01 00:00 UTC, when the last order had been delivered, as a constant of the data set */
#define LAST_MODIFIED ((TimestampTz) 6879 * USECS_PER_DAY)

typedef struct SampleStream
{
	OlistStream base;
	OlistSample *sample;
} SampleStream;

typedef struct SampleListing
{
	OlistListing base;
	const char *single; /* the one object that is named, or NULL */
	OlistGlob *glob;	/* over whole URIs; NULL: every object */
	int next;
} SampleListing;

static size_t sample_read(OlistStream *stream, char *buf, size_t len);
static void sample_close(OlistStream *stream);
static bool sample_listing_next(OlistListing *listing, OlistObject *object);

static const OlistStreamOps sample_ops = {sample_read, sample_close};
static const OlistListingOps sample_listing_ops = {sample_listing_next, NULL};

static char *
uri_of(OlistSampleEntity entity)
{
	return psprintf(ROOT "%s" SUFFIX, olist_sample_file_name(entity));
}

/* how many bytes an object has: made once per session to be counted */
static int64
size_of(OlistSampleEntity entity)
{
	static int64 sizes[OLIST_SAMPLE_ENTITIES];

	if (sizes[entity] == 0)
	{
		OlistSample *sample = olist_sample_open(entity, SCALE, SEED, OLIST_SAMPLE_WHOLE);
		char *buf = palloc(BLCKSZ);
		int64 size = 0;
		size_t n;

		while ((n = olist_sample_read(sample, buf, BLCKSZ)) > 0)
			size += n;
		olist_sample_close(sample);
		pfree(buf);
		sizes[entity] = size;
	}
	return sizes[entity];
}

static void
describe(OlistSampleEntity entity, OlistObject *object)
{
	object->uri = uri_of(entity);
	object->size = size_of(entity);
	object->etag = psprintf("olist-sample-%d", OLIST_SAMPLE_VERSION);
	object->last_modified = LAST_MODIFIED;
	object->storage_class = NULL;
}

/* the object of that URI, or -1 */
static int
find_entity(const char *uri)
{
	for (int i = 0; i < OLIST_SAMPLE_ENTITIES; i++)
	{
		if (strcmp(uri, uri_of(i)) == 0)
			return i;
	}
	return -1;
}

pg_noreturn static void raise_missing(const char *uri);

static void
raise_missing(const char *uri)
{
	ereport(ERROR, (errcode(ERRCODE_UNDEFINED_FILE),
					errmsg("there is no object \"%s\"", olist_redact_uri(uri)),
					errhint("The generated data set is at " ROOT ".")));
}

OlistStream *
olist_sample_stream_open(const char *uri, const OlistObject *expected)
{
	int entity = find_entity(uri);
	SampleStream *stream;
	MemoryContext old;

	if (entity < 0)
		raise_missing(uri);
	stream = (SampleStream *) olist_stream_create(sizeof(SampleStream), &sample_ops);
	old = MemoryContextSwitchTo(stream->base.context);
	describe(entity, &stream->base.object);
	stream->sample = olist_sample_open(entity, SCALE, SEED, OLIST_SAMPLE_WHOLE);
	MemoryContextSwitchTo(old);

	if (expected != NULL &&
		((expected->etag != NULL && strcmp(expected->etag, stream->base.object.etag) != 0) ||
		 (expected->size >= 0 && expected->size != stream->base.object.size)))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("object \"%s\" has changed since it was listed", olist_redact_uri(uri)),
				 errdetail("Its version is \"%s\" now.", stream->base.object.etag),
				 errhint("List the source again.")));
	return &stream->base;
}

/* implements OlistStreamOps.read */
static size_t
sample_read(OlistStream *stream, char *buf, size_t len)
{
	return olist_sample_read(((SampleStream *) stream)->sample, buf, len);
}

/* implements OlistStreamOps.close: memory is all there is */
static void
sample_close(OlistStream *stream)
{
}

OlistListing *
olist_sample_listing_open(const char *uri)
{
	SampleListing *listing =
		(SampleListing *) olist_listing_create(sizeof(SampleListing), &sample_listing_ops);
	MemoryContext old = MemoryContextSwitchTo(listing->base.context);

	if (olist_glob_is_pattern(uri))
		listing->glob = olist_glob_compile(uri);
	else if (strcmp(uri, ROOT) != 0 && strcmp(uri, ROOT_WITHOUT_SLASH) != 0)
	{
		if (find_entity(uri) < 0)
			raise_missing(uri);
		listing->single = pstrdup(uri);
	}
	MemoryContextSwitchTo(old);
	return &listing->base;
}

/* implements OlistListingOps.next */
static bool
sample_listing_next(OlistListing *base, OlistObject *object)
{
	SampleListing *listing = (SampleListing *) base;

	while (listing->next < OLIST_SAMPLE_ENTITIES)
	{
		OlistSampleEntity entity = listing->next++;
		char *uri = uri_of(entity);

		if ((listing->single == NULL || strcmp(listing->single, uri) == 0) &&
			(listing->glob == NULL || olist_glob_match(listing->glob, uri)))
		{
			describe(entity, object);
			return true;
		}
	}
	return false;
}
