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

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/builtins.h"

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

uint64
olist_spi_execute(const char *sql, int expected, int nargs, const OlistSpiArg *args)
{
	Oid types[MAX_ARGS];
	Datum values[MAX_ARGS];
	char nulls[MAX_ARGS] = {0};
	int rc;

	Assert(nargs <= MAX_ARGS);
	for (int i = 0; i < nargs; i++)
	{
		types[i] = args[i].type;
		values[i] = args[i].value;
		nulls[i] = args[i].isnull ? 'n' : ' ';
	}
	rc = SPI_execute_with_args(sql, nargs, types, values, nulls, false, 0);
	if (rc != expected)
		elog(ERROR, "unexpected SPI result %s of: %s", SPI_result_code_string(rc), sql);
	return SPI_processed;
}

uint64
olist_spi_run(const char *sql, int expected)
{
	return olist_spi_execute(sql, expected, 0, NULL);
}
