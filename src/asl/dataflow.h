/*
 * asl/dataflow.h
 *		How data flows through a state:
 *
 *		raw input ─ InputPath ─► effective input ─ Parameters ─► payload ─ work ─►
 *		result ─ ResultSelector ─► ResultPath (into the raw input) ─ OutputPath ─► output
 */
#ifndef OLIST_DATAFLOW_H
#define OLIST_DATAFLOW_H

#include "asl/intrinsics.h"

/*
 * An error as States Language knows it. Either part may be NULL: a Fail state
 * need not have them.
 */
typedef struct OlistFailure
{
	const char *error;
	const char *cause;
} OlistFailure;

/* what the fields of a state are evaluated in */
typedef struct OlistScope
{
	const OlistJson *context;	/* $$ */
	const OlistJson *variables; /* $name */
	OlistRandom *random;
} OlistScope;

/*
 * All of these return NULL with failure filled if there is no value; the cause
 * does not name the state, its caller knows that. Results share parts with what
 * they were made from.
 */

/* the value of field `name` of state, a path; input if the state has no such field, {} if null */
extern OlistJson *
olist_dataflow_path(const OlistJson *state, const char *name, const OlistJson *input,
					const OlistScope *scope, OlistFailure *failure);

/* the same for a field that must be there, or for any path text */
extern OlistJson *olist_dataflow_get(const char *path, const OlistJson *input,
									 const OlistScope *scope, OlistFailure *failure);

/* a payload template evaluated: members whose names end in .$ are paths or calls */
extern OlistJson *olist_dataflow_template(const OlistJson *template, const OlistJson *input,
										  const OlistScope *scope, OlistFailure *failure);

/* result placed into the raw input by holder's ResultPath (default $, null: discarded) */
extern OlistJson *olist_dataflow_result_path(const OlistJson *holder, const OlistJson *raw,
											 OlistJson *result, OlistFailure *failure);

/* the failure of a Map whose ItemsPath (NULL: it has none) leads to something else than an array */
extern void olist_dataflow_no_array(const OlistJson *items_path, OlistFailure *failure);

#endif /* OLIST_DATAFLOW_H */
