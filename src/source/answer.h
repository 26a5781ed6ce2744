/*
 * source/answer.h
 *		What the headers of an answer say about the object.
 */
#ifndef OLIST_ANSWER_H
#define OLIST_ANSWER_H

#include "source/http.h"

/* the ETag without its quotes; NULL if there is none or only a weak one */
extern char *olist_answer_etag(const OlistHttp *http);

/* Content-Length, or -1 */
extern int64 olist_answer_length(const OlistHttp *http);

/* Does the body say itself where it ends? */
extern bool olist_answer_is_chunked(const OlistHttp *http);

/* "bytes 0-9/100"; false if it is anything else, also without a total */
extern bool olist_answer_range(const OlistHttp *http, int64 *first, int64 *last, int64 *total);

#endif /* OLIST_ANSWER_H */
