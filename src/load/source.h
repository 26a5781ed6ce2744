/*
 * load/source.h
 *		Where a run finds its objects: the rows of olist_etl.source.
 */
#ifndef OLIST_LOAD_SOURCE_H
#define OLIST_LOAD_SOURCE_H

/* the source of the Olist workflow */
#define OLIST_DEFAULT_SOURCE "olist"

typedef struct OlistNamedSource
{
	char *name;
	char *uri;	  /* a prefix, a glob or a single object */
	char *server; /* or NULL */
	Oid serverid; /* of server, InvalidOid: none */
} OlistNamedSource;

/*
 * The source of that name, palloc'd in the current context: the one that was
 * set, or else the one that comes with the extension. Errors: 42704.
 */
extern OlistNamedSource *olist_named_source(const char *name);

/* the same, but NULL if there is none; serverid is not looked up */
extern OlistNamedSource *olist_named_source_if_any(const char *name);

#endif /* OLIST_LOAD_SOURCE_H */
