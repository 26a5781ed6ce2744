/*
 * asl/datum.c
 *		Trees from SQL values of type json, and back.
 *
 * Inside asl/ text is UTF-8; here it is converted from and to the database's
 * encoding.
 */
#include "postgres.h"

#include "asl/datum.h"

#include "mb/pg_wchar.h"
#include "utils/builtins.h"

char *
olist_json_datum_text(Datum value, int *len)
{
	text *t = DatumGetTextPP(value);
	char *server = text_to_cstring(t);
	char *utf8 = pg_server_to_any(server, (int) strlen(server), PG_UTF8);

	*len = (int) strlen(utf8);
	return utf8;
}

OlistJson *
olist_json_from_datum(Datum value)
{
	int len;
	char *text = olist_json_datum_text(value, &len);
	OlistJsonError error;
	OlistJson *json = olist_json_parse(text, len, &error);

	if (json == NULL)
		ereport(ERROR, (errcode(ERRCODE_INVALID_TEXT_REPRESENTATION), errmsg("invalid JSON value"),
						errdetail("Byte %d: %s.", error.offset + 1, error.message)));
	return json;
}

Datum
olist_json_text_datum(const char *utf8, int len)
{
	char *server = pg_any_to_server(utf8, len, PG_UTF8);

	return PointerGetDatum(server == utf8 ? cstring_to_text_with_len(utf8, len)
										  : cstring_to_text(server));
}

Datum
olist_json_to_datum(const OlistJson *json)
{
	int len;
	char *text = olist_json_print(json, &len);

	return olist_json_text_datum(text, len);
}

char *
olist_utf8_from_server(const char *text)
{
	if (text == NULL || GetDatabaseEncoding() == PG_UTF8)
		return unconstify(char *, text);
	return pg_server_to_any(text, (int) strlen(text), PG_UTF8);
}

char *
olist_utf8_to_server(const char *text)
{
	if (text == NULL || GetDatabaseEncoding() == PG_UTF8)
		return unconstify(char *, text);
	return pg_any_to_server(text, (int) strlen(text), PG_UTF8);
}

OlistJson *
olist_json_parse_server(const char *text, OlistJsonError *error)
{
	const char *utf8 = olist_utf8_from_server(text);

	return olist_json_parse(utf8, (int) strlen(utf8), error);
}

char *
olist_json_print_server(const OlistJson *json)
{
	return olist_utf8_to_server(olist_json_print(json, NULL));
}
