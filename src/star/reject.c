/*
 * star/reject.c
 *		Staged rows that cannot stand in the warehouse, kept whole.
 *
 * Tasks run side by side and may be tried again, so each keeps its rejects in
 * a table of its own, made when the first comes, until they are published
 * together with the rows that were not rejected.
 */
#include "postgres.h"

#include "star/reject.h"

#include "access/table.h"
#include "access/xact.h"
#include "base/message.h"
#include "base/spi.h"
#include "catalog/namespace.h"
#include "executor/executor.h"
#include "executor/spi.h"
#include "load/writer.h"
#include "star/build.h"
#include "star/schema.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

typedef struct Reason
{
	const char *name;
	int sqlerrcode;
	const char *message;
} Reason;

static const Reason reasons[] = {
	[OLIST_REJECT_ORPHAN] = {"orphan", ERRCODE_FOREIGN_KEY_VIOLATION, "its order has not arrived"},
	[OLIST_REJECT_DUPLICATE] = {"duplicate", ERRCODE_UNIQUE_VIOLATION,
								"a later row has the same key"},
	[OLIST_REJECT_NO_KEY] = {"no_key", ERRCODE_NOT_NULL_VIOLATION, "its key is missing"},
	[OLIST_REJECT_RANGE] = {"out_of_range", ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE,
							"its value does not fit numeric(12,2)"},
};

enum
{
	REJECT_ENTITY,
	REJECT_OBJECT_ID,
	REJECT_LINE,
	REJECT_REASON,
	REJECT_COLUMN_NAME,
	REJECT_SQLSTATE,
	REJECT_MESSAGE,
	REJECT_RAW,
	REJECT_NATTS
};

/* the rejects of the running task */
static char *reject_table;	/* name in olist_build */
static Relation reject_rel; /* NULL as long as there are none */
static OlistWriter *reject_writer;

void
olist_reject_begin(const char *task)
{
	reject_table = psprintf("reject_%s", task);
	reject_rel = NULL;
	olist_schema_drop_table(OLIST_BUILD_SCHEMA, reject_table);
}

static void
open_reject_table(void)
{
	MemoryContext old = MemoryContextSwitchTo(GetMemoryChunkContext(reject_table));

	olist_spi_run(psprintf("CREATE UNLOGGED TABLE %s.%s (\n"
						   "    entity text,\n"
						   "    object_id bigint,\n"
						   "    line bigint,\n"
						   "    reason text,\n"
						   "    column_name text,\n"
						   "    sqlstate text,\n"
						   "    message text,\n"
						   "    raw text\n"
						   ")",
						   OLIST_BUILD_SCHEMA, reject_table),
				  SPI_OK_UTILITY);
	reject_rel =
		table_open(get_relname_relid(reject_table, get_namespace_oid(OLIST_BUILD_SCHEMA, false)),
				   AccessExclusiveLock);
	reject_writer = olist_writer_begin(reject_rel);
	MemoryContextSwitchTo(old);
}

/* the row's value in an integer column that the caller may not have asked for */
static Datum
provenance(OlistScan *scan, const char *column, bool *isnull)
{
	AttrNumber attnum = get_attnum(RelationGetRelid(scan->rel), column);

	*isnull = true;
	return attnum == InvalidAttrNumber ? (Datum) 0 : slot_getattr(scan->slot, attnum, isnull);
}

/* the staged row as a JSON object */
static Datum
row_as_json(OlistScan *scan)
{
	return DirectFunctionCall1(row_to_json, ExecFetchSlotHeapTupleDatum(scan->slot));
}

void
olist_reject(OlistScan *scan, OlistRejectReason why, const char *column)
{
	const Reason *reason = &reasons[why];
	Datum values[REJECT_NATTS];
	bool isnull[REJECT_NATTS] = {0};
	MemoryContext old;

	if (reject_rel == NULL)
		open_reject_table();
	old = MemoryContextSwitchTo(scan->row_context);
	values[REJECT_ENTITY] = CStringGetTextDatum(RelationGetRelationName(scan->rel));
	values[REJECT_OBJECT_ID] = provenance(scan, "_object_id", &isnull[REJECT_OBJECT_ID]);
	values[REJECT_LINE] = provenance(scan, "_line", &isnull[REJECT_LINE]);
	values[REJECT_REASON] = CStringGetTextDatum(reason->name);
	values[REJECT_COLUMN_NAME] = CStringGetTextDatum(column);
	values[REJECT_SQLSTATE] = CStringGetTextDatum(unpack_sql_state(reason->sqlerrcode));
	values[REJECT_MESSAGE] = CStringGetTextDatum(reason->message);
	values[REJECT_RAW] = row_as_json(scan);
	olist_writer_put(reject_writer, values, isnull);
	MemoryContextSwitchTo(old);
}

uint64
olist_reject_end(void)
{
	uint64 rows = 0;

	if (reject_rel != NULL)
	{
		rows = olist_writer_end(reject_writer);
		table_close(reject_rel, NoLock);
		reject_rel = NULL;
	}
	return rows;
}

/* so many rejects are handed over at a time */
#define PUBLISH_BATCH 5000

/* the reasons given in this file, as an SQL list */
#define OUR_REASONS "('orphan', 'duplicate', 'no_key', 'out_of_range')"

/* what tells one set of rejects from another */
#define DIGEST                                                   \
	"SELECT count(*), COALESCE(sum(pg_catalog.hashtextextended(" \
	"pg_catalog.concat_ws('/', object_id, line, reason, column_name), 0)), 0)::text\n"

typedef struct Digest
{
	int64 count;
	char *sum;
} Digest;

/* the digest that the last statement gave */
static Digest
get_digest(void)
{
	bool isnull;

	return (Digest){
		DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull)),
		SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 2)};
}

/* hand one task's rejects over: read with the caller's rights, written with the owner's */
static void
copy_rejects(const char *table)
{
	Portal portal = SPI_cursor_open_with_args(
		NULL,
		psprintf("SELECT array_agg(object_id), array_agg(reason), array_agg(line),\n"
				 "    array_agg(column_name), array_agg(sqlstate), array_agg(message),\n"
				 "    array_agg(raw)\n"
				 "FROM (SELECT *, pg_catalog.row_number() OVER () / %d AS batch\n"
				 "      FROM %s.%s\n"
				 "      WHERE object_id IS NOT NULL) AS numbered\n"
				 "GROUP BY batch",
				 PUBLISH_BATCH, OLIST_BUILD_SCHEMA, table),
		0, NULL, NULL, NULL, true, 0);

	for (;;)
	{
		OlistSpiArg args[7];
		SPITupleTable *batch;

		SPI_cursor_fetch(portal, true, 1);
		if (SPI_processed == 0)
			break;
		batch = SPI_tuptable;
		for (int i = 0; i < 7; i++)
		{
			args[i].type = SPI_gettypeid(batch->tupdesc, i + 1);
			args[i].value = SPI_getbinval(batch->vals[0], batch->tupdesc, i + 1, &args[i].isnull);
		}
		olist_spi_execute_as_owner(
			"INSERT INTO olist_etl.reject\n"
			"    (object_id, reason, line, column_name, sqlstate, message, raw)\n"
			"SELECT n.object_id, n.reason, COALESCE(n.line, 0), n.column_name, n.sqlstate,\n"
			"    n.message, pg_catalog.convert_to(n.raw, 'UTF8')\n"
			"FROM ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2),\n"
			"    pg_catalog.unnest($3), pg_catalog.unnest($4), pg_catalog.unnest($5),\n"
			"    pg_catalog.unnest($6), pg_catalog.unnest($7))\n"
			"    AS n (object_id, reason, line, column_name, sqlstate, message, raw)\n"
			"JOIN olist_etl.ledger AS l ON l.object_id = n.object_id",
			SPI_OK_INSERT, lengthof(args), args);
		SPI_freetuptable(batch);
	}
	SPI_cursor_close(portal);
}

/* the objects' counts follow what was rejected after they were staged */
static void
recount_ledger(void)
{
	olist_spi_execute_as_owner("UPDATE olist_etl.ledger AS l\n"
							   "SET rows_rejected = r.n, rows_loaded = l.rows_read - r.n\n"
							   "FROM (SELECT o.object_id, count(r.object_id) AS n\n"
							   "      FROM olist_etl.ledger AS o\n"
							   "      LEFT JOIN olist_etl.reject AS r USING (object_id)\n"
							   "      WHERE o.is_current\n"
							   "      GROUP BY o.object_id) AS r\n"
							   "WHERE l.object_id = r.object_id\n"
							   "AND l.rows_rejected <> r.n",
							   SPI_OK_UPDATE, 0, NULL);
}

uint64
olist_reject_publish(const OlistTable *const *tables, int ntables)
{
	StringInfoData all;
	Digest new;
	Digest old;

	initStringInfo(&all);
	for (int i = 0; i < ntables; i++)
	{
		char *name = psprintf("reject_%s", tables[i]->name);

		if (olist_table_exists(OLIST_BUILD_SCHEMA, name))
			appendStringInfo(&all, "%sSELECT object_id, line, reason, column_name FROM %s.%s",
							 all.len > 0 ? " UNION ALL " : "", OLIST_BUILD_SCHEMA, name);
	}
	if (all.len > 0)
	{
		olist_spi_run(psprintf(DIGEST "FROM (%s) AS new\nWHERE object_id IS NOT NULL", all.data),
					  SPI_OK_SELECT);
		new = get_digest();
	}
	else
		new = (Digest){0, "0"};
	olist_spi_execute_as_owner(DIGEST "FROM olist_etl.reject\nWHERE reason IN " OUR_REASONS,
							   SPI_OK_SELECT, 0, NULL);
	old = get_digest();
	if (old.count != new.count || strcmp(old.sum, new.sum) != 0)
	{
		olist_spi_execute_as_owner("DELETE FROM olist_etl.reject WHERE reason IN " OUR_REASONS,
								   SPI_OK_DELETE, 0, NULL);
		for (int i = 0; i < ntables; i++)
		{
			char *name = psprintf("reject_%s", tables[i]->name);

			if (olist_table_exists(OLIST_BUILD_SCHEMA, name))
				copy_rejects(name);
		}
		recount_ledger();
	}
	for (int i = 0; i < ntables; i++)
		olist_schema_drop_table(OLIST_BUILD_SCHEMA, psprintf("reject_%s", tables[i]->name));
	return new.count;
}
