/*
 * source/sigv4.h
 *		AWS Signature Version 4.
 */
#ifndef OLIST_SIGV4_H
#define OLIST_SIGV4_H

#include "lib/stringinfo.h"
#include "nodes/pg_list.h"
#include "pgtime.h"

/* the SHA-256 of no bytes, which is the payload of every GET and HEAD */
#define OLIST_SIGV4_EMPTY_PAYLOAD "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

/* a header or a query parameter, as it is: not encoded */
typedef struct OlistPair
{
	char *name; /* headers: in lower case */
	char *value;
} OlistPair;

/* who signs */
typedef struct OlistSigner
{
	const char *access_key_id;
	const char *secret_access_key;
	const char *region;
	const char *service;
} OlistSigner;

/* what is signed; path and query are the very bytes that go over the wire */
typedef struct OlistSignable
{
	const char *method;
	const char *path;		  /* from olist_sigv4_encode(), starts with '/' */
	const char *query;		  /* from olist_sigv4_query(), "" if there is none */
	List *headers;			  /* of OlistPair, each name once, all signed; has host */
	const char *payload_hash; /* hex SHA-256 of the body, or UNSIGNED-PAYLOAD */
	const char *amz_date;	  /* 20130524T000000Z, also in the headers */
} OlistSignable;

extern List *olist_pair_append(List *pairs, const char *name, const char *value);

/* the pairs as lines of a request's header: a list of char *, "name: value" */
extern List *olist_pair_lines(const List *pairs);

/*
 * Append text with all but A-Za-z0-9-._~ percent-encoded, and '/' kept on
 * request: the only encoder there is, so that what is signed is what is sent.
 */
extern void olist_sigv4_encode(StringInfo out, const char *text, bool keep_slash);

/* the query string of pairs: encoded, sorted by encoded name, '=' always there */
extern char *olist_sigv4_query(const List *pairs);

/* the time as in x-amz-date; at is seconds since 1970 */
extern char *olist_sigv4_date(pg_time_t at);

/* hex SHA-256 of a body */
extern char *olist_sigv4_hash(const char *data, size_t len);

/*
 * The value of the Authorization header. The intermediate keys are wiped; the
 * result, palloc'd, holds no secret.
 */
extern char *olist_sigv4_authorization(const OlistSigner *signer, const OlistSignable *request);

/* the canonical request and the string to sign, for tests and for diagnosis */
extern char *olist_sigv4_canonical_request(const OlistSignable *request);
extern char *olist_sigv4_string_to_sign(const OlistSigner *signer, const OlistSignable *request);

#endif /* OLIST_SIGV4_H */
