/*
 * csv/record_reader.h
 *		Records of a CSV object, pulled: fields as text, with their place.
 */
#ifndef OLIST_RECORD_READER_H
#define OLIST_RECORD_READER_H

#include "csv/row_source.h"

/* one field; its bytes are not NUL-terminated */
typedef struct OlistField
{
	const char *data; /* NULL: empty and unquoted */
	int len;
	bool quoted;
} OlistField;

/* one record, good or bad; everything in it is valid until the next one */
typedef struct OlistRecord
{
	const OlistField *fields;
	int nfields;
	const char *raw; /* as it stands in the object, without the line end */
	size_t raw_len;
	int64 line;	  /* physical line of its first byte, from 1 */
	int64 offset; /* bytes of the object before it */

	/* when it is no well-formed record */
	int sqlerrcode;		/* 0: it is well-formed */
	char *message;		/* as an errmsg */
	char *hint;			/* or NULL */
	int bad_field;		/* index of the field to blame, -1: the whole record */
	bool object_broken; /* no single record is bad: a quote took in what may be many */
} OlistRecord;

typedef struct OlistRecordReader OlistRecordReader;

/* kinds of line ends, for olist_record_reader_line_ends() */
#define OLIST_LINE_END_LF 1
#define OLIST_LINE_END_CRLF 2
#define OLIST_LINE_END_CR 4

/*
 * Read records from stream, which the reader owns from here on. It lives in
 * the current memory context and ends with it. A byte order mark at the start
 * of a UTF-8 object is passed over.
 */
extern OlistRecordReader *
olist_record_reader_create(OlistStream *stream, const OlistRowFormat *format);

/*
 * The next record, or NULL at the end of the object. Lines without any byte
 * are passed over and counted. A record that is ill-formed, too large or not
 * in the object's encoding is returned with its sqlerrcode set, once; reading
 * goes on with the line after the one where the fault was noticed. Only errors
 * of the stream and of memory are raised.
 */
extern const OlistRecord *olist_record_reader_next(OlistRecordReader *reader);

/* the first bytes of the object, before anything was read; for a diagnosis */
extern const char *olist_record_reader_head(const OlistRecordReader *reader, size_t *len);

/* empty lines so far */
extern int64 olist_record_reader_blank_lines(const OlistRecordReader *reader);

/* the kinds of line ends that ended records so far, OLIST_LINE_END_* added up */
extern int olist_record_reader_line_ends(const OlistRecordReader *reader);

extern void olist_record_reader_close(OlistRecordReader *reader);

#endif /* OLIST_RECORD_READER_H */
