/*
 * load/object_error.c
 *		An object that cannot be loaded at all: stop, or go on without it.
 *
 *		subtransaction { olist_load_object() } ──► loaded
 *		      └─► an error that is the object's own ──► ledger line, not current
 *													──► one reject for the object
 *
 * What is the object's own fault would fail again until somebody writes it anew:
 * a key column that is missing, a file that is damaged or no CSV, too many
 * rejects. A source that cannot be reached, rights that are missing, or a full
 * disk are not, and always raise.
 */
#include "postgres.h"

#include "load/object_error.h"

#include "base/try.h"
#include "utils/guc.h"
#include "utils/memutils.h"

typedef enum OnObjectError
{
	ON_OBJECT_ERROR_STOP,
	ON_OBJECT_ERROR_REJECT
} OnObjectError;

static const struct config_enum_entry on_object_error_options[] = {
	{"stop", ON_OBJECT_ERROR_STOP, false},
	{"reject", ON_OBJECT_ERROR_REJECT, false},
	{NULL, 0, false}};

static int on_object_error = ON_OBJECT_ERROR_STOP;

/* what the subtransaction gets and gives */
typedef struct Attempt
{
	const OlistLoadTarget *target;
	const OlistObject *object;
	OlistLoadResult result;
} Attempt;

void
olist_object_error_init(void)
{
	DefineCustomEnumVariable("olist_etl.on_object_error",
							 "What a run does about an object that cannot be loaded at all.",
							 "stop: it fails; reject: it notes the object in olist_etl.reject, and "
							 "goes on without it.",
							 &on_object_error, ON_OBJECT_ERROR_STOP, on_object_error_options,
							 PGC_USERSET, 0, NULL, NULL, NULL);
}

static bool
is_objects_own(const ErrorData *error)
{
	switch (error->sqlerrcode)
	{
		case ERRCODE_UNDEFINED_COLUMN:
		case ERRCODE_DUPLICATE_COLUMN:
		case ERRCODE_BAD_COPY_FILE_FORMAT:
		case ERRCODE_CHARACTER_NOT_IN_REPERTOIRE:
		case ERRCODE_UNTRANSLATABLE_CHARACTER:
		case ERRCODE_PROGRAM_LIMIT_EXCEEDED:
		case ERRCODE_IO_ERROR: /* damaged, or not compressed as its name says */
			return true;
		default:
			return false;
	}
}

static void
load(void *arg)
{
	Attempt *attempt = arg;

	attempt->result = olist_load_object(attempt->target, attempt->object);
}

OlistLoadResult
olist_load_object_or_reject(const OlistLoadTarget *target, const OlistObject *object)
{
	Attempt attempt = {.target = target, .object = object};
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext context;
	ErrorData *error;

	if (on_object_error == ON_OBJECT_ERROR_STOP)
		return olist_load_object(target, object);
	context = AllocSetContextCreate(caller, "olist load attempt", ALLOCSET_SMALL_SIZES);
	MemoryContextSwitchTo(context);
	error = olist_try(load, &attempt);
	MemoryContextSwitchTo(caller);
	if (error != NULL)
	{
		if (!is_objects_own(error) ||
			!olist_load_reject_object(target, object, error, &attempt.result))
			ReThrowError(error);
	}
	MemoryContextDelete(context);
	return attempt.result;
}
