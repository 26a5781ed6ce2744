/*
 * compat.h
 *		Every difference between PostgreSQL 15, 16, 17 and 18 that olist_etl meets.
 *
 * No other file tests PG_VERSION_NUM. Each block names the upstream change
 * that made it necessary. Included after postgres.h.
 */
#ifndef OLIST_COMPAT_H
#define OLIST_COMPAT_H

#if PG_VERSION_NUM < 150000
#error "olist_etl needs PostgreSQL 15 or later"
#endif

/*
 * 18 calls the attribute of a function that does not return pg_noreturn, and
 * wants it in front (3691edfab971).
 */
#ifndef pg_noreturn
#define pg_noreturn pg_attribute_noreturn()
#endif

/* 16 took the macros that look into a varlena out of postgres.h (d952373a987b) */
#if PG_VERSION_NUM >= 160000
#include "varatt.h"
#endif

/*
 * 16 merged the access checks of each kind of object into one (c727f511bd).
 * The file that uses this includes utils/acl.h and catalog/pg_foreign_server.h.
 */
#if PG_VERSION_NUM >= 160000
#define olist_compat_server_usage(serverid, userid) \
	(object_aclcheck(ForeignServerRelationId, serverid, userid, ACL_USAGE) == ACLCHECK_OK)
#else
#define olist_compat_server_usage(serverid, userid) \
	(pg_foreign_server_aclcheck(serverid, userid, ACL_USAGE) == ACLCHECK_OK)
#endif

/*
 * 16 renamed relfilenodes to relfilenumbers and locators (b0a55e43299c). The
 * subtransaction in which a relation got its present storage:
 */
#if PG_VERSION_NUM >= 160000
#define olist_compat_new_storage_subid(rel) ((rel)->rd_newRelfilelocatorSubid)
#else
#define olist_compat_new_storage_subid(rel) ((rel)->rd_newRelfilenodeSubid)
#endif

/*
 * 18 split the functions that print properties out of explain.h (9173e8b60466).
 */
#if PG_VERSION_NUM >= 180000
#include "commands/explain_format.h"
#include "commands/explain_state.h"
#endif

/*
 * The user as whom a foreign scan reads, InvalidOid: the current one. 16 keeps
 * it in the plan, and in RelOptInfo for every relation, because permissions
 * left the range table (a61b1f74823c, 599b33b9492d).
 */
#if PG_VERSION_NUM >= 160000
#define olist_compat_scan_user(node) (((ForeignScan *) (node)->ss.ps.plan)->checkAsUser)
#define olist_compat_rel_user(root, rel) (OidIsValid((rel)->userid) ? (rel)->userid : GetUserId())
#else
#define olist_compat_scan_user(node)                                                          \
	(exec_rt_fetch(((ForeignScan *) (node)->ss.ps.plan)->scan.scanrelid, (node)->ss.ps.state) \
		 ->checkAsUser)
#define olist_compat_rel_user(root, rel)                           \
	(OidIsValid(planner_rt_fetch((rel)->relid, root)->checkAsUser) \
		 ? planner_rt_fetch((rel)->relid, root)->checkAsUser       \
		 : GetUserId())
#endif

/*
 * A foreign path without order or pushed-down joins: 17 added restrictions
 * (9e9931d2bf40), 18 the count of disabled nodes (e22253467942).
 */
#if PG_VERSION_NUM >= 180000
#define olist_compat_foreignscan_path(root, rel, rows, startup, total, outer) \
	create_foreignscan_path(root, rel, NULL, rows, 0, startup, total, NIL, outer, NULL, NIL, NIL)
#elif PG_VERSION_NUM >= 170000
#define olist_compat_foreignscan_path(root, rel, rows, startup, total, outer) \
	create_foreignscan_path(root, rel, NULL, rows, startup, total, NIL, outer, NULL, NIL, NIL)
#else
#define olist_compat_foreignscan_path(root, rel, rows, startup, total, outer) \
	create_foreignscan_path(root, rel, NULL, rows, startup, total, NIL, outer, NULL, NIL)
#endif

/* 18 can leave room for a caller in front of a minimal tuple */
#if PG_VERSION_NUM >= 180000
#define olist_compat_minimal_tuple(desc, values, isnull) \
	heap_form_minimal_tuple(desc, values, isnull, 0)
#else
#define olist_compat_minimal_tuple(desc, values, isnull) \
	heap_form_minimal_tuple(desc, values, isnull)
#endif

/* 18 tells whether it is ANALYZE that waits (e5b0b0ce1509) */
#if PG_VERSION_NUM >= 180000
#define olist_compat_vacuum_delay_point() vacuum_delay_point(true)
#else
#define olist_compat_vacuum_delay_point() vacuum_delay_point()
#endif

/* 16 replaced the aclcheck function of each catalog by one for all (c727f511b) */
#if PG_VERSION_NUM >= 160000
#define olist_compat_function_acl(function, role) \
	object_aclcheck(ProcedureRelationId, (function), (role), ACL_EXECUTE)
#else
#define olist_compat_function_acl(function, role) pg_proc_aclcheck((function), (role), ACL_EXECUTE)
#endif

/* 16 lets the parser of names report an error without raising it (858e776c84f) */
#if PG_VERSION_NUM >= 160000
#define olist_compat_qualified_name(string) stringToQualifiedNameList(string, NULL)
#else
#define olist_compat_qualified_name(string) stringToQualifiedNameList(string)
#endif

/* 17 can count stronger modes, too, when it looks for a lock that is held */
#if PG_VERSION_NUM >= 170000
#define olist_compat_lock_held(tag, mode) LockHeldByMe(tag, mode, false)
#else
#define olist_compat_lock_held(tag, mode) LockHeldByMe(tag, mode)
#endif

/* 17 lets a background worker connect as a role without LOGIN (e7689190b) */
#ifdef BGWORKER_BYPASS_ROLELOGINCHECK
#define OLIST_WORKER_CONNECT_FLAGS BGWORKER_BYPASS_ROLELOGINCHECK
#define OLIST_WORKER_IGNORES_NOLOGIN true
#else
#define OLIST_WORKER_CONNECT_FLAGS 0
#define OLIST_WORKER_IGNORES_NOLOGIN false
#endif

/* 16 lets input functions report an error without raising it (d9f7f5d32) */
#if PG_VERSION_NUM >= 160000
#include "nodes/miscnodes.h"
#define OLIST_HAVE_SOFT_ERRORS 1
#else
#define OLIST_HAVE_SOFT_ERRORS 0
#endif

/* 16 gave settings their own allocator (f13b2088fa2d); extra values must use it. */
#if PG_VERSION_NUM >= 160000
#define olist_compat_guc_malloc(size) guc_malloc(LOG, size)
#define olist_compat_guc_free(ptr) guc_free(ptr)
#else
#define olist_compat_guc_malloc(size) malloc(size)
#define olist_compat_guc_free(ptr) free(ptr)
#endif

/* 16 hands out a copied array of the settings, with its length (3057465acf) */
#if PG_VERSION_NUM >= 160000
#define olist_compat_guc_variables(n) get_guc_variables(n)
#else
#define olist_compat_guc_variables(n) (*(n) = GetNumConfigOptions(), get_guc_variables())
#endif

/* 17 lets an index finish what it kept open from one inserted row to the next (c1ec02be1d79) */
#if PG_VERSION_NUM >= 170000
#define olist_compat_index_insert_cleanup(index, info) index_insert_cleanup(index, info)
#else
#define olist_compat_index_insert_cleanup(index, info) ((void) 0)
#endif

/*
 * Are there synchronous standbys to wait for? A flag until the minor versions
 * of May 2025, one bit of several since (2e57790836ca).
 */
#include "replication/walsender_private.h"
#ifdef SYNC_STANDBY_DEFINED
#define olist_compat_standbys_defined() \
	((WalSndCtl->sync_standbys_status & SYNC_STANDBY_DEFINED) != 0)
#else
#define olist_compat_standbys_defined() (WalSndCtl->sync_standbys_defined)
#endif

#endif /* OLIST_COMPAT_H */
