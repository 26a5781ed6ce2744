/*
 * asl/json.h
 *		A JSON document as a tree that keeps the order of members and the text of
 *		numbers, both of which jsonb loses and States Language shows.
 *
 * Trees live in the memory context that was current when they were made and are
 * never changed once another value refers to them, so parts may be shared freely
 * between values of one context or of contexts that live longer.
 */
#ifndef OLIST_JSON_H
#define OLIST_JSON_H

typedef enum OlistJsonType
{
	OLIST_JSON_NULL,
	OLIST_JSON_BOOLEAN,
	OLIST_JSON_NUMBER,
	OLIST_JSON_STRING,
	OLIST_JSON_ARRAY,
	OLIST_JSON_OBJECT
} OlistJsonType;

typedef struct OlistJson OlistJson;
typedef struct OlistJsonMember OlistJsonMember;

struct OlistJson
{
	OlistJsonType type;
	bool boolean;			  /* of a boolean */
	int count;				  /* bytes of text, items, or members */
	int capacity;			  /* places allocated for items or members */
	char *text;				  /* of a string (unescaped UTF-8) or number (as written) */
	OlistJson **items;		  /* of an array */
	OlistJsonMember *members; /* of an object; a repeated key keeps its first place, last value */
	int *index;				  /* hash table over the members once there are many, else NULL */
	int index_size;
};

struct OlistJsonMember
{
	char *key;
	int key_len;
	OlistJson *value;
};

/* where and why text is not JSON */
typedef struct OlistJsonError
{
	int offset; /* bytes before the offending one */
	const char *message;
} OlistJsonError;

/* deeper nesting is refused by the parser, so recursion over a tree is bounded */
#define OLIST_JSON_MAX_DEPTH 1000

/* NULL, with error filled, if text is not one JSON value */
extern OlistJson *olist_json_parse(const char *text, int len, OlistJsonError *error);

/*
 * Refuse texts that hold one key twice in one object: the key's name, palloc'd,
 * or NULL if there is none. text must parse.
 */
extern char *olist_json_duplicate_key(const char *text, int len);

/* compact text, palloc'd, NUL-terminated; len may be NULL */
extern char *olist_json_print(const OlistJson *json, int *len);

/* the length of that text, without making it */
extern int64 olist_json_size(const OlistJson *json);

extern OlistJson *olist_json_null(void);
extern OlistJson *olist_json_boolean(bool value);
extern OlistJson *olist_json_int(int64 value);
extern OlistJson *olist_json_number(const char *text, int len);
extern OlistJson *olist_json_string(const char *text);
extern OlistJson *olist_json_string_n(const char *text, int len);
extern OlistJson *olist_json_array(void);
extern OlistJson *olist_json_object(void);

/* for values under construction only: these change array or object */
extern void olist_json_append(OlistJson *array, OlistJson *value);
extern void olist_json_set(OlistJson *object, const char *key, OlistJson *value);
extern void olist_json_set_n(OlistJson *object, const char *key, int key_len, OlistJson *value);

/* the member's value, or NULL if object is no object or has no such member */
extern OlistJson *olist_json_get(const OlistJson *object, const char *key);
extern OlistJson *olist_json_get_n(const OlistJson *object, const char *key, int key_len);

/* the member's place among the members, or -1 */
extern int olist_json_find(const OlistJson *object, const char *key, int key_len);

/* a deep copy in the current memory context */
extern OlistJson *olist_json_copy(const OlistJson *json);

/* a new array or object with the same items or members, ready to be changed */
extern OlistJson *olist_json_copy_shallow(const OlistJson *json);

/* equal as JSON values: member order does not count, 1 = 1.0 */
extern bool olist_json_equal(const OlistJson *a, const OlistJson *b);

/* do two number texts differ, and how: <0, 0, >0; exact at any length */
extern int olist_json_compare_numbers(const OlistJson *a, const OlistJson *b);

extern bool olist_json_is_string(const OlistJson *json, const char *text);

/* true if json is a whole number that fits; *value set */
extern bool olist_json_to_int64(const OlistJson *json, int64 *value);

/* the nearest double; json must be a number */
extern double olist_json_to_double(const OlistJson *json);

#endif /* OLIST_JSON_H */
