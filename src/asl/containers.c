/*
 * asl/containers.c
 *		Parallel and Map: branches started, counted, and their results put together.
 *
 *		start ─► MapStateStarted ─► iterations, at most `concurrency` at a time ─┐
 *		                              │ ended: result kept      │ failed          │
 *		                              ▼                         ▼                 │
 *		                         start the next        tolerated? like ended;     │
 *		                                               else stop the others, fail │
 *		collect ◄─ all have ended ◄───────────────────────────────────────────────┘
 *
 * Only branches that run have memory of their own: of an item no more is kept
 * than itself, as part of the owner's input where it stands there, and its result
 * in the end. On resume a branch that had
 * ended is not made at all: its result is recalled when its turn comes.
 */
#include "postgres.h"

#include "asl/execution.h"

#include "miscadmin.h"
#include "utils/memutils.h"

static void start_more(OlistExecution *execution, OlistContainer *container);

/* ---------- fields of a Map ---------- */

/*
 * The number in field `name` or at the path in `name`Path; NULL in *value if
 * neither is there. False if the state has failed over it.
 */
static bool
number_field(OlistExecution *execution, OlistBranch *owner, const OlistJson *holder,
			 const OlistJson *input, const char *name, bool whole, const OlistJson **value)
{
	char *path_name = psprintf("%sPath", name);
	const OlistJson *path = olist_json_get(holder, path_name);
	OlistRandom random;
	OlistScope scope;
	OlistFailure failure;
	int64 number;

	*value = olist_json_get(holder, name);
	if (path == NULL)
		return true;
	olist_branch_scope(execution, owner, &random, &scope);
	*value = olist_dataflow_get(path->text, input, &scope, &failure);
	if (*value == NULL)
	{
		olist_branch_runtime_failure(execution, owner, &failure);
		return false;
	}
	if (whole ? !olist_json_to_int64(*value, &number) : (*value)->type != OLIST_JSON_NUMBER)
	{
		failure.error = "States.Runtime";
		failure.cause = psprintf(
			"The %s field refers to value \"%s\" which is not a valid %s: %s", path_name,
			(*value)->type == OLIST_JSON_STRING ? (*value)->text : olist_json_print(*value, NULL),
			whole ? "integer" : "float", path->text);
		olist_branch_runtime_failure(execution, owner, &failure);
		return false;
	}
	return true;
}

static bool
out_of_range(OlistExecution *execution, OlistBranch *owner, const char *cause)
{
	OlistFailure failure = {.error = "States.Runtime", .cause = cause};

	olist_branch_runtime_failure(execution, owner, &failure);
	return false;
}

/* how many items may fail; false if the state has failed over it */
static bool
set_tolerance(OlistExecution *execution, OlistBranch *owner, OlistContainer *container)
{
	const OlistJson *state = owner->state->json;
	const OlistJson *count;
	const OlistJson *percentage;

	container->tolerated_count = -1;
	container->tolerated_percentage = -1;
	if (!number_field(execution, owner, state, container->input, "ToleratedFailureCount", true,
					  &count) ||
		!number_field(execution, owner, state, container->input, "ToleratedFailurePercentage",
					  false, &percentage))
		return false;
	if (count != NULL && olist_json_to_int64(count, &container->tolerated_count) &&
		container->tolerated_count < 0)
		return out_of_range(execution, owner,
							"ToleratedFailureCount must be greater than or equal to 0.");
	if (percentage != NULL)
	{
		container->tolerated_percentage = olist_json_to_double(percentage);
		if (!(container->tolerated_percentage >= 0 && container->tolerated_percentage <= 100))
			return out_of_range(execution, owner,
								"ToleratedFailurePercentage must be between 0 and 100.");
	}
	container->has_tolerance = count != NULL || percentage != NULL || owner->state->distributed;
	return true;
}

static bool
set_concurrency(OlistExecution *execution, OlistBranch *owner, OlistContainer *container)
{
	int limit = Max(execution->options->map_concurrency, 1);
	const OlistJson *field;
	int64 number = 0;

	if (!number_field(execution, owner, owner->state->json, container->input, "MaxConcurrency",
					  true, &field))
		return false;
	if (field != NULL && olist_json_to_int64(field, &number) && number < 0)
		return out_of_range(execution, owner, "MaxConcurrency must be greater than or equal to 0.");
	container->concurrency = number == 0 || number > limit ? limit : (int) number;
	return true;
}

/* ---------- items of a Map ---------- */

/* the scope of ItemSelector: the Map state's, with the item in $$.Map.Item */
static void
item_scope(OlistExecution *execution, OlistBranch *owner, OlistJson *value, int index,
		   OlistRandom *random, OlistScope *scope)
{
	OlistJson *map = olist_json_object();
	OlistJson *item = olist_json_object();
	OlistJson *context;

	olist_branch_scope(execution, owner, random, scope);
	random->state += (uint64) index;
	olist_json_set(item, "Index", olist_json_int(index));
	olist_json_set(item, "Value", value);
	olist_json_set(map, "Item", item);
	context = olist_json_copy_shallow(scope->context);
	olist_json_set(context, "Map", map);
	scope->context = context;
}

/* the input of an item's iteration, or NULL with failure filled */
static OlistJson *
select_item(OlistExecution *execution, OlistBranch *owner, OlistContainer *container,
			OlistJson *value, int index, OlistFailure *failure)
{
	const OlistJson *selector = olist_json_get(owner->state->json, "ItemSelector");
	OlistRandom random;
	OlistScope scope;

	if (selector == NULL)
		selector = olist_json_get(owner->state->json, "Parameters");
	if (selector == NULL || container->selected)
		return value;
	item_scope(execution, owner, value, index, &random, &scope);
	return olist_dataflow_template(selector, container->input, &scope, failure);
}

/* a limit of ItemBatcher; 0: none. False if the state has failed over it */
static bool
batch_limit(OlistExecution *execution, OlistBranch *owner, OlistContainer *container,
			const OlistJson *batcher, const char *name, int64 *limit)
{
	const OlistJson *field;

	*limit = 0;
	if (!number_field(execution, owner, batcher, container->input, name, true, &field))
		return false;
	if (field != NULL && (!olist_json_to_int64(field, limit) || *limit <= 0))
		return out_of_range(execution, owner, psprintf("%s must be positive.", name));
	return true;
}

/* items become batches of selected items; false if the state has failed over it */
static bool
make_batches(OlistExecution *execution, OlistBranch *owner, OlistContainer *container)
{
	const OlistJson *batcher = olist_json_get(owner->state->json, "ItemBatcher");
	const OlistJson *template = olist_json_get(batcher, "BatchInput");
	OlistJson *batches = olist_json_array();
	OlistJson *batch = NULL;
	OlistJson *batch_input = NULL;
	OlistRandom random;
	OlistScope scope;
	OlistFailure failure;
	int64 max_items;
	int64 max_bytes;
	int64 bytes = 0;

	if (batcher == NULL)
		return true;
	if (!batch_limit(execution, owner, container, batcher, "MaxItemsPerBatch", &max_items) ||
		!batch_limit(execution, owner, container, batcher, "MaxInputBytesPerBatch", &max_bytes))
		return false;
	olist_branch_scope(execution, owner, &random, &scope);
	if (template != NULL)
	{
		batch_input = olist_dataflow_template(template, container->input, &scope, &failure);
		if (batch_input == NULL)
		{
			olist_branch_runtime_failure(execution, owner, &failure);
			return false;
		}
	}
	for (int i = 0; i < container->items->count; i++)
	{
		OlistJson *item =
			select_item(execution, owner, container, container->items->items[i], i, &failure);
		int64 size;

		if (item == NULL)
		{
			olist_branch_runtime_failure(execution, owner, &failure);
			return false;
		}
		size = olist_json_size(item) + 1;
		if (batch == NULL || (max_items > 0 && batch->count >= max_items) ||
			(max_bytes > 0 && bytes + size > max_bytes))
		{
			OlistJson *holder = olist_json_object();

			batch = olist_json_array();
			bytes = 0;
			if (batch_input != NULL)
				olist_json_set(holder, "BatchInput", batch_input);
			olist_json_set(holder, "Items", batch);
			olist_json_append(batches, holder);
		}
		olist_json_append(batch, item);
		bytes += size;
	}
	container->items = batches;
	container->selected = true;
	return true;
}

/* the items of an ItemReader, or NULL with failure filled */
static OlistJson *
read_items(OlistExecution *execution, OlistBranch *owner, const OlistJson *input,
		   OlistFailure *failure)
{
	const OlistJson *reader = olist_json_get(owner->state->json, "ItemReader");
	const OlistJson *config = olist_json_get(reader, "ReaderConfig");
	const OlistJson *parameters = olist_json_get(reader, "Parameters");
	const OlistJson *path = olist_json_get(config, "MaxItemsPath");
	OlistJson *request = olist_json_copy_shallow(reader);
	OlistRandom random;
	OlistScope scope;
	OlistJson *value;

	olist_branch_scope(execution, owner, &random, &scope);
	if (parameters != NULL)
	{
		value = olist_dataflow_template(parameters, input, &scope, failure);
		if (value == NULL)
			return NULL;
		olist_json_set(request, "Parameters", value);
	}
	if (path != NULL)
	{
		OlistJson *evaluated = olist_json_copy_shallow(config);

		value = olist_dataflow_get(path->text, input, &scope, failure);
		if (value == NULL)
			return NULL;
		olist_json_set(evaluated, "MaxItems", value);
		olist_json_set(request, "ReaderConfig", evaluated);
	}
	if (execution->hooks->read_items == NULL)
	{
		failure->error = "States.ItemReaderFailed";
		failure->cause = "No reader of items is available here.";
		return NULL;
	}
	return execution->hooks->read_items(execution->hooks->arg, request, failure);
}

/* the array that ItemsPath leads to, or NULL with failure filled */
static OlistJson *
items_at_path(OlistExecution *execution, OlistBranch *owner, const OlistJson *input,
			  OlistFailure *failure)
{
	const OlistJson *path = olist_json_get(owner->state->json, "ItemsPath");
	OlistRandom random;
	OlistScope scope;
	OlistJson *items;

	olist_branch_scope(execution, owner, &random, &scope);
	items = olist_dataflow_path(owner->state->json, "ItemsPath", input, &scope, failure);
	if (items != NULL && items->type != OLIST_JSON_ARRAY)
	{
		olist_dataflow_no_array(path, failure);
		return NULL;
	}
	return items;
}

/* ---------- starting ---------- */

static OlistContainer *
create_container(OlistBranch *owner)
{
	MemoryContext context =
		AllocSetContextCreate(owner->context, "olist container", ALLOCSET_DEFAULT_SIZES);
	OlistContainer *container = MemoryContextAllocZero(context, sizeof(OlistContainer));

	container->context = context;
	container->owner = owner;
	dlist_init(&container->live);
	container->recalled = owner->resume_scope != 0;
	container->scope = owner->resume_scope;
	owner->resume_scope = 0;
	return container;
}

/* the container is complete: let its branches run */
static void
run_container(OlistExecution *execution, OlistContainer *container)
{
	OlistBranch *owner = container->owner;
	MemoryContext previous = MemoryContextSwitchTo(container->context);

	container->last_id = owner->last_id;
	container->results = palloc0(Max(container->total, 1) * sizeof(OlistJson *));
	MemoryContextSwitchTo(previous);
	owner->inner = container;
	owner->phase = OLIST_PHASE_CONTAINER;
	start_more(execution, container);
}

static void
start_parallel(OlistExecution *execution, OlistBranch *owner, OlistJson *input)
{
	OlistContainer *container = create_container(owner);
	MemoryContext previous = MemoryContextSwitchTo(container->context);

	container->input = olist_json_copy(input);
	MemoryContextSwitchTo(previous);
	container->total = owner->state->part_count;
	if (!container->recalled)
		container->scope = olist_event_emit(execution, owner, "ParallelStateStarted", NULL);
	run_container(execution, container);
}

/* note that a Map begins with `length` items known */
static void
note_map_started(OlistExecution *execution, OlistContainer *container, int length)
{
	OlistBranch *owner = container->owner;
	OlistJson *details = olist_json_object();

	if (container->recalled)
		return;
	olist_json_set(details, "length", olist_json_int(length));
	container->scope = olist_event_emit(execution, owner, "MapStateStarted", details);
}

static void
note_run_started(OlistExecution *execution, OlistContainer *container)
{
	if (container->owner->state->distributed && !container->recalled)
		olist_event_emit(execution, container->owner, "MapRunStarted", NULL);
}

/* a Map fails before any iteration: its container never ran */
static void
reader_failed(OlistExecution *execution, OlistContainer *container, const OlistFailure *failure)
{
	OlistBranch *owner = container->owner;

	if (owner->state->distributed)
		olist_event_emit(execution, owner, "MapRunFailed", olist_event_failure(failure));
	owner->inner = container;
	olist_branch_failure(execution, owner, failure);
}

/* is `part` itself, not something equal, in `whole`? */
static bool
holds(const OlistJson *whole, const OlistJson *part)
{
	check_stack_depth();
	if (whole == part)
		return true;
	for (int i = 0; whole->type == OLIST_JSON_ARRAY && i < whole->count; i++)
		if (holds(whole->items[i], part))
			return true;
	for (int i = 0; whole->type == OLIST_JSON_OBJECT && i < whole->count; i++)
		if (holds(whole->members[i].value, part))
			return true;
	return false;
}

static void
start_map(OlistExecution *execution, OlistBranch *owner, OlistJson *input)
{
	OlistContainer *container = create_container(owner);
	bool has_reader = olist_json_get(owner->state->json, "ItemReader") != NULL;
	OlistFailure failure;
	MemoryContext previous;

	container->input = input;
	if (!has_reader)
	{
		container->items = items_at_path(execution, owner, input, &failure);
		if (container->items == NULL)
		{
			olist_branch_runtime_failure(execution, owner, &failure);
			return;
		}
	}
	note_map_started(execution, container, has_reader ? 0 : container->items->count);
	if (!set_tolerance(execution, owner, container) ||
		!set_concurrency(execution, owner, container))
		return;
	note_run_started(execution, container);
	if (has_reader)
	{
		container->items = read_items(execution, owner, input, &failure);
		if (container->items == NULL)
		{
			reader_failed(execution, container, &failure);
			return;
		}
	}
	if (!make_batches(execution, owner, container))
		return;
	previous = MemoryContextSwitchTo(container->context);

	/* what is part of the owner's input stays while the container runs */
	if (!holds(owner->input, container->items))
		container->items = olist_json_copy(container->items);
	if (!holds(owner->input, input))
		container->input = olist_json_copy(input);
	container->slot_events = palloc0(container->concurrency * sizeof(int64));
	container->slot_taken = palloc0(container->concurrency * sizeof(bool));
	MemoryContextSwitchTo(previous);
	container->total = container->items->count;
	run_container(execution, container);
}

void
olist_container_start(OlistExecution *execution, OlistBranch *owner)
{
	const OlistJson *state = owner->state->json;
	const OlistJson *parameters = olist_json_get(state, "Parameters");
	OlistRandom random;
	OlistScope scope;
	OlistFailure failure;
	OlistJson *input;

	olist_branch_scope(execution, owner, &random, &scope);
	input = olist_dataflow_path(state, "InputPath", owner->input, &scope, &failure);
	if (input != NULL && owner->state->kind == OLIST_STATE_PARALLEL && parameters != NULL)
		input = olist_dataflow_template(parameters, input, &scope, &failure);
	if (input == NULL)
		olist_branch_runtime_failure(execution, owner, &failure);
	else if (owner->state->kind == OLIST_STATE_PARALLEL)
		start_parallel(execution, owner, input);
	else
		start_map(execution, owner, input);
}

/* ---------- iterations ---------- */

static OlistJson *
iteration_details(OlistContainer *container, int item)
{
	OlistJson *details = olist_json_object();

	olist_json_set(details, "name", olist_json_string(container->owner->state->name));
	olist_json_set(details, "index", olist_json_int(item));
	return details;
}

/* stop the branches that run, because of the event last_id */
static void
stop_branches(OlistExecution *execution, OlistContainer *container, int64 last_id)
{
	bool is_map = container->owner->state->kind == OLIST_STATE_MAP;
	dlist_iter iter;

	dlist_foreach(iter, &container->live)
	{
		OlistBranch *branch = dlist_container(OlistBranch, sibling, iter.cur);
		bool inside = branch->phase != OLIST_PHASE_ENTER;
		const char *aborted = inside ? olist_event_aborted(branch->state->kind) : NULL;

		if (is_map)
			olist_event_emit_aside(execution, branch, "MapIterationAborted", last_id,
								   iteration_details(container, branch->item));
		if (aborted != NULL)
			olist_event_emit_aside(execution, branch, aborted, last_id, NULL);
		olist_branch_destroy(execution, branch);
	}
	dlist_init(&container->live);
}

/* stop what runs, and let the owner fail; its chain goes on from last_id */
static void
fail_container(OlistExecution *execution, OlistContainer *container, int64 last_id,
			   const OlistFailure *failure)
{
	OlistBranch *owner = container->owner;

	stop_branches(execution, container, last_id);
	if (owner->state->distributed)
		olist_event_emit(execution, owner, "MapRunFailed", olist_event_failure(failure));
	else
		owner->last_id = last_id;
	olist_branch_failure(execution, owner, failure);
}

static OlistBranch *
create_child(OlistExecution *execution, OlistContainer *container, int item,
			 const OlistSequence *sequence, const OlistJson *input)
{
	OlistBranch *branch = olist_branch_create(execution, container->context, sequence, input);

	olist_branch_replace_input(branch, input);
	branch->container = container;
	branch->scope = container->scope;
	branch->item = item;
	branch->variables = container->owner->variables;
	dlist_push_tail(&container->live, &branch->sibling);
	return branch;
}

/* take a slot of MaxConcurrency; the chain goes on from the slot's latest iteration */
static void
take_slot(OlistContainer *container, OlistBranch *branch)
{
	int slot = 0;

	if (container->slots < container->concurrency)
	{
		slot = container->slots++;
		container->slot_events[slot] = container->last_id;
	}
	else
	{
		while (container->slot_taken[slot])
			slot++;
	}
	container->slot_taken[slot] = true;
	branch->slot = slot;
	branch->last_id = container->slot_events[slot];
}

static void
keep_result(OlistContainer *container, int item, const OlistJson *result)
{
	MemoryContext previous = MemoryContextSwitchTo(container->context);

	container->results[item] = olist_json_copy(result);
	MemoryContextSwitchTo(previous);
	container->ended++;
}

/* start branch number container->next, or recall it; false if the state has failed over it */
static bool
start_child(OlistExecution *execution, OlistContainer *container)
{
	OlistBranch *owner = container->owner;
	bool is_map = owner->state->kind == OLIST_STATE_MAP;
	int item = container->next++;
	const OlistJson *input = container->input;
	OlistRecall recall = {0};
	OlistFailure failure;
	OlistBranch *branch;

	if (container->recalled)
	{
		execution->hooks->recall(execution->hooks->arg, container->scope, item, &recall);
		if (recall.ended)
		{
			keep_result(container, item, recall.output);
			return true;
		}
	}
	if (is_map)
	{
		input =
			select_item(execution, owner, container, container->items->items[item], item, &failure);
		if (input == NULL)
		{
			owner->last_id = container->last_id;
			stop_branches(execution, container, owner->last_id);
			olist_branch_runtime_failure(execution, owner, &failure);
			return false;
		}
	}
	branch =
		create_child(execution, container, item, &owner->state->parts[is_map ? 0 : item], input);
	if (is_map)
		take_slot(container, branch);
	else
		branch->last_id = container->last_id;
	if (recall.started)
		olist_branch_recall(execution, branch, &recall);
	else
	{
		if (is_map)
			olist_event_emit(execution, branch, "MapIterationStarted",
							 iteration_details(container, item));
		olist_branch_make_ready_last(execution, branch, OLIST_PHASE_ENTER);
	}
	return true;
}

/* start what may run; when nothing is left, the owner is ready to collect */
static void
start_more(OlistExecution *execution, OlistContainer *container)
{
	OlistBranch *owner = container->owner;
	bool is_map = owner->state->kind == OLIST_STATE_MAP;

	while (container->next < container->total &&
		   (!is_map || container->next - container->ended < container->concurrency))
	{
		if (!start_child(execution, container))
			return;
	}
	if (container->ended == container->total)
		olist_branch_make_ready(execution, owner, OLIST_PHASE_COLLECT);
}

/* the branch has its result: make room for the next */
static void
release(OlistExecution *execution, OlistContainer *container, OlistBranch *branch)
{
	if (container->slot_taken != NULL)
	{
		container->slot_taken[branch->slot] = false;
		container->slot_events[branch->slot] = branch->last_id;
	}
	dlist_delete(&branch->sibling);
	olist_branch_destroy(execution, branch);
	start_more(execution, container);
}

void
olist_container_branch_ended(OlistExecution *execution, OlistBranch *branch,
							 const OlistJson *output)
{
	OlistContainer *container = branch->container;

	keep_result(container, branch->item, output);
	container->last_id = branch->last_id;
	if (container->items != NULL)
		container->last_id =
			olist_event_emit_aside(execution, branch, "MapIterationSucceeded", branch->last_id,
								   iteration_details(container, branch->item));
	release(execution, container, branch);
}

/* have more items failed than may? */
static bool
over_tolerance(const OlistContainer *container)
{
	if (!container->has_tolerance)
		return true;
	if (container->tolerated_count < 0 && container->tolerated_percentage < 0)
		return container->failed > 0;
	return (container->tolerated_count >= 0 && container->failed > container->tolerated_count) ||
		   (container->tolerated_percentage >= 0 &&
			container->failed * 100.0 / container->total > container->tolerated_percentage);
}

void
olist_container_branch_failed(OlistExecution *execution, OlistBranch *branch,
							  const OlistFailure *failure)
{
	OlistContainer *container = branch->container;
	int64 last_id = branch->last_id;
	const char *aborted = olist_event_aborted(branch->state->kind);
	OlistFailure exceeded = {.error = "States.ExceedToleratedFailureThreshold",
							 .cause = "The specified tolerated failure threshold was exceeded"};

	container->failed++;
	if (container->items != NULL)
	{
		int64 event = olist_event_emit_aside(execution, branch, "MapIterationFailed", last_id,
											 iteration_details(container, branch->item));

		if (!over_tolerance(container))
		{
			OlistJson *result = olist_json_object();

			olist_json_set(result, "Error",
						   olist_json_string(failure->error == NULL ? "" : failure->error));
			olist_json_set(result, "Cause",
						   olist_json_string(failure->cause == NULL ? "" : failure->cause));
			keep_result(container, branch->item, result);
			container->last_id = event;
			release(execution, container, branch);
			return;
		}
	}
	if (aborted != NULL)
		olist_event_emit_aside(execution, branch, aborted, last_id, NULL);
	dlist_delete(&branch->sibling);
	olist_branch_destroy(execution, branch);
	fail_container(execution, container, last_id, container->has_tolerance ? &exceeded : failure);
}

void
olist_container_collect(OlistExecution *execution, OlistBranch *owner)
{
	OlistContainer *container = owner->inner;
	bool is_map = owner->state->kind == OLIST_STATE_MAP;
	OlistJson *results = olist_json_array();

	for (int i = 0; i < container->total; i++)
		olist_json_append(results, container->results[i]);
	if (owner->state->distributed)
		olist_event_emit(execution, owner, "MapRunSucceeded", NULL);
	else
		owner->last_id = container->last_id;
	olist_event_emit_aside(execution, owner,
						   is_map ? "MapStateSucceeded" : "ParallelStateSucceeded", owner->last_id,
						   NULL);
	owner->inner = NULL;
	owner->phase = OLIST_PHASE_WORK;
	MemoryContextSetParent(container->context, execution->scratch);
	olist_branch_result(execution, owner, results);
}
