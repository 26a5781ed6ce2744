/*
 * asl/path.c
 *		Parsing a path into steps, and walking them.
 *
 *		text ──► root, step, step, … ──► walk over the tree ──► value or array
 *
 * PostgreSQL's own jsonpath is no help: it refuses hyphens in names and
 * ['name'], and its lax mode wraps scalars and maps members over arrays.
 */
#include "postgres.h"

#include "asl/path.h"

#include "lib/stringinfo.h"
#include "miscadmin.h"

/* filters nest no deeper, so that parsing and evaluating them is bounded */
#define MAX_FILTER_DEPTH 64

typedef enum StepKind
{
	STEP_KEY,	   /* .name, ['name'] */
	STEP_INDEX,	   /* [0], [-1] */
	STEP_WILDCARD, /* .*, [*] */
	STEP_SLICE,	   /* [1:3:1] */
	STEP_UNION,	   /* ['a','b'], [0,2] */
	STEP_FILTER,   /* [?(@.price > 10)] */
	STEP_DESCENT   /* .. : every value below */
} StepKind;

typedef struct Filter Filter;
typedef struct Step Step;

struct Step
{
	StepKind kind;
	char *key;
	int key_len;
	int64 index;
	int64 from; /* of a slice */
	int64 to;
	bool has_from;
	bool has_to;
	Step *members; /* of a union */
	int member_count;
	Filter *filter;
};

typedef enum FilterOp
{
	FILTER_OR,
	FILTER_AND,
	FILTER_NOT,
	FILTER_EXISTS,
	FILTER_EQ,
	FILTER_NE,
	FILTER_LT,
	FILTER_LE,
	FILTER_GT,
	FILTER_GE
} FilterOp;

typedef struct Operand
{
	OlistPath *path;	/* or NULL */
	OlistJson *literal; /* or NULL */
} Operand;

struct Filter
{
	FilterOp op;
	Filter *left; /* of OR, AND, NOT */
	Filter *right;
	Operand a; /* of the others */
	Operand b;
};

typedef enum RootKind
{
	ROOT_INPUT,
	ROOT_CONTEXT,
	ROOT_VARIABLE,
	ROOT_CURRENT /* @, inside a filter */
} RootKind;

struct OlistPath
{
	RootKind root;
	char *variable;
	Step *steps;
	int count;
	int capacity;
	bool definite;
};

typedef struct Parser
{
	const char *p;
	const char *end;
	const char *message;
	int depth;
} Parser;

static OlistPath *parse_path(Parser *parser);
static Filter *parse_or(Parser *parser);

/* ---------- parsing ---------- */

static void *
fail(Parser *parser, const char *message)
{
	if (parser->message == NULL)
		parser->message = message;
	return NULL;
}

static bool
at_char(const Parser *parser, char c)
{
	return parser->p < parser->end && *parser->p == c;
}

static void
skip_space(Parser *parser)
{
	while (at_char(parser, ' ') || at_char(parser, '\t'))
		parser->p++;
}

static bool
take(Parser *parser, const char *token)
{
	size_t len = strlen(token);

	skip_space(parser);
	if ((size_t) (parser->end - parser->p) < len || memcmp(parser->p, token, len) != 0)
		return false;
	parser->p += len;
	return true;
}

static bool
is_name_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
		   c == '-' || (c & 0x80) != 0;
}

/* a name after a dot runs until something that has a meaning of its own */
static bool
ends_dotted_name(const Parser *parser)
{
	return parser->p >= parser->end || strchr(".[]()=<>!&|, \t'\"*?@:", *parser->p) != NULL ||
		   (unsigned char) *parser->p < 0x20;
}

static Step *
add_step(OlistPath *path, StepKind kind)
{
	Step *step;

	if (path->count == path->capacity)
	{
		path->capacity = Max(4, path->capacity * 2);
		if (path->steps == NULL)
			path->steps = palloc(path->capacity * sizeof(Step));
		else
			path->steps = repalloc(path->steps, path->capacity * sizeof(Step));
	}
	step = &path->steps[path->count++];
	memset(step, 0, sizeof(Step));
	step->kind = kind;
	if (kind != STEP_KEY && kind != STEP_INDEX)
		path->definite = false;
	return step;
}

static bool
parse_integer(Parser *parser, int64 *value)
{
	bool negative = at_char(parser, '-');
	int digits = 0;

	if (negative)
		parser->p++;
	for (*value = 0; parser->p < parser->end && *parser->p >= '0' && *parser->p <= '9'; parser->p++)
	{
		if (++digits > 15)
			return fail(parser, "an index is too large") != NULL;
		*value = *value * 10 + (*parser->p - '0');
	}
	if (negative)
		*value = -*value;
	return digits > 0 || fail(parser, "an index must be a whole number") != NULL;
}

/*
 * The text between quotes; a backslash escapes the quote that delimits, and is
 * itself otherwise.
 */
static char *
parse_quoted(Parser *parser, int *len)
{
	StringInfoData buf;
	char quote = *parser->p++;

	initStringInfo(&buf);
	while (parser->p < parser->end && *parser->p != quote)
	{
		if (*parser->p == '\\' && parser->p + 1 < parser->end && parser->p[1] == quote)
			parser->p++;
		appendStringInfoChar(&buf, *parser->p++);
	}
	if (parser->p >= parser->end)
		return fail(parser, "a quoted name does not end");
	parser->p++;
	*len = buf.len;
	return buf.data;
}

/* one member of a bracket: a quoted name, an index, or a slice */
static bool
parse_bracket_member(Parser *parser, Step *step)
{
	memset(step, 0, sizeof(Step));
	skip_space(parser);
	if (at_char(parser, '\'') || at_char(parser, '"'))
	{
		step->kind = STEP_KEY;
		step->key = parse_quoted(parser, &step->key_len);
		skip_space(parser);
		return step->key != NULL;
	}
	step->kind = STEP_INDEX;
	if (!at_char(parser, ':'))
	{
		if (!parse_integer(parser, &step->index))
			return false;
		step->has_from = true;
	}
	skip_space(parser);
	if (!at_char(parser, ':'))
		return true;
	parser->p++;
	step->kind = STEP_SLICE;
	step->from = step->index;
	skip_space(parser);
	if (at_char(parser, '-') || (parser->p < parser->end && *parser->p >= '0' && *parser->p <= '9'))
	{
		step->has_to = true;
		if (!parse_integer(parser, &step->to))
			return false;
	}
	skip_space(parser);
	return true;
}

/* the one script that is allowed as an index: (@.length-1) counts from the end */
static bool
parse_from_end(Parser *parser, OlistPath *path)
{
	int64 back;

	if (!take(parser, "(@.length-"))
		return fail(parser, "only (@.length-n) may be computed") != NULL;
	if (!parse_integer(parser, &back))
		return false;
	add_step(path, STEP_INDEX)->index = -back;
	return take(parser, ")") || fail(parser, "a closing parenthesis is missing") != NULL;
}

static bool
parse_filter(Parser *parser, OlistPath *path)
{
	Filter *filter;

	if (!take(parser, "("))
		return fail(parser, "a filter must stand in parentheses") != NULL;
	filter = parse_or(parser);
	if (filter == NULL)
		return false;
	if (!take(parser, ")"))
		return fail(parser, "a filter does not end") != NULL;
	add_step(path, STEP_FILTER)->filter = filter;
	return true;
}

/* what follows an opening bracket, up to and with the closing one */
static bool
parse_bracket(Parser *parser, OlistPath *path)
{
	skip_space(parser);
	if (at_char(parser, '*'))
	{
		parser->p++;
		add_step(path, STEP_WILDCARD);
	}
	else if (at_char(parser, '('))
	{
		if (!parse_from_end(parser, path))
			return false;
	}
	else if (at_char(parser, '?'))
	{
		parser->p++;
		if (!parse_filter(parser, path))
			return false;
	}
	else
	{
		Step first;
		Step *step;

		if (!parse_bracket_member(parser, &first))
			return false;
		if (!at_char(parser, ','))
			*add_step(path, first.kind) = first;
		else
		{
			step = add_step(path, STEP_UNION);
			step->members = palloc(sizeof(Step));
			step->members[0] = first;
			step->member_count = 1;
			while (take(parser, ","))
			{
				step->members = repalloc(step->members, (step->member_count + 1) * sizeof(Step));
				if (!parse_bracket_member(parser, &step->members[step->member_count++]))
					return false;
			}
		}
	}
	return take(parser, "]") || fail(parser, "a closing bracket is missing") != NULL;
}

static bool
parse_dotted(Parser *parser, OlistPath *path)
{
	const char *start = parser->p;
	Step *step;

	if (at_char(parser, '*'))
	{
		parser->p++;
		add_step(path, STEP_WILDCARD);
		return true;
	}
	while (!ends_dotted_name(parser))
		parser->p++;
	if (parser->p == start)
		return fail(parser, "a name must follow the dot") != NULL;
	step = add_step(path, STEP_KEY);
	step->key_len = (int) (parser->p - start);
	step->key = pnstrdup(start, step->key_len);
	return true;
}

static bool
parse_steps(Parser *parser, OlistPath *path)
{
	for (;;)
	{
		if (at_char(parser, '['))
		{
			parser->p++;
			if (!parse_bracket(parser, path))
				return false;
		}
		else if (at_char(parser, '.'))
		{
			parser->p++;
			if (at_char(parser, '.'))
			{
				parser->p++;
				add_step(path, STEP_DESCENT);
				if (at_char(parser, '['))
					continue;
			}
			if (!parse_dotted(parser, path))
				return false;
		}
		else
			return true;
	}
}

/* the root at p and the steps that follow it */
static OlistPath *
parse_path(Parser *parser)
{
	OlistPath *path = palloc0(sizeof(OlistPath));
	const char *start;

	path->definite = true;
	if (at_char(parser, '@'))
		path->root = ROOT_CURRENT;
	else if (!at_char(parser, '$'))
		return fail(parser, "a path must start with $");
	parser->p++;
	if (path->root != ROOT_CURRENT && at_char(parser, '$'))
	{
		path->root = ROOT_CONTEXT;
		parser->p++;
	}
	start = parser->p;
	while (path->root == ROOT_INPUT && parser->p < parser->end && is_name_char(*parser->p))
		parser->p++;
	if (parser->p > start)
	{
		path->root = ROOT_VARIABLE;
		path->variable = pnstrdup(start, parser->p - start);
		if (*start == '-' || (*start >= '0' && *start <= '9'))
			return fail(parser, "a variable's name must start with a letter");
	}
	return parse_steps(parser, path) ? path : NULL;
}

/* a literal of a filter: a quoted string, or whatever JSON scalar the text up to a delimiter is */
static OlistJson *
parse_literal(Parser *parser)
{
	const char *start = parser->p;
	OlistJson *json;
	OlistJsonError error;

	if (at_char(parser, '\'') || at_char(parser, '"'))
	{
		int len;
		char *text = parse_quoted(parser, &len);

		return text == NULL ? NULL : olist_json_string_n(text, len);
	}
	while (parser->p < parser->end &&
		   (is_name_char(*parser->p) || *parser->p == '.' || *parser->p == '+'))
		parser->p++;
	json = olist_json_parse(start, (int) (parser->p - start), &error);

	/* a bare word is a string, as Step Functions has it */
	if (json == NULL && parser->p > start && is_name_char(*start))
		json = olist_json_string_n(start, (int) (parser->p - start));
	return json == NULL ? fail(parser, "a filter compares with something unknown") : json;
}

static bool
parse_operand(Parser *parser, Operand *operand)
{
	skip_space(parser);
	memset(operand, 0, sizeof(Operand));
	if (at_char(parser, '@') || at_char(parser, '$'))
		operand->path = parse_path(parser);
	else
		operand->literal = parse_literal(parser);
	return operand->path != NULL || operand->literal != NULL;
}

static Filter *
parse_comparison(Parser *parser)
{
	static const struct
	{
		const char *token;
		FilterOp op;
	} ops[] = {{"==", FILTER_EQ}, {"!=", FILTER_NE}, {"<=", FILTER_LE},
			   {">=", FILTER_GE}, {"<", FILTER_LT},	 {">", FILTER_GT}};
	Filter *filter = palloc0(sizeof(Filter));

	if (!parse_operand(parser, &filter->a))
		return NULL;
	for (size_t i = 0; i < lengthof(ops); i++)
	{
		if (take(parser, ops[i].token))
		{
			filter->op = ops[i].op;
			return parse_operand(parser, &filter->b) ? filter : NULL;
		}
	}
	filter->op = FILTER_EXISTS;
	return filter->a.path != NULL ? filter : fail(parser, "a filter must compare something");
}

static Filter *
parse_unary(Parser *parser)
{
	Filter *filter;

	if (take(parser, "!"))
	{
		filter = palloc0(sizeof(Filter));
		filter->op = FILTER_NOT;
		if (parser->depth >= MAX_FILTER_DEPTH)
			return fail(parser, "a filter is nested too deeply");
		parser->depth++;
		filter->left = parse_unary(parser);
		parser->depth--;
		return filter->left == NULL ? NULL : filter;
	}
	if (!take(parser, "("))
		return parse_comparison(parser);
	filter = parse_or(parser);
	if (filter != NULL && !take(parser, ")"))
		return fail(parser, "a closing parenthesis is missing");
	return filter;
}

static Filter *
parse_and(Parser *parser)
{
	Filter *filter = parse_unary(parser);

	while (filter != NULL && take(parser, "&&"))
	{
		Filter *both = palloc0(sizeof(Filter));

		both->op = FILTER_AND;
		both->left = filter;
		both->right = parse_unary(parser);
		filter = both->right == NULL ? NULL : both;
	}
	return filter;
}

static Filter *
parse_or(Parser *parser)
{
	Filter *filter;

	if (parser->depth >= MAX_FILTER_DEPTH)
		return fail(parser, "a filter is nested too deeply");
	parser->depth++;
	filter = parse_and(parser);
	while (filter != NULL && take(parser, "||"))
	{
		Filter *either = palloc0(sizeof(Filter));

		either->op = FILTER_OR;
		either->left = filter;
		either->right = parse_and(parser);
		filter = either->right == NULL ? NULL : either;
	}
	parser->depth--;
	return filter;
}

OlistPath *
olist_path_parse(const char *text, int len, const char **message)
{
	Parser parser = {.p = text, .end = text + len};
	OlistPath *path = NULL;

	if (!at_char(&parser, '$'))
		fail(&parser, "a path must start with $");
	else
		path = parse_path(&parser);
	if (path != NULL && parser.p < parser.end)
		path = fail(&parser, "an unexpected character stands in the path");
	*message = parser.message;
	return path;
}

/* ---------- asking ---------- */

bool
olist_path_is_reference(const OlistPath *path)
{
	if (path->root != ROOT_INPUT)
		return false;
	for (int i = 0; i < path->count; i++)
	{
		if (path->steps[i].kind != STEP_KEY &&
			(path->steps[i].kind != STEP_INDEX || path->steps[i].index < 0))
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
	return path->root == ROOT_CONTEXT;
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
		const Step *step = &path->steps[i];

		switch (step->kind)
		{
			case STEP_KEY:
				appendStringInfo(&buf, "['%s']", step->key);
				break;
			case STEP_INDEX:
				appendStringInfo(&buf, "[" INT64_FORMAT "]", step->index);
				break;
			case STEP_WILDCARD:
				appendStringInfoString(&buf, "[*]");
				break;
			case STEP_SLICE:
				appendStringInfoChar(&buf, '[');
				if (step->has_from)
					appendStringInfo(&buf, INT64_FORMAT, step->from);
				appendStringInfoChar(&buf, ':');
				if (step->has_to)
					appendStringInfo(&buf, INT64_FORMAT, step->to);
				appendStringInfoChar(&buf, ']');
				break;
			case STEP_UNION:
				appendStringInfoString(&buf, "[,]");
				break;
			case STEP_FILTER:
				appendStringInfoString(&buf, "[?]");
				break;
			case STEP_DESCENT:
				appendStringInfoString(&buf, "..");
				break;
		}
	}
	return buf.data;
}

/* ---------- walking ---------- */

typedef struct Walk
{
	const OlistPathRoots *roots;
	const OlistJson *current; /* @ */
	const Step *steps;
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
walk_slice(Walk *w, int at, OlistJson *node, const Step *step)
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
operand_value(const Walk *w, const Operand *operand, const OlistJson *current)
{
	return operand->path != NULL ? get_value(operand->path, w->roots, current) : operand->literal;
}

/* both are there, comparable, and in this order; else false */
static bool
in_order(const OlistJson *a, const OlistJson *b, FilterOp op)
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
		case FILTER_LT:
			return order < 0;
		case FILTER_LE:
			return order <= 0;
		case FILTER_GT:
			return order > 0;
		default:
			return order >= 0;
	}
}

static bool
filter_holds(const Walk *w, const Filter *filter, const OlistJson *current)
{
	OlistJson *a;
	OlistJson *b;

	check_stack_depth();
	switch (filter->op)
	{
		case FILTER_OR:
			return filter_holds(w, filter->left, current) ||
				   filter_holds(w, filter->right, current);
		case FILTER_AND:
			return filter_holds(w, filter->left, current) &&
				   filter_holds(w, filter->right, current);
		case FILTER_NOT:
			return !filter_holds(w, filter->left, current);
		case FILTER_EXISTS:
			a = operand_value(w, &filter->a, current);
			return a != NULL && (filter->a.path->definite || a->count > 0);
		default:
			break;
	}
	a = operand_value(w, &filter->a, current);
	b = operand_value(w, &filter->b, current);
	if (filter->op == FILTER_EQ)
		return a != NULL && b != NULL && olist_json_equal(a, b);
	if (filter->op == FILTER_NE)
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
walk_many(Walk *w, int at, OlistJson *node, const Step *step)
{
	bool is_array = node->type == OLIST_JSON_ARRAY;

	if (step->kind == STEP_DESCENT)
	{
		walk_descent(w, at, node);
		return;
	}
	if (!is_array && node->type != OLIST_JSON_OBJECT)
		return;
	for (int i = 0; i < node->count; i++)
	{
		OlistJson *child = is_array ? node->items[i] : node->members[i].value;

		if (step->kind == STEP_WILDCARD || filter_holds(w, step->filter, child))
			walk(w, at + 1, child);
	}
}

static void
walk_one(Walk *w, int at, OlistJson *node, const Step *step)
{
	OlistJson *child;

	switch (step->kind)
	{
		case STEP_KEY:
			child = olist_json_get_n(node, step->key, step->key_len);
			if (child != NULL)
				walk(w, at + 1, child);
			break;
		case STEP_INDEX:
			walk_index(w, at, node, step->index);
			break;
		case STEP_SLICE:
			walk_slice(w, at, node, step);
			break;
		case STEP_UNION:
			for (int i = 0; i < step->member_count; i++)
				walk_one(w, at, node, &step->members[i]);
			break;
		case STEP_WILDCARD:
		case STEP_FILTER:
		case STEP_DESCENT:
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
		case ROOT_INPUT:
			root = roots->input;
			break;
		case ROOT_CONTEXT:
			root = roots->context;
			break;
		case ROOT_VARIABLE:
			root = olist_json_get(roots->variables, path->variable);
			break;
		case ROOT_CURRENT:
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

/* ---------- putting ---------- */

static OlistJson *
put(const OlistPath *path, int at, const OlistJson *document, OlistJson *value)
{
	const Step *step;
	OlistJson *copy;
	OlistJson *below;

	check_stack_depth();
	if (at == path->count)
		return value;
	step = &path->steps[at];
	if (step->kind == STEP_INDEX)
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
