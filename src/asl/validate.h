/*
 * asl/validate.h
 *		What is wrong with a definition: all of it at once.
 */
#ifndef OLIST_VALIDATE_H
#define OLIST_VALIDATE_H

#include "asl/json.h"

/* the code of what is sound States Language, but is not executed here */
#define OLIST_NOT_SUPPORTED "FEATURE_NOT_SUPPORTED"

typedef struct OlistProblem
{
	char *path;		  /* "/States/Stage/Retry/0" */
	const char *code; /* "SCHEMA_VALIDATION_FAILED", OLIST_NOT_SUPPORTED, … */
	char *message;
} OlistProblem;

typedef struct OlistProblems
{
	OlistProblem *items;
	int count;
	int capacity;
	bool truncated; /* there are more than OLIST_MAX_PROBLEMS */
} OlistProblems;

#define OLIST_MAX_PROBLEMS 1000

/* which Resources pass */
typedef enum OlistResources
{
	OLIST_RESOURCES_OWN,	/* olist: and a function's name */
	OLIST_RESOURCES_LAMBDA, /* and Lambda functions: for execution with mocks */
	OLIST_RESOURCES_ANY		/* and every service: for a state whose result is given */
} OlistResources;

/* the problems of a definition, in the order of the document */
extern OlistProblems *olist_validate(const OlistJson *definition, OlistResources resources);

/* the problems of one state alone, its Next not followed */
extern OlistProblems *olist_validate_state(const OlistJson *state, OlistResources resources);

/* raise 0A000 or 22023 for the first problem, if there is one */
extern void olist_validate_or_raise(const OlistProblems *problems);

/*
 * What is wrong with text that is to be a definition but is no JSON, or holds a
 * member twice in one object.
 */
extern OlistProblems *olist_validate_text(const char *text, int len);

#endif /* OLIST_VALIDATE_H */
