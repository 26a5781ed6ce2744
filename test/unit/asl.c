/*
 * unit/asl.c
 *		States Language under sanitizers: text to trees and back, paths and calls,
 *		and whole executions that are driven, failed, stopped and resumed at random.
 *
 * Documents and expressions are made of the pieces that matter, and then
 * damaged. An execution runs a random state machine whose tasks succeed, fail
 * or never answer; it is cancelled or interrupted at a random moment, and then
 * resumed from nothing but its events. It must always come to an end, with a
 * history that chains, no task of it asked for twice at a time, and no memory
 * used that has been freed.
 *
 *		asl [iterations [seed]]		test, writes TAP
 *
 * Built with -DFUZZ it is a libFuzzer target over the text functions.
 */
#include "postgres.h"

#include "random.h"
#include "server.h"

#include "asl/choice.h"
#include "asl/definition.h"
#include "asl/items.h"
#include "asl/validate.h"
#include "lib/pairingheap.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"

/* ---------- what the executor needs of the server beyond server.c ---------- */

void *
repalloc_huge(void *pointer, Size size)
{
	return repalloc(pointer, size);
}

void
olist_validate_or_raise(const OlistProblems *problems)
{
	CHECK(problems->count == 0);
}

/* a heap of few nodes: the first is looked for */
pairingheap *
pairingheap_allocate(pairingheap_comparator compare, void *arg)
{
	pairingheap *heap = palloc0(sizeof(pairingheap));

	heap->ph_compare = compare;
	heap->ph_arg = arg;
	return heap;
}

void
pairingheap_add(pairingheap *heap, pairingheap_node *node)
{
	node->next_sibling = heap->ph_root;
	heap->ph_root = node;
}

pairingheap_node *
pairingheap_first(pairingheap *heap)
{
	pairingheap_node *first = heap->ph_root;

	for (pairingheap_node *node = heap->ph_root; node != NULL; node = node->next_sibling)
	{
		if (heap->ph_compare(node, first, heap->ph_arg) > 0)
			first = node;
	}
	return first;
}

void
pairingheap_remove(pairingheap *heap, pairingheap_node *node)
{
	pairingheap_node **link = &heap->ph_root;

	while (*link != node)
		link = &(*link)->next_sibling;
	*link = node->next_sibling;
}

pairingheap_node *
pairingheap_remove_first(pairingheap *heap)
{
	pairingheap_node *first = pairingheap_first(heap);

	pairingheap_remove(heap, first);
	return first;
}

/* a hash table of few entries: a list, each entry starting with its key of 8 bytes */
struct HTAB
{
	MemoryContext context;
	Size entry_size;
	struct HashEntry *first;
};

typedef struct HashEntry
{
	struct HashEntry *next;
	int64 data[FLEXIBLE_ARRAY_MEMBER];
} HashEntry;

HTAB *
hash_create(const char *name, long elements, const HASHCTL *info, int flags)
{
	HTAB *table = MemoryContextAllocZero(info->hcxt, sizeof(HTAB));

	table->context = info->hcxt;
	table->entry_size = info->entrysize;
	return table;
}

void *
hash_search(HTAB *table, const void *key, HASHACTION action, bool *found)
{
	HashEntry **link = &table->first;
	HashEntry *entry;

	while (*link != NULL && (*link)->data[0] != *(const int64 *) key)
		link = &(*link)->next;
	entry = *link;
	if (action == HASH_REMOVE && entry != NULL)
	{
		*link = entry->next;
		pfree(entry);
		return NULL;
	}
	if (action == HASH_ENTER && entry == NULL)
	{
		entry =
			MemoryContextAllocZero(table->context, offsetof(HashEntry, data) + table->entry_size);
		entry->data[0] = *(const int64 *) key;
		entry->next = table->first;
		table->first = entry;
	}
	return entry == NULL ? NULL : entry->data;
}

/* ---------- documents ---------- */

static void
check_document(const char *text, int len)
{
	OlistJsonError error;
	OlistJson *json = olist_json_parse(text, len, &error);
	OlistJson *again;
	char *printed;
	int printed_len;

	olist_validate_text(text, len);
	if (json == NULL)
	{
		CHECK(error.offset >= 0 && error.offset <= len && error.message != NULL);
		return;
	}
	printed = olist_json_print(json, &printed_len);
	CHECK(olist_json_size(json) == printed_len);
	again = olist_json_parse(printed, printed_len, &error);
	CHECK(again != NULL && olist_json_equal(json, again));
	CHECK(olist_json_equal(json, olist_json_copy(json)));
	if (json->type == OLIST_JSON_OBJECT || json->type == OLIST_JSON_ARRAY)
		CHECK(olist_json_equal(json, olist_json_copy_shallow(json)));
	olist_validate(json, OLIST_RESOURCES_LAMBDA);
	olist_validate_state(json, OLIST_RESOURCES_ANY);
}

/* ---------- expressions ---------- */

static void
check_expression(const char *text, int len)
{
	static const char document[] = "{\"a\": [1, {\"n\": 2, \"a\": \"x\"}, [3]], \"b-c\": {\"a\": "
								   "\"y,z\", \"b\": null}, \"n\": 1.5}";
	OlistJsonError error;
	OlistJson *json = olist_json_parse(document, (int) strlen(document), &error);
	OlistRandom random = {1};
	OlistPathRoots roots = {.input = json, .context = json, .variables = json};
	OlistScope scope = {.context = json, .variables = json, .random = &random};
	OlistFailure failure;
	OlistJson *template = olist_json_object();
	const char *message;
	char *why;
	char *missing;
	OlistPath *path = olist_path_parse(text, len, &message);
	OlistIntrinsic *call = olist_intrinsic_parse(text, len, &message);

	if (path != NULL)
	{
		OlistJson *value = olist_path_get(path, &roots);

		CHECK(value != NULL || olist_path_is_definite(path));
		olist_path_canonical(path);
		if (olist_path_is_reference(path))
		{
			OlistJson *put = olist_path_put(path, json, olist_json_int(7));

			roots.input = put;
			if (put != NULL)
				CHECK(olist_json_equal(olist_path_get(path, &roots), olist_json_int(7)));
			roots.input = json;
		}
	}
	if (call != NULL)
		CHECK(olist_intrinsic_call(call, &roots, &random, &why, &missing) != NULL || why != NULL);
	olist_json_set(template, "v.$", olist_json_string_n(text, len));
	olist_dataflow_template(template, json, &scope, &failure);
}

#ifdef FUZZ

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = pnstrdup((const char *) data, size);

	check_document(text, (int) strlen(text));
	check_expression(text, (int) strlen(text));
	MemoryContextReset(CurrentMemoryContext);
	if (failures > 0)
		abort();
	return 0;
}

#else

/* ---------- random things ---------- */

static const char *
random_piece(const char *const *pieces, size_t count)
{
	return pieces[random_number((uint32) count)];
}

#define PIECE(pieces) random_piece(pieces, lengthof(pieces))

static void
append_document(StringInfo buf, int depth)
{
	static const char *const scalars[] = {"null",
										  "true",
										  "false",
										  "0",
										  "-0",
										  "1.50",
										  "1E3",
										  "-12e-3",
										  "123456789012345678901",
										  "\"\"",
										  "\"a\"",
										  "\"\\u00e9\\n\\\\\"",
										  "\"\\ud83d\\ude00\"",
										  "\"x y\"",
										  "\"2024-01-01T00:00:00Z\"",
										  "\"$.a\"",
										  "\"\\u0000\""};
	static const char *const keys[] = {"\"a\"", "\"b-c\"",	  "\"a.$\"",  "\"\"",
									   "\"n\"", "\"States\"", "\"Type\"", "\"\\u0000\""};
	uint32 shape = depth > 4 ? 0 : random_number(4);

	if (shape < 2)
		appendStringInfoString(buf, PIECE(scalars));
	else
	{
		appendStringInfoChar(buf, shape == 2 ? '[' : '{');
		for (uint32 i = random_number(4) * (random_number(20) == 0 ? 12 : 1); i > 0; i--)
		{
			if (shape == 3 && random_number(3) == 0)
				appendStringInfo(buf, "\"k%u\":", random_number(40));
			else if (shape == 3)
				appendStringInfo(buf, "%s: ", PIECE(keys));
			append_document(buf, depth + 1);
			appendStringInfoString(buf, i > 1 ? "," : "");
		}
		appendStringInfoChar(buf, shape == 2 ? ']' : '}');
	}
}

/* unlike damage(), any byte may come, NUL too, and none goes */
static void
overwrite(StringInfo buf)
{
	for (uint32 i = random_number(3); i > 0 && buf->len > 0; i--)
		buf->data[random_number(buf->len)] = (char) random_number(256);
}

static void
append_expression(StringInfo buf)
{
	static const char *const pieces[] = {"$",
										 "$",
										 "$$",
										 ".a",
										 ".b-c",
										 "[0]",
										 "[-1]",
										 "[1:]",
										 "[:2]",
										 "[*]",
										 ".*",
										 "..",
										 "['a']",
										 "[\"b\"]",
										 "[?(@.n > 1)]",
										 "[?(@.a == 'x' && !(@.b))]",
										 "[0,1]",
										 "[(@.length-1)]",
										 " ",
										 "(",
										 ")",
										 ",",
										 "'x'",
										 "'\\''",
										 "1",
										 "-1.5",
										 "null",
										 "States.Array(",
										 "States.Format('{}',",
										 "States.MathAdd(",
										 "States.JsonToString(",
										 "States.StringSplit(",
										 "States.UUID()",
										 "States.ArrayRange(",
										 "States.Base64Decode(",
										 "States.Hash(",
										 "States.ArrayUnique(",
										 "States.JsonMerge(",
										 "States.StringToJson(",
										 "States.ArrayPartition(",
										 "{",
										 "}",
										 "\\",
										 "@",
										 "?",
										 "]",
										 "[",
										 "$v",
										 "x"};

	for (uint32 i = 1 + random_number(8); i > 0; i--)
		appendStringInfoString(buf, PIECE(pieces));
}

/* ---------- patterns, items, times ---------- */

/* the definition of StringMatches, spelt out */
static bool
matches_slowly(const char *text, const char *pattern)
{
	if (*pattern == '\0')
		return *text == '\0';
	if (*pattern == '*')
		return matches_slowly(text, pattern + 1) ||
			   (*text != '\0' && matches_slowly(text + 1, pattern));
	if (*pattern == '\\' && pattern[1] != '\0')
		pattern++;
	return *text == *pattern && matches_slowly(text + 1, pattern + 1);
}

static void
check_texts(void)
{
	static const char *const config[] = {
		"{\"Resource\": \"x\", \"ReaderConfig\": {\"InputType\": \"CSV\"}}",
		"{\"Resource\": \"x\", \"ReaderConfig\": {\"InputType\": \"CSV\", \"CSVHeaderLocation\": "
		"\"GIVEN\", \"CSVHeaders\": [\"a\", \"b\"], \"MaxItems\": 3}}",
		"{\"Resource\": \"x\"}"};
	static const char *const cells[] = {"a", "b", ",", ",", "\n", "\r\n", "\"", "\"\"", " "};
	static const char *const letters[] = {"a", "b", "*", "\\", "*"};
	static const char *const times[] = {"2024", "-",  "01", "02", "29",		"T",
										":",	"12", ".5", "Z",  "+01:00", "2024-02-29T12:00"};
	StringInfoData text;
	StringInfoData pattern;
	const char *reader = PIECE(config);
	OlistJsonError error;
	OlistFailure failure;
	OlistTime time;
	char formatted[OLIST_TIMESTAMP_LEN];

	initStringInfo(&text);
	initStringInfo(&pattern);
	for (uint32 i = random_number(8); i > 0; i--)
		appendStringInfoString(&text, PIECE(letters));
	for (uint32 i = random_number(6); i > 0; i--)
		appendStringInfoString(&pattern, PIECE(letters));
	CHECK(olist_choice_matches(text.data, text.len, pattern.data, pattern.len) ==
		  matches_slowly(text.data, pattern.data));

	text.len = 0;
	for (uint32 i = random_number(20); i > 0; i--)
		appendStringInfoString(&text, PIECE(cells));
	olist_items_parse(olist_json_parse(reader, (int) strlen(reader), &error), text.data, text.len,
					  &failure);

	text.len = 0;
	text.data[0] = '\0';
	for (uint32 i = random_number(12); i > 0; i--)
		appendStringInfoString(&text, PIECE(times));
	if (olist_timestamp_parse(text.data, &time))
	{
		OlistTime again;

		olist_timestamp_format(time, formatted);
		CHECK(olist_timestamp_parse(formatted, &again) && again == time - time % 1000);
	}
}

/* ---------- executions ---------- */

static int state_number;

/* a sequence of states, as the inside of a machine */
static void
append_sequence(StringInfo buf, int depth)
{
	int first = state_number;
	int count = 1 + (int) random_number(3);

	state_number += count;
	appendStringInfo(buf, "\"StartAt\":\"s%d\",\"States\":{", first);
	for (int i = first; i < first + count; i++)
	{
		static const char *const handlers[] = {
			"", "\"Retry\":[{\"ErrorEquals\":[\"States.ALL\"],\"MaxAttempts\":1}],",
			"\"Retry\":[{\"ErrorEquals\":[\"A\"],\"MaxAttempts\":2,\"JitterStrategy\":\"FULL\"}],"};
		uint32 kind = random_number(depth < 3 ? 6 : 4);
		bool last = i == first + count - 1;

		appendStringInfo(buf, "\"s%d\":{", i);
		if (kind == 0)
			appendStringInfoString(buf, "\"Type\":\"Pass\",\"Parameters\":{\"v.$\":\"$\"},"
										"\"Assign\":{\"x.$\":\"$\"},");
		else if (kind == 1)
			appendStringInfo(buf, "\"Type\":\"Wait\",\"Seconds\":%u,", random_number(5));
		else if (kind < 4)
			appendStringInfo(buf, "\"Type\":\"Task\",\"Resource\":\"olist:t\",%s%s",
							 PIECE(handlers), random_number(2) == 0 ? "\"TimeoutSeconds\":3," : "");
		else if (kind == 4)
		{
			appendStringInfo(buf, "\"Type\":\"Parallel\",%s\"Branches\":[", PIECE(handlers));
			for (uint32 b = 1 + random_number(3); b > 0; b--)
			{
				appendStringInfoChar(buf, '{');
				append_sequence(buf, depth + 1);
				appendStringInfoString(buf, b > 1 ? "}," : "}");
			}
			appendStringInfoString(buf, "],");
		}
		else
		{
			appendStringInfo(
				buf,
				"\"Type\":\"Map\",%s\"MaxConcurrency\":%u,%s\"ItemsPath\":"
				"\"$$.Execution.Input\",\"ItemProcessor\":{%s",
				PIECE(handlers), random_number(4),
				random_number(2) == 0 ? "\"ToleratedFailureCount\":1," : "",
				random_number(3) == 0 ? "\"ProcessorConfig\":{\"Mode\":\"DISTRIBUTED\"}," : "");
			append_sequence(buf, depth + 1);
			appendStringInfoString(buf, "},");
		}
		if (kind > 1 && !last && random_number(3) == 0)
			appendStringInfo(buf,
							 "\"Catch\":[{\"ErrorEquals\":[\"States.ALL\"],\"ResultPath\":null,"
							 "\"Next\":\"s%d\"}],",
							 i + 1);
		if (last)
			appendStringInfoString(buf, "\"End\":true}");
		else
			appendStringInfo(buf, "\"Next\":\"s%d\"},", i + 1);
	}
	appendStringInfoChar(buf, '}');
}

typedef struct Driver
{
	OlistTime now;
	MemoryContext context; /* of what is kept: events, pending tasks */
	OlistEvent *events;
	int count;
	int capacity;
	int full_after; /* events between two BUSY, 0: there are none */
	int stored;		/* of the events, at the last BUSY or IDLE */
	int64 pending[10000];
	int pending_count;
} Driver;

static OlistTime
driver_now(void *arg)
{
	return ((Driver *) arg)->now;
}

static void
driver_emit(void *arg, const OlistEvent *event)
{
	Driver *driver = arg;
	MemoryContext previous = MemoryContextSwitchTo(driver->context);
	OlistEvent *kept;

	CHECK(event->id == driver->count + 1);
	CHECK(event->previous_id < event->id);
	if (driver->count == driver->capacity)
	{
		driver->capacity = Max(64, driver->capacity * 2);
		driver->events = driver->events == NULL
							 ? palloc(driver->capacity * sizeof(OlistEvent))
							 : repalloc(driver->events, driver->capacity * sizeof(OlistEvent));
	}
	kept = &driver->events[driver->count++];
	*kept = *event;
	kept->details = event->details == NULL ? NULL : olist_json_copy(event->details);
	MemoryContextSwitchTo(previous);
}

static bool
driver_full(void *arg)
{
	const Driver *driver = arg;

	return driver->full_after > 0 && driver->count - driver->stored >= driver->full_after;
}

static void
driver_recall(void *arg, int64 scope, int item, OlistRecall *recall)
{
	Driver *driver = arg;

	olist_recall_init(recall);
	for (int i = 0; i < driver->count; i++)
	{
		if (driver->events[i].scope == scope && driver->events[i].item == item)
			olist_recall_event(recall, &driver->events[i]);
	}
}

static int
find_pending(const Driver *driver, int64 task)
{
	for (int i = 0; i < driver->pending_count; i++)
	{
		if (driver->pending[i] == task)
			return i;
	}
	return -1;
}

static void
forget_pending(Driver *driver, int at)
{
	driver->pending[at] = driver->pending[--driver->pending_count];
}

/* one task answers, or time passes until `until`; false if nothing can happen any more */
static bool
let_happen(Driver *driver, OlistExecution *execution, OlistTime until, bool hopeful)
{
	if (driver->pending_count > 0 && (until == OLIST_TIME_NEVER || random_number(4) > 0))
	{
		int at = (int) random_number(driver->pending_count);
		int64 task = driver->pending[at];
		OlistJsonError error;
		OlistFailure failure = {.error = random_number(2) == 0 ? "A" : "States.Timeout"};

		forget_pending(driver, at);
		if (random_number(2) == 0)
			olist_execution_task_started(execution, task);
		if (hopeful || random_number(5) > 0)
			olist_execution_task_succeeded(execution, task,
										   olist_json_parse("{\"r\": [1]}", 10, &error));
		else
			olist_execution_task_failed(execution, task, &failure);
		olist_execution_task_succeeded(execution, task, olist_json_null());
		return true;
	}
	if (until == OLIST_TIME_NEVER)
		return false;
	driver->now = Max(driver->now, until);
	return true;
}

/*
 * Drive until the end, or until patience is over: then cancel, or leave it as a
 * process that died.
 */
static OlistStatus
drive(Driver *driver, OlistExecution *execution, int patience, bool hopeful)
{
	OlistAction action;

	driver->pending_count = 0;
	for (int i = 0;; i++)
	{
		CHECK(i < 100000);
		switch (olist_execution_next(execution, &action))
		{
			case OLIST_ACTION_TASK:
				CHECK(find_pending(driver, action.task) < 0);
				CHECK(action.payload != NULL && action.attempt >= 0);
				driver->pending[driver->pending_count++] = action.task;
				break;
			case OLIST_ACTION_STOP_TASK:
				CHECK(find_pending(driver, action.task) >= 0);
				if (find_pending(driver, action.task) >= 0)
					forget_pending(driver, find_pending(driver, action.task));
				break;
			case OLIST_ACTION_BUSY:
				CHECK(driver->count > driver->stored);
				driver->stored = driver->count;
				if (i >= patience)
					return OLIST_STATUS_RUNNING;
				break;
			case OLIST_ACTION_IDLE:
				driver->stored = driver->count;
				if (i >= patience)
				{
					if (random_number(2) == 0)
						return OLIST_STATUS_RUNNING;
					olist_execution_cancel(execution, NULL);
				}
				else
					CHECK(let_happen(driver, execution, action.until, hopeful));
				break;
			case OLIST_ACTION_DONE:
				CHECK(driver->pending_count == 0);
				return action.status;
		}
	}
}

static void
check_execution(void)
{
	MemoryContext context =
		AllocSetContextCreate(CurrentMemoryContext, "execution", ALLOCSET_DEFAULT_SIZES);
	MemoryContext previous = MemoryContextSwitchTo(context);
	Driver *driver = palloc0(sizeof(Driver));
	OlistHooks hooks = {.arg = driver,
						.now = driver_now,
						.emit = driver_emit,
						.full = driver_full,
						.recall = driver_recall};
	OlistExecutionOptions options = {.map_concurrency = 1 + (int) random_number(3), .seed = 1};
	StringInfoData text;
	OlistJsonError error;
	OlistJson *input = olist_json_parse("[1,2,3,4]", 9, &error);
	OlistJson *definition;
	OlistMachine *machine;
	OlistExecution *execution;
	OlistStatus status;

	state_number = 0;
	initStringInfo(&text);
	appendStringInfoChar(&text, '{');
	append_sequence(&text, 0);
	appendStringInfoChar(&text, '}');
	definition = olist_json_parse(text.data, text.len, &error);
	CHECK(definition != NULL && olist_validate(definition, OLIST_RESOURCES_OWN)->count == 0);
	machine = olist_definition_build(definition);
	driver->context = context;
	driver->full_after = (int) random_number(8);
	execution = olist_execution_start(machine, input, &options, &hooks);
	status = drive(driver, execution, (int) random_number(60), false);
	olist_execution_end(execution);
	for (int redrive = 1; status != OLIST_STATUS_SUCCEEDED && redrive < 8; redrive++)
	{
		bool hopeful = redrive > 3;

		execution =
			olist_execution_resume(machine, input, &options, &hooks, driver->count, redrive);
		status = drive(driver, execution, hopeful ? 10000 : (int) random_number(60), hopeful);
		olist_execution_end(execution);
		driver->now += 1000000;
	}
	CHECK(strcmp(driver->events[driver->count - 1].type,
				 status == OLIST_STATUS_SUCCEEDED ? "ExecutionSucceeded" : "ExecutionFailed") == 0);
	if (failures > 0)
		fprintf(stderr, "machine: %s\n", text.data);
	MemoryContextSwitchTo(previous);
	MemoryContextDelete(context);
}

/* the output of two loops and what follows them, taken up anew at each BUSY, or never */
static char *
run_loops(int full_after)
{
	static const char text[] =
		"{\"StartAt\":\"both\",\"States\":{\"both\":{\"Type\":\"Parallel\",\"Next\":\"last\","
		"\"Branches\":["
		"{\"StartAt\":\"a\",\"States\":{"
		"\"a\":{\"Type\":\"Pass\",\"Parameters\":{\"n.$\":\"States.MathAdd($.n, "
		"1)\"},\"Next\":\"b\"},"
		"\"b\":{\"Type\":\"Choice\",\"Choices\":[{\"Variable\":\"$.n\",\"NumericLessThan\":20,"
		"\"Assign\":{\"seen.$\":\"$.n\"},\"Next\":\"a\"}],\"Default\":\"c\"},"
		"\"c\":{\"Type\":\"Pass\",\"Parameters\":{\"seen.$\":\"$seen\",\"n.$\":\"$.n\"},\"End\":"
		"true}}},"
		"{\"StartAt\":\"m\",\"States\":{\"m\":{\"Type\":\"Map\",\"ItemsPath\":\"$.items\",\"End\":"
		"true,"
		"\"ItemProcessor\":{\"StartAt\":\"d\",\"States\":{\"d\":{\"Type\":\"Pass\",\"Next\":\"e\"},"
		"\"e\":{\"Type\":\"Pass\",\"End\":true}}}}}}]},"
		"\"last\":{\"Type\":\"Pass\",\"End\":true}}}";
	Driver *driver = palloc0(sizeof(Driver));
	OlistHooks hooks = {.arg = driver,
						.now = driver_now,
						.emit = driver_emit,
						.full = driver_full,
						.recall = driver_recall};
	OlistExecutionOptions options = {.map_concurrency = 2};
	OlistJsonError error;
	OlistJson *input = olist_json_parse("{\"n\":0,\"items\":[5,6,7]}", 23, &error);
	OlistMachine *machine =
		olist_definition_build(olist_json_parse(text, (int) strlen(text), &error));
	OlistExecution *execution;
	OlistAction action;
	int redrives = 0;

	driver->context = CurrentMemoryContext;
	driver->full_after = full_after;
	execution = olist_execution_start(machine, input, &options, &hooks);
	while (olist_execution_next(execution, &action) != OLIST_ACTION_DONE)
	{
		CHECK(action.kind == OLIST_ACTION_BUSY && redrives < 1000);
		driver->stored = driver->count;
		execution =
			olist_execution_resume(machine, input, &options, &hooks, driver->count, ++redrives);
	}
	CHECK(action.status == OLIST_STATUS_SUCCEEDED);
	CHECK((redrives > 0) == (full_after > 0));
	return olist_json_print(action.output, NULL);
}

/* wherever an execution is interrupted, it comes to the same end */
static void
check_loops(void)
{
	char *undisturbed = run_loops(0);

	for (int full_after = 2; full_after < 12; full_after++)
		CHECK(strcmp(run_loops(full_after), undisturbed) == 0);
}

static int
count_contexts(MemoryContext context)
{
	int count = 1;

	for (MemoryContext child = context->firstchild; child != NULL; child = child->nextchild)
		count += count_contexts(child);
	return count;
}

/* a Map of many items has memory for those only that run */
static void
check_large_map(void)
{
	static const char text[] =
		"{\"StartAt\":\"m\",\"States\":{\"m\":{\"Type\":\"Map\",\"End\":true,\"ItemProcessor\":{"
		"\"StartAt\":\"t\",\"States\":{\"t\":{\"Type\":\"Task\",\"Resource\":\"olist:t\",\"End\":"
		"true}}}}}}";
	Driver *driver = palloc0(sizeof(Driver));
	OlistHooks hooks = {
		.arg = driver, .now = driver_now, .emit = driver_emit, .recall = driver_recall};
	OlistExecutionOptions options = {.map_concurrency = 4};
	OlistJson *items = olist_json_array();
	OlistJsonError error;
	OlistExecution *execution;
	OlistAction action;
	int most = 0;

	for (int i = 0; i < 10000; i++)
		olist_json_append(items, olist_json_int(i));
	driver->context = CurrentMemoryContext;
	execution = olist_execution_start(
		olist_definition_build(olist_json_parse(text, (int) strlen(text), &error)), items, &options,
		&hooks);
	while (olist_execution_next(execution, &action) != OLIST_ACTION_DONE)
	{
		if (action.kind == OLIST_ACTION_TASK)
			driver->pending[driver->pending_count++] = action.task;
		else
			let_happen(driver, execution, OLIST_TIME_NEVER, true);
		most = Max(most, count_contexts(CurrentMemoryContext));
	}
	CHECK(action.status == OLIST_STATUS_SUCCEEDED && action.output->count == 10000);
	CHECK(most < 40);
	olist_execution_end(execution);
}

static void
random_document(void)
{
	StringInfoData buf;

	initStringInfo(&buf);
	append_document(&buf, 0);
	if (random_number(2) == 0)
		overwrite(&buf);
	check_document(buf.data, buf.len);
}

static void
random_expression(void)
{
	StringInfoData buf;

	initStringInfo(&buf);
	append_expression(&buf);
	check_expression(buf.data, buf.len);
}

int
main(int argc, char **argv)
{
	static const UnitTest tests[] = {
		{random_document, "documents are read and written without change", 1},
		{random_expression, "paths and calls keep to what is there", 1},
		{check_texts, "patterns, items and times are what they should be", 1},
		{check_execution, "executions end, also after having been interrupted", 10},
		{check_loops, "an execution that is never at rest is taken up anywhere", PG_INT32_MAX},
		{check_large_map, "a Map has memory for the items that run", PG_INT32_MAX}};

	return run_tests(argc, argv, tests, lengthof(tests));
}

#endif
