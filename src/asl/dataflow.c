/*
 * asl/dataflow.c
 *		The fields that select, shape and place data, one function each.
 */
#include "postgres.h"

#include "asl/dataflow.h"

#include "miscadmin.h"

static OlistJson *
fail(OlistFailure *failure, const char *error, char *cause)
{
	failure->error = error;
	failure->cause = cause;
	return NULL;
}

static OlistPathRoots
roots_of(const OlistJson *input, const OlistScope *scope)
{
	return (OlistPathRoots){
		.input = input, .context = scope->context, .variables = scope->variables};
}

OlistJson *
olist_dataflow_get(const char *text, const OlistJson *input, const OlistScope *scope,
				   OlistFailure *failure)
{
	const char *message;
	OlistPathRoots roots = roots_of(input, scope);
	OlistPath *path = olist_path_parse(text, (int) strlen(text), &message);
	OlistJson *value;

	if (path == NULL)
		return fail(failure, "States.Runtime", psprintf("Invalid path '%s' : %s", text, message));
	value = olist_path_get(path, &roots);
	if (value == NULL)
		return fail(failure, "States.Runtime",
					psprintf("Invalid path '%s' : No results for path: %s", text,
							 olist_path_canonical(path)));
	return value;
}

OlistJson *
olist_dataflow_path(const OlistJson *state, const char *name, const OlistJson *input,
					const OlistScope *scope, OlistFailure *failure)
{
	OlistJson *path = olist_json_get(state, name);

	if (path == NULL)
		return unconstify(OlistJson *, input);
	if (path->type == OLIST_JSON_NULL)
		return olist_json_object();
	return olist_dataflow_get(path->text, input, scope, failure);
}

/* more of the input is not shown in a message */
#define MAX_SHOWN_BYTES 8192

/* the input as a message shows it */
static char *
show_input(const OlistJson *input)
{
	int len;
	char *text;

	if (input == NULL)
		return pstrdup("");
	text = olist_json_print(input, &len);
	if (len <= MAX_SHOWN_BYTES)
		return text;
	len = MAX_SHOWN_BYTES;
	while (len > 0 && (text[len] & 0xC0) == 0x80)
		len--;
	text[len] = '\0';
	return psprintf("%s...", text);
}

/* the value of a template's member whose name ends in .$ */
static OlistJson *
evaluate_member(const OlistJsonMember *member, const OlistJson *input, const OlistScope *scope,
				OlistFailure *failure)
{
	OlistPathRoots roots = roots_of(input, scope);
	const char *text = member->value->text;
	const char *parse_message;
	char *message = NULL;
	char *missing = NULL;
	OlistJson *value = NULL;

	if (member->value->type != OLIST_JSON_STRING)
		return fail(failure, "States.Runtime",
					psprintf("The value for the field '%s' must be a valid JSONPath or a valid "
							 "intrinsic function call",
							 member->key));
	if (olist_intrinsic_looks_like(text))
	{
		OlistIntrinsic *call = olist_intrinsic_parse(text, member->value->count, &parse_message);

		if (call != NULL)
			value = olist_intrinsic_call(call, &roots, scope->random, &message, &missing);
		else
			message = pstrdup(parse_message);
	}
	else
	{
		OlistPath *path = olist_path_parse(text, member->value->count, &parse_message);

		if (path == NULL)
			message = psprintf("Invalid path '%s' : %s", text, parse_message);
		else
		{
			value = olist_path_get(path, &roots);
			missing = pstrdup(text);
		}
	}
	if (value != NULL)
		return value;
	if (missing != NULL)
		return fail(failure, "States.Runtime",
					psprintf("The JSONPath '%s' specified for the field '%s' could not be found "
							 "in the input '%s'",
							 missing, member->key,
							 show_input(strncmp(missing, "$$", 2) == 0 ? scope->context : input)));
	return fail(failure,
				olist_intrinsic_looks_like(text) ? "States.IntrinsicFailure" : "States.Runtime",
				message);
}

OlistJson *
olist_dataflow_template(const OlistJson *template, const OlistJson *input, const OlistScope *scope,
						OlistFailure *failure)
{
	OlistJson *made;

	check_stack_depth();
	if (template->type == OLIST_JSON_ARRAY)
	{
		made = olist_json_array();
		for (int i = 0; i < template->count; i++)
		{
			OlistJson *item = olist_dataflow_template(template->items[i], input, scope, failure);

			if (item == NULL)
				return NULL;
			olist_json_append(made, item);
		}
		return made;
	}
	if (template->type != OLIST_JSON_OBJECT)
		return unconstify(OlistJson *, template);
	made = olist_json_object();
	for (int i = 0; i < template->count; i++)
	{
		const OlistJsonMember *member = &template->members[i];
		int len = member->key_len;
		bool evaluated = len > 2 && memcmp(member->key + len - 2, ".$", 2) == 0;
		OlistJson *value = evaluated
							   ? evaluate_member(member, input, scope, failure)
							   : olist_dataflow_template(member->value, input, scope, failure);

		if (value == NULL)
			return NULL;
		olist_json_set_n(made, member->key, evaluated ? len - 2 : len, value);
	}
	return made;
}

OlistJson *
olist_dataflow_result_path(const OlistJson *holder, const OlistJson *raw, OlistJson *result,
						   OlistFailure *failure)
{
	OlistJson *field = olist_json_get(holder, "ResultPath");
	const char *message;
	OlistPath *path;
	OlistJson *placed;

	if (field == NULL)
		return result;
	if (field->type == OLIST_JSON_NULL)
		return unconstify(OlistJson *, raw);
	path = olist_path_parse(field->text, field->count, &message);
	if (path == NULL || !olist_path_is_reference(path))
		return fail(
			failure, "States.Runtime",
			psprintf("Invalid path '%s' : a ResultPath must be a Reference Path", field->text));
	placed = olist_path_put(path, raw, result);
	if (placed == NULL)
		return fail(
			failure, "States.ResultPathMatchFailure",
			psprintf("Unable to apply ReferencePath %s to input %s", field->text, show_input(raw)));
	return placed;
}

void
olist_dataflow_no_array(const OlistJson *items_path, OlistFailure *failure)
{
	const char *text = items_path == NULL ? "$" : items_path->text;

	fail(failure, "States.Runtime",
		 psprintf("Reference path \"%s\" must point to array.",
				  text + (strncmp(text, "$$", 2) == 0)));
}
