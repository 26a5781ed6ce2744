/*
 * source/policy.h
 *		What a user may reach.
 */
#ifndef OLIST_POLICY_H
#define OLIST_POLICY_H

#include "source/options.h"
#include "source/uri.h"

/*
 * May the user of these options open this kind of address at all? Raises 42501
 * where not: files need pg_read_server_files, plain http the server's consent.
 * To be called on every path before anything is opened.
 */
extern void olist_policy_check_scheme(const OlistUri *uri, const OlistSourceOptions *options);

#endif /* OLIST_POLICY_H */
