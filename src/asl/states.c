/*
 * asl/states.c
 *		What each kind of state does, from entering it to leaving it.
 *
 *		enter ─► work ─┬─► result ─► ResultSelector, ResultPath, Assign, OutputPath ─► exit
 *		          ▲    │
 *		          │    └─► failure ─┬─► Retry: wait, then work again ──┐
 *		          └─────────────────┼──────────────────────────────────┘
 *		                            ├─► Catch: exit to another state
 *		                            └─► the branch fails
 */
#include "postgres.h"

#include "asl/choice.h"
#include "asl/execution.h"
#include "asl/retry.h"

#include "common/hashfn.h"
#include "utils/memutils.h"

#define USECS_A_SECOND INT64CONST(1000000)

/* the longest wait that Step Functions accepts, in seconds */
#define MAX_WAIT_SECONDS INT64CONST(2147483647)

void
olist_branch_scope(OlistExecution *execution, OlistBranch *branch, OlistRandom *random,
				   OlistScope *scope)
{
	OlistJson *context = olist_json_copy_shallow(execution->context_object);
	OlistJson *state = olist_json_object();
	char entered[OLIST_TIMESTAMP_LEN];

	olist_timestamp_format(branch->entered_at, entered);
	olist_json_set(state, "Name", olist_json_string(branch->state->name));
	olist_json_set(state, "EnteredTime", olist_json_string(entered));
	if (branch->state->kind == OLIST_STATE_TASK || branch->state->kind == OLIST_STATE_PARALLEL ||
		branch->state->kind == OLIST_STATE_MAP)
		olist_json_set(state, "RetryCount", olist_json_int(branch->retry_count));
	olist_json_set(context, "State", state);

	/* the innermost Map that the branch is an iteration of */
	for (OlistBranch *b = branch; b->container != NULL; b = b->container->owner)
	{
		if (b->container->items != NULL)
		{
			OlistJson *map = olist_json_object();
			OlistJson *item = olist_json_object();

			olist_json_set(item, "Index", olist_json_int(b->item));
			olist_json_set(item, "Value", b->container->items->items[b->item]);
			olist_json_set(map, "Item", item);
			olist_json_set(context, "Map", map);
			break;
		}
	}

	/* the same numbers come again when the same attempt is evaluated after a resume */
	random->state =
		hash_combine64(execution->options->seed,
					   hash_combine64((uint64) branch->entered_id, (uint64) branch->retry_count));
	scope->context = context;
	scope->variables = branch->variables;
	scope->random = random;
}

/* ---------- failing ---------- */

void
olist_branch_runtime_failure(OlistExecution *execution, OlistBranch *branch,
							 const OlistFailure *failure)
{
	OlistFailure named = {
		.error = failure->error,
		.cause = psprintf("An error occurred while executing the state '%s' (entered at the event "
						  "id #" INT64_FORMAT "). %s",
						  branch->state->name, branch->entered_id, failure->cause)};

	olist_branch_failure(execution, branch, &named);
}

static void
runtime_failure(OlistExecution *execution, OlistBranch *branch, char *cause)
{
	OlistFailure failure = {.error = "States.Runtime", .cause = cause};

	olist_branch_runtime_failure(execution, branch, &failure);
}

static void
size_failure(OlistExecution *execution, OlistBranch *branch)
{
	OlistFailure failure = {
		.error = "States.DataLimitExceeded",
		.cause = psprintf("The state/task '%s' returned a result with a size exceeding the "
						  "maximum number of bytes service limit.",
						  branch->state->name)};

	olist_branch_failure(execution, branch, &failure);
}

static bool
too_large(OlistExecution *execution, const OlistJson *value)
{
	return execution->options->max_bytes > 0 &&
		   olist_json_size(value) > execution->options->max_bytes;
}

/* true if a Retrier takes the failure: the branch then waits */
static bool
retry(OlistExecution *execution, OlistBranch *branch, const OlistFailure *failure)
{
	const OlistJson *retriers = olist_json_get(branch->state->json, "Retry");
	int which = olist_retry_find(branch->state->json, failure->error);
	OlistRandom random;
	OlistScope scope;
	int64 delay;

	if (which < 0)
		return false;
	if (branch->retries == NULL)
		branch->retries = MemoryContextAllocZero(branch->work, retriers->count * sizeof(int));
	if (!olist_retry_allows(retriers->items[which], branch->retries[which]))
		return false;
	olist_branch_scope(execution, branch, &random, &scope);
	delay = olist_retry_delay(retriers->items[which], branch->retries[which], &random);
	branch->retries[which]++;
	branch->retry_count++;
	olist_branch_wait(execution, branch, OLIST_PHASE_BACKOFF,
					  execution->hooks->now(execution->hooks->arg) + delay);
	return true;
}

/*
 * {"Error": …, "Cause": …} as a Catcher hands it on: an error without a cause
 * has the empty one, no error at all is null twice.
 */
static OlistJson *
error_output(const OlistFailure *failure)
{
	OlistJson *output = olist_json_object();
	const char *cause = failure->cause;

	if (cause == NULL && failure->error != NULL)
		cause = "";
	olist_json_set(output, "Error",
				   failure->error == NULL ? olist_json_null() : olist_json_string(failure->error));
	olist_json_set(output, "Cause", cause == NULL ? olist_json_null() : olist_json_string(cause));
	return output;
}

static void leave(OlistExecution *execution, OlistBranch *branch, const OlistJson *output,
				  OlistJson *assigned, const OlistState *next);
static OlistJson *assign(const OlistJson *holder, const OlistJson *input, const OlistScope *scope,
						 OlistFailure *failure);

/* true if a Catcher takes the failure: the branch then goes on in another state */
static bool
catch_failure(OlistExecution *execution, OlistBranch *branch, const OlistFailure *failure,
			  OlistFailure *catch_failed)
{
	const OlistJson *catcher = olist_retry_catcher(branch->state->json, failure->error);
	OlistJson *error = error_output(failure);
	OlistJson *output;
	OlistJson *assigned;
	OlistRandom random;
	OlistScope scope;

	if (catcher == NULL)
		return false;
	output = olist_dataflow_result_path(catcher, branch->input, error, catch_failed);
	if (output == NULL)
		return false;
	olist_branch_scope(execution, branch, &random, &scope);
	assigned = assign(catcher, error, &scope, catch_failed);
	if (assigned == NULL)
		return false;
	leave(execution, branch, output, assigned,
		  olist_sequence_find(branch->sequence, olist_json_get(catcher, "Next")->text));
	return true;
}

void
olist_branch_failure(OlistExecution *execution, OlistBranch *branch, const OlistFailure *failure)
{
	bool had_container = branch->inner != NULL;
	OlistFailure catch_failed = {0};

	if (had_container)
	{
		MemoryContextSetParent(branch->inner->context, execution->scratch);
		branch->inner = NULL;
	}
	if (retry(execution, branch, failure))
		return;

	/* a container that has run says that it failed once no retry is left */
	if (had_container)
		olist_event_emit(execution, branch,
						 branch->state->kind == OLIST_STATE_MAP ? "MapStateFailed"
																: "ParallelStateFailed",
						 NULL);
	if (catch_failure(execution, branch, failure, &catch_failed))
		return;
	if (catch_failed.error != NULL)
		failure = &catch_failed;
	if (branch->container != NULL)
		olist_container_branch_failed(execution, branch, failure);
	else
		olist_execution_finish(execution, OLIST_STATUS_FAILED, NULL, failure);
}

/* ---------- leaving ---------- */

/* the holder's Assign evaluated: an object of new values, empty if there is none */
static OlistJson *
assign(const OlistJson *holder, const OlistJson *input, const OlistScope *scope,
	   OlistFailure *failure)
{
	const OlistJson *template = olist_json_get(holder, "Assign");

	return template == NULL ? olist_json_object()
							: olist_dataflow_template(template, input, scope, failure);
}

/* take over the new values of variables */
static void
set_variables(OlistExecution *execution, OlistBranch *branch, const OlistJson *assigned)
{
	OlistJson *all = olist_json_copy_shallow(branch->variables);
	MemoryContext context =
		AllocSetContextCreate(branch->context, "olist variables", ALLOCSET_SMALL_SIZES);
	MemoryContext previous;

	for (int i = 0; i < assigned->count; i++)
		olist_json_set_n(all, assigned->members[i].key, assigned->members[i].key_len,
						 assigned->members[i].value);
	previous = MemoryContextSwitchTo(context);
	branch->variables = olist_json_copy(all);
	MemoryContextSwitchTo(previous);
	if (branch->variables_context != NULL)
		MemoryContextSetParent(branch->variables_context, execution->scratch);
	branch->variables_context = context;
}

/* variables are recorded as the text of their JSON values, as AWS does */
static void
note_assigned(OlistJson *details, const OlistJson *assigned)
{
	OlistJson *texts = olist_json_object();
	OlistJson *about = olist_json_object();

	for (int i = 0; i < assigned->count; i++)
		olist_json_set_n(texts, assigned->members[i].key, assigned->members[i].key_len,
						 olist_json_string(olist_json_print(assigned->members[i].value, NULL)));
	olist_json_set(about, "truncated", olist_json_boolean(false));
	olist_json_set(details, "assignedVariables", texts);
	olist_json_set(details, "assignedVariablesDetails", about);
}

/* the state is done: to next, or to the end of the branch if that is NULL */
static void
leave(OlistExecution *execution, OlistBranch *branch, const OlistJson *output, OlistJson *assigned,
	  const OlistState *next)
{
	OlistJson *details = olist_json_object();

	olist_json_set(details, "name", olist_json_string(branch->state->name));
	olist_json_set(details, "output", unconstify(OlistJson *, output));
	if (assigned->count > 0)
		note_assigned(details, assigned);
	olist_event_emit(execution, branch, olist_event_exited(branch->state->kind), details);
	if (next == NULL)
	{
		if (branch->container != NULL)
			olist_container_branch_ended(execution, branch, output);
		else
			olist_execution_finish(execution, OLIST_STATUS_SUCCEEDED, output, NULL);
		return;
	}
	if (assigned->count > 0)
		set_variables(execution, branch, assigned);
	olist_branch_replace_input(branch, output);
	branch->state = next;
	olist_branch_make_ready(execution, branch, OLIST_PHASE_ENTER);
}

/* what all states end with: OutputPath, Assign and the bound on size, then on to next */
static void
complete(OlistExecution *execution, OlistBranch *branch, const OlistJson *holder,
		 const OlistJson *value, const OlistJson *assign_input, const OlistState *next)
{
	OlistRandom random;
	OlistScope scope;
	OlistFailure failure;
	OlistJson *output;
	OlistJson *assigned;

	olist_branch_scope(execution, branch, &random, &scope);
	assigned = assign(holder, assign_input, &scope, &failure);
	output = assigned == NULL
				 ? NULL
				 : olist_dataflow_path(branch->state->json, "OutputPath", value, &scope, &failure);
	if (output == NULL)
		olist_branch_runtime_failure(execution, branch, &failure);
	else if (too_large(execution, output))
		size_failure(execution, branch);
	else
		leave(execution, branch, output, assigned, next);
}

void
olist_branch_result(OlistExecution *execution, OlistBranch *branch, OlistJson *result)
{
	const OlistJson *state = branch->state->json;
	const OlistJson *selector = olist_json_get(state, "ResultSelector");
	OlistRandom random;
	OlistScope scope;
	OlistFailure failure;
	OlistJson *value = result;

	olist_branch_scope(execution, branch, &random, &scope);
	if (selector != NULL)
		value = olist_dataflow_template(selector, result, &scope, &failure);
	result = value;
	if (value != NULL)
		value = olist_dataflow_result_path(state, branch->input, value, &failure);
	if (value == NULL)
		olist_branch_runtime_failure(execution, branch, &failure);
	else
		complete(execution, branch, state, value, result, branch->state->next);
}

/* ---------- the kinds ---------- */

/* InputPath and Parameters applied; NULL if the branch has failed over it */
static OlistJson *
effective_input(OlistExecution *execution, OlistBranch *branch, bool with_parameters)
{
	const OlistJson *state = branch->state->json;
	const OlistJson *parameters = with_parameters ? olist_json_get(state, "Parameters") : NULL;
	OlistRandom random;
	OlistScope scope;
	OlistFailure failure;
	OlistJson *input;

	olist_branch_scope(execution, branch, &random, &scope);
	input = olist_dataflow_path(state, "InputPath", branch->input, &scope, &failure);
	if (input != NULL && parameters != NULL)
		input = olist_dataflow_template(parameters, input, &scope, &failure);
	if (input == NULL)
		olist_branch_runtime_failure(execution, branch, &failure);
	return input;
}

static void
work_pass(OlistExecution *execution, OlistBranch *branch)
{
	OlistJson *fixed = olist_json_get(branch->state->json, "Result");
	OlistJson *result = effective_input(execution, branch, true);

	if (result == NULL)
		return;
	if (fixed != NULL)
		result = fixed;
	if (too_large(execution, result))
		size_failure(execution, branch);
	else
		olist_branch_result(execution, branch, result);
}

static void
work_succeed(OlistExecution *execution, OlistBranch *branch)
{
	OlistJson *input = effective_input(execution, branch, false);

	if (input != NULL)
		complete(execution, branch, branch->state->json, input, input, NULL);
}

/* Error or Cause, or its …Path; false if the branch has failed over it */
static bool
fail_text(OlistExecution *execution, OlistBranch *branch, const char *name, const char *path_name,
		  const char **text)
{
	const OlistJson *value = olist_json_get(branch->state->json, name);
	const OlistJson *path = olist_json_get(branch->state->json, path_name);
	OlistRandom random;
	OlistScope scope;
	OlistFailure failure;

	*text = NULL;
	if (path != NULL)
	{
		/* a path or a call: evaluated like the one member of a template */
		OlistJson *template = olist_json_object();

		olist_branch_scope(execution, branch, &random, &scope);
		olist_json_set(template, psprintf("%s.$", name), unconstify(OlistJson *, path));
		value = olist_json_get(olist_dataflow_template(template, branch->input, &scope, &failure),
							   name);
		if (value == NULL)
		{
			olist_branch_runtime_failure(execution, branch, &failure);
			return false;
		}
		if (value->type != OLIST_JSON_STRING)
		{
			runtime_failure(
				execution, branch,
				psprintf("The %s field must refer to a string: %s", path_name, path->text));
			return false;
		}
	}
	if (value != NULL)
		*text = value->text;
	return true;
}

static void
work_fail(OlistExecution *execution, OlistBranch *branch)
{
	OlistFailure failure;

	if (fail_text(execution, branch, "Error", "ErrorPath", &failure.error) &&
		fail_text(execution, branch, "Cause", "CausePath", &failure.cause))
		olist_branch_failure(execution, branch, &failure);
}

static void
work_choice(OlistExecution *execution, OlistBranch *branch)
{
	const OlistJson *state = branch->state->json;
	OlistJson *input = effective_input(execution, branch, false);
	const OlistJson *target = olist_json_get(state, "Default");
	const OlistJson *chosen;
	OlistRandom random;
	OlistScope scope;
	OlistFailure failure;
	bool failed;

	if (input == NULL)
		return;
	olist_branch_scope(execution, branch, &random, &scope);
	chosen = olist_choice_select(state, input, &scope, &failed, &failure);
	if (failed)
	{
		olist_branch_runtime_failure(execution, branch, &failure);
		return;
	}
	if (chosen != NULL)
		target = olist_json_get(chosen, "Next");
	if (target == NULL)
	{
		failure.error = "States.NoChoiceMatched";
		failure.cause = "Failed to transition out of the state. The state does not point to a "
						"next state.";
		olist_branch_runtime_failure(execution, branch, &failure);
		return;
	}
	complete(execution, branch, chosen != NULL ? chosen : state, input, input,
			 olist_sequence_find(branch->sequence, target->text));
}

/* SecondsPath as seconds from entering; false if the branch has failed over it */
static bool
wait_seconds(OlistExecution *execution, OlistBranch *branch, const char *path,
			 const OlistJson *value, int64 *seconds)
{
	if (!olist_json_to_int64(value, seconds))
		runtime_failure(execution, branch,
						psprintf("The SecondsPath parameter does not reference an integer value: "
								 "%s == %s",
								 path, olist_json_print(value, NULL)));
	else if (*seconds < 0)
		runtime_failure(execution, branch,
						psprintf("The SecondsPath parameter references a negative value: %s == %s",
								 path, olist_json_print(value, NULL)));
	else
		return true;
	return false;
}

/* TimestampPath as a time; false if the branch has failed over it */
static bool
wait_timestamp(OlistExecution *execution, OlistBranch *branch, const char *path,
			   const OlistJson *value, OlistTime *due)
{
	if (value->type == OLIST_JSON_STRING && olist_timestamp_parse(value->text, due))
		return true;
	runtime_failure(
		execution, branch,
		psprintf("The TimestampPath parameter does not reference a valid ISO-8601 "
				 "extended offset date-time format string: %s == %s",
				 path,
				 value->type == OLIST_JSON_STRING ? value->text : olist_json_print(value, NULL)));
	return false;
}

static void
work_wait(OlistExecution *execution, OlistBranch *branch)
{
	static const char *const fields[] = {"Seconds", "SecondsPath", "Timestamp", "TimestampPath"};
	const OlistJson *field = NULL;
	const OlistJson *value;
	OlistJson *input = effective_input(execution, branch, false);
	OlistRandom random;
	OlistScope scope;
	OlistFailure failure;
	OlistTime now = execution->hooks->now(execution->hooks->arg);
	OlistTime due;
	int64 seconds = 0;
	int which;

	if (input == NULL)
		return;
	for (which = 0; field == NULL; which++)
		field = olist_json_get(branch->state->json, fields[which]);
	which--;
	value = field;
	if (which % 2 == 1)
	{
		olist_branch_scope(execution, branch, &random, &scope);
		value = olist_dataflow_get(field->text, input, &scope, &failure);
		if (value == NULL)
		{
			olist_branch_runtime_failure(execution, branch, &failure);
			return;
		}
	}
	if (which < 2 ? !wait_seconds(execution, branch, field->text, value, &seconds)
				  : !wait_timestamp(execution, branch, field->text, value, &due))
		return;
	if (which < 2 ? seconds > MAX_WAIT_SECONDS : due - now > MAX_WAIT_SECONDS * USECS_A_SECOND)
		runtime_failure(execution, branch, pstrdup("Wait state delay is too long."));
	else
		olist_branch_wait(execution, branch, OLIST_PHASE_WAIT,
						  which < 2 ? Min(branch->entered_at, now) + seconds * USECS_A_SECOND
									: due);
}

/* TimeoutSeconds or its Path in seconds, 0: none; false if the branch has failed over it */
static bool
task_timeout(OlistExecution *execution, OlistBranch *branch, int64 *seconds)
{
	const OlistJson *field = olist_json_get(branch->state->json, "TimeoutSeconds");
	const OlistJson *path = olist_json_get(branch->state->json, "TimeoutSecondsPath");
	OlistRandom random;
	OlistScope scope;
	OlistFailure failure;

	*seconds = 0;
	if (path != NULL)
	{
		olist_branch_scope(execution, branch, &random, &scope);
		field = olist_dataflow_get(path->text, branch->input, &scope, &failure);
		if (field == NULL)
		{
			olist_branch_runtime_failure(execution, branch, &failure);
			return false;
		}
	}
	if (field != NULL &&
		(!olist_json_to_int64(field, seconds) || *seconds <= 0 || *seconds > MAX_WAIT_SECONDS))
	{
		runtime_failure(execution, branch,
						psprintf("The TimeoutSecondsPath parameter does not reference a positive "
								 "integer value: %s == %s",
								 path == NULL ? "TimeoutSeconds" : path->text,
								 olist_json_print(field, NULL)));
		return false;
	}
	return true;
}

static void
work_task(OlistExecution *execution, OlistBranch *branch)
{
	const char *resource = olist_json_get(branch->state->json, "Resource")->text;
	OlistJson *payload = effective_input(execution, branch, true);
	OlistTime now = execution->hooks->now(execution->hooks->arg);
	OlistJson *details;
	MemoryContext previous;
	int64 seconds;

	if (payload == NULL || !task_timeout(execution, branch, &seconds))
		return;
	if (too_large(execution, payload))
	{
		size_failure(execution, branch);
		return;
	}
	previous = MemoryContextSwitchTo(branch->work);
	branch->payload = olist_json_copy(payload);
	MemoryContextSwitchTo(previous);
	if (!branch->task_again)
	{
		details = olist_json_object();
		olist_event_note_resource(details, resource);
		olist_json_set(details, "parameters", payload);
		if (seconds > 0)
			olist_json_set(details, "timeoutInSeconds", olist_json_int(seconds));
		branch->task = olist_event_emit(execution, branch, "TaskScheduled", details);
	}
	branch->task_started = false;
	olist_branch_await_task(execution, branch,
							seconds > 0 ? now + seconds * USECS_A_SECOND : OLIST_TIME_NEVER);
}

/* do what the entered state is for */
static void
work(OlistExecution *execution, OlistBranch *branch)
{
	switch (branch->state->kind)
	{
		case OLIST_STATE_PASS:
			work_pass(execution, branch);
			break;
		case OLIST_STATE_TASK:
			work_task(execution, branch);
			break;
		case OLIST_STATE_CHOICE:
			work_choice(execution, branch);
			break;
		case OLIST_STATE_WAIT:
			work_wait(execution, branch);
			break;
		case OLIST_STATE_SUCCEED:
			work_succeed(execution, branch);
			break;
		case OLIST_STATE_FAIL:
			work_fail(execution, branch);
			break;
		case OLIST_STATE_PARALLEL:
		case OLIST_STATE_MAP:
			olist_container_start(execution, branch);
			break;
	}
}

void
olist_branch_enter(OlistExecution *execution, OlistBranch *branch)
{
	OlistJson *details = olist_json_object();

	MemoryContextReset(branch->work);
	branch->retries = NULL;
	branch->retry_count = 0;
	branch->resume_scope = 0;
	branch->task_again = false;
	branch->payload = NULL;
	branch->entered_at = execution->hooks->now(execution->hooks->arg);
	olist_json_set(details, "name", olist_json_string(branch->state->name));
	olist_json_set(details, "input", branch->input);
	branch->entered_id =
		olist_event_emit(execution, branch, olist_event_entered(branch->state->kind), details);
	branch->phase = OLIST_PHASE_WORK;
}

void
olist_branch_step(OlistExecution *execution, OlistBranch *branch)
{
	if (branch->phase == OLIST_PHASE_COLLECT)
	{
		olist_container_collect(execution, branch);
		return;
	}
	if (branch->phase == OLIST_PHASE_TIMED_OUT)
	{
		OlistFailure failure = {.error = "States.Timeout"};

		olist_branch_failure(execution, branch, &failure);
		return;
	}
	if (branch->phase == OLIST_PHASE_WAIT)
	{
		OlistJson *input = effective_input(execution, branch, false);

		if (input != NULL)
			complete(execution, branch, branch->state->json, input, input, branch->state->next);
		return;
	}
	if (branch->phase == OLIST_PHASE_ENTER)
		olist_branch_enter(execution, branch);
	work(execution, branch);
}
