/*
 * flow/leftovers.h
 *		What a task leaves behind in the session that executed it.
 *
 * A worker's session is the run's own: all of it goes, so that no task can
 * prepare the ground for the next. The session that called run() is the user's:
 * only what was not there before the run's tasks goes.
 *
 *						worker	session
 *		settings		all		task.c restores them, whoever executes the task
 *		cursors			all		new ones
 *		prepared		all		new ones
 *		temporary		all		new ones
 *		LISTEN, locks	all		new ones, unless the run is atomic
 *		sequences		all		stay: nobody can give lastval() back
 */
#ifndef OLIST_LEFTOVERS_H
#define OLIST_LEFTOVERS_H

typedef struct OlistLeftovers OlistLeftovers;

/* DISCARD ALL but for the settings, in a transaction, in a worker */
extern void olist_leftovers_discard_all(void);

/* what is there now is the user's; in the current memory context */
extern OlistLeftovers *olist_leftovers_note(void);

/*
 * Clear away the cursors, statements and temporary objects that have come since,
 * in the task's transaction. What cannot be cleared is told of by a WARNING, and
 * is left.
 */
extern void olist_leftovers_clear(const OlistLeftovers *noted);

/* the same for what shows, or can be told from a transaction's own, when it has committed */
extern void olist_leftovers_clear_committed(const OlistLeftovers *noted);

#endif /* OLIST_LEFTOVERS_H */
