/*
 * star/origin.c
 *		Where a staged row comes from, and which of two rows counts.
 *
 * The ledger is asked once for each object that a question is about. Most
 * tasks never ask: only rows that compete for one key need an order.
 */
#include "postgres.h"

#include "star/origin.h"

#include "base/spi.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

typedef struct OlistObjectTime
{
	int64 object_id;
	Timestamp modified;
	Timestamp version_modified; /* of the version that counts now, if any does */
	char *uri;					/* "" for an object that the ledger does not have */
	bool is_current;
	bool is_retired;
} OlistObjectTime;

/* the objects asked for in this task; in the memory of the task */
static HTAB *objects;

void
olist_origin_reset(void)
{
	HASHCTL ctl = {.keysize = sizeof(int64),
				   .entrysize = sizeof(OlistObjectTime),
				   .hcxt = CurrentMemoryContext};

	objects = hash_create("olist_etl objects", 64, &ctl, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}

static void
read_ledger(OlistObjectTime *object, MemoryContext context)
{
	const char *sql = "SELECT l.last_modified AT TIME ZONE 'UTC', l.uri, c.object_id IS NULL,"
					  "       coalesce(c.last_modified, l.last_modified) AT TIME ZONE 'UTC',"
					  "       l.is_current"
					  "  FROM olist_etl.ledger l"
					  "  LEFT JOIN olist_etl.ledger c ON c.target = l.target AND c.uri = l.uri"
					  "                              AND c.is_current"
					  " WHERE l.object_id = $1";
	OlistSpiArg arg = OLIST_SPI_INT8(object->object_id);

	object->modified = DT_NOBEGIN;
	object->version_modified = DT_NOBEGIN;
	object->uri = "";
	object->is_current = false;
	object->is_retired = false;
	if (olist_spi_execute_as_owner(sql, SPI_OK_SELECT, 1, &arg) == 1)
	{
		HeapTuple row = SPI_tuptable->vals[0];
		bool isnull;
		Datum modified = SPI_getbinval(row, SPI_tuptable->tupdesc, 1, &isnull);

		if (!isnull)
			object->modified = DatumGetTimestamp(modified);
		object->uri = MemoryContextStrdup(context, SPI_getvalue(row, SPI_tuptable->tupdesc, 2));
		object->is_retired = DatumGetBool(SPI_getbinval(row, SPI_tuptable->tupdesc, 3, &isnull));
		modified = SPI_getbinval(row, SPI_tuptable->tupdesc, 4, &isnull);
		if (!isnull)
			object->version_modified = DatumGetTimestamp(modified);
		object->is_current = DatumGetBool(SPI_getbinval(row, SPI_tuptable->tupdesc, 5, &isnull));
	}
	SPI_freetuptable(SPI_tuptable);
}

static const OlistObjectTime *
find_object(int64 object_id)
{
	bool found;
	OlistObjectTime *object = hash_search(objects, &object_id, HASH_ENTER, &found);

	if (!found)
		read_ledger(object, GetMemoryChunkContext(objects));
	return object;
}

Timestamp
olist_origin_time(OlistOrigin origin)
{
	return find_object(origin.object_id)->modified;
}

bool
olist_origin_is_known(OlistOrigin origin)
{
	return find_object(origin.object_id)->uri[0] != '\0';
}

bool
olist_origin_is_current(OlistOrigin origin)
{
	return find_object(origin.object_id)->is_current;
}

bool
olist_origin_is_retired(OlistOrigin origin)
{
	return find_object(origin.object_id)->is_retired;
}

int
olist_origin_compare(OlistOrigin a, OlistOrigin b)
{
	if (a.object_id != b.object_id)
	{
		const OlistObjectTime *object_a = find_object(a.object_id);
		const OlistObjectTime *object_b = find_object(b.object_id);
		int order;

		if (object_a->version_modified != object_b->version_modified)
			return object_a->version_modified < object_b->version_modified ? -1 : 1;
		order = strcmp(object_a->uri, object_b->uri);
		if (order == 0)
			order = a.object_id < b.object_id ? -1 : 1;
		return order;
	}
	return a.line < b.line ? -1 : a.line > b.line;
}
