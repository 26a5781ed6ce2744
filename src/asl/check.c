/*
 * asl/check.c
 *		What a validation notes, and what single values must be.
 */
#include "postgres.h"

#include "asl/check.h"

#include "asl/intrinsics.h"
#include "asl/path.h"
#include "miscadmin.h"

/* ---------- noting problems ---------- */

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

void
olist_check_problem(OlistCheck *check, const char *code, const char *format, ...)
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
int
olist_check_enter(OlistCheck *check, const char *name)
{
	int len = check->path.len;

	appendStringInfo(&check->path, "/%s", name);
	return len;
}

int
olist_check_enter_item(OlistCheck *check, int index)
{
	int len = check->path.len;

	appendStringInfo(&check->path, "/%d", index);
	return len;
}

void
olist_check_leave(OlistCheck *check, int len)
{
	check->path.len = len;
	check->path.data[len] = '\0';
}

void
olist_check_unsupported(OlistCheck *check, const char *feature)
{
	olist_check_problem(check, OLIST_NOT_SUPPORTED, "%s is not supported", feature);
}

/* ---------- values ---------- */

void
olist_check_path(OlistCheck *check, const OlistJson *value, bool null_allowed)
{
	const char *message;

	if (null_allowed && value->type == OLIST_JSON_NULL)
		return;
	if (!olist_check_is_string(value))
		olist_check_problem(check, OLIST_SCHEMA, "must be a path%s",
							null_allowed ? " or null" : "");
	else if (olist_path_parse(value->text, value->count, &message) == NULL)
		olist_check_problem(check, OLIST_SCHEMA, "is no valid path: %s", message);
}

void
olist_check_result_path(OlistCheck *check, const OlistJson *value)
{
	const char *message;
	OlistPath *path;

	if (value->type == OLIST_JSON_NULL)
		return;
	if (!olist_check_is_string(value))
	{
		olist_check_problem(check, OLIST_SCHEMA, "must be a reference path or null");
		return;
	}
	path = olist_path_parse(value->text, value->count, &message);
	if (path == NULL)
		olist_check_problem(check, OLIST_SCHEMA, "is no valid path: %s", message);
	else if (!olist_path_is_reference(path))
		olist_check_problem(
			check, OLIST_SCHEMA,
			"must be a reference path: names and single indexes below $, nothing else");
}

void
olist_check_path_or_call(OlistCheck *check, const OlistJson *value)
{
	const char *message;

	if (!olist_check_is_string(value) ||
		(olist_intrinsic_looks_like(value->text)
			 ? (void *) olist_intrinsic_parse(value->text, value->count, &message)
			 : (void *) olist_path_parse(value->text, value->count, &message)) == NULL)
		olist_check_problem(
			check, OLIST_SCHEMA,
			"The value for the field '%s' must be a valid JSONPath or a valid intrinsic "
			"function call%s%s",
			strrchr(check->path.data, '/') + 1, olist_check_is_string(value) ? ": " : "",
			olist_check_is_string(value) ? message : "");
}

static bool
ends_in_dollar(const OlistJsonMember *member)
{
	return member->key_len > 2 && memcmp(member->key + member->key_len - 2, ".$", 2) == 0;
}

void
olist_check_template(OlistCheck *check, const OlistJson *value)
{
	check_stack_depth();
	if (value->type == OLIST_JSON_ARRAY)
	{
		for (int i = 0; i < value->count; i++)
		{
			int len = olist_check_enter_item(check, i);

			olist_check_template(check, value->items[i]);
			olist_check_leave(check, len);
		}
	}
	if (value->type != OLIST_JSON_OBJECT)
		return;
	for (int i = 0; i < value->count; i++)
	{
		const OlistJsonMember *member = &value->members[i];
		int len = olist_check_enter(check, member->key);

		if (!ends_in_dollar(member))
			olist_check_template(check, member->value);
		else
		{
			olist_check_path_or_call(check, member->value);
			if (olist_json_get_n(value, member->key, member->key_len - 2) != NULL)
				olist_check_problem(check, "DUPLICATE_FIELD_NAME",
									"the field is there twice once .$ is taken off its name");
		}
		olist_check_leave(check, len);
	}
}

void
olist_check_number(OlistCheck *check, const OlistJson *value, OlistWant want)
{
	int64 whole;
	bool is_whole = olist_json_to_int64(value, &whole);
	double number = value->type == OLIST_JSON_NUMBER ? olist_json_to_double(value) : -1;

	if (want == OLIST_WANT_WHOLE && !(is_whole && whole >= 0))
		olist_check_problem(check, OLIST_SCHEMA, "must be a whole number of 0 or more");
	else if (want == OLIST_WANT_POSITIVE && !(is_whole && whole > 0))
		olist_check_problem(check, OLIST_SCHEMA, "must be a whole number of 1 or more");
	else if (want == OLIST_WANT_PERCENTAGE && !(number >= 0 && number <= 100))
		olist_check_problem(check, OLIST_SCHEMA, "must be a number from 0 to 100");
	else if (want == OLIST_WANT_RATE && !(number >= 1))
		olist_check_problem(check, OLIST_SCHEMA, "must be a number of 1 or more");
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

void
olist_check_resource(OlistCheck *check, const OlistJson *value)
{
	const char *feature;

	if (value->type == OLIST_JSON_OBJECT)
	{
		olist_check_unsupported(check, "a CloudFormation function");
		return;
	}
	if (!olist_check_is_string(value))
	{
		olist_check_problem(check, OLIST_SCHEMA, "must be a string");
		return;
	}
	if (strncmp(value->text, "olist:", 6) == 0)
	{
		if (value->text[6] == '\0')
			olist_check_problem(check, OLIST_SCHEMA, "must name a function after olist:");
		return;
	}
	feature = foreign_feature(value->text);
	if (feature == NULL || bad_function_alias(value->text) ||
		(value->text[0] == '$' && strchr(value->text, '}') == NULL))
		olist_check_problem(check, OLIST_SCHEMA, "must be olist: followed by a function's name");
	else if (check->resources < (strcmp(feature, "a Lambda function") == 0 ? OLIST_RESOURCES_LAMBDA
																		   : OLIST_RESOURCES_ANY))
		olist_check_unsupported(check, feature);
}
