/*
 * asl/path.h
 *		Paths as States Language uses them: a strict JSONPath.
 *
 * $ is a state's input, $$ the context object, $name a variable. A definite
 * path (names and single indexes only) gives one value or is missing; any other
 * ([*], slices, unions, filters, ..) gives an array, empty if nothing is there.
 */
#ifndef OLIST_PATH_H
#define OLIST_PATH_H

#include "asl/json.h"

typedef struct OlistPath OlistPath;

/* what the roots stand for */
typedef struct OlistPathRoots
{
	const OlistJson *input;		/* $ */
	const OlistJson *context;	/* $$, may be NULL */
	const OlistJson *variables; /* object of $name, may be NULL */
} OlistPathRoots;

/* NULL, with *message set, if text is not a path */
extern OlistPath *olist_path_parse(const char *text, int len, const char **message);

/* only names and non-negative indexes, as ResultPath needs */
extern bool olist_path_is_reference(const OlistPath *path);

extern bool olist_path_is_definite(const OlistPath *path);

/* does it start at $$, at a variable (whose name is returned, else NULL)? */
extern bool olist_path_is_context(const OlistPath *path);
extern const char *olist_path_variable(const OlistPath *path);

/*
 * The value, or NULL if the path is definite and nothing is there. The result
 * may share parts with the roots.
 */
extern OlistJson *olist_path_get(const OlistPath *path, const OlistPathRoots *roots);

/*
 * A copy of document in which the reference path holds value; parts of both are
 * shared. Objects on the way are made where they are missing. NULL if the way
 * is blocked by something that is no object, or an index is out of bounds.
 */
extern OlistJson *
olist_path_put(const OlistPath *path, const OlistJson *document, OlistJson *value);

/* the path written out: $['a'][0]; without its root's variable name */
extern char *olist_path_canonical(const OlistPath *path);

#endif /* OLIST_PATH_H */
