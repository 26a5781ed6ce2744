/*
 * asl/validate.c
 *		Checking a definition, field by field and then as a graph.
 *
 *		definition ──► fields of each state (check_fields.c) ──► values (check.c)
 *		           └─► transitions: targets exist, states are reached, an end is
 *
 * Nothing here stops at the first problem. A feature that is sound but not
 * executed is reported under its own code with its name, so that a user learns
 * at once what would have to be changed. Codes are those of the asl-validator
 * package where it has one.
 */
#include "postgres.h"

#include "asl/check.h"

#include "asl/definition.h"
#include "miscadmin.h"

#define MAX_STATE_NAME 80
#define MAX_NESTED_MACHINES 50

#define K(kind) (1u << OLIST_STATE_##kind)
#define ALL_KINDS 0xFFu
#define WORKING (K(PASS) | K(TASK) | K(PARALLEL) | K(MAP))
#define FALLIBLE (K(TASK) | K(PARALLEL) | K(MAP))

static const OlistField state_fields[] = {
	{"Type", OLIST_WANT_STRING, ALL_KINDS},
	{"Comment", OLIST_WANT_ANY, ALL_KINDS},
	{"QueryLanguage", OLIST_WANT_STRING, ALL_KINDS},
	{"Next", OLIST_WANT_STRING, WORKING | K(WAIT)},
	{"End", OLIST_WANT_TRUE, WORKING | K(WAIT)},
	{"InputPath", OLIST_WANT_PATH_OR_NULL, ALL_KINDS & ~K(FAIL)},
	{"OutputPath", OLIST_WANT_PATH_OR_NULL, ALL_KINDS & ~K(FAIL)},
	{"ResultPath", OLIST_WANT_RESULT_PATH, WORKING},
	{"Parameters", OLIST_WANT_TEMPLATE, WORKING},
	{"ResultSelector", OLIST_WANT_TEMPLATE, FALLIBLE},
	{"Assign", OLIST_WANT_TEMPLATE, ALL_KINDS & ~(K(FAIL) | K(SUCCEED))},
	{"Retry", OLIST_WANT_RETRY, FALLIBLE},
	{"Catch", OLIST_WANT_CATCH, FALLIBLE},
	{"Result", OLIST_WANT_ANY, K(PASS)},
	{"Resource", OLIST_WANT_RESOURCE, K(TASK)},
	{"TimeoutSeconds", OLIST_WANT_POSITIVE, K(TASK)},
	{"TimeoutSecondsPath", OLIST_WANT_PATH, K(TASK)},
	{"HeartbeatSeconds", OLIST_WANT_UNSUPPORTED, K(TASK)},
	{"HeartbeatSecondsPath", OLIST_WANT_UNSUPPORTED, K(TASK)},
	{"Credentials", OLIST_WANT_UNSUPPORTED, K(TASK)},
	{"Choices", OLIST_WANT_CHOICES, K(CHOICE)},
	{"Default", OLIST_WANT_STRING, K(CHOICE)},
	{"Seconds", OLIST_WANT_WHOLE, K(WAIT)},
	{"SecondsPath", OLIST_WANT_PATH, K(WAIT)},
	{"Timestamp", OLIST_WANT_TIMESTAMP, K(WAIT)},
	{"TimestampPath", OLIST_WANT_PATH, K(WAIT)},
	{"Error", OLIST_WANT_STRING, K(FAIL)},
	{"Cause", OLIST_WANT_STRING, K(FAIL)},
	{"ErrorPath", OLIST_WANT_PATH_OR_CALL, K(FAIL)},
	{"CausePath", OLIST_WANT_PATH_OR_CALL, K(FAIL)},
	{"Branches", OLIST_WANT_BRANCHES, K(PARALLEL)},
	{"ItemProcessor", OLIST_WANT_PROCESSOR, K(MAP)},
	{"Iterator", OLIST_WANT_PROCESSOR, K(MAP)},
	{"ItemsPath", OLIST_WANT_PATH, K(MAP)},
	{"ItemSelector", OLIST_WANT_TEMPLATE, K(MAP)},
	{"ItemReader", OLIST_WANT_READER, K(MAP)},
	{"ItemBatcher", OLIST_WANT_BATCHER, K(MAP)},
	{"MaxConcurrency", OLIST_WANT_WHOLE, K(MAP)},
	{"MaxConcurrencyPath", OLIST_WANT_PATH, K(MAP)},
	{"ToleratedFailureCount", OLIST_WANT_WHOLE, K(MAP)},
	{"ToleratedFailureCountPath", OLIST_WANT_PATH, K(MAP)},
	{"ToleratedFailurePercentage", OLIST_WANT_PERCENTAGE, K(MAP)},
	{"ToleratedFailurePercentagePath", OLIST_WANT_PATH, K(MAP)},
	{"Label", OLIST_WANT_STRING, K(MAP)},
	{"ResultWriter", OLIST_WANT_UNSUPPORTED, K(MAP)},
	{NULL, OLIST_WANT_ANY, 0},
};

static const OlistField machine_fields[] = {
	{"Comment", OLIST_WANT_ANY, 0},			{"QueryLanguage", OLIST_WANT_STRING, 0},
	{"StartAt", OLIST_WANT_STRING, 0},		{"States", OLIST_WANT_ANY, 0},
	{"Version", OLIST_WANT_STRING, 0},		{"TimeoutSeconds", OLIST_WANT_POSITIVE, 0},
	{"ProcessorConfig", OLIST_WANT_ANY, 0}, {NULL, OLIST_WANT_ANY, 0},
};

static const OlistExclusive state_exclusives[] = {
	{"TimeoutSeconds", "TimeoutSecondsPath", "TASK_TIMEOUT"},
	{"HeartbeatSeconds", "HeartbeatSecondsPath", "TASK_HEARTBEAT"},
	{"Error", "ErrorPath", "FAIL_ERROR_PROPERTY"},
	{"Cause", "CausePath", "FAIL_CAUSE_PROPERTY"},
	{"MaxConcurrency", "MaxConcurrencyPath", "MAP_MAX_CONCURRENCY"},
	{"ToleratedFailureCount", "ToleratedFailureCountPath", "MAP_TOLERATED_FAILURE"},
	{"ToleratedFailurePercentage", "ToleratedFailurePercentagePath", "MAP_TOLERATED_FAILURE"},
	{"ItemSelector", "Parameters", OLIST_SCHEMA},
};

/* ---------- states ---------- */

/* how many of the named fields are there */
static int
count_fields(const OlistJson *json, const char *const *names, int count)
{
	int found = 0;

	for (int i = 0; i < count; i++)
		found += olist_json_get(json, names[i]) != NULL;
	return found;
}

/* the rules that bind several fields of a state */
static void
check_combinations(OlistCheck *check, const OlistJson *state, OlistStateKind kind)
{
	static const char *const waits[] = {"Seconds", "SecondsPath", "Timestamp", "TimestampPath"};
	static const char *const processors[] = {"ItemProcessor", "Iterator"};

	for (size_t i = 0; i < lengthof(state_exclusives); i++)
		olist_check_exclusive(check, state, &state_exclusives[i]);
	switch (kind)
	{
		case OLIST_STATE_TASK:
			olist_check_require(check, state, "Resource");
			break;
		case OLIST_STATE_CHOICE:
			olist_check_require(check, state, "Choices");
			break;
		case OLIST_STATE_PARALLEL:
			olist_check_require(check, state, "Branches");
			break;
		case OLIST_STATE_WAIT:
			if (count_fields(state, waits, lengthof(waits)) != 1)
				olist_check_problem(
					check, "WAIT_DURATION",
					"must contain exactly one of Seconds, SecondsPath, Timestamp and "
					"TimestampPath");
			break;
		case OLIST_STATE_MAP:
			if (count_fields(state, processors, lengthof(processors)) != 1)
				olist_check_problem(check, "MAP_ITEM_PROCESSOR",
									"must contain exactly one of ItemProcessor and Iterator");
			break;
		default:
			break;
	}
}

static bool
is_end(const OlistJson *state)
{
	const OlistJson *end = olist_json_get(state, "End");

	return end != NULL && end->type == OLIST_JSON_BOOLEAN && end->boolean;
}

/* does the state end its sequence? */
static bool
is_terminal(const OlistJson *state)
{
	const OlistJson *type = olist_json_get(state, "Type");

	return olist_json_is_string(type, "Succeed") || olist_json_is_string(type, "Fail") ||
		   is_end(state);
}

/* true if the state speaks JSONata, which ends the checks of it */
static bool
check_query_language(OlistCheck *check, const OlistJson *json)
{
	const OlistJson *language = olist_json_get(json, "QueryLanguage");

	if (language == NULL || olist_json_is_string(language, "JSONPath"))
		return false;
	if (olist_json_is_string(language, "JSONata"))
		olist_check_unsupported(check, "JSONata");
	else
		olist_check_problem(check, OLIST_SCHEMA, "QueryLanguage must be JSONPath");
	return true;
}

/* in a machine of JSONata no state may fall back to JSONPath */
static void
check_downgrade(OlistCheck *check, const OlistJson *states)
{
	for (int i = 0; states != NULL && states->type == OLIST_JSON_OBJECT && i < states->count; i++)
	{
		const OlistJson *language = olist_json_get(states->members[i].value, "QueryLanguage");
		int len = olist_check_enter(check, "States");

		olist_check_enter(check, states->members[i].key);
		if (olist_json_is_string(language, "JSONPath"))
			olist_check_problem(
				check, OLIST_SCHEMA,
				"QueryLanguage cannot be JSONPath if it is JSONata for the whole machine");
		olist_check_leave(check, len);
	}
}

static void
check_state(OlistCheck *check, const OlistJson *state, bool alone)
{
	const OlistJson *type = olist_json_get(state, "Type");
	OlistStateKind kind;

	check_stack_depth();
	CHECK_FOR_INTERRUPTS();
	if (!olist_check_object(check, state) || check_query_language(check, state))
		return;
	if (type == NULL)
	{
		olist_check_problem(check, OLIST_SCHEMA, "the field Type is required");
		return;
	}
	if (!olist_check_is_string(type) || !olist_state_kind(type->text, &kind))
	{
		olist_check_problem(
			check, OLIST_SCHEMA,
			"Type must be Pass, Task, Choice, Wait, Succeed, Fail, Parallel or Map");
		return;
	}
	olist_check_fields(check, state, state_fields, 1u << kind);
	check_combinations(check, state, kind);
	if (alone || kind == OLIST_STATE_CHOICE || kind == OLIST_STATE_SUCCEED ||
		kind == OLIST_STATE_FAIL)
		return;
	if ((olist_json_get(state, "Next") != NULL) == is_end(state))
		olist_check_problem(check, "TERMINAL_STATE_WITH_NEXT",
							"must contain exactly one of End and Next");
}

/* ---------- transitions ---------- */

typedef struct Walk
{
	OlistCheck *check;
	const OlistJson *states;
	bool *reached;
	int *queue;
	int queued;
	const char *outbound_code; /* of a target that is a state outside this sequence */
	const char *container;
} Walk;

static void
follow(Walk *walk, const OlistJson *target)
{
	int at;

	if (!olist_check_is_string(target))
		return;
	at = olist_json_find(walk->states, target->text, target->count);
	if (at < 0)
	{
		if (walk->outbound_code != NULL &&
			olist_json_get_n(walk->check->names, target->text, target->count) != NULL)
			olist_check_problem(walk->check, walk->outbound_code,
								"a state inside a %s cannot go to %s, which is outside",
								walk->container, target->text);
		else
			olist_check_problem(walk->check, "MISSING_TRANSITION_TARGET",
								"there is no state %s to go to", target->text);
	}
	else if (!walk->reached[at])
	{
		walk->reached[at] = true;
		walk->queue[walk->queued++] = at;
	}
}

/* the Next of each item of a list of rules or catchers */
static void
follow_list(Walk *walk, const OlistJson *list)
{
	if (list == NULL || list->type != OLIST_JSON_ARRAY)
		return;
	for (int i = 0; i < list->count; i++)
		follow(walk, olist_json_get(list->items[i], "Next"));
}

static void
check_transitions(OlistCheck *check, const OlistJson *json, const OlistJson *states,
				  const char *outbound_code, const char *container)
{
	Walk walk = {.check = check,
				 .states = states,
				 .reached = palloc0(states->count * sizeof(bool)),
				 .queue = palloc(states->count * sizeof(int)),
				 .outbound_code = outbound_code,
				 .container = container};
	bool ends = false;

	follow(&walk, olist_json_get(json, "StartAt"));
	for (int i = 0; i < walk.queued; i++)
	{
		const OlistJson *state = states->members[walk.queue[i]].value;
		int len = olist_check_enter(check, "States");

		olist_check_enter(check, states->members[walk.queue[i]].key);
		ends |= is_terminal(state);
		follow(&walk, olist_json_get(state, "Next"));
		follow(&walk, olist_json_get(state, "Default"));
		follow_list(&walk, olist_json_get(state, "Choices"));
		follow_list(&walk, olist_json_get(state, "Catch"));
		olist_check_leave(check, len);
	}
	if (!ends)
		olist_check_problem(check, "MISSING_TERMINAL_STATE", "no state that ends is ever reached");
	for (int i = 0; i < states->count; i++)
	{
		if (!walk.reached[i])
		{
			int len = olist_check_enter(check, "States");

			olist_check_enter(check, states->members[i].key);
			olist_check_problem(check, "MISSING_TRANSITION_TARGET", "the state is never reached");
			olist_check_leave(check, len);
		}
	}
}

/* how many characters are in UTF-8 text */
static int
count_characters(const char *text, int len)
{
	int count = 0;

	for (int i = 0; i < len; i++)
		count += (text[i] & 0xC0) != 0x80;
	return count;
}

static bool
has_control_characters(const char *text, int len)
{
	for (int i = 0; i < len; i++)
	{
		unsigned char c = (unsigned char) text[i];

		if (c < 0x20 || c == 0x7F)
			return true;
	}
	return false;
}

/* note the names of all states of a sequence, before any of them is looked into */
static void
check_names(OlistCheck *check, const OlistJson *states)
{
	for (int i = 0; i < states->count; i++)
	{
		const OlistJsonMember *member = &states->members[i];
		int len = olist_check_enter(check, member->key);

		if (count_characters(member->key, member->key_len) > MAX_STATE_NAME)
			olist_check_problem(check, OLIST_SCHEMA,
								"a state's name may have at most %d characters", MAX_STATE_NAME);
		if (member->key_len == 0)
			olist_check_problem(check, OLIST_SCHEMA, "a state's name must not be empty");
		if (has_control_characters(member->key, member->key_len))
			olist_check_problem(check, OLIST_SCHEMA,
								"a state's name must not have control characters");
		if (olist_json_get_n(check->names, member->key, member->key_len) != NULL)
			olist_check_problem(check, "DUPLICATE_STATE_NAMES",
								"a state with this name already exists");
		olist_json_set_n(check->names, member->key, member->key_len, olist_json_null());
		olist_check_leave(check, len);
	}
}

/* what a machine, a branch or an item processor must be */
void
olist_check_sequence(OlistCheck *check, const OlistJson *json, const char *outbound_code,
					 const char *container)
{
	const OlistJson *states = olist_json_get(json, "States");
	int len;

	check_stack_depth();
	if (!olist_check_object(check, json))
		return;
	if (check_query_language(check, json))
	{
		check_downgrade(check, states);
		return;
	}
	olist_check_require(check, json, "StartAt");
	olist_check_require(check, json, "States");
	olist_check_fields(check, json, machine_fields, 0);
	if (states == NULL)
		return;
	if (check->depth >= MAX_NESTED_MACHINES)
	{
		olist_check_problem(check, OLIST_SCHEMA, "machines are nested more than %d deep",
							MAX_NESTED_MACHINES);
		return;
	}
	len = olist_check_enter(check, "States");
	if (states->type != OLIST_JSON_OBJECT || states->count == 0)
	{
		olist_check_problem(check, OLIST_SCHEMA, "must be an object of at least one state");
		olist_check_leave(check, len);
		return;
	}
	check_names(check, states);
	check->depth++;
	for (int i = 0; i < states->count; i++)
	{
		int inner = olist_check_enter(check, states->members[i].key);

		check_state(check, states->members[i].value, false);
		olist_check_leave(check, inner);
	}
	check->depth--;
	olist_check_leave(check, len);
	check_transitions(check, json, states, outbound_code, container);
}

static void
begin_check(OlistCheck *check, OlistResources resources)
{
	memset(check, 0, sizeof(OlistCheck));
	check->problems = palloc0(sizeof(OlistProblems));
	check->names = olist_json_object();
	check->resources = resources;
	initStringInfo(&check->path);
}

OlistProblems *
olist_validate(const OlistJson *definition, OlistResources resources)
{
	OlistCheck check;

	begin_check(&check, resources);
	if (definition->type != OLIST_JSON_OBJECT)
		olist_check_problem(&check, OLIST_SCHEMA, "Definition must be a valid JSON object");
	else
		olist_check_sequence(&check, definition, NULL, NULL);
	return check.problems;
}

OlistProblems *
olist_validate_state(const OlistJson *state, OlistResources resources)
{
	OlistCheck check;

	begin_check(&check, resources);
	check_state(&check, state, true);
	return check.problems;
}

OlistProblems *
olist_validate_text(const char *text, int len)
{
	OlistCheck check;
	OlistJsonError error;
	char *key;

	begin_check(&check, OLIST_RESOURCES_OWN);
	if (olist_json_parse(text, len, &error) == NULL)
		olist_check_problem(&check, "INVALID_JSON_DESCRIPTION", "%s at byte %d", error.message,
							error.offset + 1);
	else if ((key = olist_json_duplicate_key(text, len)) != NULL)
		olist_check_problem(&check, "DUPLICATE_FIELD_NAME",
							"the field %s is there twice in one object", key);
	return check.problems;
}
