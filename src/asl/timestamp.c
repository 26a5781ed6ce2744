/*
 * asl/timestamp.c
 *		Text to time and back, in the proleptic Gregorian calendar and UTC.
 */
#include "postgres.h"

#include "asl/timestamp.h"

#define USECS_A_SECOND INT64CONST(1000000)
#define SECONDS_A_DAY 86400

/* days of a date since 1970-01-01; months are counted from March, so that leap days come last */
static int64
days_of(int64 year, int month, int day)
{
	int64 era;
	int64 year_of_era;
	int64 day_of_year;

	year -= month <= 2;
	era = (year >= 0 ? year : year - 399) / 400;
	year_of_era = year - era * 400;
	day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
	return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year -
		   719468;
}

static void
date_of(int64 days, int64 *year, int *month, int *day)
{
	int64 era;
	int64 day_of_era;
	int64 year_of_era;
	int64 day_of_year;
	int shifted;

	days += 719468;
	era = (days >= 0 ? days : days - 146096) / 146097;
	day_of_era = days - era * 146097;
	year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
	day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	shifted = (int) ((5 * day_of_year + 2) / 153);
	*day = (int) (day_of_year - (153 * shifted + 2) / 5 + 1);
	*month = shifted + (shifted < 10 ? 3 : -9);
	*year = year_of_era + era * 400 + (*month <= 2);
}

/* exactly count digits at *p; moves *p behind them */
static bool
read_digits(const char **p, int count, int *value)
{
	*value = 0;
	for (int i = 0; i < count; i++, (*p)++)
	{
		if (**p < '0' || **p > '9')
			return false;
		*value = *value * 10 + (**p - '0');
	}
	return true;
}

static bool
read_char(const char **p, char c)
{
	if (**p != c)
		return false;
	(*p)++;
	return true;
}

static int
days_in_month(int year, int month)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return days[month - 1] + (month == 2 && leap);
}

static bool
read_date(const char **p, int64 *days)
{
	int year;
	int month;
	int day;

	if (!read_digits(p, 4, &year) || !read_char(p, '-') || !read_digits(p, 2, &month) ||
		!read_char(p, '-') || !read_digits(p, 2, &day))
		return false;
	if (month < 1 || month > 12 || day < 1 || day > days_in_month(year, month))
		return false;
	*days = days_of(year, month, day);
	return true;
}

/* "21:29:29.5" as microseconds of the day; the seconds may be left out */
static bool
read_time(const char **p, int64 *usecs)
{
	int hour;
	int minute;
	int second = 0;
	int64 fraction = 0;

	if (!read_digits(p, 2, &hour) || !read_char(p, ':') || !read_digits(p, 2, &minute))
		return false;
	if (read_char(p, ':') && !read_digits(p, 2, &second))
		return false;
	if (read_char(p, '.'))
	{
		int64 unit = USECS_A_SECOND / 10;

		if (**p < '0' || **p > '9')
			return false;
		for (; **p >= '0' && **p <= '9'; (*p)++, unit /= 10)
			fraction += (**p - '0') * unit;
	}
	if (hour > 23 || minute > 59 || second > 59)
		return false;
	*usecs = (hour * 3600 + minute * 60 + second) * USECS_A_SECOND + fraction;
	return true;
}

/* "Z" or "+01:00" as seconds east of Greenwich */
static bool
read_offset(const char **p, int *seconds)
{
	bool west = **p == '-';
	int hours;
	int minutes;

	*seconds = 0;
	if (read_char(p, 'Z') || read_char(p, 'z'))
		return true;
	if (!read_char(p, '+') && !read_char(p, '-'))
		return false;
	if (!read_digits(p, 2, &hours) || !read_char(p, ':') || !read_digits(p, 2, &minutes) ||
		hours > 18 || minutes > 59)
		return false;
	*seconds = (hours * 3600 + minutes * 60) * (west ? -1 : 1);
	return true;
}

bool
olist_timestamp_parse(const char *text, OlistTime *time)
{
	const char *p = text;
	int64 days;
	int64 usecs;
	int offset;

	if (!read_date(&p, &days) || (!read_char(&p, 'T') && !read_char(&p, 't')) ||
		!read_time(&p, &usecs) || !read_offset(&p, &offset) || *p != '\0')
		return false;
	*time = (days * SECONDS_A_DAY - offset) * USECS_A_SECOND + usecs;
	return true;
}

void
olist_timestamp_format(OlistTime time, char *buf)
{
	int64 seconds = time / USECS_A_SECOND;
	int64 usecs = time % USECS_A_SECOND;
	int64 days;
	int64 year;
	int month;
	int day;
	int rest;

	if (usecs < 0)
	{
		usecs += USECS_A_SECOND;
		seconds--;
	}
	days = seconds / SECONDS_A_DAY;
	rest = (int) (seconds % SECONDS_A_DAY);
	if (rest < 0)
	{
		rest += SECONDS_A_DAY;
		days--;
	}
	date_of(days, &year, &month, &day);
	snprintf(buf, OLIST_TIMESTAMP_LEN, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", (int) year, month,
			 day, rest / 3600, rest / 60 % 60, rest % 60, (int) (usecs / 1000));
}
