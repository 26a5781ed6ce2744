/*
 * load/discover.c
 *		What has to be staged: olist_etl.discover() and olist_etl.pending().
 *
 *		listing ──► entity by pattern ──► tuplestore ──► compared with the ledger in one statement
 *
 * The source is listed with the caller's rights. The comparison runs as the
 * extension's owner: the ledger is nobody else's to read.
 *
 * An object is
 *		new			when the ledger does not know its URI as current;
 *		changed		when it is current in another version;
 *		lost		when it was staged but never published, and a crash or a
 *					TRUNCATE has taken its rows;
 *		unpublished	when its rows are staged and wait to be published;
 *		replayed	when it was published, and is to be staged again for its rejects;
 *		unchanged	when it was published;
 *		forgotten	when this version was taken back out, and stays out;
 *		gone		when the ledger knows it as current, and the source does not.
 *
 * What an object gave to the warehouse stays when it goes; the ledger notes since
 * when it is gone, until it is there again. A version that goes before it was ever
 * published leaves the staging, and the one before it, if the warehouse shows that,
 * is current again. Without a warehouse nothing counts as published.
 *
 * The batch is all that the warehouse does not show; an unpublished object costs
 * nothing to stage, as its rows are found. It is to be merged into the warehouse,
 * unless the build is a whole one: when the warehouse shows nothing that is not
 * of the batch, or when a rebuild is asked for, and all objects are to be staged.
 */
#include "postgres.h"

#include "nodes/pg_list.h"

#include "base/fault.h"
#include "base/message.h"
#include "base/spi.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fdw/entity.h"
#include "fmgr.h"
#include "funcapi.h"
#include "lib/stringinfo.h"
#include "load/json.h"
#include "load/ledger.h"
#include "load/source.h"
#include "load/staging.h"
#include "miscadmin.h"
#include "source/listing.h"
#include "source/options.h"
#include "source/stats.h"
#include "source/uri.h"
#include "utils/builtins.h"
#include "utils/json.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

PG_FUNCTION_INFO_V1(olist_etl_discover);
PG_FUNCTION_INFO_V1(olist_etl_pending);

/* the listed objects in SQL */
#define LISTED_NAME "_olist_listed"
#define LISTED_COLUMNS 5

/*
 * First a line for every entity and status, with the number of its objects and
 * no URI. Then the objects that matter: those of the batch, on demand those that
 * are gone or forgotten ($2), and for a rebuild ($3) those that are unchanged. $1 is the name
 * of the source.
 */
static const char *const compare_sql =
	"WITH staging AS MATERIALIZED ("
	"    SELECT e.entity, e.target, pg_relation_filenode(to_regclass(e.target)) AS filenode"
	"      FROM olist_etl.entity e),"
	" warehouse AS MATERIALIZED ("
	"    SELECT olist_etl.has_warehouse() AS is_there),"
	" compared AS MATERIALIZED ("
	"    SELECT coalesce(o.entity, l.entity) AS entity, coalesce(o.uri, l.uri) AS uri,"
	"           o.size, o.etag, o.last_modified,"
	"           CASE WHEN o.uri IS NULL THEN 'gone'"
	"                WHEN f.uri IS NOT NULL THEN 'forgotten'"
	"                WHEN l.uri IS NULL THEN 'new'"
	"                WHEN l.etag IS DISTINCT FROM o.etag OR l.size IS DISTINCT FROM o.size"
	"                    THEN 'changed'"
	"                WHEN l.is_published AND l.is_replayed THEN 'replayed'"
	"                WHEN l.is_published THEN 'unchanged'"
	"                WHEN l.is_staged THEN 'unpublished'"
	"                ELSE 'lost' END AS status,"
	"           (o.uri IS NULL) <> (l.gone_at IS NOT NULL) AS is_misnoted,"
	"           coalesce(l.is_published, false) AS is_published"
	"      FROM (SELECT x.*, t.target"
	"              FROM " LISTED_NAME " x"
	"              JOIN staging t ON t.entity = x.entity) o"
	"      FULL JOIN (SELECT t.entity, c.target, c.uri, c.etag, c.size, c.gone_at, c.is_replayed,"
	"                        s.object_id IS NOT NULL AS is_staged,"
	"                        c.published_at IS NOT NULL AND w.is_there AS is_published"
	"                   FROM warehouse w"
	"                  CROSS JOIN olist_etl.ledger c"
	"                   JOIN staging t ON t.target = c.target"
	"                   LEFT JOIN olist_etl.staged s"
	"                     ON s.object_id = c.object_id AND s.filenode = t.filenode"
	"                  WHERE c.is_current AND c.source = $1) l"
	"        ON l.target = o.target AND l.uri = o.uri"
	"      LEFT JOIN (SELECT * FROM olist_etl.ledger WHERE forgotten_at IS NOT NULL) f"
	"        ON f.target = o.target AND f.uri = o.uri"
	"       AND f.etag IS NOT DISTINCT FROM o.etag AND f.size IS NOT DISTINCT FROM o.size)"
	"SELECT c.entity, NULL AS uri, NULL::bigint AS size, NULL AS etag,"
	"       NULL::timestamptz AS last_modified, c.status, count(*) AS objects,"
	"       count(*) FILTER (WHERE c.is_misnoted) AS misnoted,"
	"       count(*) FILTER (WHERE c.is_published) AS published"
	"  FROM compared c"
	" GROUP BY c.entity, c.status"
	" UNION ALL "
	"SELECT c.entity, c.uri, c.size, c.etag, c.last_modified, c.status, 1, 0, 0"
	"  FROM compared c"
	" WHERE CASE c.status WHEN 'gone' THEN $2 WHEN 'forgotten' THEN $2"
	"                     WHEN 'unchanged' THEN $3 ELSE true END"
	" ORDER BY size DESC NULLS LAST, uri";

/* does the warehouse show objects that belong to no source, or to another than $1? */
static const char *const foreign_sql =
	"SELECT c.object_id"
	"  FROM olist_etl.ledger c"
	"  JOIN olist_etl.entity e ON e.target = c.target"
	" WHERE c.is_current AND c.published_at IS NOT NULL AND c.source IS DISTINCT FROM $1"
	"   AND olist_etl.has_warehouse()"
	" LIMIT 1";

/* note which objects have gone, and which are there again */
static const char *const note_gone_sql =
	"UPDATE olist_etl.ledger l"
	"   SET gone_at = CASE WHEN l.gone_at IS NULL THEN now() END"
	"  FROM olist_etl.entity e"
	" WHERE e.target = l.target AND l.is_current AND l.source = $1"
	"   AND (l.gone_at IS NULL) <> EXISTS (SELECT FROM " LISTED_NAME " x"
	"                                       WHERE x.entity = e.entity AND x.uri = l.uri)";

/*
 * Versions that went before they were published, or published again, are no longer
 * current: the ids of those whose rows are to leave the staging.
 */
static const char *const retire_sql =
	"WITH retired AS ("
	"    UPDATE olist_etl.ledger l"
	"       SET is_current = false, " OLIST_LEDGER_AS_PUBLISHED "      FROM olist_etl.entity e"
	"     WHERE e.target = l.target AND l.is_current AND l.source = $1"
	"       AND l.gone_at IS NOT NULL AND l.published_at IS NULL"
	" RETURNING l.object_id),"
	" unmarked AS ("
	"    DELETE FROM olist_etl.staged s USING retired r WHERE s.object_id = r.object_id)"
	"SELECT array_agg(r.object_id) FROM retired r";

/*
 * ... and the version that was published last, if any, is current again: one that
 * was refused with its batch, and went, changes nothing.
 */
static const char *const reinstate_sql =
	"WITH last AS ("
	"    SELECT DISTINCT ON (r.object_id)"
	"           r.object_id AS retired_id, r.gone_at, v.object_id"
	"      FROM olist_etl.ledger r"
	"      JOIN olist_etl.ledger v ON v.target = r.target AND v.uri = r.uri"
	"     WHERE r.object_id = ANY ($1) AND v.published_at IS NOT NULL"
	"     ORDER BY r.object_id, v.published_at DESC)"
	"UPDATE olist_etl.ledger l"
	"   SET is_current = l.object_id = last.object_id,"
	"       superseded_by = nullif(last.object_id, l.object_id),"
	"       gone_at = CASE WHEN l.object_id = last.object_id THEN last.gone_at ELSE l.gone_at END"
	"  FROM last"
	" WHERE l.object_id IN (last.object_id, last.retired_id)";

/* the columns of compare_sql's result */
enum
{
	RESULT_ENTITY = 1,
	RESULT_URI,
	RESULT_SIZE,
	RESULT_ETAG,
	RESULT_LAST_MODIFIED,
	RESULT_STATUS,
	RESULT_OBJECTS,
	RESULT_MISNOTED,
	RESULT_PUBLISHED
};

/* what is staged sooner than a worker is there */
#define FEW_OBJECTS 16
#define FEW_BYTES (1024 * 1024)

/* where DROP EXTENSION leaves what was published */
#define WAREHOUSE_SCHEMA "olist_dw"

/* the columns that pending() gives */
#define PENDING_COLUMNS RESULT_STATUS

/* a source, listed */
typedef struct Discovery
{
	OlistNamedSource *source;
	List *entities;
	Tuplestorestate *listed;
	TupleDesc desc;						 /* of listed */
	EphemeralNamedRelationData relation; /* listed, as SQL sees it while SPI is connected */
	int64 nobjects;						 /* that belong to an entity */
	int64 nignored;						 /* that belong to none */
} Discovery;

static TupleDesc
listed_descriptor(void)
{
	TupleDesc desc = CreateTemplateTupleDesc(LISTED_COLUMNS);

	TupleDescInitEntry(desc, 1, "entity", TEXTOID, -1, 0);
	TupleDescInitEntry(desc, 2, "uri", TEXTOID, -1, 0);
	TupleDescInitEntry(desc, 3, "size", INT8OID, -1, 0);
	TupleDescInitEntry(desc, 4, "etag", TEXTOID, -1, 0);
	TupleDescInitEntry(desc, 5, "last_modified", TIMESTAMPTZOID, -1, 0);
	return desc;
}

static void
put_object(Discovery *discovery, const OlistEntity *entity, const OlistObject *object)
{
	Datum values[LISTED_COLUMNS] = {0};
	bool isnull[LISTED_COLUMNS] = {false};

	values[0] = CStringGetTextDatum(entity->name);
	values[1] = CStringGetTextDatum(object->uri);
	values[2] = Int64GetDatum(object->size);
	isnull[2] = object->size < 0;
	isnull[3] = object->etag == NULL;
	if (object->etag != NULL)
		values[3] = CStringGetTextDatum(object->etag);
	values[4] = TimestampTzGetDatum(object->last_modified);
	isnull[4] = TIMESTAMP_NOT_FINITE(object->last_modified);
	tuplestore_putvalues(discovery->listed, discovery->desc, values, isnull);
}

/* list the source into a tuplestore; no context is left behind but the current one */
static Discovery *
discover(const char *name)
{
	Discovery *discovery = palloc0(sizeof(Discovery));
	OlistEntityMatcher *matcher;
	OlistListing *listing;
	OlistObject object;
	MemoryContext caller;
	MemoryContext object_context =
		AllocSetContextCreate(CurrentMemoryContext, "olist discover object", ALLOCSET_SMALL_SIZES);

	discovery->source = olist_named_source(name);
	discovery->entities = olist_entities();
	discovery->desc = listed_descriptor();
	discovery->listed = tuplestore_begin_heap(false, false, work_mem);
	matcher = olist_entity_matcher(discovery->source->uri, discovery->entities);
	listing = olist_listing_open(discovery->source->uri,
								 olist_source_options(discovery->source->serverid, GetUserId()));
	caller = MemoryContextSwitchTo(object_context);
	while (olist_listing_next(listing, &object))
	{
		OlistEntity *entity = olist_entity_match(matcher, object.uri);

		if (entity != NULL)
		{
			put_object(discovery, entity, &object);
			discovery->nobjects++;
		}
		else
			discovery->nignored++;
		MemoryContextReset(object_context);
	}
	MemoryContextSwitchTo(caller);
	olist_listing_close(listing);
	return discovery;
}

/* let the SPI connection of the caller see the listed objects */
static void
show_listed(Discovery *discovery)
{
	EphemeralNamedRelation relation = &discovery->relation;

	relation->md.name = LISTED_NAME;
	relation->md.reliddesc = InvalidOid;
	relation->md.tupdesc = discovery->desc;
	relation->md.enrtype = ENR_NAMED_TUPLESTORE;
	relation->md.enrtuples = discovery->nobjects;
	relation->reldata = discovery->listed;
	if (SPI_register_relation(relation) != SPI_OK_REL_REGISTER)
		elog(ERROR, "could not register the listed objects");
}

/* compare with the ledger, in the SPI connection of the caller, which sees the listed objects */
static uint64
compare(const Discovery *discovery, bool with_gone, bool with_unchanged)
{
	OlistSpiArg args[] = {OLIST_SPI_TEXT(discovery->source->name), OLIST_SPI_BOOL(with_gone),
						  OLIST_SPI_BOOL(with_unchanged)};

	return olist_spi_execute_as_owner(compare_sql, SPI_OK_SELECT, lengthof(args), args);
}

static char *
get_text(uint64 row, int column)
{
	return SPI_getvalue(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, column);
}

/* does the row stand for an object, not for a number of them? */
static bool
is_object(uint64 row)
{
	return get_text(row, RESULT_URI) != NULL;
}

static bool
has_status(uint64 row, const char *status)
{
	return strcmp(get_text(row, RESULT_STATUS), status) == 0;
}

/* the sum of a column of numbers over the lines of an entity (NULL: any) and status (likewise) */
static int64
sum(uint64 n, const char *entity, const char *status, int column)
{
	int64 count = 0;

	for (uint64 i = 0; i < n; i++)
	{
		bool isnull;

		if (!is_object(i) && (status == NULL || has_status(i, status)) &&
			(entity == NULL || strcmp(get_text(i, RESULT_ENTITY), entity) == 0))
			count += DatumGetInt64(
				SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, column, &isnull));
	}
	return count;
}

/* how many objects have this status; status NULL: any */
static int64
count_objects(uint64 n, const char *entity, const char *status)
{
	return sum(n, entity, status, RESULT_OBJECTS);
}

/* the ledger shall say since when objects are gone; writes nothing where it does */
static void
note_gone(const Discovery *discovery, uint64 n)
{
	SPITupleTable *compared = SPI_tuptable;
	OlistSpiArg args[] = {OLIST_SPI_TEXT(discovery->source->name)};

	if (sum(n, NULL, NULL, RESULT_MISNOTED) == 0)
		return;
	olist_spi_execute_as_owner(note_gone_sql, SPI_OK_UPDATE, lengthof(args), args);
	SPI_tuptable = compared;
}

/*
 * Versions that went before they were published are no part of the batch; true if
 * there were any, or else the comparison's result stays what SPI_tuptable is.
 */
static bool
retire_gone(const Discovery *discovery)
{
	SPITupleTable *compared = SPI_tuptable;
	OlistSpiArg source = OLIST_SPI_TEXT(discovery->source->name);
	OlistSpiArg ids = {INT8ARRAYOID, (Datum) 0, true};

	olist_spi_execute_as_owner(retire_sql, SPI_OK_SELECT, 1, &source);
	ids.value = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &ids.isnull);
	if (ids.isnull)
	{
		SPI_tuptable = compared;
		return false;
	}
	(void) olist_staging_remove(&ids);
	olist_spi_execute_as_owner(reinstate_sql, SPI_OK_UPDATE, 1, &ids);
	return true;
}

/* the objects that the warehouse does not show */
static int64
count_batch(uint64 n)
{
	return count_objects(n, NULL, "new") + count_objects(n, NULL, "changed") +
		   count_objects(n, NULL, "lost") + count_objects(n, NULL, "unpublished") +
		   count_objects(n, NULL, "replayed");
}

static bool
shows_foreign_objects(const Discovery *discovery)
{
	SPITupleTable *compared = SPI_tuptable;
	OlistSpiArg args[] = {OLIST_SPI_TEXT(discovery->source->name)};
	bool found = olist_spi_execute_as_owner(foreign_sql, SPI_OK_SELECT, lengthof(args), args) > 0;

	SPI_tuptable = compared;
	return found;
}

/* what a rebuild could not read again would leave the warehouse: not without being told */
static void
check_can_rebuild(const Discovery *discovery, uint64 n)
{
	int64 gone = sum(n, NULL, "gone", RESULT_PUBLISHED);

	if (gone > 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("cannot rebuild the warehouse from source \"%s\"", discovery->source->name),
				 errdetail("%lld objects that it shows are gone from there.", (long long) gone),
				 errhint("See olist_etl.pending(). Put them back, or take out of the warehouse "
						 "what they gave by olist_etl.forget().")));
	if (shows_foreign_objects(discovery))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("cannot rebuild the warehouse from source \"%s\"", discovery->source->name),
				 errdetail("It also shows objects of other sources.")));
}

/* Is all to be built anew from what is to be staged, rather than that merged? */
static bool
is_whole(const Discovery *discovery, uint64 n, bool is_rebuild)
{
	if (is_rebuild)
	{
		check_can_rebuild(discovery, n);
		return true;
	}
	return count_batch(n) > 0 && sum(n, NULL, "unchanged", RESULT_PUBLISHED) == 0 &&
		   sum(n, NULL, "gone", RESULT_PUBLISHED) == 0 && !shows_foreign_objects(discovery);
}

/* a source without anything, or without a whole entity, is not what was meant */
static void
check_complete(const Discovery *discovery, uint64 n, bool allow_missing)
{
	const char *uri = olist_redact_uri(discovery->source->uri);
	StringInfoData missing;
	ListCell *lc;

	if (count_objects(n, NULL, NULL) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_FILE),
				 errmsg("source \"%s\" has no object to load", discovery->source->name),
				 errdetail("Of %lld objects under \"%s\" none has the name of an entity's file.",
						   (long long) discovery->nignored, uri),
				 errhint("Point the source elsewhere with olist_etl.set_source(), or add the names "
						 "to olist_etl.object_pattern.")));
	initStringInfo(&missing);
	foreach (lc, discovery->entities)
	{
		OlistEntity *entity = lfirst(lc);

		if (entity->is_required && !allow_missing && count_objects(n, entity->name, NULL) == 0)
			appendStringInfo(&missing, "%s%s", missing.len > 0 ? ", " : "", entity->name);
	}
	if (missing.len > 0)
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_FILE),
						errmsg("source \"%s\" has no object for: %s", discovery->source->name,
							   missing.data),
						errdetail("Of %lld objects under \"%s\" %lld belong to other entities.",
								  (long long) (discovery->nobjects + discovery->nignored), uri,
								  (long long) discovery->nobjects),
						errhint("Look for the expected names in olist_etl.object_pattern, or pass "
								"\"allow_missing\": true.")));
}

/*
 * How many of the objects are to be staged at a time, 0 for as many as there are
 * workers. A worker takes a while to come: a few small files are staged by then.
 * What comes over a network is waited for better side by side, and a whole
 * warehouse needs workers anyway.
 */
static int
choose_concurrency(const Discovery *discovery, uint64 n, bool whole)
{
	int objects = 0;
	int64 bytes = 0;

	if (whole || olist_uri_parse(discovery->source->uri)->scheme != OLIST_SCHEME_FILE)
		return 0;
	for (uint64 i = 0; i < n; i++)
	{
		bool isnull;

		if (!is_object(i))
			continue;
		objects++;
		bytes += DatumGetInt64(
			SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, RESULT_SIZE, &isnull));
	}
	return objects <= FEW_OBJECTS && bytes <= FEW_BYTES ? 1 : 0;
}

static void
push_object(JsonbParseState **state, const Discovery *discovery, uint64 row)
{
	bool isnull;
	Datum size =
		SPI_getbinval(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, RESULT_SIZE, &isnull);
	Datum last_modified;

	pushJsonbValue(state, WJB_BEGIN_OBJECT, NULL);
	olist_json_push_text(state, "source", discovery->source->name);
	olist_json_push_int8(state, "source_version", discovery->source->version);
	olist_json_push_text(state, "entity", get_text(row, RESULT_ENTITY));
	olist_json_push_text(state, "uri", get_text(row, RESULT_URI));
	if (!isnull)
		olist_json_push_int8(state, "size", DatumGetInt64(size));
	olist_json_push_text(state, "etag", get_text(row, RESULT_ETAG));
	last_modified = SPI_getbinval(SPI_tuptable->vals[row], SPI_tuptable->tupdesc,
								  RESULT_LAST_MODIFIED, &isnull);
	if (!isnull)
		olist_json_push_text(state, "last_modified",
							 JsonEncodeDateTime(NULL, last_modified, TIMESTAMPTZOID, NULL));
	olist_json_push_text(state, "status", get_text(row, RESULT_STATUS));
	pushJsonbValue(state, WJB_END_OBJECT, NULL);
}

/* an option of the argument, or of the run's input in it */
static bool
has_option(Jsonb *argument, const char *key)
{
	JsonbValue *input;

	if (olist_json_bool(argument, key, false))
		return true;
	input = getKeyJsonValueFromContainer(&argument->root, "input", strlen("input"), NULL);
	return input != NULL && input->type == jbvBinary &&
		   JsonContainerIsObject(input->val.binary.data) &&
		   olist_json_bool(JsonbValueToJsonb(input), key, false);
}

/* discover(jsonb): see README.md */
Datum
olist_etl_discover(PG_FUNCTION_ARGS)
{
	OlistSourceStats before = olist_source_counters;
	Jsonb *argument = PG_GETARG_JSONB_P(0);
	char *name = olist_json_text(argument, "source");
	bool allow_missing = has_option(argument, "allow_missing");
	bool is_rebuild = has_option(argument, "rebuild");
	Discovery *discovery = discover(name != NULL ? name : OLIST_DEFAULT_SOURCE);
	MemoryContext caller = CurrentMemoryContext;
	JsonbParseState *state = NULL;
	JsonbValue key = {.type = jbvString};
	OlistSpiArg check;
	Jsonb *result;
	bool whole;
	uint64 n;

	SPI_connect();

	/* an option of a later task that makes no sense is said before anything is loaded */
	check = OLIST_SPI_JSONB(argument);
	olist_spi_execute_as_owner("SELECT olist_etl.max_reject_percent($1)", SPI_OK_SELECT, 1, &check);

	/* here, so that stage tasks side by side need not wait for the one that makes the tables */
	olist_spi_run("SELECT olist_etl.create_staging()", SPI_OK_SELECT);
	olist_ledger_avoid_former_objects(WAREHOUSE_SCHEMA);
	show_listed(discovery);
	n = compare(discovery, false, is_rebuild);
	OLIST_FAULT("load-compared");
	check_complete(discovery, n, allow_missing);
	note_gone(discovery, n);
	if (count_objects(n, NULL, "gone") > sum(n, NULL, "gone", RESULT_PUBLISHED) &&
		retire_gone(discovery))
		n = compare(discovery, false, is_rebuild);
	whole = is_whole(discovery, n, is_rebuild);
	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	olist_json_push_int8(&state, "source_version", discovery->source->version);
	key.val.string.val = "objects";
	key.val.string.len = strlen("objects");
	pushJsonbValue(&state, WJB_KEY, &key);
	pushJsonbValue(&state, WJB_BEGIN_ARRAY, NULL);
	for (uint64 i = 0; i < n; i++)
	{
		if (is_object(i))
			push_object(&state, discovery, i);
	}
	pushJsonbValue(&state, WJB_END_ARRAY, NULL);
	olist_json_push_int8(&state, "max_concurrency", choose_concurrency(discovery, n, whole));
	olist_json_push_bool(&state, "whole", whole);
	olist_json_push_int8(&state, "new", count_batch(n));
	olist_json_push_int8(&state, "unpublished", count_objects(n, NULL, "unpublished"));
	olist_json_push_int8(&state, "unchanged", count_objects(n, NULL, "unchanged"));
	olist_json_push_int8(&state, "gone", count_objects(n, NULL, "gone"));
	olist_json_push_int8(&state, "forgotten", count_objects(n, NULL, "forgotten"));
	olist_json_push_int8(&state, "ignored", discovery->nignored);
	olist_source_stats_push(&state, &before);
	MemoryContextSwitchTo(caller);
	result = JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL));
	SPI_finish();
	tuplestore_end(discovery->listed);
	PG_RETURN_JSONB_P(result);
}

/* pending(source text): the objects that the next run would not find unchanged */
Datum
olist_etl_pending(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	Discovery *discovery;
	uint64 n;

	InitMaterializedSRF(fcinfo, 0);
	discovery = discover(text_to_cstring(PG_GETARG_TEXT_PP(0)));
	SPI_connect();
	show_listed(discovery);
	n = compare(discovery, true, false);
	for (uint64 i = 0; i < n; i++)
	{
		Datum values[PENDING_COLUMNS];
		bool isnull[PENDING_COLUMNS];

		if (!is_object(i))
			continue;
		for (int column = 0; column < PENDING_COLUMNS; column++)
			values[column] = SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, column + 1,
										   &isnull[column]);
		tuplestore_putvalues(result->setResult, result->setDesc, values, isnull);
	}
	SPI_finish();
	tuplestore_end(discovery->listed);
	return (Datum) 0;
}
