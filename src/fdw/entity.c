/*
 * fdw/entity.c
 *		The subjects of the source's files: which object is which, and what
 *		columns it has.
 *
 *		object's URI ──► path below the source's prefix ──► first pattern that fits ──► entity
 */
#include "postgres.h"

#include "fdw/entity.h"

#include "base/message.h"
#include "base/spi.h"
#include "executor/spi.h"
#include "lib/stringinfo.h"
#include "source/glob.h"
#include "source/uri.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

typedef struct Pattern
{
	char *text;
	OlistGlob *glob;
	OlistEntity *entity;
} Pattern;

struct OlistEntityMatcher
{
	char *base_uri; /* the source's directory */
	char *base;		/* what every object's path starts with */
	List *patterns; /* of Pattern *, the first that matches counts */
};

/* column i of row in SPI_tuptable as a string in the current context, or NULL */
static char *
get_text(uint64 row, int i)
{
	return SPI_getvalue(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, i);
}

List *
olist_entities(void)
{
	static OlistSpiKept statement = {
		.sql = "SELECT e.entity, e.target, e.is_required::text,"
			   "       c.column_name, c.data_type, c.is_required::text, c.is_key::text"
			   "  FROM olist_etl.entity e"
			   "  JOIN olist_etl.entity_column c ON c.entity = e.entity"
			   " ORDER BY e.entity, c.position",
		.expected = SPI_OK_SELECT,
	};
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext spi;
	List *entities = NIL;
	OlistEntity *entity = NULL;
	uint64 n;

	SPI_connect();
	n = olist_spi_execute_kept_as_owner(&statement, 0, NULL);
	spi = MemoryContextSwitchTo(caller);
	for (uint64 i = 0; i < n; i++)
	{
		OlistEntityColumn *column = palloc(sizeof(OlistEntityColumn));

		if (entity == NULL || strcmp(entity->name, get_text(i, 1)) != 0)
		{
			entity = palloc0(sizeof(OlistEntity));
			entity->name = get_text(i, 1);
			entity->target = get_text(i, 2);
			entity->is_required = strcmp(get_text(i, 3), "true") == 0;
			entities = lappend(entities, entity);
		}
		column->name = get_text(i, 4);
		column->type = get_text(i, 5);
		column->is_required = strcmp(get_text(i, 6), "true") == 0;
		column->is_key = strcmp(get_text(i, 7), "true") == 0;
		entity->columns = lappend(entity->columns, column);
	}
	MemoryContextSwitchTo(spi);
	SPI_finish();
	return entities;
}

OlistEntity *
olist_entity_find(List *entities, const char *name)
{
	ListCell *lc;

	foreach (lc, entities)
	{
		OlistEntity *entity = lfirst(lc);

		if (strcmp(entity->name, name) == 0)
			return entity;
	}
	return NULL;
}

OlistEntity *
olist_entity_require(const char *name)
{
	OlistEntity *entity = olist_entity_find(olist_entities(), name);

	if (entity == NULL)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("there is no entity \"%s\"", olist_clip(name, strlen(name))),
						errhint("See the table olist_etl.entity.")));
	return entity;
}

/* the part of a URI that names an object in its container: a key or a path */
static char *
object_path(const char *uri)
{
	OlistUri *parts = olist_uri_parse(uri);

	return parts->key != NULL ? parts->key : parts->path;
}

/* the directory part of a path or glob, up to its last slash before any pattern */
static char *
directory_of(const char *path)
{
	size_t len = strcspn(path, "*?{\\");

	while (len > 0 && path[len - 1] != '/')
		len--;
	return pnstrdup(path, len);
}

OlistEntityMatcher *
olist_entity_matcher(const char *source_uri, List *entities)
{
	static OlistSpiKept statement = {
		.sql = "SELECT p.pattern, p.entity"
			   "  FROM olist_etl.object_pattern p"
			   " WHERE p.enabled"
			   " ORDER BY p.is_default, length(p.pattern) DESC, p.pattern COLLATE \"C\"",
		.expected = SPI_OK_SELECT,
	};
	OlistEntityMatcher *matcher = palloc0(sizeof(OlistEntityMatcher));
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext spi;
	uint64 n;

	matcher->base_uri = directory_of(source_uri);
	matcher->base = directory_of(object_path(source_uri));
	SPI_connect();
	n = olist_spi_execute_kept_as_owner(&statement, 0, NULL);
	spi = MemoryContextSwitchTo(caller);
	for (uint64 i = 0; i < n; i++)
	{
		Pattern *pattern = palloc(sizeof(Pattern));

		pattern->text = get_text(i, 1);
		pattern->glob = olist_glob_compile(pattern->text);
		pattern->entity = olist_entity_find(entities, get_text(i, 2));
		if (pattern->entity != NULL)
			matcher->patterns = lappend(matcher->patterns, pattern);
	}
	MemoryContextSwitchTo(spi);
	SPI_finish();
	return matcher;
}

char *
olist_entity_glob(const OlistEntityMatcher *matcher, const OlistEntity *entity)
{
	StringInfoData buf;
	const char *separator = "{";
	ListCell *lc;

	initStringInfo(&buf);
	appendStringInfoString(&buf, matcher->base_uri);
	foreach (lc, matcher->patterns)
	{
		Pattern *pattern = lfirst(lc);

		if (pattern->entity == entity)
		{
			appendStringInfo(&buf, "%s%s", separator, pattern->text);
			separator = ",";
		}
	}
	appendStringInfoChar(&buf, '}');
	return buf.data;
}

OlistEntity *
olist_entity_match(const OlistEntityMatcher *matcher, const char *uri)
{
	const char *path = object_path(uri);
	size_t base_len = strlen(matcher->base);
	ListCell *lc;

	if (strncmp(path, matcher->base, base_len) == 0)
		path += base_len;
	foreach (lc, matcher->patterns)
	{
		Pattern *pattern = lfirst(lc);
		const char *prefix = olist_glob_prefix(pattern->glob);

		if (strncmp(path, prefix, strlen(prefix)) == 0 && olist_glob_match(pattern->glob, path))
			return pattern->entity;
	}
	return NULL;
}
