/*
 * asl/scan.h
 *		What the parsers of paths and of intrinsic functions stand on.
 */
#ifndef OLIST_SCAN_H
#define OLIST_SCAN_H

/* a place in a text, and why it went no further */
typedef struct OlistScan
{
	const char *p;
	const char *end;
	const char *message; /* of the first failure, or NULL */
	int depth;			 /* of nesting, for parsers that bound it */
} OlistScan;

/* note the first failure; NULL, for callers that return a pointer */
static inline void *
olist_scan_fail(OlistScan *scan, const char *message)
{
	if (scan->message == NULL)
		scan->message = message;
	return NULL;
}

static inline bool
olist_scan_at(const OlistScan *scan, char c)
{
	return scan->p < scan->end && *scan->p == c;
}

#endif /* OLIST_SCAN_H */
