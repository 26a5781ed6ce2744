/*
 * load/load.h
 *		One object into one table, exactly once.
 */
#ifndef OLIST_LOAD_H
#define OLIST_LOAD_H

#include "fdw/csv_options.h"
#include "fdw/entity.h"
#include "source/object.h"

/* where objects are to be loaded, and how */
typedef struct OlistLoadTarget
{
	Oid relid;
	const OlistSourceOptions *source;
	OlistCsvOptions csv;
	const OlistEntity *entity; /* says which columns an object may lack, or NULL */
	const char *source_name;   /* what the objects are a part of, or NULL */
	int64 run_id;			   /* 0: no run */
	bool reload;			   /* load again what is loaded already */
} OlistLoadTarget;

typedef struct OlistLoadResult
{
	bool skipped; /* this version is loaded already: the counts are zero */
	int64 object_id;
	int64 rows_read;
	int64 rows_loaded;
	int64 rows_rejected;
	int extra_columns;	 /* that the table does not have */
	int missing_columns; /* optional ones of the table that the object lacks */
	char *error;		 /* why the object as a whole was rejected, or NULL */
} OlistLoadResult;

/*
 * Load one version of an object: its rows, its rejects and its ledger line, all
 * in the current transaction. Rows of a former version of the same URI are
 * replaced. The rights are the current user's. Errors name object, line and
 * column; nothing remains of an object that failed once the transaction, or
 * the subtransaction around this call, has been rolled back.
 */
extern OlistLoadResult olist_load_object(const OlistLoadTarget *target, const OlistObject *object);

/*
 * Note that the object could not be loaded, once that load has been rolled back:
 * a ledger line that is not current, and one reject. False, and nothing is
 * noted, if this very version is current: its rows are expected in the target.
 */
extern bool olist_load_reject_object(const OlistLoadTarget *target, const OlistObject *object,
									 const ErrorData *error, OlistLoadResult *result);

#endif /* OLIST_LOAD_H */
