/*
 * source/time_text.c
 *		Points in time as servers write them.
 */
#include "postgres.h"

#include "source/time_text.h"

#include <curl/curl.h>

#include "pgtime.h"
#include "utils/timestamp.h"

/* the last second of the year 9999: what is later is no point in time but a mistake */
#define LAST_SECOND INT64CONST(253402300799)

TimestampTz
olist_time_from_http(const char *text)
{
	time_t at = text != NULL ? curl_getdate(text, NULL) : -1;

	return at < 0 || at > LAST_SECOND ? DT_NOBEGIN : time_t_to_timestamptz((pg_time_t) at);
}

TimestampTz
olist_time_from_iso(const char *text)
{
	struct pg_tm tm = {0};
	int milliseconds = 0;
	TimestampTz result;

	if (text == NULL || sscanf(text, "%4d-%2d-%2dT%2d:%2d:%2d.%3d", &tm.tm_year, &tm.tm_mon,
							   &tm.tm_mday, &tm.tm_hour, &tm.tm_min, &tm.tm_sec, &milliseconds) < 6)
		return DT_NOBEGIN;
	if (tm.tm_year < 1970 || tm.tm_mon < 1 || tm.tm_mon > 12 || tm.tm_mday < 1 || tm.tm_mday > 31 ||
		tm.tm_hour < 0 || tm.tm_hour > 23 || tm.tm_min < 0 || tm.tm_min > 59 || tm.tm_sec < 0 ||
		tm.tm_sec > 60 || milliseconds < 0)
		return DT_NOBEGIN;
	if (tm2timestamp(&tm, milliseconds * 1000, NULL, &result) != 0)
		return DT_NOBEGIN;
	return result;
}
