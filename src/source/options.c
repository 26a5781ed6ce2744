/*
 * source/options.c
 *		How to reach a source: the options of a server and of a user mapping.
 *
 * One table says of every option where it may stand, who may set it and how
 * its text is read; the validator and olist_source_options() are both loops
 * over it, so that what was accepted can always be used.
 */
#include "postgres.h"

#include "source/options.h"

#include "base/spi.h"
#include "base/suggest.h"
#include "catalog/pg_foreign_server.h"
#include "catalog/pg_type.h"
#include "catalog/pg_user_mapping.h"
#include "commands/defrem.h"
#include "compat.h"
#include "executor/spi.h"
#include "foreign/foreign.h"
#include "miscadmin.h"
#include "source/uri.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/syscache.h"

/* the name of the extension's one foreign-data wrapper */
#define WRAPPER_NAME "olist_etl"

/* where an option may stand */
#define ON_SERVER 1
#define ON_MAPPING 2

typedef enum OptionKind
{
	KIND_TEXT,
	KIND_BOOL,
	KIND_BYTES,
	KIND_MILLISECONDS,
	KIND_COUNT,
	KIND_ENDPOINT,
	KIND_REGION,
	KIND_ADDRESSING,
	KIND_CHECKSUM,
	KIND_TLS
} OptionKind;

typedef struct Option
{
	const char *name;
	int where;		  /* ON_SERVER, ON_MAPPING or both */
	bool superuser;	  /* only a superuser may set it */
	OptionKind kind;  /* how its text is read */
	size_t offset;	  /* where its value goes in OlistSourceOptions */
	int min, max;	  /* for numbers */
	const char *dflt; /* as text, or NULL for zero, false, none */
} Option;

#define AT(field) offsetof(OlistSourceOptions, field)
#define BOTH (ON_SERVER | ON_MAPPING)

static const Option option_table[] = {
	{"endpoint", ON_SERVER, false, KIND_ENDPOINT, AT(endpoint), 0, 0, NULL},
	{"region", ON_SERVER, false, KIND_REGION, AT(region), 0, 0, NULL},
	{"addressing", ON_SERVER, false, KIND_ADDRESSING, AT(addressing), 0, 0, "auto"},
	{"requester_pays", ON_SERVER, false, KIND_BOOL, AT(requester_pays), 0, 0, NULL},
	{"anonymous", ON_SERVER, false, KIND_BOOL, AT(anonymous), 0, 0, NULL},
	{"part_size", ON_SERVER, false, KIND_BYTES, AT(part_size), 1024, 1 << 30, "8MB"},
	{"page_size", ON_SERVER, false, KIND_COUNT, AT(page_size), 1, 1000, "1000"},
	{"connections", ON_SERVER, false, KIND_COUNT, AT(connections), 1, 32, "4"},
	{"connect_timeout", ON_SERVER, false, KIND_MILLISECONDS, AT(connect_timeout), 1, 3600000,
	 "10s"},
	{"timeout", ON_SERVER, false, KIND_MILLISECONDS, AT(timeout), 1, 3600000, "30s"},
	{"retries", ON_SERVER, false, KIND_COUNT, AT(retries), 0, 100, "6"},
	{"checksum", ON_SERVER, false, KIND_CHECKSUM, AT(checksum), 0, 0, "auto"},
	{"min_tls", ON_SERVER, false, KIND_TLS, AT(min_tls), 0, 0, "1.2"},

	/* these reach into the server's own files, network or identity */
	{"use_http", ON_SERVER, true, KIND_BOOL, AT(use_http), 0, 0, NULL},
	{"ca_file", ON_SERVER, true, KIND_TEXT, AT(ca_file), 0, 0, NULL},
	{"sts_endpoint", ON_SERVER, true, KIND_ENDPOINT, AT(sts_endpoint), 0, 0, NULL},
	{"ambient_credentials", ON_SERVER, true, KIND_BOOL, AT(ambient_credentials), 0, 0, NULL},
	{"profile", ON_MAPPING, true, KIND_TEXT, AT(profile), 0, 0, NULL},

	{"role_arn", BOTH, false, KIND_TEXT, AT(role_arn), 0, 0, NULL},
	{"external_id", BOTH, false, KIND_TEXT, AT(external_id), 0, 0, NULL},
	{"role_duration", BOTH, false, KIND_COUNT, AT(role_duration), 1, 43200, NULL},
	{"access_key_id", ON_MAPPING, false, KIND_TEXT, AT(access_key_id), 0, 0, NULL},
	{"secret_access_key", ON_MAPPING, false, KIND_TEXT, AT(secret_access_key), 0, 0, NULL},
	{"session_token", ON_MAPPING, false, KIND_TEXT, AT(session_token), 0, 0, NULL},
};

pg_noreturn static void bad_value(const Option *option, const char *hint);

/* the value is not repeated: it may be a secret that stands in the wrong place */
static void
bad_value(const Option *option, const char *hint)
{
	ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					errmsg("invalid value for option \"%s\"", option->name), errhint("%s", hint)));
}

static int
read_int(const Option *option, const char *text, int unit)
{
	const char *hint = NULL;
	int value;

	if (!parse_int(text, &value, unit, &hint) || value < option->min || value > option->max)
		bad_value(option,
				  hint ? hint
					   : psprintf("It must be between %d and %d%s.", option->min, option->max,
								  unit == GUC_UNIT_BYTE ? " bytes"
								  : unit == GUC_UNIT_MS ? " milliseconds"
														: ""));
	return value;
}

/* the position of text in words, a NULL-terminated list, which is the hint too */
static int
read_word(const Option *option, const char *text, const char *const *words, const char *hint)
{
	for (int i = 0; words[i] != NULL; i++)
	{
		if (pg_strcasecmp(text, words[i]) == 0)
			return i;
	}
	bad_value(option, hint);
}

/* an endpoint is the scheme, host and port of a URL and nothing else */
static char *
read_endpoint(const Option *option, const char *text)
{
	const char *hint = "Give an address like https://host or https://host:port.";
	OlistUri *uri;

	if (pg_strncasecmp(text, "http", 4) != 0)
		bad_value(option, hint);
	uri = olist_uri_parse(text);
	if (uri->host == NULL || strcmp(uri->path, "/") != 0)
		bad_value(option, hint);
	return pstrdup(text);
}

/* a region becomes part of a host name, so it must not be able to end one */
static char *
read_region(const Option *option, const char *text)
{
	size_t len = strlen(text);

	if (len == 0 || len > 64 || strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-") != len)
		bad_value(option, "A region consists of lower-case letters, digits and '-'.");
	return pstrdup(text);
}

/* read the text of an option into its place; raises 22023 for an unusable one */
static void
read_option(const Option *option, const char *text, OlistSourceOptions *options)
{
	static const char *const addressings[] = {"auto", "path", "virtual", NULL};
	static const char *const checksums[] = {"auto", "on", "off", NULL};
	static const char *const versions[] = {"1.2", "1.3", NULL};
	void *place = (char *) options + option->offset;

	switch (option->kind)
	{
		case KIND_TEXT:
			if (*text == '\0')
				bad_value(option, "It must not be empty.");
			*(char **) place = pstrdup(text);
			break;
		case KIND_BOOL:
			if (!parse_bool(text, (bool *) place))
				bad_value(option, "It must be true or false.");
			break;
		case KIND_BYTES:
			*(int *) place = read_int(option, text, GUC_UNIT_BYTE);
			break;
		case KIND_MILLISECONDS:
			*(int *) place = read_int(option, text, GUC_UNIT_MS);
			break;
		case KIND_COUNT:
			*(int *) place = read_int(option, text, 0);
			break;
		case KIND_ENDPOINT:
			*(char **) place = read_endpoint(option, text);
			break;
		case KIND_REGION:
			*(char **) place = read_region(option, text);
			break;
		case KIND_ADDRESSING:
			*(OlistAddressing *) place =
				read_word(option, text, addressings, "It must be auto, path or virtual.");
			break;
		case KIND_CHECKSUM:
			*(OlistChecksum *) place =
				read_word(option, text, checksums, "It must be auto, on or off.");
			break;
		case KIND_TLS:
			*(char **) place =
				pstrdup(versions[read_word(option, text, versions, "It must be 1.2 or 1.3.")]);
			break;
	}
}

static const Option *
find_option(const char *name)
{
	for (size_t i = 0; i < lengthof(option_table); i++)
	{
		if (strcmp(option_table[i].name, name) == 0)
			return &option_table[i];
	}
	return NULL;
}

/* the name that a mistyped one was meant to be, or NULL */
static const char *
closest_option(const char *name, int where)
{
	OlistSuggestion suggestion;

	olist_suggestion_init(&suggestion, name);
	for (size_t i = 0; i < lengthof(option_table); i++)
	{
		if ((option_table[i].where & where) != 0)
			olist_suggestion_offer(&suggestion, option_table[i].name);
	}
	return suggestion.closest;
}

static int
catalog_place(Oid catalog)
{
	if (catalog == ForeignServerRelationId)
		return ON_SERVER;
	if (catalog == UserMappingRelationId)
		return ON_MAPPING;
	return 0;
}

/* what belongs elsewhere is told where; anything else what it may have meant */
pg_noreturn static void
refuse_option(const char *name, const Option *option, int where)
{
	const char *closest = closest_option(name, where);
	const char *hint;

	if (option != NULL)
		hint = option->where == ON_MAPPING
				   ? "It belongs to a user mapping, which other users cannot read."
			   : option->where == ON_SERVER ? "It belongs to the server."
											: "It belongs to the server or to a user mapping.";
	else if (closest != NULL)
		hint = psprintf("Perhaps you meant the option \"%s\".", closest);
	else
		hint = where == ON_SERVER ? "See the documentation for the options of a server."
								  : "See the documentation for the options of a user mapping.";
	ereport(ERROR, (errcode(ERRCODE_FDW_INVALID_OPTION_NAME), errmsg("invalid option \"%s\"", name),
					errhint("%s", hint)));
}

bool
olist_source_option_check(Oid catalog, const char *name, const char *value)
{
	const Option *option = find_option(name);
	int where = catalog_place(catalog);
	OlistSourceOptions scratch;

	if (where == 0 && option == NULL)
		return false;
	if (option == NULL || (option->where & where) == 0)
		refuse_option(name, option, where);
	if (option->superuser && !superuser())
		ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
						errmsg("permission denied to set option \"%s\"", name),
						errhint("Only a superuser may set it.")));
	read_option(option, value, &scratch);
	return true;
}

/* the user's own mapping, or PUBLIC's, or NULL: unlike GetUserMapping(), no error */
static List *
mapping_options(Oid serverid, Oid userid)
{
	if (!SearchSysCacheExists2(USERMAPPINGUSERSERVER, ObjectIdGetDatum(userid),
							   ObjectIdGetDatum(serverid)) &&
		!SearchSysCacheExists2(USERMAPPINGUSERSERVER, ObjectIdGetDatum(InvalidOid),
							   ObjectIdGetDatum(serverid)))
		return NIL;
	return GetUserMapping(userid, serverid)->options;
}

static void
read_options(List *defs, int where, OlistSourceOptions *options)
{
	ListCell *lc;

	foreach (lc, defs)
	{
		DefElem *def = lfirst(lc);
		const Option *option = find_option(def->defname);

		if (option == NULL || (option->where & where) == 0)
			continue;
		read_option(option, defGetString(def), options);
		if (where == ON_MAPPING && option->offset == AT(role_arn))
			options->role_of_mapping = true;
	}
}

static void
check_server(const ForeignServer *server, Oid userid)
{
	if (strcmp(GetForeignDataWrapper(server->fdwid)->fdwname, WRAPPER_NAME) != 0)
		ereport(ERROR, (errcode(ERRCODE_WRONG_OBJECT_TYPE),
						errmsg("server \"%s\" does not belong to the foreign-data wrapper \"%s\"",
							   server->servername, WRAPPER_NAME)));
	if (!olist_compat_server_usage(server->serverid, userid))
		ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
						errmsg("permission denied for foreign server %s", server->servername)));
}

OlistSourceOptions *
olist_source_options(Oid serverid, Oid userid)
{
	OlistSourceOptions *options = palloc0(sizeof(OlistSourceOptions));

	options->serverid = serverid;
	options->userid = userid;
	for (size_t i = 0; i < lengthof(option_table); i++)
	{
		if (option_table[i].dflt != NULL)
			read_option(&option_table[i], option_table[i].dflt, options);
	}
	if (OidIsValid(serverid))
	{
		ForeignServer *server = GetForeignServer(serverid);

		check_server(server, userid);
		read_options(server->options, ON_SERVER, options);
		read_options(mapping_options(serverid, userid), ON_MAPPING, options);
	}
	else
		options->ambient_credentials = superuser_arg(userid);
	return options;
}

Oid
olist_source_server(const char *name, const char *uri)
{
	OlistUri *parts = olist_uri_parse(uri);
	char *found = NULL;
	MemoryContext caller = CurrentMemoryContext;
	OlistSpiArg args[1];

	if (name != NULL)
		return get_foreign_server_oid(name, false);
	if (parts->scheme == OLIST_SCHEME_FILE || parts->scheme == OLIST_SCHEME_SAMPLE)
		return InvalidOid;

	SPI_connect();
	args[0] = OLIST_SPI_TEXT(uri);
	if (olist_spi_execute_as_owner("SELECT s.server::pg_catalog.text"
								   "  FROM olist_etl.source s"
								   " WHERE s.server IS NOT NULL"
								   " ORDER BY pg_catalog.starts_with($1, s.uri) DESC, s.name"
								   " LIMIT 1",
								   SPI_OK_SELECT, 1, args) > 0)
	{
		found = SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1);
		found = MemoryContextStrdup(caller, found);
	}
	SPI_finish();
	return found != NULL ? get_foreign_server_oid(found, false) : InvalidOid;
}
