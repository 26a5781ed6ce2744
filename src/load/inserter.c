/*
 * load/inserter.c
 *		Rows into any table, through the executor.
 *
 *		values ──► tuplestore ──► INSERT INTO target SELECT FROM the tuplestore
 *
 * The rows are a named relation of the SPI connection, so that one statement
 * inserts many and the executor does everything that an INSERT by hand would.
 * A trigger may return no row: what counts as inserted is what the executor says.
 */
#include "postgres.h"

#include "load/inserter.h"

#include "base/spi.h"
#include "executor/spi.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/tuplestore.h"

/* rows are inserted when there are so many */
#define BATCH_ROWS 10000

/* what the statement calls its rows */
#define ROWS_NAME "_olist_rows"

struct OlistInserter
{
	char *sql;
	TupleDesc desc; /* of the rows: only the columns that are given */
	int *attnums;	/* of each column of desc, in the target */
	Datum *values;
	bool *isnull;
	Tuplestorestate *rows;
	MemoryContext context;
	int nrows; /* pending */
	uint64 total;
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
olist_inserter_begin(Relation rel, const Bitmapset *columns)
{
	OlistInserter *inserter = palloc0(sizeof(OlistInserter));

	prepare(inserter, rel, columns);
	inserter->values = palloc(inserter->desc->natts * sizeof(Datum));
	inserter->isnull = palloc(inserter->desc->natts * sizeof(bool));
	inserter->context = CurrentMemoryContext;
	inserter->rows = tuplestore_begin_heap(false, false, work_mem);
	return inserter;
}

/* insert the pending rows */
static void
flush(OlistInserter *inserter)
{
	EphemeralNamedRelationData relation = {0};

	SPI_connect();
	relation.md.name = ROWS_NAME;
	relation.md.reliddesc = InvalidOid;
	relation.md.tupdesc = inserter->desc;
	relation.md.enrtype = ENR_NAMED_TUPLESTORE;
	relation.md.enrtuples = inserter->nrows;
	relation.reldata = inserter->rows;
	if (SPI_register_relation(&relation) != SPI_OK_REL_REGISTER)
		elog(ERROR, "could not register the rows to insert");
	inserter->total += olist_spi_run(inserter->sql, SPI_OK_INSERT);
	SPI_finish();
	tuplestore_clear(inserter->rows);
	inserter->nrows = 0;
}

void
olist_inserter_put(OlistInserter *inserter, const Datum *values, const bool *isnull)
{
	for (int i = 0; i < inserter->desc->natts; i++)
	{
		inserter->values[i] = values[inserter->attnums[i] - 1];
		inserter->isnull[i] = isnull[inserter->attnums[i] - 1];
	}
	tuplestore_putvalues(inserter->rows, inserter->desc, inserter->values, inserter->isnull);
	if (++inserter->nrows == BATCH_ROWS)
		flush(inserter);
}

uint64
olist_inserter_end(OlistInserter *inserter)
{
	if (inserter->nrows > 0)
		flush(inserter);
	tuplestore_end(inserter->rows);
	return inserter->total;
}
