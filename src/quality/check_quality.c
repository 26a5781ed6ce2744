/*
 * quality/check_quality.c
 *		olist_etl.check_quality(): the gate before publishing.
 *
 *		rules ──► measured ──► judged ──► kept as the run's results
 *								   └────► passed or not, notices, cause
 *
 * A rule that does not hold is no error of this task: its transaction commits,
 * so that the results are there to be read. The workflow chooses by "passed".
 */
#include "postgres.h"

#include <math.h>

#include "base/message.h"
#include "fmgr.h"
#include "lib/stringinfo.h"
#include "load/json.h"
#include "load/source.h"
#include "quality/rule.h"
#include "star/scan.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"

PG_FUNCTION_INFO_V1(olist_etl_check_quality);

/* what was measured against what is allowed, in words */
static char *
describe(const OlistRule *rule)
{
	StringInfoData text;

	initStringInfo(&text);
	appendStringInfo(&text, "%s: ", olist_clip(rule->name, strlen(rule->name)));
	if (rule->error != NULL)
		appendStringInfo(&text, "cannot be checked: %s", rule->error);
	else if (rule->skipped != NULL)
		appendStringInfoString(&text, rule->skipped);
	else if (rule->measured == NULL)
		appendStringInfoString(&text, "nothing to measure");
	else if (rule->is_boolean)
		appendStringInfoString(&text, rule->value == 0 ? "holds" : "does not hold");
	else if (rule->is_predicate)
		appendStringInfo(&text, "%s of " INT64_FORMAT " rows violate it", rule->measured,
						 rule->rows);
	else
		appendStringInfo(&text, "measured %.15g", rule->value);
	if (rule->error == NULL && rule->measured != NULL && !rule->is_boolean)
	{
		if (!rule->has_baseline)
			appendStringInfo(&text, ", allowed %s", rule->tolerance_text);
		else if (rule->knows_expected)
			appendStringInfo(&text, ", expected %.15g give or take %s", rule->expected,
							 rule->tolerance_text);
		else
			appendStringInfoString(&text, ", too few runs to compare with");
	}
	if (rule->description != NULL)
		appendStringInfo(&text, " (%s)", olist_clip(rule->description, strlen(rule->description)));
	return text.data;
}

void
olist_rule_judge(OlistRule *rule)
{
	double base = rule->has_baseline ? rule->expected : (double) rule->rows;
	double excess = rule->has_baseline ? fabs(rule->value - rule->expected) : rule->value;
	bool holds;

	rule->allowed = rule->tolerance.limit;
	if (rule->tolerance.is_percentage)
		rule->allowed *= base / 100;
	/* NaN is no number to be content with */
	holds = rule->error == NULL && excess <= rule->allowed;
	if (rule->error == NULL &&
		(rule->measured == NULL || (rule->has_baseline && !rule->knows_expected)))
		rule->status = OLIST_RULE_SKIPPED;
	else if (holds)
		rule->status = OLIST_RULE_PASSED;
	else
		rule->status = rule->is_fatal ? OLIST_RULE_FAILED : OLIST_RULE_WARNED;
	rule->message = describe(rule);
}

static int
count(List *rules, OlistRuleStatus status)
{
	int n = 0;
	ListCell *lc;

	foreach (lc, rules)
		n += ((OlistRule *) lfirst(lc))->status == status;
	return n;
}

/* the messages of rules with this status, as elements of the array at hand */
static void
push_messages(JsonbParseState **state, List *rules, OlistRuleStatus status)
{
	JsonbValue value = {.type = jbvString};
	ListCell *lc;

	foreach (lc, rules)
	{
		const OlistRule *rule = lfirst(lc);

		if (rule->status != status)
			continue;
		value.val.string.val = rule->message;
		value.val.string.len = strlen(rule->message);
		pushJsonbValue(state, WJB_ELEM, &value);
	}
}

/* every rule that has failed, with its hint, a line each */
static char *
describe_failures(List *rules)
{
	StringInfoData cause;
	ListCell *lc;

	initStringInfo(&cause);
	foreach (lc, rules)
	{
		const OlistRule *rule = lfirst(lc);

		if (rule->status != OLIST_RULE_FAILED)
			continue;
		appendStringInfo(&cause, "%s%s", cause.len > 0 ? "\n" : "", rule->message);
		if (rule->hint != NULL)
			appendStringInfo(&cause, "\nHINT: %s", rule->hint);
	}
	return cause.data;
}

static void
push_key(JsonbParseState **state, const char *key)
{
	JsonbValue value = {.type = jbvString};

	value.val.string.val = unconstify(char *, key);
	value.val.string.len = strlen(key);
	pushJsonbValue(state, WJB_KEY, &value);
}

static Jsonb *
make_result(List *rules)
{
	JsonbParseState *state = NULL;
	int failed = count(rules, OLIST_RULE_FAILED);

	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	olist_json_push_bool(&state, "passed", failed == 0);
	olist_json_push_int8(&state, "rules", list_length(rules));
	olist_json_push_int8(&state, "failed", failed);
	olist_json_push_int8(&state, "warned", count(rules, OLIST_RULE_WARNED));
	olist_json_push_int8(&state, "skipped", count(rules, OLIST_RULE_SKIPPED));
	push_key(&state, "notices");
	pushJsonbValue(&state, WJB_BEGIN_ARRAY, NULL);
	push_messages(&state, rules, OLIST_RULE_FAILED);
	push_messages(&state, rules, OLIST_RULE_WARNED);
	pushJsonbValue(&state, WJB_END_ARRAY, NULL);
	olist_json_push_text(&state, "cause", describe_failures(rules));
	return JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL));
}

/* check_quality(jsonb): see README.md */
Datum
olist_etl_check_quality(PG_FUNCTION_ARGS)
{
	Jsonb *argument = PG_GETARG_JSONB_P(0);
	char *source = olist_json_text(argument, "source");
	int64 run_id = olist_json_int8(argument, "run_id", 0);
	List *rules;
	ListCell *lc;

	olist_json_check_object(argument);
	rules = olist_rules_load(olist_json_text(argument, "rule"), olist_is_merge());
	olist_rules_measure(rules, source != NULL ? source : OLIST_DEFAULT_SOURCE);
	foreach (lc, rules)
		olist_rule_judge(lfirst(lc));
	if (run_id != 0)
		olist_rules_keep(rules, run_id);
	PG_RETURN_JSONB_P(make_result(rules));
}
