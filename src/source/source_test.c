/*
 * source/source_test.c
 *		Inner parts of the room under test.
 *
 * The extension's script declares none of these functions: the regression
 * tests do, for as long as they run, so that known answers can be asked of
 * parts that a user never sees by themselves.
 */
#include "postgres.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "lib/stringinfo.h"
#include "source/decompress.h"
#include "source/glob.h"
#include "source/md5.h"
#include "source/policy.h"
#include "source/remote.h"
#include "source/s3_page.h"
#include "source/sigv4.h"
#include "source/stream.h"
#include "source/uri.h"
#include "utils/array.h"
#include "utils/builtins.h"

PG_FUNCTION_INFO_V1(olist_etl_test_sigv4);
PG_FUNCTION_INFO_V1(olist_etl_test_glob);
PG_FUNCTION_INFO_V1(olist_etl_test_uri);
PG_FUNCTION_INFO_V1(olist_etl_test_policy);
PG_FUNCTION_INFO_V1(olist_etl_test_md5);
PG_FUNCTION_INFO_V1(olist_etl_test_page);
PG_FUNCTION_INFO_V1(olist_etl_test_read);
PG_FUNCTION_INFO_V1(olist_etl_test_url);

static char *
text_arg(FunctionCallInfo fcinfo, int i)
{
	return text_to_cstring(PG_GETARG_TEXT_PP(i));
}

/* {name, value, name, value, …} as pairs */
static List *
pairs_arg(FunctionCallInfo fcinfo, int i)
{
	List *pairs = NIL;
	Datum *values;
	int n;

	deconstruct_array(PG_GETARG_ARRAYTYPE_P(i), TEXTOID, -1, false, TYPALIGN_INT, &values, NULL,
					  &n);
	for (int j = 0; j + 1 < n; j += 2)
		pairs = olist_pair_append(pairs, TextDatumGetCString(values[j]),
								  TextDatumGetCString(values[j + 1]));
	return pairs;
}

/*
 * sigv4(method, path, query pairs, header pairs, body, date, key id, secret,
 * region, service): the signature
 */
Datum
olist_etl_test_sigv4(PG_FUNCTION_ARGS)
{
	OlistSignable request = {0};
	OlistSigner signer = {0};
	StringInfoData path;
	char *body = text_arg(fcinfo, 4);
	char *authorization;

	initStringInfo(&path);
	olist_sigv4_encode(&path, text_arg(fcinfo, 1), true);
	request.method = text_arg(fcinfo, 0);
	request.path = path.data;
	request.query = olist_sigv4_query(pairs_arg(fcinfo, 2));
	request.headers = pairs_arg(fcinfo, 3);
	request.payload_hash = olist_sigv4_hash(body, strlen(body));
	request.amz_date = text_arg(fcinfo, 5);
	signer.access_key_id = text_arg(fcinfo, 6);
	signer.secret_access_key = text_arg(fcinfo, 7);
	signer.region = text_arg(fcinfo, 8);
	signer.service = text_arg(fcinfo, 9);
	authorization = olist_sigv4_authorization(&signer, &request);
	PG_RETURN_TEXT_P(cstring_to_text(strstr(authorization, "Signature=") + strlen("Signature=")));
}

/* glob(pattern, name): does it match? */
Datum
olist_etl_test_glob(PG_FUNCTION_ARGS)
{
	OlistGlob *glob = olist_glob_compile(text_arg(fcinfo, 0));

	PG_RETURN_BOOL(olist_glob_match(glob, text_arg(fcinfo, 1)));
}

/* uri(text): its parts, in one line */
Datum
olist_etl_test_uri(PG_FUNCTION_ARGS)
{
	static const char *const names[] = {"file", "http", "https", "s3", "sample"};
	OlistUri *uri = olist_uri_parse(text_arg(fcinfo, 0));
	StringInfoData out;

	initStringInfo(&out);
	appendStringInfoString(&out, names[uri->scheme]);
	if (uri->host != NULL)
		appendStringInfo(&out, " host=%s port=%d", uri->host, uri->port);
	if (uri->bucket != NULL)
		appendStringInfo(&out, " bucket=%s key=%s", uri->bucket, uri->key);
	if (uri->version_id != NULL)
		appendStringInfo(&out, " version=%s", uri->version_id);
	if (uri->path != NULL)
		appendStringInfo(&out, " path=%s", uri->path);
	PG_RETURN_TEXT_P(cstring_to_text(out.data));
}

/* policy(host, port, address): may it be connected to? */
Datum
olist_etl_test_policy(PG_FUNCTION_ARGS)
{
	char *host = text_arg(fcinfo, 0);
	char *address = text_arg(fcinfo, 2);
	struct sockaddr_in v4 = {.sin_family = AF_INET};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};

	if (inet_pton(AF_INET, address, &v4.sin_addr) == 1)
		PG_RETURN_BOOL(olist_policy_allows(host, PG_GETARG_INT32(1), (struct sockaddr *) &v4));
	if (inet_pton(AF_INET6, address, &v6.sin6_addr) == 1)
		PG_RETURN_BOOL(olist_policy_allows(host, PG_GETARG_INT32(1), (struct sockaddr *) &v6));
	PG_RETURN_NULL();
}

/* md5(bytes, size of a piece): the sum, of the bytes taken piece by piece */
Datum
olist_etl_test_md5(PG_FUNCTION_ARGS)
{
	bytea *data = PG_GETARG_BYTEA_PP(0);
	size_t len = VARSIZE_ANY_EXHDR(data);
	size_t piece = PG_GETARG_INT32(1);
	OlistMd5 md5;
	char hex[33];

	olist_md5_init(&md5);
	for (size_t i = 0; i < len; i += piece)
		olist_md5_update(&md5, VARDATA_ANY(data) + i, Min(piece, len - i));
	olist_md5_final(&md5, hex);
	PG_RETURN_TEXT_P(cstring_to_text(hex));
}

/* page(document, size of a piece): what a page of a listing says, in lines */
Datum
olist_etl_test_page(PG_FUNCTION_ARGS)
{
	char *document = text_arg(fcinfo, 0);
	size_t len = strlen(document);
	size_t piece = PG_GETARG_INT32(1);
	OlistS3Page *page = olist_s3_page_create();
	const OlistS3Entry *entry;
	StringInfoData out;
	bool good = true;

	for (size_t i = 0; i < len && good; i += piece)
		good = olist_s3_page_parse(page, document + i, Min(piece, len - i), false);
	good = good && olist_s3_page_parse(page, "", 0, true);
	initStringInfo(&out);
	if (olist_s3_page_error(page) != NULL)
		appendStringInfo(&out, "error %s", olist_s3_page_error(page)->code);
	else if (!good || !olist_s3_page_complete(page))
		appendStringInfoString(&out, "bad");
	else
		appendStringInfo(&out, "truncated=%d token=%s", olist_s3_page_truncated(page),
						 olist_s3_page_token(page) ? olist_s3_page_token(page) : "none");
	for (int i = 0; good && (entry = olist_s3_page_entry(page, i)) != NULL; i++)
		appendStringInfo(&out, "\n%s " INT64_FORMAT " %s %s", entry->key, entry->size,
						 entry->etag ? entry->etag : "-",
						 entry->storage_class ? entry->storage_class : "-");
	olist_s3_page_close(page);
	PG_RETURN_TEXT_P(cstring_to_text(out.data));
}

/*
 * read(uri, server, expected etag or NULL, expected size, sum?): the object's
 * bytes to their end, as "size md5" or "size"
 */
Datum
olist_etl_test_read(PG_FUNCTION_ARGS)
{
	char *uri = text_arg(fcinfo, 0);
	Oid server = olist_source_server(PG_ARGISNULL(1) ? NULL : NameStr(*PG_GETARG_NAME(1)), uri);
	OlistObject expected = {.uri = uri, .size = PG_ARGISNULL(3) ? -1 : PG_GETARG_INT64(3)};
	bool sum = PG_GETARG_BOOL(4);
	size_t chunk = olist_read_chunk_size;
	char *buf = palloc(chunk);
	OlistStream *stream;
	OlistMd5 md5;
	char hex[33] = "";
	int64 total = 0;
	size_t n;

	expected.etag = PG_ARGISNULL(2) ? NULL : text_arg(fcinfo, 2);
	expected.last_modified = DT_NOBEGIN;
	stream = olist_stream_open(uri, expected.etag != NULL ? &expected : NULL,
							   olist_source_options(server, GetUserId()));
	olist_md5_init(&md5);
	while ((n = olist_stream_read(stream, buf, chunk)) > 0)
	{
		total += (int64) n;
		if (sum)
			olist_md5_update(&md5, buf, n);
	}
	olist_stream_close(stream);
	if (sum)
		olist_md5_final(&md5, hex);
	PG_RETURN_TEXT_P(cstring_to_text(psprintf(INT64_FORMAT "%s%s", total, sum ? " " : "", hex)));
}

/* url(uri, server): where a request for the object would go */
Datum
olist_etl_test_url(PG_FUNCTION_ARGS)
{
	char *text = text_arg(fcinfo, 0);
	Oid server = olist_source_server(NameStr(*PG_GETARG_NAME(1)), text);
	OlistSourceOptions *options = olist_source_options(server, GetUserId());

	PG_RETURN_TEXT_P(cstring_to_text(
		olist_remote_url(olist_remote_create(olist_uri_parse(text), text, options))));
}
