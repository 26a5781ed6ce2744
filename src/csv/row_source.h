/*
 * csv/row_source.h
 *		Rows of one CSV object, pulled: the shape of NextCopyFrom.
 */
#ifndef OLIST_ROW_SOURCE_H
#define OLIST_ROW_SOURCE_H

#include "compat.h"
#include "access/tupdesc.h"
#include "nodes/bitmapset.h"
#include "source/stream.h"

/* what an index can hold of a text with room to spare for another column */
#define OLIST_MAX_KEY_BYTES 1000

/* how the text is to be read; olist_row_format_default() fills it */
typedef struct OlistRowFormat
{
	char delimiter;		   /* ',' */
	char quote;			   /* '"' */
	bool header;		   /* columns are matched by the header's names */
	bool allow_non_finite; /* NaN and infinities are values; else they are errors */
	char *null_string;	   /* unquoted text that means NULL; NULL: the empty field does */
	int encoding;		   /* of the object; default UTF-8 */
	int max_columns;	   /* fields a record may have; the settings of the same name bound these */
	int max_field_bytes;   /* bytes a field may have */
	int max_record_bytes;  /* bytes a record may have */
	Bitmapset *optional;   /* attribute numbers that the header may lack: they are NULL */
	Bitmapset *keys;	   /* attribute numbers whose values must not be longer than
							* OLIST_MAX_KEY_BYTES */
	Bitmapset *skipped;	   /* attribute numbers that are not read from the object at all
							* (provenance, generated columns): they come out as NULL */
} OlistRowFormat;

/* where a record stands in the uncompressed object */
typedef struct OlistRowPosition
{
	int64 record; /* 1 is the first after the header */
	int64 line;	  /* physical line of its first byte, 1 is the object's first */
	int64 offset; /* bytes before its first byte */
} OlistRowPosition;

typedef enum OlistRowStatus
{
	OLIST_ROW_END, /* no more records */
	OLIST_ROW_OK,  /* values are set */
	OLIST_ROW_BAD  /* this record is no row: see olist_row_source_error() */
} OlistRowStatus;

/* why a record could not become a row; valid until the next call */
typedef struct OlistRowError
{
	int sqlerrcode;	 /* MAKE_SQLSTATE */
	char *message;	 /* as an errmsg */
	char *hint;		 /* or NULL */
	char *column;	 /* header name, NULL: the whole record */
	char *value;	 /* the field's text, unclipped, or NULL */
	const char *raw; /* the record's bytes as they stand in the object */
	size_t raw_len;
} OlistRowError;

typedef struct OlistRowSource OlistRowSource;

/* define the settings of csv/; called once a backend */
extern void olist_csv_init(void);

/* a comma, a double quote, a header, UTF-8, all values, and the limits as they are set */
extern void olist_row_format_default(OlistRowFormat *format);

/*
 * Read the header of stream and match it to desc by name (exact, then ASCII
 * case-folded and trimmed with a notice). The row source owns the stream from
 * here on; it lives in the current memory context and ends with it.
 *
 * Errors, each naming both sides: 22P04 no header or another format (with a
 * hint: delimiter, zip, UTF-16, …); 42703 a needed column is missing; 42701 a
 * name stands twice; 22021 encoding; 22023 a format that cannot be read.
 */
extern OlistRowSource *
olist_row_source_open(OlistStream *stream, TupleDesc desc, const OlistRowFormat *format);

/*
 * The next record as the datums of desc, allocated in the CURRENT memory
 * context. Several datums may share one allocation: reset the context, do not
 * pfree them. Never raises an error for what a record holds: that is
 * OLIST_ROW_BAD, after which reading goes on with the line after it. Errors of
 * the stream are raised, and so is 22P04 or 54000 where a quote is not closed
 * for a hundred lines, until the object ends or a record's limit is reached:
 * these are many records, not one, and where the next begins is unknown.
 * Interruptible.
 *
 * Lines without any byte are passed over and counted. A WARNING, once an
 * object, tells of mixed line ends and of a byte order mark amid the data.
 */
extern OlistRowStatus olist_row_source_next(OlistRowSource *source, Datum *values, bool *isnull);

/* after OLIST_ROW_BAD: what was wrong */
extern const OlistRowError *olist_row_source_error(const OlistRowSource *source);

/*
 * After OLIST_ROW_BAD: raise that error, with olist_row_source_describe() as
 * its context: not to be called under a callback that adds the same.
 */
pg_noreturn extern void olist_row_source_raise(const OlistRowSource *source);

/* the bytes of the record last returned, as they stand in the object; valid until the next call */
extern const char *olist_row_source_raw(const OlistRowSource *source, size_t *len);

/* where the record last returned, good or bad, stands */
extern const OlistRowPosition *olist_row_source_position(const OlistRowSource *source);

/* header names that desc does not have (drift), as a list of char *; NIL if none */
extern List *olist_row_source_extra_columns(const OlistRowSource *source);

/* header-optional columns that the object lacks, as a list of char * */
extern List *olist_row_source_missing_columns(const OlistRowSource *source);

/* empty lines that were passed over so far */
extern int64 olist_row_source_blank_lines(const OlistRowSource *source);

/* the object that is read */
extern const OlistObject *olist_row_source_object(const OlistRowSource *source);

/*
 * For an error context callback: one line "object …, line …, column …", with
 * the clipped value when one is being converted or was found bad. palloc'd.
 */
extern char *olist_row_source_describe(const OlistRowSource *source);

extern void olist_row_source_close(OlistRowSource *source);

#endif /* OLIST_ROW_SOURCE_H */
