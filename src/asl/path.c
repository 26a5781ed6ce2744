/*
 * asl/path.c
 *		What a path says of itself, and putting a value where it points.
 */
#include "postgres.h"

#include "asl/path_steps.h"

#include "lib/stringinfo.h"
#include "miscadmin.h"

bool
olist_path_is_reference(const OlistPath *path)
{
	if (path->root != OLIST_ROOT_INPUT)
		return false;
	for (int i = 0; i < path->count; i++)
	{
		if (path->steps[i].kind != OLIST_STEP_KEY &&
			(path->steps[i].kind != OLIST_STEP_INDEX || path->steps[i].index < 0))
			return false;
	}
	return true;
}

bool
olist_path_is_definite(const OlistPath *path)
{
	return path->definite;
}

bool
olist_path_is_context(const OlistPath *path)
{
	return path->root == OLIST_ROOT_CONTEXT;
}

const char *
olist_path_variable(const OlistPath *path)
{
	return path->variable;
}

char *
olist_path_canonical(const OlistPath *path)
{
	StringInfoData buf;

	initStringInfo(&buf);
	appendStringInfoChar(&buf, '$');
	for (int i = 0; i < path->count; i++)
	{
		const OlistPathStep *step = &path->steps[i];

		switch (step->kind)
		{
			case OLIST_STEP_KEY:
				appendStringInfo(&buf, "['%s']", step->key);
				break;
			case OLIST_STEP_INDEX:
				appendStringInfo(&buf, "[" INT64_FORMAT "]", step->index);
				break;
			case OLIST_STEP_WILDCARD:
				appendStringInfoString(&buf, "[*]");
				break;
			case OLIST_STEP_SLICE:
				appendStringInfoChar(&buf, '[');
				if (step->has_from)
					appendStringInfo(&buf, INT64_FORMAT, step->from);
				appendStringInfoChar(&buf, ':');
				if (step->has_to)
					appendStringInfo(&buf, INT64_FORMAT, step->to);
				appendStringInfoChar(&buf, ']');
				break;
			case OLIST_STEP_UNION:
				appendStringInfoString(&buf, "[,]");
				break;
			case OLIST_STEP_FILTER:
				appendStringInfoString(&buf, "[?]");
				break;
			case OLIST_STEP_DESCENT:
				appendStringInfoString(&buf, "..");
				break;
		}
	}
	return buf.data;
}

static OlistJson *
put(const OlistPath *path, int at, const OlistJson *document, OlistJson *value)
{
	const OlistPathStep *step;
	OlistJson *copy;
	OlistJson *below;

	check_stack_depth();
	if (at == path->count)
		return value;
	step = &path->steps[at];
	if (step->kind == OLIST_STEP_INDEX)
	{
		if (document == NULL || document->type != OLIST_JSON_ARRAY ||
			step->index >= document->count)
			return NULL;
		below = put(path, at + 1, document->items[step->index], value);
		if (below == NULL)
			return NULL;
		copy = olist_json_copy_shallow(document);
		copy->items[step->index] = below;
		return copy;
	}
	if (document != NULL && document->type != OLIST_JSON_OBJECT)
		return NULL;
	below = put(path, at + 1, olist_json_get_n(document, step->key, step->key_len), value);
	if (below == NULL)
		return NULL;
	copy = document == NULL ? olist_json_object() : olist_json_copy_shallow(document);
	olist_json_set_n(copy, step->key, step->key_len, below);
	return copy;
}

OlistJson *
olist_path_put(const OlistPath *path, const OlistJson *document, OlistJson *value)
{
	Assert(olist_path_is_reference(path));
	return put(path, 0, document, value);
}
