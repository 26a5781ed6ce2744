/*
 * source/stream_open.c
 *		Where a URI becomes a stream of bytes.
 *
 *		URI ──► may the user? ──► the scheme's stream ──► [decompression] ──► reader
 */
#include "postgres.h"

#include "source/stream.h"

#include "miscadmin.h"
#include "source/decompress.h"
#include "source/file.h"
#include "source/policy.h"
#include "source/remote_stream.h"
#include "source/sample.h"
#include "source/uri.h"

/* the stream of the stored bytes, still compressed */
static OlistStream *
open_stored(const OlistUri *parts, const char *uri, const OlistObject *expected,
			const OlistSourceOptions *options)
{
	switch (parts->scheme)
	{
		case OLIST_SCHEME_FILE:
			return olist_file_open(parts->path, expected);
		case OLIST_SCHEME_S3:
		case OLIST_SCHEME_HTTP:
		case OLIST_SCHEME_HTTPS:
			return olist_remote_stream_open(parts, uri, expected, options);
		case OLIST_SCHEME_SAMPLE:
			return olist_sample_stream_open(uri, expected);
	}
	pg_unreachable();
}

OlistStream *
olist_stream_open(const char *uri, const OlistObject *expected, const OlistSourceOptions *options)
{
	OlistUri *parts = olist_uri_parse(uri);

	if (options == NULL)
		options = olist_source_options(InvalidOid, GetUserId());
	olist_policy_check_scheme(parts, options);
	return olist_decompress_wrap(open_stored(parts, uri, expected, options));
}
