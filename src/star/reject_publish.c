/*
 * star/reject_publish.c
 *		The rejects of all tasks, into the table that users see.
 *
 *	 olist_build.reject_<task> (read with the caller's rights)
 *		─► what is new ─► olist_etl.reject (written with the owner's)
 *
 * The caller could have put anything into the tables of olist_build, so they
 * are read as the caller, and only values cross over.
 */
#include "postgres.h"

#include "base/spi.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "lib/stringinfo.h"
#include "star/reject.h"
#include "utils/builtins.h"

/* so many rejects are handed over at a time */
#define BATCH_ROWS 5000

/* columns that cross over, in the order of the statement that takes them */
#define COLUMNS "object_id, reason, line, key, column_name, sqlstate, message, raw"
#define NCOLUMNS 8

/* the reasons for rejecting a staged row, as an SQL list */
#define OUR_REASONS "('orphan', 'duplicate', 'no_key', 'out_of_range')"

/* what tells one set of rejects from another */
#define DIGEST                                                   \
	"SELECT count(*), COALESCE(sum(pg_catalog.hashtextextended(" \
	"pg_catalog.concat_ws('/', object_id, line, reason, column_name), 0)), 0)::text\n"

typedef struct Digest
{
	int64 count;
	char *sum;
} Digest;

/* a query for the rejects of all tasks */
static char *
all_rejects(const OlistTable *const *tables, int ntables)
{
	StringInfoData sql;

	initStringInfo(&sql);
	for (int i = 0; i < ntables; i++)
	{
		char *name = psprintf("reject_%s", tables[i]->name);

		if (olist_table_exists(OLIST_BUILD_SCHEMA, name))
			appendStringInfo(&sql, "%sSELECT * FROM %s.%s WHERE object_id IS NOT NULL",
							 sql.len > 0 ? "\nUNION ALL\n" : "", OLIST_BUILD_SCHEMA, name);
	}
	return sql.len > 0 ? sql.data : NULL;
}

/* the digest that the last statement gave */
static Digest
get_digest(void)
{
	bool isnull;

	return (Digest){
		DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull)),
		SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 2)};
}

/* bind the n columns of the one row of a result as parameters */
static void
bind_row(SPITupleTable *result, OlistSpiArg *args, int n)
{
	Assert(result->tupdesc->natts == n);
	for (int i = 0; i < n; i++)
	{
		args[i].type = SPI_gettypeid(result->tupdesc, i + 1);
		args[i].value = SPI_getbinval(result->vals[0], result->tupdesc, i + 1, &args[i].isnull);
	}
}

/* hand over the rejects that a query gives */
static void
copy_rejects(const char *query)
{
	Portal portal = SPI_cursor_open_with_args(
		NULL,
		psprintf("SELECT array_agg(object_id), array_agg(reason), array_agg(line),\n"
				 "    array_agg(key), array_agg(column_name), array_agg(sqlstate),\n"
				 "    array_agg(message), array_agg(raw)\n"
				 "FROM (SELECT *, pg_catalog.row_number() OVER () / %d AS batch\n"
				 "      FROM (%s) AS rejects) AS numbered\n"
				 "GROUP BY batch",
				 BATCH_ROWS, query),
		0, NULL, NULL, NULL, false, 0);

	for (;;)
	{
		OlistSpiArg args[NCOLUMNS];
		SPITupleTable *batch;

		SPI_cursor_fetch(portal, true, 1);
		if (SPI_processed == 0)
			break;
		batch = SPI_tuptable;
		bind_row(batch, args, NCOLUMNS);
		olist_spi_execute_as_owner(
			"INSERT INTO olist_etl.reject (" COLUMNS ")\n"
			"SELECT n.object_id, n.reason, COALESCE(n.line, 0), n.key, n.column_name,\n"
			"    n.sqlstate, n.message, pg_catalog.convert_to(n.raw, 'UTF8')\n"
			"FROM ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2),\n"
			"    pg_catalog.unnest($3), pg_catalog.unnest($4), pg_catalog.unnest($5),\n"
			"    pg_catalog.unnest($6), pg_catalog.unnest($7), pg_catalog.unnest($8))\n"
			"    AS n (" COLUMNS ")\n"
			"JOIN olist_etl.ledger AS l ON l.object_id = n.object_id",
			SPI_OK_INSERT, NCOLUMNS, args);
		SPI_freetuptable(batch);
	}
	SPI_cursor_close(portal);
}

/*
 * The counts of these objects (an array; NULL: all) follow what was rejected
 * later. A row that did not change with its object is still the former
 * version's, in the rejects as in the warehouse; it counts for the one that is
 * current.
 */
static void
recount_ledger(OlistSpiArg objects)
{
	const char *of_objects = objects.isnull
								 ? ""
								 : "AND (o.target, o.uri) IN (\n"
								   "          SELECT c.target, c.uri FROM olist_etl.ledger AS c\n"
								   "          WHERE c.object_id = ANY ($1))\n";

	olist_spi_execute_as_owner(
		psprintf("UPDATE olist_etl.ledger AS l\n"
				 "SET rows_rejected = r.n, rows_loaded = l.rows_read - r.n\n"
				 "FROM (SELECT o.object_id, count(r.object_id) AS n\n"
				 "      FROM olist_etl.ledger AS o\n"
				 "      JOIN olist_etl.ledger AS v ON v.target = o.target AND v.uri = o.uri\n"
				 "      LEFT JOIN olist_etl.reject AS r\n"
				 "          ON r.object_id = v.object_id\n"
				 "         AND (v.is_current OR r.reason IN ('orphan', 'duplicate'))\n"
				 "      WHERE o.is_current\n"
				 "      %s"
				 "      GROUP BY o.object_id) AS r\n"
				 "WHERE l.object_id = r.object_id\n"
				 "AND l.rows_rejected <> r.n",
				 of_objects),
		SPI_OK_UPDATE, objects.isnull ? 0 : 1, &objects);
}

uint64
olist_reject_publish(const OlistTable *const *tables, int ntables)
{
	const char *query = all_rejects(tables, ntables);
	OlistSpiArg all_objects = {INT8ARRAYOID, (Datum) 0, true};
	Digest new = {0, "0"};
	Digest old;

	if (query != NULL)
	{
		olist_spi_run(psprintf(DIGEST "FROM (%s) AS new", query), SPI_OK_SELECT);
		new = get_digest();
	}
	olist_spi_execute_as_owner(DIGEST "FROM olist_etl.reject\nWHERE reason IN " OUR_REASONS,
							   SPI_OK_SELECT, 0, NULL);
	old = get_digest();
	if (old.count == new.count && strcmp(old.sum, new.sum) == 0)
		return new.count;
	olist_spi_execute_as_owner("DELETE FROM olist_etl.reject WHERE reason IN " OUR_REASONS,
							   SPI_OK_DELETE, 0, NULL);
	if (query != NULL)
		copy_rejects(query);
	recount_ledger(all_objects);
	return new.count;
}

uint64
olist_reject_merge(const OlistTable *const *tables, int ntables)
{
	const char *query = all_rejects(tables, ntables);
	OlistSpiArg args[3];

	/* nothing is rejected, nor was before: that is the rule */
	if (query == NULL)
	{
		olist_spi_run("SELECT FROM " OLIST_BUILD_SCHEMA ".prior_reject LIMIT 1", SPI_OK_SELECT);
		if (SPI_processed == 0)
			return 0;
		query = "SELECT NULL::bigint AS object_id, NULL::text AS reason, NULL::bigint AS line,\n"
				"    NULL::text AS key, NULL::text AS column_name, NULL::text AS sqlstate,\n"
				"    NULL::text AS message, NULL::text AS raw\n"
				"WHERE false";
	}

	/* what came out as before stays as it is */
	olist_spi_run(psprintf("CREATE TABLE %1$s.new_reject AS\n"
						   "SELECT new.*\n"
						   "FROM (%2$s) AS new\n"
						   "WHERE NOT EXISTS (SELECT FROM %1$s.prior_reject AS old\n"
						   "                  WHERE old.object_id = new.object_id\n"
						   "                  AND old.line = new.line\n"
						   "                  AND old.reason = new.reason)",
						   OLIST_BUILD_SCHEMA, query),
				  SPI_OK_UTILITY);
	olist_spi_run(psprintf("WITH gone AS (\n"
						   "    SELECT old.reject_id, old.object_id\n"
						   "    FROM %1$s.prior_reject AS old\n"
						   "    WHERE NOT EXISTS (SELECT FROM (%2$s) AS new\n"
						   "                      WHERE new.object_id = old.object_id\n"
						   "                      AND new.line = old.line\n"
						   "                      AND new.reason = old.reason))\n"
						   "SELECT (SELECT array_agg(reject_id) FROM gone),\n"
						   "    (SELECT array_agg(object_id)\n"
						   "     FROM (SELECT object_id FROM gone\n"
						   "           UNION SELECT object_id FROM %1$s.new_reject) AS changed),\n"
						   "    (SELECT count(*) FROM (%2$s) AS new)",
						   OLIST_BUILD_SCHEMA, query),
				  SPI_OK_SELECT);
	bind_row(SPI_tuptable, args, lengthof(args));
	olist_spi_execute_as_owner("DELETE FROM olist_etl.reject\n"
							   "WHERE reject_id = ANY ($1)\n"
							   "AND reason IN " OUR_REASONS,
							   SPI_OK_DELETE, 1, args);
	if (!args[1].isnull)
	{
		copy_rejects("SELECT * FROM " OLIST_BUILD_SCHEMA ".new_reject");
		recount_ledger(args[1]);
	}
	return DatumGetInt64(args[2].value);
}
