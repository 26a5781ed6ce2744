/*
 * sample/order.c
 *		What is known of an order, from its number alone.
 *
 *		number ──► month, day, hour
 *		number ──► shuffle of pairs ──► person ──► prefix, state
 *		number ──► shuffle of profiles ──► status, dates, oddity
 *						└──► shuffle of baskets ──► items ──► product, seller, price
 */
#include "postgres.h"

#include "sample/order.h"

#include "sample/goods.h"
#include "sample/place.h"

#define MINUTE 60
#define HOUR 3600
#define DAY 86400

static const uint16 hour_weights[24] = {239, 117, 51,  27,	21,	 19,  50,  123, 297, 478, 618, 658,
										600, 652, 657, 645, 667, 615, 577, 598, 619, 622, 582, 412};
#define HOURS_TOTAL 9944

/* seconds */
static const OlistKnot approval_knots[] = {{0, 0},
										   {100, 2 * MINUTE},
										   {500, 9 * MINUTE},
										   {1000, 10 * MINUTE},
										   {2500, 13 * MINUTE},
										   {5000, 21 * MINUTE},
										   {6500, 3 * HOUR},
										   {7500, 15 * HOUR},
										   {9000, 35 * HOUR},
										   {9500, 48 * HOUR},
										   {9900, 90 * HOUR},
										   {10000, 200 * HOUR}};
static const OlistKnot handling_knots[] = {
	{0, HOUR},		   {100, 5 * HOUR}, {1000, 11 * HOUR}, {2500, 21 * HOUR}, {5000, 44 * HOUR},
	{7500, 86 * HOUR}, {9000, 6 * DAY}, {9500, 8 * DAY},   {9900, 17 * DAY},  {10000, 60 * DAY}};
/* for SP; farther states take longer */
static const OlistKnot transit_knots[] = {
	{0, 8 * HOUR},	 {100, 20 * HOUR}, {1000, 32 * HOUR}, {2500, 67 * HOUR}, {5000, 5 * DAY},
	{7500, 9 * DAY}, {9000, 14 * DAY}, {9500, 18 * DAY},  {9900, 30 * DAY},	 {10000, 90 * DAY}};
/* from the delivery to the estimate, if it came in time */
static const OlistKnot slack_knots[] = {{0, 0},			  {1000, 5 * DAY},	 {2500, 8 * DAY},
										{5000, 12 * DAY}, {7500, 16 * DAY},	 {9000, 20 * DAY},
										{9900, 32 * DAY}, {10000, 100 * DAY}};
/* days from the estimate to the delivery, if it came late; 0 is the same day */
static const OlistKnot delay_knots[] = {{0, 0},		{1650, 1},	{4000, 4},	{6000, 8},
										{8000, 14}, {9000, 22}, {9900, 60}, {10000, 150}};
static const OlistKnot early_carrier_knots[] = {
	{0, -160 * DAY}, {300, -60 * DAY}, {2000, -2 * DAY}, {10000, -MINUTE}};
static const OlistKnot limit_knots[] = {{0, 2 * DAY},	  {1000, 2 * DAY},	{2500, 4 * DAY},
										{5000, 6 * DAY},  {7500, 6 * DAY},	{9000, 9 * DAY},
										{9500, 12 * DAY}, {9900, 18 * DAY}, {10000, 40 * DAY}};

static const OlistKnot freight_knots[] = {{0, 200},		 {100, 700},	{1000, 780},  {2500, 1010},
										  {5000, 1330},	 {7500, 1620},	{9000, 2250}, {9900, 5600},
										  {9990, 13000}, {10000, 30000}};

static int
month_of(const OlistSamplePlan *plan, uint64 number)
{
	int low = 0;
	int high = OLIST_SAMPLE_MONTHS;

	while (high - low > 1)
	{
		int middle = (low + high) / 2;

		if (number < plan->month_start[middle])
			high = middle;
		else
			low = middle;
	}
	return low;
}

/*
 * Pairs of neighbouring numbers are shuffled, so that a person whose two
 * places start at an even one bought twice in the same month.
 */
static uint64
person_place(const OlistSamplePlan *plan, uint64 number)
{
	uint64 pairs = plan->orders / 2;

	return number / 2 < pairs
			   ? olist_shuffle_to(&plan->shuffle[OLIST_SHUFFLE_PAIR], number / 2) * 2 + number % 2
			   : number;
}

static uint64
number_at_place(const OlistSamplePlan *plan, uint64 place)
{
	uint64 pairs = plan->orders / 2;

	return place / 2 < pairs
			   ? olist_shuffle_from(&plan->shuffle[OLIST_SHUFFLE_PAIR], place / 2) * 2 + place % 2
			   : place;
}

uint64
olist_sample_order_of_person(const OlistSamplePlan *plan, const OlistSampleOrder *order, int visit)
{
	return number_at_place(plan, order->first_place + visit);
}

static void
find_person(const OlistSamplePlan *plan, OlistSampleOrder *order)
{
	uint64 place = person_place(plan, order->number);
	int crowd = OLIST_CROWD_SINGLES;
	const OlistSampleCrowd *c;
	uint64 nth;
	int version = 0;

	while (place < plan->crowd[crowd].first_place)
		crowd--;
	c = &plan->crowd[crowd];
	nth = (place - c->first_place) / c->orders_each;
	order->crowd = crowd;
	order->person = c->first_person + nth;
	order->first_place = c->first_place + nth * c->orders_each;
	order->visit = place - order->first_place;
	if ((crowd == OLIST_CROWD_PAIRS && nth < plan->movers[0]) ||
		/* not those who review three orders as one */
		(crowd == OLIST_CROWD_TRIPLES && nth >= plan->shared_triples &&
		 nth < plan->shared_triples + plan->movers[1]))
		version = order->visit;

	if (place >= plan->orders - plan->dark_customer)
		order->prefix = olist_sample_dark_home(plan, plan->orders - 1 - place);
	else
		order->prefix = olist_sample_home(plan, order->person, version);
	order->state = olist_sample_prefix_state(plan, order->prefix);
}

/* when an order was bought that has nothing to do with another one */
static int64
purchase_time(const OlistSamplePlan *plan, uint64 number, int month)
{
	OlistDice dice = olist_sample_dice(plan, OLIST_SUBJECT_PURCHASE, number);
	int64 day = olist_sample_months[month].first_day +
				olist_dice_pick(&dice, plan->day_weight[month], plan->day_weight_total[month]);
	int64 hour = olist_dice_pick(&dice, hour_weights, HOURS_TOTAL);

	return day * DAY + hour * HOUR + olist_dice_below(&dice, HOUR);
}

static int64
find_purchase(const OlistSamplePlan *plan, const OlistSampleOrder *order)
{
	const OlistSampleMonth *month = &olist_sample_months[order->month];
	OlistDice dice;
	int64 first;

	if (order->crowd != OLIST_CROWD_TWINS || order->visit == 0 ||
		month_of(plan, order->number - 1) != order->month)
		return purchase_time(plan, order->number, order->month);

	/* the second of twins follows at once, some in the same second */
	dice = olist_sample_dice(plan, OLIST_SUBJECT_TWIN, order->person);
	first = purchase_time(plan, order->number - 1, order->month);
	return Min(first + (olist_dice_chance(&dice, 3000) ? 0 : olist_dice_below(&dice, HOUR)),
			   (month->first_day + month->days) * (int64) DAY - 1);
}

void
olist_sample_order(const OlistSamplePlan *plan, uint64 number, OlistSampleOrder *order)
{
	OlistDice dice = olist_sample_dice(plan, OLIST_SUBJECT_DELIVERY, number);

	order->number = number;
	order->month = month_of(plan, number);
	order->place = olist_shuffle_to(&plan->shuffle[OLIST_SHUFFLE_PROFILE], number);
	order->profile = &olist_sample_profiles[olist_sample_at(plan->profile, order->place)];
	find_person(plan, order);
	order->purchased = find_purchase(plan, order);
	order->approved = order->purchased + olist_dice_spread(&dice, approval_knots);
	if (order->profile->oddity == OLIST_ODDITY_CARRIER_BEFORE_APPROVAL)
		order->approved += HOUR;
}

/*
 * The estimate follows from the delivery, not the other way round, so that the
 * share of late ones is the month's.
 */
static void
estimate(const OlistSampleOrder *order, OlistDice *dice, int64 delivered, bool late,
		 int64 *estimated)
{
	int64 day = delivered / DAY;

	if (late)
		day -= olist_dice_spread(dice, delay_knots);
	else
		day = (delivered + olist_dice_spread(dice, slack_knots)) / DAY + 1;
	*estimated = Max(day, order->purchased / DAY + 2) * DAY;
}

void
olist_sample_order_deliver(const OlistSamplePlan *plan, OlistSampleOrder *order)
{
	OlistDice dice = olist_sample_dice(plan, OLIST_SUBJECT_DELIVERY, order->number + plan->orders);
	bool late = olist_dice_chance(&dice, olist_sample_months[order->month].late);
	int far = olist_sample_states[order->state].distance - 100;
	int64 transit = olist_dice_spread(&dice, transit_knots) * (100 + far * 6 / 10) / 100;

	if (late)
		transit = transit * 2 + 3 * DAY;
	transit = Min(transit, 200 * DAY);
	order->carrier = order->approved + olist_dice_spread(&dice, handling_knots);
	order->delivered = order->carrier + transit;
	estimate(order, &dice, order->delivered, late, &order->estimated);

	switch (order->profile->oddity)
	{
		case OLIST_ODDITY_CARRIER_BEFORE_APPROVAL:
			order->carrier =
				order->purchased + olist_dice_below(&dice, order->approved - order->purchased);
			break;
		case OLIST_ODDITY_CARRIER_BEFORE_PURCHASE:
			order->carrier = order->purchased + olist_dice_spread(&dice, early_carrier_knots);
			break;
		case OLIST_ODDITY_DELIVERED_BEFORE_CARRIER:
			order->carrier = order->delivered + HOUR + olist_dice_below(&dice, 10 * DAY);
			break;
		default:
			break;
	}
}

int64
olist_sample_order_limit(const OlistSamplePlan *plan, const OlistSampleOrder *order)
{
	OlistDice dice = olist_sample_dice(plan, OLIST_SUBJECT_BASKET, order->number + plan->orders);
	uint64 place = olist_shuffle_to(&plan->shuffle[OLIST_SHUFFLE_BASKET], order->place);

	/* a few were given years: a day in spring 2020 */
	if (place < plan->far_limits)
		return (1461 + 33 + (int64) olist_dice_below(&dice, 60)) * DAY +
			   olist_dice_below(&dice, DAY);
	return order->approved + olist_dice_spread(&dice, limit_knots);
}

/* what the shipping of a product costs, in cents */
static int64
freight_of(const OlistSamplePlan *plan, const OlistSampleOrder *order, const OlistSampleItem *item,
		   int weight)
{
	OlistDice dice =
		olist_sample_dice(plan, OLIST_SUBJECT_FREIGHT, order->number * 4 + item->product % 4);
	int seller_state =
		olist_sample_prefix_state(plan, olist_sample_seller_home(plan, item->seller));
	int64 cents = olist_dice_spread(&dice, freight_knots);

	/* some offer it for nothing */
	if (olist_dice_chance(&dice, 34))
		return 0;
	cents = cents * (820 + Min(weight, 20000) / 20) / 1000;
	if (seller_state != order->state)
		cents = cents *
				(60 + (olist_sample_states[order->state].distance +
					   olist_sample_states[seller_state].distance) /
						  3) /
				100;
	return cents;
}

static void
fill_item(const OlistSamplePlan *plan, const OlistSampleOrder *order, uint64 product,
		  OlistSampleItem *item)
{
	int weight;

	item->product = product;
	item->seller = olist_sample_seller_of(plan, product);
	item->price = olist_sample_price(plan, product, order->month, &weight);
	item->freight = freight_of(plan, order, item, weight);
}

int
olist_sample_order_items(const OlistSamplePlan *plan, const OlistSampleOrder *order,
						 OlistSampleItem *items)
{
	OlistDice dice = olist_sample_dice(plan, OLIST_SUBJECT_BASKET, order->number);
	uint64 place;
	uint64 cover;
	int count;
	uint32 kind;

	if (order->place >= plan->orders_with_items)
		return 0;
	place = olist_shuffle_to(&plan->shuffle[OLIST_SHUFFLE_BASKET], order->place);
	count = olist_sample_at(plan->items, place);

	/* the first of these orders see to it that every product is sold */
	cover = olist_shuffle_to(&plan->shuffle[OLIST_SHUFFLE_COVER], order->place);
	fill_item(plan, order, cover < plan->products ? cover : olist_sample_draw_product(plan, &dice),
			  &items[0]);
	if (count == 1)
		return 1;

	/* several are mostly the same thing, or of the same seller */
	kind = olist_dice_below(&dice, 100);
	for (int i = 1; i < count; i++)
	{
		if (kind < 67 || (i > 1 && olist_dice_chance(&dice, 5000)))
			items[i] = items[i - 1];
		else if (kind < 87)
			fill_item(plan, order, olist_sample_neighbour(plan, items[i - 1].product), &items[i]);
		else
			fill_item(plan, order, olist_sample_draw_product(plan, &dice), &items[i]);
	}
	return count;
}
