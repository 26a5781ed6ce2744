/*
 * fdw/import.c
 *		IMPORT FOREIGN SCHEMA: the objects under a prefix as foreign tables.
 *
 *		listing ──► which entity? ──► a table with the entity's columns, over all its objects
 *							  none ──► a table of text columns, named as in the header
 *
 * The remote schema is the prefix's URI, or a mere name when the option uri
 * gives the prefix: identifiers end at 63 bytes, URIs need not.
 */
#include "postgres.h"

#include "fdw/fdw.h"

#include "base/message.h"
#include "commands/defrem.h"
#include "fdw/csv_options.h"
#include "fdw/entity.h"
#include "fdw/reader.h"
#include "foreign/foreign.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

/* a foreign table to be made */
typedef struct ImportedTable
{
	char *name;
	OlistEntity *entity; /* NULL: columns come from the header */
	OlistObject object;	 /* the first one */
	char *uri;			 /* what stands for all of its objects */
} ImportedTable;

/* what the statement's options say */
typedef struct ImportOptions
{
	char *uri;
	OlistCsvOptions csv;
	StringInfoData table_options; /* ", name 'value'" for each to pass on */
} ImportOptions;

static void
read_options(ImportForeignSchemaStmt *stmt, ImportOptions *options)
{
	ListCell *lc;

	options->uri = stmt->remote_schema;
	olist_csv_options_default(&options->csv);
	initStringInfo(&options->table_options);
	foreach (lc, stmt->options)
	{
		DefElem *def = lfirst(lc);
		char *value = defGetString(def);

		if (strcmp(def->defname, "uri") == 0)
			options->uri = value;
		else if (olist_csv_options_set(&options->csv, def->defname, value))
			appendStringInfo(&options->table_options, ", %s %s", quote_identifier(def->defname),
							 quote_literal_cstr(value));
		else
		{
			OlistSuggestion suggestion;

			olist_suggestion_init(&suggestion, def->defname);
			olist_suggestion_offer(&suggestion, "uri");
			olist_csv_options_offer(&suggestion);
			ereport(ERROR,
					(errcode(ERRCODE_FDW_INVALID_OPTION_NAME),
					 errmsg("invalid option \"%s\"", def->defname),
					 suggestion.closest != NULL
						 ? errhint("Perhaps you meant the option \"%s\".", suggestion.closest)
						 : errhint("IMPORT FOREIGN SCHEMA takes the option uri and the format "
								   "options of a foreign table.")));
		}
	}
	olist_csv_options_check(&options->csv);
}

/* the file's name up to its first dot: what a table over it is called */
static char *
table_name_of(const char *uri)
{
	const char *name = strrchr(uri, '/');
	size_t len;

	name = name != NULL ? name + 1 : uri;
	len = strcspn(name, ".");
	return pnstrdup(name, Min(len, NAMEDATALEN - 1));
}

static ImportedTable *
find_table(List *tables, const char *name)
{
	ListCell *lc;

	foreach (lc, tables)
	{
		ImportedTable *table = lfirst(lc);

		if (strcmp(table->name, name) == 0)
			return table;
	}
	return NULL;
}

/* add an object to the table that it belongs to, if the statement wants it */
static List *
add_object(List *tables, ImportForeignSchemaStmt *stmt, const OlistObject *object,
		   const OlistEntityMatcher *matcher)
{
	OlistEntity *entity = olist_entity_match(matcher, object->uri);
	char *name = entity != NULL ? entity->name : table_name_of(object->uri);
	ImportedTable *table = find_table(tables, name);

	if (entity == NULL && strstr(object->uri, ".csv") == NULL)
		return tables;
	if (table != NULL)
	{
		if (entity == NULL)
			ereport(NOTICE, (errmsg("object \"%s\" is passed over: another one is imported as "
									"\"%s\"",
									olist_redact_uri(object->uri), name)));
		else
			table->uri = olist_entity_glob(matcher, entity);
		return tables;
	}
	if (name[0] == '\0' || !IsImportableForeignTable(name, stmt))
		return tables;
	table = palloc0(sizeof(ImportedTable));
	table->name = name;
	table->entity = entity;
	table->object = *object;
	table->uri = object->uri;
	return lappend(tables, table);
}

/* the objects under the prefix, sorted into tables */
static List *
collect_tables(ImportForeignSchemaStmt *stmt, const ImportOptions *options,
			   const OlistSourceOptions *source)
{
	List *entities = olist_entities();
	OlistEntityMatcher *matcher = olist_entity_matcher(options->uri, entities);
	OlistListing *listing = olist_listing_open(options->uri, source);
	List *tables = NIL;
	OlistObject object;

	while (olist_listing_next(listing, &object))
		tables = add_object(tables, stmt, &object, matcher);
	olist_listing_close(listing);
	return tables;
}

/* the names in an object's header: to a reader without columns, all are extra */
static List *
header_columns(const OlistObject *object, const OlistSourceOptions *source,
			   const OlistRowFormat *format)
{
	OlistRowSource *rows =
		olist_reader_open_object(object, source, CreateTemplateTupleDesc(0), format);
	List *names = NIL;
	ListCell *lc;

	foreach (lc, olist_row_source_extra_columns(rows))
		names = lappend(names, pstrdup(lfirst(lc)));
	olist_row_source_close(rows);
	return names;
}

static void
append_column(StringInfo sql, const char *name, const char *type, bool is_optional)
{
	if (sql->data[sql->len - 1] != '(')
		appendStringInfoString(sql, ", ");
	appendStringInfo(sql, "%s %s", quote_identifier(name), type);
	if (is_optional)
		appendStringInfoString(sql, " OPTIONS (optional 'true')");
}

static char *
create_statement(const ImportedTable *table, const char *schema, const char *server,
				 const ImportOptions *options, const OlistSourceOptions *source)
{
	StringInfoData sql;
	ListCell *lc;

	initStringInfo(&sql);
	appendStringInfo(&sql, "CREATE FOREIGN TABLE %s (",
					 quote_qualified_identifier(schema, table->name));
	if (table->entity != NULL)
	{
		foreach (lc, table->entity->columns)
		{
			OlistEntityColumn *column = lfirst(lc);

			append_column(&sql, column->name, column->type, !column->is_required);
		}
	}
	else
	{
		foreach (lc, header_columns(&table->object, source, &options->csv.format))
			append_column(&sql, lfirst(lc), "pg_catalog.text", false);
	}
	appendStringInfo(&sql, ") SERVER %s OPTIONS (uri %s%s)", quote_identifier(server),
					 quote_literal_cstr(table->uri), options->table_options.data);
	return sql.data;
}

List *
olist_import_foreign_schema(ImportForeignSchemaStmt *stmt, Oid serverid)
{
	OlistSourceOptions *source = olist_source_options(serverid, GetUserId());
	ImportOptions options;
	List *statements = NIL;
	ListCell *lc;

	read_options(stmt, &options);
	foreach (lc, collect_tables(stmt, &options, source))
		statements = lappend(statements, create_statement(lfirst(lc), stmt->local_schema,
														  stmt->server_name, &options, source));
	if (statements == NIL)
		ereport(NOTICE,
				(errmsg("no objects to import under \"%s\"", olist_redact_uri(options.uri))));
	return statements;
}
