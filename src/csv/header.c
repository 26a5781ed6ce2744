/*
 * csv/header.c
 *		Which field of a record feeds which column.
 *
 * Columns are matched by name, never silently by position: exports change the
 * order of their columns. When the header does not fit, the error names both
 * sides, and a hint says what the object most likely is instead.
 */
#include "postgres.h"

#include "csv/header.h"

#include "base/message.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"

/* names that a message lists at most */
#define LISTED_NAMES 20

/* is this attribute fed by the object at all? */
static bool
is_read(TupleDesc desc, const OlistRowFormat *format, int i)
{
	return !TupleDescAttr(desc, i)->attisdropped && !bms_is_member(i + 1, format->skipped);
}

/* the name of a field in the server's encoding, palloc'd */
static char *
field_name(const OlistField *field, int encoding)
{
	char *name;
	unsigned char *converted;

	if (field->data == NULL)
		return pstrdup("");
	name = pnstrdup(field->data, field->len);
	converted = pg_do_encoding_conversion((unsigned char *) name, field->len, encoding,
										  GetDatabaseEncoding());
	return (char *) converted;
}

/* "a", "b", "c" for a message */
static void
append_name(StringInfo list, int count, const char *name)
{
	if (count < LISTED_NAMES)
		appendStringInfo(list, "%s\"%s\"", count > 0 ? ", " : "", olist_clip(name, strlen(name)));
	else if (count == LISTED_NAMES)
		appendStringInfoString(list, ", ...");
}

static char *
list_fields(const OlistHeader *header)
{
	StringInfoData list;

	initStringInfo(&list);
	for (int i = 0; i < header->nfields; i++)
		append_name(&list, i, header->names[i]);
	return list.data;
}

static char *
list_columns(TupleDesc desc, const OlistRowFormat *format)
{
	StringInfoData list;
	int count = 0;

	initStringInfo(&list);
	for (int i = 0; i < desc->natts; i++)
		if (is_read(desc, format, i))
			append_name(&list, count++, NameStr(TupleDescAttr(desc, i)->attname));
	return list.data;
}

/* the two sides of a header that does not fit, for errdetail */
static int
detail_both_sides(const OlistHeader *header, TupleDesc desc, const OlistRowFormat *format)
{
	return errdetail("The object has %s; the columns are %s.", list_fields(header),
					 list_columns(desc, format));
}

/* a name occurs twice: which column was meant? Unnamed columns may repeat. */
static void
check_duplicates(const OlistHeader *header, TupleDesc desc, const OlistRowFormat *format,
				 const char *object)
{
	for (int i = 1; i < header->nfields; i++)
		for (int j = 0; j < i && header->names[i][0] != '\0'; j++)
			if (strcmp(header->names[i], header->names[j]) == 0)
				ereport(ERROR,
						(errcode(ERRCODE_DUPLICATE_COLUMN),
						 errmsg("column \"%s\" stands twice in the header of \"%s\"",
								olist_clip(header->names[i], strlen(header->names[i])), object),
						 detail_both_sides(header, desc, format)));
}

/* leave the blanks around a name of *len bytes away */
static const char *
trim_name(const char *name, size_t *len)
{
	while (*name == ' ' || *name == '\t')
		name++;
	*len = strlen(name);
	while (*len > 0 && (name[*len - 1] == ' ' || name[*len - 1] == '\t'))
		(*len)--;
	return name;
}

/* are two names the same but for blanks around and the case of ASCII letters? */
static bool
is_alike(const char *a, const char *b)
{
	size_t a_len;
	size_t b_len;

	a = trim_name(a, &a_len);
	b = trim_name(b, &b_len);
	if (a_len != b_len)
		return false;
	for (size_t i = 0; i < a_len; i++)
		if (pg_ascii_tolower((unsigned char) a[i]) != pg_ascii_tolower((unsigned char) b[i]))
			return false;
	return true;
}

/*
 * The field of this name, from the first one on, -1 if there is none. Inexactly,
 * a field that another column has taken does not count.
 */
static int
find_field(const OlistHeader *header, const bool *taken, const char *name, bool exact, int first)
{
	for (int i = first; i < header->nfields; i++)
	{
		if (exact ? strcmp(header->names[i], name) == 0
				  : !taken[i] && is_alike(header->names[i], name))
			return i;
	}
	return -1;
}

/*
 * Find the fields of all columns that are read and not found yet. Of two fields
 * that may both be meant, neither is taken by chance.
 */
static void
match_names(OlistHeader *header, bool *taken, TupleDesc desc, const OlistRowFormat *format,
			const char *object, bool exact)
{
	for (int i = 0; i < desc->natts; i++)
	{
		char *name = NameStr(TupleDescAttr(desc, i)->attname);
		int field;
		int other;

		if (!is_read(desc, format, i) || header->field_of[i] >= 0)
			continue;
		field = find_field(header, taken, name, exact, 0);
		if (field < 0)
			continue;
		other = exact ? -1 : find_field(header, taken, name, exact, field + 1);
		if (other >= 0)
			ereport(ERROR,
					(errcode(ERRCODE_DUPLICATE_COLUMN),
					 errmsg("column \"%s\" stands twice in the header of \"%s\"", name, object),
					 errdetail("\"%s\" and \"%s\" differ in case or blanks only.",
							   olist_clip(header->names[field], strlen(header->names[field])),
							   olist_clip(header->names[other], strlen(header->names[other]))),
					 errhint("Name the one that is meant exactly as the column, or leave the other "
							 "away.")));
		header->field_of[i] = field;
		taken[field] = true;
	}
}

/* say which names were matched although they differ */
static void
notice_inexact(const OlistHeader *header, TupleDesc desc, const char *object)
{
	StringInfoData list;
	int count = 0;

	initStringInfo(&list);
	for (int i = 0; i < desc->natts; i++)
	{
		int field = header->field_of[i];

		if (field >= 0 &&
			strcmp(header->names[field], NameStr(TupleDescAttr(desc, i)->attname)) != 0)
			append_name(&list, count++, header->names[field]);
	}
	if (count > 0)
		ereport(NOTICE,
				(errmsg("header names of \"%s\" differ from the columns in case or blanks", object),
				 errdetail("They are taken as meant: %s.", list.data)));
}

/* Would the first name, split at c, give names of columns? */
static bool
splits_into_columns(const char *name, char c, TupleDesc desc)
{
	char *copy = pstrdup(name);
	char separators[] = {c, '\0'};
	int found = 0;
	char *rest = NULL;

	for (char *part = strtok_r(copy, separators, &rest); part != NULL;
		 part = strtok_r(NULL, separators, &rest))
		for (int i = 0; i < desc->natts; i++)
			found += is_alike(part, NameStr(TupleDescAttr(desc, i)->attname));
	return found > 0;
}

/* what the object may be instead, for errhint */
static int
hint_at_cause(const OlistHeader *header, TupleDesc desc)
{
	const char *first = header->names[0];

	if (strncmp(first, "sep=", 4) == 0)
		return errhint("Excel's line \"sep=\" stands before the header: remove it.");
	if (header->nfields == 1 && splits_into_columns(first, ';', desc))
		return errhint("The object seems to use another delimiter: \";\".");
	if (header->nfields == 1 && splits_into_columns(first, '\t', desc))
		return errhint("The object seems to use another delimiter: a tab.");
	if (header->nfields == 1 && splits_into_columns(first, '|', desc))
		return errhint("The object seems to use another delimiter: \"|\".");
	if (header->nfields == 1 && splits_into_columns(first, ',', desc))
		return errhint("The object seems to use another delimiter: \",\".");
	if (first[0] == '<')
		return errhint("The object looks like HTML or XML.");
	if (first[0] == '{' || first[0] == '[')
		return errhint("The object looks like JSON.");
	return errhint("The first line of the object must be the header.");
}

/*
 * Complain about needed columns that the header lacks. If it has names instead
 * that nobody knows, it is another format rather than a lost column.
 */
static void
check_missing(OlistHeader *header, TupleDesc desc, const OlistRowFormat *format, const char *object)
{
	for (int i = 0; i < desc->natts; i++)
	{
		char *name = NameStr(TupleDescAttr(desc, i)->attname);

		if (!is_read(desc, format, i) || header->field_of[i] >= 0)
			continue;
		if (bms_is_member(i + 1, format->optional))
			header->missing = lappend(header->missing, pstrdup(name));
		else if (header->extra != NIL)
			ereport(ERROR,
					(errcode(ERRCODE_BAD_COPY_FILE_FORMAT),
					 errmsg("header of \"%s\" has no column \"%s\", but others that are not known",
							object, name),
					 detail_both_sides(header, desc, format), hint_at_cause(header, desc)));
		else
			ereport(ERROR, (errcode(ERRCODE_UNDEFINED_COLUMN),
							errmsg("header of \"%s\" has no column \"%s\"", object, name),
							detail_both_sides(header, desc, format)));
	}
}

OlistHeader *
olist_header_match(const OlistRecord *record, TupleDesc desc, const OlistRowFormat *format,
				   const char *object)
{
	OlistHeader *header = palloc0(sizeof(OlistHeader));
	bool *taken = palloc0(sizeof(bool) * record->nfields);

	header->nfields = record->nfields;
	header->names = palloc(sizeof(char *) * record->nfields);
	for (int i = 0; i < record->nfields; i++)
		header->names[i] = field_name(&record->fields[i], format->encoding);
	header->field_of = palloc(sizeof(int) * desc->natts);
	memset(header->field_of, -1, sizeof(int) * desc->natts);

	check_duplicates(header, desc, format, object);
	match_names(header, taken, desc, format, object, true);
	match_names(header, taken, desc, format, object, false);
	for (int i = 0; i < header->nfields; i++)
		if (!taken[i])
			header->extra = lappend(header->extra, header->names[i]);
	check_missing(header, desc, format, object);
	notice_inexact(header, desc, object);
	return header;
}

OlistHeader *
olist_header_by_position(TupleDesc desc, const OlistRowFormat *format)
{
	OlistHeader *header = palloc0(sizeof(OlistHeader));

	header->names = palloc(sizeof(char *) * desc->natts);
	header->field_of = palloc(sizeof(int) * desc->natts);
	for (int i = 0; i < desc->natts; i++)
	{
		header->field_of[i] = -1;
		if (is_read(desc, format, i))
		{
			header->names[header->nfields] = pstrdup(NameStr(TupleDescAttr(desc, i)->attname));
			header->field_of[i] = header->nfields++;
		}
	}
	return header;
}
