/*
 * star/build.h
 *		One task's work: a table of the hidden schema olist_build, from
 *		CREATE TABLE to its indexes.
 */
#ifndef OLIST_BUILD_H
#define OLIST_BUILD_H

#include "fmgr.h"
#include "star/origin.h"
#include "star/scan.h"
#include "star/schema.h"

/* the key of the row 'unknown' that every dimension has */
#define OLIST_UNKNOWN_KEY INT64CONST(-1)

typedef struct OlistColumn
{
	const char *name;
	const char *type; /* with NOT NULL and the like */
	const char *comment;
} OlistColumn;

/* the columns that lead a row back to its object and line; a table's last */
#define OLIST_PROVENANCE_COLUMNS                                                         \
	{"_object_id", "bigint", "The object that the row comes from, in olist_etl.ledger"}, \
	{                                                                                    \
		"_line", "bigint", "The row's line in that object"                               \
	}

/*
 * The type of a natural key. Ids have no alphabetical order, and compared byte
 * by byte they are sorted into indexes several times faster. Joins with columns
 * of the default collation work.
 */
#define OLIST_ID_TYPE "text COLLATE \"C\" NOT NULL"

/* a table of the warehouse; every list ends with a NULL */
typedef struct OlistTable
{
	const char *name;
	const char *comment;
	const OlistColumn *columns;
	const char *key;				 /* surrogate key column, an identity, or NULL */
	const char *const *primary_key;	 /* columns */
	const char *unique;				 /* columns of the natural key, or NULL */
	bool has_versions;				 /* the last of those is a version's number */
	const char *const *indexes;		 /* column lists */
	const char *const *uncompressed; /* columns whose values compressing would only delay */
	bool has_provenance_index;		 /* rows are to be found by their object */
	bool origin_counts;				 /* a row from elsewhere is another row, to a merge */
	bool keeps_rows;				 /* what a whole build did not build again stays */
	const char *scope;				 /* in a merge, rows that are gone are deleted if */
	const char *scope_column;		 /* olist_build.<scope>, where it is there, has their */
									 /* scope_column; NULL: never */
	bool scope_is_complete;			 /* what was built and is not in there is new */
	bool is_work;					 /* only for later tasks: unlogged, never published */
} OlistTable;

/* a table being filled */
typedef struct OlistBuild
{
	const OlistTable *table;
	Datum *values;			   /* of the next row, to be filled by the caller */
	bool *isnull;			   /* likewise; all true at first and after each olist_build_put() */
	int64 next_key;			   /* the surrogate key that nobody has had yet */
	MemoryContext row_context; /* for datums of the next row; reset by olist_build_put() */

	/* private */
	int64 first_key; /* next_key as it was at first */
	bool is_merge;	 /* only to be merged: no keys, indexes, statistics */
	Relation rel;
	struct OlistWriter *writer;
	int nattrs;
} OlistBuild;

/* set a column of the next row */
static inline void
olist_build_set(OlistBuild *build, int column, Datum value)
{
	build->values[column] = value;
	build->isnull[column] = false;
}

/* set a column of the next row to a text, which is copied */
extern void olist_build_set_text(OlistBuild *build, int column, const char *data, int len);

/* set a column of type numeric(12,2) to so many cents, within OLIST_MONEY_LIMIT */
extern void olist_build_set_cents(OlistBuild *build, int column, int64 cents);

/* copy a column of the scanned row, NULL or not, to one of the next row */
static inline void
olist_build_copy(OlistBuild *build, int column, const OlistScan *scan, int from)
{
	build->values[column] = scan->values[from];
	build->isnull[column] = scan->isnull[from];
}

/* set a column to Brazil's region of the state in another column of the next row */
extern void olist_build_set_region(OlistBuild *build, int column, int state);

/*
 * The time from one timestamp column of the scanned row to another, in units of
 * so many microseconds, with fractions; NULL if an end is missing or infinite.
 */
extern void olist_build_set_duration(OlistBuild *build, int column, const OlistScan *scan, int from,
									 int to, int64 unit);

/* set the two columns of OLIST_PROVENANCE_COLUMNS; a row without an object keeps NULLs */
extern void olist_build_set_origin(OlistBuild *build, int column, OlistOrigin origin);

/* the first surrogate key that the warehouse has never given; 1 in a new one */
extern int64 olist_first_free_key(const OlistTable *table);

/*
 * Connect to SPI, pin the settings that the SQL of a task must not inherit, and
 * make sure that olist_build exists and is the caller's (42501 otherwise);
 * disconnect undoes the first two.
 */
extern void olist_task_connect(void);
extern void olist_task_disconnect(void);

/* connect, and begin a table's task; from here to the end memory is the task's */
extern void olist_task_begin(const OlistTable *table);

/* end the task and give its result {"table", "rows", "rejected"} to the caller */
extern Datum olist_task_end(const OlistTable *table, uint64 rows);

/* create the table anew in olist_build and begin to fill it */
extern OlistBuild *olist_build_begin(const OlistTable *table);

/* add the row that stands in values and isnull; it is copied */
extern void olist_build_put(OlistBuild *build);

/*
 * Write the rest, add keys, indexes and statistics (not to what is only to be
 * merged), close; returns the rows written.
 */
extern uint64 olist_build_end(OlistBuild *build);

#endif /* OLIST_BUILD_H */
