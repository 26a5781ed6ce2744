/*
 * fdw/csv_options.c
 *		How CSV is to be read, as a user says it: names and texts.
 *
 * One table says of every option how its text is read and where its value
 * goes, so that the validator, the scan and the functions cannot disagree.
 */
#include "postgres.h"

#include "fdw/csv_options.h"

#include <math.h>

#include "base/message.h"
#include "compat.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/guc.h"

typedef enum OptionKind
{
	KIND_CHARACTER,
	KIND_BOOL,
	KIND_TEXT,
	KIND_ENCODING,
	KIND_MAX_COUNT,
	KIND_MAX_BYTES,
	KIND_ON_ERROR,
	KIND_REJECT_LIMIT
} OptionKind;

typedef struct Option
{
	const char *name;
	OptionKind kind;
	size_t offset; /* of its value in OlistCsvOptions */
} Option;

#define AT(field) offsetof(OlistCsvOptions, field)

static const Option option_table[] = {
	{"delimiter", KIND_CHARACTER, AT(format.delimiter)},
	{"quote", KIND_CHARACTER, AT(format.quote)},
	{"header", KIND_BOOL, AT(format.header)},
	{"allow_non_finite", KIND_BOOL, AT(format.allow_non_finite)},
	{"null", KIND_TEXT, AT(format.null_string)},
	{"encoding", KIND_ENCODING, AT(format.encoding)},
	{"max_columns", KIND_MAX_COUNT, AT(format.max_columns)},
	{"max_field_bytes", KIND_MAX_BYTES, AT(format.max_field_bytes)},
	{"max_record_bytes", KIND_MAX_BYTES, AT(format.max_record_bytes)},
	{"on_error", KIND_ON_ERROR, AT(on_error)},
	{"reject_limit", KIND_REJECT_LIMIT, AT(reject_limit)},
};

pg_noreturn static void bad_value(const char *name, const char *value, const char *hint);

static void
bad_value(const char *name, const char *value, const char *hint)
{
	ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					errmsg("invalid value for option \"%s\": \"%s\"", name,
						   olist_clip(value, strlen(value))),
					errhint("%s", hint)));
}

/* one byte that can stand between or around fields */
static char
read_character(const char *name, const char *value)
{
	if (pg_strcasecmp(value, "tab") == 0 || strcmp(value, "\\t") == 0)
		return '\t';
	if (strlen(value) != 1 || IS_HIGHBIT_SET(value[0]))
		bad_value(name, value, "It must be a single one-byte character, or \"tab\".");
	if (value[0] == '\r' || value[0] == '\n')
		bad_value(name, value, "It cannot be a newline or a carriage return.");
	return value[0];
}

static int
read_number(const char *name, const char *value, int unit)
{
	const char *hint = NULL;
	int number;

	if (!parse_int(value, &number, unit, &hint) || number < 1)
		bad_value(name, value, hint != NULL ? hint : "It must be a positive number.");
	return number;
}

/* an option may only lower the limit of the setting, which is its default */
static void
lower_limit(int *limit, int value)
{
	*limit = Min(*limit, value);
}

static int
read_encoding(const char *name, const char *value)
{
	int encoding = pg_char_to_encoding(value);

	if (encoding < 0)
		bad_value(name, value, "It must be the name of an encoding, such as UTF8 or LATIN1.");
	return encoding;
}

static OlistOnError
read_on_error(const char *name, const char *value)
{
	if (pg_strcasecmp(value, "stop") == 0)
		return OLIST_ON_ERROR_STOP;
	if (pg_strcasecmp(value, "reject") != 0)
		bad_value(name, value, "It must be stop or reject.");
	return OLIST_ON_ERROR_REJECT;
}

/* "100" or "2.5%" */
static OlistRejectLimit
read_reject_limit(const char *name, const char *value)
{
	const char *hint = "It must be a count, such as 100, or a percentage, such as 5%.";
	OlistRejectLimit limit = {.is_set = true};
	char *end;

	errno = 0;
	limit.limit = strtod(value, &end);
	limit.is_percentage = *end == '%';
	if (end == value || errno != 0 || end[limit.is_percentage ? 1 : 0] != '\0' ||
		isnan(limit.limit) || limit.limit < 0)
		bad_value(name, value, hint);
	if (limit.is_percentage ? limit.limit > 100 : limit.limit != floor(limit.limit))
		bad_value(name, value, hint);
	return limit;
}

void
olist_csv_options_default(OlistCsvOptions *options)
{
	memset(options, 0, sizeof(*options));
	olist_row_format_default(&options->format);
}

bool
olist_csv_options_set(OlistCsvOptions *options, const char *name, const char *value)
{
	const Option *option = NULL;
	void *place;

	for (size_t i = 0; i < lengthof(option_table) && option == NULL; i++)
	{
		if (strcmp(option_table[i].name, name) == 0)
			option = &option_table[i];
	}
	if (option == NULL)
		return false;
	place = (char *) options + option->offset;
	switch (option->kind)
	{
		case KIND_CHARACTER:
			*(char *) place = read_character(name, value);
			break;
		case KIND_BOOL:
			if (!parse_bool(value, (bool *) place))
				bad_value(name, value, "It must be true or false.");
			break;
		case KIND_TEXT:
			*(char **) place = pstrdup(value);
			break;
		case KIND_ENCODING:
			*(int *) place = read_encoding(name, value);
			break;
		case KIND_MAX_COUNT:
			lower_limit((int *) place, read_number(name, value, 0));
			break;
		case KIND_MAX_BYTES:
			lower_limit((int *) place, read_number(name, value, GUC_UNIT_BYTE));
			break;
		case KIND_ON_ERROR:
			*(OlistOnError *) place = read_on_error(name, value);
			break;
		case KIND_REJECT_LIMIT:
			*(OlistRejectLimit *) place = read_reject_limit(name, value);
			break;
	}
	return true;
}

void
olist_csv_options_check(const OlistCsvOptions *options)
{
	if (options->format.delimiter == options->format.quote)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("the options \"delimiter\" and \"quote\" must differ")));
	if (options->reject_limit.is_set && options->on_error != OLIST_ON_ERROR_REJECT)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("the option \"reject_limit\" needs the option \"on_error\" to be "
							   "\"reject\""),
						errhint("With on_error \"stop\" the first bad record ends the reading.")));
}

void
olist_csv_options_offer(OlistSuggestion *suggestion)
{
	for (size_t i = 0; i < lengthof(option_table); i++)
		olist_suggestion_offer(suggestion, option_table[i].name);
}

void
olist_reject_limit_check(const OlistRejectLimit *limit, bool finished, const char *uri,
						 int64 rows_read, int64 rows_rejected)
{
	double allowed = limit->limit;

	if (!limit->is_set || (limit->is_percentage && !finished))
		return;
	if (limit->is_percentage)
		allowed = limit->limit / 100 * (double) rows_read;
	if ((double) rows_rejected <= allowed)
		return;
	ereport(ERROR, (errcode(ERRCODE_BAD_COPY_FILE_FORMAT),
					errmsg("object \"%s\" has more bad records than its reject limit of %g%s",
						   olist_redact_uri(uri), limit->limit, limit->is_percentage ? "%" : ""),
					errdetail("%lld of %lld records read were bad.", (long long) rows_rejected,
							  (long long) rows_read),
					errhint("Read the object with on_error => 'stop' to see the first bad record, "
							"or raise reject_limit.")));
}
