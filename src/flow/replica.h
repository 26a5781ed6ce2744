/*
 * flow/replica.h
 *		Commits that wait for a synchronous standby.
 *
 * A cancel ends such a wait and is used up by it: the server warns and goes on.
 * A run of a hundred commits would have to be cancelled a hundred times. So the
 * session looks, after a commit, whether the standby has what it waited for.
 */
#ifndef OLIST_REPLICA_H
#define OLIST_REPLICA_H

/* will the commit of the current transaction wait? */
extern bool olist_replica_awaited(void);

/* after a commit that did: the wait was cancelled, raise that (57014) */
extern void olist_replica_check_cancel(void);

#endif /* OLIST_REPLICA_H */
