/*
 * fdw/options.c
 *		The options of the wrapper's objects: checked when they are written,
 *		read when a table is scanned.
 *
 * Servers and user mappings say how to reach a source (source/options.h knows
 * those), tables where their rows are and how they are written, columns what
 * the header calls them.
 */
#include "postgres.h"

#include "fdw/options.h"

#include "access/reloptions.h"
#include "access/table.h"
#include "base/message.h"
#include "catalog/pg_attribute.h"
#include "catalog/pg_foreign_table.h"
#include "commands/defrem.h"
#include "compat.h"
#include "fmgr.h"
#include "foreign/foreign.h"
#include "source/options.h"
#include "source/uri.h"
#include "utils/builtins.h"
#include "utils/rel.h"

PG_FUNCTION_INFO_V1(olist_etl_fdw_validator);

pg_noreturn static void refuse_option(const char *name, Oid catalog);

/* an unknown option: what it may have meant, or what there is */
static void
refuse_option(const char *name, Oid catalog)
{
	OlistSuggestion suggestion;

	olist_suggestion_init(&suggestion, name);
	if (catalog == ForeignTableRelationId)
	{
		olist_suggestion_offer(&suggestion, "uri");
		olist_csv_options_offer(&suggestion);
	}
	else if (catalog == AttributeRelationId)
	{
		olist_suggestion_offer(&suggestion, "column_name");
		olist_suggestion_offer(&suggestion, "optional");
	}
	ereport(ERROR,
			(errcode(ERRCODE_FDW_INVALID_OPTION_NAME), errmsg("invalid option \"%s\"", name),
			 suggestion.closest != NULL
				 ? errhint("Perhaps you meant the option \"%s\".", suggestion.closest)
			 : catalog == ForeignTableRelationId
				 ? errhint("A foreign table has the options uri, delimiter, quote, header, null, "
						   "encoding, on_error, reject_limit, max_columns, max_field_bytes and "
						   "max_record_bytes.")
			 : catalog == AttributeRelationId
				 ? errhint("A column has the options column_name and optional.")
				 : errhint("There are no valid options in this context.")));
}

/* a header's name that must fit an attribute's name */
static void
check_column_name(const char *value)
{
	if (strlen(value) >= NAMEDATALEN)
		ereport(ERROR, (errcode(ERRCODE_NAME_TOO_LONG),
						errmsg("column_name \"%s\" is too long", olist_clip(value, strlen(value))),
						errdetail("It may have at most %d bytes.", NAMEDATALEN - 1)));
	if (value[0] == '\0')
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("column_name must not be empty")));
}

/* the options of a foreign table as a whole */
static void
check_table_options(List *options)
{
	OlistCsvOptions csv;
	bool has_uri = false;
	ListCell *lc;

	olist_csv_options_default(&csv);
	foreach (lc, options)
	{
		DefElem *def = lfirst(lc);

		if (strcmp(def->defname, "uri") == 0)
		{
			(void) olist_uri_parse(defGetString(def));
			has_uri = true;
		}
		else if (!olist_csv_options_set(&csv, def->defname, defGetString(def)))
			refuse_option(def->defname, ForeignTableRelationId);
	}
	if (!has_uri)
		ereport(ERROR, (errcode(ERRCODE_FDW_DYNAMIC_PARAMETER_VALUE_NEEDED),
						errmsg("a foreign table of olist_etl needs the option \"uri\""),
						errhint("Add it: OPTIONS (uri 's3://bucket/prefix/*.csv').")));
	olist_csv_options_check(&csv);
}

static void
check_column_options(List *options)
{
	ListCell *lc;

	foreach (lc, options)
	{
		DefElem *def = lfirst(lc);

		if (strcmp(def->defname, "column_name") == 0)
			check_column_name(defGetString(def));
		else if (strcmp(def->defname, "optional") == 0)
			(void) defGetBoolean(def);
		else
			refuse_option(def->defname, AttributeRelationId);
	}
}

/* fdw_validator(options text[], catalog oid) */
Datum
olist_etl_fdw_validator(PG_FUNCTION_ARGS)
{
	List *options = untransformRelOptions(PG_GETARG_DATUM(0));
	Oid catalog = PG_GETARG_OID(1);
	ListCell *lc;

	if (catalog == ForeignTableRelationId)
		check_table_options(options);
	else if (catalog == AttributeRelationId)
		check_column_options(options);
	else
	{
		foreach (lc, options)
		{
			DefElem *def = lfirst(lc);

			if (!olist_source_option_check(catalog, def->defname, defGetString(def)))
				refuse_option(def->defname, catalog);
		}
	}
	PG_RETURN_VOID();
}

/* name the columns of desc as the header does, and note which it may lack */
static void
apply_column_options(OlistForeignTable *table, Oid relid)
{
	for (AttrNumber attnum = 1; attnum <= table->desc->natts; attnum++)
	{
		Form_pg_attribute attribute = TupleDescAttr(table->desc, attnum - 1);
		ListCell *lc;

		if (attribute->attisdropped)
			continue;
		foreach (lc, GetForeignColumnOptions(relid, attnum))
		{
			DefElem *def = lfirst(lc);

			if (strcmp(def->defname, "column_name") == 0)
				namestrcpy(&attribute->attname, defGetString(def));
			else if (strcmp(def->defname, "optional") == 0 && defGetBoolean(def))
				table->csv.format.optional = bms_add_member(table->csv.format.optional, attnum);
		}
	}
}

OlistForeignTable *
olist_foreign_table(Oid relid)
{
	OlistForeignTable *table = palloc0(sizeof(OlistForeignTable));
	ForeignTable *definition = GetForeignTable(relid);
	Relation rel = table_open(relid, NoLock);
	ListCell *lc;

	table->serverid = definition->serverid;
	table->desc = CreateTupleDescCopy(RelationGetDescr(rel));
	table_close(rel, NoLock);
	olist_csv_options_default(&table->csv);
	foreach (lc, definition->options)
	{
		DefElem *def = lfirst(lc);

		if (strcmp(def->defname, "uri") == 0)
			table->uri = defGetString(def);
		else
			(void) olist_csv_options_set(&table->csv, def->defname, defGetString(def));
	}
	apply_column_options(table, relid);
	return table;
}

void
olist_csv_options_from_arguments(OlistCsvOptions *csv, FunctionCallInfo fcinfo, int first, int n,
								 const char *const *names)
{
	for (int i = 0; i < n; i++)
	{
		const char *value;

		if (PG_ARGISNULL(first + i))
			continue;
		if (strcmp(names[i], "header") == 0)
			value = PG_GETARG_BOOL(first + i) ? "true" : "false";
		else
			value = text_to_cstring(PG_GETARG_TEXT_PP(first + i));
		if (!olist_csv_options_set(csv, names[i], value))
			elog(ERROR, "\"%s\" is no CSV option", names[i]);
	}
	olist_csv_options_check(csv);
}
