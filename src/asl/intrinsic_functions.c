/*
 * asl/intrinsic_functions.c
 *		The 18 intrinsic functions, over the values of their arguments.
 *
 * What is not written in the specification follows what Step Functions was
 * recorded to do: MathAdd rounds each argument half up before adding, and
 * StringSplit splits at any one of the delimiter's characters and drops empty
 * pieces.
 */
#include "postgres.h"

#include <math.h>

#include "asl/intrinsic_call.h"

#include "common/cryptohash.h"
#include "common/md5.h"
#include "common/sha1.h"
#include "common/sha2.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"

/* limits that Step Functions sets */
#define MAX_RANGE_ITEMS 1000
#define MAX_CODED_BYTES 10000

/* ---------- random numbers ---------- */

/* splitmix64: tiny, and good for anything that is not a secret */
static uint64
random_bits(OlistRandom *random)
{
	uint64 z = (random->state += UINT64CONST(0x9E3779B97F4A7C15));

	z = (z ^ (z >> 30)) * UINT64CONST(0xBF58476D1CE4E5B9);
	z = (z ^ (z >> 27)) * UINT64CONST(0x94D049BB133111EB);
	return z ^ (z >> 31);
}

double
olist_random_next(OlistRandom *random)
{
	return (double) (random_bits(random) >> 11) * 0x1.0p-53;
}

/* ---------- helpers of the functions ---------- */

static OlistJson *
array_arg(OlistIntrinsicCall *call, int n)
{
	if (call->values[n]->type != OLIST_JSON_ARRAY)
		return olist_intrinsic_fail(call, "argument %d must be an array", n + 1);
	return call->values[n];
}

static OlistJson *
string_arg(OlistIntrinsicCall *call, int n)
{
	if (call->values[n]->type != OLIST_JSON_STRING)
		return olist_intrinsic_fail(call, "argument %d must be a string", n + 1);
	return call->values[n];
}

/* a number rounded half up to a whole one */
static bool
whole_arg(OlistIntrinsicCall *call, int n, int64 *value)
{
	double number;

	if (call->values[n]->type != OLIST_JSON_NUMBER)
		return olist_intrinsic_fail(call, "argument %d must be a number", n + 1) != NULL;
	if (olist_json_to_int64(call->values[n], value))
		return true;
	number = floor(olist_json_to_double(call->values[n]) + 0.5);
	if (!(number >= -9007199254740992.0 && number <= 9007199254740992.0))
		return olist_intrinsic_fail(call, "argument %d is out of range", n + 1) != NULL;
	*value = (int64) number;
	return true;
}

/* ---------- strings ---------- */

/* a value inside a formatted text: strings bare, containers as Java prints them */
static void
append_formatted(StringInfo buf, const OlistJson *value)
{
	check_stack_depth();
	switch (value->type)
	{
		case OLIST_JSON_NULL:
			appendStringInfoString(buf, "null");
			break;
		case OLIST_JSON_BOOLEAN:
			appendStringInfoString(buf, value->boolean ? "true" : "false");
			break;
		case OLIST_JSON_NUMBER:
		case OLIST_JSON_STRING:
			appendBinaryStringInfo(buf, value->text, value->count);
			break;
		case OLIST_JSON_ARRAY:
			appendStringInfoChar(buf, '[');
			for (int i = 0; i < value->count; i++)
			{
				appendStringInfoString(buf, i > 0 ? ", " : "");
				append_formatted(buf, value->items[i]);
			}
			appendStringInfoChar(buf, ']');
			break;
		case OLIST_JSON_OBJECT:
			appendStringInfoChar(buf, '{');
			for (int i = 0; i < value->count; i++)
			{
				appendStringInfo(buf, "%s%s=", i > 0 ? ", " : "", value->members[i].key);
				append_formatted(buf, value->members[i].value);
			}
			appendStringInfoChar(buf, '}');
			break;
	}
}

static OlistJson *
apply_format(OlistIntrinsicCall *call)
{
	const char *template;
	StringInfoData buf;
	int used = 1;

	if (string_arg(call, 0) == NULL)
		return NULL;
	template =
		call->intrinsic->args[0].raw != NULL ? call->intrinsic->args[0].raw : call->values[0]->text;
	initStringInfo(&buf);
	for (const char *p = template; *p != '\0'; p++)
	{
		if (p[0] == '\\' && p[1] != '\0')
			appendStringInfoChar(&buf, *++p);
		else if (p[0] == '{' && p[1] == '}')
		{
			if (used >= call->count)
				return olist_intrinsic_fail(
					call, "the template has more places than there are arguments");
			append_formatted(&buf, call->values[used++]);
			p++;
		}
		else
			appendStringInfoChar(&buf, *p);
	}
	if (used != call->count)
		return olist_intrinsic_fail(call, "the template has fewer places than there are arguments");
	return olist_json_string_n(buf.data, buf.len);
}

static OlistJson *
apply_string_to_json(OlistIntrinsicCall *call)
{
	OlistJson *text = string_arg(call, 0);
	OlistJsonError error;
	OlistJson *json;

	if (text == NULL)
		return NULL;
	if (strspn(text->text, " \t\r\n") == (size_t) text->count)
		return olist_json_null();
	json = olist_json_parse(text->text, text->count, &error);
	if (json == NULL)
		return olist_intrinsic_fail(call, "the string is not JSON: %s at byte %d", error.message,
									error.offset + 1);
	return json;
}

static OlistJson *
apply_json_to_string(OlistIntrinsicCall *call)
{
	int len;
	char *text = olist_json_print(call->values[0], &len);

	return olist_json_string_n(text, len);
}

static OlistJson *
apply_string_split(OlistIntrinsicCall *call)
{
	OlistJson *text = string_arg(call, 0);
	OlistJson *delimiters = string_arg(call, 1);
	OlistJson *pieces;
	const char *start;

	if (text == NULL || delimiters == NULL)
		return NULL;
	pieces = olist_json_array();
	start = text->text;
	for (const char *p = text->text;; p++)
	{
		bool at_end = p == text->text + text->count;

		if (!at_end && memchr(delimiters->text, *p, delimiters->count) == NULL)
			continue;
		if (p > start)
			olist_json_append(pieces, olist_json_string_n(start, (int) (p - start)));
		if (at_end)
			return pieces;
		start = p + 1;
	}
}

/* ---------- arrays ---------- */

static OlistJson *
apply_array(OlistIntrinsicCall *call)
{
	OlistJson *array = olist_json_array();

	for (int i = 0; i < call->count; i++)
		olist_json_append(array, call->values[i]);
	return array;
}

static OlistJson *
apply_array_partition(OlistIntrinsicCall *call)
{
	OlistJson *array = array_arg(call, 0);
	OlistJson *parts;
	OlistJson *part = NULL;
	int64 size;

	if (array == NULL || !whole_arg(call, 1, &size))
		return NULL;
	if (size <= 0)
		return olist_intrinsic_fail(call, "the size of a part must be positive");
	parts = olist_json_array();
	for (int i = 0; i < array->count; i++)
	{
		if (i % size == 0)
		{
			part = olist_json_array();
			olist_json_append(parts, part);
		}
		olist_json_append(part, array->items[i]);
	}
	return parts;
}

static OlistJson *
apply_array_contains(OlistIntrinsicCall *call)
{
	OlistJson *array = array_arg(call, 0);

	if (array == NULL)
		return NULL;
	for (int i = 0; i < array->count; i++)
	{
		if (olist_json_equal(array->items[i], call->values[1]))
			return olist_json_boolean(true);
	}
	return olist_json_boolean(false);
}

static OlistJson *
apply_array_range(OlistIntrinsicCall *call)
{
	OlistJson *array;
	int64 first;
	int64 last;
	int64 step;

	if (!whole_arg(call, 0, &first) || !whole_arg(call, 1, &last) || !whole_arg(call, 2, &step))
		return NULL;
	if (step == 0)
		return olist_intrinsic_fail(call, "the step must not be 0");
	array = olist_json_array();
	for (int64 n = first; step > 0 ? n <= last : n >= last; n += step)
	{
		if (array->count >= MAX_RANGE_ITEMS)
			return olist_intrinsic_fail(call, "the range has more than %d items", MAX_RANGE_ITEMS);
		olist_json_append(array, olist_json_int(n));
		if (step > 0 ? n > PG_INT64_MAX - step : n < PG_INT64_MIN - step)
			break;
	}
	return array;
}

static OlistJson *
apply_array_get_item(OlistIntrinsicCall *call)
{
	OlistJson *array = array_arg(call, 0);
	int64 index;

	if (array == NULL || !whole_arg(call, 1, &index))
		return NULL;
	if (index < 0 || index >= array->count)
		return olist_intrinsic_fail(call, "index " INT64_FORMAT " is outside the array of %d items",
									index, array->count);
	return array->items[index];
}

static OlistJson *
apply_array_length(OlistIntrinsicCall *call)
{
	OlistJson *array = array_arg(call, 0);

	return array == NULL ? NULL : olist_json_int(array->count);
}

static OlistJson *
apply_array_unique(OlistIntrinsicCall *call)
{
	OlistJson *array = array_arg(call, 0);
	OlistJson *unique;

	if (array == NULL)
		return NULL;
	unique = olist_json_array();
	for (int i = 0; i < array->count; i++)
	{
		bool seen = false;

		CHECK_FOR_INTERRUPTS();
		for (int j = 0; j < unique->count && !seen; j++)
			seen = olist_json_equal(unique->items[j], array->items[i]);
		if (!seen)
			olist_json_append(unique, array->items[i]);
	}
	return unique;
}

/* ---------- encodings ---------- */

static const char base64_digits[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static OlistJson *
apply_base64_encode(OlistIntrinsicCall *call)
{
	OlistJson *text = string_arg(call, 0);
	StringInfoData buf;

	if (text == NULL)
		return NULL;
	if (text->count > MAX_CODED_BYTES)
		return olist_intrinsic_fail(call, "the string is longer than %d bytes", MAX_CODED_BYTES);
	initStringInfo(&buf);
	for (int i = 0; i < text->count; i += 3)
	{
		int left = text->count - i;
		uint32 bits = (uint32) (unsigned char) text->text[i] << 16;

		if (left > 1)
			bits |= (uint32) (unsigned char) text->text[i + 1] << 8;
		if (left > 2)
			bits |= (unsigned char) text->text[i + 2];
		appendStringInfoChar(&buf, base64_digits[bits >> 18]);
		appendStringInfoChar(&buf, base64_digits[(bits >> 12) & 63]);
		appendStringInfoChar(&buf, left > 1 ? base64_digits[(bits >> 6) & 63] : '=');
		appendStringInfoChar(&buf, left > 2 ? base64_digits[bits & 63] : '=');
	}
	return olist_json_string_n(buf.data, buf.len);
}

static bool
is_utf8(const char *text, int len)
{
	for (int at = 0; at < len;)
	{
		int n = pg_utf_mblen((const unsigned char *) text + at);

		if (at + n > len || !pg_utf8_islegal((const unsigned char *) text + at, n))
			return false;
		at += n;
	}
	return true;
}

static OlistJson *
apply_base64_decode(OlistIntrinsicCall *call)
{
	OlistJson *text = string_arg(call, 0);
	StringInfoData buf;
	uint32 bits = 0;
	int have = 0;
	int len;

	if (text == NULL)
		return NULL;
	if (text->count > MAX_CODED_BYTES)
		return olist_intrinsic_fail(call, "the string is longer than %d bytes", MAX_CODED_BYTES);
	for (len = text->count; len > 0 && text->text[len - 1] == '=' && text->count - len < 2;)
		len--;
	initStringInfo(&buf);
	for (int i = 0; i < len; i++)
	{
		const char *digit = text->text[i] == '\0' ? NULL : strchr(base64_digits, text->text[i]);

		if (digit == NULL)
			return olist_intrinsic_fail(call, "the string is not Base64");
		bits = bits << 6 | (uint32) (digit - base64_digits);
		have += 6;
		if (have >= 8)
		{
			have -= 8;
			appendStringInfoChar(&buf, (char) (bits >> have & 0xFF));
		}
	}
	if (have == 6)
		return olist_intrinsic_fail(call, "the string is not Base64");
	if (!is_utf8(buf.data, buf.len))
		return olist_intrinsic_fail(call, "the string does not decode to text");
	return olist_json_string_n(buf.data, buf.len);
}

static OlistJson *
apply_hash(OlistIntrinsicCall *call)
{
	static const struct
	{
		const char *name;
		pg_cryptohash_type type;
		int len;
	} algorithms[] = {{"MD5", PG_MD5, MD5_DIGEST_LENGTH},
					  {"SHA-1", PG_SHA1, SHA1_DIGEST_LENGTH},
					  {"SHA-256", PG_SHA256, PG_SHA256_DIGEST_LENGTH},
					  {"SHA-384", PG_SHA384, PG_SHA384_DIGEST_LENGTH},
					  {"SHA-512", PG_SHA512, PG_SHA512_DIGEST_LENGTH}};
	OlistJson *text = string_arg(call, 0);

	if (text == NULL || string_arg(call, 1) == NULL)
		return NULL;
	if (text->count > MAX_CODED_BYTES)
		return olist_intrinsic_fail(call, "the string is longer than %d bytes", MAX_CODED_BYTES);
	for (size_t i = 0; i < lengthof(algorithms); i++)
	{
		uint8 digest[PG_SHA512_DIGEST_LENGTH];
		StringInfoData buf;
		pg_cryptohash_ctx *ctx;
		bool done;

		if (!olist_json_is_string(call->values[1], algorithms[i].name))
			continue;
		ctx = pg_cryptohash_create(algorithms[i].type);
		done = ctx != NULL && pg_cryptohash_init(ctx) >= 0 &&
			   pg_cryptohash_update(ctx, (const uint8 *) text->text, text->count) >= 0 &&
			   pg_cryptohash_final(ctx, digest, algorithms[i].len) >= 0;
		pg_cryptohash_free(ctx);
		if (!done)
			return olist_intrinsic_fail(call, "%s is not available on this server",
										algorithms[i].name);
		initStringInfo(&buf);
		for (int j = 0; j < algorithms[i].len; j++)
			appendStringInfo(&buf, "%02x", digest[j]);
		return olist_json_string_n(buf.data, buf.len);
	}
	return olist_intrinsic_fail(call,
								"the algorithm must be MD5, SHA-1, SHA-256, SHA-384 or SHA-512");
}

static OlistJson *
apply_uuid(OlistIntrinsicCall *call)
{
	uint64 high = random_bits(call->random);
	uint64 low = random_bits(call->random);
	char text[40];

	high = (high & ~UINT64CONST(0xF000)) | UINT64CONST(0x4000);
	low = (low & ~UINT64CONST(0xC000000000000000)) | UINT64CONST(0x8000000000000000);
	snprintf(text, sizeof(text), "%08x-%04x-%04x-%04x-%04x%08x", (uint32) (high >> 32),
			 (uint32) (high >> 16 & 0xFFFF), (uint32) (high & 0xFFFF), (uint32) (low >> 48),
			 (uint32) (low >> 32 & 0xFFFF), (uint32) (low & 0xFFFFFFFF));
	return olist_json_string(text);
}

/* ---------- objects and numbers ---------- */

static OlistJson *
apply_json_merge(OlistIntrinsicCall *call)
{
	OlistJson *merged;
	OlistJson *second = call->values[1];

	if (call->values[0]->type != OLIST_JSON_OBJECT || second->type != OLIST_JSON_OBJECT)
		return olist_intrinsic_fail(call, "arguments 1 and 2 must be objects");
	if (call->values[2]->type != OLIST_JSON_BOOLEAN || call->values[2]->boolean)
		return olist_intrinsic_fail(call,
									"argument 3 must be false: a deep merge is not supported");
	merged = olist_json_copy_shallow(call->values[0]);
	for (int i = 0; i < second->count; i++)
		olist_json_set_n(merged, second->members[i].key, second->members[i].key_len,
						 second->members[i].value);
	return merged;
}

static OlistJson *
apply_math_add(OlistIntrinsicCall *call)
{
	int64 a;
	int64 b;

	if (!whole_arg(call, 0, &a) || !whole_arg(call, 1, &b))
		return NULL;

	/* whole_arg() bounds both to 18 digits, so that the sum fits */
	return olist_json_int(a + b);
}

static OlistJson *
apply_math_random(OlistIntrinsicCall *call)
{
	OlistRandom seeded;
	OlistRandom *random = call->random;
	int64 first;
	int64 end;
	int64 seed;

	if (!whole_arg(call, 0, &first) || !whole_arg(call, 1, &end))
		return NULL;
	if (call->count > 2)
	{
		if (!whole_arg(call, 2, &seed))
			return NULL;
		seeded.state = (uint64) seed;
		random = &seeded;
	}
	if (end <= first)
		return olist_intrinsic_fail(call, "the end must be larger than the start");
	return olist_json_int(first +
						  (int64) floor(olist_random_next(random) * (double) (end - first)));
}

static const OlistIntrinsicFunction functions[] = {
	{"States.Format", 1, -1, 0, apply_format},
	{"States.StringToJson", 1, 1, 0, apply_string_to_json},
	{"States.JsonToString", 1, 1, 0, apply_json_to_string},
	{"States.Array", 0, -1, 0, apply_array},
	{"States.ArrayPartition", 2, 2, 2, apply_array_partition},
	{"States.ArrayContains", 2, 2, 0, apply_array_contains},
	{"States.ArrayRange", 3, 3, 7, apply_array_range},
	{"States.ArrayGetItem", 2, 2, 2, apply_array_get_item},
	{"States.ArrayLength", 1, 1, 0, apply_array_length},
	{"States.ArrayUnique", 1, 1, 0, apply_array_unique},
	{"States.Base64Encode", 1, 1, 0, apply_base64_encode},
	{"States.Base64Decode", 1, 1, 0, apply_base64_decode},
	{"States.Hash", 2, 2, 0, apply_hash},
	{"States.JsonMerge", 3, 3, 0, apply_json_merge},
	{"States.MathRandom", 2, 3, 7, apply_math_random},
	{"States.MathAdd", 2, 2, 3, apply_math_add},
	{"States.StringSplit", 2, 2, 0, apply_string_split},
	{"States.UUID", 0, 0, 0, apply_uuid},
};

const OlistIntrinsicFunction *
olist_intrinsic_find(const char *name, size_t len)
{
	for (size_t i = 0; i < lengthof(functions); i++)
	{
		if (strlen(functions[i].name) == len && memcmp(functions[i].name, name, len) == 0)
			return &functions[i];
	}
	return NULL;
}
