/*
 * fdw/fdw.c
 *		The foreign-data wrapper: how a foreign table is planned, explained and
 *		scanned.
 *
 *		plan: how many rows, at what cost ──► scan: a reader's rows into a slot
 *
 * Rights count when a table is scanned, not when it was defined: every scan
 * reads as the effective user (the owner of the view it goes through, if any),
 * with that user's mapping. Planning touches a source only where that is
 * cheap; ANALYZE makes it unnecessary.
 */
#include "postgres.h"

#include "compat.h"
#include "fdw/fdw.h"

#include "access/htup_details.h"
#include "access/sysattr.h"
#include "base/message.h"
#include "commands/explain.h"
#include "executor/executor.h"
#include "fdw/options.h"
#include "fdw/reader.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "optimizer/cost.h"
#include "optimizer/optimizer.h"
#include "optimizer/pathnode.h"
#include "optimizer/plancat.h"
#include "optimizer/planmain.h"
#include "optimizer/restrictinfo.h"
#include "parser/parsetree.h"
#include "source/uri.h"
#include "utils/memutils.h"
#include "utils/rel.h"

PG_FUNCTION_INFO_V1(olist_etl_fdw_handler);

/* what a source that is not asked is taken to hold */
#define UNKNOWN_BYTES (16 * 1024 * 1024)

/* what compression is taken to save */
#define COMPRESSION_RATIO 4

/* planning state, in RelOptInfo.fdw_private */
typedef struct OlistPlan
{
	BlockNumber pages; /* to be read, 1 at least */
} OlistPlan;

/* scan state, in ForeignScanState.fdw_state */
typedef struct OlistScan
{
	OlistForeignTable *table;
	OlistSourceOptions *source;
	MemoryContext context; /* the reader's parent */
	OlistReader *reader;   /* NULL: not begun, or rescanned */
} OlistScan;

static bool
is_compressed(const char *uri)
{
	size_t len = strlen(uri);

	return (len > 3 && strcmp(uri + len - 3, ".gz") == 0) ||
		   (len > 4 && strcmp(uri + len - 4, ".zst") == 0);
}

OlistSourceSize
olist_source_size(const char *uri, Oid serverid, Oid userid)
{
	MemoryContext context =
		AllocSetContextCreate(CurrentMemoryContext, "olist source size", ALLOCSET_DEFAULT_SIZES);
	MemoryContext object_context =
		AllocSetContextCreate(context, "olist source size object", ALLOCSET_SMALL_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(context);
	OlistListing *listing = olist_listing_open(uri, olist_source_options(serverid, userid));
	OlistSourceSize size = {0};
	OlistObject object;

	MemoryContextSwitchTo(object_context);
	while (olist_listing_next(listing, &object))
	{
		int64 bytes = Max(object.size, 0);

		size.objects++;
		size.bytes += bytes;
		size.text_bytes += is_compressed(object.uri) ? bytes * COMPRESSION_RATIO : bytes;
		MemoryContextReset(object_context);
	}
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(context);
	return size;
}

/* is asking the source for its size too cheap to matter? */
static bool
is_near(const char *uri)
{
	OlistScheme scheme = olist_uri_parse(uri)->scheme;

	return scheme == OLIST_SCHEME_FILE || scheme == OLIST_SCHEME_SAMPLE;
}

static void
get_rel_size(PlannerInfo *root, RelOptInfo *baserel, Oid relid)
{
	OlistForeignTable *table = olist_foreign_table(relid);
	OlistPlan *state = palloc0(sizeof(OlistPlan));
	int64 bytes = UNKNOWN_BYTES;
	double rows;

	if (baserel->pages > 0 && baserel->tuples > 0)
	{
		/* ANALYZE has seen it */
		rows = baserel->tuples;
		bytes = (int64) baserel->pages * BLCKSZ;
	}
	else
	{
		/* a row's text is about as wide as its datums */
		int width = Max(get_relation_data_width(relid, NULL), 1);

		if (is_near(table->uri))
			bytes =
				olist_source_size(table->uri, table->serverid, olist_compat_rel_user(root, baserel))
					.text_bytes;
		rows = clamp_row_est((double) bytes / width);
	}
	state->pages = Max(bytes / BLCKSZ, 1);
	baserel->tuples = rows;
	baserel->fdw_private = state;
	baserel->rows = clamp_row_est(
		rows * clauselist_selectivity(root, baserel->baserestrictinfo, 0, JOIN_INNER, NULL));
}

/* reading is sequential; parsing a row costs ten times what a heap's row does */
static void
get_paths(PlannerInfo *root, RelOptInfo *baserel, Oid relid)
{
	OlistPlan *state = baserel->fdw_private;
	Cost startup_cost = baserel->baserestrictcost.startup;
	Cost row_cost = cpu_tuple_cost * 10 + baserel->baserestrictcost.per_tuple;
	Cost total_cost = startup_cost + seq_page_cost * state->pages + row_cost * baserel->tuples;

	add_path(baserel,
			 (Path *) olist_compat_foreignscan_path(root, baserel, baserel->rows, startup_cost,
													total_cost, baserel->lateral_relids));
}

static ForeignScan *
get_plan(PlannerInfo *root, RelOptInfo *baserel, Oid relid, ForeignPath *path, List *tlist,
		 List *clauses, Plan *outer_plan)
{
	return make_foreignscan(tlist, extract_actual_clauses(clauses, false), baserel->relid, NIL, NIL,
							NIL, NIL, outer_plan);
}

/* the user as whom the scan reads */
static Oid
scan_user(ForeignScanState *node)
{
	Oid user = olist_compat_scan_user(node);

	return OidIsValid(user) ? user : GetUserId();
}

static void
explain_scan(ForeignScanState *node, ExplainState *es)
{
	OlistForeignTable *table = olist_foreign_table(RelationGetRelid(node->ss.ss_currentRelation));

	ExplainPropertyText("Source", olist_redact_uri(table->uri), es);
	if (es->costs)
	{
		OlistSourceSize size = olist_source_size(table->uri, table->serverid, scan_user(node));

		ExplainPropertyInteger("Objects", NULL, size.objects, es);
		ExplainPropertyInteger("Size", "b", size.bytes, es);
	}
}

static void
begin_scan(ForeignScanState *node, int eflags)
{
	OlistScan *scan;

	if (eflags & EXEC_FLAG_EXPLAIN_ONLY)
		return;
	scan = palloc0(sizeof(OlistScan));
	scan->table = olist_foreign_table(RelationGetRelid(node->ss.ss_currentRelation));
	scan->source = olist_source_options(scan->table->serverid, scan_user(node));
	scan->context = CurrentMemoryContext;
	node->fdw_state = scan;
}

/* begin to read, in a context that lives as long as the scan */
static void
open_reader(OlistScan *scan)
{
	MemoryContext caller = MemoryContextSwitchTo(scan->context);

	scan->reader =
		olist_reader_open(scan->table->uri, scan->source, scan->table->desc, &scan->table->csv);
	MemoryContextSwitchTo(caller);
}

/* called in the scan's per-row context, where the row's datums may stay */
static TupleTableSlot *
iterate_scan(ForeignScanState *node)
{
	OlistScan *scan = node->fdw_state;
	TupleTableSlot *slot = node->ss.ss_ScanTupleSlot;

	ExecClearTuple(slot);
	if (scan->reader == NULL)
		open_reader(scan);
	if (olist_reader_next(scan->reader, slot->tts_values, slot->tts_isnull))
		ExecStoreVirtualTuple(slot);
	return slot;
}

static void
end_scan(ForeignScanState *node)
{
	OlistScan *scan = node->fdw_state;

	if (scan != NULL && scan->reader != NULL)
	{
		olist_reader_close(scan->reader);
		scan->reader = NULL;
	}
}

Datum
olist_etl_fdw_handler(PG_FUNCTION_ARGS)
{
	FdwRoutine *routine = makeNode(FdwRoutine);

	routine->GetForeignRelSize = get_rel_size;
	routine->GetForeignPaths = get_paths;
	routine->GetForeignPlan = get_plan;
	routine->ExplainForeignScan = explain_scan;
	routine->BeginForeignScan = begin_scan;
	routine->IterateForeignScan = iterate_scan;
	routine->ReScanForeignScan = end_scan;
	routine->EndForeignScan = end_scan;
	routine->AnalyzeForeignTable = olist_analyze_foreign_table;
	routine->ImportForeignSchema = olist_import_foreign_schema;
	PG_RETURN_POINTER(routine);
}
