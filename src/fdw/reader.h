/*
 * fdw/reader.h
 *		The rows of all objects that a URI stands for.
 */
#ifndef OLIST_READER_H
#define OLIST_READER_H

#include "fdw/csv_options.h"
#include "source/listing.h"

typedef struct OlistReader OlistReader;

/*
 * Begin to read all objects under uri (one object, a prefix, a glob) as rows
 * of desc. Opens the listing at once and each object when its turn comes, small
 * ones of a remote source a few ahead. Everything lives in the current memory context; source, desc and
 * csv must outlive the reader.
 */
extern OlistReader *olist_reader_open(const char *uri, const OlistSourceOptions *source,
									  TupleDesc desc, const OlistCsvOptions *csv);

/*
 * The next row, its datums in the CURRENT memory context; false at the end.
 * A bad record is an error, or skipped under on_error "reject", with one
 * notice for each object that had any. Errors name object, line and column.
 */
extern bool olist_reader_next(OlistReader *reader, Datum *values, bool *isnull);

/* Release everything before the context does. */
extern void olist_reader_close(OlistReader *reader);

/* Open one object as a row source: its stream, then its header. */
extern OlistRowSource *
olist_reader_open_object(const OlistObject *object, const OlistSourceOptions *source,
						 TupleDesc desc, const OlistRowFormat *format);

/* olist_row_source_next(), whose errors tell where in the object they happened */
extern OlistRowStatus olist_reader_next_record(OlistRowSource *rows, Datum *values, bool *isnull);

#endif /* OLIST_READER_H */
