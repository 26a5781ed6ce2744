/*
 * view/measure.h
 *		What a run did, read from its history into a layout.
 */
#ifndef OLIST_MEASURE_H
#define OLIST_MEASURE_H

#include "view/layout.h"

/* take one event of a history, oldest first; state is the one it is about, or NULL */
extern void olist_measure_event(OlistLayout *layout, const char *type, const char *state,
								OlistTime at, const OlistJson *details);

/*
 * Read the history of a run that the caller may see into the layout, and judge
 * it. Inside an SPI connection.
 */
extern void olist_measure_run(OlistLayout *layout, int64 run_id);

/* the same for the events that simulate() gives, which end with its status */
extern void olist_measure_events(OlistLayout *layout, const OlistJson *events);

#endif /* OLIST_MEASURE_H */
