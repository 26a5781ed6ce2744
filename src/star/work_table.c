/*
 * star/work_table.c
 *		Tables of olist_build that last from a merge's build to its publishing.
 *
 * A merge makes three dozen of them, and most get few rows. What a table costs
 * is then hardly those: a table with texts gets a TOAST table and an index on
 * that, three files for one, and CREATE TABLE waits until the empty index is on
 * disk. But a row that does not fit on a page is rare. So the tables are made
 * without, and build_batch() begins again when it meets such a row.
 */
#include "postgres.h"

#include "star/work_table.h"

#include "access/xact.h"
#include "base/spi.h"
#include "catalog/objectaddress.h"
#include "catalog/pg_class.h"
#include "commands/tablecmds.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "nodes/parsenodes.h"
#include "parser/parse_utilcmd.h"
#include "parser/parser.h"
#include "star/schema.h"
#include "utils/builtins.h"

PG_FUNCTION_INFO_V1(olist_etl_create_work_table);

/* said of each merge anew, before any of its builds */
static bool long_rows;

bool
olist_work_table_has_long_rows(void)
{
	return long_rows;
}

/* CREATE TABLE, up to where ProcessUtility() would add the TOAST table */
static void
define_table(const char *sql)
{
	RawStmt *raw = linitial_node(RawStmt, raw_parser(sql, RAW_PARSE_DEFAULT));
	List *statements = transformCreateStmt(castNode(CreateStmt, raw->stmt), sql);

	if (list_length(statements) != 1)
		elog(ERROR, "more than columns in: %s", sql);
	DefineRelation(linitial_node(CreateStmt, statements), RELKIND_RELATION, InvalidOid, NULL, sql);
	CommandCounterIncrement();
}

void
olist_work_table_create(const char *name, const char *columns)
{
	char *sql =
		psprintf("CREATE TABLE %s.%s (%s\n)", OLIST_BUILD_SCHEMA, quote_identifier(name), columns);

	if (long_rows)
		olist_spi_run(sql, SPI_OK_UTILITY);
	else
		define_table(sql);
}

/* create_work_table(name text, columns text, long_rows boolean) returns void */
Datum
olist_etl_create_work_table(PG_FUNCTION_ARGS)
{
	long_rows = PG_GETARG_BOOL(2);
	SPI_connect();
	olist_work_table_create(text_to_cstring(PG_GETARG_TEXT_PP(0)),
							text_to_cstring(PG_GETARG_TEXT_PP(1)));
	SPI_finish();
	PG_RETURN_VOID();
}
