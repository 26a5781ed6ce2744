/*
 * asl/json.c
 *		Text to tree and back; building and looking up.
 *
 *		text ── parse ──► OlistJson tree ── print ──► compact text
 *
 * Numbers stay the text they were. Objects keep insertion order; from
 * INDEX_FROM members on they carry a hash table, so that a hostile document
 * cannot make building or lookup quadratic.
 */
#include "postgres.h"

#include <math.h>

#include "asl/json.h"

#include "common/hashfn.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"

/* objects of fewer members are searched from the front */
#define INDEX_FROM 17

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
new_node(OlistJsonType type)
{
	OlistJson *json = palloc0(sizeof(OlistJson));

	json->type = type;
	return json;
}

OlistJson *
olist_json_null(void)
{
	return new_node(OLIST_JSON_NULL);
}

OlistJson *
olist_json_boolean(bool value)
{
	OlistJson *json = new_node(OLIST_JSON_BOOLEAN);

	json->boolean = value;
	return json;
}

static OlistJson *
new_text_node(OlistJsonType type, const char *text, int len)
{
	OlistJson *json = new_node(type);

	json->text = palloc(len + 1);
	memcpy(json->text, text, len);
	json->text[len] = '\0';
	json->count = len;
	return json;
}

OlistJson *
olist_json_int(int64 value)
{
	char text[32];
	int len = snprintf(text, sizeof(text), INT64_FORMAT, value);

	return new_text_node(OLIST_JSON_NUMBER, text, len);
}

OlistJson *
olist_json_number(const char *text, int len)
{
	return new_text_node(OLIST_JSON_NUMBER, text, len);
}

OlistJson *
olist_json_string(const char *text)
{
	return new_text_node(OLIST_JSON_STRING, text, (int) strlen(text));
}

OlistJson *
olist_json_string_n(const char *text, int len)
{
	return new_text_node(OLIST_JSON_STRING, text, len);
}

OlistJson *
olist_json_array(void)
{
	return new_node(OLIST_JSON_ARRAY);
}

OlistJson *
olist_json_object(void)
{
	return new_node(OLIST_JSON_OBJECT);
}

void
olist_json_append(OlistJson *array, OlistJson *value)
{
	Assert(array->type == OLIST_JSON_ARRAY);
	if (array->count == array->capacity)
	{
		array->capacity = Max(4, array->capacity * 2);
		if (array->items == NULL)
			array->items = palloc(array->capacity * sizeof(OlistJson *));
		else
			array->items = repalloc_huge(array->items, array->capacity * sizeof(OlistJson *));
	}
	array->items[array->count++] = value;
}

static bool
key_is(const OlistJsonMember *member, const char *key, int key_len)
{
	return member->key_len == key_len && memcmp(member->key, key, key_len) == 0;
}

static uint32
key_hash(const char *key, int key_len)
{
	return hash_bytes((const unsigned char *) key, key_len);
}

/* the slot of key in the object's hash table: its member's, or the free one where it belongs */
static int *
index_slot(const OlistJson *object, const char *key, int key_len)
{
	uint32 mask = object->index_size - 1;
	uint32 at = key_hash(key, key_len) & mask;

	while (object->index[at] >= 0 && !key_is(&object->members[object->index[at]], key, key_len))
		at = (at + 1) & mask;
	return &object->index[at];
}

static void
build_index(OlistJson *object)
{
	if (object->index != NULL)
		pfree(object->index);
	object->index_size = Max(64, object->index_size * 2);
	object->index = palloc(object->index_size * sizeof(int));
	for (int i = 0; i < object->index_size; i++)
		object->index[i] = -1;
	for (int i = 0; i < object->count; i++)
		*index_slot(object, object->members[i].key, object->members[i].key_len) = i;
}

static OlistJsonMember *
find_member(const OlistJson *object, const char *key, int key_len)
{
	if (object->index != NULL)
	{
		int at = *index_slot(object, key, key_len);

		return at < 0 ? NULL : &object->members[at];
	}
	for (int i = 0; i < object->count; i++)
	{
		if (key_is(&object->members[i], key, key_len))
			return &object->members[i];
	}
	return NULL;
}

void
olist_json_set_n(OlistJson *object, const char *key, int key_len, OlistJson *value)
{
	OlistJsonMember *member = find_member(object, key, key_len);

	Assert(object->type == OLIST_JSON_OBJECT);
	if (member != NULL)
	{
		member->value = value;
		return;
	}
	if (object->count == object->capacity)
	{
		object->capacity = Max(4, object->capacity * 2);
		if (object->members == NULL)
			object->members = palloc(object->capacity * sizeof(OlistJsonMember));
		else
			object->members =
				repalloc_huge(object->members, object->capacity * sizeof(OlistJsonMember));
	}
	member = &object->members[object->count++];
	member->key = palloc(key_len + 1);
	memcpy(member->key, key, key_len);
	member->key[key_len] = '\0';
	member->key_len = key_len;
	member->value = value;
	if (object->index == NULL ? object->count >= INDEX_FROM
							  : object->count > object->index_size / 2)
		build_index(object);
	else if (object->index != NULL)
		*index_slot(object, key, key_len) = object->count - 1;
}

void
olist_json_set(OlistJson *object, const char *key, OlistJson *value)
{
	olist_json_set_n(object, key, (int) strlen(key), value);
}

OlistJson *
olist_json_get_n(const OlistJson *object, const char *key, int key_len)
{
	OlistJsonMember *member;

	if (object == NULL || object->type != OLIST_JSON_OBJECT)
		return NULL;
	member = find_member(object, key, key_len);
	return member == NULL ? NULL : member->value;
}

int
olist_json_find(const OlistJson *object, const char *key, int key_len)
{
	OlistJsonMember *member = find_member(object, key, key_len);

	return member == NULL ? -1 : (int) (member - object->members);
}

OlistJson *
olist_json_get(const OlistJson *object, const char *key)
{
	return olist_json_get_n(object, key, (int) strlen(key));
}

OlistJson *
olist_json_copy_shallow(const OlistJson *json)
{
	OlistJson *copy = new_node(json->type);

	if (json->type == OLIST_JSON_ARRAY)
	{
		for (int i = 0; i < json->count; i++)
			olist_json_append(copy, json->items[i]);
	}
	else
	{
		Assert(json->type == OLIST_JSON_OBJECT);
		for (int i = 0; i < json->count; i++)
			olist_json_set_n(copy, json->members[i].key, json->members[i].key_len,
							 json->members[i].value);
	}
	return copy;
}

OlistJson *
olist_json_copy(const OlistJson *json)
{
	OlistJson *copy;

	check_stack_depth();
	switch (json->type)
	{
		case OLIST_JSON_NULL:
			return olist_json_null();
		case OLIST_JSON_BOOLEAN:
			return olist_json_boolean(json->boolean);
		case OLIST_JSON_NUMBER:
		case OLIST_JSON_STRING:
			return new_text_node(json->type, json->text, json->count);
		case OLIST_JSON_ARRAY:
			copy = olist_json_array();
			for (int i = 0; i < json->count; i++)
				olist_json_append(copy, olist_json_copy(json->items[i]));
			return copy;
		case OLIST_JSON_OBJECT:
			break;
	}
	copy = olist_json_object();
	for (int i = 0; i < json->count; i++)
		olist_json_set_n(copy, json->members[i].key, json->members[i].key_len,
						 olist_json_copy(json->members[i].value));
	return copy;
}

/* ---------- parsing ---------- */

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
		if (parser->find_duplicates && find_member(object, key.data, key.len) != NULL)
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

/* ---------- printing ---------- */

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

/* ---------- comparing ---------- */

/*
 * A decimal number taken apart: 0.d1d2d3… × 10^point, with no zero digit at
 * either end. Zero has no digits.
 */
typedef struct Decimal
{
	bool negative;
	char *digits;
	int ndigits;
	int64 point;
} Decimal;

/* larger exponents compare as if they were this, which no real document has */
#define EXPONENT_LIMIT (PG_INT64_MAX / 4)

static void
read_decimal(const OlistJson *json, Decimal *decimal)
{
	const char *p = json->text;
	const char *end = p + json->count;
	bool after_point = false;
	int64 exponent = 0;
	int leading = 0;

	decimal->negative = p < end && *p == '-';
	if (decimal->negative)
		p++;
	decimal->digits = palloc(json->count + 1);
	decimal->ndigits = 0;
	decimal->point = 0;
	for (; p < end && *p != 'e' && *p != 'E'; p++)
	{
		if (*p == '.')
			after_point = true;
		else
		{
			decimal->digits[decimal->ndigits++] = *p;
			decimal->point += after_point ? 0 : 1;
		}
	}
	if (p < end)
	{
		bool minus = p[1] == '-';

		for (p += (p[1] == '-' || p[1] == '+') ? 2 : 1; p < end; p++)
			exponent = exponent > EXPONENT_LIMIT / 10 ? EXPONENT_LIMIT : exponent * 10 + (*p - '0');
		decimal->point += minus ? -exponent : exponent;
	}
	while (decimal->ndigits > 0 && decimal->digits[decimal->ndigits - 1] == '0')
		decimal->ndigits--;
	while (leading < decimal->ndigits && decimal->digits[leading] == '0')
		leading++;
	memmove(decimal->digits, decimal->digits + leading, decimal->ndigits - leading);
	decimal->ndigits -= leading;
	decimal->point -= leading;
	if (decimal->ndigits == 0)
	{
		decimal->negative = false;
		decimal->point = 0;
	}
}

/* the order of two decimals regardless of sign */
static int
compare_magnitudes(const Decimal *a, const Decimal *b)
{
	int order;

	if (a->ndigits == 0 || b->ndigits == 0)
		return (a->ndigits > 0) - (b->ndigits > 0);
	if (a->point != b->point)
		return a->point < b->point ? -1 : 1;
	order = memcmp(a->digits, b->digits, Min(a->ndigits, b->ndigits));
	if (order == 0)
		order = (a->ndigits > b->ndigits) - (a->ndigits < b->ndigits);
	return order;
}

int
olist_json_compare_numbers(const OlistJson *a, const OlistJson *b)
{
	Decimal x;
	Decimal y;
	int order;

	Assert(a->type == OLIST_JSON_NUMBER && b->type == OLIST_JSON_NUMBER);
	read_decimal(a, &x);
	read_decimal(b, &y);
	if (x.negative != y.negative)
		order = x.negative ? -1 : 1;
	else
		order = x.negative ? compare_magnitudes(&y, &x) : compare_magnitudes(&x, &y);
	pfree(x.digits);
	pfree(y.digits);
	return order;
}

bool
olist_json_equal(const OlistJson *a, const OlistJson *b)
{
	check_stack_depth();
	if (a->type != b->type)
		return false;
	switch (a->type)
	{
		case OLIST_JSON_NULL:
			return true;
		case OLIST_JSON_BOOLEAN:
			return a->boolean == b->boolean;
		case OLIST_JSON_NUMBER:
			return olist_json_compare_numbers(a, b) == 0;
		case OLIST_JSON_STRING:
			return a->count == b->count && memcmp(a->text, b->text, a->count) == 0;
		case OLIST_JSON_ARRAY:
			if (a->count != b->count)
				return false;
			for (int i = 0; i < a->count; i++)
			{
				if (!olist_json_equal(a->items[i], b->items[i]))
					return false;
			}
			return true;
		case OLIST_JSON_OBJECT:
			break;
	}
	if (a->count != b->count)
		return false;
	for (int i = 0; i < a->count; i++)
	{
		OlistJson *other = olist_json_get_n(b, a->members[i].key, a->members[i].key_len);

		if (other == NULL || !olist_json_equal(a->members[i].value, other))
			return false;
	}
	return true;
}

bool
olist_json_is_string(const OlistJson *json, const char *text)
{
	return json != NULL && json->type == OLIST_JSON_STRING && json->count == (int) strlen(text) &&
		   memcmp(json->text, text, json->count) == 0;
}

double
olist_json_to_double(const OlistJson *json)
{
	Assert(json->type == OLIST_JSON_NUMBER);
	return strtod(json->text, NULL);
}

bool
olist_json_to_int64(const OlistJson *json, int64 *value)
{
	Decimal decimal;
	bool fits;
	uint64 magnitude = 0;

	if (json == NULL || json->type != OLIST_JSON_NUMBER)
		return false;
	read_decimal(json, &decimal);
	fits = decimal.point >= decimal.ndigits && decimal.point <= 18;
	for (int i = 0; fits && i < decimal.point; i++)
		magnitude = magnitude * 10 + (i < decimal.ndigits ? decimal.digits[i] - '0' : 0);
	pfree(decimal.digits);
	if (fits)
		*value = decimal.negative ? -(int64) magnitude : (int64) magnitude;
	return fits;
}
