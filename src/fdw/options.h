/*
 * fdw/options.h
 *		The options of a foreign table.
 */
#ifndef OLIST_FDW_OPTIONS_H
#define OLIST_FDW_OPTIONS_H

#include "fdw/csv_options.h"
#include "fmgr.h"

/* everything that a foreign table's definition says about its rows */
typedef struct OlistForeignTable
{
	char *uri;
	Oid serverid;
	TupleDesc desc; /* the table's, with its columns named as in the header */
	OlistCsvOptions csv;
} OlistForeignTable;

/* The definition of a foreign table, palloc'd in the current memory context. */
extern OlistForeignTable *olist_foreign_table(Oid relid);

/*
 * CSV options from the arguments of an SQL function: from number first on, the
 * n arguments give the options of these names. All are text but "header", which
 * is boolean; NULL leaves the default.
 */
extern void olist_csv_options_from_arguments(OlistCsvOptions *csv, FunctionCallInfo fcinfo,
											 int first, int n, const char *const *names);

#endif /* OLIST_FDW_OPTIONS_H */
