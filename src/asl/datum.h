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

/*
 * A string between the database's encoding and UTF-8: NULL stays NULL, and what
 * is the same in both is not copied. Errors: 22P05 for what the other has not.
 */
extern char *olist_utf8_from_server(const char *text);
extern char *olist_utf8_to_server(const char *text);

/* JSON in the database's encoding: a tree, or NULL if it is none; and back */
extern OlistJson *olist_json_parse_server(const char *text, OlistJsonError *error);
extern char *olist_json_print_server(const OlistJson *json);

#endif /* OLIST_ASL_DATUM_H */
