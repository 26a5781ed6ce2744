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
