/*
 * star/money.c
 *		Amounts as whole cents.
 *
 * Sums over amounts are sums of int64. The common numeric is read as it stands
 * on disk (the short format of utils/adt/numeric.c, unchanged since 9.1, and
 * bound to stay readable by pg_upgrade); any other goes through the server's
 * own functions.
 */
#include "postgres.h"

#include "star/money.h"

#include "compat.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/numeric.h"

/* of a short numeric: a header of 16 bits, then digits in base 10,000 */
#define SHORT_MASK 0xC000
#define SHORT_FLAG 0x8000
#define SHORT_NEGATIVE 0x2000
#define SHORT_DSCALE_MASK 0x1F80
#define SHORT_DSCALE_SHIFT 7
#define SHORT_WEIGHT_NEGATIVE 0x0040
#define SHORT_WEIGHT_MASK 0x003F
#define DIGIT_BASE 10000

/* the header of a short numeric; 0 if it is another format */
static uint16
short_header(const struct varlena *numeric)
{
	uint16 header;

	if (VARATT_IS_EXTERNAL(numeric) || VARATT_IS_COMPRESSED(numeric) ||
		VARSIZE_ANY_EXHDR(numeric) < sizeof(header))
		return 0;
	memcpy(&header, VARDATA_ANY(numeric), sizeof(header));
	return (header & SHORT_MASK) == SHORT_FLAG ? header : 0;
}

/* the weight of the first digit: how many digits stand between it and the point */
static int
short_weight(uint16 header)
{
	int weight = header & SHORT_WEIGHT_MASK;

	return header & SHORT_WEIGHT_NEGATIVE ? weight | ~SHORT_WEIGHT_MASK : weight;
}

/* the absolute value in cents; too large a weight was excluded */
static int64
short_cents(const struct varlena *numeric, int weight)
{
	const char *digits = VARDATA_ANY(numeric) + sizeof(uint16);
	int ndigits = (VARSIZE_ANY_EXHDR(numeric) - sizeof(uint16)) / sizeof(int16);
	int64 whole = 0;
	int16 fraction = 0;

	for (int i = 0; i <= weight + 1; i++)
	{
		int16 digit = 0;

		if (i < ndigits)
			memcpy(&digit, digits + i * sizeof(int16), sizeof(int16));
		if (i <= weight)
			whole = whole * DIGIT_BASE + digit;
		else
			fraction = digit;
	}
	return whole * 100 + fraction / 100 + (fraction % 100 >= 50);
}

/* the same by the server's functions */
static bool
slow_cents(Datum amount, int64 *cents)
{
	Numeric numeric = DatumGetNumeric(amount);
	Datum hundredfold;
	Datum limit = NumericGetDatum(int64_to_numeric(OLIST_MONEY_LIMIT));

	if (numeric_is_nan(numeric) || numeric_is_inf(numeric))
		return false;
	hundredfold = DirectFunctionCall2(
		numeric_round,
		DirectFunctionCall2(numeric_mul, amount, NumericGetDatum(int64_to_numeric(100))),
		Int32GetDatum(0));
	if (DatumGetBool(
			DirectFunctionCall2(numeric_ge, DirectFunctionCall1(numeric_abs, hundredfold), limit)))
		return false;
	*cents = DatumGetInt64(DirectFunctionCall1(numeric_int8, hundredfold));
	return true;
}

bool
olist_money_to_cents(Datum amount, int64 *cents)
{
	const struct varlena *numeric = (const struct varlena *) DatumGetPointer(amount);
	uint16 header = short_header(numeric);
	int weight = short_weight(header);

	if (header == 0)
		return slow_cents(amount, cents);
	if (weight > 2)
		return false;
	*cents = weight < -1 ? 0 : short_cents(numeric, weight);
	if (*cents >= OLIST_MONEY_LIMIT)
		return false;
	if (header & SHORT_NEGATIVE)
		*cents = -*cents;
	return true;
}

bool
olist_money_is_plain(Datum amount)
{
	uint16 header = short_header((const struct varlena *) DatumGetPointer(amount));

	return header != 0 && (header & SHORT_DSCALE_MASK) >> SHORT_DSCALE_SHIFT == 2;
}

Datum
olist_money_from_cents(int64 cents)
{
	return NumericGetDatum(int64_div_fast_to_numeric(cents, 2));
}
