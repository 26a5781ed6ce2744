/*
 * base/limit.h
 *		Settings that bound what a user may consume.
 *
 * The administrator gives a limit its value (configuration file, ALTER ROLE,
 * ALTER DATABASE, or SET by a superuser). Everybody may lower it for
 * themselves, nobody else may raise it.
 */
#ifndef OLIST_LIMIT_H
#define OLIST_LIMIT_H

#include "utils/guc.h"

/*
 * The body of a limit's check hook: may newval become the value of the integer
 * setting name, coming from source? If not, the reason is left for the error
 * that the caller raises (42501).
 */
extern bool olist_limit_check(const char *name, int newval, GucSource source);

#endif /* OLIST_LIMIT_H */
