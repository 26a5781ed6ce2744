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

/* the staging tables that hold objects, and whether all of those are published */
static const char *const holding_sql =
	"SELECT e.target, bool_and(l.published_at IS NOT NULL)"
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

/* do what SQL says (%s is the table) with the staging tables that hold objects; their names */
static List *
for_holding_tables(const char *sql, bool only_published)
{
	List *targets = NIL;
	ListCell *lc;
	uint64 n = olist_spi_execute_as_owner(holding_sql, SPI_OK_SELECT, 0, NULL);

	for (uint64 i = 0; i < n; i++)
	{
		char *is_published = SPI_getvalue(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 2);

		if (!only_published || strcmp(is_published, "t") == 0)
			targets =
				lappend(targets, SPI_getvalue(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1));
	}
	foreach (lc, targets)
		olist_spi_run(psprintf(sql, (char *) lfirst(lc)), SPI_OK_UTILITY);
	return targets;
}

void
olist_staging_lock(void)
{
	olist_spi_run("SELECT olist_etl.check_staging()", SPI_OK_SELECT);
	(void) for_holding_tables("LOCK TABLE %s IN ACCESS EXCLUSIVE MODE", false);
}

void
olist_staging_empty(void)
{
	List *targets = for_holding_tables("TRUNCATE %s", true);
	ListCell *lc;

	foreach (lc, targets)
	{
		OlistSpiArg target = OLIST_SPI_TEXT(lfirst(lc));

		olist_spi_execute_as_owner(unmark_sql, SPI_OK_DELETE, 1, &target);
	}
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
