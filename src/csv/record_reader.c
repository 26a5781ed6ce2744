/*
 * csv/record_reader.c
 *		Records of a CSV object, pulled out of libcsv's push.
 *
 *		stream ──► buffer ──► physical lines ──► libcsv ──► fields
 *
 * libcsv calls back for every field and record of what it is given and cannot
 * be stopped. It is therefore given one physical line at a time: a record ends
 * only at a line end, so that it is complete exactly when a call returns, and
 * there is nothing to queue. It also means that we know where every record
 * stands, how many lines it spans, and where to go on after a broken one.
 *
 * The buffer keeps the raw bytes of the record in progress, because a reject
 * shows them. A field's text is almost always found there as it stands, so
 * that libcsv's copy of it need not be copied again; only a field with doubled
 * quotes is taken from libcsv. libcsv says what the text of a field is, the
 * callback follows it through the raw bytes (the cursor):
 *
 *		"order_id",1,"he said ""no"""
 *		 ~~~~~~~~  ~  ^ differs from the raw bytes: copied to unescaped
 *
 * After a structural error the rest of the physical line is passed over and
 * the next line begins a new record. Nothing is read twice: a line that was
 * swallowed by an open quote belongs to the rejected record, whole. That is a
 * fair price for a few lines. Where a quote swallows many, the object cannot be
 * trusted, and the record says so.
 */
#include "postgres.h"

#include "csv/record_reader.h"

#include <csv.h>

#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "source/decompress.h"
#include "utils/memutils.h"

/* bytes of the object's beginning that are kept for a diagnosis */
#define HEAD_BYTES 64

/*
 * lines that an open quote may swallow with one bad record; no message of the
 * Olist reviews has more than 23
 */
#define MAX_SWALLOWED_LINES 100

/* a limit that a field exceeds, noted in libcsv's callback */
typedef enum Fault
{
	FAULT_NONE,
	FAULT_TOO_MANY, /* one field more than max_columns */
	FAULT_TOO_LONG	/* the last field has more than max_field_bytes */
} Fault;

struct OlistRecordReader
{
	OlistStream *stream;
	MemoryContext context;			/* holds everything, the stream's context too */
	MemoryContextCallback callback; /* frees what libcsv has */
	struct csv_parser parser;
	OlistRowFormat format;

	/* raw bytes: start ≤ pos ≤ end; [start, pos) went to libcsv */
	char *buffer;
	size_t capacity;
	char *start; /* of the record in progress */
	char *pos;
	char *end;
	char *verified;	  /* the bytes before are in the object's encoding */
	char *next_cr;	  /* first CR at or after pos, end if there is none; stale if before pos */
	int64 end_offset; /* bytes of the object before end */
	bool eof;		  /* the stream has no more */

	/* the record in progress */
	OlistRecord record;
	OlistField *fields; /* max_columns of them */
	char *cursor;		/* raw first byte of the field in progress */
	char *unescaped;	/* texts of fields with doubled quotes; as long as buffer */
	size_t unescaped_len;
	bool complete;		/* libcsv has reported the end of the record */
	Fault fault;		/* the first limit that its fields exceeded */
	size_t fault_end;	/* raw bytes of the record up to there */
	MemoryContext text; /* messages of the last bad record */

	int64 line; /* physical line of pos */
	int64 blank_lines;
	int line_ends; /* OLIST_LINE_END_* seen */
	char head[HEAD_BYTES];
	size_t head_len;
};

/* a stretch of the buffer from pos on: a line or, at the buffer's end, a part of one */
typedef struct Piece
{
	char *end;	  /* behind its line end, if it has one */
	int line_end; /* OLIST_LINE_END_*, 0: none */
} Piece;

/* libcsv's notion of blanks that are trimmed: none */
static int
is_space(unsigned char c)
{
	return 0;
}

static void
start_parser(OlistRecordReader *reader)
{
	/* cannot fail: it allocates nothing */
	csv_init(&reader->parser, CSV_STRICT | CSV_STRICT_FINI | CSV_APPEND_NULL | CSV_EMPTY_IS_NULL);
	csv_set_space_func(&reader->parser, is_space);
	csv_set_delim(&reader->parser, reader->format.delimiter);
	csv_set_quote(&reader->parser, reader->format.quote);
	/* fields grow in steps that do not make long ones quadratic */
	csv_set_blk_size(&reader->parser, 32 * 1024);
}

static void
free_parser(void *arg)
{
	OlistRecordReader *reader = arg;

	csv_free(&reader->parser);
}

/*
 * Point the record in progress to where its bytes are now, after they moved.
 * One of the two areas moves at a time; pointers into the other stay.
 */
static void
rebase_fields(OlistRecordReader *reader, const char *from, size_t len, const char *to)
{
	for (int i = 0; i < reader->record.nfields; i++)
	{
		OlistField *field = &reader->fields[i];

		if (field->data >= from && field->data <= from + len)
			field->data = to + (field->data - from);
	}
}

/* Make room for len more bytes behind end, keeping what is at start and later. */
static void
make_room(OlistRecordReader *reader, size_t len)
{
	size_t used = reader->end - reader->start;
	char *old = reader->start;
	char *to = reader->buffer;

	if (reader->buffer + reader->capacity - reader->end >= (ptrdiff_t) len)
		return;
	if (used + len > reader->capacity)
	{
		size_t capacity = Max(reader->capacity * 2, used + len);
		char *unescaped = MemoryContextAlloc(reader->context, capacity);

		to = MemoryContextAlloc(reader->context, capacity);
		memcpy(to, old, used);
		memcpy(unescaped, reader->unescaped, reader->unescaped_len);
		rebase_fields(reader, reader->unescaped, reader->unescaped_len, unescaped);
		pfree(reader->unescaped);
		reader->unescaped = unescaped;
		reader->capacity = capacity;
	}
	else
		memmove(to, old, used);
	rebase_fields(reader, old, used, to);
	if (to != reader->buffer)
		pfree(reader->buffer);
	reader->buffer = to;
	reader->pos = to + (reader->pos - old);
	reader->cursor = to + (reader->cursor - old);
	reader->verified = to + (reader->verified - old);
	reader->end = to + used;
	reader->start = to;
}

/* How far are the bytes before end in the object's encoding? */
static void
verify_ahead(OlistRecordReader *reader)
{
	reader->verified += pg_encoding_verifymbstr(reader->format.encoding, reader->verified,
												reader->end - reader->verified);
}

/* Have more bytes behind end, or eof set. */
static void
refill(OlistRecordReader *reader)
{
	size_t n;

	make_room(reader, olist_read_chunk_size);
	n = olist_stream_read(reader->stream, reader->end, olist_read_chunk_size);
	if (n == 0)
		reader->eof = true;
	reader->end += n;
	reader->end_offset += n;
	reader->next_cr = NULL;
	verify_ahead(reader);
}

/*
 * The bytes from pos up to the next line end, LF, CR or both, or as many as
 * there are. False at the end of the object.
 */
static inline bool
next_piece(OlistRecordReader *reader, Piece *piece)
{
	for (;;)
	{
		char *pos = reader->pos;
		char *lf = memchr(pos, '\n', reader->end - pos);
		char *end = lf != NULL ? lf : reader->end;

		if (reader->next_cr == NULL || reader->next_cr < pos)
		{
			reader->next_cr = memchr(pos, '\r', reader->end - pos);
			if (reader->next_cr == NULL)
				reader->next_cr = reader->end;
		}
		if (reader->next_cr < end)
		{
			end = reader->next_cr + 1;
			/* is there a LF behind? */
			if (end == reader->end && !reader->eof)
			{
				refill(reader);
				continue;
			}
			piece->line_end = end == lf ? OLIST_LINE_END_CRLF : OLIST_LINE_END_CR;
			piece->end = end == lf ? end + 1 : end;
			return true;
		}
		if (lf != NULL)
		{
			piece->line_end = OLIST_LINE_END_LF;
			piece->end = lf + 1;
			return true;
		}
		if (pos < reader->end)
		{
			piece->line_end = 0;
			piece->end = reader->end;
			return true;
		}
		if (reader->eof)
			return false;
		refill(reader);
	}
}

static inline int
line_end_bytes(const Piece *piece)
{
	return piece->line_end == OLIST_LINE_END_CRLF ? 2 : piece->line_end != 0 ? 1 : 0;
}

/* go behind a piece that was used or is to be passed over */
static inline void
consume(OlistRecordReader *reader, const Piece *piece)
{
	reader->pos = piece->end;
	if (piece->line_end != 0)
		reader->line++;
}

/* the record has exceeded a limit at the cursor */
static void
note_fault(OlistRecordReader *reader, Fault fault)
{
	reader->fault = fault;
	reader->fault_end = reader->cursor - reader->start;
}

/*
 * libcsv's callback for a field: text of len bytes, NULL if it was empty and
 * unquoted. Only notes what it gets; raises nothing.
 */
static void
field_done(void *text, size_t len, void *arg)
{
	OlistRecordReader *reader = arg;
	char *raw = reader->cursor;
	OlistField *field;

	if (reader->fault != FAULT_NONE)
		return;
	if (reader->record.nfields == reader->format.max_columns)
	{
		note_fault(reader, FAULT_TOO_MANY);
		return;
	}
	field = &reader->fields[reader->record.nfields++];
	field->len = len;
	field->quoted = text != NULL && *raw == reader->format.quote;
	if (!field->quoted)
	{
		field->data = text != NULL ? raw : NULL;
		reader->cursor = raw + len + 1;
	}
	else if (memchr(raw + 1, reader->format.quote, len) == NULL)
	{
		field->data = raw + 1;
		reader->cursor = raw + len + 3;
	}
	else
	{
		const char *quote = text;
		const char *end = quote + len;
		size_t quotes = 0;

		while ((quote = memchr(quote, reader->format.quote, end - quote)) != NULL)
		{
			quotes++;
			quote++;
		}
		field->data = memcpy(reader->unescaped + reader->unescaped_len, text, len);
		reader->unescaped_len += len;
		reader->cursor = raw + len + quotes + 3;
	}
	Assert(text == NULL || memcmp(field->data, text, len) == 0);
	if (len > (size_t) reader->format.max_field_bytes)
		note_fault(reader, FAULT_TOO_LONG);
}

/* libcsv's callback for the end of a record */
static void
record_done(int c, void *arg)
{
	OlistRecordReader *reader = arg;

	reader->complete = true;
}

static void
begin_record(OlistRecordReader *reader)
{
	OlistRecord *record = &reader->record;

	record->nfields = 0;
	record->line = reader->line;
	record->offset = reader->end_offset - (reader->end - reader->pos);
	if (record->sqlerrcode != 0)
	{
		record->sqlerrcode = 0;
		record->object_broken = false;
		MemoryContextReset(reader->text);
	}
	reader->start = reader->cursor = reader->pos;
	reader->unescaped_len = 0;
	reader->complete = false;
	reader->fault = FAULT_NONE;
}

/* mark the record in progress as bad; message and hint are literals or palloc'd in text */
static void
set_bad(OlistRecordReader *reader, int sqlerrcode, int bad_field, char *message, char *hint)
{
	OlistRecord *record = &reader->record;

	record->sqlerrcode = sqlerrcode;
	record->message = message;
	record->hint = hint;
	record->bad_field = bad_field;
}

/* the physical line that the field in progress begins on */
static int64
line_of_cursor(const OlistRecordReader *reader)
{
	int64 line = reader->record.line;

	for (const char *p = reader->start; p < reader->cursor; p++)
		if (*p == '\n' || (*p == '\r' && p[1] != '\n'))
			line++;
	return line;
}

/*
 * A record is given up inside a quoted field that was opened on an earlier line,
 * or this one. Did it swallow so much that the next line is no record either?
 */
static void
check_swallowed(OlistRecordReader *reader, int64 opened)
{
	reader->record.object_broken = reader->line - opened > MAX_SWALLOWED_LINES;
}

/* the record is over a limit */
static void
set_over_limit(OlistRecordReader *reader, int bad_field, const char *what, int limit,
			   const char *setting)
{
	MemoryContext old = MemoryContextSwitchTo(reader->text);
	int64 begun = line_of_cursor(reader);

	set_bad(reader, ERRCODE_PROGRAM_LIMIT_EXCEEDED, bad_field, psprintf("%s than %d", what, limit),
			reader->line > begun
				? psprintf("The limit is set by \"%s\". A quote was opened on line " INT64_FORMAT
						   " and not closed until line " INT64_FORMAT ".",
						   setting, begun, reader->line)
				: psprintf("The limit is set by \"%s\".", setting));
	check_swallowed(reader, begun);
	MemoryContextSwitchTo(old);
}

/* libcsv stopped at pos: why? Raises an error when that is no matter of the data. */
static void
set_unparsable(OlistRecordReader *reader)
{
	switch (csv_error(&reader->parser))
	{
		case CSV_EPARSE:
			break;
		case CSV_ENOMEM:
			ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory"),
							errdetail("Failed in the CSV parser.")));
		default:
			elog(ERROR, "CSV parser failed: %s", csv_strerror(csv_error(&reader->parser)));
	}
	if (*reader->cursor == reader->format.quote)
		set_bad(reader, ERRCODE_BAD_COPY_FILE_FORMAT, reader->record.nfields,
				"text after the closing quote of a field",
				"A quote inside a quoted field is written as two quotes.");
	else
		set_bad(reader, ERRCODE_BAD_COPY_FILE_FORMAT, reader->record.nfields,
				"quote inside an unquoted field",
				"A field that contains quotes is quoted, and each quote inside is written as two.");
}

/* Is what libcsv got of the record in progress, complete or not, over a limit? */
static inline bool
is_too_large(const OlistRecordReader *reader)
{
	return reader->fault != FAULT_NONE ||
		   reader->pos - reader->start > reader->format.max_record_bytes;
}

/* It is: which one did it exceed first? That must not depend on the pieces it came in. */
static void
set_too_large(OlistRecordReader *reader)
{
	const OlistRowFormat *format = &reader->format;
	bool by_field = reader->fault_end <= (size_t) format->max_record_bytes + 1;

	if (reader->fault == FAULT_TOO_MANY && by_field)
		set_over_limit(reader, -1, "record with more fields", format->max_columns,
					   "olist_etl.max_columns");
	else if (reader->fault == FAULT_TOO_LONG && by_field)
		set_over_limit(reader, reader->record.nfields - 1, "field with more bytes",
					   format->max_field_bytes, "olist_etl.max_field_bytes");
	else
		set_over_limit(reader, -1, "record with more bytes", format->max_record_bytes,
					   "olist_etl.max_record_bytes");
}

/*
 * Go behind the physical line that piece belongs to. Its bytes are kept with
 * the record as far as a record may reach; returns the end of what is kept,
 * without the line end.
 */
static char *
skip_line(OlistRecordReader *reader, const Piece *last)
{
	Piece piece = *last;

	while (piece.line_end == 0)
	{
		reader->pos = piece.end;
		if (reader->pos - reader->start > reader->format.max_record_bytes)
			reader->pos = reader->end = reader->verified =
				reader->start + reader->format.max_record_bytes;
		if (!next_piece(reader, &piece))
			return reader->pos;
	}
	consume(reader, &piece);
	return piece.end - line_end_bytes(&piece);
}

/* The raw bytes of the record are not all in the object's encoding: where? */
static void
set_not_encoded(OlistRecordReader *reader)
{
	OlistRecord *record = &reader->record;
	int encoding = reader->format.encoding;
	size_t good = pg_encoding_verifymbstr(encoding, record->raw, record->raw_len);
	const char *bad = record->raw + good;
	MemoryContext old = MemoryContextSwitchTo(reader->text);
	StringInfoData message;
	int bad_field = -1;

	for (int i = 0; i < record->nfields && bad_field < 0; i++)
	{
		const OlistField *field = &record->fields[i];

		if (pg_encoding_verifymbstr(encoding, field->data, field->len) < field->len)
			bad_field = i;
	}
	initStringInfo(&message);
	appendStringInfo(&message,
					 "invalid byte sequence for encoding \"%s\":", pg_encoding_to_char(encoding));
	for (size_t i = 0; i < 4 && good + i < record->raw_len; i++)
	{
		if (i > 0 && (bad[i] & 0x80) == 0)
			break;
		appendStringInfo(&message, " 0x%02x", (unsigned char) bad[i]);
	}
	set_bad(reader, ERRCODE_CHARACTER_NOT_IN_REPERTOIRE, bad_field, message.data,
			*bad == '\0'		  ? "Text cannot contain zero bytes."
			: encoding == PG_UTF8 ? "If the object is in another encoding, name it, such as latin1."
								  : NULL);
	MemoryContextSwitchTo(old);
}

/* the record in progress ends at raw_end: check what libcsv does not */
static inline void
end_record(OlistRecordReader *reader, char *raw_end)
{
	OlistRecord *record = &reader->record;

	record->raw = reader->start;
	record->raw_len = Min(raw_end - reader->start, reader->format.max_record_bytes);
	record->fields = reader->fields;
	if (raw_end > reader->verified)
	{
		if (record->sqlerrcode == 0 &&
			pg_encoding_verifymbstr(reader->format.encoding, record->raw, record->raw_len) <
				(int) record->raw_len)
			set_not_encoded(reader);
		reader->verified = reader->pos;
		verify_ahead(reader);
	}
}

/* The object ends inside a record, at pos: does the record end well? */
static void
finish_object(OlistRecordReader *reader)
{
	MemoryContext old;
	int64 opened;

	if (csv_fini(&reader->parser, field_done, record_done, reader) == 0)
	{
		if (is_too_large(reader))
			set_too_large(reader);
		return;
	}
	old = MemoryContextSwitchTo(reader->text);
	opened = line_of_cursor(reader);
	set_bad(reader, ERRCODE_BAD_COPY_FILE_FORMAT, reader->record.nfields,
			"quoted field is not closed before the end of the object",
			psprintf("The quote was opened on line " INT64_FORMAT ".", opened));
	check_swallowed(reader, opened);
	MemoryContextSwitchTo(old);
	free_parser(reader);
	start_parser(reader);
}

/* After a fault inside piece: start libcsv afresh, go behind the line; returns its raw end. */
static char *
abandon_record(OlistRecordReader *reader, const Piece *piece)
{
	free_parser(reader);
	start_parser(reader);
	reader->record.nfields = 0;
	return skip_line(reader, piece);
}

/*
 * Feed libcsv pieces until the record is complete or given up. Returns the raw
 * end of the record.
 */
static inline char *
read_record(OlistRecordReader *reader, Piece *piece)
{
	do
	{
		size_t len = piece->end - reader->pos;
		size_t n = csv_parse(&reader->parser, reader->pos, len, field_done, record_done, reader);

		if (n < len)
		{
			reader->pos += n;
			if (is_too_large(reader))
				set_too_large(reader);
			else
				set_unparsable(reader);
			return abandon_record(reader, piece);
		}
		reader->pos = piece->end;
		if (is_too_large(reader))
		{
			set_too_large(reader);
			return abandon_record(reader, piece);
		}
		consume(reader, piece);
		if (reader->complete)
		{
			reader->line_ends |= piece->line_end;
			return piece->end - line_end_bytes(piece);
		}
	} while (next_piece(reader, piece));
	finish_object(reader);
	return reader->pos;
}

const OlistRecord *
olist_record_reader_next(OlistRecordReader *reader)
{
	Piece piece;

	for (;;)
	{
		/* what came before is no longer needed */
		reader->start = reader->pos;
		if (reader->verified < reader->pos)
			reader->verified = reader->pos;
		if (!next_piece(reader, &piece))
			return NULL;
		if (piece.end - reader->pos > line_end_bytes(&piece))
			break;
		reader->blank_lines++;
		reader->line_ends |= piece.line_end;
		consume(reader, &piece);
	}
	begin_record(reader);
	end_record(reader, read_record(reader, &piece));
	return &reader->record;
}

OlistRecordReader *
olist_record_reader_create(OlistStream *stream, const OlistRowFormat *format)
{
	MemoryContext context =
		AllocSetContextCreate(CurrentMemoryContext, "olist csv reader", ALLOCSET_DEFAULT_SIZES);
	OlistRecordReader *reader = MemoryContextAllocZero(context, sizeof(OlistRecordReader));

	reader->context = context;
	reader->stream = stream;
	MemoryContextSetParent(stream->context, context);
	reader->format = *format;
	reader->text = AllocSetContextCreate(context, "olist csv message", ALLOCSET_SMALL_SIZES);
	reader->fields = MemoryContextAlloc(context, sizeof(OlistField) * format->max_columns);
	reader->capacity = 2 * olist_read_chunk_size + HEAD_BYTES;
	reader->buffer = MemoryContextAlloc(context, reader->capacity);
	reader->unescaped = MemoryContextAlloc(context, reader->capacity);
	reader->start = reader->pos = reader->end = reader->verified = reader->cursor = reader->buffer;
	reader->line = 1;

	reader->callback.func = free_parser;
	reader->callback.arg = reader;
	MemoryContextRegisterResetCallback(context, &reader->callback);
	start_parser(reader);

	while (reader->end - reader->pos < HEAD_BYTES && !reader->eof)
		refill(reader);
	reader->head_len = Min(reader->end - reader->pos, HEAD_BYTES);
	memcpy(reader->head, reader->pos, reader->head_len);
	if (format->encoding == PG_UTF8 && reader->head_len >= 3 &&
		memcmp(reader->pos, "\xEF\xBB\xBF", 3) == 0)
		reader->pos += 3;
	return reader;
}

const char *
olist_record_reader_head(const OlistRecordReader *reader, size_t *len)
{
	*len = reader->head_len;
	return reader->head;
}

int64
olist_record_reader_blank_lines(const OlistRecordReader *reader)
{
	return reader->blank_lines;
}

int
olist_record_reader_line_ends(const OlistRecordReader *reader)
{
	return reader->line_ends;
}

void
olist_record_reader_close(OlistRecordReader *reader)
{
	MemoryContextDelete(reader->context);
}
