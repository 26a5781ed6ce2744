/*
 * csv/convert.c
 *		Text of a field to a datum.
 *
 * Two ways lead from a text to a datum. The fast functions of convert_fast.c
 * know the plain forms of the common types. All else, be it an unusual form,
 * another type or an error, is for the type's input function, so that what is
 * accepted, what comes out and what an error says is always the server's own.
 *
 * This file calls the input functions, and turns what they raise about the
 * data into a result.
 */
#include "postgres.h"

#include "csv/convert.h"

#include <math.h>

#include "access/htup_details.h"
#include "access/xact.h"
#include "catalog/pg_type.h"
#include "compat.h"
#include "utils/date.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/numeric.h"
#include "utils/resowner.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

/*
 * Can the input function run code that is not the server's own, or hold more
 * than memory when it fails? Domains, arrays, ranges and rows call the input
 * functions and checks of others.
 */
static bool
is_risky(Oid type)
{
	HeapTuple tuple = SearchSysCache1(TYPEOID, ObjectIdGetDatum(type));
	Form_pg_type form;
	bool risky;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for type %u", type);
	form = (Form_pg_type) GETSTRUCT(tuple);
	risky =
		type >= FirstUnpinnedObjectId || form->typtype != TYPTYPE_BASE || OidIsValid(form->typelem);
	ReleaseSysCache(tuple);
	return risky;
}

void
olist_converter_init(OlistConverter *converter, Oid type, int32 typmod)
{
	Oid input;

	memset(converter, 0, sizeof(OlistConverter));
	converter->type = type;
	converter->typmod = typmod;
	getTypeInputInfo(type, &input, &converter->ioparam);
	fmgr_info(input, &converter->input);
	converter->null_matters = !converter->input.fn_strict;
	converter->risky = is_risky(type);
	olist_converter_choose_fast(converter);
}

/* is this something that a field's content can be blamed for? */
static bool
is_about_data(int sqlerrcode)
{
	switch (ERRCODE_TO_CATEGORY(sqlerrcode))
	{
		case ERRCODE_TO_CATEGORY(ERRCODE_DATA_EXCEPTION):
		case ERRCODE_TO_CATEGORY(ERRCODE_INTEGRITY_CONSTRAINT_VIOLATION):
		case ERRCODE_TO_CATEGORY(ERRCODE_SYNTAX_ERROR_OR_ACCESS_RULE_VIOLATION):
		case ERRCODE_TO_CATEGORY(ERRCODE_PROGRAM_LIMIT_EXCEEDED):
		case ERRCODE_TO_CATEGORY(ERRCODE_FEATURE_NOT_SUPPORTED):
		case ERRCODE_TO_CATEGORY(ERRCODE_RAISE_EXCEPTION):
			return true;
	}
	return false;
}

static void
take_error(const ErrorData *edata, OlistConvertError *error)
{
	error->sqlerrcode = edata->sqlerrcode;
	error->message = edata->message != NULL ? pstrdup(edata->message) : pstrdup("invalid value");
	error->hint = edata->hint != NULL ? pstrdup(edata->hint) : NULL;
}

#if OLIST_HAVE_SOFT_ERRORS
/*
 * Call the input function so that its errors come back softly. A function that
 * knows no soft errors still raises, which is caught as below.
 */
static bool
call_softly(OlistConverter *converter, char *text, Datum *value, OlistConvertError *error)
{
	ErrorSaveContext save = {.type = T_ErrorSaveContext, .details_wanted = true};

	if (InputFunctionCallSafe(&converter->input, text, converter->ioparam, converter->typmod,
							  (Node *) &save, value))
		return true;
	take_error(save.error_data, error);
	FreeErrorData(save.error_data);
	return false;
}
#else
static bool
call_softly(OlistConverter *converter, char *text, Datum *value, OlistConvertError *error)
{
	*value = InputFunctionCall(&converter->input, text, converter->ioparam, converter->typmod);
	return true;
}
#endif

/*
 * Call the input function and catch what it raises about the data. The input
 * functions of the server's own base types hold nothing but memory when they
 * raise, so that no subtransaction is needed around them.
 */
static bool
call_catching(OlistConverter *converter, char *text, Datum *value, OlistConvertError *error)
{
	MemoryContext context = CurrentMemoryContext;
	volatile bool ok = false;

	PG_TRY();
	{
		ok = call_softly(converter, text, value, error);
	}
	PG_CATCH();
	{
		ErrorData *edata;

		MemoryContextSwitchTo(context);
		if (!is_about_data(geterrcode()))
			PG_RE_THROW();
		edata = CopyErrorData();
		FlushErrorState();
		take_error(edata, error);
		FreeErrorData(edata);
	}
	PG_END_TRY();
	return ok;
}

/* The same inside a subtransaction, for functions that may do anything. */
static bool
call_isolated(OlistConverter *converter, char *text, Datum *value, OlistConvertError *error)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	volatile bool ok = false;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(context);
	PG_TRY();
	{
		ok = call_softly(converter, text, value, error);
		ReleaseCurrentSubTransaction();
		MemoryContextSwitchTo(context);
		CurrentResourceOwner = owner;
	}
	PG_CATCH();
	{
		ErrorData *edata;

		MemoryContextSwitchTo(context);
		edata = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
		MemoryContextSwitchTo(context);
		CurrentResourceOwner = owner;
		if (!is_about_data(edata->sqlerrcode))
			ReThrowError(edata);
		take_error(edata, error);
		FreeErrorData(edata);
	}
	PG_END_TRY();
	return ok;
}

bool
olist_convert_by_input(OlistConverter *converter, char *text, Datum *value,
					   OlistConvertError *error)
{
	/* in a parallel query there are no subtransactions: an error ends the query */
	if (converter->risky && IsInParallelMode())
		return call_softly(converter, text, value, error);
	if (converter->risky)
		return call_isolated(converter, text, value, error);
	return call_catching(converter, text, value, error);
}

int
olist_convert_non_finite(Oid type, Datum value)
{
	switch (type)
	{
		case FLOAT4OID:
			return isfinite(DatumGetFloat4(value)) ? 0 : ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE;
		case FLOAT8OID:
			return isfinite(DatumGetFloat8(value)) ? 0 : ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE;
		case NUMERICOID:
			return numeric_is_nan(DatumGetNumeric(value)) || numeric_is_inf(DatumGetNumeric(value))
					   ? ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE
					   : 0;
		case DATEOID:
			return DATE_NOT_FINITE(DatumGetDateADT(value)) ? ERRCODE_DATETIME_VALUE_OUT_OF_RANGE
														   : 0;
		case TIMESTAMPOID:
		case TIMESTAMPTZOID:
			return TIMESTAMP_NOT_FINITE(DatumGetTimestamp(value))
					   ? ERRCODE_DATETIME_VALUE_OUT_OF_RANGE
					   : 0;
	}
	return 0;
}
