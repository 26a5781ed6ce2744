/*
 * asl/path_parse.c
 *		Text to path: its root, and its steps.
 *
 * PostgreSQL's own jsonpath is no help: it refuses hyphens in names and
 * ['name'], and its lax mode wraps scalars and maps members over arrays.
 */
#include "postgres.h"

#include "asl/path_steps.h"

#include "asl/scan.h"
#include "lib/stringinfo.h"

/* filters nest no deeper, so that parsing and evaluating them is bounded */
#define MAX_FILTER_DEPTH 64

static OlistPath *parse_path(OlistScan *scan);
static OlistPathFilter *parse_or(OlistScan *scan);

static void
skip_blanks(OlistScan *scan)
{
	while (olist_scan_at(scan, ' ') || olist_scan_at(scan, '\t'))
		scan->p++;
}

static bool
take(OlistScan *scan, const char *token)
{
	size_t len = strlen(token);

	skip_blanks(scan);
	if ((size_t) (scan->end - scan->p) < len || memcmp(scan->p, token, len) != 0)
		return false;
	scan->p += len;
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
ends_dotted_name(const OlistScan *scan)
{
	return scan->p >= scan->end || strchr(".[]()=<>!&|, \t'\"*?@:", *scan->p) != NULL ||
		   (unsigned char) *scan->p < 0x20;
}

static OlistPathStep *
add_step(OlistPath *path, OlistPathStepKind kind)
{
	OlistPathStep *step;

	if (path->count == path->capacity)
	{
		path->capacity = Max(4, path->capacity * 2);
		if (path->steps == NULL)
			path->steps = palloc(path->capacity * sizeof(OlistPathStep));
		else
			path->steps = repalloc(path->steps, path->capacity * sizeof(OlistPathStep));
	}
	step = &path->steps[path->count++];
	memset(step, 0, sizeof(OlistPathStep));
	step->kind = kind;
	if (kind != OLIST_STEP_KEY && kind != OLIST_STEP_INDEX)
		path->definite = false;
	return step;
}

static bool
parse_integer(OlistScan *scan, int64 *value)
{
	bool negative = olist_scan_at(scan, '-');
	int digits = 0;

	if (negative)
		scan->p++;
	for (*value = 0; scan->p < scan->end && *scan->p >= '0' && *scan->p <= '9'; scan->p++)
	{
		if (++digits > 15)
			return olist_scan_fail(scan, "an index is too large") != NULL;
		*value = *value * 10 + (*scan->p - '0');
	}
	if (negative)
		*value = -*value;
	return digits > 0 || olist_scan_fail(scan, "an index must be a whole number") != NULL;
}

/*
 * The text between quotes; a backslash escapes the quote that delimits, and is
 * itself otherwise.
 */
static char *
parse_quoted(OlistScan *scan, int *len)
{
	StringInfoData buf;
	char quote = *scan->p++;

	initStringInfo(&buf);
	while (scan->p < scan->end && *scan->p != quote)
	{
		if (*scan->p == '\\' && scan->p + 1 < scan->end && scan->p[1] == quote)
			scan->p++;
		appendStringInfoChar(&buf, *scan->p++);
	}
	if (scan->p >= scan->end)
		return olist_scan_fail(scan, "a quoted name does not end");
	scan->p++;
	*len = buf.len;
	return buf.data;
}

/* one member of a bracket: a quoted name, an index, or a slice */
static bool
parse_bracket_member(OlistScan *scan, OlistPathStep *step)
{
	memset(step, 0, sizeof(OlistPathStep));
	skip_blanks(scan);
	if (olist_scan_at(scan, '\'') || olist_scan_at(scan, '"'))
	{
		step->kind = OLIST_STEP_KEY;
		step->key = parse_quoted(scan, &step->key_len);
		skip_blanks(scan);
		return step->key != NULL;
	}
	step->kind = OLIST_STEP_INDEX;
	if (!olist_scan_at(scan, ':'))
	{
		if (!parse_integer(scan, &step->index))
			return false;
		step->has_from = true;
	}
	skip_blanks(scan);
	if (!olist_scan_at(scan, ':'))
		return true;
	scan->p++;
	step->kind = OLIST_STEP_SLICE;
	step->from = step->index;
	skip_blanks(scan);
	if (olist_scan_at(scan, '-') || (scan->p < scan->end && *scan->p >= '0' && *scan->p <= '9'))
	{
		step->has_to = true;
		if (!parse_integer(scan, &step->to))
			return false;
	}
	skip_blanks(scan);
	return true;
}

/* the one script that is allowed as an index: (@.length-1) counts from the end */
static bool
parse_from_end(OlistScan *scan, OlistPath *path)
{
	int64 back;

	if (!take(scan, "(@.length-"))
		return olist_scan_fail(scan, "only (@.length-n) may be computed") != NULL;
	if (!parse_integer(scan, &back))
		return false;
	add_step(path, OLIST_STEP_INDEX)->index = -back;
	return take(scan, ")") || olist_scan_fail(scan, "a closing parenthesis is missing") != NULL;
}

static bool
parse_filter(OlistScan *scan, OlistPath *path)
{
	OlistPathFilter *filter;

	if (!take(scan, "("))
		return olist_scan_fail(scan, "a filter must stand in parentheses") != NULL;
	filter = parse_or(scan);
	if (filter == NULL)
		return false;
	if (!take(scan, ")"))
		return olist_scan_fail(scan, "a filter does not end") != NULL;
	add_step(path, OLIST_STEP_FILTER)->filter = filter;
	return true;
}

/* what follows an opening bracket, up to and with the closing one */
static bool
parse_bracket(OlistScan *scan, OlistPath *path)
{
	skip_blanks(scan);
	if (olist_scan_at(scan, '*'))
	{
		scan->p++;
		add_step(path, OLIST_STEP_WILDCARD);
	}
	else if (olist_scan_at(scan, '('))
	{
		if (!parse_from_end(scan, path))
			return false;
	}
	else if (olist_scan_at(scan, '?'))
	{
		scan->p++;
		if (!parse_filter(scan, path))
			return false;
	}
	else
	{
		OlistPathStep first;
		OlistPathStep *step;

		if (!parse_bracket_member(scan, &first))
			return false;
		if (!olist_scan_at(scan, ','))
			*add_step(path, first.kind) = first;
		else
		{
			step = add_step(path, OLIST_STEP_UNION);
			step->members = palloc(sizeof(OlistPathStep));
			step->members[0] = first;
			step->member_count = 1;
			while (take(scan, ","))
			{
				step->members =
					repalloc(step->members, (step->member_count + 1) * sizeof(OlistPathStep));
				if (!parse_bracket_member(scan, &step->members[step->member_count++]))
					return false;
			}
		}
	}
	return take(scan, "]") || olist_scan_fail(scan, "a closing bracket is missing") != NULL;
}

static bool
parse_dotted(OlistScan *scan, OlistPath *path)
{
	const char *start = scan->p;
	OlistPathStep *step;

	if (olist_scan_at(scan, '*'))
	{
		scan->p++;
		add_step(path, OLIST_STEP_WILDCARD);
		return true;
	}
	while (!ends_dotted_name(scan))
		scan->p++;
	if (scan->p == start)
		return olist_scan_fail(scan, "a name must follow the dot") != NULL;
	step = add_step(path, OLIST_STEP_KEY);
	step->key_len = (int) (scan->p - start);
	step->key = pnstrdup(start, step->key_len);
	return true;
}

static bool
parse_steps(OlistScan *scan, OlistPath *path)
{
	for (;;)
	{
		if (olist_scan_at(scan, '['))
		{
			scan->p++;
			if (!parse_bracket(scan, path))
				return false;
		}
		else if (olist_scan_at(scan, '.'))
		{
			scan->p++;
			if (olist_scan_at(scan, '.'))
			{
				scan->p++;
				add_step(path, OLIST_STEP_DESCENT);
				if (olist_scan_at(scan, '['))
					continue;
			}
			if (!parse_dotted(scan, path))
				return false;
		}
		else
			return true;
	}
}

/* the root at p and the steps that follow it */
static OlistPath *
parse_path(OlistScan *scan)
{
	OlistPath *path = palloc0(sizeof(OlistPath));
	const char *start;

	path->definite = true;
	if (olist_scan_at(scan, '@'))
		path->root = OLIST_ROOT_CURRENT;
	else if (!olist_scan_at(scan, '$'))
		return olist_scan_fail(scan, "a path must start with $");
	scan->p++;
	if (path->root != OLIST_ROOT_CURRENT && olist_scan_at(scan, '$'))
	{
		path->root = OLIST_ROOT_CONTEXT;
		scan->p++;
	}
	start = scan->p;
	while (path->root == OLIST_ROOT_INPUT && scan->p < scan->end && is_name_char(*scan->p))
		scan->p++;
	if (scan->p > start)
	{
		path->root = OLIST_ROOT_VARIABLE;
		path->variable = pnstrdup(start, scan->p - start);
		if (*start == '-' || (*start >= '0' && *start <= '9'))
			return olist_scan_fail(scan, "a variable's name must start with a letter");
	}
	return parse_steps(scan, path) ? path : NULL;
}

/* a literal of a filter: a quoted string, or whatever JSON scalar the text up to a delimiter is */
static OlistJson *
parse_literal(OlistScan *scan)
{
	const char *start = scan->p;
	OlistJson *json;
	OlistJsonError error;

	if (olist_scan_at(scan, '\'') || olist_scan_at(scan, '"'))
	{
		int len;
		char *text = parse_quoted(scan, &len);

		return text == NULL ? NULL : olist_json_string_n(text, len);
	}
	while (scan->p < scan->end && (is_name_char(*scan->p) || *scan->p == '.' || *scan->p == '+'))
		scan->p++;
	json = olist_json_parse(start, (int) (scan->p - start), &error);

	/* a bare word is a string, as Step Functions has it */
	if (json == NULL && scan->p > start && is_name_char(*start))
		json = olist_json_string_n(start, (int) (scan->p - start));
	return json == NULL ? olist_scan_fail(scan, "a filter compares with something unknown") : json;
}

static bool
parse_operand(OlistScan *scan, OlistPathOperand *operand)
{
	skip_blanks(scan);
	memset(operand, 0, sizeof(OlistPathOperand));
	if (olist_scan_at(scan, '@') || olist_scan_at(scan, '$'))
		operand->path = parse_path(scan);
	else
		operand->literal = parse_literal(scan);
	return operand->path != NULL || operand->literal != NULL;
}

static OlistPathFilter *
parse_comparison(OlistScan *scan)
{
	static const struct
	{
		const char *token;
		OlistPathFilterOp op;
	} ops[] = {{"==", OLIST_FILTER_EQ}, {"!=", OLIST_FILTER_NE}, {"<=", OLIST_FILTER_LE},
			   {">=", OLIST_FILTER_GE}, {"<", OLIST_FILTER_LT},	 {">", OLIST_FILTER_GT}};
	OlistPathFilter *filter = palloc0(sizeof(OlistPathFilter));

	if (!parse_operand(scan, &filter->a))
		return NULL;
	for (size_t i = 0; i < lengthof(ops); i++)
	{
		if (take(scan, ops[i].token))
		{
			filter->op = ops[i].op;
			return parse_operand(scan, &filter->b) ? filter : NULL;
		}
	}
	filter->op = OLIST_FILTER_EXISTS;
	return filter->a.path != NULL ? filter
								  : olist_scan_fail(scan, "a filter must compare something");
}

static OlistPathFilter *
parse_unary(OlistScan *scan)
{
	OlistPathFilter *filter;

	if (take(scan, "!"))
	{
		filter = palloc0(sizeof(OlistPathFilter));
		filter->op = OLIST_FILTER_NOT;
		if (scan->depth >= MAX_FILTER_DEPTH)
			return olist_scan_fail(scan, "a filter is nested too deeply");
		scan->depth++;
		filter->left = parse_unary(scan);
		scan->depth--;
		return filter->left == NULL ? NULL : filter;
	}
	if (!take(scan, "("))
		return parse_comparison(scan);
	filter = parse_or(scan);
	if (filter != NULL && !take(scan, ")"))
		return olist_scan_fail(scan, "a closing parenthesis is missing");
	return filter;
}

/* filters of the next kind, joined from the left by token */
static OlistPathFilter *
parse_joined(OlistScan *scan, const char *token, OlistPathFilterOp op,
			 OlistPathFilter *(*next)(OlistScan *) )
{
	OlistPathFilter *filter = next(scan);

	while (filter != NULL && take(scan, token))
	{
		OlistPathFilter *joined = palloc0(sizeof(OlistPathFilter));

		joined->op = op;
		joined->left = filter;
		joined->right = next(scan);
		filter = joined->right == NULL ? NULL : joined;
	}
	return filter;
}

static OlistPathFilter *
parse_and(OlistScan *scan)
{
	return parse_joined(scan, "&&", OLIST_FILTER_AND, parse_unary);
}

static OlistPathFilter *
parse_or(OlistScan *scan)
{
	OlistPathFilter *filter;

	if (scan->depth >= MAX_FILTER_DEPTH)
		return olist_scan_fail(scan, "a filter is nested too deeply");
	scan->depth++;
	filter = parse_joined(scan, "||", OLIST_FILTER_OR, parse_and);
	scan->depth--;
	return filter;
}

OlistPath *
olist_path_parse(const char *text, int len, const char **message)
{
	OlistScan scan = {.p = text, .end = text + len};
	OlistPath *path = NULL;

	if (!olist_scan_at(&scan, '$'))
		olist_scan_fail(&scan, "a path must start with $");
	else
		path = parse_path(&scan);
	if (path != NULL && scan.p < scan.end)
		path = olist_scan_fail(&scan, "an unexpected character stands in the path");
	*message = scan.message;
	return path;
}
