/*
 * asl/intrinsics.h
 *		The 18 functions States.Format() to States.UUID().
 */
#ifndef OLIST_INTRINSICS_H
#define OLIST_INTRINSICS_H

#include "asl/path.h"

typedef struct OlistIntrinsic OlistIntrinsic;

/* deterministic random numbers: the same seed gives the same sequence */
typedef struct OlistRandom
{
	uint64 state;
} OlistRandom;

/* the next number, uniform in [0, 1) */
extern double olist_random_next(OlistRandom *random);

/* does text look like a call rather than a path? */
extern bool olist_intrinsic_looks_like(const char *text);

/*
 * Parse one call, with nested ones, checking names and numbers of arguments.
 * NULL with *message set if text is not one.
 */
extern OlistIntrinsic *olist_intrinsic_parse(const char *text, int len, const char **message);

/* each path of the call, in order: visit(path, arg) */
extern void olist_intrinsic_visit_paths(const OlistIntrinsic *call,
										void (*visit)(const OlistPath *path, void *arg), void *arg);

/*
 * The call's value, or NULL with *message (palloc'd) saying why it has none. If
 * a path in it led nowhere, *missing is that path's text, else NULL.
 */
extern OlistJson *olist_intrinsic_call(const OlistIntrinsic *call, const OlistPathRoots *roots,
									   OlistRandom *random, char **message, char **missing);

#endif /* OLIST_INTRINSICS_H */
