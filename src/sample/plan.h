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
	OLIST_SUBJECT_ORDER_ID,
	OLIST_SUBJECT_CUSTOMER_ID,
	OLIST_SUBJECT_PERSON_ID,
	OLIST_SUBJECT_PRODUCT_ID,
	OLIST_SUBJECT_SELLER_ID,
	OLIST_SUBJECT_REVIEW_ID,
	OLIST_SUBJECT_PURCHASE,
	OLIST_SUBJECT_DELIVERY,
	OLIST_SUBJECT_TWIN,
	OLIST_SUBJECT_HOME,
	OLIST_SUBJECT_SELLER,
	OLIST_SUBJECT_PRODUCT,
	OLIST_SUBJECT_PRICE,
	OLIST_SUBJECT_BASKET,
	OLIST_SUBJECT_FREIGHT,
	OLIST_SUBJECT_PAYMENT,
	OLIST_SUBJECT_REVIEW,
	OLIST_SUBJECT_PREFIX,
	OLIST_SUBJECT_POINT,
	OLIST_SUBJECT_SHUFFLE,
	OLIST_SUBJECT_COUNT
} OlistSampleSubject;

/* the shuffles */
typedef enum OlistSampleShuffle
{
	OLIST_SHUFFLE_FILE,		/* rows of the file being written → orders, products, … */
	OLIST_SHUFFLE_PROFILE,	/* orders → profiles */
	OLIST_SHUFFLE_PAIR,		/* pairs of neighbouring orders → persons */
	OLIST_SHUFFLE_BASKET,	/* orders with items → number of items */
	OLIST_SHUFFLE_COVER,	/* orders with items → product of the first item */
	OLIST_SHUFFLE_PAYMENT,	/* orders with payments → number of payments */
	OLIST_SHUFFLE_REVIEW,	/* orders → number of reviews */
	OLIST_SHUFFLE_LINES,	/* orders → reviews of several lines */
	OLIST_SHUFFLE_CATEGORY, /* products → categories */
	OLIST_SHUFFLE_SHELF,	/* products → sellers */
	OLIST_SHUFFLE_ODD_CITY, /* sellers → cities written in odd ways */
	OLIST_SHUFFLE_COUNT
} OlistSampleShuffle;

typedef enum OlistSampleStatus
{
	OLIST_STATUS_APPROVED,
	OLIST_STATUS_CANCELED,
	OLIST_STATUS_CREATED,
	OLIST_STATUS_DELIVERED,
	OLIST_STATUS_INVOICED,
	OLIST_STATUS_PROCESSING,
	OLIST_STATUS_SHIPPED,
	OLIST_STATUS_UNAVAILABLE
} OlistSampleStatus;

/* what is unusual about an order */
typedef enum OlistSampleOddity
{
	OLIST_ODDITY_NONE,
	OLIST_ODDITY_CARRIER_BEFORE_APPROVAL,
	OLIST_ODDITY_CARRIER_BEFORE_PURCHASE,
	OLIST_ODDITY_DELIVERED_BEFORE_CARRIER,
	OLIST_ODDITY_PAYMENT_UNDEFINED
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
	OLIST_CROWD_TWINS,	 /* two orders within minutes, reviewed as one */
	OLIST_CROWD_SPACER,	 /* one, for the places to come out odd */
	OLIST_CROWD_PAIRS,	 /* two orders any time apart */
	OLIST_CROWD_TRIPLES, /* three */
	OLIST_CROWD_FOURS,
	OLIST_CROWD_FIVES,
	OLIST_CROWD_SIXES,
	OLIST_CROWD_SEVENS,
	OLIST_CROWD_NINES,
	OLIST_CROWD_SEVENTEENS,
	OLIST_CROWD_SINGLES, /* all others */
	OLIST_CROWD_COUNT
} OlistSampleCrowdName;

typedef struct OlistSamplePlan
{
	uint64 millionths; /* the scale */
	uint64 key[OLIST_SUBJECT_COUNT];
	OlistShuffle shuffle[OLIST_SHUFFLE_COUNT];

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
	OlistSampleCrowd crowd[OLIST_CROWD_COUNT];

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
