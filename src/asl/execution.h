/*
 * asl/execution.h
 *		The inside of an execution: branches and the containers that hold them.
 *
 *		execution ── top branch ── container ── branch ── container ── …
 *		                           (a Parallel or Map that is running)
 *
 * A branch stands in one state. The ready queue holds the branches that can go
 * on without anything from outside; every other one waits for a task, a time,
 * or the branches of its container. Only executor.c takes branches from the
 * queue, so that nothing recurses into another branch.
 */
#ifndef OLIST_EXECUTION_H
#define OLIST_EXECUTION_H

#include "asl/definition.h"

#include "lib/ilist.h"
#include "lib/pairingheap.h"
#include "utils/hsearch.h"

typedef enum OlistPhase
{
	OLIST_PHASE_ENTER,	   /* ready: enter the state */
	OLIST_PHASE_WORK,	   /* ready: do the entered state's work, again perhaps */
	OLIST_PHASE_COLLECT,   /* ready: all branches of the container have ended */
	OLIST_PHASE_TIMED_OUT, /* ready: the task's time is over */
	OLIST_PHASE_TASK,	   /* waits for a task */
	OLIST_PHASE_WAIT,	   /* waits for a time: a Wait state */
	OLIST_PHASE_BACKOFF,   /* waits for a time: before a retry */
	OLIST_PHASE_CONTAINER  /* waits for its container's branches */
} OlistPhase;

typedef struct OlistBranch OlistBranch;
typedef struct OlistContainer OlistContainer;

struct OlistBranch
{
	OlistContainer *container; /* that holds it, NULL: the machine's own */
	int64 scope;			   /* the container's, 0: the machine's own */
	int item;
	int slot; /* of a Map's MaxConcurrency */
	const OlistSequence *sequence;

	const OlistState *state;
	OlistPhase phase;
	OlistJson *input;	  /* the state's raw input, in values[current] */
	OlistJson *variables; /* own and inherited */
	int64 last_id;		  /* of the branch's events */
	int64 entered_id;
	OlistTime entered_at;
	int *retries;	 /* of the state's Retriers, how often each has retried */
	int retry_count; /* of all of them */

	int64 task; /* of phase TASK: id of TaskScheduled */
	bool task_started;
	bool task_again;
	OlistJson *payload;
	struct OlistQueued *queued; /* its TASK action, while the caller has not had it */

	OlistContainer *inner; /* of phase CONTAINER and COLLECT */
	int64 resume_scope;	   /* the container's branches are to be recalled from it */

	OlistTime deadline; /* of TASK, WAIT, BACKOFF */
	bool timed;			/* it is in the timers' heap */

	MemoryContext context;			 /* holds everything of the branch */
	MemoryContext values[2];		 /* of input: one holds it, the other takes the next */
	MemoryContext work;				 /* of payload and retries, until the state is left */
	MemoryContext variables_context; /* of variables, NULL: inherited */
	int current;

	dlist_node ready;
	bool is_ready;
	dlist_node sibling;
	pairingheap_node timer;
};

struct OlistContainer
{
	OlistBranch *owner;
	int64 scope; /* id of its …StateStarted event */
	int total;
	int next; /* the first that has not been started */
	int ended;
	int failed;
	dlist_head live;
	OlistJson **results;
	bool recalled; /* its branches may have history */

	/* of a Map */
	OlistJson *items;
	const OlistJson *input; /* effective: $ of ItemSelector */
	bool selected;			/* items are already the iterations' inputs */
	int concurrency;
	int slots;			/* in use or used so far */
	int64 *slot_events; /* last event of each slot's latest iteration */
	bool *slot_taken;
	bool has_tolerance;
	double tolerated_percentage; /* -1: not given */
	int64 tolerated_count;		 /* -1: not given */

	int64 last_id; /* the event that the owner's chain goes on from */
	MemoryContext context;
};

/* an action that waits for the caller */
typedef struct OlistQueued
{
	dlist_node node;
	OlistActionKind kind;
	OlistBranch *branch; /* of TASK */
	int64 task;
} OlistQueued;

struct OlistExecution
{
	const OlistMachine *machine;
	const OlistHooks *hooks;
	const OlistExecutionOptions *options;
	OlistJson *context_object; /* $$ without State and Map */
	MemoryContext context;
	MemoryContext scratch; /* reset after every step */
	OlistBranch *top;
	int64 last_event_id;
	OlistTime deadline;
	dlist_head ready;
	dlist_head queue; /* of OlistQueued */
	pairingheap *timers;
	HTAB *tasks; /* id of TaskScheduled → branch */
	OlistStatus status;
	OlistJson *output;
	OlistFailure failure;
};

/* events.c: one line of history; the chain of the branch goes on from it */
extern int64 olist_event_emit(OlistExecution *execution, OlistBranch *branch, const char *type,
							  OlistJson *details);

/* the same, but the branch's chain goes on from where it was */
extern int64 olist_event_emit_aside(OlistExecution *execution, OlistBranch *branch,
									const char *type, int64 previous_id, OlistJson *details);

/* events of a state's kind: "TaskStateEntered" */
extern const char *olist_event_entered(OlistStateKind kind);
extern const char *olist_event_exited(OlistStateKind kind);
extern const char *olist_event_aborted(OlistStateKind kind);

/* {"error": …, "cause": …}, either left out if it is NULL */
extern OlistJson *olist_event_failure(const OlistFailure *failure);

/*
 * Name a task's Resource in details: "olist:schema.function" is resource
 * schema.function of type olist, "arn:aws:states:::lambda:invoke" is invoke of
 * lambda, and a function's own address stands for itself.
 */
extern void olist_event_note_resource(OlistJson *details, const char *resource);

/* states.c: a branch that is ready to enter a state is in it, ready to work */
extern void olist_branch_enter(OlistExecution *execution, OlistBranch *branch);

/* states.c: one step of a branch that is ready */
extern void olist_branch_step(OlistExecution *execution, OlistBranch *branch);

/* the scope in which the state's fields are evaluated; random is the caller's */
extern void olist_branch_scope(OlistExecution *execution, OlistBranch *branch, OlistRandom *random,
							   OlistScope *scope);

/* what has come of the state's work: its result, or its failure */
extern void olist_branch_result(OlistExecution *execution, OlistBranch *branch, OlistJson *result);
extern void
olist_branch_failure(OlistExecution *execution, OlistBranch *branch, const OlistFailure *failure);

/* a failure inside the state's fields: the cause names the state */
extern void olist_branch_runtime_failure(OlistExecution *execution, OlistBranch *branch,
										 const OlistFailure *failure);

/* executor.c: queues and ends; a branch shares its first input with its creator */
extern OlistBranch *olist_branch_create(OlistExecution *execution, MemoryContext parent,
										const OlistSequence *sequence, const OlistJson *input);
extern void olist_branch_destroy(OlistExecution *execution, OlistBranch *branch);
extern void
olist_branch_make_ready(OlistExecution *execution, OlistBranch *branch, OlistPhase phase);
extern void
olist_branch_make_ready_last(OlistExecution *execution, OlistBranch *branch, OlistPhase phase);
extern void olist_branch_wait(OlistExecution *execution, OlistBranch *branch, OlistPhase phase,
							  OlistTime deadline);
extern void
olist_branch_await_task(OlistExecution *execution, OlistBranch *branch, OlistTime deadline);
extern void olist_branch_replace_input(OlistBranch *branch, const OlistJson *value);
extern void
olist_branch_recall(OlistExecution *execution, OlistBranch *branch, const OlistRecall *recall);
extern void olist_execution_finish(OlistExecution *execution, OlistStatus status,
								   const OlistJson *output, const OlistFailure *failure);

/* containers.c */
extern void olist_container_start(OlistExecution *execution, OlistBranch *owner);
extern void olist_container_collect(OlistExecution *execution, OlistBranch *owner);
extern void olist_container_branch_ended(OlistExecution *execution, OlistBranch *branch,
										 const OlistJson *output);
extern void olist_container_branch_failed(OlistExecution *execution, OlistBranch *branch,
										  const OlistFailure *failure);

#endif /* OLIST_EXECUTION_H */
