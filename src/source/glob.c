/*
 * source/glob.c
 *		File name patterns over object names.
 *
 *		pattern ──► alternatives without braces ──► tokens ──► set of positions
 *
 * An alternative is a row of tokens. Matching keeps the set of positions in
 * that row that are reached after each byte of the name, so that no pattern
 * takes more than (tokens × bytes): there is nothing to backtrack.
 */
#include "postgres.h"

#include "source/glob.h"

#include "base/message.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "nodes/pg_list.h"

/* more than a person writes down; what follows from a pattern stays bounded too */
#define MAX_PATTERN_BYTES 4096
#define MAX_ALTERNATIVES 1024

typedef enum TokenKind
{
	TOKEN_BYTE,		/* exactly this byte */
	TOKEN_ONE,		/* one byte but '/'; the rest of a character follows as TOKEN_TAIL */
	TOKEN_TAIL,		/* any continuation bytes of UTF-8 */
	TOKEN_STAR,		/* any bytes but '/' */
	TOKEN_GLOBSTAR, /* any bytes */
	TOKEN_OPTIONAL	/* the next two tokens may be passed over */
} TokenKind;

typedef struct Token
{
	TokenKind kind;
	char byte;
} Token;

typedef struct Alternative
{
	int ntokens;
	Token tokens[FLEXIBLE_ARRAY_MEMBER];
} Alternative;

struct OlistGlob
{
	List *alternatives;
	char *prefix;
};

bool
olist_glob_is_pattern(const char *name)
{
	return strpbrk(name, "*?{\\") != NULL;
}

/* the matching '}' of the '{' at open, or NULL */
static const char *
find_close(const char *open)
{
	int depth = 0;

	for (const char *p = open; *p != '\0'; p++)
	{
		if (*p == '\\' && p[1] != '\0')
			p++;
		else if (*p == '{')
			depth++;
		else if (*p == '}' && --depth == 0)
			return p;
	}
	return NULL;
}

/* where the alternative that starts at p ends: at ',' or the close of its brace */
static const char *
find_alternative_end(const char *p, const char *close)
{
	int depth = 0;

	for (; p < close; p++)
	{
		if (*p == '\\' && p + 1 < close)
			p++;
		else if (*p == '{')
			depth++;
		else if (*p == '}')
			depth--;
		else if (*p == ',' && depth == 0)
			break;
	}
	return p;
}

/* the first '{' that no backslash protects, or NULL */
static const char *
find_open(const char *p)
{
	for (; *p != '\0'; p++)
	{
		if (*p == '\\' && p[1] != '\0')
			p++;
		else if (*p == '{')
			return p;
	}
	return NULL;
}

/* which pattern of many it is that an error is about */
static int
tell_pattern(const char *pattern)
{
	return errdetail("The pattern is \"%s\".", olist_clip(pattern, strlen(pattern)));
}

/*
 * Add to result all patterns that the first brace of pattern, and then the others,
 * stand for. Errors are about the whole, of which it may be one alternative.
 */
static List *
expand_braces(List *result, const char *pattern, const char *whole)
{
	const char *open = find_open(pattern);
	const char *close;
	const char *p;

	check_stack_depth();
	CHECK_FOR_INTERRUPTS();
	if (list_length(result) >= MAX_ALTERNATIVES)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("pattern has more than %d alternatives", MAX_ALTERNATIVES),
						tell_pattern(whole)));
	if (open == NULL)
		return lappend(result, pstrdup(pattern));
	close = find_close(open);
	if (close == NULL)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("pattern has a brace that is not closed"), tell_pattern(whole),
						errhint("Write \\{ for a brace that is part of the name.")));
	p = open + 1;
	for (;;)
	{
		const char *end = find_alternative_end(p, close);

		result = expand_braces(
			result,
			psprintf("%.*s%.*s%s", (int) (open - pattern), pattern, (int) (end - p), p, close + 1),
			whole);
		if (end == close)
			return result;
		p = end + 1;
	}
}

static void
add_token(Alternative *alternative, TokenKind kind, char byte)
{
	alternative->tokens[alternative->ntokens++] = (Token){kind, byte};
}

static Alternative *
tokenize(const char *pattern)
{
	/* no character gives more than three tokens */
	Alternative *alternative =
		palloc0(offsetof(Alternative, tokens) + sizeof(Token) * (3 * strlen(pattern) + 1));

	for (const char *p = pattern; *p != '\0'; p++)
	{
		if (*p == '\\' && p[1] != '\0')
			add_token(alternative, TOKEN_BYTE, *++p);
		else if (p[0] == '*' && p[1] == '*' && p[2] == '/')
		{
			add_token(alternative, TOKEN_OPTIONAL, 0);
			add_token(alternative, TOKEN_GLOBSTAR, 0);
			add_token(alternative, TOKEN_BYTE, '/');
			p += 2;
		}
		else if (p[0] == '*' && p[1] == '*')
		{
			add_token(alternative, TOKEN_GLOBSTAR, 0);
			p++;
		}
		else if (*p == '*')
			add_token(alternative, TOKEN_STAR, 0);
		else if (*p == '?')
		{
			add_token(alternative, TOKEN_ONE, 0);
			add_token(alternative, TOKEN_TAIL, 0);
		}
		else
			add_token(alternative, TOKEN_BYTE, *p);
	}
	return alternative;
}

OlistGlob *
olist_glob_compile(const char *pattern)
{
	OlistGlob *glob = palloc0(sizeof(OlistGlob));
	List *patterns;
	StringInfoData prefix;
	ListCell *lc;

	if (strlen(pattern) > MAX_PATTERN_BYTES)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("pattern has more than %d bytes", MAX_PATTERN_BYTES),
						tell_pattern(pattern)));
	patterns = expand_braces(NIL, pattern, pattern);
	foreach (lc, patterns)
		glob->alternatives = lappend(glob->alternatives, tokenize(lfirst(lc)));

	initStringInfo(&prefix);
	for (const char *p = pattern; *p != '\0' && strchr("*?{", *p) == NULL; p++)
	{
		if (*p == '\\' && p[1] != '\0')
			p++;
		appendStringInfoChar(&prefix, *p);
	}
	glob->prefix = prefix.data;
	return glob;
}

/* mark position i and all that are reached from it without a byte */
static void
reach(const Alternative *alternative, bool *positions, int i)
{
	for (; !positions[i]; i++)
	{
		positions[i] = true;
		if (i == alternative->ntokens)
			return;
		switch (alternative->tokens[i].kind)
		{
			case TOKEN_BYTE:
			case TOKEN_ONE:
				return;
			case TOKEN_TAIL:
			case TOKEN_STAR:
			case TOKEN_GLOBSTAR:
				break;
			case TOKEN_OPTIONAL:
				reach(alternative, positions, i + 3);
				break;
		}
	}
}

/* what the token at position i makes of byte c: mark where it leads */
static void
step(const Alternative *alternative, bool *positions, int i, unsigned char c)
{
	switch (alternative->tokens[i].kind)
	{
		case TOKEN_BYTE:
			if ((unsigned char) alternative->tokens[i].byte == c)
				reach(alternative, positions, i + 1);
			break;
		case TOKEN_ONE:
			if (c != '/')
				reach(alternative, positions, i + 1);
			break;
		case TOKEN_TAIL:
			if ((c & 0xC0) == 0x80)
				reach(alternative, positions, i);
			break;
		case TOKEN_STAR:
			if (c != '/')
				reach(alternative, positions, i);
			break;
		case TOKEN_GLOBSTAR:
			reach(alternative, positions, i);
			break;
		case TOKEN_OPTIONAL:
			break;
	}
}

static bool
match_alternative(const Alternative *alternative, const char *name)
{
	int n = alternative->ntokens;
	bool *now = palloc0(n + 1);
	bool *next = palloc0(n + 1);
	bool matches;

	reach(alternative, now, 0);
	for (const char *p = name; *p != '\0'; p++)
	{
		bool *swap;

		memset(next, 0, n + 1);
		for (int i = 0; i < n; i++)
		{
			if (now[i])
				step(alternative, next, i, (unsigned char) *p);
		}
		swap = now;
		now = next;
		next = swap;
	}
	matches = now[n];
	pfree(now);
	pfree(next);
	return matches;
}

bool
olist_glob_match(const OlistGlob *glob, const char *name)
{
	ListCell *lc;

	foreach (lc, glob->alternatives)
	{
		CHECK_FOR_INTERRUPTS();
		if (match_alternative(lfirst(lc), name))
			return true;
	}
	return false;
}

const char *
olist_glob_prefix(const OlistGlob *glob)
{
	return glob->prefix;
}
