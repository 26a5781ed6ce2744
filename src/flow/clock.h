/*
 * flow/clock.h
 *		The time of a run, and the server's time as States Language's.
 *
 * A run's clock begins with the server's time and goes on evenly from there:
 * whatever is done to the server's time meanwhile, a wait of ten seconds takes
 * ten seconds. A Wait for a Timestamp goes by it too.
 */
#ifndef OLIST_CLOCK_H
#define OLIST_CLOCK_H

#include <time.h>

#include "asl/timestamp.h"
#include "datatype/timestamp.h"
#include "utils/timestamp.h"

#define OLIST_EPOCH_DIFFERENCE ((int64) (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * USECS_PER_DAY)

/* no deadline, where one is given as a number of ticks */
#define OLIST_TICKS_NEVER PG_INT64_MAX

/*
 * Microseconds that pass evenly, also while the machine sleeps, and are the
 * same in all processes of the machine.
 */
static inline int64
olist_clock_ticks(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return (int64) now.tv_sec * USECS_PER_SEC + now.tv_nsec / 1000;
}

typedef struct OlistClock
{
	int64 offset; /* of the time to the ticks */
} OlistClock;

static inline OlistClock
olist_clock_start(void)
{
	return (OlistClock){GetCurrentTimestamp() - olist_clock_ticks()};
}

static inline TimestampTz
olist_clock_now(const OlistClock *clock)
{
	return olist_clock_ticks() + clock->offset;
}

static inline int64
olist_clock_to_ticks(const OlistClock *clock, TimestampTz time)
{
	return time == DT_NOEND ? OLIST_TICKS_NEVER : time - clock->offset;
}

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
