/*
 * source/options.h
 *		How to reach a source: the options of a server and of a user mapping.
 */
#ifndef OLIST_OPTIONS_H
#define OLIST_OPTIONS_H

#include "nodes/pg_list.h"

typedef enum OlistAddressing
{
	OLIST_ADDRESSING_AUTO, /* virtual for AWS's own endpoints, else path */
	OLIST_ADDRESSING_PATH,
	OLIST_ADDRESSING_VIRTUAL
} OlistAddressing;

/*
 * Everything a stream or a listing needs to know besides the URI. Made by
 * olist_source_options(); palloc'd in the caller's context.
 */
typedef struct OlistSourceOptions
{
	Oid serverid;		  /* InvalidOid: no server, defaults only */
	Oid userid;			  /* whose rights and whose user mapping count */
	char *endpoint;		  /* "https://host[:port]", NULL: AWS's of the region */
	char *region;		  /* NULL: us-east-1, corrected by the server's answer */
	OlistAddressing addressing;
	bool use_http;		  /* plain http allowed */
	bool requester_pays;
	bool anonymous;		  /* do not sign */
	bool ambient_credentials; /* a superuser allowed the chain beyond the mapping */
	char *role_arn;		  /* AssumeRole on top, or NULL */
	char *ca_file;
	char *min_tls;		  /* "1.2" or "1.3" */
	int part_size;		  /* bytes of one range request */
	int connections;	  /* parallel ranges of one object */
	int connect_timeout;  /* milliseconds */
	int timeout;		  /* milliseconds without a byte */
	int retries;		  /* tries after the first */
	/* from the user mapping */
	char *profile;		  /* section of olist_etl.credentials_file */
	char *access_key_id;
	char *secret_access_key;
	char *session_token;
} OlistSourceOptions;

/*
 * The options in force for a server (InvalidOid: none) and a user, checked and
 * with defaults filled in. Errors: 42501 without USAGE on the server.
 */
extern OlistSourceOptions *olist_source_options(Oid serverid, Oid userid);

/*
 * Is this one of the source's options where it stands? catalog is the OID of
 * the catalog the options belong to (ForeignServerRelationId, …). For the
 * wrapper's validator: raises HV00D with the closest match as a hint for an
 * unknown name, 22023 for an unusable value, 42501 for what only a superuser
 * may set.
 */
extern bool olist_source_option_check(Oid catalog, const char *name, const char *value);

#endif /* OLIST_OPTIONS_H */
