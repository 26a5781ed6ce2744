/*
 * csv/convert_check.c
 *		The fast conversions held against the input functions.
 *
 * No part of the install script: the test declares the function for itself,
 * and runs it over millions of values.
 */
#include "postgres.h"

#include "csv/convert.h"

#include "compat.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"

PG_FUNCTION_INFO_V1(olist_etl_check_conversion);

/* what is kept between calls */
typedef struct Check
{
	OlistConverter converter;
	int16 typlen;
	bool typbyval;
} Check;

static Check *
prepare(FunctionCallInfo fcinfo)
{
	FmgrInfo *flinfo = fcinfo->flinfo;
	Oid type = get_fn_expr_argtype(flinfo, 1);
	MemoryContext old = MemoryContextSwitchTo(flinfo->fn_mcxt);
	Check *check = palloc(sizeof(Check));

	olist_converter_init(&check->converter, type, PG_GETARG_INT32(2));
	get_typlenbyval(type, &check->typlen, &check->typbyval);
	MemoryContextSwitchTo(old);
	flinfo->fn_extra = check;
	return check;
}

/*
 * check_conversion(value text, type anyelement, typmod int) returns text: does
 * the fast way to the type give what the input function gives, bit for bit?
 *		'='	it does
 *		'-'	it leaves this text to the input function
 *		'!'	it does not
 * An error of the input function for a text that the fast way takes is raised.
 */
Datum
olist_etl_check_conversion(PG_FUNCTION_ARGS)
{
	Check *check = fcinfo->flinfo->fn_extra;
	text *value;
	char *room;
	Datum fast;
	Datum slow;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(2))
		PG_RETURN_NULL();
	if (check == NULL)
		check = prepare(fcinfo);
	value = PG_GETARG_TEXT_PP(0);
	room = palloc0(olist_convert_room(VARSIZE_ANY_EXHDR(value)));
	if (check->converter.fast == NULL ||
		!check->converter.fast(&check->converter, VARDATA_ANY(value), VARSIZE_ANY_EXHDR(value),
							   &room, &fast))
		PG_RETURN_TEXT_P(cstring_to_text("-"));
	slow = InputFunctionCall(&check->converter.input, text_to_cstring(value),
							 check->converter.ioparam, check->converter.typmod);
	PG_RETURN_TEXT_P(
		cstring_to_text(datum_image_eq(fast, slow, check->typbyval, check->typlen) ? "=" : "!"));
}
