/*
 * star/history.c
 *		Members of a dimension whose attributes change over the source's time.
 *
 *	 staged rows ──────────────────────┐
 *	 versions that the warehouse has ──┴─► observations by member, in the source's order ─┐
 *	 rows that name a member not seen ─► inferred members ────────────────────────────────┴─► versions
 *
 * Nearly every member has one observation, so they are kept as lists, and the
 * ledger is asked for the source's order only where a list has two.
 */
#include "postgres.h"

#include "star/history.h"

#include "access/htup_details.h"
#include "base/spi.h"
#include "catalog/pg_type.h"
#include "compat.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "star/key_map.h"
#include "star/losers.h"
#include "star/reject.h"
#include "star/seeds.h"
#include "star/share.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/timestamp.h"

#define NO_OBSERVATION PG_UINT32_MAX
#define NO_ROW PG_UINT64_MAX /* of an observation that the warehouse had already */
#define LAST_LINE \
	PG_INT64_MAX /* of an object of which it is only known what it showed in the end */

typedef struct Observation
{
	MinimalTuple tuple; /* the columns, as scanned */
	OlistOrigin origin;
	Timestamp since; /* when the source showed it; NOBEGIN: as the ledger says */
	Timestamp until; /* and before when */
	uint64 row;
	uint32 next; /* later one of the same member, or NO_OBSERVATION */
} Observation;

/* what one share of the members needs */
typedef struct Gathered
{
	const OlistHistory *history;
	OlistBuild *build;
	TupleDesc desc; /* of the observations' tuples */
	int ncolumns;
	OlistKeyMap *members;
	uint32 *first; /* by member: its earliest observation; NO_OBSERVATION: inferred */
	uint32 first_capacity;
	Observation *observations;
	uint32 count;
	uint32 capacity;
	OlistLosers losers;
	uint32 *overruled; /* observations that the warehouse had already, and that lose now */
	uint32 noverruled;
	uint32 overruled_capacity;
} Gathered;

/* a descriptor of just the columns scanned */
static TupleDesc
columns_desc(const OlistScan *scan)
{
	TupleDesc desc = CreateTemplateTupleDesc(scan->ncolumns);

	for (int i = 0; i < scan->ncolumns; i++)
		TupleDescCopyEntry(desc, i + 1, RelationGetDescr(scan->rel), scan->attnum[i]);
	return desc;
}

/* where the observation comes from that the scan stands at */
static OlistOrigin
scanned_origin(const Gathered *g, const OlistScan *scan)
{
	int line = g->ncolumns - 1;

	return (OlistOrigin){DatumGetInt64(scan->values[line - 1]),
						 scan->isnull[line] ? LAST_LINE : DatumGetInt64(scan->values[line])};
}

/*
 * When the source showed it. A version that the warehouse had says so itself,
 * but for a member's first: if the ledger's object is not older than that
 * version's end, it has come back, or is of another ledger. All that is known
 * then is that the first comes first.
 */
static Timestamp
observation_time(const Observation *observation)
{
	Timestamp time = observation->since;

	if (time == DT_NOBEGIN)
		time = olist_origin_time(observation->origin);
	return time < observation->until ? time : DT_NOBEGIN;
}

/* the source's order; negative, 0, positive as for qsort */
static int
compare_observations(const Observation *a, const Observation *b)
{
	Timestamp time_a = observation_time(a);
	Timestamp time_b = observation_time(b);

	if (time_a != time_b)
		return time_a < time_b ? -1 : 1;
	return olist_origin_compare(a->origin, b->origin);
}

/*
 * Add the row to its member's list, in the source's order; of two of the same
 * origin, what the warehouse had comes before what is staged. It was shown at
 * since and before until: NOBEGIN and NOEND if only the ledger knows.
 */
static void
observe(Gathered *g, OlistScan *scan, uint32 member, uint64 row, Timestamp since, Timestamp until)
{
	Observation *observation;
	uint32 *link = &g->first[member];

	g->observations =
		olist_array_reserve(g->observations, &g->capacity, g->count, sizeof(Observation));
	observation = &g->observations[g->count];
	*observation = (Observation){
		.tuple = olist_compat_minimal_tuple(g->desc, scan->values, scan->isnull),
		.origin = scanned_origin(g, scan),
		.since = since,
		.until = until,
		.row = row,
	};
	while (*link != NO_OBSERVATION &&
		   compare_observations(&g->observations[*link], observation) < (row != NO_ROW))
		link = &g->observations[*link].next;
	observation->next = *link;
	*link = g->count++;
}

/* the number of the member that a text column names; OLIST_NO_KEY if not of the share */
static uint32
find_member(Gathered *g, OlistScan *scan, OlistKeyShare share, bool *is_new)
{
	OlistKey key;
	int len;
	const char *text = olist_scan_text(scan, 0, &len);
	uint32 known = olist_key_map_count(g->members);
	uint32 member;

	if (text == NULL)
		return OLIST_NO_KEY;
	olist_key_set(&key, text, len);
	if (!olist_key_in_share(&key, share))
		return OLIST_NO_KEY;
	member = olist_key_map_add(g->members, &key);
	*is_new = member == known;
	if (*is_new)
	{
		g->first = olist_array_reserve(g->first, &g->first_capacity, member, sizeof(uint32));
		g->first[member] = NO_OBSERVATION;
	}
	return member;
}

/* read the members that arrived; false if they are too many for this share */
static bool
gather_observations(Gathered *g, OlistKeyShare share)
{
	OlistScan *scan = olist_scan_entity(g->history->entity, g->history->columns);
	bool full = false;

	g->desc = columns_desc(scan);
	g->ncolumns = scan->ncolumns;
	while (!full && olist_scan_next(scan))
	{
		bool is_new;
		uint32 member = find_member(g, scan, share, &is_new);

		if (member != OLIST_NO_KEY)
			observe(g, scan, member, scan->row, DT_NOBEGIN, DT_NOEND);
		full = (scan->row & 1023) == 0 && olist_share_is_full(share);
	}
	olist_scan_end(scan);
	return !full;
}

/*
 * Read the versions that the warehouse has already. An inferred member has shown
 * nothing yet; in a merge it stays, because rows that are not read may name it.
 * A version of an object that is no part of any source now is not kept by a
 * whole build; a merge has seen to that.
 */
static bool
gather_prior(Gathered *g, OlistKeyShare share)
{
	OlistScan *scan = olist_scan_warehouse(g->history->table->name, g->history->prior_columns);
	bool is_merge = olist_is_merge();
	bool full = false;

	while (scan != NULL && !full && olist_scan_next(scan))
	{
		bool is_inferred = DatumGetBool(scan->values[g->ncolumns]);
		/* else a version that a later object has shown again, with the object's time */
		bool is_version = !scan->isnull[g->ncolumns + 1];
		bool is_new;
		uint32 member;

		if (DatumGetInt64(scan->values[g->ncolumns + 1]) == OLIST_UNKNOWN_KEY)
			continue;
		if (!is_merge && (is_inferred || olist_origin_is_retired(scanned_origin(g, scan))))
			continue;
		member = find_member(g, scan, share, &is_new);
		if (member == OLIST_NO_KEY || is_inferred)
			continue;
		if (g->history->restore != NULL)
			g->history->restore(scan->values, scan->isnull);
		observe(g, scan, member, NO_ROW,
				is_version ? DatumGetTimestamp(scan->values[g->ncolumns + 2]) : DT_NOBEGIN,
				is_version ? DatumGetTimestamp(scan->values[g->ncolumns + 3]) : DT_NOEND);
		full = (scan->row & 1023) == 0 && olist_share_is_full(share);
	}
	if (scan != NULL)
		olist_scan_end(scan);
	return !full;
}

/* read the members that are only named; false if they are too many for this share */
static bool
gather_inferred(Gathered *g, OlistKeyShare share)
{
	OlistScanColumn columns[] = {{g->history->referrer_column, TEXTOID}, {NULL, InvalidOid}};
	OlistScan *scan = olist_scan_entity(g->history->referrer, columns);
	bool full = false;

	while (!full && olist_scan_next(scan))
	{
		bool is_new;

		find_member(g, scan, share, &is_new);
		full = (scan->row & 1023) == 0 && olist_share_is_full(share);
	}
	olist_scan_end(scan);
	return !full;
}

static void
deform(const Gathered *g, const Observation *observation, Datum *values, bool *isnull)
{
	HeapTupleData tuple;

	tuple.t_len = observation->tuple->t_len + MINIMAL_TUPLE_OFFSET;
	tuple.t_data = (HeapTupleHeader) ((char *) observation->tuple - MINIMAL_TUPLE_OFFSET);
	heap_deform_tuple(&tuple, g->desc, values, isnull);
}

/* do two observations agree in every attribute? */
static bool
same_attributes(const Gathered *g, const Observation *a, const Observation *b)
{
	Datum values_a[OLIST_SCAN_COLUMNS];
	Datum values_b[OLIST_SCAN_COLUMNS];
	bool isnull_a[OLIST_SCAN_COLUMNS];
	bool isnull_b[OLIST_SCAN_COLUMNS];

	deform(g, a, values_a, isnull_a);
	deform(g, b, values_b, isnull_b);
	for (int i = 1; i <= g->history->nattributes; i++)
	{
		Form_pg_attribute attr = TupleDescAttr(g->desc, i);

		if (isnull_a[i] != isnull_b[i])
			return false;
		if (!isnull_a[i] && !datum_image_eq(values_a[i], values_b[i], attr->attbyval, attr->attlen))
			return false;
	}
	return true;
}

/*
 * The observation loses; its row is rejected when all have been seen. A whole
 * build sees the rows of what the warehouse had, too, if they are still there.
 */
static void
lose(Gathered *g, uint32 n)
{
	OlistLosers *losers = &g->losers;
	const Observation *observation = &g->observations[n];

	if (observation->row != NO_ROW)
	{
		losers->rows =
			olist_array_reserve(losers->rows, &losers->capacity, losers->count, sizeof(uint64));
		losers->rows[losers->count++] = observation->row;
	}
	else if (olist_is_merge() && olist_origin_is_current(observation->origin))
	{
		g->overruled = olist_array_reserve(g->overruled, &g->overruled_capacity, g->noverruled,
										   sizeof(uint32));
		g->overruled[g->noverruled++] = n;
	}
}

/* the last observation of the same time: the one that counts */
static const Observation *
find_winner(const Gathered *g, const Observation *observation)
{
	const Observation *winner = observation;

	while (winner->next != NO_OBSERVATION)
	{
		const Observation *next = &g->observations[winner->next];

		if (observation_time(next) != observation_time(observation))
			break;
		winner = next;
	}
	return winner;
}

/*
 * Take out of a member's list what makes no version of its own: what another
 * observation of the same time overrules, and what repeats the one before. If
 * the ledger does not know where that one comes from, it is what repeats it.
 * Returns the number of versions.
 */
static int
reduce_to_versions(Gathered *g, uint32 member)
{
	uint32 *link = &g->first[member];
	Observation *before = NULL;
	int n = 0;

	while (*link != NO_OBSERVATION)
	{
		Observation *this = &g->observations[*link];
		const Observation *winner = find_winner(g, this);

		if (winner != this)
		{
			const Observation *next = &g->observations[this->next];
			bool is_same_object = this->origin.object_id == next->origin.object_id;
			/* a version of an object that came back: what it has shown, it shows again */
			bool is_shown_again = is_same_object && this->row == NO_ROW && next->row != NO_ROW;

			if (!is_shown_again && (is_same_object || !same_attributes(g, this, winner)))
				lose(g, *link);
			*link = this->next;
		}
		else if (before != NULL && same_attributes(g, before, this))
		{
			if (!olist_origin_is_known(before->origin))
				before->origin = this->origin;
			*link = this->next;
		}
		else
		{
			before = this;
			link = &this->next;
			n++;
		}
	}
	return n;
}

/* write one version */
static void
put_version(const OlistHistory *history, OlistBuild *build, const OlistVersion *version)
{
	bool is_known = version->number > 0;
	int column = history->version_columns;

	olist_build_set(build, 0, Int64GetDatum(version->key));
	olist_build_set_text(build, history->natural_key_column, version->natural_key,
						 version->natural_key_len);
	history->set(build, version, history->arg);
	olist_build_set(build, column++, TimestampGetDatum(version->valid_from));
	olist_build_set(build, column++, TimestampGetDatum(version->valid_to));
	olist_build_set(build, column++,
					BoolGetDatum(is_known && TIMESTAMP_IS_NOEND(version->valid_to)));
	olist_build_set(build, column++, Int32GetDatum(version->number));
	olist_build_set(build, column++, BoolGetDatum(version->is_inferred));
	if (version->values != NULL)
		olist_build_set_origin(build, column, version->origin);
	olist_build_put(build);
}

static void
put_unknown(const OlistHistory *history, OlistBuild *build)
{
	OlistVersion version = {.key = OLIST_UNKNOWN_KEY,
							.natural_key = "unknown",
							.natural_key_len = strlen("unknown"),
							.valid_from = DT_NOBEGIN,
							.valid_to = DT_NOEND};

	put_version(history, build, &version);
}

/* write the member's versions, as they are left in its list */
static void
put_versions(Gathered *g, OlistSeeds *seeds, uint32 member, int n)
{
	char buf[OLIST_KEY_BUF];
	Datum values[OLIST_SCAN_COLUMNS];
	bool isnull[OLIST_SCAN_COLUMNS];
	OlistVersion version = {0};
	Timestamp *valid_from = palloc(sizeof(Timestamp) * (n + 1));
	int64 *keys = palloc(sizeof(int64) * n);
	uint32 i = g->first[member];

	valid_from[0] = DT_NOBEGIN;
	valid_from[n] = DT_NOEND;
	for (int v = 1; v < n; v++)
	{
		i = g->observations[i].next;
		valid_from[v] = observation_time(&g->observations[i]);
	}
	olist_seeds_assign(seeds, member, n, valid_from, keys);

	version.natural_key = olist_key_map_text(g->members, member, buf, &version.natural_key_len);
	i = g->first[member];
	for (int v = 0; v < n; v++)
	{
		version.key = keys[v] != 0 ? keys[v] : g->build->next_key++;
		version.number = v + 1;
		version.valid_from = valid_from[v];
		version.valid_to = valid_from[v + 1];
		version.is_inferred = i == NO_OBSERVATION;
		if (i != NO_OBSERVATION)
		{
			deform(g, &g->observations[i], values, isnull);
			version.values = values + 1;
			version.isnull = isnull + 1;
			version.origin = g->observations[i].origin;
			if (version.origin.line == LAST_LINE)
				version.origin.line = 0;
			i = g->observations[i].next;
		}
		put_version(g->history, g->build, &version);
	}
	pfree(valid_from);
	pfree(keys);
}

static void
reject_losers(Gathered *g)
{
	OlistScan *scan = olist_scan_entity(g->history->entity, g->history->columns);

	olist_losers_sort(&g->losers);
	while (olist_scan_next(scan))
	{
		if (olist_is_loser(&g->losers, scan->row))
			olist_reject(scan, OLIST_REJECT_DUPLICATE, g->history->columns[0].name);
	}
	olist_scan_end(scan);
}

/* reject what the warehouse had and has no more, as the rows that it was */
static void
reject_overruled(Gathered *g)
{
	Datum values[OLIST_SCAN_COLUMNS];
	bool isnull[OLIST_SCAN_COLUMNS];

	BlessTupleDesc(g->desc);
	for (uint32 i = 0; i < g->noverruled; i++)
	{
		deform(g, &g->observations[g->overruled[i]], values, isnull);
		olist_reject_tuple(g->history->entity, heap_form_tuple(g->desc, values, isnull), g->desc,
						   OLIST_REJECT_DUPLICATE, g->history->columns[0].name);
	}
}

static bool
build_share(OlistKeyShare share, void *arg)
{
	Gathered *g = arg;
	OlistSeeds *seeds;

	*g = (Gathered){.history = g->history, .build = g->build};
	g->members = olist_key_map_create(256);
	if (!gather_observations(g, share) || !gather_prior(g, share) || !gather_inferred(g, share))
		return false;
	seeds = olist_seeds_load(g->history->table, g->history->columns[0].name, g->members, true);
	for (uint32 member = 0; member < olist_key_map_count(g->members); member++)
		put_versions(g, seeds, member, Max(reduce_to_versions(g, member), 1));
	if (g->losers.count > 0)
		reject_losers(g);
	if (g->noverruled > 0)
		reject_overruled(g);
	return true;
}

/* rows without a natural key belong to nobody */
static void
reject_rows_without_key(const OlistHistory *history)
{
	OlistScanColumn columns[] = {history->columns[0], {NULL, InvalidOid}};
	OlistScan *scan = olist_scan_entity(history->entity, columns);

	while (olist_scan_next(scan))
	{
		if (scan->isnull[0])
			olist_reject(scan, OLIST_REJECT_NO_KEY, columns[0].name);
	}
	olist_scan_end(scan);
}

/*
 * In a merge that observed again what other objects have shown, their mentions
 * follow: of members whose rows lost, or count now.
 */
static void
correct_mentions(const OlistHistory *history, const char *rejects)
{
	const char *mention = history->mention->name;
	const char *id = history->columns[0].name;
	const char *dimension = history->table->name;
	const char *key = history->table->key;

	olist_spi_run(
		psprintf("INSERT INTO " OLIST_BUILD_SCHEMA ".%1$s\n"
				 "SELECT c._object_id,\n"
				 "    COALESCE(m.members, '{}') - COALESCE(c.lost, '{}')\n"
				 "        + COALESCE(c.shown, '{}')\n"
				 "FROM (SELECT o._object_id,\n"
				 "          range_agg(pg_catalog.int8range(v.%2$s, v.%2$s + 1))\n"
				 "              FILTER (WHERE o.is_lost) AS lost,\n"
				 "          range_agg(pg_catalog.int8range(v.%2$s, v.%2$s + 1))\n"
				 "              FILTER (WHERE NOT o.is_lost) AS shown\n"
				 "      FROM (SELECT object_id AS _object_id, key AS id, true AS is_lost\n"
				 "            FROM %3$s AS lost\n"
				 "            UNION ALL\n"
				 "            SELECT p._object_id, p.%4$s, false\n"
				 "            FROM " OLIST_BUILD_SCHEMA ".prior_%5$s AS p\n"
				 "            WHERE NOT EXISTS (SELECT FROM %3$s AS r\n"
				 "                              WHERE r.object_id = p._object_id\n"
				 "                              AND r.key = p.%4$s\n"
				 "                              AND r.line IS NOT DISTINCT FROM p._line)) AS o\n"
				 "      JOIN " OLIST_BUILD_SCHEMA ".%6$s AS v ON v.%4$s = o.id\n"
				 "      WHERE v.version = 1\n"
				 "      AND NOT EXISTS (SELECT FROM " OLIST_BUILD_SCHEMA ".batch AS b\n"
				 "                      WHERE b.object_id = o._object_id)\n"
				 "      GROUP BY o._object_id) AS c\n"
				 "LEFT JOIN " OLIST_DW_SCHEMA ".%1$s AS m USING (_object_id)",
				 mention, key, rejects, id, history->entity, dimension),
		SPI_OK_INSERT);
	olist_spi_run(psprintf("INSERT INTO " OLIST_BUILD_SCHEMA ".%1$s\n"
						   "SELECT _object_id FROM " OLIST_BUILD_SCHEMA ".%2$s",
						   history->mention->scope, mention),
				  SPI_OK_INSERT);
}

void
olist_history_build_mentions(const OlistHistory *history)
{
	OlistBuild *build = olist_build_begin(history->mention);
	const OlistTable *table = history->table;
	char *rejects = psprintf("reject_%s", table->name);

	(void) olist_reject_end();
	rejects = olist_table_exists(OLIST_BUILD_SCHEMA, rejects)
				  ? psprintf(OLIST_BUILD_SCHEMA ".%s", rejects)
				  : "(SELECT 0::bigint AS object_id, 0::bigint AS line, ''::text AS key LIMIT 0)";
	olist_spi_run(psprintf("INSERT INTO " OLIST_BUILD_SCHEMA ".%1$s\n"
						   "SELECT s._object_id,\n"
						   "    range_agg(pg_catalog.int8range(v.%2$s, v.%2$s + 1))\n"
						   "FROM " OLIST_STAGING_SCHEMA ".%3$s AS s\n"
						   "JOIN " OLIST_BUILD_SCHEMA ".%4$s AS v ON v.%5$s = s.%5$s\n"
						   "WHERE v.version = 1\n"
						   "AND s._object_id IS NOT NULL\n"
						   "AND NOT EXISTS (SELECT FROM %6$s AS r\n"
						   "                WHERE r.object_id = s._object_id\n"
						   "                AND r.line = s._line)\n"
						   "GROUP BY s._object_id",
						   history->mention->name, table->key, history->entity, table->name,
						   history->columns[0].name, rejects),
				  SPI_OK_INSERT);
	if (olist_is_merge() &&
		olist_table_exists(OLIST_BUILD_SCHEMA, psprintf("prior_%s", history->entity)))
		correct_mentions(history, rejects);
	(void) olist_build_end(build);
}

void
olist_history_build(const OlistHistory *history, OlistBuild *build)
{
	Gathered g = {.history = history, .build = build};

	put_unknown(history, build);
	reject_rows_without_key(history);
	olist_share_run(build_share, &g);
}
