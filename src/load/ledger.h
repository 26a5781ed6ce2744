/*
 * load/ledger.h
 *		The proof that an object version was loaded, once.
 */
#ifndef OLIST_LEDGER_H
#define OLIST_LEDGER_H

#include "source/object.h"

/*
 * For the SET clause of an UPDATE by which a version is no longer what the staging
 * holds of its object: if it had come back after another, without being published
 * since, its line is again what it was before.
 */
#define OLIST_LEDGER_AS_PUBLISHED                                              \
	"published_at = coalesce(published_at, former_published_at),"              \
	"last_modified = CASE WHEN former_published_at IS NULL THEN last_modified" \
	"                     ELSE former_modified END,"                           \
	"rows_loaded = rows_read - coalesce(former_rejected, rows_rejected),"      \
	"rows_rejected = coalesce(former_rejected, rows_rejected),"                \
	"former_published_at = NULL, former_modified = NULL, former_rejected = NULL"

/* what is loaded where, as the ledger knows it */
typedef struct OlistLedgerKey
{
	const char *target; /* qualified name of the table */
	Oid filenode;		/* of an unlogged table: its file; else InvalidOid */
	const char *entity; /* or NULL */
	const char *source; /* name of the source that the object is a part of, or NULL */
	int64 run_id;		/* 0: no run */
	const OlistObject *object;
} OlistLedgerKey;

typedef struct OlistLedgerClaim
{
	int64 object_id;	/* the ledger line of this version */
	bool is_loaded;		/* its rows are in the target */
	bool may_have_rows; /* it was loaded before, though its rows may be gone */
	int64 former_id;	/* the version whose rows are to be replaced, or 0 */
	int64 former_rows;	/* how many rows that were */
} OlistLedgerClaim;

/* what loading an object gave */
typedef struct OlistLedgerCounts
{
	int64 read;
	int64 loaded;
	int64 rejected;
} OlistLedgerCounts;

/*
 * Find or make the ledger line of an object version, and hold it until the
 * transaction ends: whoever claims any version of the same object for the same
 * target waits here, and then sees what we did.
 */
extern OlistLedgerClaim olist_ledger_claim(const OlistLedgerKey *key);

/*
 * The version's rows are in the target, and those of any former version are
 * not. In the transaction of the claim and of the rows.
 */
extern void olist_ledger_finish(const OlistLedgerKey *key, const OlistLedgerClaim *claim,
								const OlistLedgerCounts *counts);

/*
 * This version could not be loaded: it has a line, but is not current. Returns
 * the line's number; 0, and changes nothing, if the version is current.
 */
extern int64 olist_ledger_reject(const OlistLedgerKey *key);

/*
 * The warehouse now shows what is in staging: every current object whose rows
 * are there is published, and what has no version any more is not. Called by the
 * task that publishes, in its transaction; from then on discover() finds those
 * objects unchanged. Returns how many were not published before, or replayed.
 */
extern int64 olist_ledger_publish(void);

/* The first object that the ledger knows of; 0 if it is empty. */
extern int64 olist_ledger_first_object(void);

/*
 * Before the first object is loaded: give it a number that no row in the schema
 * leads to. DROP EXTENSION has left those rows, and their objects are no more.
 * The caller, by whose rights the schema is read, is connected to SPI.
 */
extern void olist_ledger_avoid_former_objects(const char *schema);

/* Note columns that differ from the target's: kind is "extra" or "missing". */
extern void olist_ledger_drift(int64 object_id, const char *kind, List *columns);

#endif /* OLIST_LEDGER_H */
