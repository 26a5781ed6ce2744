/*
 * flow/settings.h
 *		The settings under which tasks run: the same in a worker and in the session.
 */
#ifndef OLIST_SETTINGS_H
#define OLIST_SETTINGS_H

#include "lib/stringinfo.h"

/* set for the current transaction */
extern void olist_settings_set_local(const char *name, const char *value);

/* what every task finds whatever the session has set, until the current level of settings ends */
extern void olist_settings_pin_task(void);

/* what a worker's session must not have: time limits and read-only defaults of its role */
extern void olist_settings_pin_worker(void);

/*
 * What this session, or its connection, has SET and tasks may depend on: name, value, name, value,
 * …, each ending in NUL.
 */
extern void olist_settings_collect(StringInfo settings);

/* set them in another session; what its role may not set is left out, with a line in the log */
extern void olist_settings_apply(const char *settings, int len);

#endif /* OLIST_SETTINGS_H */
