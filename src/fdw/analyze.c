/*
 * fdw/analyze.c
 *		A random sample of a foreign table's rows, for ANALYZE.
 *
 * Every row is read once and kept with the probability of Vitter's algorithm:
 * there is no reading a CSV object in the middle. The sample is read with the
 * rights and the mapping of the table's owner, as ANALYZE always runs.
 */
#include "postgres.h"

#include "compat.h"
#include "fdw/fdw.h"

#include "access/htup_details.h"
#include "commands/vacuum.h"
#include "fdw/options.h"
#include "fdw/reader.h"
#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/sampling.h"

/* the sample: rows[] filled up to targrows, then replaced at random */
typedef struct Sample
{
	HeapTuple *rows;
	int target;
	int numrows;
	double rowstoskip; /* -1: not drawn yet */
	ReservoirStateData state;
} Sample;

/* the slot of the sample that the row just read goes to, or -1 */
static int
choose_slot(Sample *sample, double totalrows)
{
	int slot = -1;

	if (sample->numrows < sample->target)
		return sample->numrows++;
	if (sample->rowstoskip < 0)
		sample->rowstoskip = reservoir_get_next_S(&sample->state, totalrows, sample->target);
	if (sample->rowstoskip <= 0)
	{
		slot = (int) (sample->target * sampler_random_fract(&sample->state.randstate));
		heap_freetuple(sample->rows[slot]);
	}
	sample->rowstoskip -= 1;
	return slot;
}

static int
acquire_sample(Relation rel, int elevel, HeapTuple *rows, int targrows, double *totalrows,
			   double *totaldeadrows)
{
	OlistForeignTable *table = olist_foreign_table(RelationGetRelid(rel));
	TupleDesc desc = RelationGetDescr(rel);
	Datum *values = palloc(desc->natts * sizeof(Datum));
	bool *isnull = palloc(desc->natts * sizeof(bool));
	MemoryContext row_context =
		AllocSetContextCreate(CurrentMemoryContext, "olist sample row", ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = CurrentMemoryContext;
	OlistReader *reader;
	Sample sample = {.rows = rows, .target = targrows, .rowstoskip = -1};

	reservoir_init_selection_state(&sample.state, targrows);
	reader =
		olist_reader_open(table->uri, olist_source_options(table->serverid, rel->rd_rel->relowner),
						  table->desc, &table->csv);
	*totalrows = 0;
	*totaldeadrows = 0;
	for (;;)
	{
		int slot;
		bool found;

		olist_compat_vacuum_delay_point();
		MemoryContextReset(row_context);
		MemoryContextSwitchTo(row_context);
		found = olist_reader_next(reader, values, isnull);
		MemoryContextSwitchTo(caller);
		if (!found)
			break;
		slot = choose_slot(&sample, *totalrows);
		if (slot >= 0)
			rows[slot] = heap_form_tuple(desc, values, isnull);
		*totalrows += 1;
	}
	olist_reader_close(reader);
	MemoryContextDelete(row_context);
	ereport(elevel, (errmsg("\"%s\": read %.0f rows, of which %d are in the sample",
							RelationGetRelationName(rel), *totalrows, sample.numrows)));
	return sample.numrows;
}

bool
olist_analyze_foreign_table(Relation rel, AcquireSampleRowsFunc *func, BlockNumber *totalpages)
{
	OlistForeignTable *table = olist_foreign_table(RelationGetRelid(rel));
	OlistSourceSize size = olist_source_size(table->uri, table->serverid, rel->rd_rel->relowner);

	*totalpages = Max(1, Min(size.bytes / BLCKSZ, (int64) MaxBlockNumber));
	*func = acquire_sample;
	return true;
}
