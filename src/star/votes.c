/*
 * star/votes.c
 *		The most frequent name for each of many subjects.
 *
 * Most subjects have one name, so each keeps the first name it saw, with its
 * count, in place; only the others stand in a hash table of pairs.
 */
#include "postgres.h"

#include "star/votes.h"

#include "common/hashfn.h"

typedef struct Tally
{
	uint32 name; /* number + 1; 0: nobody voted */
	uint32 count;
	uint32 names; /* different ones that the subject got votes for */
} Tally;

typedef struct PairTally
{
	uint32 subject;
	uint32 name; /* number + 1; 0: free */
	uint32 count;
} PairTally;

struct OlistVotes
{
	MemoryContext context;
	const OlistKeyMap *names;
	Tally *first; /* by subject; after deciding: the winner */
	uint32 capacity;
	uint32 nsubjects;
	PairTally *pairs; /* open-addressed: names that were not the subject's first */
	uint32 mask;
	uint32 npairs;
};

OlistVotes *
olist_votes_create(const OlistKeyMap *names)
{
	OlistVotes *votes = palloc0(sizeof(OlistVotes));

	votes->context = CurrentMemoryContext;
	votes->names = names;
	votes->mask = 1023;
	votes->pairs = palloc0((votes->mask + 1) * sizeof(PairTally));
	return votes;
}

/* the pair's tally, or the free place where it belongs */
static PairTally *
find_pair(const OlistVotes *votes, uint32 subject, uint32 name)
{
	uint32 i = murmurhash32(subject ^ murmurhash32(name)) & votes->mask;

	while (votes->pairs[i].name != 0 &&
		   (votes->pairs[i].subject != subject || votes->pairs[i].name != name))
		i = (i + 1) & votes->mask;
	return &votes->pairs[i];
}

static void
grow_pairs(OlistVotes *votes)
{
	PairTally *old = votes->pairs;
	uint32 nold = votes->mask + 1;

	votes->mask = nold * 2 - 1;
	votes->pairs = MemoryContextAllocExtended(votes->context, (Size) nold * 2 * sizeof(PairTally),
											  MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	for (uint32 i = 0; i < nold; i++)
	{
		if (old[i].name != 0)
			*find_pair(votes, old[i].subject, old[i].name) = old[i];
	}
	pfree(old);
}

void
olist_votes_add(OlistVotes *votes, uint32 subject, uint32 name)
{
	Tally *first;
	PairTally *pair;

	if (subject >= votes->nsubjects)
	{
		votes->first = olist_array_reserve(votes->first, &votes->capacity, subject, sizeof(Tally));
		votes->nsubjects = subject + 1;
	}
	first = &votes->first[subject];
	name++;
	if (first->name == 0)
		*first = (Tally){.name = name, .names = 1};
	if (first->name == name)
	{
		first->count++;
		return;
	}
	pair = find_pair(votes, subject, name);
	if (pair->name == 0)
	{
		if (++votes->npairs * 2 > votes->mask)
		{
			grow_pairs(votes);
			pair = find_pair(votes, subject, name);
		}
		pair->subject = subject;
		pair->name = name;
		first->names++;
	}
	pair->count++;
}

void
olist_votes_decide(OlistVotes *votes)
{
	for (uint32 i = 0; i <= votes->mask; i++)
	{
		const PairTally *pair = &votes->pairs[i];
		Tally *best;

		if (pair->name == 0)
			continue;
		best = &votes->first[pair->subject];
		if (pair->count > best->count ||
			(pair->count == best->count &&
			 olist_key_map_compare(votes->names, pair->name - 1, best->name - 1) < 0))
			*best = (Tally){pair->name, pair->count, best->names};
	}
}

uint32
olist_votes_winner(const OlistVotes *votes, uint32 subject)
{
	if (subject >= votes->nsubjects || votes->first[subject].name == 0)
		return OLIST_NO_KEY;
	return votes->first[subject].name - 1;
}

uint32
olist_votes_names(const OlistVotes *votes, uint32 subject)
{
	return subject < votes->nsubjects ? votes->first[subject].names : 0;
}
