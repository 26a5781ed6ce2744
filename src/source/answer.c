/*
 * source/answer.c
 *		What the headers of an answer say about the object.
 */
#include "postgres.h"

#include "source/answer.h"

char *
olist_answer_etag(const OlistHttp *http)
{
	char *etag = olist_http_header(http, "etag");
	size_t len;

	if (etag == NULL || strncmp(etag, "W/", 2) == 0)
		return NULL;
	len = strlen(etag);
	if (len >= 2 && etag[0] == '"' && etag[len - 1] == '"')
		return pnstrdup(etag + 1, len - 2);
	return len > 0 ? etag : NULL;
}

int64
olist_answer_length(const OlistHttp *http)
{
	char *text = olist_http_header(http, "content-length");

	return text == NULL || *text == '\0' || strspn(text, "0123456789") != strlen(text)
			   ? -1
			   : strtoll(text, NULL, 10);
}

bool
olist_answer_is_chunked(const OlistHttp *http)
{
	char *encoding = olist_http_header(http, "transfer-encoding");

	return encoding != NULL && pg_strcasecmp(encoding, "chunked") == 0;
}

bool
olist_answer_range(const OlistHttp *http, int64 *first, int64 *last, int64 *total)
{
	char *text = olist_http_header(http, "content-range");
	long long a;
	long long b;
	long long c;
	int end = 0;

	if (text == NULL || sscanf(text, "bytes %lld-%lld/%lld%n", &a, &b, &c, &end) != 3 ||
		text[end] != '\0' || a < 0 || b < a || c <= b)
		return false;
	*first = a;
	*last = b;
	*total = c;
	return true;
}
