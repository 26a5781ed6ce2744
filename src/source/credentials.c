/*
 * source/credentials.c
 *		Who we are at a source: the chain of places that can say so.
 *
 *		1. user mapping: a profile of olist_etl.credentials_file, or static keys
 *		   (only where a superuser allowed ambient credentials:)
 *		2. environment of the server
 *		3. web identity
 *		4. container endpoint
 *		5. instance endpoint
 *		6. files in AWS's places
 *		   (and on top of whichever it was:)
 *		7. the role to assume
 *
 * The first that is set up decides; one that is set up and fails is an error,
 * not a reason to try the next. What is fetched over the network is kept in
 * the backend, under all that it was derived from, and replaced some time
 * before it expires; if that fails, it is used as long as it is good.
 */
#include "postgres.h"

#include "source/credentials.h"

#include <pwd.h>
#include <unistd.h>

#include "compat.h"
#include "miscadmin.h"
#include "source/credential_provider.h"
#include "source/http.h"
#include "source/sigv4.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

/* how long a file's content is believed, and how soon a failed renewal is repeated, in ms */
#define FILE_LIFETIME 60000
#define RENEWAL_PAUSE 10000

/* credentials are renewed this long before they expire, or in the last quarter of their life */
#define RENEWAL_MARGIN (INT64CONST(300) * USECS_PER_SEC)

/* credentials that were fetched */
typedef struct Kept
{
	MemoryContext context; /* holds this and all below */
	char *key;			   /* what they were derived from */
	OlistCredentials credentials;
	TimestampTz renew_at;
} Kept;

static List *kept = NIL; /* of Kept, in TopMemoryContext */

static char *credentials_file = NULL;

/* the user may not simply be whoever the server is */
static void
refuse_ambient(const OlistSourceOptions *options)
{
	ereport(ERROR,
			(errcode(ERRCODE_S_R_E_PROHIBITED_SQL_STATEMENT_ATTEMPTED),
			 errmsg("credentials are required"),
			 errdetail("%s", OidIsValid(options->serverid)
								 ? "The user has no mapping with credentials for the server, and "
								   "the server does not offer its own."
								 : "No server is named, so there are no credentials that a user "
								   "who is no superuser may use."),
			 errhint("Create a user mapping with a profile or with access_key_id and "
					 "secret_access_key, or set the option anonymous of the server for public "
					 "data.")));
}

void
olist_credentials_init(void)
{
	DefineCustomStringVariable(
		"olist_etl.credentials_file", "Names the file whose profiles user mappings refer to.",
		"It has the format of AWS's shared credentials file, and must not be "
		"open to others than its owner.",
		&credentials_file, "", PGC_SUSET, GUC_SUPERUSER_ONLY, NULL, NULL, NULL);
}

static Kept *
find_kept(const char *key)
{
	ListCell *lc;

	foreach (lc, kept)
	{
		Kept *entry = lfirst(lc);

		if (strcmp(entry->key, key) == 0)
			return entry;
	}
	return NULL;
}

static void
forget(Kept *entry)
{
	OlistCredentials *credentials = &entry->credentials;

	kept = list_delete_ptr(kept, entry);
	explicit_bzero(credentials->secret_access_key, strlen(credentials->secret_access_key));
	if (credentials->session_token != NULL)
		explicit_bzero(credentials->session_token, strlen(credentials->session_token));
	MemoryContextDelete(entry->context);
}

/* when to fetch anew what was fetched now */
static TimestampTz
renewal_time(TimestampTz expires)
{
	TimestampTz now = GetCurrentTimestamp();

	if (expires == DT_NOEND)
		return now + INT64CONST(1000) * FILE_LIFETIME;
	return expires - Min(RENEWAL_MARGIN, (expires - now) / 4);
}

static const OlistCredentials *
keep(const char *key, const OlistCredentials *from)
{
	MemoryContext context =
		AllocSetContextCreate(TopMemoryContext, "olist credentials", ALLOCSET_SMALL_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	Kept *entry = palloc0(sizeof(Kept));
	OlistCredentials *credentials = &entry->credentials;
	Kept *former;

	entry->context = context;
	entry->key = pstrdup(key);
	credentials->access_key_id = pstrdup(from->access_key_id);
	credentials->secret_access_key = pstrdup(from->secret_access_key);
	credentials->session_token = from->session_token ? pstrdup(from->session_token) : NULL;
	credentials->expires = from->expires;
	credentials->origin = pstrdup(from->origin);
	entry->renew_at = renewal_time(from->expires);
	former = find_kept(key);
	if (former != NULL)
		forget(former);
	MemoryContextSwitchTo(TopMemoryContext);
	kept = lappend(kept, entry);
	MemoryContextSwitchTo(old);
	return credentials;
}

pg_noreturn static void raise_provider_error(const OlistProviderError *error);

static void
raise_provider_error(const OlistProviderError *error)
{
	ereport(ERROR, (errcode(error->sqlerrcode), errmsg("could not get credentials"),
					errdetail("%s", error->message), error->hint ? errhint("%s", error->hint) : 0));
}

/*
 * What a provider gave is kept under key; what it did not give is an error,
 * unless what was kept before is still good. NULL: the provider is not set up.
 */
static const OlistCredentials *
settle(OlistProvided provided, const char *key, const OlistCredentials *credentials,
	   const OlistProviderError *error)
{
	Kept *entry;

	if (provided == OLIST_PROVIDER_GAVE)
		return keep(key, credentials);
	if (provided == OLIST_PROVIDER_ABSENT)
		return NULL;
	entry = find_kept(key);
	if (entry == NULL || entry->credentials.expires <= GetCurrentTimestamp())
		raise_provider_error(error);
	entry->renew_at = GetCurrentTimestamp() + INT64CONST(1000) * RENEWAL_PAUSE;
	return &entry->credentials;
}

/* what was kept under this key and need not be renewed yet, or NULL */
static const OlistCredentials *
fresh(const char *key)
{
	Kept *entry = find_kept(key);

	return entry != NULL && GetCurrentTimestamp() < entry->renew_at ? &entry->credentials : NULL;
}

static const OlistCredentials *
from_file(const char *path, const char *section)
{
	char *key = psprintf("file|%s|%s", path, section);
	const OlistCredentials *result = fresh(key);
	OlistCredentials credentials = {0};
	OlistProviderError error;

	if (result != NULL)
		return result;
	return settle(olist_provide_from_file(path, section, &credentials, &error), key, &credentials,
				  &error);
}

static const OlistCredentials *
from_profile(const OlistSourceOptions *options)
{
	const OlistCredentials *result;

	if (credentials_file == NULL || *credentials_file == '\0')
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION),
				 errmsg("the user mapping names a profile, but there is no file of profiles"),
				 errhint("A superuser can name one in olist_etl.credentials_file.")));
	result = from_file(credentials_file, options->profile);
	if (result == NULL)
		ereport(ERROR, (errcode(ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION),
						errmsg("there is no profile \"%s\"", options->profile),
						errhint("Check olist_etl.credentials_file and the option profile of the "
								"user mapping.")));
	return result;
}

/* keys that need not be fetched: they stand where the caller's options stand */
static const OlistCredentials *
given(const char *key_id, const char *secret, const char *token, const char *origin)
{
	static OlistCredentials credentials;

	credentials.access_key_id = unconstify(char *, key_id);
	credentials.secret_access_key = unconstify(char *, secret);
	credentials.session_token = unconstify(char *, token);
	credentials.expires = DT_NOEND;
	credentials.origin = unconstify(char *, origin);
	return &credentials;
}

static const OlistCredentials *
from_environment(void)
{
	const char *key_id = olist_provider_env("AWS_ACCESS_KEY_ID");
	const char *secret = olist_provider_env("AWS_SECRET_ACCESS_KEY");

	if (key_id == NULL || secret == NULL)
		return NULL;
	return given(key_id, secret, olist_provider_env("AWS_SESSION_TOKEN"),
				 "the server's environment");
}

/* the files that AWS's own tools read */
static const OlistCredentials *
from_shared_files(void)
{
	const char *names[2][2] = {{"AWS_SHARED_CREDENTIALS_FILE", "credentials"},
							   {"AWS_CONFIG_FILE", "config"}};
	const char *profile = olist_provider_env("AWS_PROFILE");
	struct passwd *user = getpwuid(geteuid());
	const OlistCredentials *result = NULL;

	profile = profile ? profile : "default";
	if (credentials_file != NULL && *credentials_file != '\0')
		result = from_file(credentials_file, profile);
	for (int i = 0; i < 2 && result == NULL; i++)
	{
		const char *path = olist_provider_env(names[i][0]);

		if (path == NULL && user != NULL)
			path = psprintf("%s/.aws/%s", user->pw_dir, names[i][1]);
		if (path != NULL)
			result = from_file(path, profile);
	}
	return result;
}

typedef OlistProvided (*Provider)(const OlistSourceOptions *, OlistCredentials *,
								  OlistProviderError *);

static const OlistCredentials *
from_network(const OlistSourceOptions *options, const char *key, Provider provider)
{
	const OlistCredentials *result = fresh(key);
	OlistCredentials credentials = {0};
	OlistProviderError error;

	if (result != NULL)
		return result;
	return settle(provider(options, &credentials, &error), key, &credentials, &error);
}

static const OlistCredentials *
from_ambience(const OlistSourceOptions *options)
{
	const OlistCredentials *result = from_environment();

	if (result == NULL)
		result =
			from_network(options,
						 psprintf("web|%s|%s", options->sts_endpoint ? options->sts_endpoint : "",
								  options->region ? options->region : ""),
						 olist_provide_from_web_identity);
	if (result == NULL)
		result = from_network(options, "container", olist_provide_from_container);
	if (result == NULL)
		result = from_network(options, "instance", olist_provide_from_instance);
	if (result == NULL)
		result = from_shared_files();
	if (result == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION),
				 errmsg("could not get credentials"),
				 errdetail("Neither the server's environment, nor a web identity, a container or "
						   "an instance endpoint, nor AWS's files offer any."),
				 errhint("Create a user mapping with a profile or with access_key_id and "
						 "secret_access_key, or set the option anonymous of the server for public "
						 "data.")));
	return result;
}

/*
 * The credentials of the role, assumed with those of the chain. Kept under a
 * hash of all of these: who only knows the name of another's key, in a session
 * that served both, must not get what the other's secret opened.
 */
static const OlistCredentials *
from_role(const OlistSourceOptions *options, const OlistCredentials *base)
{
	const char *token = base->session_token ? base->session_token : "";
	char *proof = psprintf("%s|%s|%s", base->access_key_id, base->secret_access_key, token);
	char *key = psprintf("role|%s|%s|%s|%s|%s|%d", olist_sigv4_hash(proof, strlen(proof)),
						 options->role_arn, options->external_id ? options->external_id : "",
						 options->sts_endpoint ? options->sts_endpoint : "",
						 options->region ? options->region : "", options->role_duration);
	const OlistCredentials *result = fresh(key);
	OlistCredentials credentials = {0};
	OlistProviderError error;

	explicit_bzero(proof, strlen(proof));
	if (result != NULL)
		return result;
	return settle(olist_provide_from_role(options, base, &credentials, &error), key, &credentials,
				  &error);
}

static const OlistCredentials *
from_chain(const OlistSourceOptions *options)
{
	if (options->profile != NULL)
		return from_profile(options);
	if (options->access_key_id != NULL && options->secret_access_key != NULL)
		return given(options->access_key_id, options->secret_access_key, options->session_token,
					 "the keys of the user mapping");
	if (!options->ambient_credentials)
		refuse_ambient(options);

	/* the server's identity may become a role only where a superuser says so */
	if (options->role_of_mapping && !superuser_arg(options->userid))
		ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
						errmsg("permission denied to assume a role as the server"),
						errhint("Set role_arn on the server, or give the user mapping credentials "
								"of its own.")));
	return from_ambience(options);
}

const OlistCredentials *
olist_credentials_get(const OlistSourceOptions *options)
{
	const OlistCredentials *result;

	if (options->anonymous)
		return NULL;
	result = from_chain(options);
	return options->role_arn != NULL ? from_role(options, result) : result;
}

bool
olist_credentials_renew(const OlistSourceOptions *options)
{
	const OlistCredentials *present = olist_credentials_get(options);
	ListCell *lc;

	foreach (lc, kept)
	{
		Kept *entry = lfirst(lc);

		if (&entry->credentials == present)
		{
			forget(entry);
			return true;
		}
	}
	return false;
}
