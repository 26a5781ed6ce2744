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

#include "access/htup_details.h"
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
#include "star/work_table.h"
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
	REJECT_KEY,
	REJECT_COLUMN_NAME,
	REJECT_SQLSTATE,
	REJECT_MESSAGE,
	REJECT_RAW,
	REJECT_NATTS
};

#define REJECT_COLUMNS        \
	"\n    entity text,"      \
	"\n    object_id bigint," \
	"\n    line bigint,"      \
	"\n    reason text,"      \
	"\n    key text,"         \
	"\n    column_name text," \
	"\n    sqlstate text,"    \
	"\n    message text,"     \
	"\n    raw text"

/* the rejects of the running task */
static char *reject_table;	/* name in olist_build */
static Relation reject_rel; /* NULL as long as there are none */
static OlistWriter *reject_writer;
static uint64 reject_count; /* of the rows that the writer has finished */

void
olist_reject_begin(const char *task)
{
	reject_table = psprintf("reject_%s", task);
	reject_rel = NULL;
	reject_count = 0;
	olist_schema_drop_table(OLIST_BUILD_SCHEMA, reject_table);
}

static void
open_reject_table(void)
{
	MemoryContext old = MemoryContextSwitchTo(GetMemoryChunkContext(reject_table));

	if (olist_is_merge())
		olist_work_table_create(reject_table, REJECT_COLUMNS);
	else
		olist_spi_run(psprintf("CREATE UNLOGGED TABLE %s.%s (%s\n)", OLIST_BUILD_SCHEMA,
							   reject_table, REJECT_COLUMNS),
					  SPI_OK_UTILITY);
	reject_rel =
		table_open(get_relname_relid(reject_table, get_namespace_oid(OLIST_BUILD_SCHEMA, false)),
				   AccessExclusiveLock);
	reject_writer = olist_writer_begin(reject_rel, false, false);
	MemoryContextSwitchTo(old);
}

/* a row to be kept */
typedef struct RejectedRow
{
	const char *entity;
	Datum row; /* as a composite */
	NullableDatum key;
	NullableDatum object_id;
	NullableDatum line;
} RejectedRow;

static void
put_row(const RejectedRow *rejected, OlistRejectReason why, const char *column)
{
	const Reason *reason = &reasons[why];
	Datum values[REJECT_NATTS];
	bool isnull[REJECT_NATTS] = {0};

	values[REJECT_ENTITY] = CStringGetTextDatum(rejected->entity);
	values[REJECT_OBJECT_ID] = rejected->object_id.value;
	isnull[REJECT_OBJECT_ID] = rejected->object_id.isnull;
	values[REJECT_LINE] = rejected->line.value;
	isnull[REJECT_LINE] = rejected->line.isnull;
	values[REJECT_REASON] = CStringGetTextDatum(reason->name);
	values[REJECT_KEY] = rejected->key.value;
	isnull[REJECT_KEY] = rejected->key.isnull;
	values[REJECT_COLUMN_NAME] = CStringGetTextDatum(column);
	values[REJECT_SQLSTATE] = CStringGetTextDatum(unpack_sql_state(reason->sqlerrcode));
	values[REJECT_MESSAGE] = CStringGetTextDatum(reason->message);
	values[REJECT_RAW] = DirectFunctionCall1(row_to_json, rejected->row);
	if (reject_rel == NULL)
		open_reject_table();
	olist_writer_put(reject_writer, values, isnull);
}

/* the row's value in a column that the caller may not have asked for */
static NullableDatum
provenance(OlistScan *scan, const char *column)
{
	AttrNumber attnum = get_attnum(RelationGetRelid(scan->rel), column);
	NullableDatum result = {.isnull = true};

	if (attnum != InvalidAttrNumber)
		result.value = slot_getattr(scan->slot, attnum, &result.isnull);
	return result;
}

void
olist_reject(OlistScan *scan, OlistRejectReason why, const char *column)
{
	MemoryContext old = MemoryContextSwitchTo(scan->row_context);
	int len;
	const char *key = olist_scan_text(scan, 0, &len);
	RejectedRow rejected = {
		.entity = scan->name,
		.row = ExecFetchSlotHeapTupleDatum(scan->slot),
		.key = {.isnull = key == NULL},
		.object_id = provenance(scan, "_object_id"),
		.line = provenance(scan, "_line"),
	};

	if (key != NULL)
		rejected.key.value = PointerGetDatum(cstring_to_text_with_len(key, len));
	put_row(&rejected, why, column);
	MemoryContextSwitchTo(old);
}

void
olist_reject_tuple(const char *entity, HeapTuple tuple, TupleDesc desc, OlistRejectReason why,
				   const char *column)
{
	RejectedRow rejected = {.entity = entity, .row = heap_copy_tuple_as_datum(tuple, desc)};

	rejected.key.value = heap_getattr(tuple, 1, desc, &rejected.key.isnull);
	rejected.object_id.value =
		heap_getattr(tuple, desc->natts - 1, desc, &rejected.object_id.isnull);
	rejected.line.value = heap_getattr(tuple, desc->natts, desc, &rejected.line.isnull);
	put_row(&rejected, why, column);
}

uint64
olist_reject_end(void)
{
	if (reject_rel != NULL)
	{
		reject_count = olist_writer_end(reject_writer);
		table_close(reject_rel, NoLock);
		reject_rel = NULL;
		CommandCounterIncrement();
	}
	return reject_count;
}
