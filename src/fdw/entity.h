/*
 * fdw/entity.h
 *		The subjects of the source's files: which object is which, and what
 *		columns it has.
 */
#ifndef OLIST_ENTITY_H
#define OLIST_ENTITY_H

#include "nodes/pg_list.h"

/* one column of an entity */
typedef struct OlistEntityColumn
{
	char *name;
	char *type; /* as SQL */
	bool is_required;
	bool is_key; /* comes into an index of the warehouse */
} OlistEntityColumn;

typedef struct OlistEntity
{
	char *name;
	char *target; /* qualified name of its staging table, as SQL */
	bool is_required;
	List *columns; /* of OlistEntityColumn * */
} OlistEntity;

typedef struct OlistEntityMatcher OlistEntityMatcher;

/* All entities, as a list of OlistEntity *, palloc'd in the current context. */
extern List *olist_entities(void);

/* The entity of that name among entities, or NULL. */
extern OlistEntity *olist_entity_find(List *entities, const char *name);

/* The entity of that name. Errors: 22023. */
extern OlistEntity *olist_entity_require(const char *name);

/*
 * Prepare to sort the objects of a source, by olist_etl.object_pattern.
 * source_uri is the source's prefix, glob or single object.
 */
extern OlistEntityMatcher *olist_entity_matcher(const char *source_uri, List *entities);

/* A glob over all objects of an entity, those to come included, as a URI. */
extern char *olist_entity_glob(const OlistEntityMatcher *matcher, const OlistEntity *entity);

/* Which entity is an object of that source? NULL: none. */
extern OlistEntity *olist_entity_match(const OlistEntityMatcher *matcher, const char *uri);

#endif /* OLIST_ENTITY_H */
