/*
 * flow/prepare.c
 *		The executor as a run drives it: its clock, its history, its context.
 *
 *		definition, input ──► execution ──► events ──► run->batch ──► the coordinator
 */
#include "postgres.h"

#include "flow/coordinator.h"

#include "asl/asl.h"
#include "asl/datum.h"
#include "flow/items.h"
#include "flow/slots.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

/* what a loop of states that never waits may do before it is written and committed */
#define BATCH_EVENTS 1000
#define BATCH_BYTES (1024 * 1024)
#define BATCH_MS 1000
/* lines of history of one run */
#define MAX_EVENTS 10000000

static OlistTime
hook_now(void *arg)
{
	const OlistRun *run = arg;

	return olist_clock_to_unix(olist_clock_now(&run->clock));
}

static void
hook_emit(void *arg, const OlistEvent *event)
{
	OlistRun *run = arg;
	MemoryContext old = MemoryContextSwitchTo(run->batch_context);
	OlistEventRow *row = palloc(sizeof(OlistEventRow));

	row->id = event->id;
	row->previous_id = event->previous_id;
	row->type = pstrdup(event->type);
	row->scope = event->scope;
	row->item = event->item;
	row->state = event->state ? olist_utf8_to_server(pstrdup(event->state)) : NULL;
	row->details = event->details ? olist_json_print_server(event->details) : NULL;
	row->at = olist_clock_from_unix(event->at);
	if (run->batch.events == NIL)
		run->batch_since = row->at;
	run->batch.events = lappend(run->batch.events, row);
	run->urgent = run->urgent || strcmp(row->type, "TaskStarted") != 0;
	MemoryContextSwitchTo(old);
}

static bool
hook_full(void *arg)
{
	const OlistRun *run = arg;

	return run->urgent &&
		   (list_length(run->batch.events) >= BATCH_EVENTS ||
			MemoryContextMemAllocated(run->batch_context, false) > BATCH_BYTES ||
			TimestampDifferenceExceeds(run->batch_since, olist_clock_now(&run->clock), BATCH_MS));
}

static void
hook_recall(void *arg, int64 scope, int item, OlistRecall *recall)
{
	const OlistRun *run = arg;

	olist_store_recall_branch(run->row.run_id, scope, item, recall);
}

/* $$ as far as it is the same for all states */
static OlistJson *
make_context(const OlistRun *run, OlistJson *input)
{
	OlistJson *execution = olist_json_object();
	OlistJson *machine = olist_json_object();
	OlistJson *context = olist_json_object();
	const char *workflow = olist_utf8_from_server(run->row.workflow);
	char id[32];
	char start[OLIST_TIMESTAMP_LEN];

	snprintf(id, sizeof(id), INT64_FORMAT, run->row.run_id);
	olist_timestamp_format(olist_clock_to_unix(run->row.started_at), start);
	olist_json_set(execution, "Id", olist_json_string(id));
	olist_json_set(execution, "Name", olist_json_string(id));
	olist_json_set(execution, "Input", input);
	olist_json_set(execution, "StartTime", olist_json_string(start));
	olist_json_set(execution, "RedriveCount", olist_json_int(run->row.redrive_count));
	olist_json_set(machine, "Id", olist_json_string(psprintf("%s:%d", workflow, run->row.version)));
	olist_json_set(machine, "Name", olist_json_string(workflow));
	olist_json_set(context, "Execution", execution);
	olist_json_set(context, "StateMachine", machine);
	return context;
}

void
olist_coordinator_prepare(OlistRun *run, const OlistJson *definition)
{
	MemoryContext old = MemoryContextSwitchTo(run->context);
	OlistMachine *machine = olist_machine_compile(definition);
	OlistJsonError error;
	OlistJson *input = olist_json_parse_server(run->row.input, &error);
	OlistHooks *hooks = palloc0(sizeof(OlistHooks));
	OlistExecutionOptions *options = palloc0(sizeof(OlistExecutionOptions));

	if (input == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_JSON_TEXT),
				 errmsg("the input of run " INT64_FORMAT " is not valid JSON", run->row.run_id),
				 errdetail("At byte %d: %s.", error.offset + 1, error.message)));
	run->batch_context =
		AllocSetContextCreate(run->context, "olist_etl events", ALLOCSET_DEFAULT_SIZES);
	run->clock = olist_clock_start();
	run->due_at = DT_NOEND;

	hooks->arg = run;
	hooks->now = hook_now;
	hooks->emit = hook_emit;
	hooks->full = hook_full;
	hooks->recall = hook_recall;
	hooks->read_items = olist_flow_read_items;
	options->context = make_context(run, input);
	options->map_concurrency = Max(4, 2 * olist_slot_limit());
	options->max_bytes = (int64) olist_asl_max_payload_kb * 1024;
	options->max_events = MAX_EVENTS;
	options->seed = (uint64) run->row.seed;
	run->redriven = run->row.redrive_count > 0;
	run->execution = run->redriven
						 ? olist_execution_resume(machine, input, options, hooks,
												  run->row.last_event_id, run->row.redrive_count)
						 : olist_execution_start(machine, input, options, hooks);
	run->machine_deadline = olist_clock_from_unix(olist_execution_deadline(run->execution));
	MemoryContextSwitchTo(old);
}
