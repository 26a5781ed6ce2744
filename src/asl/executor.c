/*
 * asl/executor.c
 *		The loop: ready branches, waiting branches, and what the caller must do.
 *
 *		               ┌────────────── make_ready ◄──────────────┐
 *		               ▼                                         │
 *		ready ──► one step of a branch ──┬─► await_task ──► tasks┤ happening
 *		                                 ├─► wait ───────► timers┤ time
 *		                                 └─► container ──────────┘ last branch ended
 *
 * Every step runs in the scratch context, which is reset after it. What a step
 * destroys it hands to the scratch context instead of freeing it, so that values
 * that are still in use survive to the step's end.
 */
#include "postgres.h"

#include "asl/execution.h"
#include "asl/validate.h"

#include "miscadmin.h"
#include "utils/memutils.h"

typedef struct TaskEntry
{
	int64 task; /* hash key */
	OlistBranch *branch;
} TaskEntry;

const char *
olist_status_name(OlistStatus status)
{
	static const char *const names[] = {"RUNNING", "SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED"};

	return names[status];
}

/* ---------- machines ---------- */

static OlistMachine *
compile(const OlistJson *definition, OlistResources resources)
{
	olist_validate_or_raise(olist_validate(definition, resources));
	return olist_definition_build(definition);
}

OlistMachine *
olist_machine_compile(const OlistJson *definition)
{
	return compile(definition, OLIST_RESOURCES_OWN);
}

OlistMachine *
olist_machine_compile_mocked(const OlistJson *definition)
{
	return compile(definition, OLIST_RESOURCES_LAMBDA);
}

/* ---------- branches ---------- */

OlistBranch *
olist_branch_create(OlistExecution *execution, MemoryContext parent, const OlistSequence *sequence,
					const OlistJson *input)
{
	MemoryContext context = AllocSetContextCreate(parent, "olist branch", ALLOCSET_SMALL_SIZES);
	MemoryContext previous = MemoryContextSwitchTo(context);
	OlistBranch *branch = palloc0(sizeof(OlistBranch));

	branch->context = context;
	branch->sequence = sequence;
	branch->state = sequence->start;
	branch->values[0] = AllocSetContextCreate(context, "olist value", ALLOCSET_SMALL_SIZES);
	branch->values[1] = AllocSetContextCreate(context, "olist value", ALLOCSET_SMALL_SIZES);
	branch->work = AllocSetContextCreate(context, "olist work", ALLOCSET_SMALL_SIZES);
	branch->variables = olist_json_object();
	branch->input = unconstify(OlistJson *, input);
	MemoryContextSwitchTo(previous);
	return branch;
}

void
olist_branch_replace_input(OlistBranch *branch, const OlistJson *value)
{
	int other = 1 - branch->current;
	MemoryContext previous = MemoryContextSwitchTo(branch->values[other]);

	branch->input = olist_json_copy(value);
	MemoryContextSwitchTo(previous);
	MemoryContextReset(branch->values[branch->current]);
	branch->current = other;
}

static void
queue_action(OlistExecution *execution, OlistActionKind kind, OlistBranch *branch, int64 task)
{
	OlistQueued *queued = MemoryContextAllocZero(execution->context, sizeof(OlistQueued));

	queued->kind = kind;
	queued->branch = branch;
	queued->task = task;
	dlist_push_tail(&execution->queue, &queued->node);
	if (branch != NULL)
		branch->queued = queued;
}

static void
unqueue_action(OlistQueued *queued)
{
	dlist_delete(&queued->node);
	if (queued->branch != NULL)
		queued->branch->queued = NULL;
	pfree(queued);
}

/* the branch's task is no longer awaited; if the caller knows of it, it must stop it */
static void
forget_task(OlistExecution *execution, OlistBranch *branch, bool stop)
{
	hash_search(execution->tasks, &branch->task, HASH_REMOVE, NULL);
	if (branch->queued != NULL)
		unqueue_action(branch->queued);
	else if (stop)
		queue_action(execution, OLIST_ACTION_STOP_TASK, NULL, branch->task);
}

static void
stop_timer(OlistExecution *execution, OlistBranch *branch)
{
	if (branch->timed)
		pairingheap_remove(execution->timers, &branch->timer);
	branch->timed = false;
}

static void
start_timer(OlistExecution *execution, OlistBranch *branch, OlistTime deadline)
{
	branch->deadline = deadline;
	if (deadline == OLIST_TIME_NEVER)
		return;
	pairingheap_add(execution->timers, &branch->timer);
	branch->timed = true;
}

void
olist_branch_destroy(OlistExecution *execution, OlistBranch *branch)
{
	if (branch->is_ready)
		dlist_delete(&branch->ready);
	if (branch->phase == OLIST_PHASE_TASK)
		forget_task(execution, branch, true);
	stop_timer(execution, branch);
	if (branch->inner != NULL)
	{
		dlist_iter iter;

		dlist_foreach(iter, &branch->inner->live)
			olist_branch_destroy(execution, dlist_container(OlistBranch, sibling, iter.cur));
	}
	MemoryContextSetParent(branch->context, execution->scratch);
}

/* the branch goes on before others do, so that an iteration ends before the next begins */
void
olist_branch_make_ready(OlistExecution *execution, OlistBranch *branch, OlistPhase phase)
{
	branch->phase = phase;
	branch->is_ready = true;
	dlist_push_head(&execution->ready, &branch->ready);
}

/* the branch takes its turn after those that are ready already */
void
olist_branch_make_ready_last(OlistExecution *execution, OlistBranch *branch, OlistPhase phase)
{
	branch->phase = phase;
	branch->is_ready = true;
	dlist_push_tail(&execution->ready, &branch->ready);
}

void
olist_branch_wait(OlistExecution *execution, OlistBranch *branch, OlistPhase phase,
				  OlistTime deadline)
{
	branch->phase = phase;
	start_timer(execution, branch, deadline);
}

void
olist_branch_await_task(OlistExecution *execution, OlistBranch *branch, OlistTime deadline)
{
	TaskEntry *entry = hash_search(execution->tasks, &branch->task, HASH_ENTER, NULL);

	entry->branch = branch;
	branch->phase = OLIST_PHASE_TASK;
	start_timer(execution, branch, deadline);
	queue_action(execution, OLIST_ACTION_TASK, branch, branch->task);
}

/* set the branch to where it stood, ready to go on */
void
olist_branch_recall(OlistExecution *execution, OlistBranch *branch, const OlistRecall *recall)
{
	MemoryContext previous;

	branch->last_id = recall->last_id;
	if (recall->variables->count > 0)
	{
		previous = MemoryContextSwitchTo(branch->context);
		branch->variables = olist_json_copy_shallow(branch->variables);
		for (int i = 0; i < recall->variables->count; i++)
			olist_json_set(branch->variables, recall->variables->members[i].key,
						   olist_json_copy(recall->variables->members[i].value));
		MemoryContextSwitchTo(previous);
	}
	if (recall->state == NULL)
	{
		olist_branch_make_ready_last(execution, branch, OLIST_PHASE_ENTER);
		return;
	}
	branch->state = olist_sequence_find(branch->sequence, recall->state);
	if (branch->state == NULL)
		ereport(ERROR, (errcode(ERRCODE_DATA_CORRUPTED),
						errmsg("the history names state \"%s\", which the definition does not have",
							   recall->state)));
	olist_branch_replace_input(branch, recall->input);
	branch->entered_id = recall->entered_id;
	branch->entered_at = recall->entered_at;
	branch->resume_scope = recall->scope;
	if (recall->scheduled_id != 0)
	{
		branch->task = recall->scheduled_id;
		branch->task_again = true;
		branch->retry_count = recall->attempts - 1;
	}
	olist_branch_make_ready_last(execution, branch, OLIST_PHASE_WORK);
}

/* ---------- executions ---------- */

/* the earlier deadline comes first, then who entered its state first */
static int
compare_timers(const pairingheap_node *a, const pairingheap_node *b, void *arg)
{
	const OlistBranch *x = pairingheap_const_container(OlistBranch, timer, a);
	const OlistBranch *y = pairingheap_const_container(OlistBranch, timer, b);

	if (x->deadline != y->deadline)
		return x->deadline < y->deadline ? 1 : -1;
	return (x->entered_id < y->entered_id) - (x->entered_id > y->entered_id);
}

/* $$ as the caller knows it, whose values it shares, with what the execution itself knows */
static OlistJson *
make_context(const OlistExecutionOptions *options, const OlistJson *input, OlistTime now,
			 int redrive_count)
{
	OlistJson *context =
		options->context == NULL ? olist_json_object() : olist_json_copy_shallow(options->context);
	const OlistJson *known = olist_json_get(context, "Execution");
	OlistJson *execution = known == NULL ? olist_json_object() : olist_json_copy_shallow(known);
	char started[OLIST_TIMESTAMP_LEN];

	olist_json_set(context, "Execution", execution);
	if (olist_json_get(execution, "Input") == NULL)
		olist_json_set(execution, "Input", olist_json_copy(input));
	if (olist_json_get(execution, "StartTime") == NULL)
	{
		olist_timestamp_format(now, started);
		olist_json_set(execution, "StartTime", olist_json_string(started));
	}
	olist_json_set(execution, "RedriveCount", olist_json_int(redrive_count));
	return context;
}

static OlistExecution *
create_execution(const OlistMachine *machine, const OlistJson *input,
				 const OlistExecutionOptions *options, const OlistHooks *hooks, int redrive_count)
{
	MemoryContext context =
		AllocSetContextCreate(CurrentMemoryContext, "olist execution", ALLOCSET_DEFAULT_SIZES);
	MemoryContext previous = MemoryContextSwitchTo(context);
	OlistExecution *execution = palloc0(sizeof(OlistExecution));
	OlistTime now = hooks->now(hooks->arg);
	HASHCTL ctl = {.keysize = sizeof(int64), .entrysize = sizeof(TaskEntry), .hcxt = context};

	execution->context = context;
	execution->scratch = AllocSetContextCreate(context, "olist scratch", ALLOCSET_DEFAULT_SIZES);
	execution->machine = machine;
	execution->hooks = hooks;
	execution->options = options;
	execution->context_object = make_context(options, input, now, redrive_count);
	execution->deadline = machine->timeout_seconds > 0
							  ? now + machine->timeout_seconds * INT64CONST(1000000)
							  : OLIST_TIME_NEVER;
	dlist_init(&execution->ready);
	dlist_init(&execution->queue);
	execution->timers = pairingheap_allocate(compare_timers, NULL);
	execution->tasks = hash_create("olist tasks", 64, &ctl, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	execution->status = OLIST_STATUS_RUNNING;
	execution->top = olist_branch_create(execution, context, &machine->top, input);
	MemoryContextSwitchTo(previous);
	return execution;
}

/* run the body of a public function in the scratch context */
static MemoryContext
begin_step(OlistExecution *execution)
{
	return MemoryContextSwitchTo(execution->scratch);
}

static void
end_step(OlistExecution *execution, MemoryContext previous)
{
	MemoryContextSwitchTo(previous);
	MemoryContextReset(execution->scratch);
}

OlistExecution *
olist_execution_start(const OlistMachine *machine, const OlistJson *input,
					  const OlistExecutionOptions *options, const OlistHooks *hooks)
{
	OlistExecution *execution = create_execution(machine, input, options, hooks, 0);
	MemoryContext previous = begin_step(execution);
	const OlistState *first = execution->top->state;
	OlistJson *details = olist_json_object();

	olist_json_set(details, "input", unconstify(OlistJson *, input));
	execution->top->state = NULL;
	olist_event_emit_aside(execution, execution->top, "ExecutionStarted", 0, details);
	execution->top->state = first;
	olist_branch_make_ready(execution, execution->top, OLIST_PHASE_ENTER);
	end_step(execution, previous);
	return execution;
}

OlistExecution *
olist_execution_resume(const OlistMachine *machine, const OlistJson *input,
					   const OlistExecutionOptions *options, const OlistHooks *hooks,
					   int64 last_event_id, int redrive_count)
{
	OlistExecution *execution = create_execution(machine, input, options, hooks, redrive_count);
	MemoryContext previous = begin_step(execution);
	OlistJson *details = olist_json_object();
	OlistRecall recall;

	execution->last_event_id = last_event_id;
	hooks->recall(hooks->arg, 0, 0, &recall);
	olist_branch_recall(execution, execution->top, &recall);
	olist_json_set(details, "redriveCount", olist_json_int(redrive_count));
	olist_event_emit(execution, execution->top, "ExecutionRedriven", details);
	if (recall.ended)
	{
		dlist_delete(&execution->top->ready);
		execution->top->is_ready = false;
		olist_execution_finish(execution, OLIST_STATUS_SUCCEEDED, recall.output, NULL);
	}
	end_step(execution, previous);
	return execution;
}

static char *
copy_text(OlistExecution *execution, const char *text)
{
	return text == NULL ? NULL : MemoryContextStrdup(execution->context, text);
}

void
olist_execution_finish(OlistExecution *execution, OlistStatus status, const OlistJson *output,
					   const OlistFailure *failure)
{
	static const char *const types[] = {NULL, "ExecutionSucceeded", "ExecutionFailed",
										"ExecutionTimedOut", "ExecutionAborted"};
	OlistJson *details = NULL;
	MemoryContext previous;

	if (output != NULL)
	{
		details = olist_json_object();
		olist_json_set(details, "output", unconstify(OlistJson *, output));
		previous = MemoryContextSwitchTo(execution->context);
		execution->output = olist_json_copy(output);
		MemoryContextSwitchTo(previous);
	}
	if (failure != NULL)
	{
		details = olist_event_failure(failure);
		execution->failure.error = copy_text(execution, failure->error);
		execution->failure.cause = copy_text(execution, failure->cause);
	}
	execution->status = status;
	execution->top->state = NULL;

	/* what comes from outside follows nothing */
	olist_event_emit_aside(execution, execution->top, types[status],
						   status == OLIST_STATUS_ABORTED ? 0 : execution->top->last_id, details);
	olist_branch_destroy(execution, execution->top);
	execution->top = NULL;
}

/* ---------- happenings ---------- */

static OlistBranch *
find_task(OlistExecution *execution, int64 task)
{
	TaskEntry *entry = hash_search(execution->tasks, &task, HASH_FIND, NULL);

	return entry == NULL ? NULL : entry->branch;
}

/* details of a task's event, which name its Resource */
static OlistJson *
task_details(OlistBranch *branch, OlistJson *details)
{
	olist_event_note_resource(details, olist_json_get(branch->state->json, "Resource")->text);
	return details;
}

static void
note_started(OlistExecution *execution, OlistBranch *branch)
{
	if (branch->task_started)
		return;
	branch->task_started = true;
	olist_event_emit(execution, branch, "TaskStarted", task_details(branch, olist_json_object()));
}

void
olist_execution_task_started(OlistExecution *execution, int64 task)
{
	MemoryContext previous = begin_step(execution);
	OlistBranch *branch = find_task(execution, task);

	if (branch != NULL)
		note_started(execution, branch);
	end_step(execution, previous);
}

/* the task has come to an end: the branch waits for it no longer */
static void
end_task(OlistExecution *execution, OlistBranch *branch, bool stop)
{
	forget_task(execution, branch, stop);
	stop_timer(execution, branch);
	branch->task_again = false;
	branch->phase = OLIST_PHASE_WORK;
}

static void
note_failed(OlistExecution *execution, OlistBranch *branch, const char *type,
			const OlistFailure *failure)
{
	olist_event_emit(execution, branch, type, task_details(branch, olist_event_failure(failure)));
}

static void
fail_task(OlistExecution *execution, OlistBranch *branch, const OlistFailure *failure)
{
	bool timed_out = failure->error != NULL && strcmp(failure->error, "States.Timeout") == 0;

	end_task(execution, branch, false);
	note_failed(execution, branch, timed_out ? "TaskTimedOut" : "TaskFailed", failure);
	olist_branch_failure(execution, branch, failure);
}

void
olist_execution_task_succeeded(OlistExecution *execution, int64 task, const OlistJson *output)
{
	MemoryContext previous = begin_step(execution);
	OlistBranch *branch = find_task(execution, task);
	OlistJson *details;

	if (branch != NULL)
	{
		note_started(execution, branch);
		details = task_details(branch, olist_json_object());
		if (execution->options->max_bytes > 0 &&
			olist_json_size(output) > execution->options->max_bytes)
		{
			const OlistJson *name = olist_json_get(details, "resourceType");
			OlistFailure failure = {.error = "States.DataLimitExceeded"};

			if (name == NULL || olist_json_is_string(name, "olist"))
				name = olist_json_get(branch->state->json, "Resource");
			failure.cause = psprintf("The state/task '%s' returned a result with a size "
									 "exceeding the maximum number of bytes service limit.",
									 name->text);
			fail_task(execution, branch, &failure);
		}
		else
		{
			end_task(execution, branch, false);
			olist_json_set(details, "output", unconstify(OlistJson *, output));
			olist_event_emit(execution, branch, "TaskSucceeded", details);
			olist_branch_result(execution, branch, unconstify(OlistJson *, output));
		}
	}
	end_step(execution, previous);
}

void
olist_execution_task_failed(OlistExecution *execution, int64 task, const OlistFailure *failure)
{
	MemoryContext previous = begin_step(execution);
	OlistBranch *branch = find_task(execution, task);

	if (branch != NULL)
	{
		note_started(execution, branch);
		fail_task(execution, branch, failure);
	}
	end_step(execution, previous);
}

void
olist_execution_cancel(OlistExecution *execution, const OlistFailure *failure)
{
	MemoryContext previous = begin_step(execution);

	if (execution->status == OLIST_STATUS_RUNNING)
		olist_execution_finish(execution, OLIST_STATUS_ABORTED, NULL, failure);
	end_step(execution, previous);
}

/* ---------- the loop ---------- */

/*
 * The branch's deadline has come. Tasks that run out of time together all say so
 * before the first of them has consequences for the others.
 */
static void
deadline_reached(OlistExecution *execution, OlistBranch *branch)
{
	OlistFailure failure = {.error = "States.Timeout"};

	branch->timed = false;
	if (branch->phase == OLIST_PHASE_TASK)
	{
		end_task(execution, branch, true);
		note_failed(execution, branch, "TaskTimedOut", &failure);
		olist_branch_make_ready_last(execution, branch, OLIST_PHASE_TIMED_OUT);
	}
	else if (branch->phase == OLIST_PHASE_BACKOFF)
		olist_branch_make_ready(execution, branch, OLIST_PHASE_WORK);
	else
		olist_branch_make_ready(execution, branch, OLIST_PHASE_WAIT);
}

/* the first branch whose deadline has come, or NULL */
static OlistBranch *
due_branch(OlistExecution *execution, OlistTime now)
{
	OlistBranch *branch;

	if (pairingheap_is_empty(execution->timers))
		return NULL;
	branch = pairingheap_container(OlistBranch, timer, pairingheap_first(execution->timers));
	return branch->deadline <= now ? branch : NULL;
}

/* true, and the execution ended, if it has run for too long */
static bool
end_overdue(OlistExecution *execution, OlistTime now)
{
	OlistFailure failure = {.error = "States.Timeout"};

	if (now >= execution->deadline)
	{
		olist_execution_finish(execution, OLIST_STATUS_TIMED_OUT, NULL, &failure);
		return true;
	}
	if (execution->options->max_events > 0 &&
		execution->last_event_id >= execution->options->max_events)
	{
		failure.error = "States.Runtime";
		failure.cause = psprintf("The execution reached the maximum number of history events "
								 "(" INT64_FORMAT ").",
								 execution->options->max_events);
		olist_execution_finish(execution, OLIST_STATUS_FAILED, NULL, &failure);
		return true;
	}
	return false;
}

/* one piece of work that needs nothing from outside; false if there is none */
static bool
run_step(OlistExecution *execution)
{
	OlistTime now = execution->hooks->now(execution->hooks->arg);
	OlistBranch *branch;

	if (execution->status != OLIST_STATUS_RUNNING)
		return false;
	if (end_overdue(execution, now))
		return true;
	branch = due_branch(execution, now);
	if (branch != NULL)
	{
		pairingheap_remove_first(execution->timers);
		deadline_reached(execution, branch);
		return true;
	}
	if (dlist_is_empty(&execution->ready))
		return false;
	branch = dlist_container(OlistBranch, ready, dlist_pop_head_node(&execution->ready));
	branch->is_ready = false;
	olist_branch_step(execution, branch);
	return true;
}

/* the branch that is ready in this phase, or NULL */
static OlistBranch *
find_ready(OlistExecution *execution, OlistPhase phase)
{
	dlist_iter iter;

	dlist_foreach(iter, &execution->ready)
	{
		OlistBranch *branch = dlist_container(OlistBranch, ready, iter.cur);

		if (branch->phase == phase)
			return branch;
	}
	return NULL;
}

/*
 * Bring all that is ready to where a resume could take it up: into a state, and
 * over the consequences of a time-out. Who went on for so long lets others go
 * first.
 */
static void
settle(OlistExecution *execution)
{
	OlistBranch *branch;

	while ((branch = find_ready(execution, OLIST_PHASE_TIMED_OUT)) != NULL)
	{
		dlist_delete(&branch->ready);
		branch->is_ready = false;
		olist_branch_step(execution, branch);
	}
	while ((branch = find_ready(execution, OLIST_PHASE_ENTER)) != NULL)
		olist_branch_enter(execution, branch);
	if (!dlist_is_empty(&execution->ready))
		dlist_push_tail(&execution->ready, dlist_pop_head_node(&execution->ready));
}

static bool
is_full(const OlistExecution *execution)
{
	return execution->hooks->full != NULL && execution->hooks->full(execution->hooks->arg);
}

OlistTime
olist_execution_deadline(const OlistExecution *execution)
{
	return execution->deadline;
}

static OlistTime
next_deadline(OlistExecution *execution)
{
	OlistTime until = execution->deadline;

	if (!pairingheap_is_empty(execution->timers))
	{
		OlistBranch *first =
			pairingheap_container(OlistBranch, timer, pairingheap_first(execution->timers));

		until = Min(until, first->deadline);
	}
	return until;
}

/* hand the first queued action to the caller */
static void
take_action(OlistExecution *execution, OlistAction *action)
{
	OlistQueued *queued = dlist_container(OlistQueued, node, dlist_head_node(&execution->queue));
	OlistBranch *branch = queued->branch;

	action->kind = queued->kind;
	action->task = queued->task;
	if (branch != NULL)
	{
		action->state = branch->state->name;
		action->resource = olist_json_get(branch->state->json, "Resource")->text;
		action->payload = branch->payload;
		action->attempt = branch->retry_count;
		action->deadline = branch->deadline;
		action->scope = branch->scope;
		action->item = branch->item;
		action->again = branch->task_again;
	}
	unqueue_action(queued);
}

OlistActionKind
olist_execution_next(OlistExecution *execution, OlistAction *action)
{
	bool worked = true;
	bool full = false;

	memset(action, 0, sizeof(OlistAction));
	while (worked && !full && dlist_is_empty(&execution->queue))
	{
		MemoryContext previous = begin_step(execution);

		CHECK_FOR_INTERRUPTS();
		full = is_full(execution);
		if (full)
			settle(execution);
		else
			worked = run_step(execution);
		end_step(execution, previous);
	}
	if (!dlist_is_empty(&execution->queue))
		take_action(execution, action);
	else if (full && execution->status == OLIST_STATUS_RUNNING)
		action->kind = OLIST_ACTION_BUSY;
	else if (execution->status == OLIST_STATUS_RUNNING)
	{
		action->kind = OLIST_ACTION_IDLE;
		action->until = next_deadline(execution);
	}
	else
	{
		action->kind = OLIST_ACTION_DONE;
		action->status = execution->status;
		action->output = execution->output;
		action->failure = execution->failure;
	}
	return action->kind;
}

void
olist_execution_end(OlistExecution *execution)
{
	MemoryContextDelete(execution->context);
}
