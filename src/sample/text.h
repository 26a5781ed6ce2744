/*
 * sample/text.h
 *		Numbers, times and ids as text, appended to a row.
 *
 * Each function writes at out and returns the end of what it wrote.
 */
#ifndef OLIST_SAMPLE_TEXT_H
#define OLIST_SAMPLE_TEXT_H

#include "sample/rows.h"

static inline char *
put_char(char *out, char c)
{
	*out = c;
	return out + 1;
}

static inline char *
put_bytes(char *out, const char *text, size_t len)
{
	memcpy(out, text, len);
	return out + len;
}

static inline char *
put_string(char *out, const char *text)
{
	return put_bytes(out, text, strlen(text));
}

static inline char *
put_number(char *out, uint64 n)
{
	char digits[20];
	int len = 0;

	do
	{
		digits[len++] = '0' + n % 10;
		n /= 10;
	} while (n > 0);
	while (len > 0)
		*out++ = digits[--len];
	return out;
}

static inline char *
put_pair(const OlistSampleWriter *writer, char *out, int n)
{
	memcpy(out, writer->pair[n], 2);
	return out + 2;
}

/* cents as "58.90" */
static inline char *
put_money(const OlistSampleWriter *writer, char *out, int64 cents)
{
	out = put_number(out, cents / 100);
	out = put_char(out, '.');
	return put_pair(writer, out, cents % 100);
}

/* seconds since 2016-01-01 as "2017-10-02 10:56:33" */
static inline char *
put_time(const OlistSampleWriter *writer, char *out, int64 time)
{
	int second = time % 86400;

	Assert(time >= 0 && time / 86400 < OLIST_SAMPLE_DAYS);
	memcpy(out, writer->day[time / 86400], 10);
	out[10] = ' ';
	memcpy(out + 11, writer->pair[second / 3600], 2);
	out[13] = ':';
	memcpy(out + 14, writer->pair[second / 60 % 60], 2);
	out[16] = ':';
	memcpy(out + 17, writer->pair[second % 60], 2);
	return out + 19;
}

/* the 32 hex digits that name the index-th of its kind */
static inline char *
put_bare_id(const OlistSampleWriter *writer, char *out, OlistSampleSubject subject, uint64 index)
{
	OlistDice dice = olist_sample_dice(&writer->plan, subject, index);

	for (int half = 0; half < 2; half++)
	{
		uint64 bits = olist_dice_roll(&dice);

		for (int i = 0; i < 8; i++)
			memcpy(out + 2 * i, writer->hex[(bits >> (8 * i)) & 0xFF], 2);
		out += 16;
	}
	return out;
}

static inline char *
put_quoted_id(const OlistSampleWriter *writer, char *out, OlistSampleSubject subject, uint64 index)
{
	out = put_char(out, '"');
	out = put_bare_id(writer, out, subject, index);
	return put_char(out, '"');
}

/* as in most files: quoted if it starts with a digit */
static inline char *
put_id(const OlistSampleWriter *writer, char *out, OlistSampleSubject subject, uint64 index)
{
	char *end = put_bare_id(writer, out + 1, subject, index);

	if (out[1] >= 'a')
	{
		memmove(out, out + 1, 32);
		return out + 32;
	}
	out[0] = '"';
	return put_char(end, '"');
}

/* five digits in quotes */
static inline char *
put_zip(const OlistSampleWriter *writer, char *out, int zip)
{
	out = put_char(out, '"');
	out = put_char(out, '0' + zip / 10000);
	out = put_pair(writer, out, zip / 100 % 100);
	out = put_pair(writer, out, zip % 100);
	return put_char(out, '"');
}

/* a text, quoted if it must be */
static inline char *
put_text(char *out, const char *text, int len)
{
	bool quote = false;

	for (int i = 0; i < len && !quote; i++)
		quote = text[i] == ',' || text[i] == '"' || text[i] == '\r' || text[i] == '\n';
	if (!quote)
		return put_bytes(out, text, len);
	*out++ = '"';
	for (int i = 0; i < len; i++)
	{
		if (text[i] == '"')
			*out++ = '"';
		*out++ = text[i];
	}
	*out++ = '"';
	return out;
}

#endif /* OLIST_SAMPLE_TEXT_H */
