/*
 * load/json.c
 *		The argument of a task function, and its result.
 */
#include "postgres.h"

#include "load/json.h"

#include "compat.h"
#include "utils/builtins.h"
#include "utils/numeric.h"

pg_noreturn static void wrong_type(const char *key, const char *expected);

static void
wrong_type(const char *key, const char *expected)
{
	ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					errmsg("member \"%s\" of the JSON argument must be %s", key, expected)));
}

void
olist_json_check_object(Jsonb *argument)
{
	if (!JB_ROOT_IS_OBJECT(argument))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("the argument must be a JSON object")));
}

/* the member, or NULL if it is missing or null */
static JsonbValue *
get_member(Jsonb *argument, const char *key)
{
	JsonbValue *value;

	olist_json_check_object(argument);
	value = getKeyJsonValueFromContainer(&argument->root, key, strlen(key), NULL);
	return value == NULL || value->type == jbvNull ? NULL : value;
}

char *
olist_json_text(Jsonb *argument, const char *key)
{
	JsonbValue *value = get_member(argument, key);

	if (value == NULL)
		return NULL;
	switch (value->type)
	{
		case jbvString:
			return pnstrdup(value->val.string.val, value->val.string.len);
		case jbvNumeric:
			return DatumGetCString(
				DirectFunctionCall1(numeric_out, NumericGetDatum(value->val.numeric)));
		case jbvBool:
			return pstrdup(value->val.boolean ? "true" : "false");
		default:
			wrong_type(key, "a string, a number or a boolean");
	}
}

char *
olist_json_required_text(Jsonb *argument, const char *key)
{
	char *text = olist_json_text(argument, key);

	if (text == NULL)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("the argument lacks the member \"%s\"", key)));
	return text;
}

int64
olist_json_int8(Jsonb *argument, const char *key, int64 dflt)
{
	JsonbValue *value = get_member(argument, key);

	if (value == NULL)
		return dflt;
	if (value->type != jbvNumeric)
		wrong_type(key, "a number");
	return DatumGetInt64(DirectFunctionCall1(numeric_int8, NumericGetDatum(value->val.numeric)));
}

bool
olist_json_bool(Jsonb *argument, const char *key, bool dflt)
{
	JsonbValue *value = get_member(argument, key);

	if (value == NULL)
		return dflt;
	if (value->type != jbvBool)
		wrong_type(key, "true or false");
	return value->val.boolean;
}

static void
push_member(JsonbParseState **state, const char *key, JsonbValue *value)
{
	JsonbValue name = {.type = jbvString};

	name.val.string.val = (char *) key;
	name.val.string.len = strlen(key);
	pushJsonbValue(state, WJB_KEY, &name);
	pushJsonbValue(state, WJB_VALUE, value);
}

void
olist_json_push_text(JsonbParseState **state, const char *key, const char *value)
{
	JsonbValue text = {.type = jbvNull};

	if (value != NULL)
	{
		text.type = jbvString;
		text.val.string.val = (char *) value;
		text.val.string.len = strlen(value);
	}
	push_member(state, key, &text);
}

void
olist_json_push_int8(JsonbParseState **state, const char *key, int64 value)
{
	JsonbValue number = {.type = jbvNumeric};

	number.val.numeric = DatumGetNumeric(DirectFunctionCall1(int8_numeric, Int64GetDatum(value)));
	push_member(state, key, &number);
}

void
olist_json_push_bool(JsonbParseState **state, const char *key, bool value)
{
	JsonbValue boolean = {.type = jbvBool, .val.boolean = value};

	push_member(state, key, &boolean);
}
