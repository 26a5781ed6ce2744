/*
 * load/load.c
 *		One object into one table, exactly once.
 *
 *		claim the ledger line ──► remove what is replaced ──► row source ──► writer
 *															 │			└──► rejects
 *															 └──► ledger line, marker
 *
 * Everything happens in the caller's transaction. A plain table takes rows in
 * bulk; one with triggers, constraints or indexes takes them through the
 * executor.
 *
 * The target may have two columns for provenance: _object_id, the ledger's line,
 * and _line, the physical line. Replacing an object's rows needs the former.
 */
#include "postgres.h"

#include "load/load.h"

#include "access/table.h"
#include "access/xact.h"
#include "base/fault.h"
#include "base/message.h"
#include "base/spi.h"
#include "catalog/pg_attribute.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fdw/reader.h"
#include "load/inserter.h"
#include "load/ledger.h"
#include "load/reject.h"
#include "load/writer.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"

/* the names of the provenance columns */
#define OBJECT_ID_COLUMN "_object_id"
#define LINE_COLUMN "_line"

/* an object on its way into a table */
typedef struct Load
{
	const OlistLoadTarget *target;
	const OlistObject *object;
	Relation rel;
	const char *target_name;		/* qualified, as SQL */
	AttrNumber object_id_attribute; /* provenance columns, 0 if there is none */
	AttrNumber line_attribute;
	OlistRowFormat format; /* the target's, with the columns that may be missing */
	OlistLedgerKey key;
	OlistLedgerClaim claim;
	OlistLedgerCounts counts;
	int extra_columns; /* drift, as in OlistLoadResult */
	int missing_columns;
	OlistRowSource *rows;
	OlistRejects *rejects;
	OlistWriter *writer; /* one of these two takes the rows */
	OlistInserter *inserter;
} Load;

/* the attribute of that name, if it is a bigint; 0 if there is none */
static AttrNumber
provenance_attribute(Relation rel, const char *name)
{
	AttrNumber attnum = get_attnum(RelationGetRelid(rel), name);

	if (attnum == InvalidAttrNumber || get_atttype(RelationGetRelid(rel), attnum) != INT8OID)
		return 0;
	return attnum;
}

/* what the entity knows of this column; NULL if there is no entity, or no such column in it */
static const OlistEntityColumn *
entity_column(const Load *load, Form_pg_attribute attribute)
{
	ListCell *lc;

	if (load->target->entity == NULL)
		return NULL;
	foreach (lc, load->target->entity->columns)
	{
		OlistEntityColumn *column = lfirst(lc);

		if (strcmp(column->name, NameStr(attribute->attname)) == 0)
			return column;
	}
	return NULL;
}

/* may an object lack this column? */
static bool
is_optional(const Load *load, Form_pg_attribute attribute)
{
	const OlistEntityColumn *column = entity_column(load, attribute);

	if (load->target->entity == NULL)
		return attribute->atthasdef || attribute->attidentity;
	return column == NULL || !column->is_required;
}

/* must its values fit into an index? */
static bool
is_key(const Load *load, Form_pg_attribute attribute)
{
	const OlistEntityColumn *column = entity_column(load, attribute);

	return column != NULL && column->is_key;
}

/* which columns are read from the object, and which of them it may lack */
static void
choose_columns(Load *load)
{
	TupleDesc desc = RelationGetDescr(load->rel);

	load->object_id_attribute = provenance_attribute(load->rel, OBJECT_ID_COLUMN);
	load->line_attribute = provenance_attribute(load->rel, LINE_COLUMN);
	load->format = load->target->csv.format;
	for (AttrNumber attnum = 1; attnum <= desc->natts; attnum++)
	{
		Form_pg_attribute attribute = TupleDescAttr(desc, attnum - 1);

		if (attribute->attisdropped)
			continue;
		if (attnum == load->object_id_attribute || attnum == load->line_attribute ||
			attribute->attgenerated)
			load->format.skipped = bms_add_member(load->format.skipped, attnum);
		else if (is_optional(load, attribute))
			load->format.optional = bms_add_member(load->format.optional, attnum);
		if (is_key(load, attribute))
			load->format.keys = bms_add_member(load->format.keys, attnum);
	}
}

/* the table can be loaded into, and by this user */
static void
check_target(Relation rel)
{
	AclResult acl = pg_class_aclcheck(RelationGetRelid(rel), GetUserId(), ACL_INSERT);

	if (rel->rd_rel->relkind != RELKIND_RELATION &&
		rel->rd_rel->relkind != RELKIND_PARTITIONED_TABLE)
		ereport(ERROR, (errcode(ERRCODE_WRONG_OBJECT_TYPE),
						errmsg("cannot load into \"%s\"", RelationGetRelationName(rel)),
						errdetail("It is not a table.")));
	if (acl != ACLCHECK_OK)
		aclcheck_error(acl, get_relkind_objtype(rel->rd_rel->relkind),
					   RelationGetRelationName(rel));
	if (rel->rd_rel->relpersistence == RELPERSISTENCE_TEMP)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("cannot load into temporary table \"%s\"", RelationGetRelationName(rel)),
				 errdetail("The ledger outlives the session."),
				 errhint("Use INSERT ... SELECT FROM olist_etl.read_csv(...) AS t(...).")));
}

/*
 * The rows of the version that this one replaces, and what a former load of
 * this very version left, must go. A table without pages holds neither.
 */
static void
remove_replaced_rows(Load *load)
{
	OlistSpiArg args[] = {OLIST_SPI_INT8(load->claim.object_id),
						  OLIST_SPI_INT8(load->claim.former_id)};
	char *sql;

	if (!load->claim.may_have_rows && load->claim.former_rows == 0)
		return;
	if (load->rel->rd_rel->relkind == RELKIND_RELATION && RelationGetNumberOfBlocks(load->rel) == 0)
		return;
	if (load->object_id_attribute == 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("cannot replace the rows of object \"%s\" in table \"%s\"",
						olist_redact_uri(load->object->uri), RelationGetRelationName(load->rel)),
				 errdetail("A version of this object has been loaded before, and the table has no "
						   "column \"%s\" that tells its rows.",
						   OBJECT_ID_COLUMN),
				 errhint("Add the column %s bigint to the table before its first load.",
						 OBJECT_ID_COLUMN)));
	sql = psprintf("DELETE FROM %s WHERE %s IN ($1, $2)", load->target_name, OBJECT_ID_COLUMN);
	SPI_connect();
	olist_spi_execute(sql, SPI_OK_DELETE, lengthof(args), args);
	SPI_finish();
}

/* the columns that INSERT gives: all but generated ones and those left to their defaults */
static Bitmapset *
inserted_columns(const Load *load)
{
	TupleDesc desc = RelationGetDescr(load->rel);
	Bitmapset *columns = NULL;

	for (AttrNumber attnum = 1; attnum <= desc->natts; attnum++)
	{
		Form_pg_attribute attribute = TupleDescAttr(desc, attnum - 1);
		bool missing = false;
		ListCell *lc;

		if (attribute->attisdropped || attribute->attgenerated)
			continue;
		foreach (lc, olist_row_source_missing_columns(load->rows))
			missing |= strcmp(lfirst(lc), NameStr(attribute->attname)) == 0;
		if (!missing)
			columns = bms_add_member(columns, attnum);
	}
	return columns;
}

/* the way into the table: in bulk if nothing stands in the way */
static void
open_target(Load *load)
{
	const char *obstacle = olist_writer_obstacle(load->rel);

	if (obstacle == NULL)
	{
		/* a whole build, repeated, shall read its points in the same order */
		load->writer = olist_writer_begin(load->rel, load->target->entity != NULL, true);
		return;
	}
	ereport(DEBUG1, (errmsg_internal("table \"%s\" has %s: rows go through the executor",
									 RelationGetRelationName(load->rel), obstacle)));
	load->inserter = olist_inserter_begin(
		load->rel, inserted_columns(load),
		load->target->csv.on_error == OLIST_ON_ERROR_REJECT ? load->rejects : NULL);
}

/* tell once what the object has or lacks beyond its table */
static void
note_drift(Load *load)
{
	List *extra = olist_row_source_extra_columns(load->rows);
	List *missing = olist_row_source_missing_columns(load->rows);

	load->extra_columns = list_length(extra);
	load->missing_columns = list_length(missing);
	if (extra != NIL)
		ereport(NOTICE,
				(errmsg_plural("object \"%s\" has %d column that is not loaded into table \"%s\"",
							   "object \"%s\" has %d columns that are not loaded into table \"%s\"",
							   list_length(extra), olist_redact_uri(load->object->uri),
							   list_length(extra), RelationGetRelationName(load->rel)),
				 errhint("They are listed in olist_etl.drift.")));
	if (missing != NIL)
		ereport(WARNING, (errmsg_plural("object \"%s\" lacks %d optional column of table \"%s\"",
										"object \"%s\" lacks %d optional columns of table \"%s\"",
										list_length(missing), olist_redact_uri(load->object->uri),
										list_length(missing), RelationGetRelationName(load->rel)),
						  errhint("They are listed in olist_etl.drift.")));
	olist_ledger_drift(load->claim.object_id, "extra", extra);
	olist_ledger_drift(load->claim.object_id, "missing", missing);
}

/* a record that is no row */
static void
reject_record(Load *load)
{
	if (load->target->csv.on_error == OLIST_ON_ERROR_STOP)
		olist_row_source_raise(load->rows);
	load->counts.rejected++;
	olist_reject_limit_check(&load->target->csv.reject_limit, false, load->object->uri,
							 load->counts.read, load->counts.rejected);
	olist_rejects_add(load->rejects, olist_row_source_position(load->rows),
					  olist_row_source_error(load->rows));
}

/* a good row, with its provenance */
static void
put_row(Load *load, Datum *values, bool *isnull)
{
	if (load->object_id_attribute != 0)
	{
		values[load->object_id_attribute - 1] = Int64GetDatum(load->claim.object_id);
		isnull[load->object_id_attribute - 1] = false;
	}
	if (load->line_attribute != 0)
	{
		values[load->line_attribute - 1] =
			Int64GetDatum(olist_row_source_position(load->rows)->line);
		isnull[load->line_attribute - 1] = false;
	}
	if (load->writer != NULL)
		olist_writer_put(load->writer, values, isnull);
	else
		olist_inserter_put(load->inserter, values, isnull, load->rows);
}

/* every record of the object, into the table or to the rejects */
static void
copy_rows(Load *load)
{
	int natts = RelationGetDescr(load->rel)->natts;
	Datum *values = palloc(natts * sizeof(Datum));
	bool *isnull = palloc(natts * sizeof(bool));
	MemoryContext row_context =
		AllocSetContextCreate(CurrentMemoryContext, "olist load row", ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = CurrentMemoryContext;

	for (;;)
	{
		OlistRowStatus status;

		MemoryContextReset(row_context);
		MemoryContextSwitchTo(row_context);
		status = olist_reader_next_record(load->rows, values, isnull);
		if (status == OLIST_ROW_END)
			break;
		load->counts.read++;
		if (status == OLIST_ROW_OK)
			put_row(load, values, isnull);
		else
			reject_record(load);
		MemoryContextSwitchTo(caller);
	}
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(row_context);
}

/* finish the writing, and check that every record has come to rest somewhere */
static void
finish_target(Load *load)
{
	if (load->writer != NULL)
		load->counts.loaded = olist_writer_end(load->writer);
	else
	{
		olist_inserter_end(load->inserter);
		load->counts.loaded = olist_inserter_inserted(load->inserter);
		load->counts.rejected += olist_inserter_rejected(load->inserter);
	}
	olist_rejects_end(load->rejects);
	olist_reject_limit_check(&load->target->csv.reject_limit, true, load->object->uri,
							 load->counts.read, load->counts.rejected);
	if (load->counts.read != load->counts.loaded + load->counts.rejected)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("object \"%s\" has %lld records, but %lld were loaded and %lld rejected",
						olist_redact_uri(load->object->uri), (long long) load->counts.read,
						(long long) load->counts.loaded, (long long) load->counts.rejected),
				 errhint("A trigger or a rule of the table keeps rows away.")));
}

/* read the object into the table */
static void
transfer(Load *load)
{
	load->rows = olist_reader_open_object(load->object, load->target->source,
										  RelationGetDescr(load->rel), &load->format);
	load->rejects = olist_rejects_begin(load->claim.object_id, load->claim.may_have_rows);
	open_target(load);
	note_drift(load);

	copy_rows(load);
	finish_target(load);
	olist_row_source_close(load->rows);
}

/*
 * The name of a relation, qualified, as SQL. It is a key of the ledger, so it
 * must not depend on the session's quote_all_identifiers.
 */
static char *
stable_name(Relation rel)
{
	int nest_level = NewGUCNestLevel();
	char *name;

	(void) set_config_option("quote_all_identifiers", "off", PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
	name = quote_qualified_identifier(get_namespace_name(RelationGetNamespace(rel)),
									  RelationGetRelationName(rel));
	AtEOXact_GUC(true, nest_level);
	return name;
}

static void
describe_target(Load *load)
{
	Relation rel = load->rel;

	load->target_name = stable_name(rel);
	load->key.target = load->target_name;
	load->key.object = load->object;
	load->key.entity = load->target->entity != NULL ? load->target->entity->name : NULL;
	load->key.source = load->target->source_name;
	load->key.run_id = load->target->run_id;
	if (rel->rd_rel->relpersistence == RELPERSISTENCE_UNLOGGED)
		load->key.filenode = rel->rd_rel->relfilenode;
	choose_columns(load);
}

/* the object's part of the work, in a context that is thrown away */
static void
load_object(Load *load)
{
	load->rel = table_open(load->target->relid, RowExclusiveLock);
	check_target(load->rel);
	describe_target(load);
	load->claim = olist_ledger_claim(&load->key);
	OLIST_FAULT("load-claimed");
	if (!load->claim.is_loaded || load->target->reload)
	{
		remove_replaced_rows(load);
		OLIST_FAULT("load-removed");
		transfer(load);
		OLIST_FAULT("load-transferred");
		olist_ledger_finish(&load->key, &load->claim, &load->counts);
		OLIST_FAULT("load-finished");
		CommandCounterIncrement();
	}
	table_close(load->rel, NoLock);
}

OlistLoadResult
olist_load_object(const OlistLoadTarget *target, const OlistObject *object)
{
	MemoryContext context =
		AllocSetContextCreate(CurrentMemoryContext, "olist load", ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(context);
	Load *load = palloc0(sizeof(Load));
	OlistLoadResult result;

	load->target = target;
	load->object = object;
	load_object(load);
	result = (OlistLoadResult){
		.skipped = load->claim.is_loaded && !target->reload,
		.object_id = load->claim.object_id,
		.rows_read = load->counts.read,
		.rows_loaded = load->counts.loaded,
		.rows_rejected = load->counts.rejected,
		.extra_columns = load->extra_columns,
		.missing_columns = load->missing_columns,
	};
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(context);
	return result;
}

bool
olist_load_reject_object(const OlistLoadTarget *target, const OlistObject *object,
						 const ErrorData *error, OlistLoadResult *result)
{
	Load load = {.target = target, .object = object};
	int64 object_id;

	load.rel = table_open(target->relid, RowExclusiveLock);
	describe_target(&load);
	object_id = olist_ledger_reject(&load.key);
	table_close(load.rel, NoLock);
	if (object_id == 0)
		return false;
	olist_rejects_add_object(object_id, error);
	*result = (OlistLoadResult){.object_id = object_id, .error = pstrdup(error->message)};
	return true;
}
