/*
 * asl/check_fields.c
 *		The fields of states, and of what stands in them.
 *
 *		field ──► a table says what it must hold ──► value, or fields of its own:
 *		          Retry, Catch, Choices, Branches, ItemProcessor, ItemReader, ItemBatcher
 */
#include "postgres.h"

#include "asl/check.h"

#include "asl/choice.h"
#include "asl/timestamp.h"
#include "miscadmin.h"

#define MAX_RULE_DEPTH 100

static void check_value(OlistCheck *check, const OlistJson *value, OlistWant want);

static const OlistField retrier_fields[] = {
	{"ErrorEquals", OLIST_WANT_ANY, 0},
	{"IntervalSeconds", OLIST_WANT_POSITIVE, 0},
	{"MaxAttempts", OLIST_WANT_WHOLE, 0},
	{"BackoffRate", OLIST_WANT_RATE, 0},
	{"MaxDelaySeconds", OLIST_WANT_POSITIVE, 0},
	{"JitterStrategy", OLIST_WANT_JITTER, 0},
	{"Comment", OLIST_WANT_ANY, 0},
	{NULL, OLIST_WANT_ANY, 0},
};

static const OlistField catcher_fields[] = {
	{"ErrorEquals", OLIST_WANT_ANY, 0},
	{"Next", OLIST_WANT_STRING, 0},
	{"ResultPath", OLIST_WANT_RESULT_PATH, 0},
	{"Assign", OLIST_WANT_TEMPLATE, 0},
	{"Comment", OLIST_WANT_ANY, 0},
	{NULL, OLIST_WANT_ANY, 0},
};

static const OlistField reader_fields[] = {
	{"Resource", OLIST_WANT_STRING, 0},
	{"ReaderConfig", OLIST_WANT_ANY, 0},
	{"Parameters", OLIST_WANT_TEMPLATE, 0},
	{NULL, OLIST_WANT_ANY, 0},
};

static const OlistField reader_config_fields[] = {
	{"InputType", OLIST_WANT_STRING, 0}, {"CSVHeaderLocation", OLIST_WANT_STRING, 0},
	{"CSVHeaders", OLIST_WANT_ANY, 0},	 {"CSVDelimiter", OLIST_WANT_STRING, 0},
	{"MaxItems", OLIST_WANT_WHOLE, 0},	 {"MaxItemsPath", OLIST_WANT_PATH, 0},
	{NULL, OLIST_WANT_ANY, 0},
};

static const OlistField batcher_fields[] = {
	{"BatchInput", OLIST_WANT_TEMPLATE, 0},
	{"MaxItemsPerBatch", OLIST_WANT_POSITIVE, 0},
	{"MaxItemsPerBatchPath", OLIST_WANT_PATH, 0},
	{"MaxInputBytesPerBatch", OLIST_WANT_POSITIVE, 0},
	{"MaxInputBytesPerBatchPath", OLIST_WANT_PATH, 0},
	{NULL, OLIST_WANT_ANY, 0},
};

/* ---------- lists of fields ---------- */

static const OlistField *
find_field(const OlistField *fields, const char *name)
{
	for (; fields->name != NULL; fields++)
	{
		if (strcmp(fields->name, name) == 0)
			return fields;
	}
	return NULL;
}

/* fields of QueryLanguage JSONata, wherever they stand */
static bool
is_jsonata_field(const char *name)
{
	return strcmp(name, "Arguments") == 0 || strcmp(name, "Output") == 0 ||
		   strcmp(name, "Items") == 0 || strcmp(name, "Condition") == 0;
}

/* each member of json is one of fields, for this kind of state (0: any), and holds what it must */
void
olist_check_fields(OlistCheck *check, const OlistJson *json, const OlistField *fields,
				   unsigned kind)
{
	for (int i = 0; i < json->count; i++)
	{
		const char *name = json->members[i].key;
		const OlistField *field = find_field(fields, name);
		int len = olist_check_enter(check, name);

		if (is_jsonata_field(name))
			olist_check_unsupported(check, "JSONata");
		else if (field == NULL || (kind != 0 && (field->kinds & kind) == 0))
			olist_check_problem(check, OLIST_SCHEMA, "there is no such field here");
		else
			check_value(check, json->members[i].value, field->want);
		olist_check_leave(check, len);
	}
}

/* at most one of the two fields may be there */
void
olist_check_exclusive(OlistCheck *check, const OlistJson *json, const OlistExclusive *pair)
{
	if (olist_json_get(json, pair->a) != NULL && olist_json_get(json, pair->b) != NULL)
		olist_check_problem(check, pair->code, "must contain at most one of %s and %s", pair->a,
							pair->b);
}

void
olist_check_require(OlistCheck *check, const OlistJson *json, const char *name)
{
	if (olist_json_get(json, name) == NULL)
		olist_check_problem(check, OLIST_SCHEMA, "the field %s is required", name);
}

bool
olist_check_object(OlistCheck *check, const OlistJson *value)
{
	if (value->type == OLIST_JSON_OBJECT)
		return true;
	olist_check_problem(check, OLIST_SCHEMA, "must be an object");
	return false;
}

/* ---------- Retry and Catch ---------- */

static void
check_error_equals(OlistCheck *check, const OlistJson *holder, bool is_last)
{
	const OlistJson *names = olist_json_get(holder, "ErrorEquals");
	int len;

	if (names == NULL)
	{
		olist_check_problem(check, OLIST_SCHEMA, "the field ErrorEquals is required");
		return;
	}
	len = olist_check_enter(check, "ErrorEquals");
	if (names->type != OLIST_JSON_ARRAY || names->count == 0)
		olist_check_problem(check, OLIST_SCHEMA, "must be an array of at least one error name");
	for (int i = 0; names->type == OLIST_JSON_ARRAY && i < names->count; i++)
	{
		if (!olist_check_is_string(names->items[i]))
			olist_check_problem(check, OLIST_SCHEMA, "must hold only strings");
		else if (olist_json_is_string(names->items[i], "States.ALL") &&
				 (names->count > 1 || !is_last))
			olist_check_problem(check, OLIST_SCHEMA,
								"States.ALL must stand alone, and in the last place");
	}
	olist_check_leave(check, len);
}

/* Retry, or Catch if fields are a catcher's */
static void
check_handlers(OlistCheck *check, const OlistJson *value, const OlistField *fields)
{
	if (value->type != OLIST_JSON_ARRAY)
	{
		olist_check_problem(check, OLIST_SCHEMA, "must be an array");
		return;
	}
	for (int i = 0; i < value->count; i++)
	{
		int len = olist_check_enter_item(check, i);

		if (olist_check_object(check, value->items[i]))
		{
			check_error_equals(check, value->items[i], i == value->count - 1);
			if (fields == catcher_fields)
				olist_check_require(check, value->items[i], "Next");
			olist_check_fields(check, value->items[i], fields, 0);
		}
		olist_check_leave(check, len);
	}
}

/* ---------- Choice ---------- */

static void check_rule(OlistCheck *check, const OlistJson *rule, bool top, int depth);

/* the operand of a comparison */
static void
check_operand(OlistCheck *check, const OlistJsonMember *member)
{
	bool is_path;
	int type = olist_choice_operand(member->key, &is_path);
	OlistTime time;
	int len = olist_check_enter(check, member->key);

	if (is_path)
		olist_check_path(check, member->value, false);
	else if (type == -1)
	{
		if (!olist_check_is_string(member->value) ||
			!olist_timestamp_parse(member->value->text, &time))
			olist_check_problem(check, OLIST_SCHEMA, "must be a timestamp");
	}
	else if (member->value->type != (OlistJsonType) type)
		olist_check_problem(check, OLIST_SCHEMA, "must be a %s",
							type == OLIST_JSON_NUMBER	 ? "number"
							: type == OLIST_JSON_BOOLEAN ? "boolean"
														 : "string");
	olist_check_leave(check, len);
}

static void
check_rule_list(OlistCheck *check, const OlistJson *rules, int depth)
{
	if (rules->type != OLIST_JSON_ARRAY || rules->count == 0)
	{
		olist_check_problem(check, OLIST_SCHEMA, "must be an array of at least one rule");
		return;
	}
	for (int i = 0; i < rules->count; i++)
	{
		int len = olist_check_enter_item(check, i);

		check_rule(check, rules->items[i], depth == 0, depth);
		olist_check_leave(check, len);
	}
}

/* one member of a rule; counts what the rule decides by */
static void
check_rule_member(OlistCheck *check, const OlistJsonMember *member, bool top, int depth, int *tests)
{
	const char *name = member->key;
	int len = olist_check_enter(check, name);

	if (strcmp(name, "And") == 0 || strcmp(name, "Or") == 0)
	{
		(*tests)++;
		check_rule_list(check, member->value, depth + 1);
	}
	else if (strcmp(name, "Not") == 0)
	{
		(*tests)++;
		check_rule(check, member->value, false, depth + 1);
	}
	else if (olist_choice_is_operator(name))
	{
		olist_check_leave(check, len);
		(*tests)++;
		check_operand(check, member);
		return;
	}
	else if (strcmp(name, "Variable") == 0)
		olist_check_path(check, member->value, false);
	else if (strcmp(name, "Condition") == 0)
		olist_check_unsupported(check, "JSONata");
	else if (top && strcmp(name, "Next") == 0)
		check_value(check, member->value, OLIST_WANT_STRING);
	else if (top && strcmp(name, "Assign") == 0)
		olist_check_template(check, member->value);
	else if (strcmp(name, "Comment") != 0)
		olist_check_problem(check, OLIST_SCHEMA, "there is no such field here");
	olist_check_leave(check, len);
}

static void
check_rule(OlistCheck *check, const OlistJson *rule, bool top, int depth)
{
	int tests = 0;
	bool is_group;

	check_stack_depth();
	if (depth > MAX_RULE_DEPTH)
	{
		olist_check_problem(check, OLIST_SCHEMA, "the rule is nested too deeply");
		return;
	}
	if (!olist_check_object(check, rule))
		return;
	for (int i = 0; i < rule->count; i++)
		check_rule_member(check, &rule->members[i], top, depth, &tests);
	is_group = olist_json_get(rule, "And") != NULL || olist_json_get(rule, "Or") != NULL ||
			   olist_json_get(rule, "Not") != NULL;
	if (top)
		olist_check_require(check, rule, "Next");
	if (olist_json_get(rule, "Condition") != NULL)
		return;
	if (tests != 1)
		olist_check_problem(check, OLIST_SCHEMA,
							"the rule must contain exactly one comparison, And, Or or Not");
	if (!is_group)
		olist_check_require(check, rule, "Variable");
	else if (olist_json_get(rule, "Variable") != NULL)
		olist_check_problem(check, OLIST_SCHEMA, "Variable has no meaning beside And, Or or Not");
}

/* ---------- Map and Parallel ---------- */

static void
check_branches(OlistCheck *check, const OlistJson *value)
{
	if (value->type != OLIST_JSON_ARRAY || value->count == 0)
	{
		olist_check_problem(check, OLIST_SCHEMA, "must be an array of at least one branch");
		return;
	}
	for (int i = 0; i < value->count; i++)
	{
		int len = olist_check_enter_item(check, i);

		olist_check_sequence(check, value->items[i], "BRANCH_OUTBOUND_TRANSITION_TARGET",
							 "Parallel");
		olist_check_leave(check, len);
	}
}

static void
check_processor(OlistCheck *check, const OlistJson *value)
{
	const OlistJson *config = olist_json_get(value, "ProcessorConfig");

	olist_check_sequence(check, value, "MAP_OUTBOUND_TRANSITION_TARGET", "Map");
	if (config != NULL)
	{
		const OlistJson *mode = olist_json_get(config, "Mode");
		int len = olist_check_enter(check, "ProcessorConfig");

		if (mode != NULL && !olist_json_is_string(mode, "INLINE") &&
			!olist_json_is_string(mode, "DISTRIBUTED"))
			olist_check_problem(check, OLIST_SCHEMA, "Mode must be INLINE or DISTRIBUTED");
		if (olist_json_is_string(olist_json_get(config, "ExecutionType"), "EXPRESS"))
			olist_check_unsupported(check, "Express");
		olist_check_leave(check, len);
	}
}

static void
check_reader(OlistCheck *check, const OlistJson *value)
{
	static const OlistExclusive max_items = {"MaxItems", "MaxItemsPath", "MAP_ITEMREADER_MAXITEM"};
	const OlistJson *config = olist_json_get(value, "ReaderConfig");
	const OlistJson *resource = olist_json_get(value, "Resource");
	const OlistJson *type;
	int len;

	if (!olist_check_object(check, value))
		return;
	olist_check_require(check, value, "Resource");
	if (olist_check_is_string(resource) && strncmp(resource->text, "olist:", 6) != 0 &&
		strstr(resource->text, ":s3:getObject") == NULL)
		olist_check_unsupported(check,
								"an ItemReader of another Resource than s3:getObject or olist:");
	olist_check_fields(check, value, reader_fields, 0);
	if (config == NULL)
		return;
	len = olist_check_enter(check, "ReaderConfig");
	if (olist_check_object(check, config))
	{
		olist_check_fields(check, config, reader_config_fields, 0);
		olist_check_exclusive(check, config, &max_items);
		type = olist_json_get(config, "InputType");
		if (olist_check_is_string(type) && strcmp(type->text, "CSV") != 0 &&
			strcmp(type->text, "JSON") != 0)
			olist_check_unsupported(check, "an ItemReader of another InputType than CSV or JSON");
	}
	olist_check_leave(check, len);
}

static void
check_batcher(OlistCheck *check, const OlistJson *value)
{
	static const OlistExclusive pairs[] = {
		{"MaxItemsPerBatch", "MaxItemsPerBatchPath", "MAP_ITEM_BATCHER"},
		{"MaxInputBytesPerBatch", "MaxInputBytesPerBatchPath", "MAP_ITEM_BATCHER"}};

	if (!olist_check_object(check, value))
		return;
	olist_check_fields(check, value, batcher_fields, 0);
	olist_check_exclusive(check, value, &pairs[0]);
	olist_check_exclusive(check, value, &pairs[1]);
	if (olist_json_get(value, "MaxItemsPerBatch") == NULL &&
		olist_json_get(value, "MaxItemsPerBatchPath") == NULL &&
		olist_json_get(value, "MaxInputBytesPerBatch") == NULL &&
		olist_json_get(value, "MaxInputBytesPerBatchPath") == NULL)
		olist_check_problem(check, "MAP_ITEM_BATCHER",
							"a limit of items or bytes of a batch is required");
}

/* ---------- values ---------- */

static void
check_value(OlistCheck *check, const OlistJson *value, OlistWant want)
{
	OlistTime time;

	switch (want)
	{
		case OLIST_WANT_ANY:
			break;
		case OLIST_WANT_STRING:
			if (!olist_check_is_string(value))
				olist_check_problem(check, OLIST_SCHEMA, "must be a string");
			break;
		case OLIST_WANT_TRUE:
			if (value->type != OLIST_JSON_BOOLEAN)
				olist_check_problem(check, OLIST_SCHEMA, "must be true");
			break;
		case OLIST_WANT_PATH:
		case OLIST_WANT_PATH_OR_NULL:
			olist_check_path(check, value, want == OLIST_WANT_PATH_OR_NULL);
			break;
		case OLIST_WANT_RESULT_PATH:
			olist_check_result_path(check, value);
			break;
		case OLIST_WANT_PATH_OR_CALL:
			olist_check_path_or_call(check, value);
			break;
		case OLIST_WANT_TEMPLATE:
			olist_check_template(check, value);
			break;
		case OLIST_WANT_TIMESTAMP:
			if (!olist_check_is_string(value) || !olist_timestamp_parse(value->text, &time))
				olist_check_problem(check, OLIST_SCHEMA, "String does not match RFC3339 timestamp");
			break;
		case OLIST_WANT_WHOLE:
		case OLIST_WANT_POSITIVE:
		case OLIST_WANT_PERCENTAGE:
		case OLIST_WANT_RATE:
			olist_check_number(check, value, want);
			break;
		case OLIST_WANT_JITTER:
			if (!olist_json_is_string(value, "FULL") && !olist_json_is_string(value, "NONE"))
				olist_check_problem(check, OLIST_SCHEMA, "must be FULL or NONE");
			break;
		case OLIST_WANT_RETRY:
			check_handlers(check, value, retrier_fields);
			break;
		case OLIST_WANT_CATCH:
			check_handlers(check, value, catcher_fields);
			break;
		case OLIST_WANT_CHOICES:
			check_rule_list(check, value, 0);
			break;
		case OLIST_WANT_BRANCHES:
			check_branches(check, value);
			break;
		case OLIST_WANT_PROCESSOR:
			check_processor(check, value);
			break;
		case OLIST_WANT_READER:
			check_reader(check, value);
			break;
		case OLIST_WANT_BATCHER:
			check_batcher(check, value);
			break;
		case OLIST_WANT_RESOURCE:
			olist_check_resource(check, value);
			break;
		case OLIST_WANT_UNSUPPORTED:
			if (value->type == OLIST_JSON_OBJECT)
				olist_check_template(check, value);
			else if (value->type == OLIST_JSON_NULL)
				olist_check_problem(check, OLIST_SCHEMA, "must not be null");
			olist_check_unsupported(check, strrchr(check->path.data, '/') + 1);
			break;
	}
}
