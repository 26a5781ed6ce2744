/*
 * load/json.h
 *		The argument of a task function, and its result.
 */
#ifndef OLIST_LOAD_JSON_H
#define OLIST_LOAD_JSON_H

#include "utils/jsonb.h"

/* raise 22023 unless the argument is an object */
extern void olist_json_check_object(Jsonb *argument);

/*
 * A member of an object as palloc'd text: strings without quotes, numbers and
 * booleans as JSON writes them. NULL if it is missing or null. Errors: 22023
 * for an array or object.
 */
extern char *olist_json_text(Jsonb *argument, const char *key);

/* the same, which must be there; raises 22023 */
extern char *olist_json_required_text(Jsonb *argument, const char *key);

/* a member that is a whole number; dflt if it is missing or null; raises 22023 */
extern int64 olist_json_int8(Jsonb *argument, const char *key, int64 dflt);

/* a member that is true or false */
extern bool olist_json_bool(Jsonb *argument, const char *key, bool dflt);

/* members of a result that is being built */
extern void olist_json_push_text(JsonbParseState **state, const char *key, const char *value);
extern void olist_json_push_int8(JsonbParseState **state, const char *key, int64 value);
extern void olist_json_push_bool(JsonbParseState **state, const char *key, bool value);

#endif /* OLIST_LOAD_JSON_H */
