/*
 * asl/choice.c
 *		Evaluating the rules of a Choice state.
 *
 * A comparison whose sides are not of its type does not hold; IsX: false holds
 * when the value is not X. Strings compare by code point, which for UTF-8 is by
 * byte; numbers exactly, whatever their length.
 */
#include "postgres.h"

#include "asl/choice.h"

#include "asl/timestamp.h"
#include "miscadmin.h"

typedef enum Test
{
	TEST_EQ,
	TEST_LT,
	TEST_LE,
	TEST_GT,
	TEST_GE,
	TEST_MATCHES,
	TEST_IS
} Test;

typedef enum Kind
{
	KIND_STRING,
	KIND_NUMERIC,
	KIND_BOOLEAN,
	KIND_TIMESTAMP,
	KIND_NULL,
	KIND_PRESENT
} Kind;

typedef struct Operator
{
	const char *name;
	Kind kind;
	Test test;
} Operator;

/* each of these but IsX and StringMatches also exists with "Path" appended */
static const Operator operators[] = {
	{"StringEquals", KIND_STRING, TEST_EQ},
	{"StringLessThan", KIND_STRING, TEST_LT},
	{"StringGreaterThan", KIND_STRING, TEST_GT},
	{"StringLessThanEquals", KIND_STRING, TEST_LE},
	{"StringGreaterThanEquals", KIND_STRING, TEST_GE},
	{"StringMatches", KIND_STRING, TEST_MATCHES},
	{"NumericEquals", KIND_NUMERIC, TEST_EQ},
	{"NumericLessThan", KIND_NUMERIC, TEST_LT},
	{"NumericGreaterThan", KIND_NUMERIC, TEST_GT},
	{"NumericLessThanEquals", KIND_NUMERIC, TEST_LE},
	{"NumericGreaterThanEquals", KIND_NUMERIC, TEST_GE},
	{"BooleanEquals", KIND_BOOLEAN, TEST_EQ},
	{"TimestampEquals", KIND_TIMESTAMP, TEST_EQ},
	{"TimestampLessThan", KIND_TIMESTAMP, TEST_LT},
	{"TimestampGreaterThan", KIND_TIMESTAMP, TEST_GT},
	{"TimestampLessThanEquals", KIND_TIMESTAMP, TEST_LE},
	{"TimestampGreaterThanEquals", KIND_TIMESTAMP, TEST_GE},
	{"IsString", KIND_STRING, TEST_IS},
	{"IsNumeric", KIND_NUMERIC, TEST_IS},
	{"IsBoolean", KIND_BOOLEAN, TEST_IS},
	{"IsTimestamp", KIND_TIMESTAMP, TEST_IS},
	{"IsNull", KIND_NULL, TEST_IS},
	{"IsPresent", KIND_PRESENT, TEST_IS},
};

typedef struct Evaluation
{
	const OlistJson *input;
	const OlistScope *scope;
	OlistFailure *failure;
	bool failed;
} Evaluation;

static const Operator *
find_operator(const char *name, bool *is_path)
{
	size_t len = strlen(name);

	*is_path = len > 4 && strcmp(name + len - 4, "Path") == 0;
	if (*is_path)
		len -= 4;
	for (size_t i = 0; i < lengthof(operators); i++)
	{
		const Operator *op = &operators[i];

		if (strlen(op->name) == len && memcmp(op->name, name, len) == 0)
			return *is_path && op->test >= TEST_MATCHES ? NULL : op;
	}
	return NULL;
}

bool
olist_choice_is_operator(const char *name)
{
	bool is_path;

	return find_operator(name, &is_path) != NULL;
}

int
olist_choice_operand(const char *name, bool *is_path)
{
	const Operator *op = find_operator(name, is_path);

	if (op->test == TEST_IS)
		return OLIST_JSON_BOOLEAN;
	switch (op->kind)
	{
		case KIND_NUMERIC:
			return OLIST_JSON_NUMBER;
		case KIND_BOOLEAN:
			return OLIST_JSON_BOOLEAN;
		case KIND_TIMESTAMP:
			return -1;
		default:
			return OLIST_JSON_STRING;
	}
}

static bool
is_timestamp(const OlistJson *value, OlistTime *time)
{
	return value->type == OLIST_JSON_STRING && strlen(value->text) == (size_t) value->count &&
		   olist_timestamp_parse(value->text, time);
}

static bool
is_of_kind(const OlistJson *value, Kind kind)
{
	OlistTime time;

	switch (kind)
	{
		case KIND_STRING:
			return value->type == OLIST_JSON_STRING;
		case KIND_NUMERIC:
			return value->type == OLIST_JSON_NUMBER;
		case KIND_BOOLEAN:
			return value->type == OLIST_JSON_BOOLEAN;
		case KIND_NULL:
			return value->type == OLIST_JSON_NULL;
		case KIND_TIMESTAMP:
			return is_timestamp(value, &time);
		case KIND_PRESENT:
			break;
	}
	return true;
}

bool
olist_choice_matches(const char *text, int len, const char *pattern, int pattern_len)
{
	int at = 0;
	int p = 0;
	int star = -1;
	int star_at = 0;

	/* greedy with one point to come back to: linear in practice, len × pattern_len at worst */
	while (at < len)
	{
		bool escaped = p + 1 < pattern_len && pattern[p] == '\\';

		if (p < pattern_len && !escaped && pattern[p] == '*')
		{
			star = p++;
			star_at = at;
		}
		else if (p < pattern_len && text[at] == pattern[p + escaped])
		{
			p += 1 + escaped;
			at++;
		}
		else if (star >= 0)
		{
			p = star + 1;
			at = ++star_at;
		}
		else
			return false;
	}
	while (p < pattern_len && pattern[p] == '*')
		p++;
	return p == pattern_len;
}

static int
compare_strings(const OlistJson *a, const OlistJson *b)
{
	int order = memcmp(a->text, b->text, Min(a->count, b->count));

	return order != 0 ? order : a->count - b->count;
}

static bool
in_order(int order, Test test)
{
	switch (test)
	{
		case TEST_EQ:
			return order == 0;
		case TEST_LT:
			return order < 0;
		case TEST_LE:
			return order <= 0;
		case TEST_GT:
			return order > 0;
		default:
			return order >= 0;
	}
}

static bool
compare(const Operator *op, const OlistJson *value, const OlistJson *operand)
{
	OlistTime a;
	OlistTime b;

	if (!is_of_kind(value, op->kind) || !is_of_kind(operand, op->kind))
		return false;
	switch (op->kind)
	{
		case KIND_STRING:
			if (op->test == TEST_MATCHES)
				return olist_choice_matches(value->text, value->count, operand->text,
											operand->count);
			return in_order(compare_strings(value, operand), op->test);
		case KIND_NUMERIC:
			return in_order(olist_json_compare_numbers(value, operand), op->test);
		case KIND_BOOLEAN:
			return value->boolean == operand->boolean;
		default:
			is_timestamp(value, &a);
			is_timestamp(operand, &b);
			return in_order((a > b) - (a < b), op->test);
	}
}

/* the value at path, or NULL: a failure unless it may be missing */
static OlistJson *
value_at(Evaluation *evaluation, const char *path, bool may_be_missing)
{
	OlistFailure failure;
	OlistJson *value = olist_dataflow_get(path, evaluation->input, evaluation->scope, &failure);

	if (value == NULL && !may_be_missing)
	{
		evaluation->failed = true;
		evaluation->failure->error = failure.error;
		evaluation->failure->cause =
			psprintf("Invalid path '%s': The choice state's condition path references an invalid "
					 "value.",
					 path);
	}
	return value;
}

/* a rule without And, Or, Not: Variable and one op */
static bool
comparison_holds(Evaluation *evaluation, const OlistJson *rule)
{
	const Operator *op = NULL;
	const OlistJson *operand = NULL;
	const OlistJson *value;
	bool is_path = false;

	for (int i = 0; i < rule->count && op == NULL; i++)
	{
		op = find_operator(rule->members[i].key, &is_path);
		operand = rule->members[i].value;
	}
	if (op == NULL)
		return false;
	value = value_at(evaluation, olist_json_get(rule, "Variable")->text, op->kind == KIND_PRESENT);
	if (op->test == TEST_IS)
	{
		bool is = value != NULL && is_of_kind(value, op->kind);

		return !evaluation->failed && is == operand->boolean;
	}
	if (value != NULL && is_path)
		operand = value_at(evaluation, operand->text, false);
	return !evaluation->failed && compare(op, value, operand);
}

static bool
rule_holds(Evaluation *evaluation, const OlistJson *rule)
{
	const OlistJson *all = olist_json_get(rule, "And");
	const OlistJson *any = olist_json_get(rule, "Or");
	const OlistJson *not = olist_json_get(rule, "Not");

	check_stack_depth();
	if (all != NULL)
	{
		for (int i = 0; i < all->count; i++)
		{
			if (!rule_holds(evaluation, all->items[i]))
				return false;
		}
		return true;
	}
	if (any != NULL)
	{
		for (int i = 0; i < any->count && !evaluation->failed; i++)
		{
			if (rule_holds(evaluation, any->items[i]))
				return true;
		}
		return false;
	}
	if (not != NULL)
		return !rule_holds(evaluation, not ) && !evaluation->failed;
	return comparison_holds(evaluation, rule);
}

const OlistJson *
olist_choice_select(const OlistJson *state, const OlistJson *input, const OlistScope *scope,
					bool *failed, OlistFailure *failure)
{
	Evaluation evaluation = {.input = input, .scope = scope, .failure = failure};
	const OlistJson *choices = olist_json_get(state, "Choices");
	const OlistJson *chosen = NULL;

	for (int i = 0; i < choices->count && chosen == NULL && !evaluation.failed; i++)
	{
		if (rule_holds(&evaluation, choices->items[i]))
			chosen = choices->items[i];
	}
	*failed = evaluation.failed;
	return chosen;
}
