/*
 * load/ledger.c
 *		The proof that an object version was loaded, once.
 *
 * An object version is (target, URI, ETag, size); it has one line, however
 * often it is loaded. Of all versions of a URI at most one is current: the one
 * whose rows the target holds. A unique index sees to that, and so two sessions
 * that load the same object meet:
 *
 *		claim:	lock the current line ──► same version: loaded already, or its
 *										  rows were lost: load it again
 *									 ──► another version: that one is former
 *				no current line ──► a line of this version: take it back
 *								──► none: insert one; if somebody was faster, again
 *
 *		finish:	the former line is superseded, and so are those of versions that
 *				could not be loaded; then ours is current
 *
 * Rows in UNLOGGED tables vanish in a crash. olist_etl.staged, unlogged as
 * well, vanishes with them; it also notes the table's file, so that rows gone
 * by TRUNCATE or DROP are not believed to be there either.
 *
 * All of it runs as the extension's owner, on tables that nobody else can write.
 */
#include "postgres.h"

#include "nodes/pg_list.h"

#include "load/ledger.h"

#include "base/spi.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

/* column i of row 0 of the last result, 0 for NULL */
static int64
get_int8(int i)
{
	bool isnull;
	Datum value = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, i, &isnull);

	return isnull ? 0 : DatumGetInt64(value);
}

static bool
get_bool(int i)
{
	bool isnull;
	Datum value = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, i, &isnull);

	return !isnull && DatumGetBool(value);
}

static OlistSpiArg
size_arg(const OlistObject *object)
{
	OlistSpiArg arg = OLIST_SPI_INT8(object->size);

	arg.isnull = object->size < 0;
	return arg;
}

static OlistSpiArg
last_modified_arg(const OlistObject *object)
{
	OlistSpiArg arg = OLIST_SPI_TIMESTAMPTZ(object->last_modified);

	arg.isnull = TIMESTAMP_NOT_FINITE(object->last_modified);
	return arg;
}

/* lock the current line of the object, if there is one, and judge it */
static bool
claim_current(const OlistLedgerKey *key, OlistLedgerClaim *claim)
{
	static OlistSpiKept statement = {
		.sql = "SELECT l.object_id,"
			   "       l.etag IS NOT DISTINCT FROM $3 AND l.size IS NOT DISTINCT FROM $4,"
			   "       $5 = 0 OR EXISTS (SELECT FROM olist_etl.staged s"
			   "                          WHERE s.object_id = l.object_id AND s.filenode = $5),"
			   "       l.rows_loaded"
			   "  FROM olist_etl.ledger l"
			   " WHERE l.target = $1 AND l.uri = $2 AND l.is_current"
			   "   FOR UPDATE OF l",
		.expected = SPI_OK_SELECT,
	};
	OlistSpiArg args[] = {OLIST_SPI_TEXT(key->target), OLIST_SPI_TEXT(key->object->uri),
						  OLIST_SPI_TEXT(key->object->etag), size_arg(key->object),
						  OLIST_SPI_OID(key->filenode)};

	if (olist_spi_execute_kept_as_owner(&statement, lengthof(args), args) == 0)
		return false;
	if (get_bool(2))
	{
		claim->object_id = get_int8(1);
		claim->is_loaded = get_bool(3);
		claim->may_have_rows = true;
	}
	else
	{
		claim->former_id = get_int8(1);
		claim->former_rows = get_int8(4);
	}
	return true;
}

/* lock the line of this version, if it was current before some other */
static bool
claim_former_version(const OlistLedgerKey *key, OlistLedgerClaim *claim)
{
	static OlistSpiKept statement = {
		.sql = "SELECT l.object_id"
			   "  FROM olist_etl.ledger l"
			   " WHERE l.target = $1 AND l.uri = $2"
			   "   AND l.etag IS NOT DISTINCT FROM $3"
			   "   AND l.size IS NOT DISTINCT FROM $4"
			   "   AND NOT l.is_current"
			   "   FOR UPDATE OF l",
		.expected = SPI_OK_SELECT,
	};
	OlistSpiArg args[] = {OLIST_SPI_TEXT(key->target), OLIST_SPI_TEXT(key->object->uri),
						  OLIST_SPI_TEXT(key->object->etag), size_arg(key->object)};

	if (olist_spi_execute_kept_as_owner(&statement, lengthof(args), args) == 0)
		return false;
	claim->object_id = get_int8(1);
	claim->may_have_rows = true;
	return true;
}

/*
 * Execute a statement that inserts the line of a version, $1 to $7, with one
 * more value. The line's number, 0 if the statement left it out.
 */
static int64
insert_line(OlistSpiKept *statement, const OlistLedgerKey *key, OlistSpiArg last)
{
	OlistSpiArg args[] = {OLIST_SPI_TEXT(key->target),		 OLIST_SPI_TEXT(key->entity),
						  OLIST_SPI_TEXT(key->source),		 OLIST_SPI_TEXT(key->object->uri),
						  OLIST_SPI_TEXT(key->object->etag), size_arg(key->object),
						  last_modified_arg(key->object),	 last};

	return olist_spi_execute_kept_as_owner(statement, lengthof(args), args) > 0 ? get_int8(1) : 0;
}

/*
 * Insert the line of a version that was never loaded: current at once if there
 * is no former version, so that nobody else can insert one meanwhile. False if
 * somebody did; that transaction has committed by then.
 */
static bool
claim_new_version(const OlistLedgerKey *key, OlistLedgerClaim *claim)
{
	static OlistSpiKept statement = {
		.sql = "INSERT INTO olist_etl.ledger"
			   "    (target, entity, source, uri, etag, size, last_modified,"
			   "     is_current)"
			   "VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"
			   "    ON CONFLICT DO NOTHING"
			   " RETURNING object_id",
		.expected = SPI_OK_INSERT_RETURNING,
	};

	claim->object_id = insert_line(&statement, key, OLIST_SPI_BOOL(claim->former_id == 0));
	return claim->object_id != 0;
}

OlistLedgerClaim
olist_ledger_claim(const OlistLedgerKey *key)
{
	OlistLedgerClaim claim;

	SPI_connect();
	for (;;)
	{
		CHECK_FOR_INTERRUPTS();
		memset(&claim, 0, sizeof(claim));
		if (claim_current(key, &claim) && claim.object_id != 0)
			break;
		if (claim_former_version(key, &claim) || claim_new_version(key, &claim))
			break;
	}
	SPI_finish();
	return claim;
}

/* the marker of rows in an unlogged table */
static void
mark_staged(const OlistLedgerKey *key, const OlistLedgerClaim *claim)
{
	static OlistSpiKept statement = {
		.sql = "INSERT INTO olist_etl.staged (object_id, filenode)"
			   "VALUES ($1, $2)"
			   "    ON CONFLICT (object_id) DO UPDATE SET filenode = $2",
		.expected = SPI_OK_INSERT,
	};
	OlistSpiArg args[] = {OLIST_SPI_INT8(claim->object_id), OLIST_SPI_OID(key->filenode)};

	olist_spi_execute_kept_as_owner(&statement, lengthof(args), args);
}

/* the version that was current is so no more */
static void
supersede(const OlistLedgerClaim *claim)
{
	static OlistSpiKept update = {
		.sql = "UPDATE olist_etl.ledger"
			   "   SET is_current = false, superseded_by = $2, " OLIST_LEDGER_AS_PUBLISHED
			   " WHERE object_id = $1",
		.expected = SPI_OK_UPDATE,
	};
	static OlistSpiKept unmark = {
		.sql = "DELETE FROM olist_etl.staged WHERE object_id = $1",
		.expected = SPI_OK_DELETE,
	};
	OlistSpiArg args[] = {OLIST_SPI_INT8(claim->former_id), OLIST_SPI_INT8(claim->object_id)};

	olist_spi_execute_kept_as_owner(&update, 2, args);
	olist_spi_execute_kept_as_owner(&unmark, 1, args);
}

/* a version that could not be loaded matters no more when another one is */
static void
settle_rejected(const OlistLedgerKey *key, const OlistLedgerClaim *claim)
{
	static OlistSpiKept statement = {
		.sql = "UPDATE olist_etl.ledger"
			   "   SET superseded_by = $3"
			   " WHERE target = $1 AND uri = $2 AND object_id <> $3"
			   "   AND NOT is_current AND superseded_by IS NULL AND published_at IS NULL",
		.expected = SPI_OK_UPDATE,
	};
	OlistSpiArg args[] = {OLIST_SPI_TEXT(key->target), OLIST_SPI_TEXT(key->object->uri),
						  OLIST_SPI_INT8(claim->object_id)};

	olist_spi_execute_kept_as_owner(&statement, lengthof(args), args);
}

void
olist_ledger_finish(const OlistLedgerKey *key, const OlistLedgerClaim *claim,
					const OlistLedgerCounts *counts)
{
	/* a version that comes back after another is not the one that was published; that it was is kept */
	static OlistSpiKept update = {
		.sql =
			"UPDATE olist_etl.ledger l"
			"   SET rows_read = $2, rows_loaded = $3, rows_rejected = $4,"
			"       run_id = $5, source = $6, entity = $7, last_modified = $8, loaded_at = now(),"
			"       published_at = CASE WHEN is_current THEN published_at END,"
			"       former_published_at ="
			"           CASE WHEN is_current THEN former_published_at ELSE published_at END,"
			"       former_modified ="
			"           CASE WHEN is_current THEN former_modified"
			"                WHEN published_at IS NOT NULL THEN l.last_modified END,"
			"       former_rejected ="
			"           CASE WHEN is_current THEN former_rejected"
			"                WHEN published_at IS NOT NULL THEN l.rows_rejected END,"
			"       is_current = true, superseded_by = NULL, forgotten_at = NULL"
			" WHERE object_id = $1",
		.expected = SPI_OK_UPDATE,
	};
	OlistSpiArg args[] = {OLIST_SPI_INT8(claim->object_id), OLIST_SPI_INT8(counts->read),
						  OLIST_SPI_INT8(counts->loaded),	OLIST_SPI_INT8(counts->rejected),
						  OLIST_SPI_INT8(key->run_id),		OLIST_SPI_TEXT(key->source),
						  OLIST_SPI_TEXT(key->entity),		last_modified_arg(key->object)};

	args[4].isnull = key->run_id == 0;
	SPI_connect();
	if (claim->former_id != 0)
		supersede(claim);
	settle_rejected(key, claim);
	olist_spi_execute_kept_as_owner(&update, lengthof(args), args);
	if (OidIsValid(key->filenode))
		mark_staged(key, claim);
	SPI_finish();
}

int64
olist_ledger_reject(const OlistLedgerKey *key)
{
	static OlistSpiKept statement = {
		.sql = "INSERT INTO olist_etl.ledger AS l"
			   "    (target, entity, source, uri, etag, size, last_modified, run_id, is_current)"
			   "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, false)"
			   "    ON CONFLICT ON CONSTRAINT ledger_version_key"
			   "    DO UPDATE SET run_id = excluded.run_id, loaded_at = excluded.loaded_at"
			   "    WHERE NOT l.is_current"
			   " RETURNING l.object_id",
		.expected = SPI_OK_INSERT_RETURNING,
	};
	OlistSpiArg run_id = OLIST_SPI_INT8(key->run_id);
	int64 object_id;

	run_id.isnull = key->run_id == 0;
	SPI_connect();
	object_id = insert_line(&statement, key, run_id);
	SPI_finish();
	return object_id;
}

int64
olist_ledger_publish(void)
{
	static OlistSpiKept statement = {
		.sql =
			"UPDATE olist_etl.ledger l"
			"   SET published_at = now(), is_replayed = false,"
			"       former_published_at = NULL, former_modified = NULL, former_rejected = NULL"
			"  FROM olist_etl.entity e"
			"  JOIN olist_etl.staged s ON s.filenode = pg_relation_filenode(to_regclass(e.target))"
			" WHERE l.target = e.target AND l.object_id = s.object_id"
			"   AND l.is_current AND (l.published_at IS NULL OR l.is_replayed)",
		.expected = SPI_OK_UPDATE,
	};
	/* what has no version any more has left with this publishing */
	static OlistSpiKept forget = {
		.sql = "UPDATE olist_etl.ledger l"
			   "   SET published_at = NULL"
			   " WHERE l.published_at IS NOT NULL AND NOT l.is_current"
			   "   AND NOT EXISTS (SELECT FROM olist_etl.ledger c"
			   "                    WHERE c.target = l.target AND c.uri = l.uri AND c.is_current)",
		.expected = SPI_OK_UPDATE,
	};
	int64 n;

	SPI_connect();
	n = olist_spi_execute_kept_as_owner(&statement, 0, NULL);
	olist_spi_execute_kept_as_owner(&forget, 0, NULL);
	SPI_finish();
	return n;
}

int64
olist_ledger_first_object(void)
{
	static OlistSpiKept statement = {
		.sql = "SELECT min(l.object_id) FROM olist_etl.ledger l",
		.expected = SPI_OK_SELECT,
	};
	int64 first;

	SPI_connect();
	olist_spi_execute_kept_as_owner(&statement, 0, NULL);
	first = get_int8(1);
	SPI_finish();
	return first;
}

/* the largest _object_id in the schema's tables, 0 if there is none; read as the caller */
static int64
last_former_object(const char *schema)
{
	OlistSpiArg arg = OLIST_SPI_TEXT(schema);
	List *queries = NIL;
	int64 last = 0;
	ListCell *lc;

	olist_spi_execute(
		"SELECT pg_catalog.format('SELECT pg_catalog.max(_object_id) FROM %I.%I',"
		"                         n.nspname, c.relname)"
		"  FROM pg_catalog.pg_namespace n"
		"  JOIN pg_catalog.pg_class c ON c.relnamespace OPERATOR(pg_catalog.=) n.oid"
		"  JOIN pg_catalog.pg_attribute a ON a.attrelid OPERATOR(pg_catalog.=) c.oid"
		" WHERE n.nspname OPERATOR(pg_catalog.=) $1::pg_catalog.name"
		"   AND c.relkind OPERATOR(pg_catalog.=) 'r'"
		"   AND a.attname OPERATOR(pg_catalog.=) '_object_id'"
		"   AND a.atttypid OPERATOR(pg_catalog.=) 'pg_catalog.int8'::pg_catalog.regtype"
		"   AND pg_catalog.has_table_privilege(c.oid, 'SELECT')",
		SPI_OK_SELECT, 1, &arg);
	for (uint64 i = 0; i < SPI_processed; i++)
		queries = lappend(queries, SPI_getvalue(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1));
	foreach (lc, queries)
	{
		olist_spi_run(lfirst(lc), SPI_OK_SELECT);
		last = Max(last, get_int8(1));
	}
	return last;
}

void
olist_ledger_avoid_former_objects(const char *schema)
{
	OlistSpiArg last;

	if (olist_ledger_first_object() != 0)
		return;
	last = OLIST_SPI_INT8(last_former_object(schema));
	if (DatumGetInt64(last.value) > 0)
		olist_spi_execute_as_owner(
			"SELECT setval(s.sequence, greatest($1, pg_sequence_last_value(s.sequence)))"
			"  FROM (SELECT pg_get_serial_sequence('olist_etl.ledger', 'object_id')::regclass)"
			"       AS s (sequence)",
			SPI_OK_SELECT, 1, &last);
}

void
olist_ledger_drift(int64 object_id, const char *kind, List *columns)
{
	static OlistSpiKept statement = {
		.sql = "INSERT INTO olist_etl.drift (object_id, column_name, kind)"
			   "VALUES ($1, $2, $3)"
			   "    ON CONFLICT DO NOTHING",
		.expected = SPI_OK_INSERT,
	};
	ListCell *lc;

	SPI_connect();
	foreach (lc, columns)
	{
		OlistSpiArg args[] = {OLIST_SPI_INT8(object_id), OLIST_SPI_TEXT(lfirst(lc)),
							  OLIST_SPI_TEXT(kind)};

		olist_spi_execute_kept_as_owner(&statement, lengthof(args), args);
	}
	SPI_finish();
}
