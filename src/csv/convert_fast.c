/*
 * csv/convert_fast.c
 *		The plain forms of the common types, converted without an input function.
 *
 * These functions see a text that is not terminated, raise no error and
 * allocate nothing. Each must give exactly the datum that the type's input
 * function gives, whatever the settings are, or refuse.
 */
#include "postgres.h"

#include "csv/convert.h"

#include "catalog/pg_type.h"
#include "compat.h"
#include "pgtime.h"
#include "port/pg_bitutils.h"
#include "utils/date.h"
#include "utils/datetime.h"
#include "utils/timestamp.h"

/* digits that surely fit a uint64 */
#define SAFE_DIGITS 19

/* an unsigned or signed decimal number without an exponent, taken apart */
typedef struct Decimal
{
	bool negative;
	uint64 digits; /* all digits as one integer */
	int count;	   /* how many there are, leading zeros included */
	int scale;	   /* of them behind the point */
} Decimal;

static const uint64 powers_of_ten[SAFE_DIGITS + 1] = {
	UINT64CONST(1),
	UINT64CONST(10),
	UINT64CONST(100),
	UINT64CONST(1000),
	UINT64CONST(10000),
	UINT64CONST(100000),
	UINT64CONST(1000000),
	UINT64CONST(10000000),
	UINT64CONST(100000000),
	UINT64CONST(1000000000),
	UINT64CONST(10000000000),
	UINT64CONST(100000000000),
	UINT64CONST(1000000000000),
	UINT64CONST(10000000000000),
	UINT64CONST(100000000000000),
	UINT64CONST(1000000000000000),
	UINT64CONST(10000000000000000),
	UINT64CONST(100000000000000000),
	UINT64CONST(1000000000000000000),
	UINT64CONST(10000000000000000000),
};

static bool
fast_text(const OlistConverter *converter, const char *text, int len, char **room, Datum *value)
{
	char *datum = *room;

	/* so many bytes are no more characters than that */
	if (converter->typmod >= VARHDRSZ && len > converter->typmod - VARHDRSZ)
		return false;
	SET_VARSIZE(datum, VARHDRSZ + len);
	memcpy(VARDATA(datum), text, len);
	*value = PointerGetDatum(datum);
	*room += MAXALIGN(VARHDRSZ + len);
	return true;
}

/* a whole number that may be as large as limit, or limit + 1 below zero */
static inline bool
parse_integer(const char *text, int len, uint64 limit, int64 *value)
{
	bool negative = len > 0 && text[0] == '-';
	uint64 n = 0;

	if (negative)
	{
		text++;
		len--;
	}
	if (len < 1 || len > SAFE_DIGITS)
		return false;
	for (int i = 0; i < len; i++)
	{
		unsigned char digit = text[i] - '0';

		if (digit > 9)
			return false;
		n = n * 10 + digit;
	}
	if (n > limit + negative)
		return false;
	*value = negative ? (int64) (0 - n) : (int64) n;
	return true;
}

static bool
fast_int2(const OlistConverter *converter, const char *text, int len, char **room, Datum *value)
{
	int64 n;

	if (!parse_integer(text, len, PG_INT16_MAX, &n))
		return false;
	*value = Int16GetDatum((int16) n);
	return true;
}

static bool
fast_int4(const OlistConverter *converter, const char *text, int len, char **room, Datum *value)
{
	int64 n;

	if (!parse_integer(text, len, PG_INT32_MAX, &n))
		return false;
	*value = Int32GetDatum((int32) n);
	return true;
}

static bool
fast_int8(const OlistConverter *converter, const char *text, int len, char **room, Datum *value)
{
	int64 n;

	if (!parse_integer(text, len, PG_INT64_MAX, &n))
		return false;
	*value = Int64GetDatum(n);
	return true;
}

/* "-123.45": at least one and at most SAFE_DIGITS digits */
static inline bool
parse_decimal(const char *text, int len, Decimal *decimal)
{
	const char *p = text;
	const char *end = text + len;
	const char *point = NULL;
	uint64 n = 0;

	decimal->negative = p < end && *p == '-';
	if (decimal->negative)
		p++;
	len = end - p;
	for (; p < end; p++)
	{
		unsigned char digit = *p - '0';

		if (digit <= 9)
			n = n * 10 + digit;
		else if (*p == '.' && point == NULL)
			point = p;
		else
			return false;
	}
	decimal->digits = n;
	decimal->count = len - (point != NULL);
	decimal->scale = point != NULL ? end - point - 1 : 0;
	return decimal->count >= 1 && decimal->count <= SAFE_DIGITS;
}

/*
 * Pack digits / 10^(4 * fraction_words) as a numeric, in the short form that
 * make_result() of numeric.c packs: a header word with sign, display scale and
 * weight, then base-10000 digits without zeros at either end. That form is
 * fixed by what is on disk everywhere. Returns the bytes used.
 */
static inline int
pack_numeric(char *datum, bool negative, uint64 digits, int fraction_words, int scale)
{
	int16 words[SAFE_DIGITS / 4 + 1];
	int16 *out = (int16 *) (datum + VARHDRSZ + sizeof(uint16));
	int count = 0;
	int last = 0;
	int weight = 0;
	uint16 header = 0x8000 | (scale << 7);

	for (; digits != 0; digits /= 10000)
		words[count++] = digits % 10000;
	if (count > 0)
	{
		weight = count - 1 - fraction_words;
		header |= negative ? 0x2000 : 0;
	}
	while (last < count && words[last] == 0)
		last++;
	while (count > last)
		*out++ = words[--count];
	*(uint16 *) (datum + VARHDRSZ) = header | (weight < 0 ? 0x0040 : 0) | (weight & 0x003F);
	SET_VARSIZE(datum, (char *) out - datum);
	return (char *) out - datum;
}

static bool
fast_numeric(const OlistConverter *converter, const char *text, int len, char **room, Datum *value)
{
	Decimal decimal;
	int scale;
	int fraction_words;
	int padding; /* zeros that fill the last word of the fraction */

	if (!parse_decimal(text, len, &decimal))
		return false;
	scale = decimal.scale;
	if (converter->precision > 0)
	{
		/* rounding and overflow are the input function's */
		if (scale > converter->scale ||
			decimal.count - scale > converter->precision - converter->scale)
			return false;
		scale = converter->scale;
	}
	fraction_words = (decimal.scale + 3) / 4;
	padding = fraction_words * 4 - decimal.scale;
	if (decimal.count + padding > SAFE_DIGITS)
		return false;
	*value = PointerGetDatum(*room);
	*room += MAXALIGN(pack_numeric(*room, decimal.negative, decimal.digits * powers_of_ten[padding],
								   fraction_words, scale));
	return true;
}

#ifdef HAVE_INT128
/*
 * digits / 10^scale, correctly rounded (to nearest, ties to even), for
 * 0 < digits and scale ≤ SAFE_DIGITS: an integer quotient of 63 or 64 bits,
 * whose remainder tells on which side of a tie it lies.
 */
static double
divide_exactly(uint64 digits, int scale)
{
	uint64 divisor = powers_of_ten[scale];
	int shift = 63 - pg_leftmost_one_pos64(digits) + pg_leftmost_one_pos64(divisor);
	uint128 dividend = (uint128) digits << shift;
	uint64 quotient = (uint64) (dividend / divisor);
	bool inexact = dividend != (uint128) quotient * divisor;
	int excess = pg_leftmost_one_pos64(quotient) - 52;
	uint64 mantissa = quotient >> excess;
	uint64 rest = quotient & ((UINT64CONST(1) << excess) - 1);
	uint64 half = UINT64CONST(1) << (excess - 1);
	union
	{
		uint64 bits;
		double value;
	} power;

	if (rest > half || (rest == half && (inexact || (mantissa & 1))))
		mantissa++;
	/* 2^(excess - shift), far from the ends of the exponent's range */
	power.bits = (uint64) (1023 + excess - shift) << 52;
	return (double) mantissa * power.value;
}
#endif

static bool
fast_float8(const OlistConverter *converter, const char *text, int len, char **room, Datum *value)
{
	/* powers of ten that a double holds exactly */
	static const double exact[] = {1e0,	 1e1,  1e2,	 1e3,  1e4,	 1e5,  1e6,	 1e7,  1e8,	 1e9,
								   1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19};
	Decimal decimal;
	double result;

	if (!parse_decimal(text, len, &decimal))
		return false;
	if (decimal.digits <= (UINT64CONST(1) << 53))
		/* both are exact, and the division rounds once */
		result = (double) decimal.digits / exact[decimal.scale];
	else
#ifdef HAVE_INT128
		result = divide_exactly(decimal.digits, decimal.scale);
#else
		return false;
#endif
	*value = Float8GetDatum(decimal.negative ? -result : result);
	return true;
}

static bool
fast_bool(const OlistConverter *converter, const char *text, int len, char **room, Datum *value)
{
	bool truth;

	if (len == 1 && (text[0] == 't' || text[0] == '1'))
		truth = true;
	else if (len == 1 && (text[0] == 'f' || text[0] == '0'))
		truth = false;
	else if (len == 4 && memcmp(text, "true", 4) == 0)
		truth = true;
	else if (len == 5 && memcmp(text, "false", 5) == 0)
		truth = false;
	else
		return false;
	*value = BoolGetDatum(truth);
	return true;
}

/* two digits as a number, -1 if they are not */
static inline int
two_digits(const char *text)
{
	unsigned char tens = text[0] - '0';
	unsigned char ones = text[1] - '0';

	return tens > 9 || ones > 9 ? -1 : tens * 10 + ones;
}

/* "2017-10-02" of the years 1 to 9999; the days since 2000-01-01 */
static inline bool
parse_date(const char *text, int *year, int *month, int *day, int *days)
{
	int century = two_digits(text);
	int rest = two_digits(text + 2);

	*month = two_digits(text + 5);
	*day = two_digits(text + 8);
	if (century < 0 || rest < 0 || text[4] != '-' || text[7] != '-')
		return false;
	*year = century * 100 + rest;
	if (*year < 1 || *month < 1 || *month > 12 || *day < 1 ||
		*day > day_tab[isleap(*year)][*month - 1])
		return false;
	*days = date2j(*year, *month, *day) - POSTGRES_EPOCH_JDATE;
	return true;
}

/* "10:56:33" or "10:56:33.123456" as microseconds; *len is what was used of it */
static inline bool
parse_time(const char *text, int *len, int *seconds, int *micros)
{
	int hour;
	int minute;
	int second;
	int used = 8;

	if (*len < 8 || text[2] != ':' || text[5] != ':')
		return false;
	hour = two_digits(text);
	minute = two_digits(text + 3);
	second = two_digits(text + 6);
	if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 59)
		return false;
	*seconds = (hour * 60 + minute) * 60 + second;
	*micros = 0;
	if (*len > 8 && text[8] == '.')
	{
		int unit = 100000;

		for (used = 9; used < *len && (unsigned char) (text[used] - '0') <= 9; used++)
		{
			*micros += (text[used] - '0') * unit;
			unit /= 10;
		}
		if (used == 9 || used > 15)
			return false;
	}
	*len = used;
	return true;
}

static bool
fast_date(const OlistConverter *converter, const char *text, int len, char **room, Datum *value)
{
	int year;
	int month;
	int day;
	int days;

	if (len != 10 || !parse_date(text, &year, &month, &day, &days))
		return false;
	*value = DateADTGetDatum(days);
	return true;
}

/* date and time of day at the start of text; *used bytes of it */
static inline bool
parse_timestamp(const char *text, int len, int *used, struct pg_tm *tm, Timestamp *timestamp)
{
	int days;
	int seconds;
	int micros;

	*used = len - 11;
	if (len < 19 || (text[10] != ' ' && text[10] != 'T') ||
		!parse_date(text, &tm->tm_year, &tm->tm_mon, &tm->tm_mday, &days) ||
		!parse_time(text + 11, used, &seconds, &micros))
		return false;
	*used += 11;
	tm->tm_hour = seconds / 3600;
	tm->tm_min = seconds / 60 % 60;
	tm->tm_sec = seconds % 60;
	*timestamp = days * USECS_PER_DAY + seconds * USECS_PER_SEC + micros;
	return true;
}

static bool
fast_timestamp(const OlistConverter *converter, const char *text, int len, char **room,
			   Datum *value)
{
	struct pg_tm tm;
	Timestamp timestamp;
	int used;

	if (!parse_timestamp(text, len, &used, &tm, &timestamp) || used != len)
		return false;
	*value = TimestampGetDatum(timestamp);
	return true;
}

static bool
fast_timestamptz(const OlistConverter *converter, const char *text, int len, char **room,
				 Datum *value)
{
	struct pg_tm tm;
	Timestamp timestamp;
	int used;
	int zone; /* seconds west of Greenwich */

	if (!parse_timestamp(text, len, &used, &tm, &timestamp))
		return false;
	text += used;
	len -= used;
	if (len == 0)
		zone = DetermineTimeZoneOffset(&tm, session_timezone);
	else if (len == 1 && text[0] == 'Z')
		zone = 0;
	else if ((len == 3 || (len == 6 && text[3] == ':')) && (text[0] == '+' || text[0] == '-'))
	{
		int hours = two_digits(text + 1);
		int minutes = len == 6 ? two_digits(text + 4) : 0;

		if (hours < 0 || hours > 14 || minutes < 0 || minutes > 59)
			return false;
		zone = (hours * 60 + minutes) * 60;
		if (text[0] == '+')
			zone = -zone;
	}
	else
		return false;
	*value = TimestampTzGetDatum(timestamp + zone * USECS_PER_SEC);
	return true;
}

void
olist_converter_choose_fast(OlistConverter *converter)
{
	int32 typmod = converter->typmod;

	switch (converter->type)
	{
		case TEXTOID:
		case VARCHAROID:
			converter->fast = fast_text;
			converter->needs_room = true;
			break;
		case INT2OID:
			converter->fast = fast_int2;
			break;
		case INT4OID:
			converter->fast = fast_int4;
			break;
		case INT8OID:
			converter->fast = fast_int8;
			break;
		case NUMERICOID:
			converter->fast = fast_numeric;
			converter->needs_room = true;
			if (typmod >= VARHDRSZ)
			{
				converter->precision = ((typmod - VARHDRSZ) >> 16) & 0xFFFF;
				converter->scale = (((typmod - VARHDRSZ) & 0x7FF) ^ 1024) - 1024;
				/* unusual ones: a scale that is negative, or more than the short form holds */
				if (converter->scale < 0 || converter->scale > 0x3F ||
					converter->scale > converter->precision)
					converter->fast = NULL;
			}
			break;
		case FLOAT8OID:
			converter->fast = fast_float8;
			break;
		case BOOLOID:
			converter->fast = fast_bool;
			break;
		case DATEOID:
			converter->fast = fast_date;
			break;
		case TIMESTAMPOID:
			converter->fast = typmod < 0 ? fast_timestamp : NULL;
			break;
		case TIMESTAMPTZOID:
			converter->fast = typmod < 0 ? fast_timestamptz : NULL;
			break;
	}
}
