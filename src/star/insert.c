/*
 * star/insert.c
 *		Many rows into a table that has indexes, one index after the other.
 *
 *	 query ─► rows ─┬─► table_multi_insert
 *	                └─► each index: its keys ─► sorted ─► index_insert, in key order
 *
 * An INSERT puts a row into all indexes before it comes to the next row. With
 * ids that are hashes every one of those is another page: most of what adding a
 * batch to a large warehouse costs is to find these pages. In key order rows
 * that go to the same page come one after the other, so every page is found,
 * changed and logged in full at most once.
 *
 * That is all the executor does for a table without triggers, checks, and the
 * like; where there are any, the caller leaves the rows to it.
 *
 * Rows that replace a whole table go the same way. To drop its indexes first and
 * to make them again from all rows would be faster still, but readers would have
 * to wait until the transaction ends, and other transactions would wait for
 * readers.
 */
#include "postgres.h"

#include "star/insert.h"

#include "access/genam.h"
#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/index.h"
#include "catalog/pg_am.h"
#include "catalog/pg_class.h"
#include "commands/trigger.h"
#include "compat.h"
#include "executor/executor.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "nodes/execnodes.h"
#include "star/share.h"
#include "utils/acl.h"
#include "utils/fmgroids.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/tuplesort.h"

/* so many rows are read, and written, at a time */
#define BATCH_ROWS 1000

/* the least that a sort can work with, in kB */
#define MIN_SORT_MEM 64

typedef struct IndexState
{
	Relation rel;
	IndexInfo *info;
	Tuplesortstate *keys; /* NULL: the index has no order, and gets each row at once */
} IndexState;

typedef struct Insertion
{
	Relation rel;
	TupleDesc desc;					   /* a private copy: slots do not pin the relation's */
	List *indexes;					   /* of IndexState */
	TupleTableSlot *slots[BATCH_ROWS]; /* made when first needed */
	int nslots;
	BulkInsertState bulk_state;
	MemoryContext batch_context;
} Insertion;

/* triggers that check a deferrable unique key again; others do what users want */
static bool
has_foreign_trigger(Relation rel)
{
	for (int i = 0; rel->trigdesc != NULL && i < rel->trigdesc->numtriggers; i++)
	{
		if (rel->trigdesc->triggers[i].tgfoid != F_UNIQUE_KEY_RECHECK)
			return true;
	}
	return false;
}

/* has the table the source's columns, and no others? */
static bool
has_same_columns(Relation rel, Relation source)
{
	TupleDesc desc = RelationGetDescr(rel);
	TupleDesc from = RelationGetDescr(source);

	if (desc->natts != from->natts)
		return false;
	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute a = TupleDescAttr(desc, i);
		Form_pg_attribute b = TupleDescAttr(from, i);

		if (a->attisdropped || strcmp(NameStr(a->attname), NameStr(b->attname)) != 0 ||
			a->atttypid != b->atttypid || a->atttypmod != b->atttypmod || a->attgenerated != '\0' ||
			(a->attnotnull && !b->attnotnull))
			return false;
	}
	return true;
}

/* is there an index that needs more than the columns of a row? */
static bool
has_special_index(Relation rel)
{
	ListCell *lc;
	bool result = false;

	foreach (lc, RelationGetIndexList(rel))
	{
		Relation index = index_open(lfirst_oid(lc), RowExclusiveLock);

		result |= RelationGetIndexExpressions(index) != NIL ||
				  RelationGetIndexPredicate(index) != NIL || index->rd_index->indisexclusion ||
				  !index->rd_index->indisready;
		index_close(index, NoLock);
	}
	return result;
}

const char *
olist_insert_obstacle(Relation rel, Relation source)
{
	TupleConstr *constr = RelationGetDescr(rel)->constr;

	if (rel->rd_rel->relkind != RELKIND_RELATION || rel->rd_rel->relam != HEAP_TABLE_AM_OID ||
		rel->rd_rel->relispartition)
		return "no plain table";
	if (pg_class_aclcheck(RelationGetRelid(rel), GetUserId(), ACL_INSERT) != ACLCHECK_OK)
		return "a missing right";
	if (rel->rd_rel->relrowsecurity)
		return "row security";
	if (rel->rd_rules != NULL)
		return "a rule";
	if (has_foreign_trigger(rel))
		return "a trigger";
	if (constr != NULL && constr->num_check > 0)
		return "a check constraint";
	if (!has_same_columns(rel, source))
		return "columns of its own";
	if (has_special_index(rel))
		return "an index with an expression, a condition or an exclusion";
	return NULL;
}

static void
open_indexes(Insertion *insertion)
{
	List *oids = RelationGetIndexList(insertion->rel);
	int sort_mem = Max(MIN_SORT_MEM, olist_star_work_mem / Max(list_length(oids), 1));
	ListCell *lc;

	foreach (lc, oids)
	{
		IndexState *index = palloc0(sizeof(IndexState));

		index->rel = index_open(lfirst_oid(lc), RowExclusiveLock);
		index->info = BuildIndexInfo(index->rel);
		if (index->rel->rd_rel->relam == BTREE_AM_OID)
			index->keys = tuplesort_begin_index_btree(insertion->rel, index->rel, false, false,
													  sort_mem, NULL, TUPLESORT_NONE);
		insertion->indexes = lappend(insertion->indexes, index);
	}
}

/*
 * A row into an index. A key that may be checked later, so that an update can
 * exchange versions, is checked now: inserted rows make room for nobody.
 */
static void
insert_into_index(Insertion *insertion, IndexState *index, Datum *values, bool *isnull,
				  ItemPointer tid)
{
	(void) index_insert(index->rel, values, isnull, tid, insertion->rel,
						index->info->ii_Unique ? UNIQUE_CHECK_YES : UNIQUE_CHECK_NO, false,
						index->info);
}

/* what an index is to know of a row that has been written */
static void
take_key(Insertion *insertion, IndexState *index, TupleTableSlot *slot)
{
	Datum values[INDEX_MAX_KEYS];
	bool isnull[INDEX_MAX_KEYS];

	FormIndexDatum(index->info, slot, NULL, values, isnull);
	if (index->keys != NULL)
		tuplesort_putindextuplevalues(index->keys, index->rel, &slot->tts_tid, values, isnull);
	else
		insert_into_index(insertion, index, values, isnull, &slot->tts_tid);
}

/* write the rows of the last fetch */
static void
write_batch(Insertion *insertion)
{
	TupleDesc desc = insertion->desc;
	int n = (int) SPI_processed;
	MemoryContext old;
	Datum *values;
	bool *isnull;
	ListCell *lc;

	for (; insertion->nslots < n; insertion->nslots++)
		insertion->slots[insertion->nslots] = MakeSingleTupleTableSlot(desc, &TTSOpsHeapTuple);
	old = MemoryContextSwitchTo(insertion->batch_context);
	values = palloc(desc->natts * sizeof(Datum));
	isnull = palloc(desc->natts * sizeof(bool));
	for (int i = 0; i < n; i++)
	{
		heap_deform_tuple(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, values, isnull);
		ExecStoreHeapTuple(heap_form_tuple(desc, values, isnull), insertion->slots[i], true);
	}
	table_multi_insert(insertion->rel, insertion->slots, n, GetCurrentCommandId(true), 0,
					   insertion->bulk_state);
	foreach (lc, insertion->indexes)
	{
		for (int i = 0; i < n; i++)
			take_key(insertion, lfirst(lc), insertion->slots[i]);
	}
	for (int i = 0; i < n; i++)
		ExecClearTuple(insertion->slots[i]);
	MemoryContextSwitchTo(old);
	MemoryContextReset(insertion->batch_context);
}

/* the collected keys into their index, in their order */
static void
insert_keys(Insertion *insertion, IndexState *index)
{
	IndexTuple key;

	tuplesort_performsort(index->keys);
	while ((key = tuplesort_getindextuple(index->keys, true)) != NULL)
	{
		Datum values[INDEX_MAX_KEYS];
		bool isnull[INDEX_MAX_KEYS];
		ItemPointerData tid = key->t_tid;
		MemoryContext old = MemoryContextSwitchTo(insertion->batch_context);

		CHECK_FOR_INTERRUPTS();
		index_deform_tuple(key, RelationGetDescr(index->rel), values, isnull);
		insert_into_index(insertion, index, values, isnull, &tid);
		MemoryContextSwitchTo(old);
		MemoryContextReset(insertion->batch_context);
	}
	tuplesort_end(index->keys);
}

/* no rows, no work: nothing is opened before the first */
static void
begin_insertion(Insertion *insertion)
{
	insertion->bulk_state = GetBulkInsertState();
	insertion->batch_context =
		AllocSetContextCreate(CurrentMemoryContext, "olist_etl insert", ALLOCSET_DEFAULT_SIZES);
	open_indexes(insertion);
}

static void
end_insertion(Insertion *insertion)
{
	ListCell *lc;

	FreeBulkInsertState(insertion->bulk_state);
	for (int i = 0; i < insertion->nslots; i++)
		ExecDropSingleTupleTableSlot(insertion->slots[i]);
	foreach (lc, insertion->indexes)
	{
		IndexState *index = lfirst(lc);

		if (index->keys != NULL)
			insert_keys(insertion, index);
		olist_compat_index_insert_cleanup(index->rel, index->info);
		index_close(index->rel, NoLock);
	}
	MemoryContextDelete(insertion->batch_context);
}

uint64
olist_insert(Relation rel, const char *query)
{
	Insertion *insertion = palloc0(sizeof(Insertion));
	Portal rows = SPI_cursor_open_with_args(NULL, query, 0, NULL, NULL, NULL, false, 0);
	uint64 total = 0;

	PreventCommandIfReadOnly("INSERT");
	insertion->rel = rel;
	insertion->desc = CreateTupleDescCopy(RelationGetDescr(rel));
	for (;;)
	{
		SPI_cursor_fetch(rows, true, BATCH_ROWS);
		if (SPI_processed == 0)
			break;
		if (total == 0)
			begin_insertion(insertion);
		total += SPI_processed;
		write_batch(insertion);
		SPI_freetuptable(SPI_tuptable);
	}
	SPI_cursor_close(rows);
	if (total > 0)
		end_insertion(insertion);
	CommandCounterIncrement();
	return total;
}
