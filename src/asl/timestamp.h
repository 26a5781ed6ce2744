/*
 * asl/timestamp.h
 *		Timestamps as States Language writes them.
 */
#ifndef OLIST_ASL_TIMESTAMP_H
#define OLIST_ASL_TIMESTAMP_H

/* microseconds since 1970-01-01 00:00:00 UTC */
typedef int64 OlistTime;
#define OLIST_TIME_NEVER PG_INT64_MAX

/*
 * Read an ISO 8601 extended offset date-time, "2016-12-05T21:29:29.5Z" or with
 * an offset "+01:00"; the T is needed. False if text is none. Fractions beyond
 * microseconds are cut off.
 */
extern bool olist_timestamp_parse(const char *text, OlistTime *time);

/* "2016-12-05T21:29:29.500Z" into buf of at least OLIST_TIMESTAMP_LEN bytes */
#define OLIST_TIMESTAMP_LEN 48
extern void olist_timestamp_format(OlistTime time, char *buf);

#endif /* OLIST_ASL_TIMESTAMP_H */
