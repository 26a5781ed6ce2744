/*
 * load/source.c
 *		Where a run finds its objects: the rows of olist_etl.source.
 *
 * A run's tasks are transactions of their own, and set_source() may come between
 * any two of them. It gives the source another version and takes what its former
 * place gave out of ledger and staging; a task that goes on with what was
 * discovered in the version before would mix both places, for good. So such tasks
 * lock the table, against set_source() but not against each other, and compare
 * the version.
 */
#include "postgres.h"

#include "load/source.h"

#include "base/message.h"
#include "base/spi.h"
#include "catalog/namespace.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "foreign/foreign.h"
#include "load/json.h"
#include "storage/lmgr.h"
#include "utils/lsyscache.h"

PG_FUNCTION_INFO_V1(olist_etl_hold_source);

OlistNamedSource *
olist_named_source_if_any(const char *name)
{
	static OlistSpiKept statement = {
		.sql = "SELECT s.uri, s.server::text, s.version"
			   "  FROM olist_etl.source s"
			   " WHERE s.name = $1"
			   " ORDER BY s.is_default"
			   " LIMIT 1",
		.expected = SPI_OK_SELECT,
	};
	MemoryContext caller = CurrentMemoryContext;
	OlistSpiArg args[] = {OLIST_SPI_TEXT(name)};
	OlistNamedSource *source = NULL;
	bool isnull;

	SPI_connect();
	if (olist_spi_execute_kept_as_owner(&statement, 1, args) > 0)
	{
		MemoryContext spi = MemoryContextSwitchTo(caller);

		source = palloc0(sizeof(OlistNamedSource));
		source->name = pstrdup(name);
		source->uri = SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1);
		source->server = SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 2);
		source->version =
			DatumGetInt32(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 3, &isnull));
		MemoryContextSwitchTo(spi);
	}
	SPI_finish();
	return source;
}

OlistNamedSource *
olist_named_source(const char *name)
{
	OlistNamedSource *source = olist_named_source_if_any(name);
	const char *clipped = olist_clip(name, strlen(name));

	if (source == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT), errmsg("there is no source \"%s\"", clipped),
				 errhint("Make it with SELECT olist_etl.set_source(uri, name => '%s').", clipped)));
	if (source->server != NULL)
		source->serverid = get_foreign_server_oid(source->server, false);
	return source;
}

/* until the transaction ends; the caller's rights on the table do not matter */
static void
lock_sources(LOCKMODE mode)
{
	LockRelationOid(get_relname_relid("source", get_namespace_oid("olist_etl", false)), mode);
}

void
olist_source_hold(Jsonb *argument)
{
	char *name = olist_json_text(argument, "source");
	int64 version = olist_json_int8(argument, "source_version", 0);

	if (name == NULL)
		name = OLIST_DEFAULT_SOURCE;
	lock_sources(ShareLock);
	if (version != 0 && olist_named_source(name)->version != version)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("source \"%s\" was pointed elsewhere after its objects were discovered",
						olist_clip(name, strlen(name))),
				 errhint("CALL olist_etl.run() again: it begins with what is there now.")));
}

void
olist_source_lock_for_change(void)
{
	lock_sources(ShareRowExclusiveLock);
}

/* hold_source(jsonb) returns void */
Datum
olist_etl_hold_source(PG_FUNCTION_ARGS)
{
	olist_source_hold(PG_GETARG_JSONB_P(0));
	PG_RETURN_VOID();
}
