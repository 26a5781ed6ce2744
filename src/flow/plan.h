/*
 * flow/plan.h
 *		What is to be done next in a run, given what has happened.
 */
#ifndef OLIST_PLAN_H
#define OLIST_PLAN_H

#include "datatype/timestamp.h"
#include "flow/store.h"

typedef struct OlistPlan OlistPlan;

typedef enum OlistStepKind
{
	OLIST_STEP_TASK, /* execute a task */
	OLIST_STEP_IDLE, /* nothing until a task ends or `until` is reached */
	OLIST_STEP_DONE	 /* the run has ended */
} OlistStepKind;

typedef struct OlistStep
{
	OlistStepKind kind;
	OlistStoreTask task; /* of TASK; palloc'd in the plan's context */
	TimestampTz until;	 /* of IDLE; DT_NOEND: only an outcome helps */
	const char *status;	 /* of DONE, with what belongs to it */
	const char *output;
	const char *error;
	const char *cause;
} OlistStep;

/* takes one line of history; must copy what it keeps */
typedef void (*OlistEmit)(void *arg, const OlistStoreEvent *event);

/* a plan lives in the current memory context */
extern OlistPlan *olist_plan_start(const char *input, OlistEmit emit, void *arg);
extern void olist_plan_next(OlistPlan *plan, OlistStep *step);
extern void olist_plan_outcome(OlistPlan *plan, int64 task_id, const OlistTaskOutcome *outcome);

#endif /* OLIST_PLAN_H */
