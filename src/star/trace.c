/*
 * star/trace.c
 *		olist_etl.trace(): which object and line a row of the warehouse comes from.
 *
 *	 table, key ──► the row's _object_id and _line, by the caller's rights
 *	            ──► the object's line in the ledger, as the extension's owner
 *
 * A row that comes from no single line says so: a place leads to the objects
 * with its points, or to the residents by whom it is known; days and distinct
 * values are derived, inferred members are only named by other rows.
 *
 * Any table with a primary key and a column _object_id can be traced, also one
 * that load() has filled.
 */
#include "postgres.h"

#include "base/message.h"
#include "base/spi.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "lib/stringinfo.h"
#include "nodes/pg_list.h"
#include "star/tables.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/tuplestore.h"

PG_FUNCTION_INFO_V1(olist_etl_trace);

/* of the row that every dimension has */
#define UNKNOWN_NOTE "stands for what is unknown: no object holds it"

/* the columns of a result */
enum
{
	TRACE_URI,
	TRACE_ETAG,
	TRACE_SIZE,
	TRACE_LINE,
	TRACE_RUN_ID,
	TRACE_LOADED_AT,
	TRACE_PUBLISHED_AT,
	TRACE_NOTE,
	TRACE_COLUMNS
};

/* tables whose rows come from no object, and what there is to say of a row */
static const struct
{
	const OlistTable *table;
	const char *note;
} derived[] = {
	{&olist_dim_date, "derived: a day of a year that the facts name"},
	{&olist_dim_order_status, "derived: the distinct values of orders; trace a row of fact_order"},
	{&olist_dim_payment_type, "derived: the distinct values of payments; trace a row of "
							  "fact_payment"},
};

/* of a place, $1: objects with its points; without any, the rows of those who live there */
static const char *const place_sql =
	"WITH place AS ("
	"    SELECT g.geography_key, g.zip_code_prefix"
	"      FROM olist_dw.dim_geography g"
	"     WHERE g.geography_key = $1::bigint AND g.geography_key <> -1),"
	" source AS ("
	"    SELECT p._object_id, NULL::bigint AS _line, 'holds points of the place' AS note"
	"      FROM place JOIN olist_dw.geography_point p USING (zip_code_prefix)),"
	" resident AS ("
	"    SELECT a._object_id, a._line, 'a place without points: a customer lives there' AS note"
	"      FROM place JOIN olist_dw.customer_account a USING (zip_code_prefix)"
	"    UNION ALL "
	"    SELECT s._object_id, s._line, 'a place without points: a seller is there'"
	"      FROM place JOIN olist_dw.dim_seller s USING (geography_key)) "
	"SELECT * FROM source"
	" UNION ALL "
	"SELECT * FROM resident WHERE NOT EXISTS (SELECT FROM source)"
	" UNION ALL "
	"SELECT NULL, NULL, '" UNKNOWN_NOTE "' WHERE $1::bigint = -1";

/* a column of a primary key, and the value that is looked for */
typedef struct KeyColumn
{
	char *name;
	char *type;
	char *value; /* NULL: SQL NULL */
} KeyColumn;

/* the columns of the table's primary key, in their order; none if there is no such key */
static List *
key_columns(Oid relid)
{
	OlistSpiArg arg = OLIST_SPI_OID(relid);
	List *columns = NIL;

	olist_spi_execute(
		"SELECT a.attname::text, pg_catalog.format_type(a.atttypid, a.atttypmod)\n"
		"FROM pg_catalog.pg_constraint AS c\n"
		"CROSS JOIN pg_catalog.unnest(c.conkey) WITH ORDINALITY AS k (attnum, place)\n"
		"JOIN pg_catalog.pg_attribute AS a\n"
		"    ON a.attrelid = c.conrelid AND a.attnum = k.attnum\n"
		"WHERE c.conrelid = $1 AND c.contype = 'p'\n"
		"ORDER BY k.place",
		SPI_OK_SELECT, 1, &arg);
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		KeyColumn *column = palloc0(sizeof(KeyColumn));

		column->name = SPI_getvalue(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1);
		column->type = SPI_getvalue(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 2);
		columns = lappend(columns, column);
	}
	return columns;
}

static char *
column_names(List *columns)
{
	StringInfoData names;
	ListCell *lc;

	initStringInfo(&names);
	foreach (lc, columns)
		appendStringInfo(&names, "%s%s", names.len > 0 ? ", " : "",
						 ((KeyColumn *) lfirst(lc))->name);
	return names.data;
}

/* the arguments after the table, of whatever types, as texts */
static void
read_key(FunctionCallInfo fcinfo, List *columns, const char *table)
{
	Datum *values;
	Oid *types;
	bool *isnull;
	int n = extract_variadic_args(fcinfo, 1, true, &values, &types, &isnull);

	if (n != list_length(columns))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg_plural("the key of table %s has %d column",
							   "the key of table %s has %d columns", list_length(columns), table,
							   list_length(columns)),
				 errdetail("Its columns: %s. Given: %d.", column_names(columns), Max(n, 0)),
				 errhint("SELECT * FROM olist_etl.trace('%s', %s)", table, column_names(columns))));
	for (int i = 0; i < n; i++)
	{
		KeyColumn *column = list_nth(columns, i);
		Oid output;
		bool is_varlena;

		if (isnull[i])
			continue;
		getTypeOutputInfo(types[i], &output, &is_varlena);
		column->value = OidOutputFunctionCall(output, values[i]);
	}
}

static bool
has_column(Oid relid, const char *name)
{
	return get_attnum(relid, name) != InvalidAttrNumber;
}

static bool
is_in_warehouse(Oid relid)
{
	return strcmp(get_namespace_name(get_rel_namespace(relid)), OLIST_DW_SCHEMA) == 0;
}

/* is it this table of the warehouse? */
static bool
is_warehouse_table(Oid relid, const OlistTable *table)
{
	return is_in_warehouse(relid) && strcmp(get_rel_name(relid), table->name) == 0;
}

/* what there is to say of a row that no object holds, as an SQL expression */
static char *
note_expression(Oid relid, List *columns)
{
	const KeyColumn *first = linitial(columns);
	StringInfoData cases;

	initStringInfo(&cases);
	if (is_in_warehouse(relid) && strncmp(get_rel_name(relid), "dim_", strlen("dim_")) == 0)
		appendStringInfo(&cases, "WHEN t.%s = -1 THEN '" UNKNOWN_NOTE "' ",
						 quote_identifier(first->name));
	if (is_in_warehouse(relid) && has_column(relid, "is_inferred"))
		appendStringInfoString(&cases, "WHEN t.is_inferred THEN 'inferred: rows of other objects "
									   "name it, its own has not arrived' ");
	for (size_t i = 0; i < lengthof(derived); i++)
	{
		if (is_warehouse_table(relid, derived[i].table))
			appendStringInfo(&cases, "WHEN true THEN '%s' ", derived[i].note);
	}
	return cases.len > 0 ? psprintf("CASE %sEND", cases.data) : "NULL";
}

/* the query that gives _object_id, _line and a note, of the row with the key $1, $2, … */
static char *
row_query(Oid relid, const char *table, List *columns)
{
	StringInfoData sql;
	ListCell *lc;

	if (is_warehouse_table(relid, &olist_dim_geography))
		return pstrdup(place_sql);
	initStringInfo(&sql);
	appendStringInfo(&sql, "SELECT %s, %s, CAST(%s AS text)\nFROM %s AS t",
					 has_column(relid, "_object_id") ? "t._object_id" : "NULL::pg_catalog.int8",
					 has_column(relid, "_line") ? "t._line" : "NULL::pg_catalog.int8",
					 note_expression(relid, columns), table);
	foreach (lc, columns)
	{
		const KeyColumn *column = lfirst(lc);

		appendStringInfo(
			&sql, "\n%s t.%s = CAST($%d AS %s)", foreach_current_index(lc) == 0 ? "WHERE" : "AND",
			quote_identifier(column->name), foreach_current_index(lc) + 1, column->type);
	}
	return sql.data;
}

/* can the rows of this relation be traced? */
static void
check_traceable(Oid relid, const char *table, List *columns)
{
	bool is_derived = is_warehouse_table(relid, &olist_dim_geography);

	for (size_t i = 0; i < lengthof(derived); i++)
		is_derived = is_derived || is_warehouse_table(relid, derived[i].table);
	if (columns == NIL || (!is_derived && !has_column(relid, "_object_id")))
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE), errmsg("rows of %s cannot be traced", table),
				 errdetail("It has no primary key, or no column _object_id."),
				 errhint("The tables of " OLIST_DW_SCHEMA " can be traced; of a view, the "
						 "rows of the tables beneath it.")));
}

/* what the ledger has of the object, into the result's columns; false if it has no such object */
static bool
put_object(int64 object_id, Datum *values, bool *isnull)
{
	static OlistSpiKept statement = {
		.sql = "SELECT l.uri, l.etag, l.size, l.run_id, l.loaded_at, l.published_at"
			   "  FROM olist_etl.ledger l"
			   " WHERE l.object_id = $1",
		.expected = SPI_OK_SELECT,
	};
	static const int columns[] = {TRACE_URI,	TRACE_ETAG,		 TRACE_SIZE,
								  TRACE_RUN_ID, TRACE_LOADED_AT, TRACE_PUBLISHED_AT};
	OlistSpiArg arg = OLIST_SPI_INT8(object_id);

	if (olist_spi_execute_kept_as_owner(&statement, 1, &arg) == 0)
		return false;
	for (int i = 0; i < (int) lengthof(columns); i++)
		values[columns[i]] =
			SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, i + 1, &isnull[columns[i]]);

	/* who may read the row need not be somebody who may read a signed address */
	values[TRACE_URI] =
		CStringGetTextDatum(olist_redact_uri(TextDatumGetCString(values[TRACE_URI])));
	return true;
}

/* one row of the query: add it to the result */
static void
put_row(ReturnSetInfo *result, HeapTuple row, TupleDesc desc)
{
	Datum values[TRACE_COLUMNS];
	bool isnull[TRACE_COLUMNS];
	bool no_object;
	Datum object_id = SPI_getbinval(row, desc, 1, &no_object);

	memset(isnull, true, sizeof(isnull));
	values[TRACE_LINE] = SPI_getbinval(row, desc, 2, &isnull[TRACE_LINE]);
	values[TRACE_NOTE] = SPI_getbinval(row, desc, 3, &isnull[TRACE_NOTE]);
	if (!no_object && !put_object(DatumGetInt64(object_id), values, isnull))
	{
		values[TRACE_NOTE] = CStringGetTextDatum(
			psprintf("from object " INT64_FORMAT ", which the ledger does not have: the extension "
					 "was dropped since",
					 DatumGetInt64(object_id)));
		isnull[TRACE_NOTE] = false;
	}
	tuplestore_putvalues(result->setResult, result->setDesc, values, isnull);
}

/* trace(relation regclass, VARIADIC key "any") */
Datum
olist_etl_trace(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	Oid relid = PG_GETARG_OID(0);
	char *table = get_rel_name(relid);
	OlistSpiArg args[INDEX_MAX_KEYS];
	SPITupleTable *rows;
	List *columns;
	ListCell *lc;

	if (table == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE), errmsg("there is no table with OID %u", relid)));
	table = quote_qualified_identifier(get_namespace_name(get_rel_namespace(relid)), table);
	InitMaterializedSRF(fcinfo, 0);
	SPI_connect();
	columns = key_columns(relid);
	check_traceable(relid, table, columns);
	read_key(fcinfo, columns, table);
	foreach (lc, columns)
		args[foreach_current_index(lc)] = OLIST_SPI_TEXT(((KeyColumn *) lfirst(lc))->value);
	olist_spi_execute(row_query(relid, table, columns), SPI_OK_SELECT, list_length(columns), args);
	rows = SPI_tuptable;
	for (uint64 i = 0; i < rows->numvals; i++)
		put_row(result, rows->vals[i], rows->tupdesc);
	SPI_finish();
	return (Datum) 0;
}
