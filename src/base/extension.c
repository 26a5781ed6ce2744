/*
 * base/extension.c
 *		What this database's catalog says of the extension.
 */
#include "postgres.h"

#include "base/extension.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/pg_extension.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/rel.h"

/*
 * Have read take what it wants from the extension's row; false, and nothing is
 * read, if there is none. Extensions have no system cache.
 */
static bool
read_extension(void (*read)(HeapTuple tuple, TupleDesc desc, void *result), void *result)
{
	Relation rel = table_open(ExtensionRelationId, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple tuple;

	ScanKeyInit(&key, Anum_pg_extension_extname, BTEqualStrategyNumber, F_NAMEEQ,
				CStringGetDatum("olist_etl"));
	scan = systable_beginscan(rel, ExtensionNameIndexId, true, NULL, 1, &key);
	tuple = systable_getnext(scan);
	if (HeapTupleIsValid(tuple))
		read(tuple, RelationGetDescr(rel), result);
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return HeapTupleIsValid(tuple);
}

static void
read_version(HeapTuple tuple, TupleDesc desc, void *result)
{
	bool isnull;

	*(char **) result =
		TextDatumGetCString(heap_getattr(tuple, Anum_pg_extension_extversion, desc, &isnull));
}

static void
read_owner(HeapTuple tuple, TupleDesc desc, void *result)
{
	*(Oid *) result = ((Form_pg_extension) GETSTRUCT(tuple))->extowner;
}

char *
olist_extension_version(void)
{
	char *version = NULL;

	(void) read_extension(read_version, &version);
	return version;
}

Oid
olist_extension_owner(void)
{
	Oid owner = InvalidOid;

	if (!read_extension(read_owner, &owner))
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT),
						errmsg("extension \"olist_etl\" is not installed in this database"),
						errhint("Run CREATE EXTENSION olist_etl.")));
	return owner;
}
