/*
 * asl/executor.h
 *		An execution of a state machine, driven step by step from outside.
 *
 * The executor knows neither clock nor tables nor workers: it is told what
 * happened, tells what to do next, and hands every line of history to its
 * caller. The same executor serves simulate() (virtual clock, mocks, nothing
 * written) and run() (workers, tables).
 *
 *		                 ┌────────────── next() ────────────────┐
 *		caller  ◄── TASK, STOP_TASK, BUSY, IDLE until t, DONE ──┤ executor
 *		        ─── task_started/succeeded/failed, cancel ─────►
 *		        ◄── hooks: now, emit, full, recall, read_items ─
 *
 *		for (;;)
 *			switch (olist_execution_next(execution, &action)) ...
 *
 * History. Events carry AWS names and ids from 1; previous_id chains them per
 * branch. A branch is one sequence of states: the machine's own, one branch of
 * a Parallel, or one iteration of a Map. It is identified by (scope, item):
 * scope is the id of the ParallelStateStarted or MapStateStarted event of the
 * state that holds it, item its index there; the machine's own is (0, 0).
 *
 * Resume. Nothing but the events is needed. olist_execution_resume() asks
 * recall() where each branch stood when it comes to it, one branch at a time,
 * so that a Map of many items needs no more memory than when it first ran. A
 * branch that had ended is not entered again; one that had not goes on in the
 * state it was in, with the input it had. A task that was scheduled and has no
 * outcome in the history comes up again as the same TASK action (same id,
 * again = true): the caller, who may have its result on record, then reports
 * that result or executes it.
 *
 * All events that come before one IDLE, BUSY or DONE belong together: store them
 * in one transaction, or resume may find a branch between two states.
 *
 * Memory. The execution lives in a context of its own under the one current at
 * its start and ends with it; olist_execution_end() frees it earlier. Values in
 * an action or event are valid until the next call of next() or of a happening.
 */
#ifndef OLIST_EXECUTOR_H
#define OLIST_EXECUTOR_H

#include "asl/dataflow.h"
#include "asl/timestamp.h"

typedef struct OlistMachine OlistMachine;
typedef struct OlistExecution OlistExecution;

typedef enum OlistStatus
{
	OLIST_STATUS_RUNNING,
	OLIST_STATUS_SUCCEEDED,
	OLIST_STATUS_FAILED,
	OLIST_STATUS_TIMED_OUT,
	OLIST_STATUS_ABORTED
} OlistStatus;

/* one line of history */
typedef struct OlistEvent
{
	int64 id;		   /* 1, 2, 3, … */
	int64 previous_id; /* of the same branch, 0 at the start */
	const char *type;  /* "TaskScheduled" */
	OlistTime at;
	int64 scope;				/* the branch: see above */
	int item;					/* index in scope */
	const char *state;			/* the state it is about, or NULL */
	const OlistJson *details;	/* the members of AWS's …EventDetails, or NULL */
	const char *details_member; /* AWS's name for it: "taskScheduledEventDetails", or NULL */
} OlistEvent;

/*
 * Where a branch stood, folded from its events in order of id:
 * olist_recall_init(), then olist_recall_event() for each event of the branch,
 * oldest first (those of ended containers inside it belong to other scopes).
 * Keeps copies in the memory context current at each call.
 */
typedef struct OlistRecall
{
	bool started;	   /* any event of the branch exists */
	bool ended;		   /* it reached its end: output is set */
	OlistJson *output; /* of an ended branch */
	char *state;	   /* the state to go on in, NULL: the branch's first */
	OlistJson *input;  /* of that state */
	int64 entered_id;  /* its …StateEntered event */
	OlistTime entered_at;
	int64 last_id;		/* the branch's last event */
	int64 scope;		/* last …StateStarted of that state if its branches are to be
						 * taken up again, else 0 */
	int64 scheduled_id; /* TaskScheduled without an outcome, else 0 */
	int attempts;		/* attempts of that state before it */
	OlistJson *variables;
	bool failed; /* what that state did last has failed */

	/* the state that a Catch led away from last, with what belongs to it: a branch that
	 * came to a Fail state is taken up again where the error arose, not where it was
	 * reported */
	char *caught_state;
	OlistJson *caught_input;
	int64 caught_entered_id;
	OlistTime caught_entered_at;
	int64 caught_scope;
} OlistRecall;

extern void olist_recall_init(OlistRecall *recall);
extern void olist_recall_event(OlistRecall *recall, const OlistEvent *event);

/* what the executor needs from outside; arg is handed to each */
typedef struct OlistHooks
{
	void *arg;

	OlistTime (*now)(void *arg);

	/* take one line of history; must copy what it keeps */
	void (*emit)(void *arg, const OlistEvent *event);

	/*
	 * Shall next() come back as BUSY, so that the events it has emitted can be
	 * stored, though it has more to do? Must be false once they are. The hook may
	 * be NULL: then it goes on, if need be for ever.
	 */
	bool (*full)(void *arg);

	/*
	 * Where did this branch stand? Called on resume only, once for each branch
	 * that is reached; fill recall in the current memory context.
	 */
	void (*recall)(void *arg, int64 scope, int item, OlistRecall *recall);

	/*
	 * The items of a Map's ItemReader, an array in the current memory context.
	 * reader is the field with its Parameters evaluated. NULL with failure
	 * filled (error States.ItemReaderFailed) if they cannot be had. The hook may
	 * be NULL: then every ItemReader fails.
	 */
	OlistJson *(*read_items)(void *arg, const OlistJson *reader, OlistFailure *failure);
} OlistHooks;

typedef struct OlistExecutionOptions
{
	OlistJson *context;	 /* {"Execution": {…}, "StateMachine": {…}}: $$ as far as the caller
						  * knows it; the executor adds State and Map */
	int map_concurrency; /* iterations of one Map at a time where MaxConcurrency is 0 or
						  * larger; at least 1 */
	int64 max_bytes;	 /* of any state's payload or output, above is
						  * States.DataLimitExceeded; 0: no limit */
	int64 max_events;	 /* of history, more is States.Runtime; 0: no limit */
	uint64 seed;		 /* of jitter, States.MathRandom and States.UUID; give the same on
						  * resume */
} OlistExecutionOptions;

typedef enum OlistActionKind
{
	OLIST_ACTION_TASK,		/* execute a task */
	OLIST_ACTION_STOP_TASK, /* a task's result is no longer wanted */
	OLIST_ACTION_BUSY,		/* store the events, see what happened, and come again */
	OLIST_ACTION_IDLE,		/* nothing until something happens or `until` is reached */
	OLIST_ACTION_DONE		/* the execution has ended; stays so */
} OlistActionKind;

typedef struct OlistAction
{
	OlistActionKind kind;

	/* of TASK and STOP_TASK */
	int64 task;		   /* the id of its TaskScheduled event */
	const char *state; /* name */
	const char *resource;
	OlistJson *payload;
	int attempt;		/* 0, 1, … of this state's visit */
	OlistTime deadline; /* States.Timeout after it; the executor watches it too */
	int64 scope;		/* the branch it belongs to */
	int item;
	bool again; /* scheduled before the interruption: look for its result first */

	OlistTime until; /* of IDLE; OLIST_TIME_NEVER if only a happening helps */

	/* of DONE */
	OlistStatus status;
	OlistJson *output;	  /* of SUCCEEDED */
	OlistFailure failure; /* of FAILED and TIMED_OUT, and of ABORTED if a reason was given */
} OlistAction;

/*
 * The machine of a definition, ready to execute, in the current memory context;
 * it shares parts with the definition. A definition that does not validate
 * raises 0A000 (what is not executed here) or 22023, naming the first problem.
 */
extern OlistMachine *olist_machine_compile(const OlistJson *definition);

/* the same for execution with mocks: Lambda functions pass as Resources */
extern OlistMachine *olist_machine_compile_mocked(const OlistJson *definition);

/* machine, input, hooks and options must outlive the execution, and do not change */
extern OlistExecution *
olist_execution_start(const OlistMachine *machine, const OlistJson *input,
					  const OlistExecutionOptions *options, const OlistHooks *hooks);

/*
 * Go on with an execution that ended FAILED, TIMED_OUT or ABORTED, or whose
 * process died: history is appended after last_event_id, beginning with
 * ExecutionRedriven. redrive_count is 1 for the first resume.
 */
extern OlistExecution *
olist_execution_resume(const OlistMachine *machine, const OlistJson *input,
					   const OlistExecutionOptions *options, const OlistHooks *hooks,
					   int64 last_event_id, int redrive_count);

/* when the execution is over at the latest; OLIST_TIME_NEVER without TimeoutSeconds */
extern OlistTime olist_execution_deadline(const OlistExecution *execution);

/* what to do next; runs every state that needs nothing from outside */
extern OlistActionKind olist_execution_next(OlistExecution *execution, OlistAction *action);

/*
 * Happenings. A task that is not awaited any more (stopped, timed out) is
 * ignored. task_started is optional; its event is supplied when an outcome
 * comes without it. A failure with the error States.Timeout is a time-out.
 */
extern void olist_execution_task_started(OlistExecution *execution, int64 task);
extern void
olist_execution_task_succeeded(OlistExecution *execution, int64 task, const OlistJson *output);
extern void
olist_execution_task_failed(OlistExecution *execution, int64 task, const OlistFailure *failure);

/*
 * Stop the whole execution: it ends ABORTED, STOP_TASK actions come first.
 * failure may be NULL.
 */
extern void olist_execution_cancel(OlistExecution *execution, const OlistFailure *failure);

extern void olist_execution_end(OlistExecution *execution);

/* the word of the status column: "SUCCEEDED" */
extern const char *olist_status_name(OlistStatus status);

#endif /* OLIST_EXECUTOR_H */
