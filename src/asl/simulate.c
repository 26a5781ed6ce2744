/*
 * asl/simulate.c
 *		olist_etl.simulate(): an execution in memory, on a virtual clock.
 *
 * Tasks answer from mocks, in the shape of Step Functions Local's:
 *
 *		{"<state or Resource>": {"0": {"Return": …},
 *								 "1-2": {"Throw": {"Error": …, "Cause": …}}},
 *		 "$$": {"Execution": {…}, "StateMachine": {…}},
 *		 "$abort": 30, "$events": 1000}
 *
 * An answer may also have "Return.$", a path into the task's payload or a call,
 * and "Seconds", the time the attempt takes. The member "$$" gives the context
 * object, "$abort" the second at which somebody aborts the execution, "$events" the
 * number of events at which it is stopped. An ItemReader finds its object under its address or Resource: Return
 * is the object's text, or the array of items.
 *
 * With a history, the events of an earlier simulation, the execution is resumed.
 */
#include "postgres.h"

#include "asl/asl.h"
#include "asl/datum.h"
#include "asl/executor.h"
#include "asl/items.h"

#include "fmgr.h"
#include "funcapi.h"
#include "lib/pairingheap.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

PG_FUNCTION_INFO_V1(olist_etl_simulate);

#define USECS_A_SECOND INT64CONST(1000000)

/* as Step Functions bounds one Map that is not distributed */
#define SIMULATED_CONCURRENCY 40

/* a state machine that never ends must end here */
#define SIMULATED_MAX_EVENTS INT64CONST(1000000)

/* a task that is being executed: its answer comes at a time */
typedef struct Pending
{
	pairingheap_node node;
	int64 task;
	OlistTime at;
	OlistJson *answer;
} Pending;

typedef struct Simulation
{
	OlistTime now;
	const OlistJson *mocks;
	OlistJson *calls;	/* how often each mock has answered */
	OlistJson *history; /* the events of each branch, under "scope/item" */
	StringInfoData events;
	int64 last_event_id; /* of history */
	pairingheap *pending;
	OlistTime abort_at;
	MemoryContext context;
} Simulation;

/* ---------- hooks ---------- */

static OlistTime
simulated_now(void *arg)
{
	return ((Simulation *) arg)->now;
}

static void
append_json(StringInfo buf, const OlistJson *json)
{
	int len;
	char *text = olist_json_print(json, &len);

	appendBinaryStringInfo(buf, text, len);
	pfree(text);
}

static void
simulated_emit(void *arg, const OlistEvent *event)
{
	Simulation *simulation = arg;
	StringInfo buf = &simulation->events;
	char at[OLIST_TIMESTAMP_LEN];

	olist_timestamp_format(event->at, at);
	appendStringInfo(buf,
					 "%s{\"id\":" INT64_FORMAT ",\"previousEventId\":" INT64_FORMAT
					 ",\"timestamp\":\"%s\",\"type\":\"%s\"",
					 buf->len > 1 ? "," : "", event->id, event->previous_id, at, event->type);
	if (event->scope != 0)
		appendStringInfo(buf, ",\"scope\":" INT64_FORMAT ",\"item\":%d", event->scope, event->item);
	if (event->details != NULL)
	{
		appendStringInfo(buf, ",\"%s\":", event->details_member);
		append_json(buf, event->details);
	}
	appendStringInfoChar(buf, '}');
}

static int64
int_member(const OlistJson *json, const char *name)
{
	int64 value = 0;

	olist_json_to_int64(olist_json_get(json, name), &value);
	return value;
}

/* the details of a recorded event: its one member that is an object */
static const OlistJson *
recorded_details(const OlistJson *event)
{
	for (int i = 0; i < event->count; i++)
	{
		if (event->members[i].value->type == OLIST_JSON_OBJECT)
			return event->members[i].value;
	}
	return NULL;
}

/* the branch's list in history, NULL if it has no event */
static OlistJson *
branch_history(const OlistJson *history, int64 scope, int item)
{
	char key[48];

	snprintf(key, sizeof(key), INT64_FORMAT "/%d", scope, item);
	return olist_json_get(history, key);
}

static void
simulated_recall(void *arg, int64 scope, int item, OlistRecall *recall)
{
	const OlistJson *events = branch_history(((Simulation *) arg)->history, scope, item);

	olist_recall_init(recall);
	for (int i = 0; events != NULL && i < events->count; i++)
	{
		const OlistJson *recorded = events->items[i];
		const OlistJson *at = olist_json_get(recorded, "timestamp");
		OlistEvent event = {.id = int_member(recorded, "id"),
							.previous_id = int_member(recorded, "previousEventId"),
							.type = olist_json_get(recorded, "type")->text,
							.scope = scope,
							.item = item,
							.details = recorded_details(recorded)};

		if (at != NULL && at->type == OLIST_JSON_STRING)
			olist_timestamp_parse(at->text, &event.at);
		olist_recall_event(recall, &event);
	}
}

/* ---------- mocks ---------- */

/* does "3" or "1-4" hold this number? */
static bool
range_holds(const char *range, int64 number)
{
	char *end;
	int64 first = strtol(range, &end, 10);
	int64 last = first;

	if (end == range)
		return false;
	if (*end == '-')
		last = strtol(end + 1, &end, 10);
	return *end == '\0' && number >= first && number <= last;
}

/* the answer to this call of what is mocked under key, NULL if there is none */
static const OlistJson *
mocked_answer(Simulation *simulation, const char *key)
{
	const OlistJson *mock = olist_json_get(simulation->mocks, key);
	const OlistJson *answer = NULL;
	int64 number;
	MemoryContext previous;

	if (mock == NULL || mock->type != OLIST_JSON_OBJECT)
		return NULL;
	number = int_member(simulation->calls, key);
	for (int i = 0; i < mock->count && answer == NULL; i++)
	{
		if (range_holds(mock->members[i].key, number))
			answer = mock->members[i].value;
	}
	previous = MemoryContextSwitchTo(simulation->context);
	olist_json_set(simulation->calls, key, olist_json_int(number + 1));
	MemoryContextSwitchTo(previous);
	return answer;
}

/* {"Return": …} or {"Throw": …} with what depends on the payload evaluated */
static OlistJson *
evaluate_answer(const OlistJson *answer, const OlistAction *action)
{
	OlistJson *template = olist_json_object();
	OlistJson *evaluated = olist_json_copy_shallow(answer);
	OlistRandom random = {0};
	OlistScope scope = {.random = &random};
	OlistFailure failure;
	OlistJson *value;

	if (olist_json_get(answer, "Return.$") == NULL)
		return evaluated;
	olist_json_set(template, "Return.$", olist_json_get(answer, "Return.$"));
	value = olist_dataflow_template(template, action->payload, &scope, &failure);
	if (value == NULL)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("the mock of state \"%s\" cannot be evaluated", action->state),
						errdetail("%s", failure.cause)));
	olist_json_set(evaluated, "Return", olist_json_get(value, "Return"));
	return evaluated;
}

static OlistJson *
throw_answer(const char *error, const char *cause)
{
	OlistJson *thrown = olist_json_object();
	OlistJson *answer = olist_json_object();

	olist_json_set(thrown, "Error", olist_json_string(error));
	olist_json_set(thrown, "Cause", olist_json_string(cause));
	olist_json_set(answer, "Throw", thrown);
	return answer;
}

/* the task's answer will come after the seconds that its mock takes */
static void
begin_task(Simulation *simulation, OlistExecution *execution, const OlistAction *action)
{
	MemoryContext previous = MemoryContextSwitchTo(simulation->context);
	Pending *pending = palloc0(sizeof(Pending));
	const OlistJson *answer = mocked_answer(simulation, action->state);
	const OlistJson *seconds;

	if (answer == NULL)
		answer = mocked_answer(simulation, action->resource);
	if (answer == NULL)
		pending->answer =
			throw_answer("States.Runtime",
						 psprintf("No mock answers attempt %d of the state '%s' (Resource %s).",
								  action->attempt, action->state, action->resource));
	else
		pending->answer = evaluate_answer(answer, action);
	seconds = olist_json_get(pending->answer, "Seconds");
	pending->task = action->task;
	pending->at = simulation->now;
	if (seconds != NULL && seconds->type == OLIST_JSON_NUMBER)
		pending->at += (OlistTime) (Min(olist_json_to_double(seconds), 1e9) * USECS_A_SECOND);
	pairingheap_add(simulation->pending, &pending->node);
	MemoryContextSwitchTo(previous);
	olist_execution_task_started(execution, action->task);
}

static const char *
text_member(const OlistJson *json, const char *name)
{
	const OlistJson *value = olist_json_get(json, name);

	return value == NULL || value->type != OLIST_JSON_STRING ? NULL : value->text;
}

static void
answer_task(OlistExecution *execution, Pending *pending)
{
	const OlistJson *thrown = olist_json_get(pending->answer, "Throw");
	const OlistJson *returned = olist_json_get(pending->answer, "Return");
	OlistFailure failure;

	if (thrown != NULL)
	{
		failure.error = text_member(thrown, "Error");
		failure.cause = text_member(thrown, "Cause");
		olist_execution_task_failed(execution, pending->task, &failure);
	}
	else
		olist_execution_task_succeeded(execution, pending->task,
									   returned != NULL ? returned : olist_json_object());
}

static OlistJson *
simulated_read_items(void *arg, const OlistJson *reader, OlistFailure *failure)
{
	char *uri = olist_items_uri(reader);
	const OlistJson *answer = uri == NULL ? NULL : mocked_answer(arg, uri);
	const OlistJson *returned;

	if (answer == NULL)
		answer = mocked_answer(arg, olist_json_get(reader, "Resource")->text);
	returned = olist_json_get(answer, "Return");
	if (returned == NULL)
	{
		const OlistJson *thrown = olist_json_get(answer, "Throw");
		const char *error = text_member(thrown, "Error");
		const char *cause = text_member(thrown, "Cause");

		failure->error = error != NULL ? error : "States.ItemReaderFailed";
		failure->cause = cause != NULL ? cause
									   : psprintf("No mock answers the ItemReader of %s.",
												  uri != NULL ? uri : "its Resource");
		return NULL;
	}
	if (returned->type == OLIST_JSON_STRING)
		return olist_items_parse(reader, returned->text, returned->count, failure);
	return olist_items_limit(reader, unconstify(OlistJson *, returned), failure);
}

/* ---------- the loop ---------- */

static int
compare_pending(const pairingheap_node *a, const pairingheap_node *b, void *arg)
{
	const Pending *x = pairingheap_const_container(Pending, node, a);
	const Pending *y = pairingheap_const_container(Pending, node, b);

	if (x->at != y->at)
		return x->at < y->at ? 1 : -1;
	return (x->task < y->task) - (x->task > y->task);
}

/*
 * Nothing can go on: let time pass until the next answer, deadline or abortion.
 * False if none of them will come.
 */
static bool
pass_time(Simulation *simulation, OlistExecution *execution, OlistTime until)
{
	Pending *pending;

	if (!pairingheap_is_empty(simulation->pending))
	{
		pending = pairingheap_container(Pending, node, pairingheap_first(simulation->pending));
		if (pending->at < Min(until, simulation->abort_at))
		{
			pairingheap_remove_first(simulation->pending);
			simulation->now = Max(simulation->now, pending->at);
			answer_task(execution, pending);
			return true;
		}
	}
	if (simulation->abort_at <= until && simulation->abort_at != OLIST_TIME_NEVER)
	{
		simulation->now = simulation->abort_at;
		olist_execution_cancel(execution, NULL);
		return true;
	}
	simulation->now = Max(simulation->now, until);
	return until != OLIST_TIME_NEVER;
}

static void
run(Simulation *simulation, OlistExecution *execution, OlistAction *action)
{
	for (;;)
	{
		switch (olist_execution_next(execution, action))
		{
			case OLIST_ACTION_TASK:
				begin_task(simulation, execution, action);
				break;
			case OLIST_ACTION_STOP_TASK: /* its answer, when it comes, is ignored */
			case OLIST_ACTION_BUSY:
				break;
			case OLIST_ACTION_IDLE:
				if (!pass_time(simulation, execution, action->until))
					elog(ERROR, "the simulated execution waits for nothing");
				break;
			case OLIST_ACTION_DONE:
				return;
		}
	}
}

/* when the mocks say that somebody aborts the execution */
static OlistTime
simulated_abortion(const Simulation *simulation)
{
	int64 seconds;

	if (!olist_json_to_int64(olist_json_get(simulation->mocks, "$abort"), &seconds) ||
		seconds < 0 || seconds > INT64CONST(10000000000))
		return OLIST_TIME_NEVER;
	return simulation->now + seconds * USECS_A_SECOND;
}

/* the context object: what the mocks say over what a simulation is */
static OlistJson *
simulated_context(const OlistJson *mocks)
{
	OlistJson *given = olist_json_get(mocks, "$$");
	OlistJson *context = given == NULL ? olist_json_object() : olist_json_copy_shallow(given);
	OlistJson *part;

	if (olist_json_get(context, "Execution") == NULL)
	{
		part = olist_json_object();
		olist_json_set(part, "Id", olist_json_string("simulation"));
		olist_json_set(part, "Name", olist_json_string("simulation"));
		olist_json_set(context, "Execution", part);
	}
	if (olist_json_get(context, "StateMachine") == NULL)
	{
		part = olist_json_object();
		olist_json_set(part, "Id", olist_json_string("simulation"));
		olist_json_set(part, "Name", olist_json_string("simulation"));
		olist_json_set(context, "StateMachine", part);
	}
	return context;
}

/* can a branch be recalled from this event? */
static bool
is_sound_event(const OlistJson *event)
{
	const char *type = text_member(event, "type");

	return type != NULL && int_member(event, "id") > 0 &&
		   (strstr(type, "StateEntered") == NULL ||
			text_member(recorded_details(event), "name") != NULL);
}

/* what may be resumed: an array of events as a simulation gives them */
static void
use_history(Simulation *simulation, const OlistJson *history)
{
	bool sound = history->type == OLIST_JSON_ARRAY && history->count > 0;

	simulation->history = olist_json_object();
	for (int i = 0; sound && i < history->count; i++)
	{
		OlistJson *event = history->items[i];
		int64 scope = int_member(event, "scope");
		int item = (int) int_member(event, "item");
		OlistJson *branch = branch_history(simulation->history, scope, item);

		sound = is_sound_event(event);
		if (branch == NULL)
		{
			branch = olist_json_array();
			olist_json_set(simulation->history, psprintf(INT64_FORMAT "/%d", scope, item), branch);
		}
		olist_json_append(branch, event);
		simulation->last_event_id = Max(simulation->last_event_id, int_member(event, "id"));
		if (i > 0)
			appendStringInfoChar(&simulation->events, ',');
		append_json(&simulation->events, event);
	}
	if (!sound)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("the history must be the events of a simulation")));
}

static Datum
nullable_text(const char *text, bool *isnull)
{
	*isnull = text == NULL;
	return text == NULL ? (Datum) 0 : olist_json_text_datum(text, (int) strlen(text));
}

Datum
olist_etl_simulate(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	Simulation simulation = {0};
	OlistHooks hooks = {.arg = &simulation,
						.now = simulated_now,
						.emit = simulated_emit,
						.recall = simulated_recall,
						.read_items = simulated_read_items};
	OlistExecutionOptions options = {0};
	OlistExecution *execution;
	OlistMachine *machine;
	OlistAction action;
	OlistJson *input;
	Datum values[5];
	bool nulls[5] = {0};

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1) || PG_ARGISNULL(2))
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
						errmsg("definition, input and mocks must not be NULL")));
	InitMaterializedSRF(fcinfo, 0);
	machine = olist_machine_compile_mocked(olist_json_from_datum(PG_GETARG_DATUM(0)));
	input = olist_json_from_datum(PG_GETARG_DATUM(1));
	simulation.mocks = olist_json_from_datum(PG_GETARG_DATUM(2));
	simulation.calls = olist_json_object();
	simulation.context = CurrentMemoryContext;
	simulation.pending = pairingheap_allocate(compare_pending, NULL);
	simulation.now = GetCurrentTimestamp() +
					 (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * SECS_PER_DAY * USECS_A_SECOND;
	simulation.abort_at = simulated_abortion(&simulation);
	initStringInfo(&simulation.events);
	appendStringInfoChar(&simulation.events, '[');
	options.context = simulated_context(simulation.mocks);
	options.map_concurrency = SIMULATED_CONCURRENCY;
	options.max_events = int_member(simulation.mocks, "$events");
	if (options.max_events <= 0 || options.max_events > SIMULATED_MAX_EVENTS)
		options.max_events = SIMULATED_MAX_EVENTS;
	options.max_bytes = (int64) olist_asl_max_payload_kb * 1024;
	options.seed = (uint64) simulation.now;
	if (PG_ARGISNULL(3))
		execution = olist_execution_start(machine, input, &options, &hooks);
	else
	{
		use_history(&simulation, olist_json_from_datum(PG_GETARG_DATUM(3)));
		execution =
			olist_execution_resume(machine, input, &options, &hooks, simulation.last_event_id, 1);
	}
	run(&simulation, execution, &action);
	appendStringInfoChar(&simulation.events, ']');

	values[0] = CStringGetTextDatum(olist_status_name(action.status));
	nulls[1] = action.output == NULL;
	values[1] = nulls[1] ? (Datum) 0 : olist_json_to_datum(action.output);
	values[2] = nullable_text(action.failure.error, &nulls[2]);
	values[3] = nullable_text(action.failure.cause, &nulls[3]);
	values[4] = olist_json_text_datum(simulation.events.data, simulation.events.len);
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	olist_execution_end(execution);
	return (Datum) 0;
}
