/*
 * asl/json_parse.c
 *		Text to tree.
 *
 * Strict JSON in UTF-8. Numbers stay the text they were.
 */
#include "postgres.h"

#include "asl/json.h"

#include "lib/stringinfo.h"
#include "miscadmin.h"

typedef struct Parser
{
	const char *start;
	const char *p;
	const char *end;
	int depth;
	const char *message;  /* why parsing failed, or NULL */
	bool find_duplicates; /* stop at a key seen before in its object */
	char *duplicate;
} Parser;

static OlistJson *parse_value(Parser *parser);

static OlistJson *
fail(Parser *parser, const char *message)
{
	if (parser->message == NULL)
		parser->message = message;
	return NULL;
}

static void
skip_space(Parser *parser)
{
	while (parser->p < parser->end &&
		   (*parser->p == ' ' || *parser->p == '\t' || *parser->p == '\n' || *parser->p == '\r'))
		parser->p++;
}

static bool
at_char(const Parser *parser, char c)
{
	return parser->p < parser->end && *parser->p == c;
}

static bool
at_digit(const Parser *parser)
{
	return parser->p < parser->end && *parser->p >= '0' && *parser->p <= '9';
}

static OlistJson *
parse_word(Parser *parser, const char *word, OlistJson *value)
{
	size_t len = strlen(word);

	if ((size_t) (parser->end - parser->p) < len || memcmp(parser->p, word, len) != 0)
		return fail(parser, "unknown word");
	parser->p += len;
	return value;
}

static OlistJson *
parse_number(Parser *parser)
{
	const char *start = parser->p;

	if (at_char(parser, '-'))
		parser->p++;
	if (at_char(parser, '0'))
		parser->p++;
	else if (at_digit(parser))
		while (at_digit(parser))
			parser->p++;
	else
		return fail(parser, "unexpected character");
	if (at_char(parser, '.'))
	{
		parser->p++;
		if (!at_digit(parser))
			return fail(parser, "a digit must follow the decimal point");
		while (at_digit(parser))
			parser->p++;
	}
	if (at_char(parser, 'e') || at_char(parser, 'E'))
	{
		parser->p++;
		if (at_char(parser, '+') || at_char(parser, '-'))
			parser->p++;
		if (!at_digit(parser))
			return fail(parser, "a digit must follow the exponent");
		while (at_digit(parser))
			parser->p++;
	}
	return olist_json_number(start, (int) (parser->p - start));
}

/* the code unit of the four hexadecimal digits at p, or -1 */
static int
parse_hex4(Parser *parser)
{
	int unit = 0;

	if (parser->end - parser->p < 4)
		return -1;
	for (int i = 0; i < 4; i++)
	{
		char c = *parser->p++;

		if (c >= '0' && c <= '9')
			unit = unit * 16 + (c - '0');
		else if (c >= 'a' && c <= 'f')
			unit = unit * 16 + (c - 'a' + 10);
		else if (c >= 'A' && c <= 'F')
			unit = unit * 16 + (c - 'A' + 10);
		else
			return -1;
	}
	return unit;
}

static void
append_utf8(StringInfo buf, uint32 c)
{
	if (c < 0x80)
		appendStringInfoChar(buf, (char) c);
	else if (c < 0x800)
	{
		appendStringInfoChar(buf, (char) (0xC0 | (c >> 6)));
		appendStringInfoChar(buf, (char) (0x80 | (c & 0x3F)));
	}
	else if (c < 0x10000)
	{
		appendStringInfoChar(buf, (char) (0xE0 | (c >> 12)));
		appendStringInfoChar(buf, (char) (0x80 | ((c >> 6) & 0x3F)));
		appendStringInfoChar(buf, (char) (0x80 | (c & 0x3F)));
	}
	else
	{
		appendStringInfoChar(buf, (char) (0xF0 | (c >> 18)));
		appendStringInfoChar(buf, (char) (0x80 | ((c >> 12) & 0x3F)));
		appendStringInfoChar(buf, (char) (0x80 | ((c >> 6) & 0x3F)));
		appendStringInfoChar(buf, (char) (0x80 | (c & 0x3F)));
	}
}

/* the rest of \uXXXX, with its second half if it is the first of a surrogate pair */
static bool
parse_unicode_escape(Parser *parser, StringInfo buf)
{
	int unit = parse_hex4(parser);
	int low;

	if (unit < 0)
		return fail(parser, "four hexadecimal digits must follow \\u") != NULL;
	if (unit >= 0xDC00 && unit <= 0xDFFF)
		return fail(parser, "half of a surrogate pair") != NULL;
	if (unit < 0xD800 || unit > 0xDBFF)
	{
		append_utf8(buf, unit);
		return true;
	}
	if (parser->end - parser->p < 6 || parser->p[0] != '\\' || parser->p[1] != 'u')
		return fail(parser, "half of a surrogate pair") != NULL;
	parser->p += 2;
	low = parse_hex4(parser);
	if (low < 0xDC00 || low > 0xDFFF)
		return fail(parser, "half of a surrogate pair") != NULL;
	append_utf8(buf, 0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00));
	return true;
}

static bool
parse_escape(Parser *parser, StringInfo buf)
{
	static const char *const from = "\"\\/bfnrt";
	static const char *const to = "\"\\/\b\f\n\r\t";
	const char *at;

	if (parser->p >= parser->end)
		return fail(parser, "unterminated string") != NULL;
	if (*parser->p == 'u')
	{
		parser->p++;
		return parse_unicode_escape(parser, buf);
	}
	at = *parser->p == '\0' ? NULL : strchr(from, *parser->p);
	if (at == NULL)
		return fail(parser, "unknown escape") != NULL;
	appendStringInfoChar(buf, to[at - from]);
	parser->p++;
	return true;
}

/* the string whose opening quote is at p, unescaped into buf */
static bool
parse_string(Parser *parser, StringInfo buf)
{
	parser->p++;
	for (;;)
	{
		const char *run = parser->p;

		while (parser->p < parser->end && *parser->p != '"' && *parser->p != '\\' &&
			   (unsigned char) *parser->p >= 0x20)
			parser->p++;
		appendBinaryStringInfo(buf, run, (int) (parser->p - run));
		if (parser->p >= parser->end)
			return fail(parser, "unterminated string") != NULL;
		if ((unsigned char) *parser->p < 0x20)
			return fail(parser, "control character in a string") != NULL;
		if (*parser->p++ == '"')
			return true;
		if (!parse_escape(parser, buf))
			return false;
	}
}

static OlistJson *
parse_string_value(Parser *parser)
{
	StringInfoData buf;
	OlistJson *json = NULL;

	initStringInfo(&buf);
	if (parse_string(parser, &buf))
		json = olist_json_string_n(buf.data, buf.len);
	pfree(buf.data);
	return json;
}

static OlistJson *
parse_array(Parser *parser)
{
	OlistJson *array = olist_json_array();

	parser->p++;
	skip_space(parser);
	if (at_char(parser, ']'))
	{
		parser->p++;
		return array;
	}
	for (;;)
	{
		OlistJson *value = parse_value(parser);

		if (value == NULL)
			return NULL;
		olist_json_append(array, value);
		skip_space(parser);
		if (at_char(parser, ']'))
			break;
		if (!at_char(parser, ','))
			return fail(parser, "a comma or the array's end must follow");
		parser->p++;
	}
	parser->p++;
	return array;
}

/* one "key": value of object */
static bool
parse_member(Parser *parser, OlistJson *object)
{
	StringInfoData key;
	OlistJson *value = NULL;

	skip_space(parser);
	if (!at_char(parser, '"'))
		return fail(parser, "a member's name must follow") != NULL;
	initStringInfo(&key);
	if (parse_string(parser, &key))
	{
		skip_space(parser);
		if (parser->find_duplicates && olist_json_find(object, key.data, key.len) >= 0)
		{
			parser->duplicate = pstrdup(key.data);
			fail(parser, "the member is there twice");
		}
		else if (!at_char(parser, ':'))
			fail(parser, "a colon must follow the member's name");
		else
		{
			parser->p++;
			value = parse_value(parser);
		}
	}
	if (value != NULL)
		olist_json_set_n(object, key.data, key.len, value);
	pfree(key.data);
	return value != NULL;
}

static OlistJson *
parse_object(Parser *parser)
{
	OlistJson *object = olist_json_object();

	parser->p++;
	skip_space(parser);
	if (at_char(parser, '}'))
	{
		parser->p++;
		return object;
	}
	for (;;)
	{
		if (!parse_member(parser, object))
			return NULL;
		skip_space(parser);
		if (at_char(parser, '}'))
			break;
		if (!at_char(parser, ','))
			return fail(parser, "a comma or the object's end must follow");
		parser->p++;
	}
	parser->p++;
	return object;
}

static OlistJson *
parse_nested(Parser *parser, OlistJson *(*parse)(Parser *) )
{
	OlistJson *json;

	if (parser->depth >= OLIST_JSON_MAX_DEPTH)
		return fail(parser, "nested too deeply");
	parser->depth++;
	json = parse(parser);
	parser->depth--;
	return json;
}

static OlistJson *
parse_value(Parser *parser)
{
	check_stack_depth();
	skip_space(parser);
	if (parser->p >= parser->end)
		return fail(parser, "the text ends too early");
	switch (*parser->p)
	{
		case '{':
			return parse_nested(parser, parse_object);
		case '[':
			return parse_nested(parser, parse_array);
		case '"':
			return parse_string_value(parser);
		case 't':
			return parse_word(parser, "true", olist_json_boolean(true));
		case 'f':
			return parse_word(parser, "false", olist_json_boolean(false));
		case 'n':
			return parse_word(parser, "null", olist_json_null());
		default:
			return parse_number(parser);
	}
}

static OlistJson *
parse_document(Parser *parser, const char *text, int len)
{
	OlistJson *json;

	parser->start = parser->p = text;
	parser->end = text + len;
	json = parse_value(parser);
	if (json == NULL)
		return NULL;
	skip_space(parser);
	if (parser->p < parser->end)
		return fail(parser, "more text follows the value");
	return json;
}

OlistJson *
olist_json_parse(const char *text, int len, OlistJsonError *error)
{
	Parser parser = {0};
	OlistJson *json = parse_document(&parser, text, len);

	if (json == NULL)
	{
		error->offset = (int) (parser.p - parser.start);
		error->message = parser.message;
	}
	return json;
}

char *
olist_json_duplicate_key(const char *text, int len)
{
	Parser parser = {.find_duplicates = true};

	parse_document(&parser, text, len);
	return parser.duplicate;
}
