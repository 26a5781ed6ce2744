/*
 * flow/error.h
 *		SQL's errors as States Language's, and back.
 *
 *		42501                        States.Permissions
 *		40001, 40P01, 55P03          Olist.Retryable
 *		class 08                     Olist.Source
 *		anything else                SQLSTATE.<code>
 */
#ifndef OLIST_ERROR_H
#define OLIST_ERROR_H

/* the name under which Retry and Catch know an error, palloc'd */
extern char *olist_error_name(const ErrorData *edata);

/* message, detail and hint in one text, palloc'd */
extern char *olist_error_cause(const ErrorData *edata);

/*
 * The SQLSTATE (as errcode() takes it) of a run that ended with the error of
 * that name, or NULL: the one that name stands for; 57014 for a time-out; 54000
 * for data that are too large; 38000 for all that no SQL error has caused.
 */
extern int olist_error_sqlstate(const char *name);

#endif /* OLIST_ERROR_H */
