/*
 * star/merge.c
 *		A built table's rows into the warehouse's table of the same name.
 *
 *	 olist_build.t ─┬─ in olist_dw.t only, in scope ────► DELETE
 *	 olist_dw.t ────┤─ in both, a column is different ──► UPDATE
 *	                └─ in olist_build.t only ───────────► INSERT
 *
 * Rows are the same when their primary key is: builds take over the surrogate
 * keys that the warehouse has given. Columns that users added to a table are
 * not named here, and so are left alone.
 */
#include "postgres.h"

#include "star/merge.h"

#include "access/table.h"
#include "access/tableam.h"
#include "base/spi.h"
#include "catalog/namespace.h"
#include "executor/spi.h"
#include "lib/stringinfo.h"
#include "star/insert.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"

/* is it one of OLIST_PROVENANCE_COLUMNS? */
static bool
is_provenance(const OlistColumn *column)
{
	return column->name[0] == '_';
}

static bool
is_key(const OlistTable *table, const OlistColumn *column)
{
	for (int i = 0; table->primary_key[i] != NULL; i++)
	{
		if (strcmp(table->primary_key[i], column->name) == 0)
			return true;
	}
	return false;
}

/* "old.k1 = new.k1 AND …" over the primary key */
static void
append_key_match(StringInfo sql, const OlistTable *table)
{
	for (int i = 0; table->primary_key[i] != NULL; i++)
		appendStringInfo(sql, "%1$sold.%2$s = new.%2$s", i == 0 ? "" : " AND ",
						 table->primary_key[i]);
}

/* is it a column that makes two versions of a row different? */
static bool
is_compared(const OlistTable *table, const OlistColumn *column)
{
	if (is_key(table, column))
		return false;
	if (is_provenance(column))
		return table->origin_counts && strcmp(column->name, "_object_id") == 0;
	return true;
}

/* "prefix.c1, prefix.c2, …" over the columns that are no key, or only those compared */
static void
append_values(StringInfo sql, const OlistTable *table, const char *prefix, bool only_compared)
{
	const char *separator = "";

	for (const OlistColumn *column = table->columns; column->name != NULL; column++)
	{
		if (only_compared ? !is_compared(table, column) : is_key(table, column))
			continue;
		appendStringInfo(sql, "%s%s%s", separator, prefix, column->name);
		separator = ", ";
	}
}

static Relation
open_table(const char *schema, const OlistTable *table, LOCKMODE lock)
{
	return table_open(get_relname_relid(table->name, get_namespace_oid(schema, false)), lock);
}

/* is a table of olist_build without rows, those of the caller's own statement included, or missing? */
static bool
is_empty(const char *name)
{
	Oid relid = get_relname_relid(name, get_namespace_oid(OLIST_BUILD_SCHEMA, false));
	Relation rel;
	Snapshot snapshot;
	TupleTableSlot *slot;
	TableScanDesc scan;
	bool result;

	if (!OidIsValid(relid))
		return true;
	rel = table_open(relid, AccessShareLock);
	snapshot = RegisterSnapshot(GetTransactionSnapshot());
	slot = table_slot_create(rel, NULL);
	scan = table_beginscan(rel, snapshot, 0, NULL);
	result = !table_scan_getnextslot(scan, ForwardScanDirection, slot);
	table_endscan(scan);
	ExecDropSingleTupleTableSlot(slot);
	UnregisterSnapshot(snapshot);
	table_close(rel, NoLock);
	return result;
}

/* does the scope name rows by their whole key? */
static bool
scope_is_key(const OlistTable *table)
{
	return strcmp(table->primary_key[0], table->scope_column) == 0 && table->primary_key[1] == NULL;
}

static uint64
delete_rows(const OlistTable *table, bool only_scope)
{
	StringInfoData sql;

	initStringInfo(&sql);
	appendStringInfo(&sql, "DELETE FROM %s.%s AS old\n", OLIST_DW_SCHEMA, table->name);
	if (only_scope && scope_is_key(table))
	{
		/* nearly always nothing is gone, and then nothing is looked up */
		appendStringInfo(&sql,
						 "USING (SELECT %1$s FROM %2$s.%3$s\n"
						 "       EXCEPT SELECT %1$s FROM %2$s.%4$s) AS gone\n"
						 "WHERE gone.%1$s = old.%1$s",
						 table->scope_column, OLIST_BUILD_SCHEMA, table->scope, table->name);
		return olist_spi_run(sql.data, SPI_OK_DELETE);
	}
	if (only_scope)
		appendStringInfo(&sql,
						 "USING (SELECT DISTINCT %1$s FROM %2$s.%3$s) AS scope\n"
						 "WHERE scope.%1$s = old.%1$s\nAND ",
						 table->scope_column, OLIST_BUILD_SCHEMA, table->scope);
	else
		appendStringInfoString(&sql, "WHERE ");
	appendStringInfo(&sql, "NOT EXISTS (SELECT FROM %s.%s AS new WHERE ", OLIST_BUILD_SCHEMA,
					 table->name);
	append_key_match(&sql, table);
	appendStringInfoChar(&sql, ')');
	return olist_spi_run(sql.data, SPI_OK_DELETE);
}

/* "AND EXISTS (…)": the row of that name is in scope */
static void
append_in_scope(StringInfo sql, const OlistTable *table, const char *row)
{
	appendStringInfo(sql,
					 "\nAND EXISTS (SELECT FROM %1$s.%2$s AS scope WHERE scope.%3$s = %4$s.%3$s)",
					 OLIST_BUILD_SCHEMA, table->scope, table->scope_column, row);
}

/* does the table say of each row, beyond its key, which object it comes from? */
static bool
has_origin(const OlistTable *table)
{
	for (const OlistColumn *column = table->columns; column->name != NULL; column++)
	{
		if (strcmp(column->name, "_object_id") == 0)
			return !is_key(table, column);
	}
	return false;
}

/* a relation of objects (object_id) and the versions that have replaced them (version_id) */
static const char *
former_versions(bool is_merge)
{
	return is_merge ? "(SELECT _object_id AS object_id, version_id\n"
					  "FROM " OLIST_BUILD_SCHEMA ".withdrawn)"
					: "olist_etl.former_versions()";
}

/*
 * "OR …": the row comes from elsewhere now. A later version of its object that
 * shows it as it was is not elsewhere: the row need not be written for that.
 */
static void
append_has_moved(StringInfo sql, bool is_merge)
{
	appendStringInfo(
		sql,
		"\nOR ROW (old._object_id, old._line) IS DISTINCT FROM ROW (new._object_id, new._line)\n"
		"AND (old._object_id, new._object_id) IN (\n"
		"    SELECT former.object_id, former.version_id FROM %s AS former) IS NOT TRUE",
		former_versions(is_merge));
}

/* is the object a part of the key, beside others, so that two versions of it show two rows? */
static bool
is_keyed_by_object(const OlistTable *table)
{
	return table->primary_key[1] != NULL && strcmp(table->primary_key[1], "_object_id") == 0;
}

/*
 * Where the object is a part of the key, a later version that shows a row as it
 * was would still make it another one. So the row stays the former version's.
 */
static void
keep_former_objects(const OlistTable *table, bool is_merge)
{
	StringInfoData sql;

	initStringInfo(&sql);
	appendStringInfo(&sql,
					 "UPDATE %1$s.%3$s AS new\n"
					 "SET _object_id = old._object_id\n"
					 "FROM %2$s.%3$s AS old\n"
					 "JOIN %4$s AS former ON former.object_id = old._object_id\n"
					 "WHERE former.version_id = new._object_id\n"
					 "AND former.version_id <> former.object_id\n"
					 "AND old.%5$s = new.%5$s\n"
					 "AND ROW (",
					 OLIST_BUILD_SCHEMA, OLIST_DW_SCHEMA, table->name, former_versions(is_merge),
					 table->primary_key[0]);
	append_values(&sql, table, "old.", true);
	appendStringInfoString(&sql, ")\nIS NOT DISTINCT FROM ROW (");
	append_values(&sql, table, "new.", true);
	appendStringInfoChar(&sql, ')');
	olist_spi_run(sql.data, SPI_OK_UPDATE);
}

static uint64
update_rows(const OlistTable *table, bool is_merge)
{
	bool only_scope = is_merge && table->scope != NULL;
	StringInfoData sql;

	initStringInfo(&sql);
	appendStringInfo(&sql, "UPDATE %s.%s AS old\nSET (", OLIST_DW_SCHEMA, table->name);
	append_values(&sql, table, "", false);
	appendStringInfoString(&sql, ") = ROW (");
	append_values(&sql, table, "new.", false);
	appendStringInfo(&sql, ")\nFROM %s.%s AS new\nWHERE ", OLIST_BUILD_SCHEMA, table->name);
	append_key_match(&sql, table);
	appendStringInfoString(&sql, "\nAND (ROW (");
	append_values(&sql, table, "old.", true);
	appendStringInfoString(&sql, ")\nIS DISTINCT FROM ROW (");
	append_values(&sql, table, "new.", true);
	appendStringInfoChar(&sql, ')');
	if (has_origin(table))
		append_has_moved(&sql, is_merge);
	appendStringInfoChar(&sql, ')');
	if (only_scope)
		append_in_scope(&sql, table, "new");
	return olist_spi_run(sql.data, SPI_OK_UPDATE);
}

/* "c1, c2, …" over all columns */
static char *
all_columns(const OlistTable *table)
{
	StringInfoData columns;

	initStringInfo(&columns);
	for (const OlistColumn *column = table->columns; column->name != NULL; column++)
		appendStringInfo(&columns, "%s%s", column == table->columns ? "" : ", ", column->name);
	return columns.data;
}

/*
 * The rows that the warehouse lacks, past the executor where nothing hinders it.
 * In a merge a surrogate key says so itself: a new one is larger than all that
 * are there, and every other was taken over from there.
 */
static uint64
insert_rows(const OlistTable *table, bool is_merge, bool only_scope)
{
	char *columns = all_columns(table);
	StringInfoData query;
	Relation rel = open_table(OLIST_DW_SCHEMA, table, RowExclusiveLock);
	Relation source = open_table(OLIST_BUILD_SCHEMA, table, AccessShareLock);
	uint64 inserted;

	initStringInfo(&query);
	appendStringInfo(&query, "SELECT %s\nFROM %s.%s AS new\nWHERE ", columns, OLIST_BUILD_SCHEMA,
					 table->name);
	if (is_merge && table->key != NULL)
		appendStringInfo(&query,
						 "new.%1$s > COALESCE((SELECT max(old.%1$s) FROM %2$s.%3$s AS old), 0)",
						 table->key, OLIST_DW_SCHEMA, table->name);
	else
	{
		appendStringInfo(&query, "NOT EXISTS (SELECT FROM %s.%s AS old WHERE ", OLIST_DW_SCHEMA,
						 table->name);
		append_key_match(&query, table);
		if (only_scope && table->scope_is_complete)
			append_in_scope(&query, table, "old");
		appendStringInfoChar(&query, ')');
	}
	if (olist_insert_obstacle(rel, source) == NULL)
		inserted = olist_insert(rel, query.data);
	else
		inserted = olist_spi_run(psprintf("INSERT INTO %s.%s (%s)\n%s", OLIST_DW_SCHEMA,
										  table->name, columns, query.data),
								 SPI_OK_INSERT);
	table_close(source, NoLock);
	table_close(rel, NoLock);
	return inserted;
}

char *
olist_merge_outcome(const OlistTable *table)
{
	StringInfoData sql;

	initStringInfo(&sql);
	appendStringInfo(&sql,
					 "SELECT %1$s FROM %2$s.%4$s\n"
					 "UNION ALL\n"
					 "SELECT %1$s FROM %3$s.%4$s AS old\n"
					 "WHERE NOT EXISTS (SELECT FROM %2$s.%4$s AS new WHERE ",
					 all_columns(table), OLIST_BUILD_SCHEMA, OLIST_DW_SCHEMA, table->name);
	append_key_match(&sql, table);
	appendStringInfoChar(&sql, ')');
	if (table->scope != NULL && !is_empty(table->scope))
		appendStringInfo(&sql,
						 "\nAND NOT EXISTS (SELECT FROM %1$s.%2$s AS scope WHERE "
						 "scope.%3$s = old.%3$s)",
						 OLIST_BUILD_SCHEMA, table->scope, table->scope_column);
	return sql.data;
}

void
olist_merge_table(const OlistTable *table, bool is_merge, OlistMergeCounts *counts)
{
	bool has_scope = table->scope != NULL && !is_empty(table->scope);

	if (is_keyed_by_object(table) && (has_scope || !is_merge))
		keep_former_objects(table, is_merge);
	if (is_merge ? has_scope : !table->keeps_rows)
		counts->deleted += delete_rows(table, is_merge);
	if (is_empty(table->name))
		return;
	if (has_scope || !is_merge || table->scope == NULL)
		counts->updated += update_rows(table, is_merge);
	counts->inserted += insert_rows(table, is_merge, has_scope);
}
