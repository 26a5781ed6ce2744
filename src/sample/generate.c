/*
 * sample/generate.c
 *		generate_sample(): the generated data set as files on the server.
 */
#include "postgres.h"

#include <sys/stat.h>

#include "base/message.h"
#include "catalog/pg_authid.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "sample/output.h"
#include "sample/sample.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/tuplestore.h"

PG_FUNCTION_INFO_V1(olist_etl_generate_sample);

#define CHUNK_BYTES 65536

/* the arguments of a call */
typedef struct Request
{
	char *directory;
	double scale;
	int64 seed;
	bool gzip;
	bool by_month;
	bool overwrite;
	ReturnSetInfo *result;
} Request;

static void
check_rights(void)
{
	if (!has_privs_of_role(GetUserId(), ROLE_PG_WRITE_SERVER_FILES))
		ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
						errmsg("permission denied to write files on the server"),
						errhint("Ask for the role pg_write_server_files, or read the generated "
								"data set at sample://olist/, which needs no files.")));
}

static char *
check_directory(const char *path)
{
	char *directory = pstrdup(path);
	const char *reason = NULL;

	if (!is_absolute_path(directory))
		reason = "it is not absolute";
	else if (strlen(directory) > MAXPGPATH - 100)
		reason = "it is too long";
	if (reason != NULL)
		ereport(ERROR, (errcode(ERRCODE_INVALID_NAME),
						errmsg("cannot write to directory \"%s\"", olist_clip(path, strlen(path))),
						errdetail("The path cannot be used: %s.", reason),
						errhint("Give the absolute path of a directory on the server.")));
	canonicalize_path(directory);
	return directory;
}

/* one of two words, as a bool: is it the second? */
static bool
check_choice(const char *name, const char *value, const char *first, const char *second)
{
	if (strcmp(value, second) == 0)
		return true;
	if (strcmp(value, first) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid value for %s: \"%s\"", name, olist_clip(value, strlen(value))),
				 errhint("Use \"%s\" or \"%s\".", first, second)));
	return false;
}

static void
read_request(FunctionCallInfo fcinfo, Request *request)
{
	request->directory = check_directory(text_to_cstring(PG_GETARG_TEXT_PP(0)));
	request->scale = PG_GETARG_FLOAT8(1);
	request->seed = PG_GETARG_INT64(2);
	request->gzip = check_choice("compress", text_to_cstring(PG_GETARG_TEXT_PP(3)), "none", "gzip");
	request->by_month =
		check_choice("split", text_to_cstring(PG_GETARG_TEXT_PP(4)), "none", "month");
	request->overwrite = PG_GETARG_BOOL(5);
	/* also false for a NaN */
	if (!(request->scale >= OLIST_SAMPLE_MIN_SCALE && request->scale <= OLIST_SAMPLE_MAX_SCALE))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("scale %g is out of range", request->scale),
						errhint("Give a scale from %g to %g; 1 is the size of the real data set.",
								OLIST_SAMPLE_MIN_SCALE, OLIST_SAMPLE_MAX_SCALE)));
	request->result = (ReturnSetInfo *) fcinfo->resultinfo;
}

static char *
file_name(const Request *request, OlistSampleEntity entity, int month)
{
	return psprintf("%s%s%s.csv%s", olist_sample_file_name(entity),
					month == OLIST_SAMPLE_WHOLE ? "" : "_",
					month == OLIST_SAMPLE_WHOLE ? "" : olist_sample_month_name(month),
					request->gzip ? ".gz" : "");
}

/* write one file, with all that it needs in a memory context of its own */
static void
write_file(const Request *request, OlistSampleEntity entity, int month)
{
	MemoryContext context =
		AllocSetContextCreate(CurrentMemoryContext, "olist sample file", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	OlistSample *sample = olist_sample_open(entity, request->scale, request->seed, month);
	char *name = file_name(request, entity, month);

	/* nothing was bought in this month of a small data set */
	if (olist_sample_orders(sample) > 0)
	{
		OlistOutput *output = olist_output_open(request->directory, name, request->gzip);
		char *buf = palloc(CHUNK_BYTES);
		Datum values[3];
		bool nulls[3] = {false};
		size_t n;

		while ((n = olist_sample_read(sample, buf, CHUNK_BYTES)) > 0)
		{
			CHECK_FOR_INTERRUPTS();
			olist_output_write(output, buf, n);
		}
		values[0] = CStringGetTextDatum(name);
		values[1] = Int64GetDatum(olist_sample_rows(sample));
		values[2] = Int64GetDatum(olist_output_finish(output, request->overwrite));
		tuplestore_putvalues(request->result->setResult, request->result->setDesc, values, nulls);
	}
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
}

/* before the first byte is written: is any of the names taken? */
static void
check_file(const Request *request, OlistSampleEntity entity, int month)
{
	char *path = psprintf("%s/%s", request->directory, file_name(request, entity, month));
	struct stat st;

	if (lstat(path, &st) == 0 && !(request->overwrite && S_ISREG(st.st_mode)))
		ereport(ERROR, (errcode(ERRCODE_DUPLICATE_FILE),
						errmsg("file \"%s\" already exists", olist_clip(path, strlen(path))),
						S_ISREG(st.st_mode)
							? errhint("Give another directory, or overwrite => true to replace it.")
							: errhint("It is not a regular file; give another directory.")));
	pfree(path);
}

static void
for_each_file(const Request *request, void (*action)(const Request *, OlistSampleEntity, int))
{
	for (int entity = 0; entity < OLIST_SAMPLE_ENTITIES; entity++)
	{
		if (!request->by_month || !olist_sample_is_monthly(entity))
			action(request, entity, OLIST_SAMPLE_WHOLE);
		else
		{
			for (int month = 0; month < OLIST_SAMPLE_MONTHS; month++)
				action(request, entity, month);
		}
	}
}

static void
make_directory(const char *directory)
{
	if (mkdir(directory, 0755) == 0)
	{
		/* whatever the server's umask: others are to read the files */
		if (chmod(directory, 0755) == 0)
			return;
	}
	else if (errno == EEXIST)
		return;
	ereport(ERROR, (errcode_for_file_access(),
					errmsg("could not create directory \"%s\": %m",
						   olist_clip(directory, strlen(directory))),
					errhint("The server creates it as its own operating system user, and only "
							"the last part of the path.")));
}

/*
 * generate_sample(directory text, scale float8, seed int8, compress text,
 * split text, overwrite bool) returns table (file text, rows int8, bytes int8)
 */
Datum
olist_etl_generate_sample(PG_FUNCTION_ARGS)
{
	Request request;

	check_rights();
	read_request(fcinfo, &request);
	InitMaterializedSRF(fcinfo, 0);
	make_directory(request.directory);
	for_each_file(&request, check_file);
	for_each_file(&request, write_file);
	return (Datum) 0;
}
