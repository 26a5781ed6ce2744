/*
 * sample/plan.h
 *		What a data set of a given scale and seed consists of: how many of each
 *		kind, and which of them has which peculiarity.
 *
 * Orders are numbered by time (the months are ranges of numbers). What an
 * order is like follows from its place in shuffled copies of these numbers:
 * the first so many places of one shuffle are cancelled, the first so many of
 * another have several reviews, and so on. So the counts are exact, and
 * nothing has to be remembered.
 */
#ifndef OLIST_SAMPLE_PLAN_H
#define OLIST_SAMPLE_PLAN_H

#include "sample/dice.h"
#include "sample/sample.h"

/* whose random numbers */
typedef enum OlistSampleSubject
{
	SUBJECT_ORDER_ID,
	SUBJECT_CUSTOMER_ID,
	SUBJECT_PERSON_ID,
	SUBJECT_PRODUCT_ID,
	SUBJECT_SELLER_ID,
	SUBJECT_REVIEW_ID,
	SUBJECT_PURCHASE,
	SUBJECT_DELIVERY,
	SUBJECT_TWIN,
	SUBJECT_HOME,
	SUBJECT_SELLER,
	SUBJECT_PRODUCT,
	SUBJECT_PRICE,
	SUBJECT_BASKET,
	SUBJECT_FREIGHT,
	SUBJECT_PAYMENT,
	SUBJECT_REVIEW,
	SUBJECT_PREFIX,
	SUBJECT_POINT,
	SUBJECT_SHUFFLE,
	SUBJECT_COUNT
} OlistSampleSubject;

/* the shuffles */
typedef enum OlistSampleShuffle
{
	SHUFFLE_FILE,	  /* rows of the file being written → orders, products, … */
	SHUFFLE_PROFILE,  /* orders → profiles */
	SHUFFLE_PAIR,	  /* pairs of neighbouring orders → persons */
	SHUFFLE_BASKET,	  /* orders with items → number of items */
	SHUFFLE_COVER,	  /* orders with items → product of the first item */
	SHUFFLE_PAYMENT,  /* orders with payments → number of payments */
	SHUFFLE_REVIEW,	  /* orders → number of reviews */
	SHUFFLE_LINES,	  /* orders → reviews of several lines */
	SHUFFLE_CATEGORY, /* products → categories */
	SHUFFLE_SHELF,	  /* products → sellers */
	SHUFFLE_ODD_CITY, /* sellers → cities written in odd ways */
	SHUFFLE_COUNT
} OlistSampleShuffle;

typedef enum OlistSampleStatus
{
	STATUS_APPROVED,
	STATUS_CANCELED,
	STATUS_CREATED,
	STATUS_DELIVERED,
	STATUS_INVOICED,
	STATUS_PROCESSING,
	STATUS_SHIPPED,
	STATUS_UNAVAILABLE
} OlistSampleStatus;

/* what is unusual about an order */
typedef enum OlistSampleOddity
{
	ODDITY_NONE,
	ODDITY_CARRIER_BEFORE_APPROVAL,
	ODDITY_CARRIER_BEFORE_PURCHASE,
	ODDITY_DELIVERED_BEFORE_CARRIER,
	ODDITY_PAYMENT_UNDEFINED
} OlistSampleOddity;

/* the dates that an order has besides purchase and estimate */
#define HAS_APPROVED 0x01
#define HAS_CARRIER 0x02
#define HAS_DELIVERED 0x04

/* a kind of order */
typedef struct OlistSampleProfile
{
	uint32 count; /* at scale 1; 0: all the others */
	OlistSampleStatus status;
	int dates;
	OlistSampleOddity oddity;
} OlistSampleProfile;

/* "from here on, up to end, the number is value" */
typedef struct OlistSampleRange
{
	uint64 end;
	int value;
} OlistSampleRange;

#define OLIST_SAMPLE_CATEGORIES 73

/* more than any list of ranges has */
#define MAX_RANGES 32

/* persons who ordered equally often */
typedef struct OlistSampleCrowd
{
	uint64 first_place; /* of their orders */
	uint64 first_person;
	uint32 orders_each;
} OlistSampleCrowd;

/* persons by number of orders; see plan.c */
typedef enum OlistSampleCrowdName
{
	CROWD_TWINS,   /* two orders within minutes, reviewed as one */
	CROWD_SPACER,  /* one, for the places to come out odd */
	CROWD_PAIRS,   /* two orders any time apart */
	CROWD_TRIPLES, /* three */
	CROWD_FOURS,
	CROWD_FIVES,
	CROWD_SIXES,
	CROWD_SEVENS,
	CROWD_NINES,
	CROWD_SEVENTEENS,
	CROWD_SINGLES, /* all others */
	CROWD_COUNT
} OlistSampleCrowdName;

typedef struct OlistSamplePlan
{
	uint64 millionths; /* the scale */
	uint64 key[SUBJECT_COUNT];
	OlistShuffle shuffle[SHUFFLE_COUNT];

	uint64 orders;
	uint64 orders_with_items; /* the first profiles' */
	uint64 orders_unpaid;	  /* the very first profile's */
	uint64 products;
	uint64 sellers;
	uint64 points;

	uint64 month_start[OLIST_SAMPLE_MONTHS + 1]; /* orders */
	uint16 day_weight[OLIST_SAMPLE_MONTHS][31];
	uint32 day_weight_total[OLIST_SAMPLE_MONTHS];

	OlistSampleRange profile[MAX_RANGES];  /* value: index of olist_sample_profiles */
	OlistSampleRange items[MAX_RANGES];	   /* value: number of items */
	OlistSampleRange payments[MAX_RANGES]; /* value: number of payments */
	OlistSampleRange reviews[MAX_RANGES];  /* value: number of reviews */
	OlistSampleCrowd crowd[CROWD_COUNT];

	uint64 movers[2];		  /* persons who moved: among pairs, among triples */
	uint64 shared_triples;	  /* persons who reviewed three orders as one */
	uint64 late_sequences[2]; /* orders whose payments start at 2: with one, with two */
	uint64 zero_installments;
	uint64 zero_vouchers;
	uint64 far_limits;							  /* orders to be shipped in 2020 */
	uint64 broken_lines;						  /* orders with a review of several lines */
	uint64 odd_cities;							  /* sellers */
	uint64 uncategorized;						  /* products */
	uint64 category_end[OLIST_SAMPLE_CATEGORIES]; /* places of products */
	uint64 dimensionless;						  /* products, half of them uncategorized */
	uint64 weightless;							  /* products */

	/* zip prefixes: each state has a range of their numbers, see place.c */
	uint32 prefixes;
	uint32 state_start[28];
	uint32 dark_customer; /* prefixes without a point, where customers live */
	uint32 dark_shared;	  /* … and sellers too */
	uint32 dark;		  /* all of them */
	uint32 two_states;	  /* prefixes */
	uint32 outlier_prefixes;
	uint32 outliers_each; /* points of such a prefix */
} OlistSamplePlan;

extern const OlistSampleProfile olist_sample_profiles[];

/* the names of the months, and what was bought in them at scale 1 */
typedef struct OlistSampleMonth
{
	const char *name;
	uint16 first_day; /* days since 2016-01-01 */
	uint16 days;
	uint32 orders;
	uint16 late; /* of 10,000 deliveries */
} OlistSampleMonth;

extern const OlistSampleMonth olist_sample_months[OLIST_SAMPLE_MONTHS];

extern void olist_sample_plan(OlistSamplePlan *plan, double scale, int64 seed);

/* count, which holds at scale 1, at the plan's scale */
extern uint64 olist_sample_scaled(const OlistSamplePlan *plan, uint64 count);

/* the same, but at least one: for what no data set should lack */
extern uint64 olist_sample_some(const OlistSamplePlan *plan, uint64 count);

/* the number at a place of ranges that cover it */
static inline int
olist_sample_at(const OlistSampleRange *ranges, uint64 place)
{
	while (place >= ranges->end)
		ranges++;
	return ranges->value;
}

static inline OlistDice
olist_sample_dice(const OlistSamplePlan *plan, OlistSampleSubject subject, uint64 index)
{
	return olist_dice(plan->key[subject], index);
}

#endif /* OLIST_SAMPLE_PLAN_H */
