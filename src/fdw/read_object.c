/*
 * fdw/read_object.c
 *		One object as it is, for what is small and no table: the items of a Map.
 */
#include "postgres.h"

#include "base/message.h"
#include "fmgr.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "source/options.h"
#include "source/stream.h"
#include "utils/builtins.h"

/* larger objects are read row by row, or not at all */
#define MAX_OBJECT_BYTES (64 * 1024 * 1024)

#define CHUNK_BYTES 65536

PG_FUNCTION_INFO_V1(olist_etl_read_object);

/* read_object(uri text, server name) */
Datum
olist_etl_read_object(PG_FUNCTION_ARGS)
{
	char *uri;
	char *server;
	OlistStream *stream;
	StringInfoData buf;
	size_t len;

	if (PG_ARGISNULL(0))
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("uri must not be null")));
	uri = text_to_cstring(PG_GETARG_TEXT_PP(0));
	server = PG_ARGISNULL(1) ? NULL : NameStr(*PG_GETARG_NAME(1));
	stream = olist_stream_open(uri, NULL,
							   olist_source_options(olist_source_server(server, uri), GetUserId()));

	initStringInfo(&buf);
	do
	{
		enlargeStringInfo(&buf, CHUNK_BYTES);
		len = olist_stream_read(stream, buf.data + buf.len, CHUNK_BYTES);
		buf.len += (int) len;
		if (buf.len > MAX_OBJECT_BYTES)
			ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
							errmsg("object \"%s\" is too large to be read as one value",
								   olist_redact_uri(uri)),
							errdetail("At most %d bytes are read, after decompression.",
									  MAX_OBJECT_BYTES)));
	} while (len > 0);
	olist_stream_close(stream);
	PG_RETURN_BYTEA_P(cstring_to_text_with_len(buf.data, buf.len));
}
