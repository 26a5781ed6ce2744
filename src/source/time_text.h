/*
 * source/time_text.h
 *		Points in time as servers write them.
 */
#ifndef OLIST_TIME_TEXT_H
#define OLIST_TIME_TEXT_H

#include "datatype/timestamp.h"

/* "Wed, 01 May 2024 12:34:56 GMT", as in headers; DT_NOBEGIN for anything else or NULL */
extern TimestampTz olist_time_from_http(const char *text);

/* "2024-05-01T12:34:56.000Z", as in XML and JSON; DT_NOBEGIN for anything else or NULL */
extern TimestampTz olist_time_from_iso(const char *text);

#endif /* OLIST_TIME_TEXT_H */
