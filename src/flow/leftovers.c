/*
 * flow/leftovers.c
 *		What a task leaves behind in the session that executed it.
 *
 *		what is there before any task ──► keys
 *		what is there after a task, and not among the keys ──► cleared
 *
 * A key is a letter, which says what it is, and its name: "c my_cursor".
 */
#include "postgres.h"

#include "flow/leftovers.h"

#include "base/spi.h"
#include "base/try.h"
#include "catalog/dependency.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "commands/async.h"
#include "commands/prepare.h"
#include "commands/sequence.h"
#include "compat.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "storage/lock.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/portal.h"
#include "utils/snapmgr.h"

struct OlistLeftovers
{
	Datum objects;	 /* text[] */
	Datum committed; /* text[] */
};

/* pg_my_temp_schema() is 0 until something temporary has been made: no row depends on that */
static OlistSpiKept objects_kept = {
	.sql = "SELECT l.key "
		   "FROM (SELECT 'c ' || name FROM pg_catalog.pg_cursors "
		   "      UNION ALL "
		   "      SELECT 'p ' || name FROM pg_catalog.pg_prepared_statements "
		   "      UNION ALL "
		   "      SELECT 't ' || d.classid || ' ' || d.objid FROM pg_catalog.pg_depend d "
		   "      WHERE d.refclassid = 'pg_catalog.pg_namespace'::regclass "
		   "        AND d.refobjid = pg_catalog.pg_my_temp_schema()) AS l (key) "
		   "WHERE l.key <> ALL ($1)",
	.expected = SPI_OK_SELECT};

/* of advisory locks those of classes 1 and 2, which SQL functions take */
static OlistSpiKept committed_kept = {
	.sql = "SELECT l.key "
		   "FROM (SELECT 'n ' || channel FROM pg_catalog.pg_listening_channels() AS channel "
		   "      UNION ALL "
		   "      SELECT concat_ws(' ', 'l', classid, objid, objsubid, mode) "
		   "      FROM pg_catalog.pg_locks "
		   "      WHERE pid = pg_catalog.pg_backend_pid() AND locktype = 'advisory' "
		   "        AND objsubid IN (1, 2) AND granted) AS l (key) "
		   "WHERE l.key <> ALL ($1)",
	.expected = SPI_OK_SELECT};

/* the keys of a statement that are not among those, a text[] in the current memory context */
static Datum
find(OlistSpiKept *kept, Datum known)
{
	MemoryContext context = CurrentMemoryContext;
	OlistSpiArg args[1] = {{TEXTARRAYOID, known, false}};
	Datum *keys;
	Datum found;
	uint64 n;
	bool isnull;

	PushActiveSnapshot(GetTransactionSnapshot());
	SPI_connect();
	n = olist_spi_execute_kept_as_owner(kept, lengthof(args), args);
	keys = SPI_palloc(Max(n, 1) * sizeof(Datum));
	for (uint64 i = 0; i < n; i++)
		keys[i] = SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1, &isnull);
	MemoryContextSwitchTo(context);
	found = PointerGetDatum(construct_array(keys, (int) n, TEXTOID, -1, false, TYPALIGN_INT));
	SPI_finish();
	PopActiveSnapshot();
	return found;
}

static Datum
no_keys(void)
{
	return PointerGetDatum(construct_empty_array(TEXTOID));
}

OlistLeftovers *
olist_leftovers_note(void)
{
	OlistLeftovers *noted = palloc(sizeof(OlistLeftovers));

	noted->objects = find(&objects_kept, no_keys());
	noted->committed = find(&committed_kept, no_keys());
	return noted;
}

void
olist_leftovers_discard_all(void)
{
	PortalHashTableDeleteAll();
	DropAllPreparedStatements();
	Async_UnlistenAll();
	LockReleaseAll(USER_LOCKMETHOD, true);
	ResetTempTableNamespace();
	ResetSequenceCaches();
}

static void
drop_cursor(const char *name)
{
	Portal portal = GetPortalByName(name);

	if (PortalIsValid(portal) && !portal->portalPinned && portal->status != PORTAL_ACTIVE)
		PortalDrop(portal, false);
}

static void
release_lock(const char *key)
{
	uint32 classid;
	uint32 objid;
	int objsubid;
	char name[32];
	LOCKMODE mode;
	LOCKTAG tag;

	if (sscanf(key, "%u %u %d %31s", &classid, &objid, &objsubid, name) != 4)
		elog(ERROR, "unexpected lock \"%s\"", key);
	SET_LOCKTAG_ADVISORY(tag, MyDatabaseId, classid, objid, (uint16) objsubid);
	mode = strcmp(name, "ShareLock") == 0 ? ShareLock : ExclusiveLock;
	while (olist_compat_lock_held(&tag, mode) && LockRelease(&tag, mode, true))
		;
}

static void
clear_key(char *key, ObjectAddresses *objects)
{
	ObjectAddress object = {0};

	switch (key[0])
	{
		case 'c':
			drop_cursor(key + 2);
			break;
		case 'p':
			DropPreparedStatement(key + 2, false);
			break;
		case 'n':
			Async_Unlisten(key + 2);
			break;
		case 'l':
			release_lock(key + 2);
			break;
		case 't':
			if (sscanf(key + 2, "%u %u", &object.classId, &object.objectId) == 2)
				add_exact_object_address(&object, objects);
			break;
	}
}

/* a text[] of keys, each handed to olist_try() */
static void
clear_keys(void *arg)
{
	ArrayType *keys = arg;
	ObjectAddresses *objects = new_object_addresses();
	Datum *values;
	int n;

	deconstruct_array(keys, TEXTOID, -1, false, TYPALIGN_INT, &values, NULL, &n);
	for (int i = 0; i < n; i++)
		clear_key(TextDatumGetCString(values[i]), objects);
	performMultipleDeletions(objects, DROP_CASCADE,
							 PERFORM_DELETION_INTERNAL | PERFORM_DELETION_QUIETLY);
	free_object_addresses(objects);
}

static void
clear(OlistSpiKept *kept, Datum known)
{
	ArrayType *keys = DatumGetArrayTypeP(find(kept, known));
	ErrorData *edata;

	if (ARR_NDIM(keys) == 0)
		return;
	edata = olist_try(clear_keys, keys);
	if (edata != NULL && edata->sqlerrcode == ERRCODE_QUERY_CANCELED)
		ReThrowError(edata);
	if (edata != NULL)
		ereport(WARNING,
				(errcode(edata->sqlerrcode),
				 errmsg("what a task left in the session stays there: %s", edata->message)));
}

void
olist_leftovers_clear(const OlistLeftovers *noted)
{
	clear(&objects_kept, noted->objects);
}

void
olist_leftovers_clear_committed(const OlistLeftovers *noted)
{
	clear(&committed_kept, noted->committed);
}
