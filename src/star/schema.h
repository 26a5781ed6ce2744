/*
 * star/schema.h
 *		The schemas that the room writes to, and whose they must be.
 */
#ifndef OLIST_STAR_SCHEMA_H
#define OLIST_STAR_SCHEMA_H

#define OLIST_BUILD_SCHEMA "olist_build"
#define OLIST_DW_SCHEMA "olist_dw"
#define OLIST_STAGING_SCHEMA "olist_staging"

/*
 * Make sure that the schema exists and belongs to the current user or to a
 * role that the user is a member of: what somebody else owns, somebody else
 * could have filled with triggers and operators. 42501 otherwise. The caller
 * is connected to SPI.
 */
extern void olist_schema_ensure(const char *name);

/* drop the table, if it exists, and what depends on it; by the caller's rights, silently */
extern void olist_schema_drop_table(const char *schema, const char *table);

#endif /* OLIST_STAR_SCHEMA_H */
