/*
 * csv/row_source.c
 *		Rows of one CSV object, pulled: the shape of NextCopyFrom.
 *
 *		records ──► [object's encoding → server's] ──► NULL? ──► datum
 *
 * One plan entry a column that is read says which field feeds it and how it is
 * converted. A record whose text cannot become a row is returned as bad, with
 * everything that a reject or an error message needs; whether that ends the
 * load is for the caller to say.
 *
 * The varlena datums of a row are built side by side in one allocation.
 */
#include "postgres.h"

#include "csv/row_source.h"

#include "base/limit.h"
#include "base/message.h"
#include "catalog/namespace.h"
#include "csv/convert.h"
#include "csv/header.h"
#include "csv/record_reader.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "utils/guc.h"
#include "utils/memutils.h"

/* a column that is read */
typedef struct Column
{
	int attr;  /* index in desc */
	int field; /* index in the record */
	bool is_key;
	OlistConverter converter;
} Column;

struct OlistRowSource
{
	MemoryContext context; /* holds everything, the reader's context too */
	OlistObject object;
	char *name; /* of the object, for messages */
	OlistRowFormat format;
	size_t null_len; /* of format.null_string */
	OlistRecordReader *reader;
	OlistHeader *header;
	int natts;
	Column *columns;
	int ncolumns;
	bool has_room; /* some column builds its datums side by side */

	/* conversion to the server's encoding, if it is another */
	Oid conversion; /* InvalidOid: not needed */
	MemoryContext converted;
	OlistField *fields; /* as the record's, converted */

	OlistRowPosition position;
	const Column *converting;  /* for describe(): whose value is being converted, or NULL */
	const OlistField *value;   /* valid with it */
	bool bad;				   /* error is set */
	const OlistRecord *record; /* the last one, NULL at the end */
	OlistRowError error;
	MemoryContext error_context; /* holds its strings */
	bool warned_line_ends;
	bool warned_mark;
};

static int max_columns;
static int max_field_bytes;
static int max_record_bytes;

static bool
check_max_columns(int *newval, void **extra, GucSource source)
{
	return olist_limit_check("olist_etl.max_columns", *newval, source);
}

static bool
check_max_field_bytes(int *newval, void **extra, GucSource source)
{
	return olist_limit_check("olist_etl.max_field_bytes", *newval, source);
}

static bool
check_max_record_bytes(int *newval, void **extra, GucSource source)
{
	return olist_limit_check("olist_etl.max_record_bytes", *newval, source);
}

void
olist_csv_init(void)
{
	DefineCustomIntVariable("olist_etl.max_columns",
							"Limits the fields that a record of a CSV object may have.",
							"Users may lower it, only superusers may raise it.", &max_columns, 2000,
							1, 1000000, PGC_USERSET, 0, check_max_columns, NULL, NULL);
	DefineCustomIntVariable(
		"olist_etl.max_field_bytes", "Limits the bytes that a field of a CSV object may have.",
		"Users may lower it, only superusers may raise it.", &max_field_bytes, 4 * 1024 * 1024, 1,
		256 * 1024 * 1024, PGC_USERSET, GUC_UNIT_BYTE, check_max_field_bytes, NULL, NULL);
	DefineCustomIntVariable(
		"olist_etl.max_record_bytes", "Limits the bytes that a record of a CSV object may have.",
		"Users may lower it, only superusers may raise it.", &max_record_bytes, 16 * 1024 * 1024, 1,
		256 * 1024 * 1024, PGC_USERSET, GUC_UNIT_BYTE, check_max_record_bytes, NULL, NULL);
}

void
olist_row_format_default(OlistRowFormat *format)
{
	memset(format, 0, sizeof(OlistRowFormat));
	format->delimiter = ',';
	format->quote = '"';
	format->header = true;
	format->allow_non_finite = true;
	format->encoding = PG_UTF8;
	format->max_columns = max_columns;
	format->max_field_bytes = max_field_bytes;
	format->max_record_bytes = max_record_bytes;
}

/* raise 22023 for a format that cannot be read */
static void
check_format(const OlistRowFormat *format)
{
	const char *detail = NULL;

	if (format->delimiter == format->quote)
		detail = "Delimiter and quote must differ.";
	else if (strchr("\r\n", format->delimiter) != NULL || strchr("\r\n", format->quote) != NULL)
		detail = "Delimiter and quote cannot be a line end or a zero byte.";
	else if (IS_HIGHBIT_SET(format->delimiter) || IS_HIGHBIT_SET(format->quote))
		detail = "Delimiter and quote must be ASCII characters.";
	else if (!PG_VALID_ENCODING(format->encoding))
		detail = "The encoding is not known.";
	else if (PG_ENCODING_IS_CLIENT_ONLY(format->encoding) &&
			 (format->delimiter >= 0x30 || format->quote >= 0x30))
		/* their multibyte characters may contain such bytes */
		detail = "In this encoding, delimiter and quote must stand before \"0\" in ASCII.";
	if (detail != NULL)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("invalid CSV format"),
						errdetail("%s", detail)));
}

/* find out how the object's encoding becomes the server's */
static void
prepare_encoding(OlistRowSource *source)
{
	int from = source->format.encoding;
	int to = GetDatabaseEncoding();

	if (from == to || from == PG_SQL_ASCII || to == PG_SQL_ASCII)
		return;
	source->conversion = FindDefaultConversionProc(from, to);
	if (!OidIsValid(source->conversion))
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_FUNCTION),
						errmsg("cannot convert from encoding \"%s\" to \"%s\"",
							   pg_encoding_to_char(from), pg_encoding_to_char(to))));
	source->converted =
		AllocSetContextCreate(source->context, "olist converted fields", ALLOCSET_DEFAULT_SIZES);
	source->fields = palloc(sizeof(OlistField) * source->header->nfields);
}

/* what the first bytes say about an encoding that is not the one named, or NULL */
static const char *
hint_at_encoding(const OlistRowSource *source, const OlistRecord *record)
{
	size_t len;
	const unsigned char *head =
		(const unsigned char *) olist_record_reader_head(source->reader, &len);
	size_t zeros[2] = {0, 0};

	for (size_t i = 0; i < len; i++)
		zeros[i % 2] += (head[i] == 0);
	if (len >= 2 && ((head[0] == 0xFF && head[1] == 0xFE) || (head[0] == 0xFE && head[1] == 0xFF)))
		return "The object begins with the mark of UTF-16: convert it to UTF-8.";
	if (zeros[0] + zeros[1] == len)
		return "The object begins with zero bytes only: was it written completely?";
	if (Max(zeros[0], zeros[1]) >= Max(2, len / 3) && Min(zeros[0], zeros[1]) == 0)
		return "The object looks like UTF-16: convert it to UTF-8.";
	return record->hint;
}

/* read and match the header */
static void
read_header(OlistRowSource *source, TupleDesc desc)
{
	const OlistRecord *record;

	if (!source->format.header)
	{
		source->header = olist_header_by_position(desc, &source->format);
		return;
	}
	record = olist_record_reader_next(source->reader);
	if (record == NULL)
		ereport(ERROR, (errcode(ERRCODE_BAD_COPY_FILE_FORMAT),
						errmsg("object \"%s\" has no header", source->name),
						olist_record_reader_blank_lines(source->reader) > 0
							? errdetail("The object has only empty lines.")
							: errdetail("The object is empty."),
						errhint("Write the object again, beginning with the columns' names.")));
	if (record->sqlerrcode != 0)
	{
		const char *hint = record->sqlerrcode == ERRCODE_CHARACTER_NOT_IN_REPERTOIRE
							   ? hint_at_encoding(source, record)
							   : record->hint;

		ereport(ERROR,
				(errcode(record->sqlerrcode),
				 errmsg("header of \"%s\" cannot be read: %s", source->name, record->message),
				 hint != NULL ? errhint("%s", hint) : 0));
	}
	source->header = olist_header_match(record, desc, &source->format, source->name);
}

/* plan the conversion of every column that has a field */
static void
plan_columns(OlistRowSource *source, TupleDesc desc)
{
	source->natts = desc->natts;
	source->columns = palloc(sizeof(Column) * desc->natts);
	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute attr = TupleDescAttr(desc, i);
		Column *column = &source->columns[source->ncolumns];

		if (source->header->field_of[i] < 0)
			continue;
		column->attr = i;
		column->field = source->header->field_of[i];
		column->is_key = bms_is_member(i + 1, source->format.keys);
		olist_converter_init(&column->converter, attr->atttypid, attr->atttypmod);
		source->has_room |= column->converter.needs_room;
		source->ncolumns++;
	}
}

OlistRowSource *
olist_row_source_open(OlistStream *stream, TupleDesc desc, const OlistRowFormat *format)
{
	MemoryContext context =
		AllocSetContextCreate(CurrentMemoryContext, "olist row source", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	OlistRowSource *source = palloc0(sizeof(OlistRowSource));

	/* from here on the stream ends with the row source */
	MemoryContextSetParent(stream->context, context);
	check_format(format);
	source->context = context;
	source->object = stream->object;
	source->name = olist_redact_uri(stream->object.uri);
	source->format = *format;
	source->format.max_columns = Min(format->max_columns, max_columns);
	source->format.max_field_bytes = Min(format->max_field_bytes, max_field_bytes);
	source->format.max_record_bytes = Min(format->max_record_bytes, max_record_bytes);
	source->null_len = format->null_string != NULL ? strlen(format->null_string) : 0;
	source->error_context = AllocSetContextCreate(context, "olist row error", ALLOCSET_SMALL_SIZES);
	source->reader = olist_record_reader_create(stream, &source->format);
	read_header(source, desc);
	prepare_encoding(source);
	plan_columns(source, desc);
	MemoryContextSwitchTo(old);
	return source;
}

/* a palloc'd, NUL-terminated copy of a field's text */
static char *
field_text(const OlistField *field)
{
	return field->data != NULL ? pnstrdup(field->data, field->len) : NULL;
}

/* fill in the error of the record at hand; column NULL: the whole record */
static OlistRowStatus
fail(OlistRowSource *source, const OlistRecord *record, int sqlerrcode, const char *message,
	 const char *hint, const char *column, const OlistField *value)
{
	OlistRowError *error = &source->error;
	MemoryContext old = MemoryContextSwitchTo(source->error_context);

	error->sqlerrcode = sqlerrcode;
	error->message = pstrdup(message);
	error->hint = hint != NULL ? pstrdup(hint) : NULL;
	error->column = column != NULL ? pstrdup(column) : NULL;
	error->value = value != NULL ? field_text(value) : NULL;
	error->raw = record->raw;
	error->raw_len = record->raw_len;
	source->bad = true;
	MemoryContextSwitchTo(old);
	return OLIST_ROW_BAD;
}

/* the header's name of a field, NULL if it has none */
static const char *
name_of_field(const OlistRowSource *source, int field)
{
	return field >= 0 && field < source->header->nfields ? source->header->names[field] : NULL;
}

/*
 * An input function's message without anything of the data that could move a
 * cursor or fill a log: the value in it is clipped. palloc'd.
 */
static char *
tame_message(const char *message, const OlistField *value)
{
	const char *text = field_text(value);
	const char *place = text != NULL && text[0] != '\0' ? strstr(message, text) : NULL;
	char *tame;

	if (place == NULL)
		tame = pstrdup(message);
	else
		tame = psprintf("%.*s%s%s", (int) (place - message), message,
						olist_clip(value->data, value->len), place + strlen(text));
	for (const char *p = tame; *p; p++)
		if ((unsigned char) *p < 0x20 || *p == 0x7F)
			return olist_clip(tame, strlen(tame));
	return tame;
}

/* the conversion's error of a column's value becomes the record's */
static OlistRowStatus
fail_column(OlistRowSource *source, const OlistRecord *record, const Column *column,
			const OlistField *value, const OlistConvertError *error)
{
	MemoryContext old = MemoryContextSwitchTo(source->error_context);
	char *message = tame_message(error->message, value);

	MemoryContextSwitchTo(old);
	return fail(source, record, error->sqlerrcode, message, error->hint,
				source->header->names[column->field], value);
}

/*
 * Convert the fields of a record to the server's encoding, in a context that
 * is reset for every record. False with the error set when one has a character
 * that the server's encoding lacks.
 */
static bool
convert_fields(OlistRowSource *source, const OlistRecord *record)
{
	MemoryContext old;

	MemoryContextReset(source->converted);
	old = MemoryContextSwitchTo(source->converted);
	for (int i = 0; i < record->nfields; i++)
	{
		const OlistField *field = &record->fields[i];
		int room = field->len * MAX_CONVERSION_GROWTH + 1;
		char *text;

		source->fields[i] = *field;
		if (field->data == NULL)
			continue;
		text = palloc(room);
		if (pg_do_encoding_conversion_buf(source->conversion, source->format.encoding,
										  GetDatabaseEncoding(), (unsigned char *) field->data,
										  field->len, (unsigned char *) text, room,
										  true) < field->len)
		{
			MemoryContextSwitchTo(old);
			fail(source, record, ERRCODE_UNTRANSLATABLE_CHARACTER,
				 psprintf("character has no equivalent in encoding \"%s\"",
						  GetDatabaseEncodingName()),
				 NULL, name_of_field(source, i), NULL);
			return false;
		}
		source->fields[i].data = text;
		source->fields[i].len = strlen(text);
	}
	MemoryContextSwitchTo(old);
	return true;
}

/* does this field stand for NULL? */
static inline bool
is_null(const OlistRowSource *source, const OlistField *field)
{
	if (source->format.null_string == NULL)
		return field->data == NULL;
	return !field->quoted && (size_t) field->len == source->null_len &&
		   memcmp(field->data != NULL ? field->data : "", source->format.null_string,
				  source->null_len) == 0;
}

/* a place for the varlena datums of a row, NULL if there are none */
static char *
make_room(const OlistRowSource *source, const OlistField *fields)
{
	size_t room = 0;

	for (int i = 0; i < source->ncolumns; i++)
		if (source->columns[i].converter.needs_room)
			room += olist_convert_room(fields[source->columns[i].field].len);
	return palloc(room);
}

/* Refuse NaN and infinities, which only input functions give: false, with the error set. */
static bool
check_finite(OlistRowSource *source, const OlistRecord *record, const Column *column,
			 const OlistField *field, Datum value)
{
	OlistConvertError error = {
		.sqlerrcode = olist_convert_non_finite(column->converter.type, value),
		.message = "NaN and infinity are not allowed",
		.hint = "The option \"allow_non_finite\" lets them in.",
	};

	if (error.sqlerrcode == 0)
		return true;
	fail_column(source, record, column, field, &error);
	return false;
}

/* Convert one field, not NULL unless null_matters, by the type's input function. */
static bool
convert_slowly(OlistRowSource *source, const OlistRecord *record, Column *column,
			   const OlistField *field, bool isnull, Datum *value)
{
	OlistConvertError error;
	char *text = NULL;
	bool ok;

	if (!isnull)
		text = field->data != NULL ? field_text(field) : pstrdup("");
	source->converting = column;
	source->value = field;
	ok = olist_convert_by_input(&column->converter, text, value, &error);
	source->converting = NULL;
	if (!ok)
		fail_column(source, record, column, field, &error);
	else if (!source->format.allow_non_finite && !isnull)
		ok = check_finite(source, record, column, field, *value);
	return ok;
}

/* Refuse a key that no index can hold: false, with the error set. */
static bool
check_key(OlistRowSource *source, const OlistRecord *record, const Column *column,
		  const OlistField *field)
{
	OlistConvertError error = {.sqlerrcode = ERRCODE_PROGRAM_LIMIT_EXCEEDED};

	if (field->len <= OLIST_MAX_KEY_BYTES)
		return true;
	error.message = psprintf("key with more than %d bytes", OLIST_MAX_KEY_BYTES);
	fail_column(source, record, column, field, &error);
	return false;
}

/* make the datums of a well-formed record */
static OlistRowStatus
convert_record(OlistRowSource *source, const OlistRecord *record, const OlistField *fields,
			   Datum *values, bool *isnull)
{
	char *room = source->has_room ? make_room(source, fields) : NULL;

	memset(isnull, true, source->natts);
	memset(values, 0, sizeof(Datum) * source->natts);
	for (int i = 0; i < source->ncolumns; i++)
	{
		Column *column = &source->columns[i];
		const OlistField *field = &fields[column->field];
		const OlistConverter *converter = &column->converter;
		bool null = is_null(source, field);

		isnull[column->attr] = null;
		if (null && !converter->null_matters)
			continue;
		if (column->is_key && !check_key(source, record, column, field))
			return OLIST_ROW_BAD;
		if (!null && converter->fast != NULL &&
			converter->fast(converter, field->data, field->len, &room, &values[column->attr]))
			continue;
		if (!convert_slowly(source, record, column, field, null, &values[column->attr]))
			return OLIST_ROW_BAD;
	}
	return OLIST_ROW_OK;
}

/* say, once an object, what is odd in it */
static void
warn(OlistRowSource *source, const OlistRecord *record)
{
	int kinds = olist_record_reader_line_ends(source->reader);

	if ((kinds & (kinds - 1)) != 0 && !source->warned_line_ends)
	{
		source->warned_line_ends = true;
		ereport(WARNING,
				(errmsg("object \"%s\" has mixed line ends, first seen on line " INT64_FORMAT,
						source->name, record->line)));
	}
	if (record->raw_len >= 3 && memcmp(record->raw, "\xEF\xBB\xBF", 3) == 0 && !source->warned_mark)
	{
		source->warned_mark = true;
		ereport(WARNING, (errmsg("object \"%s\" has a byte order mark on line " INT64_FORMAT
								 ", which becomes part of the value",
								 source->name, record->line),
						  errhint("Such a mark stands where files were joined.")));
	}
}

OlistRowStatus
olist_row_source_next(OlistRowSource *source, Datum *values, bool *isnull)
{
	const OlistRecord *record = olist_record_reader_next(source->reader);

	if (source->bad)
	{
		source->bad = false;
		MemoryContextReset(source->error_context);
	}
	source->record = record;
	if (record == NULL)
		return OLIST_ROW_END;
	source->position.record++;
	source->position.line = record->line;
	source->position.offset = record->offset;
	warn(source, record);
	if (record->object_broken)
		ereport(ERROR, (errcode(record->sqlerrcode),
						errmsg("object \"%s\" cannot be read: %s", source->name, record->message),
						errdetail("%s", record->hint),
						errhint("Close the quote, or write the object again if it was cut off.")));
	if (record->sqlerrcode != 0)
		return fail(source, record, record->sqlerrcode, record->message, record->hint,
					name_of_field(source, record->bad_field), NULL);
	if (record->nfields != source->header->nfields)
		return fail(
			source, record, ERRCODE_BAD_COPY_FILE_FORMAT,
			psprintf("record has %d of %d columns", record->nfields, source->header->nfields), NULL,
			NULL, NULL);
	if (!OidIsValid(source->conversion))
		return convert_record(source, record, record->fields, values, isnull);
	if (!convert_fields(source, record))
		return OLIST_ROW_BAD;
	return convert_record(source, record, source->fields, values, isnull);
}

const OlistRowError *
olist_row_source_error(const OlistRowSource *source)
{
	Assert(source->bad);
	return &source->error;
}

void
olist_row_source_raise(const OlistRowSource *source)
{
	const OlistRowError *error = olist_row_source_error(source);

	ereport(ERROR, (errcode(error->sqlerrcode), errmsg("%s", error->message),
					error->hint != NULL ? errhint("%s", error->hint) : 0,
					errcontext("%s", olist_row_source_describe(source))));
	pg_unreachable();
}

const char *
olist_row_source_raw(const OlistRowSource *source, size_t *len)
{
	*len = source->record->raw_len;
	return source->record->raw;
}

const OlistRowPosition *
olist_row_source_position(const OlistRowSource *source)
{
	return &source->position;
}

List *
olist_row_source_extra_columns(const OlistRowSource *source)
{
	return source->header->extra;
}

List *
olist_row_source_missing_columns(const OlistRowSource *source)
{
	return source->header->missing;
}

int64
olist_row_source_blank_lines(const OlistRowSource *source)
{
	return olist_record_reader_blank_lines(source->reader);
}

const OlistObject *
olist_row_source_object(const OlistRowSource *source)
{
	return &source->object;
}

char *
olist_row_source_describe(const OlistRowSource *source)
{
	const char *column = NULL;
	const char *value = NULL;
	StringInfoData buf;

	if (source->converting != NULL)
	{
		column = source->header->names[source->converting->field];
		value = source->value->data != NULL ? olist_clip(source->value->data, source->value->len)
											: NULL;
	}
	else if (source->bad)
	{
		column = source->error.column;
		value = source->error.value != NULL
					? olist_clip(source->error.value, strlen(source->error.value))
					: NULL;
	}
	initStringInfo(&buf);
	appendStringInfo(&buf, "object %s", source->name);
	if (source->position.record > 0)
		appendStringInfo(&buf, ", line " INT64_FORMAT, source->position.line);
	if (column != NULL)
		appendStringInfo(&buf, ", column %s", olist_clip(column, strlen(column)));
	if (value != NULL)
		appendStringInfo(&buf, ": \"%s\"", value);
	return buf.data;
}

void
olist_row_source_close(OlistRowSource *source)
{
	MemoryContextDelete(source->context);
}
