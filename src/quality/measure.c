/*
 * quality/measure.c
 *		What the rules are about, in numbers.
 *
 *		rules of one relation ──► SELECT count(*), <rule>, <rule>, … FROM relation ──► numbers
 *
 * A relation is read once, however many rules speak of it. If that statement
 * fails, its rules are measured one by one, so that only the broken ones are
 * without a number.
 *
 * All of it with the rights of the current user, and with nothing but
 * pg_catalog on the search_path, so that nobody else can slip a function or an
 * operator into a rule. What a rule's SQL changes is undone. Where it speaks of
 * another table than its own, it names it in braces, and gets what the name means
 * as a relation:
 *
 *		{fact_order} ──► olist_build.fact_order, which is about to be published,
 *						 or else olist_dw.fact_order
 *
 * When a batch is about to be merged, olist_build holds only what the batch
 * touches. That is enough for a rule whose scope is the batch. For others, the
 * name of a table stands for all that it is going to hold; and an entity in
 * braces is what is staged, with what the merge has seen beside that.
 */
#include "postgres.h"

#include "quality/rule.h"

#include "base/message.h"
#include "base/spi.h"
#include "base/try.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fdw/entity.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "parser/parse_coerce.h"
#include "star/merge.h"
#include "star/tables.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/varlena.h"

/* rules that one statement measures at most: far below the limit of columns */
#define MAX_RULES_PER_STATEMENT 500

/* what names stand for */
typedef struct Names
{
	List *entities;
	const char *source;
	bool is_merge;
} Names;

/* rules of one relation and scope */
typedef struct Measurement
{
	List *rules;
	const Names *names;
	MemoryContext context; /* for the numbers */
} Measurement;

/* the statement that measures them, while it is written */
typedef struct Statement
{
	const Names *names;
	bool is_partial;
	StringInfoData with; /* names that stand for queries */
	List *defined;		 /* these names */
} Statement;

/* rows that the build has rejected, of all its tasks */
static char *
rejects_from(void)
{
	StringInfoData from;

	initStringInfo(&from);
	appendStringInfoString(&from, "(SELECT NULL::text AS entity, NULL::text AS reason,"
								  " NULL::text AS column_name WHERE false");
	SPI_connect();
	olist_spi_run("SELECT c.oid::pg_catalog.regclass::text\n"
				  "FROM pg_catalog.pg_class c\n"
				  "WHERE c.relnamespace = pg_catalog.to_regnamespace('olist_build')\n"
				  "AND c.relkind = 'r' AND c.relname LIKE 'reject\\_%'",
				  SPI_OK_SELECT);
	for (uint64 i = 0; i < SPI_processed; i++)
		appendStringInfo(&from, "\nUNION ALL SELECT entity, reason, column_name FROM %s",
						 SPI_getvalue(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1));
	SPI_finish();
	appendStringInfoChar(&from, ')');
	return from.data;
}

/* the table of the warehouse: as it is built, or as it is; NULL if there is none */
static char *
warehouse_from(const char *name)
{
	static const char *const schemas[] = {OLIST_BUILD_SCHEMA, OLIST_DW_SCHEMA};

	for (size_t i = 0; i < lengthof(schemas); i++)
		if (olist_table_exists(schemas[i], name))
			return quote_qualified_identifier(schemas[i], name);
	return NULL;
}

/* the table of what a merge has seen of an entity beside what is staged */
static char *
prior_table(const OlistEntity *entity)
{
	return psprintf("prior_%s", entity->name);
}

/* the table of what is staged of an entity or, in a merge, of what that makes a difference */
static char *
staged_from(const OlistEntity *entity, const Names *names)
{
	char *staged = psprintf("staged_%s", entity->name);

	return names->is_merge && olist_table_exists(OLIST_BUILD_SCHEMA, staged)
			   ? quote_qualified_identifier(OLIST_BUILD_SCHEMA, staged)
			   : entity->target;
}

/* a query for the rows of an entity that a merge sees */
static char *
seen_rows(const OlistEntity *entity, const Names *names)
{
	StringInfoData columns;
	ListCell *lc;

	initStringInfo(&columns);
	foreach (lc, entity->columns)
	{
		const OlistEntityColumn *column = lfirst(lc);

		appendStringInfo(&columns, "%s%s", columns.len > 0 ? ", " : "",
						 quote_identifier(column->name));
	}
	return psprintf("SELECT %1$s FROM %2$s\nUNION ALL\nSELECT %1$s FROM %3$s", columns.data,
					staged_from(entity, names),
					quote_qualified_identifier(OLIST_BUILD_SCHEMA, prior_table(entity)));
}

/* the name, as one that the statement defines by a query */
static const char *
define(Statement *statement, const char *name, const char *query)
{
	ListCell *lc;

	foreach (lc, statement->defined)
	{
		if (strcmp(lfirst(lc), name) == 0)
			return name;
	}
	appendStringInfo(&statement->with, "%s%s AS NOT MATERIALIZED (\n%s)",
					 statement->defined == NIL ? "WITH " : ",\n", quote_identifier(name), query);
	statement->defined = lappend(statement->defined, pstrdup(name));
	return quote_identifier(name);
}

/* what stands behind FROM for an unqualified name; NULL if it stands for nothing */
static const char *
find_from(Statement *statement, const char *name, bool is_relation)
{
	const Names *names = statement->names;
	OlistEntity *entity = olist_entity_find(names->entities, name);
	const OlistTable *table;

	if (strcmp(name, OLIST_RULE_OBJECTS) == 0)
		return psprintf("olist_etl.batch(%s)", quote_literal_cstr(names->source));
	if (strcmp(name, OLIST_RULE_REJECTS) == 0)
		return rejects_from();
	if (entity != NULL)
		return names->is_merge && !is_relation ? define(statement, name, seen_rows(entity, names))
											   : staged_from(entity, names);
	table = olist_table_named(name);
	if (names->is_merge && !statement->is_partial && table != NULL)
		return define(statement, name, olist_merge_outcome(table));
	return warehouse_from(name);
}

/* what stands behind FROM for a rule's relation */
static const char *
choose_from(Statement *statement, const char *relation)
{
	List *parts = textToQualifiedNameList(cstring_to_text(relation));
	const char *name = strVal(linitial(parts));
	const char *from;

	if (list_length(parts) > 1)
		return NameListToQuotedString(parts);
	from = find_from(statement, name, true);
	if (from == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("there is neither an entity nor a table of the warehouse called \"%s\"",
						olist_clip(relation, strlen(relation))),
				 errhint("Tables elsewhere are called by their qualified names.")));
	return psprintf("%s AS %s", from, quote_identifier(name));
}

/* the name in braces that stands at p, or NULL */
static char *
name_in_braces(const char *p)
{
	size_t len = *p == '{' ? strspn(p + 1, "abcdefghijklmnopqrstuvwxyz_0123456789") : 0;

	return len > 0 && p[len + 1] == '}' ? pnstrdup(p + 1, len) : NULL;
}

/* the rule's SQL with the names in braces replaced; other braces stay as they are */
static void
append_expression(Statement *statement, StringInfo sql, const OlistRule *rule)
{
	for (const char *p = rule->expression; *p != '\0'; p++)
	{
		char *name = name_in_braces(p);
		const char *from = name == NULL ? NULL : find_from(statement, name, false);

		if (from == NULL)
			appendStringInfoChar(sql, *p);
		else
		{
			appendStringInfoString(sql, from);
			p += strlen(name) + 1;
		}
	}
}

static char *
write_statement(const Measurement *measurement)
{
	const OlistRule *first = linitial(measurement->rules);
	Statement statement = {.names = measurement->names, .is_partial = first->is_partial};
	StringInfoData sql;
	ListCell *lc;

	initStringInfo(&statement.with);
	initStringInfo(&sql);
	appendStringInfoString(&sql, "SELECT pg_catalog.count(*)");
	foreach (lc, measurement->rules)
	{
		const OlistRule *rule = lfirst(lc);

		appendStringInfoString(&sql, rule->is_predicate
										 ? ",\n    pg_catalog.count(*) FILTER (WHERE NOT ("
										 : ",\n    (");
		append_expression(&statement, &sql, rule);
		/* the line's end ends a comment that the expression may end with */
		appendStringInfoString(&sql, rule->is_predicate ? "\n))" : "\n)");
	}
	appendStringInfo(&sql, "\nFROM %s", choose_from(&statement, first->relation));
	return psprintf("%s\n%s", statement.with.data, sql.data);
}

/* a rule's number from column i of the result */
static void
read_number(OlistRule *rule, int i, MemoryContext context)
{
	Oid type = SPI_gettypeid(SPI_tuptable->tupdesc, i);
	char *text = SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, i);
	char category;
	bool is_preferred;

	get_type_category_preferred(type, &category, &is_preferred);
	if (category != TYPCATEGORY_NUMERIC && category != TYPCATEGORY_BOOLEAN)
		ereport(ERROR, (errcode(ERRCODE_DATATYPE_MISMATCH),
						errmsg("the rule gives type %s", format_type_be(type)),
						errhint("It must give a number, or true where all is well.")));
	if (text == NULL)
		return;
	rule->is_boolean = category == TYPCATEGORY_BOOLEAN;
	if (rule->is_boolean)
		text = text[0] == 't' ? "0" : "1";
	rule->measured = MemoryContextStrdup(context, text);
	rule->value = strtod(text, NULL);
}

/* measure in one statement */
static void
measure(void *arg)
{
	Measurement *measurement = arg;
	ListCell *lc;
	int column = 1;
	bool isnull;
	int64 rows;

	SPI_connect();
	olist_spi_run(write_statement(measurement), SPI_OK_SELECT);
	rows =
		DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, column, &isnull));
	foreach (lc, measurement->rules)
	{
		OlistRule *rule = lfirst(lc);

		rule->rows = rows;
		read_number(rule, ++column, measurement->context);
	}
	SPI_finish();
}

/* an error that says nothing about the rule's SQL */
static bool
is_foreign(int sqlerrcode)
{
	int category = ERRCODE_TO_CATEGORY(sqlerrcode);

	return category == ERRCODE_OPERATOR_INTERVENTION ||
		   category == ERRCODE_INSUFFICIENT_RESOURCES || category == ERRCODE_TRANSACTION_ROLLBACK ||
		   sqlerrcode == ERRCODE_LOCK_NOT_AVAILABLE;
}

static void
note_error(List *rules, const ErrorData *error)
{
	ListCell *lc;

	foreach (lc, rules)
	{
		OlistRule *rule = lfirst(lc);

		rule->measured = NULL;
		rule->error = olist_clip(error->message, strlen(error->message));
		if (error->hint != NULL && rule->hint == NULL)
			rule->hint = pstrdup(error->hint);
	}
}

/* measure the rules together or, if some of them cannot be measured, one by one */
static void
measure_or_note(Measurement *together)
{
	ErrorData *error = olist_try_and_undo(measure, together);
	ListCell *lc;

	if (error == NULL)
		return;
	if (is_foreign(error->sqlerrcode))
		ReThrowError(error);
	if (list_length(together->rules) == 1)
	{
		note_error(together->rules, error);
		return;
	}
	foreach (lc, together->rules)
	{
		Measurement alone = *together;

		alone.rules = list_make1(lfirst(lc));
		measure_or_note(&alone);
	}
}

/* the entity in braces of which a merge has seen no more than what is staged, or NULL */
static const char *
unseen_entity(const OlistRule *rule, const Names *names)
{
	for (const char *p = rule->expression; *p != '\0'; p++)
	{
		char *name = name_in_braces(p);
		OlistEntity *entity = name == NULL ? NULL : olist_entity_find(names->entities, name);

		if (entity != NULL && !olist_table_exists(OLIST_BUILD_SCHEMA, prior_table(entity)))
			return entity->name;
	}
	return NULL;
}

/* does the next rule belong into the statement of this one? */
static bool
is_measured_alike(const OlistRule *a, const OlistRule *b)
{
	return strcmp(a->relation, b->relation) == 0 && a->is_partial == b->is_partial;
}

/* Is the rule one to be executed? If not, say why. */
static bool
is_to_be_measured(OlistRule *rule, const Names *names)
{
	const char *unseen = names->is_merge ? unseen_entity(rule, names) : NULL;

	if (unseen != NULL)
		rule->skipped =
			psprintf("not measured where a batch is merged: not all %s are staged", unseen);
	if (!rule->is_trusted)
	{
		rule->error = psprintf("it belongs to \"%s\", who is not a member of \"%s\": read its SQL, "
							   "and make it yours by an UPDATE",
							   rule->owner, GetUserNameFromId(GetUserId(), false));
	}
	return rule->is_trusted && unseen == NULL;
}

void
olist_rules_measure(List *rules, const char *source)
{
	Names names = {olist_entities(), source, olist_is_merge()};
	Measurement measurement = {NIL, &names, CurrentMemoryContext};
	int guc_level = NewGUCNestLevel();
	ListCell *lc;

	(void) set_config_option("search_path", "pg_catalog, pg_temp", PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
	/* compiling costs more than these statements do */
	(void) set_config_option("jit", "off", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0,
							 false);
	foreach (lc, rules)
	{
		OlistRule *rule = lfirst(lc);

		if (!is_to_be_measured(rule, &names))
			continue;
		if (measurement.rules != NIL && (!is_measured_alike(linitial(measurement.rules), rule) ||
										 list_length(measurement.rules) == MAX_RULES_PER_STATEMENT))
		{
			measure_or_note(&measurement);
			measurement.rules = NIL;
		}
		measurement.rules = lappend(measurement.rules, rule);
	}
	if (measurement.rules != NIL)
		measure_or_note(&measurement);
	AtEOXact_GUC(true, guc_level);
}
