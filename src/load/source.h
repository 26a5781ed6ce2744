/*
 * load/source.h
 *		Where a run finds its objects: the rows of olist_etl.source.
 */
#ifndef OLIST_LOAD_SOURCE_H
#define OLIST_LOAD_SOURCE_H

#include "utils/jsonb.h"

/* the source of the Olist workflow */
#define OLIST_DEFAULT_SOURCE "olist"

typedef struct OlistNamedSource
{
	char *name;
	char *uri;	  /* a prefix, a glob or a single object */
	char *server; /* or NULL */
	Oid serverid; /* of server, InvalidOid: none */
	int version;  /* another one once it has pointed elsewhere */
} OlistNamedSource;

/*
 * The source of that name, palloc'd in the current context: the one that was
 * set, or else the one that comes with the extension. Errors: 42704.
 */
extern OlistNamedSource *olist_named_source(const char *name);

/* the same, but NULL if there is none; serverid is not looked up */
extern OlistNamedSource *olist_named_source_if_any(const char *name);

/*
 * Keep a task's source as it is until the transaction ends: set_source() waits
 * for us, or we for it. The task's argument names it ("source"), and may say in
 * which version it was discovered ("source_version"): 55000 if it has pointed
 * elsewhere since, for then nothing that the run has found or done counts.
 */
extern void olist_source_hold(Jsonb *argument);

/* the same for whoever changes sources: waits for all that hold one */
extern void olist_source_lock_for_change(void);

#endif /* OLIST_LOAD_SOURCE_H */
