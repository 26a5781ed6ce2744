/*
 * base/spi.c
 *		The one checked way to run SQL from C.
 *
 * Statements are written with every identifier schema-qualified and values
 * bound as parameters, so that nothing depends on search_path and no value is
 * ever SQL.
 */
#include "postgres.h"

#include "base/spi.h"

#include "base/extension.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/guc.h"

/* more parameters than any statement of ours has */
#define MAX_ARGS 32

OlistSpiArg
olist_spi_text(const char *value)
{
	OlistSpiArg arg = {TEXTOID, (Datum) 0, true};

	if (value != NULL)
	{
		arg.value = CStringGetTextDatum(value);
		arg.isnull = false;
	}
	return arg;
}

/* the arguments as SPI wants them */
typedef struct SpiArgs
{
	Oid types[MAX_ARGS];
	Datum values[MAX_ARGS];
	char nulls[MAX_ARGS];
} SpiArgs;

static void
unpack_args(SpiArgs *unpacked, int nargs, const OlistSpiArg *args)
{
	Assert(nargs <= MAX_ARGS);
	for (int i = 0; i < nargs; i++)
	{
		unpacked->types[i] = args[i].type;
		unpacked->values[i] = args[i].value;
		unpacked->nulls[i] = args[i].isnull ? 'n' : ' ';
	}
}

static uint64
check_result(int rc, int expected, const char *sql)
{
	if (rc != expected)
		elog(ERROR, "unexpected SPI result %s of: %s", SPI_result_code_string(rc), sql);
	return SPI_processed;
}

uint64
olist_spi_execute(const char *sql, int expected, int nargs, const OlistSpiArg *args)
{
	MemoryContext caller_context = CurrentMemoryContext;
	SpiArgs a;
	int rc;

	unpack_args(&a, nargs, args);
	rc = SPI_execute_with_args(sql, nargs, a.types, a.values, a.nulls, false, 0);
	/* SPI leaves its procedure's context behind, which may not be the caller's */
	MemoryContextSwitchTo(caller_context);
	return check_result(rc, expected, sql);
}

static uint64
execute_kept(OlistSpiKept *kept, int nargs, const OlistSpiArg *args)
{
	MemoryContext caller_context = CurrentMemoryContext;
	SpiArgs a;
	int rc;

	unpack_args(&a, nargs, args);
	if (kept->plan == NULL)
	{
		/* the arguments never matter to the plan: it need not be made five times to see that */
		SPIPlanPtr plan = SPI_prepare_cursor(kept->sql, nargs, a.types, CURSOR_OPT_GENERIC_PLAN);

		if (plan == NULL)
			elog(ERROR, "could not prepare: %s", kept->sql);
		SPI_keepplan(plan);
		kept->plan = plan;
	}
	rc = SPI_execute_plan(kept->plan, a.values, a.nulls, false, 0);
	MemoryContextSwitchTo(caller_context);
	return check_result(rc, kept->expected, kept->sql);
}

uint64
olist_spi_run(const char *sql, int expected)
{
	return olist_spi_execute(sql, expected, 0, NULL);
}

/* whose rights the session has, and under which settings, outside of a catalogue statement */
typedef struct CallerState
{
	Oid userid;
	int sec_context;
	int nest_level;
} CallerState;

/* an error in between needs no clean-up: aborting the (sub)transaction restores all */
static void
become_owner(CallerState *caller)
{
	GetUserIdAndSecContext(&caller->userid, &caller->sec_context);
	SetUserIdAndSecContext(olist_extension_owner(), caller->sec_context |
														SECURITY_LOCAL_USERID_CHANGE |
														SECURITY_RESTRICTED_OPERATION);

	/* operators are written bare: the caller's search_path must not choose them */
	caller->nest_level = NewGUCNestLevel();
	(void) set_config_option("search_path", "pg_catalog, pg_temp", PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
	/* compiling a statement costs more than any of these does */
	(void) set_config_option("jit", "off", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0,
							 false);
}

static void
become_caller(const CallerState *caller)
{
	AtEOXact_GUC(true, caller->nest_level);
	SetUserIdAndSecContext(caller->userid, caller->sec_context);
}

uint64
olist_spi_execute_as_owner(const char *sql, int expected, int nargs, const OlistSpiArg *args)
{
	CallerState caller;
	uint64 processed;

	become_owner(&caller);
	processed = olist_spi_execute(sql, expected, nargs, args);
	become_caller(&caller);
	return processed;
}

uint64
olist_spi_execute_kept_as_owner(OlistSpiKept *kept, int nargs, const OlistSpiArg *args)
{
	CallerState caller;
	uint64 processed;

	become_owner(&caller);
	processed = execute_kept(kept, nargs, args);
	become_caller(&caller);
	return processed;
}
