/*
 * fdw/reader.c
 *		The rows of all objects that a URI stands for.
 *
 *		URI ──► sequence of streams ──► row source ──► row
 *
 * One object is read at a time. It lives in a context of its own below the
 * reader's, so that moving on to the next object releases everything at once:
 * the stream's foreign handles hang on that context's callbacks.
 */
#include "postgres.h"

#include "fdw/reader.h"

#include "base/message.h"
#include "source/sequence.h"
#include "utils/memutils.h"

struct OlistReader
{
	const OlistSourceOptions *source;
	TupleDesc desc;
	const OlistCsvOptions *csv;
	MemoryContext context;		  /* the reader's own: the sequence */
	MemoryContext object_context; /* the open object */
	OlistSequence *sequence;
	OlistObject object;	  /* valid while rows is set */
	OlistRowSource *rows; /* of the open object, NULL between objects */
	int64 rejected;		  /* records of the open object that were skipped */
	int64 read;			  /* records of the open object */
};

OlistReader *
olist_reader_open(const char *uri, const OlistSourceOptions *source, TupleDesc desc,
				  const OlistCsvOptions *csv)
{
	MemoryContext context =
		AllocSetContextCreate(CurrentMemoryContext, "olist reader", ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(context);
	OlistReader *reader = palloc0(sizeof(OlistReader));

	reader->source = source;
	reader->desc = desc;
	reader->csv = csv;
	reader->context = context;
	reader->object_context =
		AllocSetContextCreate(context, "olist reader object", ALLOCSET_DEFAULT_SIZES);
	reader->sequence = olist_sequence_open(uri, source);
	MemoryContextSwitchTo(caller);
	return reader;
}

OlistRowSource *
olist_reader_open_object(const OlistObject *object, const OlistSourceOptions *source,
						 TupleDesc desc, const OlistRowFormat *format)
{
	OlistStream *stream = olist_stream_open(object->uri, object, source);

	return olist_row_source_open(stream, desc, format);
}

static void
add_context(void *row_source)
{
	errcontext("%s", olist_row_source_describe(row_source));
}

OlistRowStatus
olist_reader_next_record(OlistRowSource *rows, Datum *values, bool *isnull)
{
	ErrorContextCallback callback = {error_context_stack, add_context, rows};
	OlistRowStatus status;

	error_context_stack = &callback;
	status = olist_row_source_next(rows, values, isnull);
	error_context_stack = callback.previous;
	return status;
}

/* move on to the next object; false if there is none */
static bool
open_next_object(OlistReader *reader)
{
	MemoryContext caller = MemoryContextSwitchTo(reader->object_context);
	OlistStream *stream;
	bool found = olist_sequence_next(reader->sequence, &reader->object, &stream);

	if (found)
		reader->rows = olist_row_source_open(stream, reader->desc, &reader->csv->format);
	reader->read = 0;
	reader->rejected = 0;
	MemoryContextSwitchTo(caller);
	return found;
}

/* the open object has ended: say what was skipped, and release it */
static void
finish_object(OlistReader *reader)
{
	olist_reject_limit_check(&reader->csv->reject_limit, true, reader->object.uri, reader->read,
							 reader->rejected);
	if (reader->rejected > 0)
		ereport(NOTICE, (errmsg("skipped %lld of %lld records of object \"%s\"",
								(long long) reader->rejected, (long long) reader->read,
								olist_redact_uri(reader->object.uri))));
	olist_row_source_close(reader->rows);
	reader->rows = NULL;
	MemoryContextReset(reader->object_context);
}

/* the next good row of the open object; false at its end */
static bool
next_row(OlistReader *reader, Datum *values, bool *isnull)
{
	for (;;)
	{
		switch (olist_reader_next_record(reader->rows, values, isnull))
		{
			case OLIST_ROW_OK:
				reader->read++;
				return true;
			case OLIST_ROW_END:
				return false;
			case OLIST_ROW_BAD:
				if (reader->csv->on_error == OLIST_ON_ERROR_STOP)
					olist_row_source_raise(reader->rows);
				reader->read++;
				reader->rejected++;
				olist_reject_limit_check(&reader->csv->reject_limit, false, reader->object.uri,
										 reader->read, reader->rejected);
				break;
		}
	}
}

bool
olist_reader_next(OlistReader *reader, Datum *values, bool *isnull)
{
	for (;;)
	{
		if (reader->rows == NULL && !open_next_object(reader))
			return false;
		if (next_row(reader, values, isnull))
			return true;
		finish_object(reader);
	}
}

void
olist_reader_close(OlistReader *reader)
{
	MemoryContextDelete(reader->context);
}
