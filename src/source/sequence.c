/*
 * source/sequence.c
 *		The streams of all objects of a listing, one after the other.
 *
 *		listing ──► [opened, asked for] [opened, asked for] … ──► reader
 *
 * An object of some kilobytes takes one round trip and next to no time to
 * send. The next ones' round trips are spent while the present one is read.
 */
#include "postgres.h"

#include "source/sequence.h"

#include "nodes/pg_list.h"
#include "source/uri.h"
#include "utils/memutils.h"

/* an object that is asked for as a whole, without a thought for memory */
#define SMALL_BYTES (256 * 1024)

/* an object that is open already */
typedef struct Opened
{
	OlistObject object;
	OlistStream *stream;
} Opened;

struct OlistSequence
{
	MemoryContext context;
	const OlistSourceOptions *options;
	OlistListing *listing;
	bool ended;	  /* has the listing? */
	int ahead;	  /* how many may be open */
	List *opened; /* of Opened, in the order of the listing */
};

static bool
is_remote(const char *uri)
{
	OlistScheme scheme = olist_uri_parse(uri)->scheme;

	return scheme == OLIST_SCHEME_S3 || scheme == OLIST_SCHEME_HTTP || scheme == OLIST_SCHEME_HTTPS;
}

OlistSequence *
olist_sequence_open(const char *uri, const OlistSourceOptions *options)
{
	MemoryContext context =
		AllocSetContextCreate(CurrentMemoryContext, "olist sequence", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	OlistSequence *sequence = palloc0(sizeof(OlistSequence));

	sequence->context = context;
	sequence->options = options;
	sequence->listing = olist_listing_open(uri, options);
	sequence->ahead = is_remote(uri) ? options->connections : 1;
	MemoryContextSwitchTo(old);
	return sequence;
}

/* open the next object of the listing; false if there is none */
static bool
open_next(OlistSequence *sequence)
{
	Opened *opened = palloc0(sizeof(Opened));

	if (!olist_listing_next(sequence->listing, &opened->object))
	{
		pfree(opened);
		sequence->ended = true;
		return false;
	}
	opened->stream = olist_stream_open(opened->object.uri, &opened->object, sequence->options);
	sequence->opened = lappend(sequence->opened, opened);
	return true;
}

/* are all open objects small, so that another one may be opened? */
static bool
may_open_more(const OlistSequence *sequence)
{
	const Opened *last;

	if (sequence->ended || list_length(sequence->opened) >= sequence->ahead)
		return false;
	if (sequence->opened == NIL)
		return true;
	last = llast(sequence->opened);
	return last->object.etag != NULL && last->object.size >= 0 && last->object.size <= SMALL_BYTES;
}

/* a copy of the object in the current context */
static void
copy_object(const OlistObject *from, OlistObject *to)
{
	*to = *from;
	to->uri = pstrdup(from->uri);
	to->etag = from->etag ? pstrdup(from->etag) : NULL;
	to->storage_class = from->storage_class ? pstrdup(from->storage_class) : NULL;
}

static void
free_opened(Opened *opened)
{
	pfree(opened->object.uri);
	if (opened->object.etag != NULL)
		pfree(opened->object.etag);
	if (opened->object.storage_class != NULL)
		pfree(opened->object.storage_class);
	pfree(opened);
}

bool
olist_sequence_next(OlistSequence *sequence, OlistObject *object, OlistStream **stream)
{
	MemoryContext old = MemoryContextSwitchTo(sequence->context);
	Opened *first;

	while (may_open_more(sequence) && open_next(sequence))
		;
	MemoryContextSwitchTo(old);
	if (sequence->opened == NIL)
		return false;
	first = linitial(sequence->opened);
	sequence->opened = list_delete_first(sequence->opened);
	copy_object(&first->object, object);
	*stream = first->stream;
	MemoryContextSetParent(first->stream->context, old);
	free_opened(first);
	return true;
}
