/*
 * load/writer.c
 *		Rows into a heap, in bulk.
 *
 *		values ──► tuple in the batch's context ──► table_multi_insert
 *
 * A batch is as many tuples as make a few dozen pages. Its tuples, and what the
 * heap allocates while it writes them, live in one memory context that is reset
 * when the batch is written, so nothing is freed piece by piece. The batch's
 * keeper block is large enough for the usual batch: a reset touches no malloc.
 *
 * The heap copies every tuple that its slot does not own. So the slots are told
 * that they own the batch's tuples, and that they do not before they are cleared.
 *
 * When the table was created or truncated in the current subtransaction, its
 * rows are written frozen and all-visible: nobody else can see the table before
 * this transaction commits, and if it aborts the file goes away with its rows.
 * To say so takes another file, which is not worth it for a table that is dropped
 * soon.
 */
#include "postgres.h"

#include "compat.h"
#include "load/writer.h"

#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "base/fault.h"
#include "catalog/pg_am.h"
#include "catalog/pg_class.h"
#include "executor/tuptable.h"
#include "utils/memutils.h"
#include "utils/rel.h"

/* a batch is written when it has so many rows, or so many bytes */
#define BATCH_ROWS 1000
#define BATCH_BYTES (256 * 1024)

struct OlistWriter
{
	Relation rel;
	TupleDesc desc;				/* a private copy: slots do not pin the relation's */
	BulkInsertState bulk_state; /* the page being filled stays pinned */
	int options;				/* of table_multi_insert() */
	CommandId command;
	MemoryContext context;		 /* the writer's life */
	MemoryContext batch_context; /* the tuples of the batch */
	TupleTableSlot **slots;		 /* BATCH_ROWS, made when first needed */
	int nslots;
	int nrows;	  /* in the batch */
	Size nbytes;  /* in the batch */
	uint64 total; /* rows written */
};

const char *
olist_writer_obstacle(Relation rel)
{
	TupleConstr *constr = rel->rd_att->constr;

	switch (rel->rd_rel->relkind)
	{
		case RELKIND_RELATION:
			break;
		case RELKIND_PARTITIONED_TABLE:
			return "partitions";
		default:
			return "no storage of its own";
	}
	if (rel->rd_rel->relam != HEAP_TABLE_AM_OID)
		return "another access method than heap";
	if (rel->trigdesc != NULL)
		return "a trigger";
	if (rel->rd_rel->relhasindex)
		return "an index";
	if (rel->rd_rel->relispartition)
		return "a partition bound";
	if (constr != NULL && constr->num_check > 0)
		return "a check constraint";
	if (constr != NULL && constr->has_not_null)
		return "a not-null constraint";
	if (constr != NULL && constr->num_defval > 0)
		return "a default or generated column";
	if (rel->rd_rel->relrowsecurity)
		return "row security";
	return NULL;
}

OlistWriter *
olist_writer_begin(Relation rel, bool in_order, bool lasting)
{
	OlistWriter *writer = palloc0(sizeof(OlistWriter));

	writer->rel = rel;
	writer->desc = CreateTupleDescCopy(RelationGetDescr(rel));
	writer->bulk_state = GetBulkInsertState();
	writer->command = GetCurrentCommandId(true);
	writer->context = CurrentMemoryContext;
	writer->batch_context = AllocSetContextCreate(CurrentMemoryContext, "olist writer batch", 0,
												  4 * BATCH_BYTES, 4 * BATCH_BYTES);
	writer->slots = palloc(BATCH_ROWS * sizeof(TupleTableSlot *));
	if (in_order || rel->rd_createSubid != InvalidSubTransactionId ||
		olist_compat_new_storage_subid(rel) != InvalidSubTransactionId)
		writer->options |= TABLE_INSERT_SKIP_FSM;
	if (lasting && (rel->rd_createSubid == GetCurrentSubTransactionId() ||
					olist_compat_new_storage_subid(rel) == GetCurrentSubTransactionId()))
		writer->options |= TABLE_INSERT_FROZEN;
	return writer;
}

/* the next free slot of the batch, in the writer's context */
static TupleTableSlot *
next_slot(OlistWriter *writer)
{
	if (writer->nrows == writer->nslots)
	{
		MemoryContext old = MemoryContextSwitchTo(writer->context);

		writer->slots[writer->nslots++] = MakeSingleTupleTableSlot(writer->desc, &TTSOpsHeapTuple);
		MemoryContextSwitchTo(old);
	}
	return writer->slots[writer->nrows++];
}

/* write the batch */
static void
flush(OlistWriter *writer)
{
	MemoryContext old = MemoryContextSwitchTo(writer->batch_context);

	OLIST_FAULT("load-write");
	table_multi_insert(writer->rel, writer->slots, writer->nrows, writer->command, writer->options,
					   writer->bulk_state);
	MemoryContextSwitchTo(old);
	for (int i = 0; i < writer->nrows; i++)
	{
		writer->slots[i]->tts_flags &= ~TTS_FLAG_SHOULDFREE;
		ExecClearTuple(writer->slots[i]);
	}
	MemoryContextReset(writer->batch_context);
	writer->total += writer->nrows;
	writer->nrows = 0;
	writer->nbytes = 0;
}

void
olist_writer_put(OlistWriter *writer, const Datum *values, const bool *isnull)
{
	MemoryContext old = MemoryContextSwitchTo(writer->batch_context);
	HeapTuple tuple = heap_form_tuple(writer->desc, (Datum *) values, (bool *) isnull);

	MemoryContextSwitchTo(old);
	ExecStoreHeapTuple(tuple, next_slot(writer), true);
	writer->nbytes += tuple->t_len;
	if (writer->nrows == BATCH_ROWS || writer->nbytes >= BATCH_BYTES)
		flush(writer);
}

uint64
olist_writer_end(OlistWriter *writer)
{
	uint64 total;

	if (writer->nrows > 0)
		flush(writer);
	table_finish_bulk_insert(writer->rel, writer->options);
	FreeBulkInsertState(writer->bulk_state);
	for (int i = 0; i < writer->nslots; i++)
		ExecDropSingleTupleTableSlot(writer->slots[i]);
	MemoryContextDelete(writer->batch_context);
	total = writer->total;
	pfree(writer);
	return total;
}
