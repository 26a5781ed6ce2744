/*
 * source/policy.h
 *		What a user may reach.
 */
#ifndef OLIST_POLICY_H
#define OLIST_POLICY_H

#include "source/options.h"
#include "source/uri.h"

struct sockaddr;

/* define the settings; called once a backend */
extern void olist_policy_init(void);

/*
 * May the user of these options open this kind of address at all? Raises 42501
 * where not: files need pg_read_server_files, plain http the server's consent.
 * To be called on every path before anything is opened.
 */
extern void olist_policy_check_scheme(const OlistUri *uri, const OlistSourceOptions *options);

/*
 * May a connection be opened to this resolved address, for a URL with this
 * host and port? Never raises: it is asked from within libcurl, before each
 * connect. See olist_etl.allowed_endpoints.
 */
extern bool olist_policy_allows(const char *host, int port, const struct sockaddr *address);

/* The same for the endpoints that give out a machine's own credentials. */
extern bool olist_policy_allows_metadata(const struct sockaddr *address);

/* changes whenever connections that were allowed before may no longer be */
extern uint64 olist_policy_generation(void);

#endif /* OLIST_POLICY_H */
