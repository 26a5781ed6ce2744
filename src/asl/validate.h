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

/*
 * The problems of a definition, in the order of the document. With
 * foreign_tasks, Lambda functions pass as Resources: for execution with mocks.
 */
extern OlistProblems *olist_validate(const OlistJson *definition, bool foreign_tasks);

/* the problems of one state alone, its Next not followed */
extern OlistProblems *olist_validate_state(const OlistJson *state, bool foreign_tasks);

/*
 * What is wrong with text that is to be a definition but is no JSON, or holds a
 * member twice in one object.
 */
extern OlistProblems *olist_validate_text(const char *text, int len);

#endif /* OLIST_VALIDATE_H */
