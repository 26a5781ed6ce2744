/*
 * source/credential_provider.h
 *		The links of the chain that credentials come from; for credentials.c.
 *
 * A provider does not raise when it has nothing, or when it fails: the chain
 * goes on to the next one, or keeps what it has until that expires.
 */
#ifndef OLIST_CREDENTIAL_PROVIDER_H
#define OLIST_CREDENTIAL_PROVIDER_H

#include "source/credentials.h"

typedef enum OlistProvided
{
	OLIST_PROVIDER_ABSENT, /* not set up here: ask the next */
	OLIST_PROVIDER_GAVE,   /* credentials, palloc'd in the current context */
	OLIST_PROVIDER_FAILED  /* set up, but: see the error */
} OlistProvided;

typedef struct OlistProviderError
{
	int sqlerrcode;
	char *message;	  /* as an errdetail */
	const char *hint; /* or NULL */
} OlistProviderError;

/* a section of a file in AWS's format; ABSENT if there is no such file or section */
extern OlistProvided
olist_provide_from_file(const char *path, const char *section, OlistCredentials *credentials,
						OlistProviderError *error);

/* AssumeRole with base, or AssumeRoleWithWebIdentity with a token, at STS */
extern OlistProvided
olist_provide_from_role(const OlistSourceOptions *options, const OlistCredentials *base,
						OlistCredentials *credentials, OlistProviderError *error);
extern OlistProvided
olist_provide_from_web_identity(const OlistSourceOptions *options, OlistCredentials *credentials,
								OlistProviderError *error);

/* the endpoints that a container's or a virtual machine's surroundings offer */
extern OlistProvided
olist_provide_from_container(const OlistSourceOptions *options, OlistCredentials *credentials,
							 OlistProviderError *error);
extern OlistProvided
olist_provide_from_instance(const OlistSourceOptions *options, OlistCredentials *credentials,
							OlistProviderError *error);

/* A small file's content, without the final newline; false with a reason. */
extern bool
olist_provider_read_file(const char *path, bool secret, char **content, OlistProviderError *error);

/* an environment variable of the server, or NULL if it is not set or empty */
extern const char *olist_provider_env(const char *name);

#endif /* OLIST_CREDENTIAL_PROVIDER_H */
