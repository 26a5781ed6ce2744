/*
 * load/reject.c
 *		Records that could not be loaded, kept whole.
 *
 * Rejects are collected column by column and written some hundred at a time,
 * each batch as one statement over arrays: a file that is all wrong must not
 * cost a statement a line. They commit with the object's ledger line.
 */
#include "postgres.h"

#include "load/reject.h"

#include "base/spi.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

/* a batch is written when it has so many records, or so many bytes */
#define BATCH_ROWS 500
#define BATCH_BYTES (1024 * 1024)

/* the columns of a reject, in the order of the statement's parameters */
typedef enum RejectColumn
{
	COLUMN_RECORD,
	COLUMN_LINE,
	COLUMN_OFFSET,
	COLUMN_NAME,
	COLUMN_SQLSTATE,
	COLUMN_MESSAGE,
	COLUMN_HINT,
	COLUMN_RAW,
	NUM_COLUMNS
} RejectColumn;

struct OlistRejects
{
	int64 object_id;
	MemoryContext batch_context; /* the values of the batch */
	int nrows;
	size_t nbytes;
	Datum values[NUM_COLUMNS][BATCH_ROWS];
	bool isnull[NUM_COLUMNS][BATCH_ROWS];
};

/* those that an earlier load of the version has left; in the SPI connection of the caller */
static void
delete_former(int64 object_id)
{
	static OlistSpiKept statement = {
		.sql = "DELETE FROM olist_etl.reject"
			   " WHERE object_id = $1 AND reason IN ('invalid', 'object')",
		.expected = SPI_OK_DELETE,
	};
	OlistSpiArg args[] = {OLIST_SPI_INT8(object_id)};

	olist_spi_execute_kept_as_owner(&statement, lengthof(args), args);
}

OlistRejects *
olist_rejects_begin(int64 object_id, bool may_have_rejects)
{
	OlistRejects *rejects = palloc0(sizeof(OlistRejects));

	rejects->object_id = object_id;
	rejects->batch_context =
		AllocSetContextCreate(CurrentMemoryContext, "olist reject batch", ALLOCSET_DEFAULT_SIZES);
	if (may_have_rejects)
	{
		SPI_connect();
		delete_former(object_id);
		SPI_finish();
	}
	return rejects;
}

/* one column of the batch as an array parameter */
static OlistSpiArg
column_array(OlistRejects *rejects, RejectColumn column, Oid element, Oid array, bool byval)
{
	int dim = rejects->nrows;
	int lower = 1;
	ArrayType *value = construct_md_array(rejects->values[column], rejects->isnull[column], 1, &dim,
										  &lower, element, byval ? (int) sizeof(int64) : -1, byval,
										  byval ? TYPALIGN_DOUBLE : TYPALIGN_INT);

	return (OlistSpiArg){array, PointerGetDatum(value), false};
}

/* write the batch */
static void
flush(OlistRejects *rejects)
{
	static OlistSpiKept statement = {
		.sql = "INSERT INTO olist_etl.reject"
			   "    (object_id, reason, record, line, byte_offset, column_name, sqlstate, message, "
			   "hint,"
			   "     raw)"
			   "SELECT $1, 'invalid', u.*"
			   "  FROM unnest($2, $3, $4, $5, $6, $7, $8, $9) AS u",
		.expected = SPI_OK_INSERT,
	};
	MemoryContext caller = MemoryContextSwitchTo(rejects->batch_context);
	OlistSpiArg args[] = {
		OLIST_SPI_INT8(rejects->object_id),
		column_array(rejects, COLUMN_RECORD, INT8OID, INT8ARRAYOID, true),
		column_array(rejects, COLUMN_LINE, INT8OID, INT8ARRAYOID, true),
		column_array(rejects, COLUMN_OFFSET, INT8OID, INT8ARRAYOID, true),
		column_array(rejects, COLUMN_NAME, TEXTOID, TEXTARRAYOID, false),
		column_array(rejects, COLUMN_SQLSTATE, TEXTOID, TEXTARRAYOID, false),
		column_array(rejects, COLUMN_MESSAGE, TEXTOID, TEXTARRAYOID, false),
		column_array(rejects, COLUMN_HINT, TEXTOID, TEXTARRAYOID, false),
		column_array(rejects, COLUMN_RAW, BYTEAOID, BYTEAARRAYOID, false),
	};

	SPI_connect();
	olist_spi_execute_kept_as_owner(&statement, lengthof(args), args);
	SPI_finish();
	MemoryContextSwitchTo(caller);
	MemoryContextReset(rejects->batch_context);
	rejects->nrows = 0;
	rejects->nbytes = 0;
}

static void
set_int8(OlistRejects *rejects, RejectColumn column, int64 value)
{
	rejects->values[column][rejects->nrows] = Int64GetDatum(value);
	rejects->isnull[column][rejects->nrows] = false;
}

static void
set_text(OlistRejects *rejects, RejectColumn column, const char *value)
{
	rejects->isnull[column][rejects->nrows] = value == NULL;
	if (value != NULL)
		rejects->values[column][rejects->nrows] = CStringGetTextDatum(value);
}

void
olist_rejects_add(OlistRejects *rejects, const OlistRowPosition *position,
				  const OlistRowError *error)
{
	MemoryContext caller = MemoryContextSwitchTo(rejects->batch_context);
	bytea *raw = palloc(VARHDRSZ + error->raw_len);

	SET_VARSIZE(raw, VARHDRSZ + error->raw_len);
	memcpy(VARDATA(raw), error->raw, error->raw_len);
	set_int8(rejects, COLUMN_RECORD, position->record);
	set_int8(rejects, COLUMN_LINE, position->line);
	set_int8(rejects, COLUMN_OFFSET, position->offset);
	set_text(rejects, COLUMN_NAME, error->column);
	set_text(rejects, COLUMN_SQLSTATE, unpack_sql_state(error->sqlerrcode));
	set_text(rejects, COLUMN_MESSAGE, error->message);
	set_text(rejects, COLUMN_HINT, error->hint);
	rejects->values[COLUMN_RAW][rejects->nrows] = PointerGetDatum(raw);
	rejects->isnull[COLUMN_RAW][rejects->nrows] = false;
	MemoryContextSwitchTo(caller);

	rejects->nrows++;
	rejects->nbytes += error->raw_len;
	if (rejects->nrows == BATCH_ROWS || rejects->nbytes >= BATCH_BYTES)
		flush(rejects);
}

void
olist_rejects_end(OlistRejects *rejects)
{
	if (rejects->nrows > 0)
		flush(rejects);
	MemoryContextDelete(rejects->batch_context);
	pfree(rejects);
}

void
olist_rejects_add_object(int64 object_id, const ErrorData *error)
{
	static OlistSpiKept statement = {
		.sql = "INSERT INTO olist_etl.reject"
			   "    (object_id, reason, line, sqlstate, message, hint, raw)"
			   "VALUES ($1, 'object', 0, $2, $3, $4, '')",
		.expected = SPI_OK_INSERT,
	};
	OlistSpiArg args[] = {OLIST_SPI_INT8(object_id),
						  OLIST_SPI_TEXT(unpack_sql_state(error->sqlerrcode)),
						  OLIST_SPI_TEXT(error->message), OLIST_SPI_TEXT(error->hint)};

	SPI_connect();
	delete_former(object_id);
	olist_spi_execute_kept_as_owner(&statement, lengthof(args), args);
	SPI_finish();
}
