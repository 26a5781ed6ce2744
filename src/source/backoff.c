/*
 * source/backoff.c
 *		How long to wait before the next try.
 */
#include "postgres.h"

#include "source/backoff.h"

#include <math.h>

#include "common/pg_prng.h"
#include "portability/instr_time.h"

/* the span of the first retry and the longest, in ms */
#define FIRST_SPAN 100.0
#define LONGEST_SPAN 20000.0

double
olist_backoff_now(void)
{
	instr_time time;

	INSTR_TIME_SET_CURRENT(time);
	return INSTR_TIME_GET_MILLISEC(time);
}

double
olist_backoff_delay(int tries, int asked_for)
{
	double span = Min(FIRST_SPAN * pow(2.0, Min(tries - 1, 20)), LONGEST_SPAN);

	return Max(pg_prng_double(&pg_global_prng_state) * span, (double) asked_for);
}
