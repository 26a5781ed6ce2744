/*
 * star/scan.c
 *		The rows of a staging or warehouse table, by column names.
 *
 *	 table, then another ─► table AM scan, in physical order ─► slot ─► the columns asked for
 *
 * No executor: the transforms read whole tables, and deforming a tuple up to
 * the last needed attribute is nearly all that a row costs here. Scans are
 * never synchronized with others of the table: passes must number rows alike.
 */
#include "postgres.h"

#include "star/scan.h"

#include "access/table.h"
#include "catalog/namespace.h"
#include "miscadmin.h"
#include "star/schema.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/rls.h"
#include "utils/snapmgr.h"

static void
check_may_read(Relation rel)
{
	Oid relid = RelationGetRelid(rel);
	AclResult acl = pg_class_aclcheck(relid, GetUserId(), ACL_SELECT);

	if (acl != ACLCHECK_OK)
		aclcheck_error(acl, OBJECT_TABLE, RelationGetRelationName(rel));
	if (check_enable_rls(relid, InvalidOid, false) == RLS_ENABLED)
		ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
						errmsg("row security hides rows of table \"%s\" from role \"%s\"",
							   RelationGetRelationName(rel), GetUserNameFromId(GetUserId(), false)),
						errhint("Disable row security on the table, or run as its owner.")));
}

static AttrNumber
find_column(Relation rel, const OlistScanColumn *column)
{
	TupleDesc desc = RelationGetDescr(rel);
	AttrNumber attnum = get_attnum(RelationGetRelid(rel), column->name);
	Oid type;

	if (attnum == InvalidAttrNumber)
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_COLUMN),
						errmsg("table \"%s\" lacks column \"%s\"", RelationGetRelationName(rel),
							   column->name)));
	type = TupleDescAttr(desc, attnum - 1)->atttypid;
	if (type != column->type)
		ereport(ERROR, (errcode(ERRCODE_DATATYPE_MISMATCH),
						errmsg("column \"%s\" of table \"%s\" has type %s, not %s", column->name,
							   RelationGetRelationName(rel), format_type_be(type),
							   format_type_be(column->type)),
						errhint("The types of staging tables are those of "
								"olist_etl.entity_column, and the warehouse is built from %s here.",
								format_type_be(column->type))));
	return attnum;
}

static Relation
open_table(const char *schema, const char *table)
{
	Oid namespace_id = get_namespace_oid(schema, true);
	Oid relid = OidIsValid(namespace_id) ? get_relname_relid(table, namespace_id) : InvalidOid;

	if (!OidIsValid(relid))
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_TABLE),
						errmsg("table \"%s.%s\" does not exist", schema, table),
						errhint("CALL olist_etl.run() does all steps in their order.")));
	return table_open(relid, AccessShareLock);
}

/* begin to read a table with the columns that the scan was asked for */
static void
enter_table(OlistScan *scan, const char *schema, const char *table)
{
	scan->rel = open_table(schema, table);
	check_may_read(scan->rel);
	scan->ncolumns = 0;
	scan->nattrs = 0;
	for (; scan->columns[scan->ncolumns].name != NULL; scan->ncolumns++)
	{
		AttrNumber attnum = find_column(scan->rel, &scan->columns[scan->ncolumns]);

		Assert(scan->ncolumns < OLIST_SCAN_COLUMNS);
		scan->attnum[scan->ncolumns] = attnum;
		scan->nattrs = Max(scan->nattrs, attnum);
	}
	scan->slot = table_slot_create(scan->rel, NULL);
	scan->scan = table_beginscan_strat(scan->rel, GetActiveSnapshot(), 0, NULL, true, false);
}

static void
leave_table(OlistScan *scan)
{
	table_endscan(scan->scan);
	ExecDropSingleTupleTableSlot(scan->slot);
	table_close(scan->rel, NoLock);
}

OlistScan *
olist_scan_begin(const char *schema, const char *table, const OlistScanColumn *columns)
{
	OlistScan *scan = palloc0(sizeof(OlistScan));

	scan->name = table;
	scan->columns = columns;
	scan->row_context =
		AllocSetContextCreate(CurrentMemoryContext, "olist_etl scan row", ALLOCSET_SMALL_SIZES);
	scan->row = PG_UINT64_MAX;
	enter_table(scan, schema, table);
	return scan;
}

OlistScan *
olist_scan_entity(const char *entity, const OlistScanColumn *columns)
{
	char *staged = psprintf("staged_%s", entity);
	char *prior = psprintf("prior_%s", entity);
	OlistScan *scan = olist_table_exists(OLIST_BUILD_SCHEMA, staged)
						  ? olist_scan_begin(OLIST_BUILD_SCHEMA, staged, columns)
						  : olist_scan_begin(OLIST_STAGING_SCHEMA, entity, columns);

	scan->name = entity;
	if (olist_table_exists(OLIST_BUILD_SCHEMA, prior))
		scan->next_table = prior;
	return scan;
}

OlistScan *
olist_scan_warehouse(const char *table, const OlistScanColumn *columns)
{
	char *prior = psprintf("prior_%s", table);

	if (olist_is_merge() && olist_table_exists(OLIST_BUILD_SCHEMA, prior))
		return olist_scan_begin(OLIST_BUILD_SCHEMA, prior, columns);
	if (olist_table_exists(OLIST_DW_SCHEMA, table))
		return olist_scan_begin(OLIST_DW_SCHEMA, table, columns);
	return NULL;
}

bool
olist_is_merge(void)
{
	return olist_table_exists(OLIST_BUILD_SCHEMA, "withdrawn");
}

bool
olist_is_merge_of_former_transaction(void)
{
	Relation rel;
	bool is_former;

	if (!olist_is_merge())
		return false;
	rel = open_table(OLIST_BUILD_SCHEMA, "withdrawn");
	is_former = rel->rd_createSubid == InvalidSubTransactionId;
	table_close(rel, AccessShareLock);
	return is_former;
}

bool
olist_scan_next(OlistScan *scan)
{
	TupleTableSlot *slot = scan->slot;

	CHECK_FOR_INTERRUPTS();
	if (!table_scan_getnextslot(scan->scan, ForwardScanDirection, slot))
	{
		if (scan->next_table == NULL)
			return false;
		leave_table(scan);
		enter_table(scan, OLIST_BUILD_SCHEMA, scan->next_table);
		scan->next_table = NULL;
		return olist_scan_next(scan);
	}
	slot_getsomeattrs(slot, scan->nattrs);
	for (int i = 0; i < scan->ncolumns; i++)
	{
		scan->values[i] = slot->tts_values[scan->attnum[i] - 1];
		scan->isnull[i] = slot->tts_isnull[scan->attnum[i] - 1];
	}
	scan->row++;
	MemoryContextReset(scan->row_context);
	return true;
}

void
olist_scan_end(OlistScan *scan)
{
	leave_table(scan);
	MemoryContextDelete(scan->row_context);
	pfree(scan);
}

const char *
olist_scan_text(OlistScan *scan, int i, int *len)
{
	struct varlena *value;

	if (scan->isnull[i])
		return NULL;
	value = (struct varlena *) DatumGetPointer(scan->values[i]);
	if (VARATT_IS_EXTERNAL(value) || VARATT_IS_COMPRESSED(value))
	{
		MemoryContext old = MemoryContextSwitchTo(scan->row_context);

		value = pg_detoast_datum_packed(value);
		MemoryContextSwitchTo(old);
	}
	*len = VARSIZE_ANY_EXHDR(value);
	return VARDATA_ANY(value);
}

bool
olist_table_exists(const char *schema, const char *table)
{
	Oid namespace_id = get_namespace_oid(schema, true);

	return OidIsValid(namespace_id) && OidIsValid(get_relname_relid(table, namespace_id));
}
