/*
 * star/schema.c
 *		The schemas that the room writes to, and whose they must be.
 */
#include "postgres.h"

#include "star/schema.h"

#include "base/lock.h"
#include "base/spi.h"
#include "catalog/namespace.h"
#include "catalog/pg_namespace.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "star/scan.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

static Oid
schema_owner(Oid schema)
{
	HeapTuple tuple = SearchSysCache1(NAMESPACEOID, ObjectIdGetDatum(schema));
	Oid owner;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for schema %u", schema);
	owner = ((Form_pg_namespace) GETSTRUCT(tuple))->nspowner;
	ReleaseSysCache(tuple);
	return owner;
}

/* tasks that start side by side on an empty database must not collide */
static void
create_schema(const char *name)
{
	olist_lock_until_commit(OLIST_LOCK_CREATION, name);
	AcceptInvalidationMessages();
	if (OidIsValid(get_namespace_oid(name, true)))
		return;
	olist_spi_run(psprintf("CREATE SCHEMA %s", quote_identifier(name)), SPI_OK_UTILITY);
	olist_spi_run(psprintf("COMMENT ON SCHEMA %s IS %s", quote_identifier(name),
						   quote_literal_cstr(
							   strcmp(name, OLIST_DW_SCHEMA) == 0
								   ? "The warehouse of olist_etl: dimensions, facts and marts"
								   : "Tables that olist_etl builds before they are published")),
				  SPI_OK_UTILITY);
}

void
olist_schema_ensure(const char *name)
{
	Oid schema = get_namespace_oid(name, true);
	Oid owner;

	if (!OidIsValid(schema))
	{
		create_schema(name);
		schema = get_namespace_oid(name, false);
	}
	owner = schema_owner(schema);
	if (!has_privs_of_role(GetUserId(), owner))
		ereport(
			ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("schema \"%s\" belongs to role \"%s\"", name, GetUserNameFromId(owner, false)),
			 errhint("Run as a member of that role, or let its owner drop the schema.")));
}

void
olist_schema_drop_table(const char *schema, const char *table)
{
	if (olist_table_exists(schema, table))
		olist_spi_run(
			psprintf("DROP TABLE %s.%s CASCADE", quote_identifier(schema), quote_identifier(table)),
			SPI_OK_UTILITY);
}
