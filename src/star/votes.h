/*
 * star/votes.h
 *		The most frequent name for each of many subjects.
 */
#ifndef OLIST_VOTES_H
#define OLIST_VOTES_H

#include "star/key_map.h"

typedef struct OlistVotes OlistVotes;

/* names are numbers in the map, which settles ties */
extern OlistVotes *olist_votes_create(const OlistKeyMap *names);

/* one vote for a name as that of subject 0, 1, 2, … */
extern void olist_votes_add(OlistVotes *votes, uint32 subject, uint32 name);

/* count; after this no vote may be added */
extern void olist_votes_decide(OlistVotes *votes);

/*
 * The name with the most votes, of several the smallest in collation "C";
 * OLIST_NO_KEY if nobody voted.
 */
extern uint32 olist_votes_winner(const OlistVotes *votes, uint32 subject);

/* how many different names the subject got votes for */
extern uint32 olist_votes_names(const OlistVotes *votes, uint32 subject);

#endif /* OLIST_VOTES_H */
