/*
 * star/scan.h
 *		The rows of a staging or warehouse table, by column names.
 */
#ifndef OLIST_SCAN_H
#define OLIST_SCAN_H

#include "access/tableam.h"

#define OLIST_SCAN_COLUMNS 16

typedef struct OlistScanColumn
{
	const char *name;
	Oid type;
} OlistScanColumn;

/*
 * A scan in progress. The order of the rows is that of their places in the
 * tables, so that two scans under one snapshot number the rows alike.
 */
typedef struct OlistScan
{
	Datum values[OLIST_SCAN_COLUMNS]; /* of the row, in the order of the columns asked for; */
	bool isnull[OLIST_SCAN_COLUMNS];  /* valid until the next row */
	uint64 row;						  /* number of the row, 0 is the first */
	const char *name;				  /* of the table, or entity, asked for */
	Relation rel;					  /* that the row is in */

	/* private */
	const OlistScanColumn *columns;
	const char *next_table; /* in olist_build, to be read after this one; or NULL */
	TableScanDesc scan;
	TupleTableSlot *slot;
	MemoryContext row_context; /* detoasted values; reset for each row */
	int ncolumns;
	int nattrs; /* attributes to deform */
	AttrNumber attnum[OLIST_SCAN_COLUMNS];
} OlistScan;

/*
 * Begin to read schema.table. The columns must be there with these types:
 * 42P01, 42703 or 42804 otherwise; 42501 if the current user may not read the
 * table, or row security hides some of it. columns ends with a NULL name.
 */
extern OlistScan *
olist_scan_begin(const char *schema, const char *table, const OlistScanColumn *columns);

/*
 * The rows of an entity: those of its staging table and then, when a merge is
 * being prepared, those that the warehouse holds already and that have to be
 * seen together with them (olist_build.prior_<entity>). Where most of what is
 * staged stands in the warehouse as it is, the rest is set apart, and only that
 * is read (olist_build.staged_<entity>).
 */
extern OlistScan *olist_scan_entity(const char *entity, const OlistScanColumn *columns);

/*
 * What the warehouse holds already of a table: all of olist_dw.<table> or, when
 * a merge is being prepared, the part of it that may change, where that is set
 * apart (olist_build.prior_<table>). NULL if there is no such table yet.
 */
extern OlistScan *olist_scan_warehouse(const char *table, const OlistScanColumn *columns);

/* is a merge being prepared, rather than a whole warehouse built? */
extern bool olist_is_merge(void);

/* is it ready, so that nothing may be built for it any more? */
extern bool olist_is_merge_of_former_transaction(void);

/* the next row, or false */
extern bool olist_scan_next(OlistScan *scan);

/* close the table and free the scan; the lock stays until the transaction ends */
extern void olist_scan_end(OlistScan *scan);

/* the text in column i, not NUL-terminated, or NULL for a null */
extern const char *olist_scan_text(OlistScan *scan, int i, int *len);

/* may the table be read, that is, does it exist? */
extern bool olist_table_exists(const char *schema, const char *table);

#endif /* OLIST_SCAN_H */
