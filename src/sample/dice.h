/*
 * sample/dice.h
 *		Random numbers that are looked up, not drawn in sequence.
 *
 * Every number depends on (key, index) only, so that any row of any file can
 * be made on its own, in any order, by any process. Everything here is
 * integer arithmetic: the same bytes come out on every machine.
 */
#ifndef OLIST_SAMPLE_DICE_H
#define OLIST_SAMPLE_DICE_H

/* a sequence of random numbers that belongs to one (key, index) */
typedef struct OlistDice
{
	uint64 state;
} OlistDice;

/* a bijection of 0 … size-1 and its parameters */
typedef struct OlistShuffle
{
	uint64 size;
	int left_bits; /* a number is split into a left and a right part */
	int right_bits;
	uint64 key[4];
} OlistShuffle;

/* a point of a distribution: at most value in part of 10,000 cases */
typedef struct OlistKnot
{
	int part;
	int64 value;
} OlistKnot;

/* the finalizer of splitmix64: every input bit reaches every output bit */
static inline uint64
olist_dice_mix(uint64 x)
{
	x ^= x >> 30;
	x *= UINT64CONST(0xbf58476d1ce4e5b9);
	x ^= x >> 27;
	x *= UINT64CONST(0x94d049bb133111eb);
	return x ^ (x >> 31);
}

static inline OlistDice
olist_dice(uint64 key, uint64 index)
{
	return (OlistDice){olist_dice_mix(key + index * UINT64CONST(0xd1342543de82ef95))};
}

static inline uint64
olist_dice_roll(OlistDice *dice)
{
	dice->state += UINT64CONST(0x9e3779b97f4a7c15);
	return olist_dice_mix(dice->state);
}

/* uniform in 0 … n-1 */
static inline uint32
olist_dice_below(OlistDice *dice, uint32 n)
{
	return (uint32) (((olist_dice_roll(dice) >> 32) * n) >> 32);
}

/* true in part of 10,000 cases */
static inline bool
olist_dice_chance(OlistDice *dice, int part)
{
	return olist_dice_below(dice, 10000) < (uint32) part;
}

/*
 * The value at x (of 10,000, with 16 bits below the point) of a distribution
 * whose knots start at part 0 and end at part 10,000; linear between them.
 */
static inline int64
olist_knots_at(const OlistKnot *knots, uint64 x)
{
	while (x >= (uint64) knots[1].part << 16)
		knots++;
	return knots[0].value + (knots[1].value - knots[0].value) *
								(int64) (x - ((uint64) knots[0].part << 16)) /
								((int64) (knots[1].part - knots[0].part) << 16);
}

/* a value drawn from that distribution */
static inline int64
olist_dice_spread(OlistDice *dice, const OlistKnot *knots)
{
	return olist_knots_at(knots, ((olist_dice_roll(dice) >> 32) * 10000) >> 16);
}

/* an index into weights, whose sum is total */
static inline int
olist_dice_pick(OlistDice *dice, const uint16 *weights, uint32 total)
{
	uint32 x = olist_dice_below(dice, total);
	int i = 0;

	while (x >= weights[i])
		x -= weights[i++];
	return i;
}

static inline void
olist_shuffle_init(OlistShuffle *shuffle, uint64 key, uint64 size)
{
	int bits = 2;

	while ((UINT64CONST(1) << bits) < size)
		bits++;
	shuffle->size = size;
	shuffle->left_bits = bits / 2;
	shuffle->right_bits = bits - bits / 2;
	for (int i = 0; i < 4; i++)
		shuffle->key[i] = olist_dice_mix(key + i + 1);
}

/* a round function: the top bits of a keyed product */
static inline uint64
olist_shuffle_round(uint64 x, uint64 key, int bits)
{
	x = (x + key) * UINT64CONST(0x9e3779b97f4a7c15);
	x ^= x >> 32;
	return (x * UINT64CONST(0xd1342543de82ef95)) >> (64 - bits);
}

/*
 * Where x goes. A Feistel network permutes the next power of two; a number
 * that falls outside walks on until it is inside again.
 */
static inline uint64
olist_shuffle_to(const OlistShuffle *s, uint64 x)
{
	uint64 right_mask = (UINT64CONST(1) << s->right_bits) - 1;

	do
	{
		uint64 left = x >> s->right_bits;
		uint64 right = x & right_mask;

		left ^= olist_shuffle_round(right, s->key[0], s->left_bits);
		right ^= olist_shuffle_round(left, s->key[1], s->right_bits);
		left ^= olist_shuffle_round(right, s->key[2], s->left_bits);
		right ^= olist_shuffle_round(left, s->key[3], s->right_bits);
		x = (left << s->right_bits) | right;
	} while (x >= s->size);
	return x;
}

/* where x comes from: the inverse of olist_shuffle_to() */
static inline uint64
olist_shuffle_from(const OlistShuffle *s, uint64 x)
{
	uint64 right_mask = (UINT64CONST(1) << s->right_bits) - 1;

	do
	{
		uint64 left = x >> s->right_bits;
		uint64 right = x & right_mask;

		right ^= olist_shuffle_round(left, s->key[3], s->right_bits);
		left ^= olist_shuffle_round(right, s->key[2], s->left_bits);
		right ^= olist_shuffle_round(left, s->key[1], s->right_bits);
		left ^= olist_shuffle_round(right, s->key[0], s->left_bits);
		x = (left << s->right_bits) | right;
	} while (x >= s->size);
	return x;
}

#endif /* OLIST_SAMPLE_DICE_H */
