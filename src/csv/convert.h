/*
 * csv/convert.h
 *		Text of a field to a datum.
 */
#ifndef OLIST_CONVERT_H
#define OLIST_CONVERT_H

#include "fmgr.h"

typedef struct OlistConverter OlistConverter;

/*
 * A fast way to a type: the datum of the len bytes at text, which are in the
 * server's encoding and not NUL-terminated. False when it does not know the
 * form; the type's input function then decides. A varlena is built at *room,
 * which is moved behind it.
 */
typedef bool (*OlistConvertFast)(const OlistConverter *converter, const char *text, int len,
								 char **room, Datum *value);

/* how one column's text becomes a datum */
struct OlistConverter
{
	OlistConvertFast fast; /* NULL: only the input function */
	bool needs_room;	   /* fast builds a varlena */
	bool null_matters;	   /* the input function wants to see NULL, as a domain's does */
	bool risky;			   /* the input function may run any code: isolate its errors */
	Oid type;
	int32 typmod;
	FmgrInfo input;
	Oid ioparam;
	int precision; /* numeric(p,s); precision 0: unconstrained */
	int scale;
};

/* why a text could not become a datum; palloc'd in the current context */
typedef struct OlistConvertError
{
	int sqlerrcode;
	char *message;
	char *hint;
} OlistConvertError;

/* prepare the conversion to a type; what it holds lives in the current context */
extern void olist_converter_init(OlistConverter *converter, Oid type, int32 typmod);

/* set the fast way to converter's type and typmod, if there is one */
extern void olist_converter_choose_fast(OlistConverter *converter);

/* bytes of room that fast may use for a text of len bytes */
static inline size_t
olist_convert_room(int len)
{
	return MAXALIGN(len) + 2 * MAXIMUM_ALIGNOF;
}

/*
 * Convert by the type's input function. text is NUL-terminated, or NULL for an
 * SQL NULL. The datum is allocated in the current memory context. False, with
 * error filled, for whatever the function says about the data; other errors
 * (a cancel, no memory) are raised.
 */
extern bool olist_convert_by_input(OlistConverter *converter, char *text, Datum *value,
								   OlistConvertError *error);

/*
 * The SQLSTATE with which NaN or an infinity is to be refused; 0 if the value
 * is finite, or its type knows nothing else.
 */
extern int olist_convert_non_finite(Oid type, Datum value);

#endif /* OLIST_CONVERT_H */
