/*
 * base/lock.h
 *		Locks on names, which no SQL command can take.
 *
 * Advisory locks by their kind, as those alone outlive an aborted transaction,
 * but with tags that the SQL functions cannot form: nobody can hold up others
 * by guessing a key.
 */
#ifndef OLIST_LOCK_H
#define OLIST_LOCK_H

#include "storage/lock.h"

/* what the name is of; in the tag's last field, where the SQL functions put 1 or 2 */
typedef enum OlistLockKind
{
	OLIST_LOCK_RUN = 3,		   /* a workflow that is run */
	OLIST_LOCK_WORKER = 4,	   /* a worker's place: see flow/slots.c */
	OLIST_LOCK_DEFINITION = 5, /* a workflow that gets a new version */
	OLIST_LOCK_CREATION = 6,   /* something that is made where it is missing */
	OLIST_LOCK_CLAIM = 7	   /* what runs of several workflows write: see flow/lock.h */
} OlistLockKind;

/*
 * The tag of a name in this database; the name's hash stands in pg_locks as
 * classid (upper half) and objid (lower half), the kind as objsubid.
 */
extern LOCKTAG olist_lock_tag(OlistLockKind kind, const char *name);

/* wait for the lock and keep it until the transaction ends */
extern void olist_lock_until_commit(OlistLockKind kind, const char *name);

/*
 * The same without waiting; false if it is taken, be it by this very session,
 * unless this very transaction keeps it already.
 */
extern bool olist_lock_try_until_commit(OlistLockKind kind, const char *name);

/* keep a lock that this session holds beyond its release, until the transaction ends */
extern void olist_lock_keep(const LOCKTAG *tag);

/* does this transaction keep the lock, for itself and not for a run that is going on? */
extern bool olist_lock_is_kept(const LOCKTAG *tag);

/* a run begins to hold, or lets go of, a lock that this transaction may keep */
extern void olist_lock_set_in_run(const LOCKTAG *tag, bool in_run);

/*
 * Let what is called from here on write the name for which another process, or
 * this one, holds the lock, NULL for none; the name must stay. Returns the
 * name before, which the caller restores.
 */
extern const char *olist_lock_lend(const char *name);

/* is the name one that may be written on behalf of whoever holds its lock? */
extern bool olist_lock_is_lent(const char *name);

#endif /* OLIST_LOCK_H */
