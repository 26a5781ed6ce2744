/*
 * sample/phrase.h
 *		What people write in reviews.
 */
#ifndef OLIST_SAMPLE_PHRASE_H
#define OLIST_SAMPLE_PHRASE_H

#include "sample/dice.h"

/* room for any title or message that is made here */
#define OLIST_SAMPLE_PHRASE_BYTES 512

/*
 * A title or a message that fits a score of 1 to 5, in UTF-8, into out, not
 * terminated; returns its length. A message of several lines is broken by
 * CR LF.
 */
extern int olist_sample_title(OlistDice *dice, int score, char *out);
extern int olist_sample_message(OlistDice *dice, int score, bool lines, char *out);

#endif /* OLIST_SAMPLE_PHRASE_H */
