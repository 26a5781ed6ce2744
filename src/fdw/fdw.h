/*
 * fdw/fdw.h
 *		What the files of the wrapper's handler give to each other.
 */
#ifndef OLIST_FDW_H
#define OLIST_FDW_H

#include "foreign/fdwapi.h"

/* how much there is to read */
typedef struct OlistSourceSize
{
	int64 objects;
	int64 bytes;	  /* as stored */
	int64 text_bytes; /* when decompressed, as a guess */
} OlistSourceSize;

/*
 * Count the objects under uri, as user. This lists the source, with all the
 * checks of a scan.
 */
extern OlistSourceSize olist_source_size(const char *uri, Oid serverid, Oid userid);

/* fdw/analyze.c */
extern bool
olist_analyze_foreign_table(Relation rel, AcquireSampleRowsFunc *func, BlockNumber *totalpages);

/* fdw/import.c */
extern List *olist_import_foreign_schema(ImportForeignSchemaStmt *stmt, Oid serverid);

#endif /* OLIST_FDW_H */
