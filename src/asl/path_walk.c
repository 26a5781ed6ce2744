/*
 * asl/path_walk.c
 *		Walking a path's steps over a tree.
 *
 *		root ──► step, step, … ──► the value, or an array of all that were reached
 */
#include "postgres.h"

#include "asl/path_steps.h"

#include "miscadmin.h"

typedef struct Walk
{
	const OlistPathRoots *roots;
	const OlistJson *current; /* @ */
	const OlistPathStep *steps;
	int count;
	OlistJson *found; /* what an indefinite path has found, or NULL for a definite one */
	OlistJson *value; /* what a definite path has found */
} Walk;

static OlistJson *
get_value(const OlistPath *path, const OlistPathRoots *roots, const OlistJson *current);
static void walk(Walk *w, int at, OlistJson *node);

static void
walk_index(Walk *w, int at, OlistJson *node, int64 index)
{
	if (node->type != OLIST_JSON_ARRAY)
		return;
	if (index < 0)
		index += node->count;
	if (index >= 0 && index < node->count)
		walk(w, at + 1, node->items[index]);
}

static void
walk_slice(Walk *w, int at, OlistJson *node, const OlistPathStep *step)
{
	int64 from = step->has_from ? step->from : 0;
	int64 to;

	if (node->type != OLIST_JSON_ARRAY)
		return;
	to = step->has_to ? step->to : node->count;
	if (from < 0)
		from = Max(from + node->count, 0);
	if (to < 0)
		to += node->count;
	to = Min(to, node->count);
	for (int64 i = from; i < to; i++)
		walk(w, at + 1, node->items[i]);
}

static OlistJson *
operand_value(const Walk *w, const OlistPathOperand *operand, const OlistJson *current)
{
	return operand->path != NULL ? get_value(operand->path, w->roots, current) : operand->literal;
}

/* both are there, comparable, and in this order; else false */
static bool
in_order(const OlistJson *a, const OlistJson *b, OlistPathFilterOp op)
{
	int order;

	if (a == NULL || b == NULL || a->type != b->type)
		return false;
	if (a->type == OLIST_JSON_NUMBER)
		order = olist_json_compare_numbers(a, b);
	else if (a->type == OLIST_JSON_STRING)
	{
		order = memcmp(a->text, b->text, Min(a->count, b->count));
		if (order == 0)
			order = a->count - b->count;
	}
	else
		return false;
	switch (op)
	{
		case OLIST_FILTER_LT:
			return order < 0;
		case OLIST_FILTER_LE:
			return order <= 0;
		case OLIST_FILTER_GT:
			return order > 0;
		default:
			return order >= 0;
	}
}

static bool
filter_holds(const Walk *w, const OlistPathFilter *filter, const OlistJson *current)
{
	OlistJson *a;
	OlistJson *b;

	check_stack_depth();
	switch (filter->op)
	{
		case OLIST_FILTER_OR:
			return filter_holds(w, filter->left, current) ||
				   filter_holds(w, filter->right, current);
		case OLIST_FILTER_AND:
			return filter_holds(w, filter->left, current) &&
				   filter_holds(w, filter->right, current);
		case OLIST_FILTER_NOT:
			return !filter_holds(w, filter->left, current);
		case OLIST_FILTER_EXISTS:
			a = operand_value(w, &filter->a, current);
			return a != NULL && (filter->a.path->definite || a->count > 0);
		default:
			break;
	}
	a = operand_value(w, &filter->a, current);
	b = operand_value(w, &filter->b, current);
	if (filter->op == OLIST_FILTER_EQ)
		return a != NULL && b != NULL && olist_json_equal(a, b);
	if (filter->op == OLIST_FILTER_NE)
		return a == NULL || b == NULL || !olist_json_equal(a, b);
	return in_order(a, b, filter->op);
}

/* continue below every value under node, node itself first */
static void
walk_descent(Walk *w, int at, OlistJson *node)
{
	check_stack_depth();
	CHECK_FOR_INTERRUPTS();
	walk(w, at + 1, node);
	if (node->type != OLIST_JSON_ARRAY && node->type != OLIST_JSON_OBJECT)
		return;
	for (int i = 0; i < node->count; i++)
		walk_descent(w, at,
					 node->type == OLIST_JSON_ARRAY ? node->items[i] : node->members[i].value);
}

/* the steps that may lead to several values */
static void
walk_many(Walk *w, int at, OlistJson *node, const OlistPathStep *step)
{
	bool is_array = node->type == OLIST_JSON_ARRAY;

	if (step->kind == OLIST_STEP_DESCENT)
	{
		walk_descent(w, at, node);
		return;
	}
	if (!is_array && node->type != OLIST_JSON_OBJECT)
		return;
	for (int i = 0; i < node->count; i++)
	{
		OlistJson *child = is_array ? node->items[i] : node->members[i].value;

		if (step->kind == OLIST_STEP_WILDCARD || filter_holds(w, step->filter, child))
			walk(w, at + 1, child);
	}
}

static void
walk_one(Walk *w, int at, OlistJson *node, const OlistPathStep *step)
{
	OlistJson *child;

	switch (step->kind)
	{
		case OLIST_STEP_KEY:
			child = olist_json_get_n(node, step->key, step->key_len);
			if (child != NULL)
				walk(w, at + 1, child);
			break;
		case OLIST_STEP_INDEX:
			walk_index(w, at, node, step->index);
			break;
		case OLIST_STEP_SLICE:
			walk_slice(w, at, node, step);
			break;
		case OLIST_STEP_UNION:
			for (int i = 0; i < step->member_count; i++)
				walk_one(w, at, node, &step->members[i]);
			break;
		case OLIST_STEP_WILDCARD:
		case OLIST_STEP_FILTER:
		case OLIST_STEP_DESCENT:
			walk_many(w, at, node, step);
			break;
	}
}

/* take the steps from at on, and note every value reached */
static void
walk(Walk *w, int at, OlistJson *node)
{
	check_stack_depth();
	if (at < w->count)
		walk_one(w, at, node, &w->steps[at]);
	else if (w->found != NULL)
		olist_json_append(w->found, node);
	else
		w->value = node;
}

static OlistJson *
get_value(const OlistPath *path, const OlistPathRoots *roots, const OlistJson *current)
{
	const OlistJson *root = NULL;
	Walk w = {.roots = roots, .current = current, .steps = path->steps, .count = path->count};

	switch (path->root)
	{
		case OLIST_ROOT_INPUT:
			root = roots->input;
			break;
		case OLIST_ROOT_CONTEXT:
			root = roots->context;
			break;
		case OLIST_ROOT_VARIABLE:
			root = olist_json_get(roots->variables, path->variable);
			break;
		case OLIST_ROOT_CURRENT:
			root = current;
			break;
	}
	if (!path->definite)
		w.found = olist_json_array();

	/* a tree is never changed through a path, so its const may be dropped here */
	if (root != NULL)
		walk(&w, 0, unconstify(OlistJson *, root));
	return path->definite ? w.value : w.found;
}

OlistJson *
olist_path_get(const OlistPath *path, const OlistPathRoots *roots)
{
	return get_value(path, roots, NULL);
}
