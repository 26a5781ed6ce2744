/*
 * base/spi.h
 *		The one checked way to run SQL from C.
 */
#ifndef OLIST_SPI_H
#define OLIST_SPI_H

/* one bound parameter of a statement: a type, a value, whether it is NULL */
typedef struct OlistSpiArg
{
	Oid type;
	Datum value;
	bool isnull;
} OlistSpiArg;

#define OLIST_SPI_INT8(v) ((OlistSpiArg){INT8OID, Int64GetDatum(v), false})
#define OLIST_SPI_INT4(v) ((OlistSpiArg){INT4OID, Int32GetDatum(v), false})
#define OLIST_SPI_BOOL(v) ((OlistSpiArg){BOOLOID, BoolGetDatum(v), false})
#define OLIST_SPI_OID(v) ((OlistSpiArg){OIDOID, ObjectIdGetDatum(v), false})
#define OLIST_SPI_JSONB(v) ((OlistSpiArg){JSONBOID, JsonbPGetDatum(v), false})
#define OLIST_SPI_TIMESTAMPTZ(v) ((OlistSpiArg){TIMESTAMPTZOID, TimestampTzGetDatum(v), false})
/* a C string, or NULL for an SQL NULL */
#define OLIST_SPI_TEXT(v) olist_spi_text(v)

extern OlistSpiArg olist_spi_text(const char *value);

/*
 * Run one statement inside an SPI connection that the caller holds, with the
 * parameters $1..$n of args. expected is the SPI_OK_* code that the statement
 * must give; anything else is an internal error that names the statement.
 * Returns the number of rows processed; the rows are in SPI_tuptable. Errors
 * of the statement itself pass through unchanged.
 */
extern uint64 olist_spi_execute(const char *sql, int expected, int nargs, const OlistSpiArg *args);

/* the same for a statement without parameters */
extern uint64 olist_spi_run(const char *sql, int expected);

/*
 * The same, as the extension's owner: for writes to olist_etl's own tables,
 * on which nobody else has rights, so that a user can leave traces there by
 * our functions only. Runs as a security-restricted operation: a trigger that
 * somebody managed to put there can do no harm. Never for SQL that a user
 * wrote or could change.
 */
extern uint64
olist_spi_execute_as_owner(const char *sql, int expected, int nargs, const OlistSpiArg *args);

/*
 * The same for a statement that is executed often: its plan is kept for the
 * life of the process. A static variable, whose other fields start as zero.
 */
typedef struct OlistSpiKept
{
	const char *sql;
	int expected;
	struct _SPI_plan *plan;
} OlistSpiKept;

extern uint64
olist_spi_execute_kept_as_owner(OlistSpiKept *kept, int nargs, const OlistSpiArg *args);

#endif /* OLIST_SPI_H */
