/*
 * asl/intrinsic_call.h
 *		A call of an intrinsic function, between its parser and the functions.
 */
#ifndef OLIST_INTRINSIC_CALL_H
#define OLIST_INTRINSIC_CALL_H

#include "asl/intrinsics.h"

typedef struct OlistIntrinsicCall OlistIntrinsicCall;

typedef struct OlistIntrinsicFunction
{
	const char *name;
	int min_args;
	int max_args; /* -1: any number */
	int numeric;  /* how the arguments that must be numbers are marked: 1 << index */
	OlistJson *(*apply)(OlistIntrinsicCall *call);
} OlistIntrinsicFunction;

typedef struct OlistIntrinsicArgument
{
	OlistJson *literal; /* of a string: unescaped */
	char *raw;			/* of a string literal: with its escapes, as Format needs */
	OlistPath *path;
	char *path_text;
	OlistIntrinsic *call;
} OlistIntrinsicArgument;

struct OlistIntrinsic
{
	const OlistIntrinsicFunction *function;
	OlistIntrinsicArgument *args;
	int count;
};

/* one application: the arguments' values, and what went wrong */
struct OlistIntrinsicCall
{
	const OlistIntrinsic *intrinsic;
	OlistJson **values;
	int count;
	const OlistPathRoots *roots;
	OlistRandom *random;
	char *message;
	char *missing;
};

/* the function of that name, or NULL */
extern const OlistIntrinsicFunction *olist_intrinsic_find(const char *name, size_t len);

/* note why the call has no value, unless it is noted already; NULL */
extern OlistJson *
olist_intrinsic_fail(OlistIntrinsicCall *call, const char *format, ...) pg_attribute_printf(2, 3);

#endif /* OLIST_INTRINSIC_CALL_H */
