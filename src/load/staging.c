/*
 * load/staging.c
 *		The tables that objects are staged in.
 *
 * They are made by olist_etl.create_staging(), in SQL. Here they are found, and
 * found to be nobody's but ours: whoever could make the schema olist_staging
 * before us could have put a trigger there that waits for our rights.
 */
#include "postgres.h"

#include "load/staging.h"

#include "access/htup_details.h"
#include "base/lock.h"
#include "base/spi.h"
#include "base/trust.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/syscache.h"
#include "utils/varlena.h"

PG_FUNCTION_INFO_V1(olist_etl_check_staging);
PG_FUNCTION_INFO_V1(olist_etl_lock_staging);

/* a staging table that holds objects */
typedef struct HoldingTable
{
	char *name;
	bool is_small; /* of at most a megabyte */
} HoldingTable;

/* the staging tables that hold objects, whether all of those are published, and is_small */
static const char *const holding_sql =
	"SELECT e.target, bool_and(l.published_at IS NOT NULL),"
	"       pg_relation_size(to_regclass(e.target)) <= 1024 * 1024"
	"  FROM olist_etl.entity e"
	"  JOIN olist_etl.staged s ON s.filenode = pg_relation_filenode(to_regclass(e.target))"
	"  JOIN olist_etl.ledger l ON l.object_id = s.object_id"
	" GROUP BY e.target"
	" ORDER BY e.target";

static const char *const unmark_sql = "DELETE FROM olist_etl.staged s"
									  " USING olist_etl.ledger l"
									  " WHERE l.object_id = s.object_id AND l.target = $1";

/* where a staging table is, InvalidOid if it is not there */
static Oid
find_table(const OlistEntity *entity)
{
	List *name = textToQualifiedNameList(cstring_to_text(entity->target));

	return RangeVarGetRelid(makeRangeVarFromNameList(name), NoLock, true);
}

static void
check_owner(Oid relid, const OlistEntity *entity)
{
	HeapTuple tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
	Oid owner;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for relation %u", relid);
	owner = ((Form_pg_class) GETSTRUCT(tuple))->relowner;
	ReleaseSysCache(tuple);
	olist_trust_check_owner(owner, psprintf("table %s", entity->target));
}

Oid
olist_staging_table(const OlistEntity *entity)
{
	Oid relid = find_table(entity);

	if (!OidIsValid(relid))
	{
		SPI_connect();
		olist_spi_run("SELECT olist_etl.create_staging()", SPI_OK_SELECT);
		SPI_finish();
		relid = find_table(entity);
	}
	check_owner(relid, entity);
	return relid;
}

/* the staging tables that hold objects (HoldingTable), perhaps only those whose are all published */
static List *
find_holding_tables(bool only_published)
{
	List *tables = NIL;
	uint64 n = olist_spi_execute_as_owner(holding_sql, SPI_OK_SELECT, 0, NULL);

	for (uint64 i = 0; i < n; i++)
	{
		HeapTuple row = SPI_tuptable->vals[i];
		TupleDesc desc = SPI_tuptable->tupdesc;
		HoldingTable *table = palloc(sizeof(HoldingTable));
		bool isnull;

		table->name = SPI_getvalue(row, desc, 1);
		table->is_small = DatumGetBool(SPI_getbinval(row, desc, 3, &isnull));
		if (!only_published || DatumGetBool(SPI_getbinval(row, desc, 2, &isnull)))
			tables = lappend(tables, table);
	}
	return tables;
}

void
olist_staging_lock(void)
{
	ListCell *lc;

	olist_spi_run("SELECT olist_etl.check_staging()", SPI_OK_SELECT);
	foreach (lc, find_holding_tables(false))
	{
		HoldingTable *table = lfirst(lc);

		olist_spi_run(psprintf("LOCK TABLE %s IN ACCESS EXCLUSIVE MODE", table->name),
					  SPI_OK_UTILITY);
	}
}

/*
 * TRUNCATE makes the files of an unlogged table anew, and waits until they are
 * on disk. So a small batch is deleted row by row, until dead rows have made the
 * table large.
 */
static void
empty_table(const HoldingTable *table)
{
	OlistSpiArg target = OLIST_SPI_TEXT(table->name);

	if (table->is_small)
		olist_spi_run(psprintf("DELETE FROM %s", table->name), SPI_OK_DELETE);
	else
		olist_spi_run(psprintf("TRUNCATE %s", table->name), SPI_OK_UTILITY);
	olist_spi_execute_as_owner(unmark_sql, SPI_OK_DELETE, 1, &target);
}

void
olist_staging_empty(bool only_published)
{
	ListCell *lc;

	foreach (lc, find_holding_tables(only_published))
		empty_table(lfirst(lc));
}

uint64
olist_staging_remove(const OlistSpiArg *ids)
{
	uint64 n = 0;
	ListCell *lc;

	olist_spi_run("SELECT olist_etl.check_staging()", SPI_OK_SELECT);
	if (ids->isnull)
		return 0;
	foreach (lc, olist_entities())
	{
		OlistEntity *entity = lfirst(lc);

		if (OidIsValid(find_table(entity)))
			n += olist_spi_execute(psprintf("DELETE FROM %s"
											" WHERE _object_id OPERATOR(pg_catalog.=) ANY ($1)",
											entity->target),
								   SPI_OK_DELETE, 1, ids);
	}
	return n;
}

/* lock_staging(): until the transaction ends */
Datum
olist_etl_lock_staging(PG_FUNCTION_ARGS)
{
	olist_lock_until_commit(OLIST_LOCK_CREATION, "olist_staging");
	PG_RETURN_VOID();
}

/* check_staging(): raise 42501 if a staging table belongs to a stranger */
Datum
olist_etl_check_staging(PG_FUNCTION_ARGS)
{
	ListCell *lc;

	foreach (lc, olist_entities())
	{
		OlistEntity *entity = lfirst(lc);
		Oid relid = find_table(entity);

		if (OidIsValid(relid))
			check_owner(relid, entity);
	}
	PG_RETURN_VOID();
}
