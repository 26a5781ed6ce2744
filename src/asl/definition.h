/*
 * asl/definition.h
 *		A state machine ready to execute: the definition's states, with the names
 *		in it resolved.
 */
#ifndef OLIST_DEFINITION_H
#define OLIST_DEFINITION_H

#include "asl/executor.h"

typedef enum OlistStateKind
{
	OLIST_STATE_PASS,
	OLIST_STATE_TASK,
	OLIST_STATE_CHOICE,
	OLIST_STATE_WAIT,
	OLIST_STATE_SUCCEED,
	OLIST_STATE_FAIL,
	OLIST_STATE_PARALLEL,
	OLIST_STATE_MAP
} OlistStateKind;

typedef struct OlistState OlistState;
typedef struct OlistSequence OlistSequence;

/* the states between a StartAt and an end: a machine's, a branch's, an item processor's */
struct OlistSequence
{
	const OlistJson *json;
	OlistState *states; /* in the order of the member States */
	int count;
	const OlistState *start;
};

struct OlistState
{
	const char *name;
	OlistStateKind kind;
	const OlistJson *json;		   /* its fields */
	const OlistSequence *sequence; /* the one it stands in */
	const OlistState *next;		   /* of Next, NULL: the sequence ends here */
	OlistSequence *parts;		   /* of Parallel: Branches; of Map: the item processor */
	int part_count;
	bool distributed; /* a Map whose iterations are executions of their own */
};

struct OlistMachine
{
	OlistSequence top;
	int64 timeout_seconds; /* of the whole execution, 0: none */
};

/* build what validation found to be sound */
extern OlistMachine *olist_definition_build(const OlistJson *definition);

/* the kind that a Type names, false if there is no such */
extern bool olist_state_kind(const char *type, OlistStateKind *kind);

/* "Pass" */
extern const char *olist_state_kind_name(OlistStateKind kind);

/* the state of that name in the sequence, or NULL */
extern const OlistState *olist_sequence_find(const OlistSequence *sequence, const char *name);

/* a Map's ItemProcessor, or Iterator as it was once called */
extern const OlistJson *olist_map_processor(const OlistJson *state);

/* does this Map run its iterations as executions of their own? */
extern bool olist_map_is_distributed(const OlistJson *state);

#endif /* OLIST_DEFINITION_H */
