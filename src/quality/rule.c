/*
 * quality/rule.c
 *		Rules from their table, and their results into theirs.
 *
 * Both as the extension's owner. A rule is SQL that the caller is going to
 * execute, so it counts only if its author could do what it does anyway: being
 * the caller, a member of the caller's role, or a superuser.
 */
#include "postgres.h"

#include "quality/rule.h"

#include "base/message.h"
#include "base/spi.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

/* with fewer results than this there is nothing to compare with */
#define MIN_BASELINE "3"

enum
{
	RULE_NAME = 1,
	RULE_RELATION,
	RULE_EXPRESSION,
	RULE_IS_PREDICATE,
	RULE_IS_FATAL,
	RULE_IS_TRUSTED,
	RULE_IS_PARTIAL,
	RULE_OF_BATCH,
	RULE_HAS_BASELINE,
	RULE_EXPECTED,
	RULE_TOLERANCE,
	RULE_OWNER,
	RULE_DESCRIPTION,
	RULE_HINT
};

static const char *const load_sql =
	"SELECT r.name, r.relation, coalesce(r.predicate, r.aggregate), r.predicate IS NOT NULL,"
	"       r.severity = 'fail',"
	"       r.is_default OR coalesce(o.rolsuper OR pg_has_role(o.oid, $2, 'MEMBER'), false),"
	"       s.is_partial, s.of_batch,"
	"       r.baseline_runs IS NOT NULL, b.expected, r.tolerance, r.owner, r.description, r.hint"
	"  FROM olist_etl.check_rule r"
	" CROSS JOIN LATERAL ("
	"       SELECT $3 AND r.scope = 'batch' AS is_partial,"
	"              $3 AND (r.scope = 'batch'"
	"                      OR r.relation IN ('" OLIST_RULE_OBJECTS "', '" OLIST_RULE_REJECTS "')"
	"                      OR r.relation IN (SELECT e.entity FROM olist_etl.entity e))"
	"                  AS of_batch) s"
	"  LEFT JOIN pg_roles o ON o.rolname = r.owner"
	"  LEFT JOIN LATERAL ("
	"       SELECT CASE WHEN count(*) >= " MIN_BASELINE
	"                   THEN percentile_cont(0.5) WITHIN GROUP (ORDER BY k.measured) END AS "
	"expected"
	"         FROM (SELECT c.measured::double precision AS measured"
	"                 FROM olist_etl.check_result c"
	"                 JOIN olist_etl.run n ON n.run_id = c.run_id AND n.status = 'SUCCEEDED'"
	"                WHERE c.rule = r.name AND c.measured IS NOT NULL AND c.of_batch = s.of_batch"
	"                ORDER BY c.run_id DESC LIMIT r.baseline_runs) k) b"
	"    ON r.baseline_runs IS NOT NULL"
	" WHERE CASE WHEN $1 IS NULL THEN r.enabled ELSE r.name = $1 END"
	" ORDER BY r.relation, s.is_partial, r.name";

static char *
get_text(uint64 row, int column)
{
	return SPI_getvalue(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, column);
}

static bool
get_bool(uint64 row, int column)
{
	bool isnull;
	Datum value = SPI_getbinval(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, column, &isnull);

	return !isnull && DatumGetBool(value);
}

/* "100" or "2.5%"; the table's constraint has seen to its form */
static OlistTolerance
read_tolerance(const char *text)
{
	char *end;
	double limit = strtod(text, &end);

	return (OlistTolerance){.limit = limit, .is_percentage = *end == '%'};
}

static OlistRule *
read_rule(uint64 row)
{
	OlistRule *rule = palloc0(sizeof(OlistRule));
	char *expected = get_text(row, RULE_EXPECTED);

	rule->name = get_text(row, RULE_NAME);
	rule->relation = get_text(row, RULE_RELATION);
	rule->expression = get_text(row, RULE_EXPRESSION);
	rule->is_predicate = get_bool(row, RULE_IS_PREDICATE);
	rule->is_fatal = get_bool(row, RULE_IS_FATAL);
	rule->is_trusted = get_bool(row, RULE_IS_TRUSTED);
	rule->is_partial = get_bool(row, RULE_IS_PARTIAL);
	rule->of_batch = get_bool(row, RULE_OF_BATCH);
	rule->has_baseline = get_bool(row, RULE_HAS_BASELINE);
	rule->knows_expected = expected != NULL;
	rule->expected = expected != NULL ? strtod(expected, NULL) : 0;
	rule->tolerance_text = get_text(row, RULE_TOLERANCE);
	rule->tolerance = read_tolerance(rule->tolerance_text);
	rule->owner = get_text(row, RULE_OWNER);
	rule->description = get_text(row, RULE_DESCRIPTION);
	rule->hint = get_text(row, RULE_HINT);
	return rule;
}

List *
olist_rules_load(const char *only, bool is_merge)
{
	MemoryContext caller = CurrentMemoryContext;
	OlistSpiArg args[] = {OLIST_SPI_TEXT(only), OLIST_SPI_OID(GetUserId()),
						  OLIST_SPI_BOOL(is_merge)};
	List *rules = NIL;
	uint64 n;

	SPI_connect();
	n = olist_spi_execute_as_owner(load_sql, SPI_OK_SELECT, lengthof(args), args);
	if (n == 0 && only != NULL)
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT),
						errmsg("there is no check rule \"%s\"", olist_clip(only, strlen(only))),
						errhint("See the table olist_etl.check_rule.")));
	MemoryContextSwitchTo(caller);
	for (uint64 i = 0; i < n; i++)
		rules = lappend(rules, read_rule(i));
	SPI_finish();
	return rules;
}

static const char *
status_name(OlistRuleStatus status)
{
	static const char *const names[] = {
		[OLIST_RULE_PASSED] = "passed",
		[OLIST_RULE_WARNED] = "warned",
		[OLIST_RULE_FAILED] = "failed",
		[OLIST_RULE_SKIPPED] = "skipped",
	};

	return names[status];
}

/* the columns of results that are kept, each an array of texts */
enum
{
	KEPT_RULE,
	KEPT_RELATION,
	KEPT_SEVERITY,
	KEPT_STATUS,
	KEPT_ROWS,
	KEPT_MEASURED,
	KEPT_EXPECTED,
	KEPT_ALLOWED,
	KEPT_MESSAGE,
	KEPT_OF_BATCH,
	KEPT_COLUMNS
};

/* one more value of a column; it may be NULL */
static void
add(ArrayBuildState **column, const char *value)
{
	*column = accumArrayResult(*column, value == NULL ? (Datum) 0 : CStringGetTextDatum(value),
							   value == NULL, TEXTOID, CurrentMemoryContext);
}

static void
add_result(ArrayBuildState **columns, const OlistRule *rule)
{
	bool was_measured = rule->error == NULL;
	bool has_measure = was_measured && rule->measured != NULL;

	add(&columns[KEPT_RULE], rule->name);
	add(&columns[KEPT_RELATION], rule->relation);
	add(&columns[KEPT_SEVERITY], rule->is_fatal ? "fail" : "warn");
	add(&columns[KEPT_STATUS], status_name(rule->status));
	add(&columns[KEPT_ROWS], was_measured ? psprintf(INT64_FORMAT, rule->rows) : NULL);
	add(&columns[KEPT_MEASURED], has_measure ? rule->measured : NULL);
	add(&columns[KEPT_EXPECTED], rule->knows_expected ? psprintf("%.15g", rule->expected) : NULL);
	add(&columns[KEPT_ALLOWED], has_measure && rule->status != OLIST_RULE_SKIPPED
									? psprintf("%.15g", rule->allowed)
									: NULL);
	add(&columns[KEPT_MESSAGE], rule->message);
	add(&columns[KEPT_OF_BATCH], rule->of_batch ? "true" : "false");
}

void
olist_rules_keep(List *rules, int64 run_id)
{
	static const char *const sql =
		"INSERT INTO olist_etl.check_result"
		"    (run_id, rule, relation, severity, status, rows,"
		"     measured, expected, allowed, message, of_batch)"
		"SELECT r.run_id, k.rule, k.relation, k.severity, k.status, k.rows::bigint,"
		"       k.measured::numeric, k.expected::numeric, k.allowed::numeric, k.message,"
		"       k.of_batch::boolean"
		"  FROM olist_etl.run r"
		"  JOIN pg_roles o ON o.rolname = r.owner"
		" CROSS JOIN unnest($3, $4, $5, $6, $7, $8, $9, $10, $11, $12)"
		"    AS k (rule, relation, severity, status, rows,"
		"          measured, expected, allowed, message, of_batch)"
		" WHERE r.run_id = $1 AND r.status = 'RUNNING' AND pg_has_role($2, o.oid, 'USAGE')"
		"    ON CONFLICT (run_id, rule) DO UPDATE"
		"   SET relation = excluded.relation, severity = excluded.severity,"
		"       status = excluded.status, rows = excluded.rows, measured = excluded.measured,"
		"       expected = excluded.expected, allowed = excluded.allowed,"
		"       message = excluded.message, of_batch = excluded.of_batch,"
		"       checked_at = excluded.checked_at";
	ArrayBuildState *columns[KEPT_COLUMNS] = {NULL};
	OlistSpiArg args[2 + KEPT_COLUMNS] = {OLIST_SPI_INT8(run_id), OLIST_SPI_OID(GetUserId())};
	ListCell *lc;

	if (rules == NIL)
		return;
	foreach (lc, rules)
		add_result(columns, lfirst(lc));
	for (int i = 0; i < KEPT_COLUMNS; i++)
		args[2 + i] =
			(OlistSpiArg){TEXTARRAYOID, makeArrayResult(columns[i], CurrentMemoryContext), false};
	SPI_connect();
	olist_spi_execute_as_owner(sql, SPI_OK_INSERT, lengthof(args), args);
	SPI_finish();
}
