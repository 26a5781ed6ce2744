/*
 * star/publish.c
 *		What was built becomes the warehouse, in one transaction.
 *
 *	 olist_build.<table> ─┬─ olist_dw has none ──► moved there, with its indexes and statistics
 *	                      └─ olist_dw has one ───► merged into it
 *	 olist_build.reject_… ─► olist_etl.reject
 *	 staged objects ─► published, in the ledger; their rows leave the staging
 *	 marts ─► views in olist_dw, where they are missing
 *
 * A reader sees all of it or nothing of it.
 */
#include "postgres.h"

#include "access/table.h"
#include "access/xact.h"
#include "base/fault.h"
#include "base/spi.h"
#include "catalog/namespace.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "load/claim.h"
#include "load/ledger.h"
#include "load/source.h"
#include "load/staging.h"
#include "star/merge.h"
#include "star/reject.h"
#include "star/schema.h"
#include "star/tables.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

PG_FUNCTION_INFO_V1(olist_etl_has_warehouse);

/* has_warehouse() returns boolean */
Datum
olist_etl_has_warehouse(PG_FUNCTION_ARGS)
{
	for (int i = 0; i < OLIST_NTABLES; i++)
	{
		if (!olist_table_exists(OLIST_DW_SCHEMA, olist_tables[i]->name))
			PG_RETURN_BOOL(false);
	}
	PG_RETURN_BOOL(true);
}

static void
check_complete(void)
{
	for (int i = 0; i < OLIST_NTABLES; i++)
	{
		if (!olist_table_exists(OLIST_BUILD_SCHEMA, olist_tables[i]->name))
			ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
							errmsg("table \"%s.%s\" has not been built", OLIST_BUILD_SCHEMA,
								   olist_tables[i]->name),
							errhint("CALL olist_etl.run() does all steps in their order.")));
	}
}

/* a warehouse that another version of the extension has left may not be one to go on with */
static void
check_columns(void)
{
	for (int i = 0; i < OLIST_NTABLES; i++)
	{
		const OlistTable *table = olist_tables[i];
		Oid relid = get_relname_relid(table->name, get_namespace_oid(OLIST_DW_SCHEMA, false));

		for (const OlistColumn *column = table->columns; column->name != NULL; column++)
		{
			if (OidIsValid(relid) && get_attnum(relid, column->name) == InvalidAttrNumber)
				ereport(
					ERROR,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("table \"%s.%s\" has no column \"%s\"", OLIST_DW_SCHEMA, table->name,
							column->name),
					 errdetail("It was made by another version of olist_etl, or changed by hand."),
					 errhint("DROP SCHEMA " OLIST_DW_SCHEMA " CASCADE or rename it; then "
							 "CALL olist_etl.run() builds the warehouse anew.")));
		}
	}
}

/* what a merge's build has seen must be what becomes published */
static void
check_batch(void)
{
	olist_spi_run("SELECT FROM " OLIST_BUILD_SCHEMA ".batch AS b\n"
				  "FULL JOIN olist_etl.staged_objects() AS s (object_id) USING (object_id)\n"
				  "WHERE b.object_id IS NULL OR s.object_id IS NULL",
				  SPI_OK_SELECT);
	if (SPI_processed > 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("the staging tables have changed since the batch was built"),
				 errdetail("%llu objects have come or gone.", (unsigned long long) SPI_processed),
				 errhint("CALL olist_etl.run() does all steps in their order.")));
}

static void
move_table(const OlistTable *table)
{
	olist_spi_run(psprintf("ALTER TABLE %s.%s SET SCHEMA %s", OLIST_BUILD_SCHEMA, table->name,
						   OLIST_DW_SCHEMA),
				  SPI_OK_UTILITY);
}

/* the warehouse's sequence goes on behind the keys that the build gave */
static void
advance_sequence(const OlistTable *table)
{
	if (table->key == NULL)
		return;
	olist_spi_run(psprintf("SELECT pg_catalog.setval("
						   "pg_catalog.pg_get_serial_sequence('%2$s.%1$s', '%3$s'), last)\n"
						   "FROM pg_catalog.pg_sequence_last_value("
						   "pg_catalog.pg_get_serial_sequence('%4$s.%1$s', '%3$s')) AS last\n"
						   "WHERE last IS DISTINCT FROM pg_catalog.pg_sequence_last_value("
						   "pg_catalog.pg_get_serial_sequence('%2$s.%1$s', '%3$s'))",
						   table->name, OLIST_DW_SCHEMA, table->key, OLIST_BUILD_SCHEMA),
				  SPI_OK_SELECT);
}

/* the statistics are worth renewing when a tenth of the table is new */
static void
analyze_if_changed(const OlistTable *table, uint64 changed)
{
	Relation rel = table_open(
		get_relname_relid(table->name, get_namespace_oid(OLIST_DW_SCHEMA, false)), AccessShareLock);
	bool has_changed = rel->rd_rel->reltuples < changed * 10;

	table_close(rel, NoLock);
	if (has_changed)
		olist_spi_run(psprintf("ANALYZE %s.%s", OLIST_DW_SCHEMA, table->name), SPI_OK_UTILITY);
}

static void
merge_table(const OlistTable *table, bool is_merge, OlistMergeCounts *counts)
{
	OlistMergeCounts of_table = {0};

	olist_merge_table(table, is_merge, &of_table);
	if (!is_merge)
		advance_sequence(table);
	analyze_if_changed(table, of_table.inserted + of_table.updated + of_table.deleted);
	counts->inserted += of_table.inserted;
	counts->updated += of_table.updated;
	counts->deleted += of_table.deleted;
}

static Datum
result(int moved, const OlistMergeCounts *counts, uint64 rejected, int64 published)
{
	return DirectFunctionCall1(
		jsonb_in, CStringGetDatum(
					  psprintf("{\"tables\": %d, \"moved\": %d, \"inserted\": " UINT64_FORMAT
							   ", \"updated\": " UINT64_FORMAT ", \"deleted\": " UINT64_FORMAT
							   ", \"rejected\": " UINT64_FORMAT ", \"objects\": " INT64_FORMAT "}",
							   OLIST_NTABLES, moved, counts->inserted, counts->updated,
							   counts->deleted, rejected, published)));
}

/* drop every table in olist_build, in one statement; returns how many there were */
static int
drop_build_tables(void)
{
	int ntables;

	olist_spi_run("SELECT pg_catalog.string_agg(oid::pg_catalog.regclass::text, ', '),\n"
				  "    count(*)::integer\n"
				  "FROM pg_catalog.pg_class\n"
				  "WHERE relnamespace = '" OLIST_BUILD_SCHEMA "'::pg_catalog.regnamespace\n"
				  "AND relkind = 'r'",
				  SPI_OK_SELECT);
	ntables = atoi(SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 2));
	if (ntables > 0)
		olist_spi_run(psprintf("DROP TABLE %s CASCADE",
							   SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1)),
					  SPI_OK_UTILITY);
	return ntables;
}

PG_FUNCTION_INFO_V1(olist_etl_clean_build);

/* clean_build(jsonb) returns jsonb */
Datum
olist_etl_clean_build(PG_FUNCTION_ARGS)
{
	int dropped;

	olist_task_connect();
	olist_claim_warehouse(true);
	if (OidIsValid(get_namespace_oid(OLIST_DW_SCHEMA, true)))
	{
		olist_schema_ensure(OLIST_DW_SCHEMA);
		check_columns();
	}
	dropped = drop_build_tables();
	olist_task_disconnect();
	return DirectFunctionCall1(jsonb_in, CStringGetDatum(psprintf("{\"dropped\": %d}", dropped)));
}

PG_FUNCTION_INFO_V1(olist_etl_publish);

/* publish(jsonb) returns jsonb */
Datum
olist_etl_publish(PG_FUNCTION_ARGS)
{
	OlistMergeCounts counts = {0};
	bool is_merge;
	int moved = 0;
	uint64 rejected;
	int64 published;

	olist_source_hold(PG_GETARG_JSONB_P(0));
	olist_task_connect();
	olist_claim_warehouse(true);
	olist_schema_ensure(OLIST_DW_SCHEMA);
	check_columns();
	check_complete();
	olist_staging_lock();
	is_merge = olist_is_merge();
	if (is_merge)
		check_batch();
	OLIST_FAULT("star-publish");
	for (int i = 0; i < OLIST_NTABLES; i++)
	{
		if (olist_table_exists(OLIST_DW_SCHEMA, olist_tables[i]->name))
			merge_table(olist_tables[i], is_merge, &counts);
		else
		{
			move_table(olist_tables[i]);
			moved++;
		}
	}
	rejected = is_merge ? olist_reject_merge(olist_tables, OLIST_NTABLES)
						: olist_reject_publish(olist_tables, OLIST_NTABLES);
	(void) drop_build_tables();
	olist_spi_run("SELECT olist_etl.create_marts()", SPI_OK_SELECT);
	published = olist_ledger_publish();
	olist_staging_empty(true);
	OLIST_FAULT("star-published");
	olist_task_disconnect();
	return result(moved, &counts, rejected, published);
}
