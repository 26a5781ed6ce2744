/*
 * unit/csv.c
 *		The CSV reader, decompression and the fast conversions under sanitizers.
 *
 *		bytes ──► [gzip | zstd] ──► olist_decompress_wrap() ──► record reader
 *		   └────────────────► reference parser ────────────────────┘ the same?
 *
 * Random objects, made of the bytes that matter, are read in chunks of several
 * sizes; every time the records must be those of the reference parser below,
 * which knows nothing of libcsv, buffers or chunks. Packed objects are also
 * damaged: the outcome is an error or the very same bytes.
 *
 *		csv [iterations [seed]]		test, writes TAP
 *
 * Built with -DFUZZ it is a libFuzzer target over the same check.
 */
#include "postgres.h"

#include "server.h"

#include <csv.h>
#include <zlib.h>
#include <zstd.h>

#include "catalog/pg_type.h"
#include "csv/convert.h"
#include "csv/record_reader.h"
#include "mb/pg_wchar.h"
#include "random.h"
#include "source/decompress.h"
#include "utils/memutils.h"

/* an object in memory */
typedef struct MemoryStream
{
	OlistStream base;
	const char *data;
	size_t len;
	size_t done;
} MemoryStream;

/* what the reference parser makes of a record */
typedef struct Expected
{
	int sqlerrcode;
	size_t raw_start;
	size_t raw_len;
	int64 line;
	int nfields;
	int first_field; /* in fields */
} Expected;

typedef struct ExpectedField
{
	bool null;
	bool quoted;
	size_t start; /* in text */
	size_t len;
} ExpectedField;

typedef struct Expectation
{
	Expected *records;
	int nrecords;
	ExpectedField *fields;
	int nfields;
	char *text;
	size_t text_len;
	int64 blank_lines;
} Expectation;

/* how often libcsv may still allocate; the linker puts our csv_init() in its place */
static int allocations_left = INT_MAX;

extern int __real_csv_init(struct csv_parser *parser, unsigned char options);
extern int __wrap_csv_init(struct csv_parser *parser, unsigned char options);

static void *
scarce_realloc(void *ptr, size_t size)
{
	if (allocations_left == 0)
		return NULL;
	allocations_left--;
	return realloc(ptr, size);
}

int
__wrap_csv_init(struct csv_parser *parser, unsigned char options)
{
	int result = __real_csv_init(parser, options);

	csv_set_realloc_func(parser, scarce_realloc);
	return result;
}

static size_t
memory_read(OlistStream *base, char *buf, size_t len)
{
	MemoryStream *stream = (MemoryStream *) base;
	size_t n = Min(len, stream->len - stream->done);

	memcpy(buf, stream->data + stream->done, n);
	stream->done += n;
	return n;
}

static void
memory_close(OlistStream *base)
{
}

static OlistStream *
memory_stream(const char *uri, const char *data, size_t len)
{
	static const OlistStreamOps ops = {memory_read, memory_close};
	MemoryStream *stream = (MemoryStream *) olist_stream_create(sizeof(MemoryStream), &ops);

	stream->base.object.uri = (char *) uri;
	stream->base.object.size = len;
	stream->data = data;
	stream->len = len;
	return &stream->base;
}

static void
default_format(OlistRowFormat *format)
{
	memset(format, 0, sizeof(OlistRowFormat));
	format->delimiter = ',';
	format->quote = '"';
	format->header = true;
	format->encoding = PG_UTF8;
	format->max_columns = 100;
	format->max_field_bytes = 1000000;
	format->max_record_bytes = 1000000;
}

/* the reference parser */

/* bytes of the line end at data[at], 0 if there is none */
static size_t
line_end_at(const char *data, size_t len, size_t at)
{
	if (at >= len || (data[at] != '\n' && data[at] != '\r'))
		return 0;
	return data[at] == '\r' && at + 1 < len && data[at + 1] == '\n' ? 2 : 1;
}

/*
 * Take the field at *at of data. Returns 0 or the error; *at is left at what
 * ends the field or at the offending byte.
 */
static int
expect_field(Expectation *e, const char *data, size_t len, size_t *at, int64 *line)
{
	ExpectedField *field = &e->fields[e->nfields++];
	size_t i = *at;

	field->start = e->text_len;
	field->quoted = i < len && data[i] == '"';
	field->len = 0;
	if (!field->quoted)
	{
		while (i < len && data[i] != ',' && line_end_at(data, len, i) == 0)
		{
			*at = i;
			if (data[i] == '"')
				return ERRCODE_BAD_COPY_FILE_FORMAT;
			e->text[e->text_len++] = data[i++];
		}
	}
	else
	{
		for (i++;;)
		{
			*at = i;
			if (i >= len)
				return ERRCODE_BAD_COPY_FILE_FORMAT;
			if (data[i] == '"' && i + 1 < len && data[i + 1] == '"')
				i++;
			else if (data[i] == '"')
				break;
			/* the LF of a CR LF is no line of its own */
			if (data[i] == '\r' || (data[i] == '\n' && data[i - 1] != '\r'))
				(*line)++;
			e->text[e->text_len++] = data[i++];
		}
		i++;
		*at = i;
		if (i < len && data[i] != ',' && line_end_at(data, len, i) == 0)
			return ERRCODE_BAD_COPY_FILE_FORMAT;
	}
	*at = i;
	field->len = e->text_len - field->start;
	field->null = !field->quoted && field->len == 0;
	return 0;
}

static void
expect_records(Expectation *e, const char *data, size_t len)
{
	size_t at = len >= 3 && memcmp(data, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;
	int64 line = 1;

	e->records = palloc(sizeof(Expected) * (len + 1));
	e->fields = palloc(sizeof(ExpectedField) * (len + 2));
	e->text = palloc(len + 1);
	e->nrecords = e->nfields = 0;
	e->text_len = 0;
	e->blank_lines = 0;
	while (at < len)
	{
		Expected *record = &e->records[e->nrecords];

		if (line_end_at(data, len, at) > 0)
		{
			at += line_end_at(data, len, at);
			line++;
			e->blank_lines++;
			continue;
		}
		e->nrecords++;
		record->raw_start = at;
		record->line = line;
		record->first_field = e->nfields;
		while ((record->sqlerrcode = expect_field(e, data, len, &at, &line)) == 0 && at < len &&
			   data[at] == ',')
			at++;
		/* a broken record reaches to the end of its line */
		while (at < len && line_end_at(data, len, at) == 0)
			at++;
		record->raw_len = at - record->raw_start;
		record->nfields = e->nfields - record->first_field;
		if (record->sqlerrcode == 0 &&
			pg_encoding_verifymbstr(PG_UTF8, data + record->raw_start, record->raw_len) <
				(int) record->raw_len)
			record->sqlerrcode = ERRCODE_CHARACTER_NOT_IN_REPERTOIRE;
		if (at < len)
			line++;
		at += line_end_at(data, len, at);
	}
}

/* comparison */

/* write why the object failed, so that it can be made a test of its own */
static void
complain(const char *data, size_t len, const char *format, ...) pg_attribute_printf(3, 4);

static void
complain(const char *data, size_t len, const char *format, ...)
{
	va_list args;

	failures++;
	fprintf(stderr, "# chunk size %d: ", olist_read_chunk_size);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fprintf(stderr, "\n# object: \"");
	for (size_t i = 0; i < Min(len, 400); i++)
		fprintf(stderr, data[i] >= ' ' && data[i] < 0x7F && data[i] != '"' ? "%c" : "\\x%02x",
				(unsigned char) data[i]);
	fprintf(stderr, "\"\n");
#ifdef FUZZ
	abort();
#endif
}

static bool
same_field(const Expectation *e, const ExpectedField *expected, const OlistField *field)
{
	if (expected->null)
		return field->data == NULL && field->len == 0;
	return field->data != NULL && field->quoted == expected->quoted &&
		   (size_t) field->len == expected->len &&
		   memcmp(field->data, e->text + expected->start, expected->len) == 0;
}

static void
compare_record(const Expectation *e, int n, const OlistRecord *record, const char *data, size_t len)
{
	const Expected *expected = &e->records[n];

	if (record->sqlerrcode != expected->sqlerrcode)
		complain(data, len, "record %d has error %x, expected %x", n, record->sqlerrcode,
				 expected->sqlerrcode);
	else if (record->offset != (int64) expected->raw_start || record->line != expected->line)
		complain(data, len, "record %d at %ld, line %ld, expected %zu, line %ld", n,
				 (long) record->offset, (long) record->line, expected->raw_start,
				 (long) expected->line);
	else if (record->raw_len != expected->raw_len ||
			 memcmp(record->raw, data + expected->raw_start, expected->raw_len) != 0)
		complain(data, len, "record %d has %zu raw bytes, expected %zu", n, record->raw_len,
				 expected->raw_len);
	else if (record->sqlerrcode == 0 && record->nfields != expected->nfields)
		complain(data, len, "record %d has %d fields, expected %d", n, record->nfields,
				 expected->nfields);
	else if (record->sqlerrcode == 0)
		for (int i = 0; i < record->nfields; i++)
			if (!same_field(e, &e->fields[expected->first_field + i], &record->fields[i]))
				complain(data, len, "record %d, field %d differs", n, i);
}

/* read the stream as records and compare them with those of data */
static void
compare_records(OlistStream *stream, const Expectation *e, const char *data, size_t len)
{
	OlistRowFormat format;
	OlistRecordReader *reader;
	const OlistRecord *record;
	int n = 0;

	default_format(&format);
	format.max_columns = 1000;
	reader = olist_record_reader_create(stream, &format);
	while ((record = olist_record_reader_next(reader)) != NULL)
	{
		if (n < e->nrecords)
			compare_record(e, n, record, data, len);
		n++;
	}
	if (n != e->nrecords)
		complain(data, len, "%d records, expected %d", n, e->nrecords);
	if (olist_record_reader_blank_lines(reader) != e->blank_lines)
		complain(data, len, "wrong number of blank lines");
	olist_record_reader_close(reader);
}

/*
 * With limits that many records exceed there is no reference: but the outcome
 * must not depend on the chunk size. Returns a checksum of all that is told.
 */
static uint64
outcome_under_limits(const char *data, size_t len)
{
	OlistRowFormat format;
	OlistRecordReader *reader;
	const OlistRecord *record;
	uint64 sum = 0;

	default_format(&format);
	format.max_columns = 4;
	format.max_field_bytes = 6;
	format.max_record_bytes = 20;
	reader = olist_record_reader_create(memory_stream("memory:limits", data, len), &format);
	while ((record = olist_record_reader_next(reader)) != NULL)
	{
		sum = sum * 31 + record->sqlerrcode;
		sum = sum * 31 + record->line * 1000 + record->offset;
		sum = sum * 31 + crc32(0, (const Bytef *) record->raw, record->raw_len);
		if (record->sqlerrcode != 0)
			sum = sum * 31 + record->bad_field;
		else
			sum = sum * 31 + record->nfields;
	}
	olist_record_reader_close(reader);
	return sum;
}

static void
check_object(const char *data, size_t len)
{
	static const int chunks[] = {1, 2, 3, 7, 64, 65536};
	MemoryContext context =
		AllocSetContextCreate(TopMemoryContext, "object", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	char *exact = palloc(len); /* so that a byte read beside it is seen */
	uint64 limited = 0;
	Expectation e;

	memcpy(exact, data, len);
	expect_records(&e, exact, len);
	for (size_t i = 0; i < lengthof(chunks); i++)
	{
		uint64 outcome;

		olist_read_chunk_size = chunks[i];
		compare_records(memory_stream("memory:object", exact, len), &e, exact, len);
		outcome = outcome_under_limits(exact, len);
		if (i > 0 && outcome != limited)
			complain(data, len, "another outcome under limits");
		limited = outcome;
	}
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
}

/* packed objects */

/* append a gzip member or a zstd frame of data; returns the bytes written */
static size_t
pack(bool zstd, char *to, size_t room, const char *data, size_t len)
{
	z_stream z = {0};
	size_t n;

	if (zstd)
	{
		ZSTD_CCtx *context = ZSTD_createCCtx();

		ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1);
		n = ZSTD_compress2(context, to, room, data, len);
		ZSTD_freeCCtx(context);
		return n;
	}
	deflateInit2(&z, 1, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
	z.next_in = (Bytef *) data;
	z.avail_in = len;
	z.next_out = (Bytef *) to;
	z.avail_out = room;
	deflate(&z, Z_FINISH);
	n = room - z.avail_out;
	deflateEnd(&z);
	return n;
}

/* read all of a stream; returns the bytes, *len of them */
static char *
read_all(OlistStream *stream, size_t *len)
{
	size_t room = 4096;
	char *all = palloc(room);
	size_t n;

	*len = 0;
	while ((n = olist_stream_read(stream, all + *len,
								  Min(room - *len, (size_t) olist_read_chunk_size))) > 0)
	{
		*len += n;
		if (*len == room)
			all = repalloc(all, room *= 2);
	}
	return all;
}

/*
 * Pack an object in parts, damage it perhaps, and unpack it: an error, or the
 * same bytes. choice decides what is done.
 */
static void
check_packed(const char *data, size_t len, uint32 choice)
{
	MemoryContext context =
		AllocSetContextCreate(TopMemoryContext, "packed", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	bool zstd = choice & 1;
	size_t parts = 1 + (choice >> 1) % 3;
	size_t room = len + 200 * parts + 1000;
	char *packed = palloc(room);
	size_t packed_len = 0;
	bool damage = (choice >> 4) & 1;
	bool raised;
	char *volatile out = NULL;
	size_t out_len = 0;
	char *exact;

	olist_read_chunk_size = 1 + (choice >> 8) % 50;
	for (size_t i = 0; i < parts; i++)
	{
		size_t from = len * i / parts;
		size_t to = len * (i + 1) / parts;

		packed_len += pack(zstd, packed + packed_len, room - packed_len, data + from, to - from);
	}
	if (damage && (choice & 0x20))
		packed_len = (choice >> 8) % packed_len;
	else if (damage)
		packed[(choice >> 8) % packed_len] ^= 1 << ((choice >> 5) & 7);
	exact = palloc(packed_len);
	memcpy(exact, packed, packed_len);
	raised = UNIT_RAISES(
		out = read_all(olist_decompress_wrap(memory_stream("memory:object.gz", exact, packed_len)),
					   &out_len));
	/* what is packed may again look like a packed file */
	if (raised && !damage && unit_sqlerrcode != ERRCODE_BAD_COPY_FILE_FORMAT)
		complain(data, len, "unpacking raised: %s", unit_message);
	if (!raised && (out_len != len || memcmp(out, data, len) != 0))
	{
		/* members or frames that are cut away as a whole are not missed */
		if (!damage || out_len >= len || memcmp(out, data, out_len) != 0)
			complain(data, len, "unpacked to something else");
	}
	CurrentMemoryContext = old;
	MemoryContextDelete(context);
}

/* texts that are not terminated, for the fast conversions */
static void
check_conversions(const char *data, size_t len)
{
	static const Oid types[] = {TEXTOID,   INT2OID, INT4OID, INT8OID,	   NUMERICOID,
								FLOAT8OID, BOOLOID, DATEOID, TIMESTAMPOID, TIMESTAMPTZOID};
	MemoryContext context =
		AllocSetContextCreate(TopMemoryContext, "conversion", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	char *exact = palloc(len);

	memcpy(exact, data, len);
	for (size_t i = 0; i < lengthof(types); i++)
	{
		OlistConverter converter = {.type = types[i], .typmod = -1};
		char *room = palloc(olist_convert_room(len));
		char *end = room + olist_convert_room(len);
		Datum datum;

		olist_converter_choose_fast(&converter);
		converter.fast(&converter, exact, len, &room, &datum);
		if (room > end)
			complain(data, len, "a conversion to type %u used too much room", types[i]);
	}
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
}

#ifdef FUZZ

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	olist_decompress_init();
	check_object((const char *) data, size);
	check_conversions((const char *) data, size);
	if (size >= 4)
	{
		uint32 choice;

		memcpy(&choice, data, sizeof(choice));
		check_packed((const char *) data + 4, size - 4, choice);
	}
	return 0;
}

#else

/* random objects */

/*
 * Pieces of CSV: whole fields first, then what makes fields when it meets, then
 * what nothing good comes of.
 */
static size_t
random_object(char *data, size_t room)
{
	static const char *const words[] = {
		"a,", ",", "\"b\",", "\"x\"\"y\",", "\"l\nm\",", "\"\r\n\",", "\"\"\"\",", "lorem\n", "\n",
		"\r\n", "\xC3\xA9,", "\"\"\r\n",
		/* 12 */
		"a", ",", "\"", "\"\"", "\"\n", "\n\"", "\"\r\n", "\r", "\",\"", "\xE2\x82\xAC",
		/* 22 */
		"\xFF", "\xC3", "\xEF\xBB\xBF", "x\"y"};
	static const int kind_counts[] = {12, 12, 22, lengthof(words)};
	static const int most[] = {14, 14, 60, 400};
	int kinds = kind_counts[random_number(lengthof(kind_counts))];
	int count = random_number(most[random_number(lengthof(most))]);
	size_t len = 0;

	for (int i = 0; i < count; i++)
	{
		const char *word = words[random_number(kinds)];

		if (random_number(300) == 0)
			data[len++] = '\0';
		else
		{
			memcpy(data + len, word, strlen(word));
			len += strlen(word);
		}
		if (len + 16 > room)
			break;
	}
	return len;
}

/* something like a number or a time */
static size_t
random_value(char *data)
{
	static const char bytes[] = "0123456789-.: T+ZtfE";
	static const char time[] = "2017-10-02 10:56:33.123456+02:00";
	size_t len = random_number(sizeof(time));

	for (size_t i = 0; i < len; i++)
		data[i] = random_number(12) == 0 ? bytes[random_number(sizeof(bytes) - 1)] : time[i];
	if (random_number(2) == 0)
		for (size_t i = 0; i < len; i++)
			data[i] = bytes[random_number(random_number(3) == 0 ? sizeof(bytes) - 1 : 12)];
	return len;
}

/* read all records; returns how many */
static int
count_records(OlistStream *stream)
{
	OlistRowFormat format;
	OlistRecordReader *reader;
	int n = 0;

	default_format(&format);
	reader = olist_record_reader_create(stream, &format);
	while (olist_record_reader_next(reader) != NULL)
		n++;
	return n;
}

/*
 * A long field makes libcsv allocate again and again. Wherever that fails, it is
 * an error of memory, never a bad record, and nothing leaks.
 */
static void
check_out_of_memory(void)
{
	static char data[200 * 1024];
	int allowed = 0;
	int records;
	bool raised;

	memset(data, 'x', sizeof(data));
	data[0] = data[sizeof(data) - 2] = '"';
	data[sizeof(data) - 1] = '\n';
	olist_read_chunk_size = 64 * 1024;
	do
	{
		MemoryContext context =
			AllocSetContextCreate(TopMemoryContext, "memory", ALLOCSET_DEFAULT_SIZES);
		MemoryContext old = MemoryContextSwitchTo(context);
		volatile int n = 0;

		allocations_left = allowed++;
		raised = UNIT_RAISES(n = count_records(memory_stream("memory:long", data, sizeof(data))));
		if (raised && unit_sqlerrcode != ERRCODE_OUT_OF_MEMORY)
			complain(data, 1, "without memory: %s", unit_message);
		records = n;
		CurrentMemoryContext = old;
		MemoryContextDelete(context);
	} while (raised && allowed < 100);
	allocations_left = INT_MAX;
	if (allowed < 3 || records != 1)
		complain(data, 1, "%d records after %d allocations", records, allowed);
}

static void
test_object(void)
{
	char data[1024];

	check_object(data, random_object(data, sizeof(data)));
}

static void
test_packed(void)
{
	char data[1024];

	check_packed(data, random_object(data, sizeof(data)), random_number(UINT32_MAX));
}

static void
test_conversions(void)
{
	char data[64];

	check_conversions(data, random_value(data));
}

int
main(int argc, char **argv)
{
	static const UnitTest tests[] = {
		{test_object, "records are those of the reference parser, at every chunk size", 1},
		{test_packed, "packed objects give their bytes, damaged ones an error", 1},
		{test_conversions, "conversions keep to the bytes they are given", 1},
		{check_out_of_memory, "L19: no memory in libcsv is an error, at whichever allocation",
		 INT_MAX},
	};

	olist_decompress_init();
	return run_tests(argc, argv, tests, lengthof(tests));
}

#endif
