/*
 * asl/path_steps.h
 *		What a path is, between its parser and those who walk it.
 */
#ifndef OLIST_PATH_STEPS_H
#define OLIST_PATH_STEPS_H

#include "asl/path.h"

typedef enum OlistPathStepKind
{
	OLIST_STEP_KEY,		 /* .name, ['name'] */
	OLIST_STEP_INDEX,	 /* [0], [-1] */
	OLIST_STEP_WILDCARD, /* .*, [*] */
	OLIST_STEP_SLICE,	 /* [1:3:1] */
	OLIST_STEP_UNION,	 /* ['a','b'], [0,2] */
	OLIST_STEP_FILTER,	 /* [?(@.price > 10)] */
	OLIST_STEP_DESCENT	 /* .. : every value below */
} OlistPathStepKind;

typedef struct OlistPathFilter OlistPathFilter;
typedef struct OlistPathStep OlistPathStep;

struct OlistPathStep
{
	OlistPathStepKind kind;
	char *key;
	int key_len;
	int64 index;
	int64 from; /* of a slice */
	int64 to;
	bool has_from;
	bool has_to;
	OlistPathStep *members; /* of a union */
	int member_count;
	OlistPathFilter *filter;
};

typedef enum OlistPathFilterOp
{
	OLIST_FILTER_OR,
	OLIST_FILTER_AND,
	OLIST_FILTER_NOT,
	OLIST_FILTER_EXISTS,
	OLIST_FILTER_EQ,
	OLIST_FILTER_NE,
	OLIST_FILTER_LT,
	OLIST_FILTER_LE,
	OLIST_FILTER_GT,
	OLIST_FILTER_GE
} OlistPathFilterOp;

typedef struct OlistPathOperand
{
	OlistPath *path;	/* or NULL */
	OlistJson *literal; /* or NULL */
} OlistPathOperand;

struct OlistPathFilter
{
	OlistPathFilterOp op;
	OlistPathFilter *left; /* of OR, AND, NOT */
	OlistPathFilter *right;
	OlistPathOperand a; /* of the others */
	OlistPathOperand b;
};

typedef enum OlistPathRootKind
{
	OLIST_ROOT_INPUT,
	OLIST_ROOT_CONTEXT,
	OLIST_ROOT_VARIABLE,
	OLIST_ROOT_CURRENT /* @, inside a filter */
} OlistPathRootKind;

struct OlistPath
{
	OlistPathRootKind root;
	char *variable;
	OlistPathStep *steps;
	int count;
	int capacity;
	bool definite;
};

#endif /* OLIST_PATH_STEPS_H */
