/*
 * source/http_fetch.h
 *		One small request, waited for.
 */
#ifndef OLIST_HTTP_FETCH_H
#define OLIST_HTTP_FETCH_H

#include "source/http.h"

typedef struct OlistHttpAnswer
{
	int status; /* 0: there was no answer, see failure */
	char *body; /* of any status, NUL-terminated, at most 64 kB */
	size_t len;
	OlistHttpFailure failure;
} OlistHttpAnswer;

/*
 * Do a request of kind OLIST_REQUEST_CREDENTIALS to its end, up to tries times
 * while the trouble may pass. Network errors do not raise, interrupts do.
 */
extern void olist_http_fetch(const OlistHttpRequest *request, int tries, OlistHttpAnswer *answer);

#endif /* OLIST_HTTP_FETCH_H */
