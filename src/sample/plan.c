/*
 * sample/plan.c
 *		How many of each kind there are, and which of them.
 *
 * The counts at scale 1 are those of the real data set; at another scale each
 * is multiplied and rounded, and what no data set should lack stays at one.
 * All of it is integer arithmetic on millionths.
 */
#include "postgres.h"

#include "sample/plan.h"

#include "sample/goods.h"
#include "sample/place.h"

/* a number and how many have it at scale 1; 0: all others */
typedef struct Share
{
	int value;
	uint32 count;
} Share;

/*
 * The unpaid order comes first and the orders without items last, so that
 * both are ranges of places (orders_unpaid, orders_with_items).
 */
const OlistSampleProfile olist_sample_profiles[] = {
	{1, OLIST_STATUS_DELIVERED, HAS_APPROVED | HAS_CARRIER | HAS_DELIVERED, OLIST_ODDITY_NONE},
	{0, OLIST_STATUS_DELIVERED, HAS_APPROVED | HAS_CARRIER | HAS_DELIVERED, OLIST_ODDITY_NONE},
	{1193, OLIST_STATUS_DELIVERED, HAS_APPROVED | HAS_CARRIER | HAS_DELIVERED,
	 OLIST_ODDITY_CARRIER_BEFORE_APPROVAL},
	{1106, OLIST_STATUS_SHIPPED, HAS_APPROVED | HAS_CARRIER, OLIST_ODDITY_NONE},
	{386, OLIST_STATUS_CANCELED, HAS_APPROVED, OLIST_ODDITY_NONE},
	{312, OLIST_STATUS_INVOICED, HAS_APPROVED, OLIST_ODDITY_NONE},
	{301, OLIST_STATUS_PROCESSING, HAS_APPROVED, OLIST_ODDITY_NONE},
	{166, OLIST_STATUS_DELIVERED, HAS_APPROVED | HAS_CARRIER | HAS_DELIVERED,
	 OLIST_ODDITY_CARRIER_BEFORE_PURCHASE},
	{69, OLIST_STATUS_CANCELED, HAS_APPROVED | HAS_CARRIER, OLIST_ODDITY_NONE},
	{23, OLIST_STATUS_DELIVERED, HAS_APPROVED | HAS_CARRIER | HAS_DELIVERED,
	 OLIST_ODDITY_DELIVERED_BEFORE_CARRIER},
	{14, OLIST_STATUS_DELIVERED, HAS_CARRIER | HAS_DELIVERED, OLIST_ODDITY_NONE},
	{8, OLIST_STATUS_DELIVERED, HAS_APPROVED | HAS_CARRIER, OLIST_ODDITY_NONE},
	{6, OLIST_STATUS_CANCELED, HAS_APPROVED | HAS_CARRIER | HAS_DELIVERED, OLIST_ODDITY_NONE},
	{6, OLIST_STATUS_UNAVAILABLE, HAS_APPROVED, OLIST_ODDITY_NONE},
	{2, OLIST_STATUS_DELIVERED, HAS_APPROVED | HAS_DELIVERED, OLIST_ODDITY_NONE},
	{2, OLIST_STATUS_APPROVED, HAS_APPROVED, OLIST_ODDITY_NONE},
	{603, OLIST_STATUS_UNAVAILABLE, HAS_APPROVED, OLIST_ODDITY_NONE},
	{141, OLIST_STATUS_CANCELED, 0, OLIST_ODDITY_NONE},
	{20, OLIST_STATUS_CANCELED, HAS_APPROVED, OLIST_ODDITY_NONE},
	{5, OLIST_STATUS_CREATED, 0, OLIST_ODDITY_NONE},
	{3, OLIST_STATUS_CANCELED, HAS_APPROVED, OLIST_ODDITY_PAYMENT_UNDEFINED},
	{2, OLIST_STATUS_INVOICED, HAS_APPROVED, OLIST_ODDITY_NONE},
	{1, OLIST_STATUS_SHIPPED, HAS_APPROVED | HAS_CARRIER, OLIST_ODDITY_NONE}};

#define PROFILES ((int) lengthof(olist_sample_profiles))
#define FIRST_PROFILE_WITHOUT_ITEMS 16

static const Share item_shares[] = {{1, 0},	 {2, 7516}, {3, 1322}, {4, 505}, {5, 204}, {6, 198},
									{7, 22}, {8, 8},	{9, 3},	   {10, 8},	 {11, 4},  {12, 5},
									{13, 1}, {14, 2},	{15, 2},   {20, 2},	 {21, 1}};

static const Share payment_shares[] = {
	{1, 0},	 {2, 2382}, {3, 301}, {4, 108}, {5, 52}, {6, 36}, {7, 28}, {8, 11}, {9, 9},	 {10, 5},
	{11, 8}, {12, 8},	{13, 3},  {14, 2},	{15, 2}, {19, 2}, {21, 1}, {22, 1}, {26, 1}, {29, 1}};

static const Share review_shares[] = {{1, 0}, {0, 768}, {2, 543}, {3, 4}};

/* persons of each crowd at scale 1, by OlistSampleCrowdName */
static const Share crowd_shares[OLIST_CROWD_COUNT] = {{2, 764}, {1, 1},	 {2, 1981}, {3, 203},
													  {4, 30},	{5, 8},	 {6, 6},	{7, 3},
													  {9, 1},	{17, 1}, {1, 0}};

const OlistSampleMonth olist_sample_months[OLIST_SAMPLE_MONTHS] = {
	{"2016-09", 244, 30, 4, 300},	  {"2016-10", 274, 31, 324, 250},
	{"2016-12", 335, 31, 1, 300},	  {"2017-01", 366, 31, 800, 320},
	{"2017-02", 397, 28, 1780, 330},  {"2017-03", 425, 31, 2682, 550},
	{"2017-04", 456, 30, 2404, 770},  {"2017-05", 486, 31, 3700, 370},
	{"2017-06", 517, 30, 3245, 390},  {"2017-07", 547, 31, 4026, 350},
	{"2017-08", 578, 31, 4331, 340},  {"2017-09", 609, 30, 4285, 530},
	{"2017-10", 639, 31, 4631, 540},  {"2017-11", 670, 30, 7544, 1430},
	{"2017-12", 700, 31, 5673, 850},  {"2018-01", 731, 31, 7269, 670},
	{"2018-02", 762, 28, 6728, 1580}, {"2018-03", 790, 31, 7211, 2110},
	{"2018-04", 821, 30, 6939, 520},  {"2018-05", 851, 31, 6873, 850},
	{"2018-06", 882, 30, 6167, 160},  {"2018-07", 912, 31, 6292, 460},
	{"2018-08", 943, 31, 6512, 1030}, {"2018-09", 974, 30, 16, 300},
	{"2018-10", 1004, 31, 4, 300}};

/* the real data set's counts */
#define REAL_ORDERS 99441
#define REAL_PRODUCTS 32951
#define REAL_SELLERS 3095
#define REAL_POINTS 1000163

uint64
olist_sample_scaled(const OlistSamplePlan *plan, uint64 count)
{
	return (count * plan->millionths + 500000) / 1000000;
}

uint64
olist_sample_some(const OlistSamplePlan *plan, uint64 count)
{
	return Max(olist_sample_scaled(plan, count), 1);
}

/*
 * Cut places 0 … total-1 into ranges of the shares; the first share takes
 * what the others leave.
 */
static void
cut_shares(const OlistSamplePlan *plan, OlistSampleRange *ranges, const Share *shares, int n,
		   uint64 total)
{
	uint64 end = total;

	for (int i = 1; i < n; i++)
		end -= olist_sample_scaled(plan, shares[i].count);
	for (int i = 0; i < n; i++)
	{
		if (i > 0)
			end += olist_sample_scaled(plan, shares[i].count);
		ranges[i] = (OlistSampleRange){end, shares[i].value};
	}
}

static void
plan_profiles(OlistSamplePlan *plan)
{
	uint64 rest = plan->orders;
	uint64 end = 0;

	for (int i = 0; i < PROFILES; i++)
	{
		if (olist_sample_profiles[i].count > 0)
			rest -= olist_sample_some(plan, olist_sample_profiles[i].count);
	}
	for (int i = 0; i < PROFILES; i++)
	{
		uint32 count = olist_sample_profiles[i].count;

		if (i == FIRST_PROFILE_WITHOUT_ITEMS)
			plan->orders_with_items = end;
		end += count > 0 ? olist_sample_some(plan, count) : rest;
		plan->profile[i] = (OlistSampleRange){end, i};
	}
	plan->orders_unpaid = plan->profile[0].end;
}

static void
plan_crowds(OlistSamplePlan *plan)
{
	uint64 place = 0;
	uint64 person = 0;

	for (int i = 0; i < OLIST_CROWD_COUNT; i++)
	{
		uint64 persons = i == OLIST_CROWD_SPACER ? 1
						 : i <= OLIST_CROWD_TRIPLES
							 ? olist_sample_some(plan, crowd_shares[i].count)
							 : olist_sample_scaled(plan, crowd_shares[i].count);

		plan->crowd[i] = (OlistSampleCrowd){place, person, crowd_shares[i].value};
		place += persons * crowd_shares[i].value;
		person += persons;
	}
}

/*
 * Share the categorized products out by the categories' weights; small as a
 * data set may be, the untranslated categories are in it.
 */
static void
plan_categories(OlistSamplePlan *plan)
{
	uint64 rest = plan->products - plan->uncategorized;
	uint64 untranslated = 0;
	uint64 translated_end = plan->uncategorized;
	uint64 total = 0;
	uint64 before = 0;

	for (int i = 0; i < OLIST_SAMPLE_CATEGORIES; i++)
	{
		if (olist_sample_categories[i].english == NULL)
			rest -= olist_sample_some(plan, olist_sample_categories[i].products);
		else
			total += olist_sample_categories[i].products;
	}
	for (int i = 0; i < OLIST_SAMPLE_CATEGORIES; i++)
	{
		if (olist_sample_categories[i].english == NULL)
			untranslated += olist_sample_some(plan, olist_sample_categories[i].products);
		else
		{
			before += olist_sample_categories[i].products;
			translated_end = plan->uncategorized + rest * before / total;
		}
		plan->category_end[i] = translated_end + untranslated;
	}
}

/*
 * How much is bought on each day of a month: more on weekdays, and most of all
 * on the Black Friday of 2017.
 */
static void
plan_days(OlistSamplePlan *plan)
{
	/* 2016-01-01 was a Friday */
	static const uint16 weekday_weight[7] = {141, 109, 120, 162, 160, 156, 148};
	const int black_friday = 693;

	for (int m = 0; m < OLIST_SAMPLE_MONTHS; m++)
	{
		const OlistSampleMonth *month = &olist_sample_months[m];

		for (int d = 0; d < month->days; d++)
		{
			int day = month->first_day + d;
			uint16 weight = weekday_weight[day % 7];

			if (day == black_friday)
				weight *= 5;
			else if (day > black_friday && day <= black_friday + 4)
				weight *= 2;
			plan->day_weight[m][d] = weight;
			plan->day_weight_total[m] += weight;
		}
	}
}

static void
plan_months(OlistSamplePlan *plan)
{
	uint64 before = 0;

	for (int m = 0; m < OLIST_SAMPLE_MONTHS; m++)
	{
		plan->month_start[m] = (before * plan->orders + REAL_ORDERS / 2) / REAL_ORDERS;
		before += olist_sample_months[m].orders;
	}
	plan->month_start[OLIST_SAMPLE_MONTHS] = plan->orders;
	plan_days(plan);
}

/*
 * Geography does not grow: from scale 1 on there are as many prefixes as in
 * the real data set, with more points each.
 */
static void
plan_prefixes(OlistSamplePlan *plan)
{
	OlistSamplePlan map = {.millionths = Min(plan->millionths, 1000000)};

	for (int s = 0; s < OLIST_SAMPLE_STATES; s++)
	{
		plan->state_start[s] = plan->prefixes;
		plan->prefixes += Max(olist_sample_scaled(&map, olist_sample_states[s].prefixes), 2);
	}
	plan->state_start[OLIST_SAMPLE_STATES] = plan->prefixes;
	plan->dark_shared = olist_sample_some(&map, 2);
	plan->dark_customer = olist_sample_some(&map, 155) + plan->dark_shared;
	plan->dark = plan->dark_customer + olist_sample_some(&map, 5);
	plan->two_states = olist_sample_some(&map, 8);
	plan->outlier_prefixes = olist_sample_some(&map, 42);
	plan->outliers_each = Max(olist_sample_scaled(plan, 42) / plan->outlier_prefixes, 1);
}

static void
plan_shuffles(OlistSamplePlan *plan)
{
	const uint64 sizes[OLIST_SHUFFLE_COUNT] = {
		[OLIST_SHUFFLE_FILE] = 1, /* set by whoever writes a file */
		[OLIST_SHUFFLE_PROFILE] = plan->orders,
		[OLIST_SHUFFLE_PAIR] = plan->orders / 2,
		[OLIST_SHUFFLE_BASKET] = plan->orders_with_items,
		[OLIST_SHUFFLE_COVER] = plan->orders_with_items,
		[OLIST_SHUFFLE_PAYMENT] = plan->orders - plan->orders_unpaid,
		[OLIST_SHUFFLE_REVIEW] = plan->orders,
		[OLIST_SHUFFLE_LINES] = plan->orders,
		[OLIST_SHUFFLE_CATEGORY] = plan->products,
		[OLIST_SHUFFLE_SHELF] = plan->products,
		[OLIST_SHUFFLE_ODD_CITY] = plan->sellers};

	for (int i = 0; i < OLIST_SHUFFLE_COUNT; i++)
		olist_shuffle_init(&plan->shuffle[i], plan->key[OLIST_SUBJECT_SHUFFLE] + i * 16, sizes[i]);
}

void
olist_sample_plan(OlistSamplePlan *plan, double scale, int64 seed)
{
	MemSet(plan, 0, sizeof(*plan));
	plan->millionths = (uint64) (scale * 1000000 + 0.5);
	for (int i = 0; i < OLIST_SUBJECT_COUNT; i++)
		plan->key[i] = olist_dice_mix(olist_dice_mix((uint64) seed) + i + 1);

	plan->orders = olist_sample_some(plan, REAL_ORDERS);
	plan->products = olist_sample_some(plan, REAL_PRODUCTS);
	plan->sellers = Max(olist_sample_scaled(plan, REAL_SELLERS), 10);
	plan_months(plan);
	plan_profiles(plan);
	plan_crowds(plan);
	plan_prefixes(plan);
	plan->points = olist_sample_scaled(plan, REAL_POINTS);
	cut_shares(plan, plan->items, item_shares, lengthof(item_shares), plan->orders_with_items);
	cut_shares(plan, plan->payments, payment_shares, lengthof(payment_shares),
			   plan->orders - plan->orders_unpaid);
	cut_shares(plan, plan->reviews, review_shares, lengthof(review_shares), plan->orders);

	plan->movers[0] = olist_sample_some(plan, 251);
	plan->movers[1] = olist_sample_scaled(plan, 4);
	plan->shared_triples = olist_sample_scaled(plan, 25);
	plan->late_sequences[0] = olist_sample_some(plan, 78);
	plan->late_sequences[1] = olist_sample_some(plan, 2);
	plan->zero_installments = olist_sample_some(plan, 2);
	plan->zero_vouchers = olist_sample_some(plan, 6);
	plan->far_limits = olist_sample_some(plan, 4);
	plan->broken_lines = olist_sample_some(plan, 3852);
	plan->odd_cities = olist_sample_some(plan, 34);
	plan->uncategorized = olist_sample_some(plan, 610);
	plan->dimensionless = Max(olist_sample_scaled(plan, 2), 2);
	plan->weightless = olist_sample_some(plan, 4);
	plan_categories(plan);
	plan_shuffles(plan);
}
