/*
 * base/extension.h
 *		What this database's catalog says of the extension.
 */
#ifndef OLIST_EXTENSION_H
#define OLIST_EXTENSION_H

/* the version of its SQL objects, palloc'd; NULL if it is not installed here */
extern char *olist_extension_version(void);

/* the role that owns it; an error if it is not installed here */
extern Oid olist_extension_owner(void);

#endif /* OLIST_EXTENSION_H */
