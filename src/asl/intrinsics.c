/*
 * asl/intrinsics.c
 *		A call of an intrinsic function: parsed, its arguments evaluated, applied.
 *
 *		"States.MathAdd($.n, -1)" ──► call tree ──► values of the arguments ──► value
 */
#include "postgres.h"

#include "asl/intrinsic_call.h"

#include "asl/scan.h"
#include "lib/stringinfo.h"

/* calls nest no deeper; Step Functions stops at 10 */
#define MAX_CALL_DEPTH 32

static OlistIntrinsic *parse_call(OlistScan *scan);

static bool
refuse(OlistScan *scan, const char *message)
{
	return olist_scan_fail(scan, message) != NULL;
}

static void
skip_space(OlistScan *scan)
{
	while (olist_scan_at(scan, ' ') || olist_scan_at(scan, '\t') || olist_scan_at(scan, '\n') ||
		   olist_scan_at(scan, '\r'))
		scan->p++;
}

static bool
parse_string(OlistScan *scan, OlistIntrinsicArgument *arg)
{
	StringInfoData text;
	StringInfoData raw;

	initStringInfo(&text);
	initStringInfo(&raw);
	for (scan->p++; !olist_scan_at(scan, '\''); scan->p++)
	{
		if (olist_scan_at(scan, '\\'))
		{
			appendStringInfoChar(&raw, *scan->p++);
			if (scan->p >= scan->end || strchr("'{}\\", *scan->p) == NULL)
				return refuse(scan, "a backslash may only stand before ', {, } and \\");
		}
		if (scan->p >= scan->end)
			return refuse(scan, "a string does not end");
		appendStringInfoChar(&raw, *scan->p);
		appendStringInfoChar(&text, *scan->p);
	}
	scan->p++;
	arg->literal = olist_json_string_n(text.data, text.len);
	arg->raw = raw.data;
	return true;
}

/* a path runs to the comma or parenthesis that is outside its brackets and quotes */
static bool
parse_path_argument(OlistScan *scan, OlistIntrinsicArgument *arg)
{
	const char *start = scan->p;
	const char *end;
	int open = 0;
	char quote = '\0';

	for (; scan->p < scan->end; scan->p++)
	{
		char c = *scan->p;

		if (quote != '\0')
		{
			if (c == '\\' && scan->p + 1 < scan->end && scan->p[1] == quote)
				scan->p++;
			else if (c == quote)
				quote = '\0';
		}
		else if (open > 0 && (c == '\'' || c == '"'))
			quote = c;
		else if (c == '[')
			open++;
		else if (c == ']')
			open--;
		else if (open == 0 && (c == ',' || c == ')'))
			break;
	}
	end = scan->p;
	while (end > start && (end[-1] == ' ' || end[-1] == '\t' || end[-1] == '\n'))
		end--;
	arg->path_text = pnstrdup(start, end - start);
	arg->path = olist_path_parse(start, (int) (end - start), &scan->message);
	return arg->path != NULL;
}

static bool
parse_scalar(OlistScan *scan, OlistIntrinsicArgument *arg)
{
	const char *start = scan->p;
	OlistJsonError error;

	while (scan->p < scan->end && strchr(",) \t\n\r", *scan->p) == NULL)
		scan->p++;
	arg->literal = olist_json_parse(start, (int) (scan->p - start), &error);
	if (arg->literal == NULL || arg->literal->type >= OLIST_JSON_STRING)
		return refuse(scan, "an argument must be a path, a call, a string in single quotes, a "
							"number, true, false or null");
	return true;
}

static bool
parse_argument(OlistScan *scan, OlistIntrinsicArgument *arg)
{
	memset(arg, 0, sizeof(OlistIntrinsicArgument));
	skip_space(scan);
	if (olist_scan_at(scan, '\''))
		return parse_string(scan, arg);
	if (olist_scan_at(scan, '$'))
		return parse_path_argument(scan, arg);
	if (olist_scan_at(scan, 'S'))
	{
		arg->call = parse_call(scan);
		return arg->call != NULL;
	}
	return parse_scalar(scan, arg);
}

static const OlistIntrinsicFunction *
parse_name(OlistScan *scan)
{
	const char *start = scan->p;

	while (scan->p < scan->end &&
		   (*scan->p == '.' || *scan->p == '_' || (*scan->p >= '0' && *scan->p <= '9') ||
			(*scan->p >= 'a' && *scan->p <= 'z') || (*scan->p >= 'A' && *scan->p <= 'Z')))
		scan->p++;
	return olist_intrinsic_find(start, scan->p - start);
}

/* the arguments between the parentheses, the second one taken */
static bool
parse_arguments(OlistScan *scan, OlistIntrinsic *call)
{
	skip_space(scan);
	if (olist_scan_at(scan, ')'))
	{
		scan->p++;
		return true;
	}
	for (;;)
	{
		if (call->args == NULL)
			call->args = palloc(sizeof(OlistIntrinsicArgument));
		else
			call->args = repalloc(call->args, (call->count + 1) * sizeof(OlistIntrinsicArgument));
		if (!parse_argument(scan, &call->args[call->count++]))
			return false;
		skip_space(scan);
		if (olist_scan_at(scan, ')'))
			break;
		if (!olist_scan_at(scan, ','))
			return refuse(scan, "a comma or the closing parenthesis must follow an argument");
		scan->p++;
	}
	scan->p++;
	return true;
}

static OlistIntrinsic *
parse_call(OlistScan *scan)
{
	OlistIntrinsic *call = palloc0(sizeof(OlistIntrinsic));
	bool parsed;

	call->function = parse_name(scan);
	if (call->function == NULL)
		return olist_scan_fail(scan, "there is no such intrinsic function");
	skip_space(scan);
	if (!olist_scan_at(scan, '('))
		return olist_scan_fail(scan, "an opening parenthesis must follow the function's name");
	scan->p++;
	if (scan->depth >= MAX_CALL_DEPTH)
		return olist_scan_fail(scan, "calls are nested too deeply");
	scan->depth++;
	parsed = parse_arguments(scan, call);
	scan->depth--;
	if (!parsed)
		return NULL;
	if (call->count < call->function->min_args ||
		(call->function->max_args >= 0 && call->count > call->function->max_args))
		return olist_scan_fail(scan, "the intrinsic function takes another number of arguments");
	for (int i = 0; i < call->count; i++)
	{
		const OlistJson *literal = call->args[i].literal;

		if (literal != NULL && literal->type != OLIST_JSON_NUMBER &&
			(call->function->numeric & (1 << i)) != 0)
			return olist_scan_fail(scan, "an argument must be a number");
	}
	return call;
}

bool
olist_intrinsic_looks_like(const char *text)
{
	return strncmp(text, "States.", 7) == 0;
}

OlistIntrinsic *
olist_intrinsic_parse(const char *text, int len, const char **message)
{
	OlistScan scan = {.p = text, .end = text + len};
	OlistIntrinsic *call;

	skip_space(&scan);
	call = parse_call(&scan);
	skip_space(&scan);
	if (call != NULL && scan.p < scan.end)
		call = olist_scan_fail(&scan, "more text follows the call");
	*message = scan.message;
	return call;
}

void
olist_intrinsic_visit_paths(const OlistIntrinsic *call,
							void (*visit)(const OlistPath *path, void *arg), void *arg)
{
	for (int i = 0; i < call->count; i++)
	{
		if (call->args[i].path != NULL)
			visit(call->args[i].path, arg);
		else if (call->args[i].call != NULL)
			olist_intrinsic_visit_paths(call->args[i].call, visit, arg);
	}
}

/* ---------- calling ---------- */

OlistJson *
olist_intrinsic_fail(OlistIntrinsicCall *call, const char *format, ...)
{
	va_list args;
	char text[256];

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (call->message == NULL)
		call->message = psprintf("%s: %s", call->intrinsic->function->name, text);
	return NULL;
}

/* the value of one argument, or NULL with why in parent */
static OlistJson *
argument_value(OlistIntrinsicCall *parent, const OlistIntrinsicArgument *arg)
{
	OlistJson *value = arg->literal;

	if (arg->path != NULL)
	{
		value = olist_path_get(arg->path, parent->roots);
		if (value == NULL)
		{
			parent->missing = arg->path_text;
			olist_intrinsic_fail(parent, "nothing is at the path %s", arg->path_text);
		}
	}
	else if (arg->call != NULL)
		value = olist_intrinsic_call(arg->call, parent->roots, parent->random, &parent->message,
									 &parent->missing);
	return value;
}

OlistJson *
olist_intrinsic_call(const OlistIntrinsic *intrinsic, const OlistPathRoots *roots,
					 OlistRandom *random, char **message, char **missing)
{
	OlistIntrinsicCall call = {
		.intrinsic = intrinsic, .count = intrinsic->count, .roots = roots, .random = random};
	OlistJson *value = NULL;
	bool complete = true;

	call.values = palloc(Max(call.count, 1) * sizeof(OlistJson *));
	for (int i = 0; complete && i < call.count; i++)
	{
		call.values[i] = argument_value(&call, &intrinsic->args[i]);
		complete = call.values[i] != NULL;
	}
	if (complete)
		value = intrinsic->function->apply(&call);
	*message = call.message;
	*missing = call.missing;
	return value;
}
