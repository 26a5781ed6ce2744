/*
 * load/set_source.c
 *		olist_etl.set_source(): one call that points the workflow at its data.
 *
 *		options ──► server <name>_source, user mapping of the caller
 *		URI		──► olist_etl.source
 *
 * The server and the mapping are made by the functions that the DDL commands
 * call, not by SQL text: no secret reaches the log, pg_stat_statements or an
 * error's context by way of a statement of ours.
 *
 * What a source's former place gave does not belong to it any more when it
 * points elsewhere: its objects are no longer current and leave the staging. A
 * run that is going on notices, by the source's version, and fails.
 */
#include "postgres.h"

#include "load/source.h"

#include "base/message.h"
#include "base/spi.h"
#include "catalog/pg_type.h"
#include "commands/defrem.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "foreign/foreign.h"
#include "load/json.h"
#include "load/ledger.h"
#include "load/staging.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/parsenodes.h"
#include "source/glob.h"
#include "source/uri.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

PG_FUNCTION_INFO_V1(olist_etl_set_source);

/* the name of the foreign-data wrapper, in parse trees that are not const */
#define WRAPPER_NAME "olist_etl"

/* the arguments */
enum
{
	ARG_URI,
	ARG_NAME = 13,
	ARG_OPTIONS = 14
};

/* the options among the arguments, and where each belongs */
static const struct
{
	const char *name;
	bool is_mapping;
	bool is_boolean;
} option_arguments[] = {
	{"endpoint", false, false},			{"region", false, false},
	{"profile", true, false},			{"access_key_id", true, false},
	{"secret_access_key", true, false}, {"session_token", true, false},
	{"role_arn", false, false},			{"addressing", false, false},
	{"use_http", false, true},			{"anonymous", false, true},
	{"requester_pays", false, true},	{"ambient_credentials", false, true},
};

/* a prefix ends in a slash; a directory is what most people name without one */
static char *
normalize_uri(const char *uri)
{
	OlistUri *parts = olist_uri_parse(uri);
	const char *last = strrchr(uri, '/');

	if (parts->scheme == OLIST_SCHEME_HTTP || parts->scheme == OLIST_SCHEME_HTTPS ||
		olist_glob_is_pattern(uri) || uri[strlen(uri) - 1] == '/' ||
		(last != NULL && strstr(last, ".csv") != NULL))
		return pstrdup(uri);
	return psprintf("%s/", uri);
}

/* the given options of one place, as a list of DefElem */
static List *
given_options(FunctionCallInfo fcinfo, bool is_mapping)
{
	List *options = NIL;

	for (size_t i = 0; i < lengthof(option_arguments); i++)
	{
		char *value;

		if (option_arguments[i].is_mapping != is_mapping || PG_ARGISNULL(i + 1))
			continue;
		if (option_arguments[i].is_boolean)
			value = PG_GETARG_BOOL(i + 1) ? "true" : "false";
		else
			value = text_to_cstring(PG_GETARG_TEXT_PP(i + 1));
		options = lappend(options, makeDefElem(pstrdup(option_arguments[i].name),
											   (Node *) makeString(pstrdup(value)), -1));
	}
	return options;
}

/* the members of the argument options: further options of the server */
static List *
further_options(Jsonb *argument)
{
	JsonbIterator *iterator;
	JsonbIteratorToken token;
	JsonbValue value;
	List *options = NIL;

	olist_json_check_object(argument);
	iterator = JsonbIteratorInit(&argument->root);
	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
	{
		char *name;
		char *text;

		if (token != WJB_KEY)
			continue;
		name = pnstrdup(value.val.string.val, value.val.string.len);
		text = olist_json_text(argument, name);
		if (text != NULL)
			options = lappend(options, makeDefElem(name, (Node *) makeString(text), -1));
	}
	return options;
}

/*
 * The changes that turn the options an object has into the wanted ones: what
 * is not wanted is dropped.
 */
static List *
option_changes(List *present, List *wanted)
{
	List *changes = NIL;
	ListCell *lc;

	foreach (lc, present)
	{
		DefElem *def = lfirst(lc);

		changes = lappend(changes, makeDefElemExtended(NULL, def->defname, NULL, DEFELEM_DROP, -1));
	}
	foreach (lc, wanted)
	{
		DefElem *def = lfirst(lc);

		changes =
			lappend(changes, makeDefElemExtended(NULL, def->defname, def->arg, DEFELEM_ADD, -1));
	}
	return changes;
}

/* make the server, or give it exactly these options */
static void
put_server(const char *name, List *options)
{
	Oid serverid = get_foreign_server_oid(name, true);

	if (OidIsValid(serverid))
	{
		AlterForeignServerStmt *stmt = makeNode(AlterForeignServerStmt);

		stmt->servername = pstrdup(name);
		stmt->options = option_changes(GetForeignServer(serverid)->options, options);
		AlterForeignServer(stmt);
	}
	else
	{
		CreateForeignServerStmt *stmt = makeNode(CreateForeignServerStmt);

		stmt->servername = pstrdup(name);
		stmt->fdwname = pstrdup(WRAPPER_NAME);
		stmt->options = options;
		CreateForeignServer(stmt);
	}
	CommandCounterIncrement();
}

/* give the current user a mapping with exactly these options, or none */
static void
put_mapping(const char *server, List *options)
{
	RoleSpec *user = makeNode(RoleSpec);
	DropUserMappingStmt *drop = makeNode(DropUserMappingStmt);

	user->roletype = ROLESPEC_CURRENT_USER;
	user->location = -1;
	drop->user = user;
	drop->servername = pstrdup(server);
	if (SearchSysCacheExists2(USERMAPPINGUSERSERVER, ObjectIdGetDatum(GetUserId()),
							  ObjectIdGetDatum(get_foreign_server_oid(server, false))))
		RemoveUserMapping(drop);
	CommandCounterIncrement();
	if (options != NIL)
	{
		CreateUserMappingStmt *create = makeNode(CreateUserMappingStmt);

		create->user = user;
		create->servername = pstrdup(server);
		create->options = options;
		CreateUserMapping(create);
		CommandCounterIncrement();
	}
}

/* objects of the source are no longer current; their ids as a bigint[] parameter */
static OlistSpiArg
retire_objects(const char *source)
{
	OlistSpiArg args[] = {OLIST_SPI_TEXT(source)};
	OlistSpiArg ids = {INT8ARRAYOID, (Datum) 0, true};

	olist_spi_execute_as_owner("WITH retired AS ("
							   "    UPDATE olist_etl.ledger"
							   "       SET is_current = false, " OLIST_LEDGER_AS_PUBLISHED
							   "     WHERE is_current AND source = $1"
							   "    RETURNING object_id),"
							   " unmarked AS ("
							   "    DELETE FROM olist_etl.staged"
							   "     USING retired r"
							   "     WHERE staged.object_id = r.object_id)"
							   "SELECT array_agg(r.object_id) FROM retired r",
							   SPI_OK_SELECT, 1, args);
	ids.value = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &ids.isnull);
	return ids;
}

/* what the source's former place gave leaves ledger and staging */
static void
forget_former_place(const char *source)
{
	OlistSpiArg ids;
	uint64 n;

	SPI_connect();
	ids = retire_objects(source);
	n = olist_staging_remove(&ids);
	SPI_finish();
	if (!ids.isnull)
		ereport(NOTICE, (errmsg("source \"%s\" points elsewhere now: what it gave before is no "
								"longer part of it",
								source),
						 errdetail("%llu rows have left the staging.", (unsigned long long) n)));
}

static void
put_source(const char *name, const char *uri, const char *server, int version)
{
	OlistSpiArg args[] = {OLIST_SPI_TEXT(name), OLIST_SPI_TEXT(uri), OLIST_SPI_TEXT(server),
						  OLIST_SPI_INT4(version)};

	SPI_connect();
	olist_spi_execute_as_owner("INSERT INTO olist_etl.source (name, uri, server, version)"
							   "VALUES ($1, $2, $3, $4)"
							   "    ON CONFLICT (name, is_default)"
							   "    DO UPDATE SET uri = $2, server = $3, version = $4",
							   SPI_OK_INSERT, lengthof(args), args);
	SPI_finish();
}

/* set_source(uri text, option_arguments, name text, options jsonb) */
Datum
olist_etl_set_source(PG_FUNCTION_ARGS)
{
	char *uri;
	char *name;
	char *server;
	List *server_options = given_options(fcinfo, false);
	List *mapping_options = given_options(fcinfo, true);
	OlistNamedSource *former;
	bool is_elsewhere;

	if (PG_ARGISNULL(ARG_URI) || PG_ARGISNULL(ARG_NAME))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("uri and name must not be null")));
	uri = normalize_uri(text_to_cstring(PG_GETARG_TEXT_PP(ARG_URI)));
	name = text_to_cstring(PG_GETARG_TEXT_PP(ARG_NAME));
	server = psprintf("%s_source", name);
	if (strlen(server) >= NAMEDATALEN)
		ereport(ERROR, (errcode(ERRCODE_NAME_TOO_LONG), errmsg("the source's name is too long")));
	if (!PG_ARGISNULL(ARG_OPTIONS))
		server_options =
			list_concat(server_options, further_options(PG_GETARG_JSONB_P(ARG_OPTIONS)));

	olist_source_lock_for_change();
	former = olist_named_source_if_any(name);
	is_elsewhere = former != NULL && strcmp(former->uri, uri) != 0;
	if (server_options != NIL || mapping_options != NIL)
	{
		put_server(server, server_options);
		put_mapping(server, mapping_options);
	}
	else
		server = NULL;
	put_source(name, uri, server, former == NULL ? 1 : former->version + (is_elsewhere ? 1 : 0));
	if (is_elsewhere)
		forget_former_place(name);
	PG_RETURN_VOID();
}
