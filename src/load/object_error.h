/*
 * load/object_error.h
 *		An object that cannot be loaded at all: stop, or go on without it.
 */
#ifndef OLIST_OBJECT_ERROR_H
#define OLIST_OBJECT_ERROR_H

#include "load/load.h"

extern void olist_object_error_init(void);

/*
 * olist_load_object(), except that with olist_etl.on_object_error = reject an
 * error that the object's content caused ends nothing: the result says which it
 * was, what the object's former version gave stays, and the object has one
 * reject of reason "object". It is new to the ledger still, so discover() finds
 * it again.
 */
extern OlistLoadResult
olist_load_object_or_reject(const OlistLoadTarget *target, const OlistObject *object);

#endif /* OLIST_OBJECT_ERROR_H */
