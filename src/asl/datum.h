/*
 * asl/datum.h
 *		Trees from SQL values of type json, and back.
 */
#ifndef OLIST_ASL_DATUM_H
#define OLIST_ASL_DATUM_H

#include "asl/json.h"

/* the tree of a json (or text) value; raises 22P02 if it is none */
extern OlistJson *olist_json_from_datum(Datum value);

/* a json value */
extern Datum olist_json_to_datum(const OlistJson *json);

/* a text value of UTF-8 bytes */
extern Datum olist_json_text_datum(const char *text, int len);

/* the UTF-8 bytes of a text or json value, palloc'd */
extern char *olist_json_datum_text(Datum value, int *len);

#endif /* OLIST_ASL_DATUM_H */
