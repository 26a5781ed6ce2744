/*
 * load/inserter.c
 *		Rows into any table, through the executor.
 *
 *		values ──► batch of tuples ──► tuplestore ──► INSERT ... SELECT FROM the tuplestore
 *
 * The rows are a named relation of the SPI connection, so that one statement
 * inserts many and the executor does everything that an INSERT by hand would.
 * A trigger may return no row: what counts as inserted is what the executor
 * says.
 *
 * Where rejects are wanted, a batch is inserted in a subtransaction. If the
 * table refuses a row, the batch is halved until that row stands alone and is
 * kept as a reject. So a good batch costs one subtransaction, a bad row some
 * dozen.
 */
#include "postgres.h"

#include "load/inserter.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "base/message.h"
#include "base/spi.h"
#include "executor/spi.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/resowner.h"
#include "utils/tuplestore.h"

/* a batch is inserted when it has so many rows, or so many bytes */
#define BATCH_ROWS 4096
#define BATCH_BYTES (4 * 1024 * 1024)

/* what the statement calls its rows */
#define ROWS_NAME "_olist_rows"

/* a row that waits, and what a reject needs to know of it */
typedef struct PendingRow
{
	HeapTuple tuple;
	OlistRowPosition position;
	const char *raw; /* NULL where no rejects are wanted */
	size_t raw_len;
} PendingRow;

struct OlistInserter
{
	char *sql;
	TupleDesc desc; /* of the rows: only the columns that are given */
	int *attnums;	/* of each column of desc, in the target */
	Datum *values;
	bool *isnull;
	OlistRejects *rejects;		 /* NULL: none are wanted */
	MemoryContext batch_context; /* tuples and raw records of the batch */
	PendingRow *rows;			 /* BATCH_ROWS */
	int nrows;
	size_t nbytes;
	int64 inserted;
	int64 rejected;
};

/* the statement, and the descriptor of its rows */
static void
prepare(OlistInserter *inserter, Relation rel, const Bitmapset *columns)
{
	TupleDesc target = RelationGetDescr(rel);
	StringInfoData names;
	int n = 0;
	int attnum = -1;

	initStringInfo(&names);
	inserter->desc = CreateTemplateTupleDesc(bms_num_members(columns));
	inserter->attnums = palloc(bms_num_members(columns) * sizeof(int));
	while ((attnum = bms_next_member(columns, attnum)) >= 0)
	{
		inserter->attnums[n] = attnum;
		TupleDescCopyEntry(inserter->desc, ++n, target, attnum);
		appendStringInfo(&names, "%s%s", n > 1 ? ", " : "",
						 quote_identifier(NameStr(TupleDescAttr(target, attnum - 1)->attname)));
	}
	inserter->sql =
		psprintf("INSERT INTO %s (%s) SELECT %s FROM " ROWS_NAME,
				 quote_qualified_identifier(get_namespace_name(RelationGetNamespace(rel)),
											RelationGetRelationName(rel)),
				 names.data, names.data);
}

OlistInserter *
olist_inserter_begin(Relation rel, const Bitmapset *columns, OlistRejects *rejects)
{
	OlistInserter *inserter = palloc0(sizeof(OlistInserter));

	prepare(inserter, rel, columns);
	inserter->values = palloc(inserter->desc->natts * sizeof(Datum));
	inserter->isnull = palloc(inserter->desc->natts * sizeof(bool));
	inserter->rejects = rejects;
	inserter->rows = palloc(BATCH_ROWS * sizeof(PendingRow));
	inserter->batch_context =
		AllocSetContextCreate(CurrentMemoryContext, "olist inserter batch", ALLOCSET_DEFAULT_SIZES);
	return inserter;
}

/* insert n pending rows from first on; the number of rows that the executor inserted */
static uint64
insert_rows(OlistInserter *inserter, int first, int n)
{
	EphemeralNamedRelationData relation = {0};
	Tuplestorestate *rows = tuplestore_begin_heap(false, false, work_mem);
	uint64 inserted;

	for (int i = first; i < first + n; i++)
		tuplestore_puttuple(rows, inserter->rows[i].tuple);
	SPI_connect();
	relation.md.name = ROWS_NAME;
	relation.md.reliddesc = InvalidOid;
	relation.md.tupdesc = inserter->desc;
	relation.md.enrtype = ENR_NAMED_TUPLESTORE;
	relation.md.enrtuples = n;
	relation.reldata = rows;
	if (SPI_register_relation(&relation) != SPI_OK_REL_REGISTER)
		elog(ERROR, "could not register the rows to insert");
	inserted = olist_spi_run(inserter->sql, SPI_OK_INSERT);
	SPI_finish();
	tuplestore_end(rows);
	return inserted;
}

/* does this error speak of the row, and not of the world around it? */
static bool
is_about_row(int sqlerrcode)
{
	int category = ERRCODE_TO_CATEGORY(sqlerrcode);

	return category == ERRCODE_DATA_EXCEPTION ||
		   category == ERRCODE_INTEGRITY_CONSTRAINT_VIOLATION || category == ERRCODE_PLPGSQL_ERROR;
}

/*
 * The same in a subtransaction. NULL and *inserted if all is well; an error
 * about a row is returned, any other raised.
 */
static ErrorData *
try_insert_rows(OlistInserter *inserter, int first, int n, uint64 *inserted)
{
	MemoryContext caller = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	ErrorData *volatile error = NULL;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(caller);
	PG_TRY();
	{
		*inserted = insert_rows(inserter, first, n);
		ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(caller);
		error = CopyErrorData();
		if (!is_about_row(error->sqlerrcode))
			PG_RE_THROW();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
	}
	PG_END_TRY();
	MemoryContextSwitchTo(caller);
	CurrentResourceOwner = owner;
	return error;
}

/* keep a row that the table refuses */
static void
reject_row(OlistInserter *inserter, const PendingRow *row, const ErrorData *refusal)
{
	OlistRowError error = {
		.sqlerrcode = refusal->sqlerrcode,
		.message = olist_clip(refusal->message, strlen(refusal->message)),
		.hint = refusal->hint,
		.column = refusal->column_name,
		.raw = row->raw,
		.raw_len = row->raw_len,
	};

	olist_rejects_add(inserter->rejects, &row->position, &error);
	inserter->rejected++;
}

/* insert n pending rows from first on, but for those that the table refuses */
static void
insert_or_reject(OlistInserter *inserter, int first, int n)
{
	uint64 inserted = 0;
	ErrorData *error = try_insert_rows(inserter, first, n, &inserted);

	inserter->inserted += inserted;
	if (error == NULL)
		return;
	if (n == 1)
		reject_row(inserter, &inserter->rows[first], error);
	else
	{
		insert_or_reject(inserter, first, n / 2);
		insert_or_reject(inserter, first + n / 2, n - n / 2);
	}
}

/* insert the batch */
static void
flush(OlistInserter *inserter)
{
	MemoryContext caller = MemoryContextSwitchTo(inserter->batch_context);

	if (inserter->rejects != NULL)
		insert_or_reject(inserter, 0, inserter->nrows);
	else
		inserter->inserted += insert_rows(inserter, 0, inserter->nrows);
	MemoryContextSwitchTo(caller);
	MemoryContextReset(inserter->batch_context);
	inserter->nrows = 0;
	inserter->nbytes = 0;
}

void
olist_inserter_put(OlistInserter *inserter, const Datum *values, const bool *isnull,
				   const OlistRowSource *rows)
{
	MemoryContext caller = MemoryContextSwitchTo(inserter->batch_context);
	PendingRow *row = &inserter->rows[inserter->nrows++];

	for (int i = 0; i < inserter->desc->natts; i++)
	{
		inserter->values[i] = values[inserter->attnums[i] - 1];
		inserter->isnull[i] = isnull[inserter->attnums[i] - 1];
	}
	row->tuple = heap_form_tuple(inserter->desc, inserter->values, inserter->isnull);
	inserter->nbytes += row->tuple->t_len;
	if (inserter->rejects != NULL)
	{
		const char *raw = olist_row_source_raw(rows, &row->raw_len);

		row->raw = memcpy(palloc(row->raw_len), raw, row->raw_len);
		row->position = *olist_row_source_position(rows);
		inserter->nbytes += row->raw_len;
	}
	MemoryContextSwitchTo(caller);
	if (inserter->nrows == BATCH_ROWS || inserter->nbytes >= BATCH_BYTES)
		flush(inserter);
}

void
olist_inserter_end(OlistInserter *inserter)
{
	if (inserter->nrows > 0)
		flush(inserter);
	MemoryContextDelete(inserter->batch_context);
}

int64
olist_inserter_inserted(const OlistInserter *inserter)
{
	return inserter->inserted;
}

int64
olist_inserter_rejected(const OlistInserter *inserter)
{
	return inserter->rejected;
}
