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

/* when the bytes are compared with the MD5 sum that an ETag is */
typedef enum OlistChecksum
{
	OLIST_CHECKSUM_AUTO, /* over plain http, of an object that comes in one answer */
	OLIST_CHECKSUM_ON,
	OLIST_CHECKSUM_OFF
} OlistChecksum;

/*
 * Everything a stream or a listing needs to know besides the URI. Made by
 * olist_source_options(); palloc'd in the caller's context.
 */
typedef struct OlistSourceOptions
{
	Oid serverid;	/* InvalidOid: no server, defaults only */
	Oid userid;		/* whose rights and whose user mapping count */
	char *endpoint; /* "https://host[:port]", NULL: AWS's of the region */
	char *region;	/* NULL: us-east-1, corrected by the server's answer */
	OlistAddressing addressing;
	bool use_http; /* plain http allowed */
	bool requester_pays;
	bool anonymous;			  /* do not sign */
	bool ambient_credentials; /* a superuser allowed the chain beyond the mapping */
	char *role_arn;			  /* AssumeRole on top, or NULL */
	char *external_id;		  /* for AssumeRole, or NULL */
	char *sts_endpoint;		  /* "https://host[:port]", NULL: AWS's of the region */
	int role_duration;		  /* seconds that an assumed role lasts; 0: what STS chooses */
	bool role_of_mapping;	  /* role_arn was given by the user mapping */
	char *ca_file;
	char *min_tls; /* "1.2" or "1.3" */
	OlistChecksum checksum;
	int part_size;		 /* bytes of one range request */
	int page_size;		 /* keys of one listing request */
	int connections;	 /* parallel ranges of one object */
	int connect_timeout; /* milliseconds */
	int timeout;		 /* milliseconds without a byte */
	int retries;		 /* tries after the first */
	/* from the user mapping */
	char *profile; /* section of olist_etl.credentials_file */
	char *access_key_id;
	char *secret_access_key;
	char *session_token;
} OlistSourceOptions;

/*
 * The options in force for a server (InvalidOid: none) and a user, checked and
 * with defaults filled in. Without a server a superuser gets AWS's defaults
 * and the ambient credentials; anybody else gets no credentials at all.
 *
 * Errors: 42501 without USAGE on the server; 42809 if it is another wrapper's.
 */
extern OlistSourceOptions *olist_source_options(Oid serverid, Oid userid);

/*
 * The server that a function's caller means: the one named, or for NULL the
 * one that olist_etl.source names for this URI (the source that holds the URI
 * before any other), or InvalidOid. Needs no server for file: and sample:.
 * Errors: 42704 if there is no server of that name.
 */
extern Oid olist_source_server(const char *name, const char *uri);

/*
 * Is this one of the source's options where it stands? catalog is the OID of
 * the catalog the options belong to. For the wrapper's validator, to be called
 * for every option:
 *
 * - on a server or a user mapping every option is the source's: true, or an
 *   error: HV00D with the closest match as a hint for an unknown name or one
 *   that belongs elsewhere, 22023 for an unusable value, 42501 for what only a
 *   superuser may set;
 * - elsewhere false, or HV00D for a name that belongs on a server or a user
 *   mapping, so that no secret is ever stored where all can read it.
 */
extern bool olist_source_option_check(Oid catalog, const char *name, const char *value);

#endif /* OLIST_OPTIONS_H */
