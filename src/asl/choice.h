/*
 * asl/choice.h
 *		Which rule of a Choice state holds.
 */
#ifndef OLIST_CHOICE_H
#define OLIST_CHOICE_H

#include "asl/dataflow.h"

/*
 * The first of state's Choices that holds for input, or NULL: with *failed set
 * and failure filled if a rule could not be evaluated, else because none holds.
 */
extern const OlistJson *
olist_choice_select(const OlistJson *state, const OlistJson *input, const OlistScope *scope,
					bool *failed, OlistFailure *failure);

/* is name a comparison ("StringEquals", "IsNull", "NumericLessThanPath")? */
extern bool olist_choice_is_operator(const char *name);

/*
 * What a comparison's operand must be: a type, or -1 for a timestamp string;
 * *is_path is set for the …Path forms, whose operand is a path.
 */
extern int olist_choice_operand(const char *name, bool *is_path);

/* does text match the pattern of StringMatches: * any run, \* and \\ themselves? */
extern bool olist_choice_matches(const char *text, int len, const char *pattern, int pattern_len);

#endif /* OLIST_CHOICE_H */
