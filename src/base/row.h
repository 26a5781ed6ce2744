/*
 * base/row.h
 *		What a procedure with INOUT parameters returns.
 */
#ifndef OLIST_ROW_H
#define OLIST_ROW_H

#include "fmgr.h"

/* one row of the parameters' types, from as many values */
extern Datum olist_row_result(FunctionCallInfo fcinfo, Datum *values, bool *nulls);

#endif /* OLIST_ROW_H */
