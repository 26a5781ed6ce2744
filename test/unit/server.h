/*
 * unit/server.h
 *		What stands in for the server when a room's code runs outside of it.
 */
#ifndef OLIST_UNIT_SERVER_H
#define OLIST_UNIT_SERVER_H

#include <setjmp.h>

/* the last error raised: errfinish() fills these and jumps to the handler */
extern int unit_sqlerrcode;
extern char unit_message[1024];
extern sigjmp_buf *unit_handler;

/* WARNINGs and NOTICEs so far */
extern int unit_warnings;

/*
 * Run a statement; true if it raised an ERROR. Not nested. Memory contexts are
 * the caller's to delete.
 */
#define UNIT_RAISES(statement)        \
	(__extension__({                  \
		sigjmp_buf here;              \
		volatile bool raised = false; \
		unit_handler = &here;         \
		if (sigsetjmp(here, 0) == 0)  \
		{                             \
			statement;                \
		}                             \
		else                          \
			raised = true;            \
		unit_handler = NULL;          \
		raised;                       \
	}))

#endif /* OLIST_UNIT_SERVER_H */
