/*
 * asl/validate.c
 *		Checking a definition, field by field and then as a graph.
 *
 *		definition ──► fields of each state (a table) ──► paths, templates, rules
 *		           └─► transitions: targets exist, states are reached, an end is
 *
 * Nothing here stops at the first problem. A feature that is sound but not
 * executed is reported under its own code with its name, so that a user learns
 * at once what would have to be changed. Codes are those of the asl-validator
 * package where it has one.
 */
#include "postgres.h"

#include "asl/choice.h"
#include "asl/definition.h"
#include "asl/intrinsics.h"
#include "asl/timestamp.h"
#include "asl/validate.h"

#include "lib/stringinfo.h"
#include "miscadmin.h"

#define SCHEMA "SCHEMA_VALIDATION_FAILED"
#define MAX_STATE_NAME 80
#define MAX_RULE_DEPTH 100
#define MAX_NESTED_MACHINES 50

typedef struct Check
{
	OlistProblems *problems;
	StringInfoData path;
	OlistJson *names; /* every state's name so far, as an object's members */
	OlistResources resources;
	int depth; /* of machines within machines */
} Check;

/* what a field must hold */
typedef enum Want
{
	WANT_ANY,
	WANT_STRING,
	WANT_TRUE,
	WANT_PATH,		   /* a path */
	WANT_PATH_OR_NULL, /* a path or null */
	WANT_RESULT_PATH,  /* a reference path or null */
	WANT_PATH_OR_CALL, /* a path or an intrinsic function */
	WANT_TEMPLATE,	   /* anything, with paths and calls behind .$ */
	WANT_TIMESTAMP,	   /* an ISO 8601 timestamp */
	WANT_WHOLE,		   /* a whole number ≥ 0 */
	WANT_POSITIVE,	   /* a whole number > 0 */
	WANT_PERCENTAGE,   /* 0 … 100 */
	WANT_RATE,		   /* ≥ 1 */
	WANT_JITTER,	   /* FULL or NONE */
	WANT_RETRY,
	WANT_CATCH,
	WANT_CHOICES,
	WANT_BRANCHES,
	WANT_PROCESSOR,
	WANT_READER,
	WANT_BATCHER,
	WANT_RESOURCE,
	WANT_UNSUPPORTED /* sound, but not executed */
} Want;

typedef struct Field
{
	const char *name;
	Want want;
	unsigned kinds; /* of states that may have it */
} Field;

#define K(kind) (1u << OLIST_STATE_##kind)
#define ALL_KINDS 0xFFu
#define WORKING (K(PASS) | K(TASK) | K(PARALLEL) | K(MAP))
#define FALLIBLE (K(TASK) | K(PARALLEL) | K(MAP))

static const Field state_fields[] = {
	{"Type", WANT_STRING, ALL_KINDS},
	{"Comment", WANT_ANY, ALL_KINDS},
	{"QueryLanguage", WANT_STRING, ALL_KINDS},
	{"Next", WANT_STRING, WORKING | K(WAIT)},
	{"End", WANT_TRUE, WORKING | K(WAIT)},
	{"InputPath", WANT_PATH_OR_NULL, ALL_KINDS & ~K(FAIL)},
	{"OutputPath", WANT_PATH_OR_NULL, ALL_KINDS & ~K(FAIL)},
	{"ResultPath", WANT_RESULT_PATH, WORKING},
	{"Parameters", WANT_TEMPLATE, WORKING},
	{"ResultSelector", WANT_TEMPLATE, FALLIBLE},
	{"Assign", WANT_TEMPLATE, ALL_KINDS & ~(K(FAIL) | K(SUCCEED))},
	{"Retry", WANT_RETRY, FALLIBLE},
	{"Catch", WANT_CATCH, FALLIBLE},
	{"Result", WANT_ANY, K(PASS)},
	{"Resource", WANT_RESOURCE, K(TASK)},
	{"TimeoutSeconds", WANT_POSITIVE, K(TASK)},
	{"TimeoutSecondsPath", WANT_PATH, K(TASK)},
	{"HeartbeatSeconds", WANT_UNSUPPORTED, K(TASK)},
	{"HeartbeatSecondsPath", WANT_UNSUPPORTED, K(TASK)},
	{"Credentials", WANT_UNSUPPORTED, K(TASK)},
	{"Choices", WANT_CHOICES, K(CHOICE)},
	{"Default", WANT_STRING, K(CHOICE)},
	{"Seconds", WANT_WHOLE, K(WAIT)},
	{"SecondsPath", WANT_PATH, K(WAIT)},
	{"Timestamp", WANT_TIMESTAMP, K(WAIT)},
	{"TimestampPath", WANT_PATH, K(WAIT)},
	{"Error", WANT_STRING, K(FAIL)},
	{"Cause", WANT_STRING, K(FAIL)},
	{"ErrorPath", WANT_PATH_OR_CALL, K(FAIL)},
	{"CausePath", WANT_PATH_OR_CALL, K(FAIL)},
	{"Branches", WANT_BRANCHES, K(PARALLEL)},
	{"ItemProcessor", WANT_PROCESSOR, K(MAP)},
	{"Iterator", WANT_PROCESSOR, K(MAP)},
	{"ItemsPath", WANT_PATH, K(MAP)},
	{"ItemSelector", WANT_TEMPLATE, K(MAP)},
	{"ItemReader", WANT_READER, K(MAP)},
	{"ItemBatcher", WANT_BATCHER, K(MAP)},
	{"MaxConcurrency", WANT_WHOLE, K(MAP)},
	{"MaxConcurrencyPath", WANT_PATH, K(MAP)},
	{"ToleratedFailureCount", WANT_WHOLE, K(MAP)},
	{"ToleratedFailureCountPath", WANT_PATH, K(MAP)},
	{"ToleratedFailurePercentage", WANT_PERCENTAGE, K(MAP)},
	{"ToleratedFailurePercentagePath", WANT_PATH, K(MAP)},
	{"Label", WANT_STRING, K(MAP)},
	{"ResultWriter", WANT_UNSUPPORTED, K(MAP)},
	{NULL, WANT_ANY, 0},
};

static const Field machine_fields[] = {
	{"Comment", WANT_ANY, 0},		  {"QueryLanguage", WANT_STRING, 0},
	{"StartAt", WANT_STRING, 0},	  {"States", WANT_ANY, 0},
	{"Version", WANT_STRING, 0},	  {"TimeoutSeconds", WANT_POSITIVE, 0},
	{"ProcessorConfig", WANT_ANY, 0}, {NULL, WANT_ANY, 0},
};

static const Field retrier_fields[] = {
	{"ErrorEquals", WANT_ANY, 0},
	{"IntervalSeconds", WANT_POSITIVE, 0},
	{"MaxAttempts", WANT_WHOLE, 0},
	{"BackoffRate", WANT_RATE, 0},
	{"MaxDelaySeconds", WANT_POSITIVE, 0},
	{"JitterStrategy", WANT_JITTER, 0},
	{"Comment", WANT_ANY, 0},
	{NULL, WANT_ANY, 0},
};

static const Field catcher_fields[] = {
	{"ErrorEquals", WANT_ANY, 0}, {"Next", WANT_STRING, 0}, {"ResultPath", WANT_RESULT_PATH, 0},
	{"Assign", WANT_TEMPLATE, 0}, {"Comment", WANT_ANY, 0}, {NULL, WANT_ANY, 0},
};

static const Field reader_fields[] = {
	{"Resource", WANT_STRING, 0},
	{"ReaderConfig", WANT_ANY, 0},
	{"Parameters", WANT_TEMPLATE, 0},
	{NULL, WANT_ANY, 0},
};

static const Field reader_config_fields[] = {
	{"InputType", WANT_STRING, 0}, {"CSVHeaderLocation", WANT_STRING, 0},
	{"CSVHeaders", WANT_ANY, 0},   {"CSVDelimiter", WANT_STRING, 0},
	{"MaxItems", WANT_WHOLE, 0},   {"MaxItemsPath", WANT_PATH, 0},
	{NULL, WANT_ANY, 0},
};

static const Field batcher_fields[] = {
	{"BatchInput", WANT_TEMPLATE, 0},
	{"MaxItemsPerBatch", WANT_POSITIVE, 0},
	{"MaxItemsPerBatchPath", WANT_PATH, 0},
	{"MaxInputBytesPerBatch", WANT_POSITIVE, 0},
	{"MaxInputBytesPerBatchPath", WANT_PATH, 0},
	{NULL, WANT_ANY, 0},
};

/* of two fields, at most one may be there */
typedef struct Exclusive
{
	const char *a;
	const char *b;
	const char *code;
} Exclusive;

static const Exclusive state_exclusives[] = {
	{"TimeoutSeconds", "TimeoutSecondsPath", "TASK_TIMEOUT"},
	{"HeartbeatSeconds", "HeartbeatSecondsPath", "TASK_HEARTBEAT"},
	{"Error", "ErrorPath", "FAIL_ERROR_PROPERTY"},
	{"Cause", "CausePath", "FAIL_CAUSE_PROPERTY"},
	{"MaxConcurrency", "MaxConcurrencyPath", "MAP_MAX_CONCURRENCY"},
	{"ToleratedFailureCount", "ToleratedFailureCountPath", "MAP_TOLERATED_FAILURE"},
	{"ToleratedFailurePercentage", "ToleratedFailurePercentagePath", "MAP_TOLERATED_FAILURE"},
	{"ItemSelector", "Parameters", SCHEMA},
};

static void check_sequence(Check *check, const OlistJson *json, const char *outbound_code,
						   const char *container);

/* ---------- noting problems ---------- */

static void
problem(Check *check, const char *code, const char *format, ...) pg_attribute_printf(3, 4);

/* take off the last character of UTF-8 text that was cut anywhere */
static void
cut_character(char *text)
{
	size_t len = strlen(text);

	while (len > 0 && (text[len - 1] & 0xC0) == 0x80)
		len--;
	if (len > 0)
		text[len - 1] = '\0';
}

static void
problem(Check *check, const char *code, const char *format, ...)
{
	OlistProblems *problems = check->problems;
	OlistProblem *item;
	char text[512];
	int needed;
	va_list args;

	if (problems->count >= OLIST_MAX_PROBLEMS)
	{
		problems->truncated = true;
		return;
	}
	va_start(args, format);
	needed = vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (needed >= (int) sizeof(text))
		cut_character(text);
	if (problems->count == problems->capacity)
	{
		problems->capacity = Max(8, problems->capacity * 2);
		if (problems->items == NULL)
			problems->items = palloc(problems->capacity * sizeof(OlistProblem));
		else
			problems->items = repalloc(problems->items, problems->capacity * sizeof(OlistProblem));
	}
	item = &problems->items[problems->count++];
	item->path = pstrdup(check->path.len > 0 ? check->path.data : "/");
	item->code = code;
	item->message = pstrdup(text);
}

/* go one level down in the path; give the result to leave() */
static int
enter(Check *check, const char *name)
{
	int len = check->path.len;

	appendStringInfo(&check->path, "/%s", name);
	return len;
}

static int
enter_item(Check *check, int index)
{
	int len = check->path.len;

	appendStringInfo(&check->path, "/%d", index);
	return len;
}

static void
leave(Check *check, int len)
{
	check->path.len = len;
	check->path.data[len] = '\0';
}

static void
unsupported(Check *check, const char *feature)
{
	problem(check, OLIST_NOT_SUPPORTED, "%s is not supported", feature);
}

/* ---------- values ---------- */

static bool
is_string(const OlistJson *value)
{
	return value != NULL && value->type == OLIST_JSON_STRING;
}

static void
check_path(Check *check, const OlistJson *value, bool null_allowed)
{
	const char *message;

	if (null_allowed && value->type == OLIST_JSON_NULL)
		return;
	if (!is_string(value))
		problem(check, SCHEMA, "must be a path%s", null_allowed ? " or null" : "");
	else if (olist_path_parse(value->text, value->count, &message) == NULL)
		problem(check, SCHEMA, "is no valid path: %s", message);
}

static void
check_result_path(Check *check, const OlistJson *value)
{
	const char *message;
	OlistPath *path;

	if (value->type == OLIST_JSON_NULL)
		return;
	if (!is_string(value))
	{
		problem(check, SCHEMA, "must be a reference path or null");
		return;
	}
	path = olist_path_parse(value->text, value->count, &message);
	if (path == NULL)
		problem(check, SCHEMA, "is no valid path: %s", message);
	else if (!olist_path_is_reference(path))
		problem(check, SCHEMA,
				"must be a reference path: names and single indexes below $, nothing else");
}

static void
check_path_or_call(Check *check, const OlistJson *value)
{
	const char *message;

	if (!is_string(value) ||
		(olist_intrinsic_looks_like(value->text)
			 ? (void *) olist_intrinsic_parse(value->text, value->count, &message)
			 : (void *) olist_path_parse(value->text, value->count, &message)) == NULL)
		problem(check, SCHEMA,
				"The value for the field '%s' must be a valid JSONPath or a valid intrinsic "
				"function call%s%s",
				strrchr(check->path.data, '/') + 1, is_string(value) ? ": " : "",
				is_string(value) ? message : "");
}

static bool
ends_in_dollar(const OlistJsonMember *member)
{
	return member->key_len > 2 && memcmp(member->key + member->key_len - 2, ".$", 2) == 0;
}

static void
check_template(Check *check, const OlistJson *value)
{
	check_stack_depth();
	if (value->type == OLIST_JSON_ARRAY)
	{
		for (int i = 0; i < value->count; i++)
		{
			int len = enter_item(check, i);

			check_template(check, value->items[i]);
			leave(check, len);
		}
	}
	if (value->type != OLIST_JSON_OBJECT)
		return;
	for (int i = 0; i < value->count; i++)
	{
		const OlistJsonMember *member = &value->members[i];
		int len = enter(check, member->key);

		if (!ends_in_dollar(member))
			check_template(check, member->value);
		else
		{
			check_path_or_call(check, member->value);
			if (olist_json_get_n(value, member->key, member->key_len - 2) != NULL)
				problem(check, "DUPLICATE_FIELD_NAME",
						"the field is there twice once .$ is taken off its name");
		}
		leave(check, len);
	}
}

static void
check_number(Check *check, const OlistJson *value, Want want)
{
	int64 whole;
	bool is_whole = olist_json_to_int64(value, &whole);
	double number = value->type == OLIST_JSON_NUMBER ? olist_json_to_double(value) : -1;

	if (want == WANT_WHOLE && !(is_whole && whole >= 0))
		problem(check, SCHEMA, "must be a whole number of 0 or more");
	else if (want == WANT_POSITIVE && !(is_whole && whole > 0))
		problem(check, SCHEMA, "must be a whole number of 1 or more");
	else if (want == WANT_PERCENTAGE && !(number >= 0 && number <= 100))
		problem(check, SCHEMA, "must be a number from 0 to 100");
	else if (want == WANT_RATE && !(number >= 1))
		problem(check, SCHEMA, "must be a number of 1 or more");
}

/*
 * Which feature of AWS a Resource asks for, or NULL if it is not AWS's at all.
 */
static const char *
foreign_feature(const char *resource)
{
	if (strstr(resource, ".waitForTaskToken") != NULL)
		return ".waitForTaskToken";
	if (strncmp(resource, "arn:", 4) != 0 && strncmp(resource, "${", 2) != 0)
		return NULL;
	if (strstr(resource, ":activity:") != NULL)
		return "an activity";
	if (strstr(resource, ":states:::http:") != NULL)
		return "an HTTP task";
	if (strstr(resource, ":lambda:") != NULL)
		return "a Lambda function";
	return "an AWS service integration";
}

/* the alias after a function's name, as Lambda has them: $LATEST or letters, digits, - and _ */
static bool
bad_function_alias(const char *resource)
{
	const char *alias = strstr(resource, ":function:");

	if (alias == NULL)
		return false;
	alias = strchr(alias + 10, ':');
	if (alias == NULL || strcmp(alias + 1, "$LATEST") == 0)
		return false;
	return alias[1] == '\0' ||
		   strspn(alias + 1, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") !=
			   strlen(alias + 1);
}

static void
check_resource(Check *check, const OlistJson *value)
{
	const char *feature;

	if (value->type == OLIST_JSON_OBJECT)
	{
		unsupported(check, "a CloudFormation function");
		return;
	}
	if (!is_string(value))
	{
		problem(check, SCHEMA, "must be a string");
		return;
	}
	if (strncmp(value->text, "olist:", 6) == 0)
	{
		if (value->text[6] == '\0')
			problem(check, SCHEMA, "must name a function after olist:");
		return;
	}
	feature = foreign_feature(value->text);
	if (feature == NULL || bad_function_alias(value->text) ||
		(value->text[0] == '$' && strchr(value->text, '}') == NULL))
		problem(check, SCHEMA, "must be olist: followed by a function's name");
	else if (check->resources < (strcmp(feature, "a Lambda function") == 0 ? OLIST_RESOURCES_LAMBDA
																		   : OLIST_RESOURCES_ANY))
		unsupported(check, feature);
}

/* ---------- lists of fields ---------- */

static void check_value(Check *check, const OlistJson *value, Want want);

static const Field *
find_field(const Field *fields, const char *name)
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
static void
check_fields(Check *check, const OlistJson *json, const Field *fields, unsigned kind)
{
	for (int i = 0; i < json->count; i++)
	{
		const char *name = json->members[i].key;
		const Field *field = find_field(fields, name);
		int len = enter(check, name);

		if (is_jsonata_field(name))
			unsupported(check, "JSONata");
		else if (field == NULL || (kind != 0 && (field->kinds & kind) == 0))
			problem(check, SCHEMA, "there is no such field here");
		else
			check_value(check, json->members[i].value, field->want);
		leave(check, len);
	}
}

/* at most one of the two fields may be there */
static void
check_exclusive(Check *check, const OlistJson *json, const Exclusive *pair)
{
	if (olist_json_get(json, pair->a) != NULL && olist_json_get(json, pair->b) != NULL)
		problem(check, pair->code, "must contain at most one of %s and %s", pair->a, pair->b);
}

static void
require(Check *check, const OlistJson *json, const char *name)
{
	if (olist_json_get(json, name) == NULL)
		problem(check, SCHEMA, "the field %s is required", name);
}

static bool
check_object(Check *check, const OlistJson *value)
{
	if (value->type == OLIST_JSON_OBJECT)
		return true;
	problem(check, SCHEMA, "must be an object");
	return false;
}

/* ---------- Retry and Catch ---------- */

static void
check_error_equals(Check *check, const OlistJson *holder, bool is_last)
{
	const OlistJson *names = olist_json_get(holder, "ErrorEquals");
	int len;

	if (names == NULL)
	{
		problem(check, SCHEMA, "the field ErrorEquals is required");
		return;
	}
	len = enter(check, "ErrorEquals");
	if (names->type != OLIST_JSON_ARRAY || names->count == 0)
		problem(check, SCHEMA, "must be an array of at least one error name");
	for (int i = 0; names->type == OLIST_JSON_ARRAY && i < names->count; i++)
	{
		if (!is_string(names->items[i]))
			problem(check, SCHEMA, "must hold only strings");
		else if (olist_json_is_string(names->items[i], "States.ALL") &&
				 (names->count > 1 || !is_last))
			problem(check, SCHEMA, "States.ALL must stand alone, and in the last place");
	}
	leave(check, len);
}

/* Retry, or Catch if fields are a catcher's */
static void
check_handlers(Check *check, const OlistJson *value, const Field *fields)
{
	if (value->type != OLIST_JSON_ARRAY)
	{
		problem(check, SCHEMA, "must be an array");
		return;
	}
	for (int i = 0; i < value->count; i++)
	{
		int len = enter_item(check, i);

		if (check_object(check, value->items[i]))
		{
			check_error_equals(check, value->items[i], i == value->count - 1);
			if (fields == catcher_fields)
				require(check, value->items[i], "Next");
			check_fields(check, value->items[i], fields, 0);
		}
		leave(check, len);
	}
}

/* ---------- Choice ---------- */

static void check_rule(Check *check, const OlistJson *rule, bool top, int depth);

/* the operand of a comparison */
static void
check_operand(Check *check, const OlistJsonMember *member)
{
	bool is_path;
	int type = olist_choice_operand(member->key, &is_path);
	OlistTime time;
	int len = enter(check, member->key);

	if (is_path)
		check_path(check, member->value, false);
	else if (type == -1)
	{
		if (!is_string(member->value) || !olist_timestamp_parse(member->value->text, &time))
			problem(check, SCHEMA, "must be a timestamp");
	}
	else if (member->value->type != (OlistJsonType) type)
		problem(check, SCHEMA, "must be a %s",
				type == OLIST_JSON_NUMBER	 ? "number"
				: type == OLIST_JSON_BOOLEAN ? "boolean"
											 : "string");
	leave(check, len);
}

static void
check_rule_list(Check *check, const OlistJson *rules, int depth)
{
	if (rules->type != OLIST_JSON_ARRAY || rules->count == 0)
	{
		problem(check, SCHEMA, "must be an array of at least one rule");
		return;
	}
	for (int i = 0; i < rules->count; i++)
	{
		int len = enter_item(check, i);

		check_rule(check, rules->items[i], depth == 0, depth);
		leave(check, len);
	}
}

/* one member of a rule; counts what the rule decides by */
static void
check_rule_member(Check *check, const OlistJsonMember *member, bool top, int depth, int *tests)
{
	const char *name = member->key;
	int len = enter(check, name);

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
		leave(check, len);
		(*tests)++;
		check_operand(check, member);
		return;
	}
	else if (strcmp(name, "Variable") == 0)
		check_path(check, member->value, false);
	else if (strcmp(name, "Condition") == 0)
		unsupported(check, "JSONata");
	else if (top && strcmp(name, "Next") == 0)
		check_value(check, member->value, WANT_STRING);
	else if (top && strcmp(name, "Assign") == 0)
		check_template(check, member->value);
	else if (strcmp(name, "Comment") != 0)
		problem(check, SCHEMA, "there is no such field here");
	leave(check, len);
}

static void
check_rule(Check *check, const OlistJson *rule, bool top, int depth)
{
	int tests = 0;
	bool is_group;

	check_stack_depth();
	if (depth > MAX_RULE_DEPTH)
	{
		problem(check, SCHEMA, "the rule is nested too deeply");
		return;
	}
	if (!check_object(check, rule))
		return;
	for (int i = 0; i < rule->count; i++)
		check_rule_member(check, &rule->members[i], top, depth, &tests);
	is_group = olist_json_get(rule, "And") != NULL || olist_json_get(rule, "Or") != NULL ||
			   olist_json_get(rule, "Not") != NULL;
	if (top)
		require(check, rule, "Next");
	if (olist_json_get(rule, "Condition") != NULL)
		return;
	if (tests != 1)
		problem(check, SCHEMA, "the rule must contain exactly one comparison, And, Or or Not");
	if (!is_group)
		require(check, rule, "Variable");
	else if (olist_json_get(rule, "Variable") != NULL)
		problem(check, SCHEMA, "Variable has no meaning beside And, Or or Not");
}

/* ---------- Map and Parallel ---------- */

static void
check_branches(Check *check, const OlistJson *value)
{
	if (value->type != OLIST_JSON_ARRAY || value->count == 0)
	{
		problem(check, SCHEMA, "must be an array of at least one branch");
		return;
	}
	for (int i = 0; i < value->count; i++)
	{
		int len = enter_item(check, i);

		check_sequence(check, value->items[i], "BRANCH_OUTBOUND_TRANSITION_TARGET", "Parallel");
		leave(check, len);
	}
}

static void
check_processor(Check *check, const OlistJson *value)
{
	const OlistJson *config = olist_json_get(value, "ProcessorConfig");

	check_sequence(check, value, "MAP_OUTBOUND_TRANSITION_TARGET", "Map");
	if (config != NULL)
	{
		const OlistJson *mode = olist_json_get(config, "Mode");
		int len = enter(check, "ProcessorConfig");

		if (mode != NULL && !olist_json_is_string(mode, "INLINE") &&
			!olist_json_is_string(mode, "DISTRIBUTED"))
			problem(check, SCHEMA, "Mode must be INLINE or DISTRIBUTED");
		if (olist_json_is_string(olist_json_get(config, "ExecutionType"), "EXPRESS"))
			unsupported(check, "Express");
		leave(check, len);
	}
}

static void
check_reader(Check *check, const OlistJson *value)
{
	static const Exclusive max_items = {"MaxItems", "MaxItemsPath", "MAP_ITEMREADER_MAXITEM"};
	const OlistJson *config = olist_json_get(value, "ReaderConfig");
	const OlistJson *resource = olist_json_get(value, "Resource");
	const OlistJson *type;
	int len;

	if (!check_object(check, value))
		return;
	require(check, value, "Resource");
	if (is_string(resource) && strncmp(resource->text, "olist:", 6) != 0 &&
		strstr(resource->text, ":s3:getObject") == NULL)
		unsupported(check, "an ItemReader of another Resource than s3:getObject or olist:");
	check_fields(check, value, reader_fields, 0);
	if (config == NULL)
		return;
	len = enter(check, "ReaderConfig");
	if (check_object(check, config))
	{
		check_fields(check, config, reader_config_fields, 0);
		check_exclusive(check, config, &max_items);
		type = olist_json_get(config, "InputType");
		if (is_string(type) && strcmp(type->text, "CSV") != 0 && strcmp(type->text, "JSON") != 0)
			unsupported(check, "an ItemReader of another InputType than CSV or JSON");
	}
	leave(check, len);
}

static void
check_batcher(Check *check, const OlistJson *value)
{
	static const Exclusive pairs[] = {
		{"MaxItemsPerBatch", "MaxItemsPerBatchPath", "MAP_ITEM_BATCHER"},
		{"MaxInputBytesPerBatch", "MaxInputBytesPerBatchPath", "MAP_ITEM_BATCHER"}};

	if (!check_object(check, value))
		return;
	check_fields(check, value, batcher_fields, 0);
	check_exclusive(check, value, &pairs[0]);
	check_exclusive(check, value, &pairs[1]);
	if (olist_json_get(value, "MaxItemsPerBatch") == NULL &&
		olist_json_get(value, "MaxItemsPerBatchPath") == NULL &&
		olist_json_get(value, "MaxInputBytesPerBatch") == NULL &&
		olist_json_get(value, "MaxInputBytesPerBatchPath") == NULL)
		problem(check, "MAP_ITEM_BATCHER", "a limit of items or bytes of a batch is required");
}

/* ---------- states ---------- */

static void
check_value(Check *check, const OlistJson *value, Want want)
{
	OlistTime time;

	switch (want)
	{
		case WANT_ANY:
			break;
		case WANT_STRING:
			if (!is_string(value))
				problem(check, SCHEMA, "must be a string");
			break;
		case WANT_TRUE:
			if (value->type != OLIST_JSON_BOOLEAN)
				problem(check, SCHEMA, "must be true");
			break;
		case WANT_PATH:
		case WANT_PATH_OR_NULL:
			check_path(check, value, want == WANT_PATH_OR_NULL);
			break;
		case WANT_RESULT_PATH:
			check_result_path(check, value);
			break;
		case WANT_PATH_OR_CALL:
			check_path_or_call(check, value);
			break;
		case WANT_TEMPLATE:
			check_template(check, value);
			break;
		case WANT_TIMESTAMP:
			if (!is_string(value) || !olist_timestamp_parse(value->text, &time))
				problem(check, SCHEMA, "String does not match RFC3339 timestamp");
			break;
		case WANT_WHOLE:
		case WANT_POSITIVE:
		case WANT_PERCENTAGE:
		case WANT_RATE:
			check_number(check, value, want);
			break;
		case WANT_JITTER:
			if (!olist_json_is_string(value, "FULL") && !olist_json_is_string(value, "NONE"))
				problem(check, SCHEMA, "must be FULL or NONE");
			break;
		case WANT_RETRY:
			check_handlers(check, value, retrier_fields);
			break;
		case WANT_CATCH:
			check_handlers(check, value, catcher_fields);
			break;
		case WANT_CHOICES:
			check_rule_list(check, value, 0);
			break;
		case WANT_BRANCHES:
			check_branches(check, value);
			break;
		case WANT_PROCESSOR:
			check_processor(check, value);
			break;
		case WANT_READER:
			check_reader(check, value);
			break;
		case WANT_BATCHER:
			check_batcher(check, value);
			break;
		case WANT_RESOURCE:
			check_resource(check, value);
			break;
		case WANT_UNSUPPORTED:
			if (value->type == OLIST_JSON_OBJECT)
				check_template(check, value);
			else if (value->type == OLIST_JSON_NULL)
				problem(check, SCHEMA, "must not be null");
			unsupported(check, strrchr(check->path.data, '/') + 1);
			break;
	}
}

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
check_combinations(Check *check, const OlistJson *state, OlistStateKind kind)
{
	static const char *const waits[] = {"Seconds", "SecondsPath", "Timestamp", "TimestampPath"};
	static const char *const processors[] = {"ItemProcessor", "Iterator"};

	for (size_t i = 0; i < lengthof(state_exclusives); i++)
		check_exclusive(check, state, &state_exclusives[i]);
	switch (kind)
	{
		case OLIST_STATE_TASK:
			require(check, state, "Resource");
			break;
		case OLIST_STATE_CHOICE:
			require(check, state, "Choices");
			break;
		case OLIST_STATE_PARALLEL:
			require(check, state, "Branches");
			break;
		case OLIST_STATE_WAIT:
			if (count_fields(state, waits, lengthof(waits)) != 1)
				problem(check, "WAIT_DURATION",
						"must contain exactly one of Seconds, SecondsPath, Timestamp and "
						"TimestampPath");
			break;
		case OLIST_STATE_MAP:
			if (count_fields(state, processors, lengthof(processors)) != 1)
				problem(check, "MAP_ITEM_PROCESSOR",
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
check_query_language(Check *check, const OlistJson *json)
{
	const OlistJson *language = olist_json_get(json, "QueryLanguage");

	if (language == NULL || olist_json_is_string(language, "JSONPath"))
		return false;
	if (olist_json_is_string(language, "JSONata"))
		unsupported(check, "JSONata");
	else
		problem(check, SCHEMA, "QueryLanguage must be JSONPath");
	return true;
}

/* in a machine of JSONata no state may fall back to JSONPath */
static void
check_downgrade(Check *check, const OlistJson *states)
{
	for (int i = 0; states != NULL && states->type == OLIST_JSON_OBJECT && i < states->count; i++)
	{
		const OlistJson *language = olist_json_get(states->members[i].value, "QueryLanguage");
		int len = enter(check, "States");

		enter(check, states->members[i].key);
		if (olist_json_is_string(language, "JSONPath"))
			problem(check, SCHEMA,
					"QueryLanguage cannot be JSONPath if it is JSONata for the whole machine");
		leave(check, len);
	}
}

static void
check_state(Check *check, const OlistJson *state, bool alone)
{
	const OlistJson *type = olist_json_get(state, "Type");
	OlistStateKind kind;

	check_stack_depth();
	CHECK_FOR_INTERRUPTS();
	if (!check_object(check, state) || check_query_language(check, state))
		return;
	if (type == NULL)
	{
		problem(check, SCHEMA, "the field Type is required");
		return;
	}
	if (!is_string(type) || !olist_state_kind(type->text, &kind))
	{
		problem(check, SCHEMA,
				"Type must be Pass, Task, Choice, Wait, Succeed, Fail, Parallel or Map");
		return;
	}
	check_fields(check, state, state_fields, 1u << kind);
	check_combinations(check, state, kind);
	if (alone || kind == OLIST_STATE_CHOICE || kind == OLIST_STATE_SUCCEED ||
		kind == OLIST_STATE_FAIL)
		return;
	if ((olist_json_get(state, "Next") != NULL) == is_end(state))
		problem(check, "TERMINAL_STATE_WITH_NEXT", "must contain exactly one of End and Next");
}

/* ---------- transitions ---------- */

typedef struct Walk
{
	Check *check;
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

	if (!is_string(target))
		return;
	at = olist_json_find(walk->states, target->text, target->count);
	if (at < 0)
	{
		if (walk->outbound_code != NULL &&
			olist_json_get_n(walk->check->names, target->text, target->count) != NULL)
			problem(walk->check, walk->outbound_code,
					"a state inside a %s cannot go to %s, which is outside", walk->container,
					target->text);
		else
			problem(walk->check, "MISSING_TRANSITION_TARGET", "there is no state %s to go to",
					target->text);
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
check_transitions(Check *check, const OlistJson *json, const OlistJson *states,
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
		int len = enter(check, "States");

		enter(check, states->members[walk.queue[i]].key);
		ends |= is_terminal(state);
		follow(&walk, olist_json_get(state, "Next"));
		follow(&walk, olist_json_get(state, "Default"));
		follow_list(&walk, olist_json_get(state, "Choices"));
		follow_list(&walk, olist_json_get(state, "Catch"));
		leave(check, len);
	}
	if (!ends)
		problem(check, "MISSING_TERMINAL_STATE", "no state that ends is ever reached");
	for (int i = 0; i < states->count; i++)
	{
		if (!walk.reached[i])
		{
			int len = enter(check, "States");

			enter(check, states->members[i].key);
			problem(check, "MISSING_TRANSITION_TARGET", "the state is never reached");
			leave(check, len);
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
check_names(Check *check, const OlistJson *states)
{
	for (int i = 0; i < states->count; i++)
	{
		const OlistJsonMember *member = &states->members[i];
		int len = enter(check, member->key);

		if (count_characters(member->key, member->key_len) > MAX_STATE_NAME)
			problem(check, SCHEMA, "a state's name may have at most %d characters", MAX_STATE_NAME);
		if (member->key_len == 0)
			problem(check, SCHEMA, "a state's name must not be empty");
		if (has_control_characters(member->key, member->key_len))
			problem(check, SCHEMA, "a state's name must not have control characters");
		if (olist_json_get_n(check->names, member->key, member->key_len) != NULL)
			problem(check, "DUPLICATE_STATE_NAMES", "a state with this name already exists");
		olist_json_set_n(check->names, member->key, member->key_len, olist_json_null());
		leave(check, len);
	}
}

/* what a machine, a branch or an item processor must be */
static void
check_sequence(Check *check, const OlistJson *json, const char *outbound_code,
			   const char *container)
{
	const OlistJson *states = olist_json_get(json, "States");
	int len;

	check_stack_depth();
	if (!check_object(check, json))
		return;
	if (check_query_language(check, json))
	{
		check_downgrade(check, states);
		return;
	}
	require(check, json, "StartAt");
	require(check, json, "States");
	check_fields(check, json, machine_fields, 0);
	if (states == NULL)
		return;
	if (check->depth >= MAX_NESTED_MACHINES)
	{
		problem(check, SCHEMA, "machines are nested more than %d deep", MAX_NESTED_MACHINES);
		return;
	}
	len = enter(check, "States");
	if (states->type != OLIST_JSON_OBJECT || states->count == 0)
	{
		problem(check, SCHEMA, "must be an object of at least one state");
		leave(check, len);
		return;
	}
	check_names(check, states);
	check->depth++;
	for (int i = 0; i < states->count; i++)
	{
		int inner = enter(check, states->members[i].key);

		check_state(check, states->members[i].value, false);
		leave(check, inner);
	}
	check->depth--;
	leave(check, len);
	check_transitions(check, json, states, outbound_code, container);
}

static void
begin_check(Check *check, OlistResources resources)
{
	memset(check, 0, sizeof(Check));
	check->problems = palloc0(sizeof(OlistProblems));
	check->names = olist_json_object();
	check->resources = resources;
	initStringInfo(&check->path);
}

OlistProblems *
olist_validate(const OlistJson *definition, OlistResources resources)
{
	Check check;

	begin_check(&check, resources);
	if (definition->type != OLIST_JSON_OBJECT)
		problem(&check, SCHEMA, "Definition must be a valid JSON object");
	else
		check_sequence(&check, definition, NULL, NULL);
	return check.problems;
}

OlistProblems *
olist_validate_state(const OlistJson *state, OlistResources resources)
{
	Check check;

	begin_check(&check, resources);
	check_state(&check, state, true);
	return check.problems;
}

OlistProblems *
olist_validate_text(const char *text, int len)
{
	Check check;
	OlistJsonError error;
	char *key;

	begin_check(&check, OLIST_RESOURCES_OWN);
	if (olist_json_parse(text, len, &error) == NULL)
		problem(&check, "INVALID_JSON_DESCRIPTION", "%s at byte %d", error.message,
				error.offset + 1);
	else if ((key = olist_json_duplicate_key(text, len)) != NULL)
		problem(&check, "DUPLICATE_FIELD_NAME", "the field %s is there twice in one object", key);
	return check.problems;
}
