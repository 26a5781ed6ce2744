/*
 * source/credentials.h
 *		Who we are at a source.
 */
#ifndef OLIST_CREDENTIALS_H
#define OLIST_CREDENTIALS_H

#include "datatype/timestamp.h"
#include "source/options.h"

typedef struct OlistCredentials
{
	char *access_key_id;
	char *secret_access_key;
	char *session_token; /* or NULL */
	TimestampTz expires; /* DT_NOEND: never */
	char *origin;		 /* which link of the chain gave them; fit for a message */
} OlistCredentials;

/* define the settings; called once a backend */
extern void olist_credentials_init(void);

/*
 * The credentials that these options lead to, or NULL for anonymous access.
 * What had to be fetched is kept in the backend and renewed before it expires;
 * the pointer is good until the next call.
 *
 * Errors: 2F003 if there are none that the user may use; 28000 if a provider
 * refused; 08001 and 08006 if one could not be reached.
 */
extern const OlistCredentials *olist_credentials_get(const OlistSourceOptions *options);

/*
 * The source said that these credentials are no longer good: true if a call of
 * olist_credentials_get() will now fetch others, false if there is nothing to
 * fetch.
 */
extern bool olist_credentials_renew(const OlistSourceOptions *options);

#endif /* OLIST_CREDENTIALS_H */
