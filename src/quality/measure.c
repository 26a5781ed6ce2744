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
 * operator into a rule. Where a rule's SQL speaks of another table than its
 * own, it names it in braces, and gets what the name means as a relation:
 *
 *		{fact_order} ──► olist_build.fact_order, which is about to be published,
 *						 or else olist_dw.fact_order
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
#include "star/build.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/varlena.h"

/* rules that one statement measures at most: far below the limit of columns */
#define MAX_RULES_PER_STATEMENT 500

/* relations that are neither entities nor tables */
#define OBJECTS_RELATION "objects"
#define REJECTS_RELATION "rejects"

/* what names stand for */
typedef struct Names
{
	List *entities;
	const char *source;
} Names;

/* rules of one relation */
typedef struct Measurement
{
	List *rules;
	const Names *names;
	MemoryContext context; /* for the numbers */
} Measurement;

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
	appendStringInfoString(&from, ") AS " REJECTS_RELATION);
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

/* what stands behind FROM for an unqualified name; NULL if it stands for nothing */
static const char *
find_from(const char *name, const Names *names)
{
	OlistEntity *entity = olist_entity_find(names->entities, name);

	if (strcmp(name, OBJECTS_RELATION) == 0)
		return psprintf("olist_etl.batch(%s) AS " OBJECTS_RELATION,
						quote_literal_cstr(names->source));
	if (strcmp(name, REJECTS_RELATION) == 0)
		return rejects_from();
	return entity != NULL ? entity->target : warehouse_from(name);
}

/* what stands behind FROM for a rule's relation */
static const char *
choose_from(const char *relation, const Names *names)
{
	List *parts = textToQualifiedNameList(cstring_to_text(relation));
	const char *from;

	if (list_length(parts) > 1)
		return NameListToQuotedString(parts);
	from = find_from(strVal(linitial(parts)), names);
	if (from == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("there is neither an entity nor a table of the warehouse called \"%s\"",
						olist_clip(relation, strlen(relation))),
				 errhint("Tables elsewhere are called by their qualified names.")));
	return from;
}

/* SQL with the names in braces replaced; other braces stay as they are */
static void
append_expression(StringInfo sql, const char *expression, const Names *names)
{
	for (const char *p = expression; *p != '\0'; p++)
	{
		size_t len = *p == '{' ? strspn(p + 1, "abcdefghijklmnopqrstuvwxyz_0123456789") : 0;
		const char *from = NULL;

		if (len > 0 && p[len + 1] == '}')
			from = find_from(pnstrdup(p + 1, len), names);
		if (from == NULL)
			appendStringInfoChar(sql, *p);
		else
		{
			appendStringInfoString(sql, from);
			p += len + 1;
		}
	}
}

static char *
write_statement(const Measurement *measurement)
{
	const char *relation = ((OlistRule *) linitial(measurement->rules))->relation;
	StringInfoData sql;
	ListCell *lc;

	initStringInfo(&sql);
	appendStringInfoString(&sql, "SELECT pg_catalog.count(*)");
	foreach (lc, measurement->rules)
	{
		const OlistRule *rule = lfirst(lc);

		appendStringInfoString(&sql, rule->is_predicate
										 ? ",\n    pg_catalog.count(*) FILTER (WHERE NOT ("
										 : ",\n    (");
		append_expression(&sql, rule->expression, measurement->names);
		/* the line's end ends a comment that the expression may end with */
		appendStringInfoString(&sql, rule->is_predicate ? "\n))" : "\n)");
	}
	appendStringInfo(&sql, "\nFROM %s", choose_from(relation, measurement->names));
	return sql.data;
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

/* measure in one statement; a subtransaction's work */
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
	ErrorData *error = olist_try(measure, together);
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

/* Is the rule one to be executed? If not, say why. */
static bool
is_to_be_measured(OlistRule *rule)
{
	if (!rule->is_trusted)
	{
		rule->error = psprintf("it belongs to \"%s\", who is not a member of \"%s\": read its SQL, "
							   "and make it yours by an UPDATE",
							   rule->owner, GetUserNameFromId(GetUserId(), false));
	}
	return rule->is_trusted;
}

void
olist_rules_measure(List *rules, const char *source)
{
	Names names = {olist_entities(), source};
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

		if (!is_to_be_measured(rule))
			continue;
		if (measurement.rules != NIL &&
			(strcmp(((OlistRule *) linitial(measurement.rules))->relation, rule->relation) != 0 ||
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
