/*
 * load/source.c
 *		Where a run finds its objects: the rows of olist_etl.source.
 */
#include "postgres.h"

#include "load/source.h"

#include "base/message.h"
#include "base/spi.h"
#include "executor/spi.h"
#include "foreign/foreign.h"

OlistNamedSource *
olist_named_source_if_any(const char *name)
{
	static OlistSpiKept statement = {
		.sql = "SELECT s.uri, s.server::text"
			   "  FROM olist_etl.source s"
			   " WHERE s.name = $1"
			   " ORDER BY s.is_default"
			   " LIMIT 1",
		.expected = SPI_OK_SELECT,
	};
	MemoryContext caller = CurrentMemoryContext;
	OlistSpiArg args[] = {OLIST_SPI_TEXT(name)};
	OlistNamedSource *source = NULL;

	SPI_connect();
	if (olist_spi_execute_kept_as_owner(&statement, 1, args) > 0)
	{
		MemoryContext spi = MemoryContextSwitchTo(caller);

		source = palloc0(sizeof(OlistNamedSource));
		source->name = pstrdup(name);
		source->uri = SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1);
		source->server = SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 2);
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
