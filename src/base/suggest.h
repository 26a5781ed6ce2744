/*
 * base/suggest.h
 *		The name that a mistyped one was probably meant to be.
 */
#ifndef OLIST_SUGGEST_H
#define OLIST_SUGGEST_H

typedef struct OlistSuggestion
{
	const char *typed;	 /* what the user wrote */
	const char *closest; /* the best offer so far, NULL: none is close enough */
	int distance;		 /* its edit distance */
} OlistSuggestion;

extern void olist_suggestion_init(OlistSuggestion *suggestion, const char *typed);

/* consider one name that would have been right; it must outlive the suggestion */
extern void olist_suggestion_offer(OlistSuggestion *suggestion, const char *name);

#endif /* OLIST_SUGGEST_H */
