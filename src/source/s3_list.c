/*
 * source/s3_list.c
 *		The objects of a bucket.
 *
 *		ListObjectsV2 ──► page ──► entry ──► in order? matches? ──► object
 *		   ▲ continuation token │
 *		   └────────────────────┘
 *
 * One page is in memory at a time. A page counts only when its document has
 * come completely: whatever breaks before that makes the same page be asked
 * for again, so no key is lost and none comes twice.
 */
#include "postgres.h"

#include "source/s3_list.h"

#include "base/message.h"
#include "compat.h"
#include "mb/pg_wchar.h"
#include "source/exchange.h"
#include "source/glob.h"
#include "source/remote_stream.h"
#include "source/s3_page.h"
#include "source/sigv4.h"
#include "source/time_text.h"
#include "utils/memutils.h"

#define LIST_CAPACITY (256 * 1024)

typedef struct S3Listing
{
	OlistListing base;
	OlistRemote *remote;
	OlistExchange *exchange;
	OlistGlob *glob;	   /* or NULL: all under the prefix */
	const char *prefix;	   /* of the keys */
	const char *delimiter; /* "/" where no deeper key can match, or NULL */
	bool ordered;		   /* does this kind of bucket list its keys in order? */
	MemoryContext asked;   /* what the present page was asked for with */
	OlistS3Page *page;	   /* the present one, or NULL */
	int entry;			   /* the next one of it */
	char *token;		   /* where the present page begins, or NULL */
	char last_key[1025];   /* that was seen */
} S3Listing;

/* the listing of one object that was looked up at open */
typedef struct SingleListing
{
	OlistListing base;
	OlistObject object;
	bool given;
} SingleListing;

static bool s3_next(OlistListing *listing, OlistObject *object);
static bool single_next(OlistListing *listing, OlistObject *object);
static void check_list(OlistExchange *exchange, void *arg);
static bool restart_page(OlistExchange *exchange, OlistAsk *ask, void *arg);

static const OlistListingOps s3_ops = {s3_next, NULL};
static const OlistListingOps single_ops = {single_next, NULL};
static const OlistExchangeOps list_ops = {check_list, restart_page};

pg_noreturn static void inconsistent(const S3Listing *listing, const char *detail);

static void
inconsistent(const S3Listing *listing, const char *detail)
{
	ereport(ERROR,
			(errcode(ERRCODE_PROTOCOL_VIOLATION),
			 errmsg("could not list \"%s\": the answer is not usable", listing->remote->name),
			 errdetail("%s", detail), errhint("Check that the endpoint speaks the S3 protocol.")));
}

static void
check_list(OlistExchange *exchange, void *arg)
{
	if (olist_http_status(olist_exchange_http(exchange)) != 200)
		inconsistent(arg, "Its status is no answer to a listing.");
}

/* have an empty page to read into */
static void
new_page(S3Listing *listing)
{
	MemoryContext old = MemoryContextSwitchTo(listing->base.context);

	if (listing->page != NULL)
		olist_s3_page_close(listing->page);
	listing->page = NULL;
	listing->page = olist_s3_page_create();
	listing->entry = 0;
	MemoryContextSwitchTo(old);
}

static bool
restart_page(OlistExchange *exchange, OlistAsk *ask, void *arg)
{
	new_page(arg);
	olist_http_discard(olist_exchange_http(exchange));
	return true;
}

static List *
page_query(const S3Listing *listing)
{
	int page_size = listing->remote->options->page_size;
	List *query = olist_pair_append(NIL, "list-type", "2");

	query = olist_pair_append(query, "encoding-type", "url");
	query = olist_pair_append(query, "max-keys", psprintf("%d", page_size));
	if (*listing->prefix != '\0')
		query = olist_pair_append(query, "prefix", listing->prefix);
	if (listing->delimiter != NULL)
		query = olist_pair_append(query, "delimiter", listing->delimiter);
	if (listing->token != NULL)
		query = olist_pair_append(query, "continuation-token", listing->token);
	else if (listing->last_key[0] != '\0')
		query = olist_pair_append(query, "start-after", listing->last_key);
	return query;
}

/* Read the answer's document; false if it is cut or an error of the moment. */
static bool
read_page(S3Listing *listing)
{
	const OlistS3Error *error;
	OlistExchangeState state;
	bool good = true;
	char buf[16384];

	do
	{
		size_t n;

		state = olist_exchange_advance(listing->exchange);
		if (state == OLIST_EXCHANGE_FAILED)
			olist_exchange_raise(listing->exchange);
		while (state != OLIST_EXCHANGE_WAITING && good &&
			   (n = olist_exchange_take(listing->exchange, buf, sizeof(buf))) > 0)
			good = olist_s3_page_parse(listing->page, buf, n, false);
		if (good && state != OLIST_EXCHANGE_END)
			olist_http_drive(true);
	} while (good && state != OLIST_EXCHANGE_END);

	good = good && olist_s3_page_parse(listing->page, "", 0, true);
	error = olist_s3_page_error(listing->page);
	if (error != NULL)
	{
		bool throttled;

		if (!olist_s3_error_transient(200, error->code, &throttled))
			inconsistent(listing, psprintf("It is the error %s.",
										   olist_clip(error->code, strlen(error->code))));
		return false;
	}
	return good && olist_s3_page_complete(listing->page);
}

static void
fetch_page(S3Listing *listing)
{
	OlistAsk ask = {.kind = OLIST_REQUEST_LIST, .first = -1, .last = -1};
	MemoryContext old;

	MemoryContextReset(listing->asked);
	old = MemoryContextSwitchTo(listing->asked);
	ask.query = page_query(listing);
	MemoryContextSwitchTo(listing->base.context);
	new_page(listing);
	olist_exchange_ask(listing->exchange, &ask);
	while (!read_page(listing))
	{
		olist_exchange_reject(listing->exchange);
		if (olist_exchange_advance(listing->exchange) == OLIST_EXCHANGE_FAILED)
			inconsistent(listing, "It is no complete listing.");
	}
	MemoryContextSwitchTo(old);
}

/* go to the next page; false if there is none */
static bool
next_page(S3Listing *listing)
{
	const char *token;

	if (listing->page != NULL)
	{
		if (!olist_s3_page_truncated(listing->page))
			return false;
		token = olist_s3_page_token(listing->page);
		if (token == NULL && listing->last_key[0] == '\0')
			inconsistent(listing, "It says that there is more, but not where.");
		if (token != NULL && listing->token != NULL && strcmp(token, listing->token) == 0)
			inconsistent(listing, "Its continuation token leads to the same page.");
		if (listing->token != NULL)
			pfree(listing->token);
		listing->token = token ? MemoryContextStrdup(listing->base.context, token) : NULL;
	}
	fetch_page(listing);
	return true;
}

/*
 * Keys come in the order of their bytes, across pages too. One that does not
 * follow its predecessor would mean that others have been passed over.
 */
static void
check_order(S3Listing *listing, const char *key)
{
	size_t len = strlen(key);

	if (len >= sizeof(listing->last_key))
		inconsistent(listing, "It holds a key of more than 1024 bytes.");
	if (listing->ordered && listing->last_key[0] != '\0' && strcmp(key, listing->last_key) <= 0)
		inconsistent(listing, psprintf("The key \"%s\" follows \"%s\".", olist_clip(key, len),
									   olist_clip(listing->last_key, strlen(listing->last_key))));
	memcpy(listing->last_key, key, len + 1);
}

/* S3 speaks UTF-8; the database may speak something else */
static char *
key_text(const S3Listing *listing, const char *key)
{
	if (!pg_verify_mbstr(PG_UTF8, key, (int) strlen(key), true))
		ereport(ERROR,
				(errcode(ERRCODE_CHARACTER_NOT_IN_REPERTOIRE),
				 errmsg("could not list \"%s\": a key is not valid UTF-8", listing->remote->name),
				 errdetail("The key is \"%s\".", olist_clip(key, strlen(key)))));
	return pg_any_to_server(key, (int) strlen(key), PG_UTF8);
}

/* an empty object in place of a folder, as consoles and file systems over S3 make them */
static bool
is_folder(const OlistS3Entry *entry)
{
	size_t len = strlen(entry->key);

	return entry->size == 0 && len > 0 && entry->key[len - 1] == '/';
}

static bool
s3_next(OlistListing *base, OlistObject *object)
{
	S3Listing *listing = (S3Listing *) base;

	for (;;)
	{
		const OlistS3Entry *entry =
			listing->page ? olist_s3_page_entry(listing->page, listing->entry++) : NULL;

		if (entry == NULL)
		{
			if (!next_page(listing))
				return false;
			continue;
		}
		check_order(listing, entry->key);
		if (is_folder(entry))
			continue;
		if (listing->glob != NULL && !olist_glob_match(listing->glob, entry->key))
			continue;
		object->uri = olist_uri_of_key(listing->remote->uri->bucket, key_text(listing, entry->key));
		object->size = entry->size;
		object->etag = entry->etag ? pstrdup(entry->etag) : NULL;
		object->last_modified = olist_time_from_iso(entry->last_modified);
		object->storage_class = pstrdup(entry->storage_class ? entry->storage_class : "STANDARD");
		return true;
	}
}

static bool
single_next(OlistListing *base, OlistObject *object)
{
	SingleListing *listing = (SingleListing *) base;

	if (listing->given)
		return false;
	listing->given = true;
	*object = listing->object;
	object->uri = pstrdup(object->uri);
	object->etag = object->etag ? pstrdup(object->etag) : NULL;
	object->storage_class = object->storage_class ? pstrdup(object->storage_class) : NULL;
	return true;
}

OlistListing *
olist_remote_single_open(const OlistUri *uri, const char *text, const OlistSourceOptions *options)
{
	SingleListing *listing =
		(SingleListing *) olist_listing_create(sizeof(SingleListing), &single_ops);
	MemoryContext old = MemoryContextSwitchTo(listing->base.context);
	OlistSourceOptions *small = palloc(sizeof(OlistSourceOptions));
	OlistStream *stream;
	char byte;

	/* one byte is enough to learn all about an object, with an error that has a body */
	*small = *options;
	small->part_size = 1;
	small->checksum = OLIST_CHECKSUM_OFF;
	stream = olist_remote_stream_open(uri, text, NULL, small);
	(void) olist_stream_read(stream, &byte, 1);
	listing->object = stream->object;
	listing->object.uri = pstrdup(text);
	if (stream->object.etag != NULL)
		listing->object.etag = pstrdup(stream->object.etag);
	if (stream->object.storage_class != NULL)
		listing->object.storage_class = pstrdup(stream->object.storage_class);
	olist_stream_close(stream);
	MemoryContextSwitchTo(old);
	return &listing->base;
}

OlistListing *
olist_s3_listing_open(const OlistUri *uri, const char *text, const OlistSourceOptions *options)
{
	bool pattern = olist_glob_is_pattern(uri->key);
	size_t key_len = strlen(uri->key);
	size_t bucket_len = strlen(uri->bucket);
	S3Listing *listing;
	MemoryContext old;

	if (uri->version_id != NULL || (!pattern && key_len > 0 && uri->key[key_len - 1] != '/'))
		return olist_remote_single_open(uri, text, options);

	listing = (S3Listing *) olist_listing_create(sizeof(S3Listing), &s3_ops);
	old = MemoryContextSwitchTo(listing->base.context);
	listing->remote = olist_remote_create(uri, text, options);
	listing->exchange = olist_exchange_create(listing->remote, LIST_CAPACITY, &list_ops, listing);
	listing->asked =
		AllocSetContextCreate(listing->base.context, "olist page query", ALLOCSET_SMALL_SIZES);
	listing->prefix = uri->key;
	listing->ordered = bucket_len < 6 || strcmp(uri->bucket + bucket_len - 6, "--x-s3") != 0;
	if (pattern)
	{
		const char *rest;

		listing->glob = olist_glob_compile(uri->key);
		listing->prefix = olist_glob_prefix(listing->glob);
		/* the rest names no directory, so there is no need to look into any */
		rest = uri->key + strcspn(uri->key, "*?{\\");
		if (strchr(rest, '/') == NULL && strstr(rest, "**") == NULL)
			listing->delimiter = "/";
	}
	MemoryContextSwitchTo(old);
	return &listing->base;
}
