/*
 * source/backoff.h
 *		How long to wait before the next try.
 */
#ifndef OLIST_BACKOFF_H
#define OLIST_BACKOFF_H

/* a clock for waiting, in milliseconds */
extern double olist_backoff_now(void);

/*
 * Milliseconds to wait after so many failed tries (from 1): a random share of
 * a span that doubles with each, so that many clients do not come back at
 * once; or what the server asked for (-1: nothing), if that is longer.
 */
extern double olist_backoff_delay(int tries, int asked_for);

#endif /* OLIST_BACKOFF_H */
