/*
 * base/suggest.c
 *		The name that a mistyped one was probably meant to be.
 *
 * What the server's own ClosestMatchState does from version 16 on.
 */
#include "postgres.h"

#include "base/suggest.h"

#include "utils/varlena.h"

/* more edits than this make another word */
#define MAX_DISTANCE 4

/* the longest name that the distance is computed for; no name of ours comes near */
#define MAX_NAME 63

void
olist_suggestion_init(OlistSuggestion *suggestion, const char *typed)
{
	suggestion->typed = typed;
	suggestion->closest = NULL;
	suggestion->distance = MAX_DISTANCE + 1;
}

void
olist_suggestion_offer(OlistSuggestion *suggestion, const char *name)
{
	int typed_len = strlen(suggestion->typed);
	int name_len = strlen(name);
	int distance;

	if (typed_len == 0 || typed_len > MAX_NAME || name_len > MAX_NAME)
		return;
	distance = varstr_levenshtein_less_equal(suggestion->typed, typed_len, name, name_len, 1, 1, 1,
											 MAX_DISTANCE, true);

	/* a name of which hardly a letter is left is no help either */
	if (distance < suggestion->distance && distance <= MAX_DISTANCE && distance <= typed_len / 2)
	{
		suggestion->distance = distance;
		suggestion->closest = name;
	}
}
