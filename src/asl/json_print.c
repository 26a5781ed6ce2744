/*
 * asl/json_print.c
 *		Tree to compact text, and that text's length.
 */
#include "postgres.h"

#include "asl/json.h"

#include "lib/stringinfo.h"
#include "miscadmin.h"

static void
print_string(StringInfo buf, const char *text, int len)
{
	const char *end = text + len;

	appendStringInfoChar(buf, '"');
	while (text < end)
	{
		const char *run = text;

		while (text < end && *text != '"' && *text != '\\' && (unsigned char) *text >= 0x20)
			text++;
		appendBinaryStringInfo(buf, run, (int) (text - run));
		if (text == end)
			break;
		switch (*text)
		{
			case '"':
				appendStringInfoString(buf, "\\\"");
				break;
			case '\\':
				appendStringInfoString(buf, "\\\\");
				break;
			case '\n':
				appendStringInfoString(buf, "\\n");
				break;
			case '\r':
				appendStringInfoString(buf, "\\r");
				break;
			case '\t':
				appendStringInfoString(buf, "\\t");
				break;
			case '\b':
				appendStringInfoString(buf, "\\b");
				break;
			case '\f':
				appendStringInfoString(buf, "\\f");
				break;
			default:
				appendStringInfo(buf, "\\u%04x", (unsigned char) *text);
				break;
		}
		text++;
	}
	appendStringInfoChar(buf, '"');
}

static void
print_value(StringInfo buf, const OlistJson *json)
{
	check_stack_depth();
	switch (json->type)
	{
		case OLIST_JSON_NULL:
			appendStringInfoString(buf, "null");
			break;
		case OLIST_JSON_BOOLEAN:
			appendStringInfoString(buf, json->boolean ? "true" : "false");
			break;
		case OLIST_JSON_NUMBER:
			appendBinaryStringInfo(buf, json->text, json->count);
			break;
		case OLIST_JSON_STRING:
			print_string(buf, json->text, json->count);
			break;
		case OLIST_JSON_ARRAY:
			appendStringInfoChar(buf, '[');
			for (int i = 0; i < json->count; i++)
			{
				if (i > 0)
					appendStringInfoChar(buf, ',');
				print_value(buf, json->items[i]);
			}
			appendStringInfoChar(buf, ']');
			break;
		case OLIST_JSON_OBJECT:
			appendStringInfoChar(buf, '{');
			for (int i = 0; i < json->count; i++)
			{
				if (i > 0)
					appendStringInfoChar(buf, ',');
				print_string(buf, json->members[i].key, json->members[i].key_len);
				appendStringInfoChar(buf, ':');
				print_value(buf, json->members[i].value);
			}
			appendStringInfoChar(buf, '}');
			break;
	}
}

char *
olist_json_print(const OlistJson *json, int *len)
{
	StringInfoData buf;

	initStringInfo(&buf);
	print_value(&buf, json);
	if (len != NULL)
		*len = buf.len;
	return buf.data;
}

static int64
string_size(const char *text, int len)
{
	int64 size = len + 2;

	for (int i = 0; i < len; i++)
	{
		unsigned char c = (unsigned char) text[i];

		if (c == '"' || c == '\\')
			size++;
		else if (c < 0x20)
			size += strchr("\n\r\t\b\f", c) != NULL && c != 0 ? 1 : 5;
	}
	return size;
}

int64
olist_json_size(const OlistJson *json)
{
	int64 size;

	check_stack_depth();
	switch (json->type)
	{
		case OLIST_JSON_NULL:
			return 4;
		case OLIST_JSON_BOOLEAN:
			return json->boolean ? 4 : 5;
		case OLIST_JSON_NUMBER:
			return json->count;
		case OLIST_JSON_STRING:
			return string_size(json->text, json->count);
		case OLIST_JSON_ARRAY:
			size = 2 + Max(json->count - 1, 0);
			for (int i = 0; i < json->count; i++)
				size += olist_json_size(json->items[i]);
			return size;
		case OLIST_JSON_OBJECT:
			break;
	}
	size = 2 + Max(json->count - 1, 0);
	for (int i = 0; i < json->count; i++)
		size += string_size(json->members[i].key, json->members[i].key_len) + 1 +
				olist_json_size(json->members[i].value);
	return size;
}
