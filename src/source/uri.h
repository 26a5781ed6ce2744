/*
 * source/uri.h
 *		The address of an object, taken apart.
 */
#ifndef OLIST_URI_H
#define OLIST_URI_H

typedef enum OlistScheme
{
	OLIST_SCHEME_FILE,
	OLIST_SCHEME_HTTP,
	OLIST_SCHEME_HTTPS,
	OLIST_SCHEME_S3,
	OLIST_SCHEME_SAMPLE
} OlistScheme;

typedef struct OlistUri
{
	OlistScheme scheme;
	char *host;		  /* http(s): in lower case, IPv6 without brackets; else NULL */
	int port;		  /* http(s): always set; else 0 */
	char *bucket;	  /* s3; else NULL */
	char *key;		  /* s3: the key as it is, "" for the whole bucket; else NULL */
	char *version_id; /* s3: the version that "?versionId=" asks for, or NULL */
	char *path;		  /* file: absolute path; sample: what follows "sample://";
					   * http(s): path and query, percent-encoded; s3: NULL */
} OlistUri;

/*
 * Take a URI apart, palloc'd in the current memory context.
 *
 * Keys and file names stand in a URI as they are, without percent-encoding
 * (as in s3://bucket/a key with 100%.csv), so that every name that a listing
 * gives can be opened again. Only in http(s) is the path encoded, by whoever
 * wrote it.
 *
 * Errors: 22023 for anything else than file:///path, /path, s3://bucket[/key],
 * http(s)://host[:port]/path and sample://…; user information in a URL is
 * refused, because it would be a secret in a catalog.
 */
extern OlistUri *olist_uri_parse(const char *uri);

/* Of an address of http(s): host[:port] as the Host header says it, and scheme://host[:port]. */
extern char *olist_uri_authority(const OlistUri *uri);
extern char *olist_uri_origin(const OlistUri *uri);

/*
 * The URI of an object in a bucket. A key that itself ends in something like
 * "?versionId=x" is closed with an empty "?versionId=", so that parsing gives
 * the key back.
 */
extern char *olist_uri_of_key(const char *bucket, const char *key);

#endif /* OLIST_URI_H */
