/*
 * base/fault.h
 *		Named points at which a test may let something go wrong.
 *
 * In a build with -DOLIST_FAULT_POINTS the setting
 *
 *		olist_etl.fault = 'point[:nth]=error|crash|sleep|oom|cancel|terminate'
 *
 * lets the nth passage of a point in a process (the first by default) raise an
 * error, kill the process with SIGKILL, sleep until interrupted, run out of
 * memory, or be cancelled or terminated as by pg_cancel_backend() and
 * pg_terminate_backend(). Other builds have neither the setting nor the points.
 *
 * Points stand on both sides of every commit, named "<room>-<moment>".
 */
#ifndef OLIST_FAULT_H
#define OLIST_FAULT_H

#ifdef OLIST_FAULT_POINTS
extern void olist_fault_init(void);
extern void olist_fault(const char *point);
#define OLIST_FAULT(point) olist_fault(point)
#else
#define olist_fault_init() ((void) 0)
#define OLIST_FAULT(point) ((void) 0)
#endif

#endif /* OLIST_FAULT_H */
