/*
 * asl/check.h
 *		The inside of a validation: where it stands, what it notes, what it asks.
 */
#ifndef OLIST_CHECK_H
#define OLIST_CHECK_H

#include "asl/validate.h"
#include "lib/stringinfo.h"

#define OLIST_SCHEMA "SCHEMA_VALIDATION_FAILED"

typedef struct OlistCheck
{
	OlistProblems *problems;
	StringInfoData path;
	OlistJson *names; /* every state's name so far, as an object's members */
	OlistResources resources;
	int depth; /* of machines within machines */
} OlistCheck;

/* what a field must hold */
typedef enum OlistWant
{
	OLIST_WANT_ANY,
	OLIST_WANT_STRING,
	OLIST_WANT_TRUE,
	OLIST_WANT_PATH,		 /* a path */
	OLIST_WANT_PATH_OR_NULL, /* a path or null */
	OLIST_WANT_RESULT_PATH,	 /* a reference path or null */
	OLIST_WANT_PATH_OR_CALL, /* a path or an intrinsic function */
	OLIST_WANT_TEMPLATE,	 /* anything, with paths and calls behind .$ */
	OLIST_WANT_TIMESTAMP,	 /* an ISO 8601 timestamp */
	OLIST_WANT_WHOLE,		 /* a whole number ≥ 0 */
	OLIST_WANT_POSITIVE,	 /* a whole number > 0 */
	OLIST_WANT_PERCENTAGE,	 /* 0 … 100 */
	OLIST_WANT_RATE,		 /* ≥ 1 */
	OLIST_WANT_JITTER,		 /* FULL or NONE */
	OLIST_WANT_RETRY,
	OLIST_WANT_CATCH,
	OLIST_WANT_CHOICES,
	OLIST_WANT_BRANCHES,
	OLIST_WANT_PROCESSOR,
	OLIST_WANT_READER,
	OLIST_WANT_BATCHER,
	OLIST_WANT_RESOURCE,
	OLIST_WANT_UNSUPPORTED /* sound, but not executed */
} OlistWant;

typedef struct OlistField
{
	const char *name;
	OlistWant want;
	unsigned kinds; /* of states that may have it */
} OlistField;

/* of two fields, at most one may be there */
typedef struct OlistExclusive
{
	const char *a;
	const char *b;
	const char *code;
} OlistExclusive;

/* check.c: note a problem of what stands at the check's path */
extern void olist_check_problem(OlistCheck *check, const char *code, const char *format, ...)
	pg_attribute_printf(3, 4);
extern void olist_check_unsupported(OlistCheck *check, const char *feature);

/* check.c: go one level down in the path; give the result to leave() */
extern int olist_check_enter(OlistCheck *check, const char *name);
extern int olist_check_enter_item(OlistCheck *check, int index);
extern void olist_check_leave(OlistCheck *check, int len);

static inline bool
olist_check_is_string(const OlistJson *value)
{
	return value != NULL && value->type == OLIST_JSON_STRING;
}

/* check.c: what a single value must be */
extern void olist_check_path(OlistCheck *check, const OlistJson *value, bool null_allowed);
extern void olist_check_result_path(OlistCheck *check, const OlistJson *value);
extern void olist_check_path_or_call(OlistCheck *check, const OlistJson *value);
extern void olist_check_template(OlistCheck *check, const OlistJson *value);
extern void olist_check_number(OlistCheck *check, const OlistJson *value, OlistWant want);
extern void olist_check_resource(OlistCheck *check, const OlistJson *value);

/*
 * check_fields.c: each member of json is one of fields, for this kind of state
 * (0: any), and holds what it must.
 */
extern void olist_check_fields(OlistCheck *check, const OlistJson *json, const OlistField *fields,
							   unsigned kind);
extern void
olist_check_exclusive(OlistCheck *check, const OlistJson *json, const OlistExclusive *pair);
extern void olist_check_require(OlistCheck *check, const OlistJson *json, const char *name);
extern bool olist_check_object(OlistCheck *check, const OlistJson *value);

/*
 * validate.c: what a machine, a branch or an item processor must be. A state
 * that goes to one outside of it is noted under outbound_code, which may be NULL.
 */
extern void olist_check_sequence(OlistCheck *check, const OlistJson *json,
								 const char *outbound_code, const char *container);

#endif /* OLIST_CHECK_H */
