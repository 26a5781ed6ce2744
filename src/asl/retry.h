/*
 * asl/retry.h
 *		Which Retrier or Catcher answers an error, and how long to wait.
 */
#ifndef OLIST_RETRY_H
#define OLIST_RETRY_H

#include "asl/dataflow.h"

/* does one of holder's ErrorEquals name error? NULL stands for an error without a name */
extern bool olist_retry_matches(const OlistJson *holder, const char *error);

/*
 * The index in state's Retry of the first Retrier that names error, or -1.
 */
extern int olist_retry_find(const OlistJson *state, const char *error);

/* may a Retrier that has retried `done` times retry once more? */
extern bool olist_retry_allows(const OlistJson *retrier, int done);

/*
 * The wait before retry number done + 1, in microseconds:
 * min(IntervalSeconds × BackoffRate^done, MaxDelaySeconds), with JitterStrategy
 * FULL anything from 0 to that, drawn from random.
 */
extern int64 olist_retry_delay(const OlistJson *retrier, int done, OlistRandom *random);

/* the first of state's Catch that names error, or NULL */
extern const OlistJson *olist_retry_catcher(const OlistJson *state, const char *error);

#endif /* OLIST_RETRY_H */
