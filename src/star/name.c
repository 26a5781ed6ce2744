/*
 * star/name.c
 *		Names of places, as people type them, made comparable.
 *
 *	 database encoding ─► UTF-8 ─► code points ─► NFD ─► marks dropped, lower
 *	 case, spaces squeezed ─► UTF-8 ─► database encoding
 */
#include "postgres.h"

#include "star/name.h"

#include "common/unicode_norm.h"
#include "compat.h"
#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"

static const struct
{
	char state[3];
	char region[3];
} states[] = {
	{"AC", "N"},  {"AM", "N"},	{"AP", "N"},  {"PA", "N"},	{"RO", "N"},  {"RR", "N"},
	{"TO", "N"},  {"AL", "NE"}, {"BA", "NE"}, {"CE", "NE"}, {"MA", "NE"}, {"PB", "NE"},
	{"PE", "NE"}, {"PI", "NE"}, {"RN", "NE"}, {"SE", "NE"}, {"DF", "CO"}, {"GO", "CO"},
	{"MS", "CO"}, {"MT", "CO"}, {"ES", "SE"}, {"MG", "SE"}, {"RJ", "SE"}, {"SP", "SE"},
	{"PR", "S"},  {"RS", "S"},	{"SC", "S"},
};

static bool
is_mark(pg_wchar c)
{
	return c >= 0x0300 && c <= 0x036F;
}

static bool
is_space(pg_wchar c)
{
	return c == ' ' || (c >= '\t' && c <= '\r') || c == 0x00A0;
}

/* lower case of what decomposition leaves: ASCII, and Latin-1's undivided letters */
static pg_wchar
lower_letter(pg_wchar c)
{
	if ((c >= 'A' && c <= 'Z') || (c >= 0x00C0 && c <= 0x00DE && c != 0x00D7))
		return c + 0x20;
	return c;
}

/* the code points of a UTF-8 string, ended by 0 */
static pg_wchar *
decode(const char *utf8, int len)
{
	pg_wchar *points = palloc((len + 1) * sizeof(pg_wchar));
	int n = 0;

	for (int i = 0; i < len; i += pg_utf_mblen((const unsigned char *) utf8 + i))
		points[n++] = utf8_to_unicode((const unsigned char *) utf8 + i);
	points[n] = 0;
	return points;
}

char *
olist_normalize_name(const char *name, int len)
{
	char *utf8 = pg_server_to_any(name, len, PG_UTF8);
	pg_wchar *points = decode(utf8, utf8 == name ? len : (int) strlen(utf8));
	pg_wchar *decomposed = unicode_normalize(UNICODE_NFD, points);
	size_t n = 0;
	char *result;
	char *end;

	while (decomposed[n] != 0)
		n++;
	result = end = palloc(n * MAX_MULTIBYTE_CHAR_LEN + 1);
	for (size_t i = 0; i < n; i++)
	{
		pg_wchar c = decomposed[i];

		if (is_mark(c))
			continue;
		if (is_space(c))
		{
			if (end > result && end[-1] != ' ')
				*end++ = ' ';
			continue;
		}
		unicode_to_utf8(lower_letter(c), (unsigned char *) end);
		end += pg_utf_mblen((unsigned char *) end);
	}
	if (end > result && end[-1] == ' ')
		end--;
	*end = '\0';
	pfree(points);
	pfree(decomposed);
	return pg_any_to_server(result, end - result, PG_UTF8);
}

const char *
olist_region_of_state(const char *state, int len)
{
	for (size_t i = 0; len == 2 && i < lengthof(states); i++)
	{
		if (memcmp(states[i].state, state, 2) == 0)
			return states[i].region;
	}
	return NULL;
}

PG_FUNCTION_INFO_V1(olist_etl_normalize_name);

/* normalize_name(text) returns text */
Datum
olist_etl_normalize_name(PG_FUNCTION_ARGS)
{
	text *name = PG_GETARG_TEXT_PP(0);

	PG_RETURN_TEXT_P(
		cstring_to_text(olist_normalize_name(VARDATA_ANY(name), VARSIZE_ANY_EXHDR(name))));
}
