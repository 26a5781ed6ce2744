/*
 * asl/items.c
 *		CSV and JSON as items of a Map.
 *
 * The text is small enough to be held, and comes in whole: whoever reads it has
 * counted its bytes. Rows need not be as long as the header: what is missing is
 * the empty string, what is too much is dropped, as Step Functions does it.
 */
#include "postgres.h"

#include "asl/items.h"

#include "lib/stringinfo.h"
#include "miscadmin.h"

static OlistJson *
fail(OlistFailure *failure, char *cause)
{
	failure->error = "States.ItemReaderFailed";
	failure->cause = cause;
	return NULL;
}

char *
olist_items_uri(const OlistJson *reader)
{
	const OlistJson *resource = olist_json_get(reader, "Resource");
	const OlistJson *parameters = olist_json_get(reader, "Parameters");
	const OlistJson *uri = olist_json_get(parameters, "Uri");
	const OlistJson *bucket = olist_json_get(parameters, "Bucket");
	const OlistJson *key = olist_json_get(parameters, "Key");

	if (strncmp(resource->text, "olist:", 6) == 0)
		return NULL;
	if (uri != NULL && uri->type == OLIST_JSON_STRING)
		return pstrdup(uri->text);
	if (bucket == NULL || bucket->type != OLIST_JSON_STRING || key == NULL ||
		key->type != OLIST_JSON_STRING)
		return NULL;
	return psprintf("s3://%s/%s", bucket->text, key->text);
}

/* MaxItems; PG_INT64_MAX if there is none, or 0. False with failure filled */
static bool
max_items(const OlistJson *reader, int64 *limit, OlistFailure *failure)
{
	const OlistJson *field = olist_json_get(olist_json_get(reader, "ReaderConfig"), "MaxItems");

	*limit = PG_INT64_MAX;
	if (field == NULL)
		return true;
	if (!olist_json_to_int64(field, limit) || *limit < 0)
		return fail(failure, pstrdup("field MaxItems must be positive")) != NULL;
	if (*limit == 0)
		*limit = PG_INT64_MAX;
	return true;
}

OlistJson *
olist_items_limit(const OlistJson *reader, OlistJson *items, OlistFailure *failure)
{
	OlistJson *first;
	int64 limit;

	if (items->type != OLIST_JSON_ARRAY)
		return fail(failure, pstrdup("Attempting to map over non-iterable node."));
	if (!max_items(reader, &limit, failure))
		return NULL;
	if (items->count <= limit)
		return items;
	first = olist_json_array();
	for (int i = 0; i < limit; i++)
		olist_json_append(first, items->items[i]);
	return first;
}

/* ---------- CSV ---------- */

typedef struct Csv
{
	const char *p;
	const char *end;
	char delimiter;
} Csv;

/* the field at p, without its quotes; p is left behind it */
static OlistJson *
read_field(Csv *csv)
{
	StringInfoData buf;
	bool quoted = csv->p < csv->end && *csv->p == '"';

	initStringInfo(&buf);
	csv->p += quoted;
	for (; csv->p < csv->end; csv->p++)
	{
		char c = *csv->p;

		if (quoted && c == '"')
		{
			if (csv->p + 1 < csv->end && csv->p[1] == '"')
				csv->p++;
			else
			{
				quoted = false;
				continue;
			}
		}
		else if (!quoted && (c == csv->delimiter || c == '\n' || c == '\r'))
			break;
		appendStringInfoChar(&buf, c);
	}
	return olist_json_string_n(buf.data, buf.len);
}

/* the next record as an array of strings, NULL at the end; blank lines are none */
static OlistJson *
read_record(Csv *csv)
{
	OlistJson *record;

	while (csv->p < csv->end && (*csv->p == '\n' || *csv->p == '\r'))
		csv->p++;
	if (csv->p >= csv->end)
		return NULL;
	record = olist_json_array();
	for (;;)
	{
		olist_json_append(record, read_field(csv));
		if (csv->p >= csv->end || *csv->p != csv->delimiter)
			return record;
		csv->p++;
	}
}

static bool
has_duplicates(const OlistJson *headers)
{
	OlistJson *seen = olist_json_object();

	for (int i = 0; i < headers->count; i++)
		olist_json_set_n(seen, headers->items[i]->text, headers->items[i]->count,
						 headers->items[i]);
	return seen->count < headers->count;
}

static bool
is_strings(const OlistJson *array)
{
	for (int i = 0; i < array->count; i++)
	{
		if (array->items[i]->type != OLIST_JSON_STRING)
			return false;
	}
	return true;
}

static char
csv_delimiter(const OlistJson *config)
{
	static const struct
	{
		const char *name;
		char delimiter;
	} delimiters[] = {
		{"COMMA", ','}, {"PIPE", '|'}, {"SEMICOLON", ';'}, {"SPACE", ' '}, {"TAB", '\t'}};
	const OlistJson *name = olist_json_get(config, "CSVDelimiter");

	for (size_t i = 0; name != NULL && i < lengthof(delimiters); i++)
	{
		if (olist_json_is_string(name, delimiters[i].name))
			return delimiters[i].delimiter;
	}
	return ',';
}

static OlistJson *
parse_csv(const OlistJson *config, const char *text, int len, int64 limit, OlistFailure *failure)
{
	Csv csv = {.p = text, .end = text + len, .delimiter = csv_delimiter(config)};
	OlistJson *headers = olist_json_get(config, "CSVHeaders");
	OlistJson *items = olist_json_array();
	OlistJson *record;

	/* a byte order mark is no part of the first name */
	if (len >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0)
		csv.p += 3;
	if (!olist_json_is_string(olist_json_get(config, "CSVHeaderLocation"), "GIVEN"))
		headers = read_record(&csv);
	if (headers == NULL || headers->type != OLIST_JSON_ARRAY || !is_strings(headers))
		return fail(failure, pstrdup("CSV headers are missing."));
	if (has_duplicates(headers))
		return fail(failure, pstrdup("CSV headers cannot contain duplicates."));
	while (items->count < limit && (record = read_record(&csv)) != NULL)
	{
		OlistJson *item = olist_json_object();

		CHECK_FOR_INTERRUPTS();
		for (int i = 0; i < headers->count; i++)
			olist_json_set_n(item, headers->items[i]->text, headers->items[i]->count,
							 i < record->count ? record->items[i] : olist_json_string(""));
		olist_json_append(items, item);
	}
	return items;
}

OlistJson *
olist_items_parse(const OlistJson *reader, const char *text, int len, OlistFailure *failure)
{
	const OlistJson *config = olist_json_get(reader, "ReaderConfig");
	OlistJson *items;
	OlistJsonError error;
	int64 limit;

	if (!max_items(reader, &limit, failure))
		return NULL;
	if (olist_json_is_string(olist_json_get(config, "InputType"), "CSV"))
		return parse_csv(config, text, len, limit, failure);
	items = olist_json_parse(text, len, &error);
	if (items == NULL)
		return fail(failure, psprintf("the object is not JSON: %s at byte %d", error.message,
									  error.offset + 1));
	return olist_items_limit(reader, items, failure);
}
