/*
 * asl/json_compare.c
 *		Values beside each other, and numbers as numbers.
 *
 * A number is the text it was in its document, of any length; it is compared
 * digit by digit, so that nothing is lost.
 */
#include "postgres.h"

#include "asl/json.h"

#include "miscadmin.h"

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
