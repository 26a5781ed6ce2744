/*
 * csv/header.h
 *		Which field of a record feeds which column.
 */
#ifndef OLIST_HEADER_H
#define OLIST_HEADER_H

#include "csv/record_reader.h"

typedef struct OlistHeader
{
	int nfields;   /* that every record must have */
	char **names;  /* of the fields, in the server's encoding */
	int *field_of; /* by attribute number - 1: the field's index, -1: none */
	List *extra;   /* char *: header names without a column */
	List *missing; /* char *: optional columns without a field */
} OlistHeader;

/*
 * Match the header to desc by name, palloc'd in the current context; names
 * exactly, what is left then without regard to ASCII case and blanks around
 * (with a NOTICE). A field that has the name of a column which is not read is
 * extra like any other. object is the object's name for messages.
 *
 * Errors: 42701 a name stands twice, or two names may be meant; 42703 a needed
 * column is missing; 22P04 when in its place stand names that nobody knows.
 */
extern OlistHeader *olist_header_match(const OlistRecord *record, TupleDesc desc,
									   const OlistRowFormat *format, const char *object);

/* The fields feed the columns that are read, in their order. */
extern OlistHeader *olist_header_by_position(TupleDesc desc, const OlistRowFormat *format);

#endif /* OLIST_HEADER_H */
