/*
 * source/s3_page.h
 *		One page of a bucket's listing, read from its XML as it comes.
 */
#ifndef OLIST_S3_PAGE_H
#define OLIST_S3_PAGE_H

#include "source/object.h"
#include "source/s3_error.h"

typedef struct OlistS3Page OlistS3Page;

/* one <Contents> */
typedef struct OlistS3Entry
{
	char *key;
	char *etag; /* without quotes, or NULL */
	char *storage_class;
	char *last_modified; /* as in the document */
	int64 size;
} OlistS3Entry;

/* In a context of its own below the current one. */
extern OlistS3Page *olist_s3_page_create(void);

/*
 * The next piece of the document, or its end. False if it is no listing, or
 * not well-formed. Does not raise, except for want of memory.
 */
extern bool olist_s3_page_parse(OlistS3Page *page, const char *data, size_t len, bool last);

/* after the end: is the document complete? */
extern bool olist_s3_page_complete(const OlistS3Page *page);

/* an error that came with status 200, or NULL */
extern const OlistS3Error *olist_s3_page_error(const OlistS3Page *page);

/* after the end: the entry of that number, from 0, or NULL; lives with the page */
extern const OlistS3Entry *olist_s3_page_entry(const OlistS3Page *page, int i);

extern bool olist_s3_page_truncated(const OlistS3Page *page);
extern const char *olist_s3_page_token(const OlistS3Page *page); /* NULL: none */

extern void olist_s3_page_close(OlistS3Page *page);

#endif /* OLIST_S3_PAGE_H */
