/*
 * flow/clock.h
 *		The server's time as States Language's, and back.
 */
#ifndef OLIST_CLOCK_H
#define OLIST_CLOCK_H

#include "asl/timestamp.h"
#include "datatype/timestamp.h"

#define OLIST_EPOCH_DIFFERENCE ((int64) (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * USECS_PER_DAY)

static inline OlistTime
olist_clock_to_unix(TimestampTz time)
{
	return time == DT_NOEND ? OLIST_TIME_NEVER : time + OLIST_EPOCH_DIFFERENCE;
}

static inline TimestampTz
olist_clock_from_unix(OlistTime time)
{
	return time == OLIST_TIME_NEVER ? DT_NOEND : time - OLIST_EPOCH_DIFFERENCE;
}

#endif /* OLIST_CLOCK_H */
