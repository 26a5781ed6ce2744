/*
 * asl/test_state.c
 *		olist_etl.test_state(): one state alone, with the value after each stage.
 *
 * What a Task, Parallel or Map would give is given as mock, {"result": …} or
 * {"errorOutput": {"error": …, "cause": …}}; nothing is executed. The stages
 * that are shown, and their names, are those of AWS's TestState.
 */
#include "postgres.h"

#include "asl/choice.h"
#include "asl/datum.h"
#include "asl/definition.h"
#include "asl/retry.h"
#include "asl/validate.h"

#include "fmgr.h"
#include "utils/timestamp.h"

PG_FUNCTION_INFO_V1(olist_etl_test_state);

typedef struct Test
{
	const OlistJson *state;
	OlistStateKind kind;
	OlistJson *raw;
	const OlistJson *mock;
	OlistScope scope;
	OlistRandom random;
	OlistFailure failure;
	OlistJson *stages; /* inspectionData */
	OlistJson *answer;
} Test;

static void
note(Test *test, const char *stage, OlistJson *value)
{
	olist_json_set(test->stages, stage, value);
}

static void
set_status(Test *test, const char *status)
{
	olist_json_set(test->answer, "status", olist_json_string(status));
}

static void
set_next(Test *test, const OlistJson *next)
{
	if (next != NULL)
		olist_json_set(test->answer, "nextState", unconstify(OlistJson *, next));
}

/* the state fails: retried, caught, or for good */
static void
fail_state(Test *test)
{
	const OlistJson *catcher = olist_retry_catcher(test->state, test->failure.error);
	int retrier = olist_retry_find(test->state, test->failure.error);

	if (test->failure.error != NULL)
		olist_json_set(test->answer, "error", olist_json_string(test->failure.error));
	if (test->failure.cause != NULL)
		olist_json_set(test->answer, "cause", olist_json_string(test->failure.cause));
	if (retrier >= 0 && olist_retry_allows(olist_json_get(test->state, "Retry")->items[retrier], 0))
		set_status(test, "RETRIABLE");
	else if (catcher != NULL)
	{
		OlistJson *error = olist_json_object();
		OlistJson *output;

		olist_json_set(error, "Error",
					   olist_json_string(test->failure.error == NULL ? "" : test->failure.error));
		olist_json_set(error, "Cause",
					   olist_json_string(test->failure.cause == NULL ? "" : test->failure.cause));
		output = olist_dataflow_result_path(catcher, test->raw, error, &test->failure);
		if (output != NULL)
			olist_json_set(test->answer, "output", output);
		set_next(test, olist_json_get(catcher, "Next"));
		set_status(test, "CAUGHT_ERROR");
	}
	else
		set_status(test, "FAILED");
}

/* OutputPath, and the end */
static bool
succeed(Test *test, const OlistJson *value, const OlistJson *next)
{
	OlistJson *output =
		olist_dataflow_path(test->state, "OutputPath", value, &test->scope, &test->failure);

	if (output == NULL)
		return false;
	olist_json_set(test->answer, "output", output);
	set_next(test, next);
	set_status(test, "SUCCEEDED");
	return true;
}

/* ResultSelector, ResultPath and what follows */
static bool
place_result(Test *test, OlistJson *result)
{
	const OlistJson *selector = olist_json_get(test->state, "ResultSelector");
	OlistJson *value = result;

	if (selector != NULL)
		value = olist_dataflow_template(selector, result, &test->scope, &test->failure);
	if (value == NULL)
		return false;
	note(test, "afterResultSelector", value);
	value = olist_dataflow_result_path(test->state, test->raw, value, &test->failure);
	if (value == NULL)
		return false;
	note(test, "afterResultPath", value);
	return succeed(test, value, olist_json_get(test->state, "Next"));
}

/* the mock's result; false with the mock's error as the failure */
static bool
mocked_result(Test *test, OlistJson **result)
{
	const OlistJson *error = olist_json_get(test->mock, "errorOutput");
	const OlistJson *name = olist_json_get(error, "error");
	const OlistJson *cause = olist_json_get(error, "cause");

	*result = olist_json_get(test->mock, "result");
	if (*result != NULL)
		return true;
	test->failure.error = name != NULL && name->type == OLIST_JSON_STRING ? name->text : NULL;
	test->failure.cause = cause != NULL && cause->type == OLIST_JSON_STRING ? cause->text : NULL;
	if (error == NULL)
	{
		test->failure.error = "States.Runtime";
		test->failure.cause = "A mock must give the state's result or errorOutput.";
	}
	return false;
}

/* what a Pass or Task state works on, NULL on failure */
static OlistJson *
parameters_of(Test *test, OlistJson *input)
{
	const OlistJson *parameters = olist_json_get(test->state, "Parameters");

	note(test, "afterInputPath", input);
	if (parameters != NULL)
		input = olist_dataflow_template(parameters, input, &test->scope, &test->failure);
	if (input != NULL)
		note(test, "afterParameters", input);
	return input;
}

static bool
test_pass(Test *test, OlistJson *input)
{
	OlistJson *fixed = olist_json_get(test->state, "Result");

	if (fixed != NULL)
	{
		note(test, "result", fixed);
		return place_result(test, fixed);
	}
	input = parameters_of(test, input);
	if (input == NULL)
		return false;
	return place_result(test, input);
}

static bool
test_task(Test *test, OlistJson *input)
{
	OlistJson *result;

	input = parameters_of(test, input);
	if (input == NULL)
		return false;
	if (!mocked_result(test, &result))
		return false;
	note(test, "result", result);
	return place_result(test, result);
}

static bool
test_parallel(Test *test, OlistJson *input)
{
	const OlistJson *parameters = olist_json_get(test->state, "Parameters");
	OlistJson *result;

	if (parameters != NULL)
	{
		input = olist_dataflow_template(parameters, input, &test->scope, &test->failure);
		if (input == NULL)
			return false;
		note(test, "afterParameters", input);
	}
	return mocked_result(test, &result) && place_result(test, result);
}

/* the inputs of a Map's iterations, NULL on failure */
static OlistJson *
select_items(Test *test, const OlistJson *selector, const OlistJson *input, const OlistJson *items)
{
	OlistJson *selected = olist_json_array();
	const OlistJson *context = test->scope.context;

	for (int i = 0; i < items->count; i++)
	{
		OlistJson *with_item = olist_json_copy_shallow(context);
		OlistJson *map = olist_json_object();
		OlistJson *item = olist_json_object();
		OlistJson *value;

		olist_json_set(item, "Index", olist_json_int(i));
		olist_json_set(item, "Value", items->items[i]);
		olist_json_set(map, "Item", item);
		olist_json_set(with_item, "Map", map);
		test->scope.context = with_item;
		value = olist_dataflow_template(selector, input, &test->scope, &test->failure);
		test->scope.context = context;
		if (value == NULL)
			return NULL;
		olist_json_append(selected, value);
	}
	return selected;
}

static bool
test_map(Test *test, OlistJson *input)
{
	const OlistJson *path = olist_json_get(test->state, "ItemsPath");
	const OlistJson *selector = olist_json_get(test->state, "ItemSelector");
	const OlistJson *concurrency = olist_json_get(test->state, "MaxConcurrency");
	OlistJson *items;
	OlistJson *result;

	note(test, "afterInputPath", input);
	items = olist_dataflow_path(test->state, "ItemsPath", input, &test->scope, &test->failure);
	if (items == NULL)
		return false;
	if (items->type != OLIST_JSON_ARRAY)
	{
		olist_dataflow_no_array(path, &test->failure);
		return false;
	}
	if (path != NULL)
		note(test, "afterItemsPath", items);
	if (selector == NULL)
		selector = olist_json_get(test->state, "Parameters");
	if (selector != NULL)
	{
		items = select_items(test, selector, input, items);
		if (items == NULL)
			return false;
		note(test, "afterItemSelector", items);
	}
	if (concurrency != NULL)
		note(test, "maxConcurrency", unconstify(OlistJson *, concurrency));
	return mocked_result(test, &result) && place_result(test, result);
}

static bool
test_choice(Test *test, OlistJson *input)
{
	const OlistJson *next = olist_json_get(test->state, "Default");
	const OlistJson *chosen;
	bool failed;

	note(test, "afterInputPath", input);
	chosen = olist_choice_select(test->state, input, &test->scope, &failed, &test->failure);
	if (failed)
		return false;
	if (chosen != NULL)
		next = olist_json_get(chosen, "Next");
	if (next == NULL)
	{
		test->failure.error = "States.NoChoiceMatched";
		test->failure.cause = "Failed to transition out of the state. The state does not point "
							  "to a next state.";
		return false;
	}
	return succeed(test, input, next);
}

static bool
test_fail(Test *test, OlistJson *input)
{
	static const char *const parts[] = {"Error", "Cause"};
	const char *texts[2] = {NULL, NULL};

	note(test, "afterInputPath", input);
	for (int i = 0; i < 2; i++)
	{
		const OlistJson *value = olist_json_get(test->state, parts[i]);
		const OlistJson *path = olist_json_get(test->state, psprintf("%sPath", parts[i]));

		if (path != NULL)
		{
			OlistJson *template = olist_json_object();

			olist_json_set(template, psprintf("%s.$", parts[i]), unconstify(OlistJson *, path));
			value = olist_json_get(
				olist_dataflow_template(template, input, &test->scope, &test->failure), parts[i]);
			if (value == NULL)
				return false;
		}
		texts[i] = value != NULL && value->type == OLIST_JSON_STRING ? value->text : NULL;
	}
	test->failure.error = texts[0];
	test->failure.cause = texts[1];
	return false;
}

static bool
run_state(Test *test)
{
	OlistJson *input =
		olist_dataflow_path(test->state, "InputPath", test->raw, &test->scope, &test->failure);

	note(test, "input", test->raw);
	if (input == NULL)
		return false;
	switch (test->kind)
	{
		case OLIST_STATE_PASS:
			return test_pass(test, input);
		case OLIST_STATE_TASK:
			return test_task(test, input);
		case OLIST_STATE_PARALLEL:
			return test_parallel(test, input);
		case OLIST_STATE_MAP:
			return test_map(test, input);
		case OLIST_STATE_CHOICE:
			return test_choice(test, input);
		case OLIST_STATE_FAIL:
			return test_fail(test, input);
		case OLIST_STATE_WAIT:
		case OLIST_STATE_SUCCEED:
			break;
	}
	note(test, "afterInputPath", input);
	return succeed(test, input, olist_json_get(test->state, "Next"));
}

/* the context object of a state that stands alone */
static OlistJson *
lone_context(const OlistJson *input)
{
	static const char *const parts[] = {"Execution", "StateMachine", "State"};
	OlistJson *context = olist_json_object();

	for (size_t i = 0; i < lengthof(parts); i++)
	{
		OlistJson *part = olist_json_object();

		if (i < 2)
			olist_json_set(part, "Id", olist_json_string("test"));
		olist_json_set(part, "Name", olist_json_string("test"));
		olist_json_set(context, parts[i], part);
	}
	olist_json_set(olist_json_get(context, "Execution"), "Input", unconstify(OlistJson *, input));
	return context;
}

Datum
olist_etl_test_state(PG_FUNCTION_ARGS)
{
	Test test = {.stages = olist_json_object(), .answer = olist_json_object()};
	OlistJson *state;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
						errmsg("state and input must not be NULL")));
	state = olist_json_from_datum(PG_GETARG_DATUM(0));
	test.state = state;
	test.raw = olist_json_from_datum(PG_GETARG_DATUM(1));
	test.mock = PG_ARGISNULL(2) ? NULL : olist_json_from_datum(PG_GETARG_DATUM(2));
	olist_validate_or_raise(
		olist_validate_state(state, test.mock == NULL ? OLIST_RESOURCES_OWN : OLIST_RESOURCES_ANY));
	olist_state_kind(olist_json_get(state, "Type")->text, &test.kind);
	test.scope.variables = PG_ARGISNULL(3) ? NULL : olist_json_from_datum(PG_GETARG_DATUM(3));
	test.scope.context =
		PG_ARGISNULL(4) ? lone_context(test.raw) : olist_json_from_datum(PG_GETARG_DATUM(4));
	if (test.scope.context->type != OLIST_JSON_OBJECT)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("context must be a JSON object")));
	test.random.state = (uint64) GetCurrentTimestamp();
	test.scope.random = &test.random;
	if (!run_state(&test))
		fail_state(&test);
	olist_json_set(test.answer, "inspectionData", test.stages);
	return olist_json_to_datum(test.answer);
}
