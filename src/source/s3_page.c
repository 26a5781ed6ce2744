/*
 * source/s3_page.c
 *		One page of a bucket's listing, read from its XML as it comes.
 *
 *		bytes ──► expat ──► elements ──► entries
 *
 * The handlers run inside expat, so they raise nothing: their memory comes
 * from allocations that return NULL, and what goes wrong is a flag. A document
 * with a DOCTYPE is refused, and with it every entity that could grow.
 */
#include "postgres.h"

#include "source/s3_page.h"

#include <expat.h>

#include "utils/memutils.h"

/* a key has 1024 bytes, which may come as %XX each */
#define MAX_TEXT_BYTES (4 * 1024)

/* more than any server puts on a page, whatever it was asked for */
#define MAX_ENTRIES 10000

typedef enum Place
{
	IN_DOCUMENT, /* before the root */
	IN_ROOT,	 /* <ListBucketResult> */
	IN_CONTENTS,
	IN_OTHER, /* anything nested that does not matter */
	IN_ERROR
} Place;

struct OlistS3Page
{
	MemoryContext context;
	MemoryContextCallback callback; /* frees the parser */
	XML_Parser parser;
	Place place;
	int depth;		 /* of open elements */
	int other_depth; /* IN_OTHER: the depth at which it began */
	bool bad;		 /* not a listing */
	bool no_memory;
	bool complete; /* the root has been closed */
	bool encoded;  /* keys are URL-encoded */
	bool truncated;
	char *token;
	OlistS3Error error;
	OlistS3Entry entry; /* IN_CONTENTS */
	int nentries;
	OlistS3Entry *entries;
	int text_len;
	char text[MAX_TEXT_BYTES]; /* of the innermost element */
};

static void
free_parser(void *arg)
{
	OlistS3Page *page = arg;

	if (page->parser != NULL)
		XML_ParserFree(page->parser);
}

/* stop with a reason; expat then returns an error to us */
static void
stop(OlistS3Page *page, bool *flag)
{
	*flag = true;
	XML_StopParser(page->parser, XML_FALSE);
}

static char *
keep_text(OlistS3Page *page)
{
	char *copy = MemoryContextAllocExtended(page->context, page->text_len + 1, MCXT_ALLOC_NO_OOM);

	if (copy == NULL)
	{
		stop(page, &page->no_memory);
		return NULL;
	}
	memcpy(copy, page->text, page->text_len);
	copy[page->text_len] = '\0';
	return copy;
}

/* the text as a number of bytes; -1 if it is none */
static int64
text_size(OlistS3Page *page)
{
	int64 size = 0;

	if (page->text_len == 0 || page->text_len > 18)
		return -1;
	for (int i = 0; i < page->text_len; i++)
	{
		if (!isdigit((unsigned char) page->text[i]))
			return -1;
		size = size * 10 + (page->text[i] - '0');
	}
	return size;
}

static void
strip_quotes(char *etag)
{
	size_t len = etag ? strlen(etag) : 0;

	if (len >= 2 && etag[0] == '"' && etag[len - 1] == '"')
	{
		memmove(etag, etag + 1, len - 2);
		etag[len - 2] = '\0';
	}
}

static void
add_entry(OlistS3Page *page)
{
	if (page->entry.key == NULL || page->entry.size < 0 || page->nentries == MAX_ENTRIES)
	{
		stop(page, &page->bad);
		return;
	}
	if ((page->nentries & (page->nentries - 1)) == 0)
	{
		/* the array doubles whenever it is full */
		OlistS3Entry *more = MemoryContextAllocExtended(
			page->context, sizeof(OlistS3Entry) * Max(page->nentries * 2, 1), MCXT_ALLOC_NO_OOM);

		if (more == NULL)
		{
			stop(page, &page->no_memory);
			return;
		}
		if (page->nentries > 0)
			memcpy(more, page->entries, sizeof(OlistS3Entry) * page->nentries);
		page->entries = more;
	}
	page->entries[page->nentries++] = page->entry;
}

static void
start_element(void *arg, const XML_Char *name, const XML_Char **attributes)
{
	OlistS3Page *page = arg;

	page->depth++;
	page->text_len = 0;
	if (page->place == IN_DOCUMENT)
	{
		if (strcmp(name, "ListBucketResult") == 0)
			page->place = IN_ROOT;
		else if (strcmp(name, "Error") == 0)
			page->place = IN_ERROR;
		else
			stop(page, &page->bad);
	}
	else if (page->place == IN_ROOT && strcmp(name, "Contents") == 0)
	{
		page->place = IN_CONTENTS;
		memset(&page->entry, 0, sizeof(page->entry));
		page->entry.size = -1;
	}
	else if ((page->place == IN_ROOT && page->depth == 2 && strcmp(name, "CommonPrefixes") == 0) ||
			 (page->place == IN_CONTENTS && strcmp(name, "Owner") == 0))
	{
		page->other_depth = page->depth;
		page->place = IN_OTHER;
	}
}

static void
end_of_contents_field(OlistS3Page *page, const char *name)
{
	OlistS3Entry *entry = &page->entry;

	if (strcmp(name, "Key") == 0)
		entry->key = keep_text(page);
	else if (strcmp(name, "ETag") == 0)
	{
		entry->etag = keep_text(page);
		strip_quotes(entry->etag);
	}
	else if (strcmp(name, "Size") == 0)
		entry->size = text_size(page);
	else if (strcmp(name, "LastModified") == 0)
		entry->last_modified = keep_text(page);
	else if (strcmp(name, "StorageClass") == 0)
		entry->storage_class = keep_text(page);
}

static void
end_of_root_field(OlistS3Page *page, const char *name)
{
	if (strcmp(name, "IsTruncated") == 0)
		page->truncated = page->text_len == 4 && strncmp(page->text, "true", 4) == 0;
	else if (strcmp(name, "NextContinuationToken") == 0)
		page->token = keep_text(page);
	else if (strcmp(name, "EncodingType") == 0)
		page->encoded = page->text_len == 3 && strncmp(page->text, "url", 3) == 0;
}

static void
end_of_error_field(OlistS3Page *page, const char *name)
{
	size_t len = Min((size_t) page->text_len, sizeof(page->error.code) - 1);

	if (strcmp(name, "Code") == 0)
	{
		memcpy(page->error.code, page->text, len);
		page->error.code[len] = '\0';
	}
}

static void
end_element(void *arg, const XML_Char *name)
{
	OlistS3Page *page = arg;

	if (page->place == IN_OTHER)
	{
		if (page->depth == page->other_depth)
			page->place = page->depth == 2 ? IN_ROOT : IN_CONTENTS;
	}
	else if (page->depth == 1)
		page->complete = true;
	else if (page->place == IN_CONTENTS && page->depth == 2)
	{
		add_entry(page);
		page->place = IN_ROOT;
	}
	else if (page->place == IN_CONTENTS && page->depth == 3)
		end_of_contents_field(page, name);
	else if (page->place == IN_ROOT && page->depth == 2)
		end_of_root_field(page, name);
	else if (page->place == IN_ERROR && page->depth == 2)
		end_of_error_field(page, name);
	page->depth--;
	page->text_len = 0;
}

static void
character_data(void *arg, const XML_Char *data, int len)
{
	OlistS3Page *page = arg;

	if (page->text_len + len > MAX_TEXT_BYTES)
	{
		stop(page, &page->bad);
		return;
	}
	memcpy(page->text + page->text_len, data, len);
	page->text_len += len;
}

static void
refuse_doctype(void *arg, const XML_Char *name, const XML_Char *sysid, const XML_Char *pubid,
			   int has_subset)
{
	OlistS3Page *page = arg;

	stop(page, &page->bad);
}

OlistS3Page *
olist_s3_page_create(void)
{
	MemoryContext context =
		AllocSetContextCreate(CurrentMemoryContext, "olist s3 page", ALLOCSET_DEFAULT_SIZES);
	OlistS3Page *page = MemoryContextAllocZero(context, sizeof(OlistS3Page));

	page->context = context;
	page->callback.func = free_parser;
	page->callback.arg = page;
	MemoryContextRegisterResetCallback(context, &page->callback);
	page->parser = XML_ParserCreate(NULL);
	if (page->parser == NULL)
		ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory in expat")));
	XML_SetUserData(page->parser, page);
	XML_SetElementHandler(page->parser, start_element, end_element);
	XML_SetCharacterDataHandler(page->parser, character_data);
	XML_SetStartDoctypeDeclHandler(page->parser, refuse_doctype);
	return page;
}

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char) pg_tolower((unsigned char) c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* undo URL encoding in place; false for a key that no text can hold */
static bool
decode_key(char *key)
{
	char *out = key;

	for (const char *p = key; *p != '\0'; p++)
	{
		if (*p == '+')
			*out++ = ' ';
		else if (*p == '%' && hex_digit(p[1]) >= 0 && hex_digit(p[2]) >= 0)
		{
			*out = (char) (hex_digit(p[1]) << 4 | hex_digit(p[2]));
			if (*out++ == '\0')
				return false;
			p += 2;
		}
		else
			*out++ = *p;
	}
	*out = '\0';
	return true;
}

bool
olist_s3_page_parse(OlistS3Page *page, const char *data, size_t len, bool last)
{
	enum XML_Status status = XML_Parse(page->parser, data, (int) len, last);

	if (page->no_memory || XML_GetErrorCode(page->parser) == XML_ERROR_NO_MEMORY)
		ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory in expat")));
	if (status != XML_STATUS_OK || page->bad)
		return false;
	if (last && page->encoded)
	{
		page->encoded = false;
		for (int i = 0; i < page->nentries; i++)
		{
			if (!decode_key(page->entries[i].key))
				return false;
		}
	}
	return true;
}

bool
olist_s3_page_complete(const OlistS3Page *page)
{
	return page->complete && page->place == IN_ROOT;
}

const OlistS3Error *
olist_s3_page_error(const OlistS3Page *page)
{
	return page->place == IN_ERROR ? &page->error : NULL;
}

const OlistS3Entry *
olist_s3_page_entry(const OlistS3Page *page, int i)
{
	return i < page->nentries ? &page->entries[i] : NULL;
}

bool
olist_s3_page_truncated(const OlistS3Page *page)
{
	return page->truncated;
}

const char *
olist_s3_page_token(const OlistS3Page *page)
{
	return page->token;
}

void
olist_s3_page_close(OlistS3Page *page)
{
	MemoryContextDelete(page->context);
}
