/*
 * base/spi.c
 *		The one checked way to run SQL from C.
 *
 * Statements are written with every identifier schema-qualified and values
 * bound as parameters, so that nothing depends on search_path and no value is
 * ever SQL.
 */
#include "postgres.h"

#include "base/spi.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/pg_extension.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/guc.h"

/* more parameters than any statement of ours has */
#define MAX_ARGS 32

OlistSpiArg
olist_spi_text(const char *value)
{
	OlistSpiArg arg = {TEXTOID, (Datum) 0, true};

	if (value != NULL)
	{
		arg.value = CStringGetTextDatum(value);
		arg.isnull = false;
	}
	return arg;
}

uint64
olist_spi_execute(const char *sql, int expected, int nargs, const OlistSpiArg *args)
{
	Oid types[MAX_ARGS];
	Datum values[MAX_ARGS];
	char nulls[MAX_ARGS] = {0};
	MemoryContext caller_context = CurrentMemoryContext;
	int rc;

	Assert(nargs <= MAX_ARGS);
	for (int i = 0; i < nargs; i++)
	{
		types[i] = args[i].type;
		values[i] = args[i].value;
		nulls[i] = args[i].isnull ? 'n' : ' ';
	}
	rc = SPI_execute_with_args(sql, nargs, types, values, nulls, false, 0);
	/* SPI leaves its procedure's context behind, which may not be the caller's */
	MemoryContextSwitchTo(caller_context);
	if (rc != expected)
		elog(ERROR, "unexpected SPI result %s of: %s", SPI_result_code_string(rc), sql);
	return SPI_processed;
}

uint64
olist_spi_run(const char *sql, int expected)
{
	return olist_spi_execute(sql, expected, 0, NULL);
}

/* the role that owns the extension */
static Oid
extension_owner(void)
{
	Relation rel = table_open(ExtensionRelationId, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple tuple;
	Oid owner;

	ScanKeyInit(&key, Anum_pg_extension_extname, BTEqualStrategyNumber, F_NAMEEQ,
				CStringGetDatum("olist_etl"));
	scan = systable_beginscan(rel, ExtensionNameIndexId, true, NULL, 1, &key);
	tuple = systable_getnext(scan);
	if (!HeapTupleIsValid(tuple))
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT),
						errmsg("extension \"olist_etl\" is not installed in this database"),
						errhint("Run CREATE EXTENSION olist_etl.")));
	owner = ((Form_pg_extension) GETSTRUCT(tuple))->extowner;
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return owner;
}

uint64
olist_spi_execute_as_owner(const char *sql, int expected, int nargs, const OlistSpiArg *args)
{
	Oid userid;
	int sec_context;
	int nest_level;
	uint64 processed;

	/* an error needs no clean-up here: aborting the (sub)transaction restores all */
	GetUserIdAndSecContext(&userid, &sec_context);
	SetUserIdAndSecContext(extension_owner(), sec_context | SECURITY_LOCAL_USERID_CHANGE |
												  SECURITY_RESTRICTED_OPERATION);

	/* operators are written bare: the caller's search_path must not choose them */
	nest_level = NewGUCNestLevel();
	(void) set_config_option("search_path", "pg_catalog, pg_temp", PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
	processed = olist_spi_execute(sql, expected, nargs, args);
	AtEOXact_GUC(true, nest_level);
	SetUserIdAndSecContext(userid, sec_context);
	return processed;
}
