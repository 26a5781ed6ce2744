/*
 * flow/tell.h
 *		What the user is told of a run's tasks while it goes on, by NOTICEs.
 */
#ifndef OLIST_TELL_H
#define OLIST_TELL_H

#include "flow/store.h"

/* how a task ended */
extern void olist_tell_outcome(const OlistTaskRow *task, const OlistTaskOutcome *outcome);

/* what a task wants the user to know: the strings of its result's array "notices" */
extern void olist_tell_notices(const OlistJson *result);

#endif /* OLIST_TELL_H */
