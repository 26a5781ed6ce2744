/*
 * fdw/csv_options.h
 *		How CSV is to be read, as a user says it: names and texts.
 *
 * A foreign table's options, the named arguments of read_csv() and load(), and
 * the members of a task's JSON are all the same names with the same values.
 */
#ifndef OLIST_CSV_OPTIONS_H
#define OLIST_CSV_OPTIONS_H

#include "base/suggest.h"
#include "csv/row_source.h"

typedef enum OlistOnError
{
	OLIST_ON_ERROR_STOP,  /* the first bad record is an error */
	OLIST_ON_ERROR_REJECT /* a bad record is set aside and counted */
} OlistOnError;

/* how many records of an object may be bad */
typedef struct OlistRejectLimit
{
	bool is_set;
	bool is_percentage;
	double limit; /* a count, or 0..100 */
} OlistRejectLimit;

typedef struct OlistCsvOptions
{
	OlistRowFormat format; /* but for optional and skipped: those are the reader's */
	OlistOnError on_error;
	OlistRejectLimit reject_limit;
} OlistCsvOptions;

extern void olist_csv_options_default(OlistCsvOptions *options);

/*
 * Set one option from its text; false when no option has this name. Errors:
 * 22023 for a value that cannot be used, with a hint that says what can.
 */
extern bool olist_csv_options_set(OlistCsvOptions *options, const char *name, const char *value);

/* what no single option can know; raises 22023 */
extern void olist_csv_options_check(const OlistCsvOptions *options);

/* offer every option's name to a suggestion */
extern void olist_csv_options_offer(OlistSuggestion *suggestion);

/*
 * Raise 22P04 when an object of which so many records were read and so many
 * were bad has too many bad ones. finished: the whole object has been read,
 * so that percentages can be judged too.
 */
extern void olist_reject_limit_check(const OlistRejectLimit *limit, bool finished, const char *uri,
									 int64 rows_read, int64 rows_rejected);

#endif /* OLIST_CSV_OPTIONS_H */
