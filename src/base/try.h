/*
 * base/try.h
 *		Work that may fail, or be undone, without ending the transaction.
 */
#ifndef OLIST_TRY_H
#define OLIST_TRY_H

/*
 * Run work(arg) in a subtransaction. NULL, or the error it ended with, all its
 * effects undone, in the current memory context. Whether an error is one to go
 * on after is for the caller to say.
 */
extern ErrorData *olist_try(void (*work)(void *arg), void *arg);

/* The same, with all effects undone in any case. */
extern ErrorData *olist_try_and_undo(void (*work)(void *arg), void *arg);

#endif /* OLIST_TRY_H */
