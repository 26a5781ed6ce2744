/*
 * base/row.c
 *		What a procedure with INOUT parameters returns.
 */
#include "postgres.h"

#include "base/row.h"

#include "access/htup_details.h"
#include "funcapi.h"

Datum
olist_row_result(FunctionCallInfo fcinfo, Datum *values, bool *nulls)
{
	TupleDesc desc;

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "the procedure must have output parameters");
	return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls));
}
