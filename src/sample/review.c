/*
 * sample/review.c
 *		The reviews of an order.
 *
 * What is late or never comes is marked low. A person with several orders may
 * have got one review form for all of them: the same review then stands under
 * each of these orders.
 */
#include "postgres.h"

#include "sample/rows.h"

#include "sample/order.h"
#include "sample/phrase.h"
#include "sample/text.h"

#define DAY 86400
#define HOUR 3600

/* scores 1 … 5 */
static const uint16 timely_weights[5] = {66, 26, 80, 203, 625};
static const uint16 late_weights[5] = {461, 79, 114, 124, 222};
static const uint16 missing_weights[5] = {703, 73, 76, 54, 94};

/* of 10,000 by score: who gives a title, who a message */
static const uint16 title_chances[5] = {1640, 1517, 1007, 906, 1161};
static const uint16 message_chances[5] = {7655, 6807, 4349, 3122, 3585};

static const OlistKnot answer_knots[] = {{0, 2 * HOUR},		 {100, 9 * HOUR},	{1000, 19 * HOUR},
										 {2500, 24 * HOUR},	 {5000, 40 * HOUR}, {7500, 74 * HOUR},
										 {9000, 116 * HOUR}, {9900, 22 * DAY},	{10000, 150 * DAY}};

static int
score_of(const OlistSampleOrder *order, OlistDice *dice)
{
	if ((order->profile->dates & HAS_DELIVERED) == 0)
		return 1 + olist_dice_pick(dice, missing_weights, 1000);
	if (order->delivered > order->estimated)
		return 1 + olist_dice_pick(dice, late_weights, 1000);
	return 1 + olist_dice_pick(dice, timely_weights, 1000);
}

/* the order whose review stands under this one as the first */
static uint64
reviewed_order(const OlistSamplePlan *plan, const OlistSampleOrder *order)
{
	uint64 nth = order->person - plan->crowd[order->crowd].first_person;

	if (order->crowd == OLIST_CROWD_TWINS ||
		(order->crowd == OLIST_CROWD_TRIPLES && nth < plan->shared_triples))
		return olist_sample_order_of_person(plan, order, 0);
	return order->number;
}

/* title and message, with their commas */
static char *
put_comments(const OlistSamplePlan *plan, const OlistSampleOrder *order, int nth, int score,
			 OlistDice *dice, char *out)
{
	char text[OLIST_SAMPLE_PHRASE_BYTES];
	bool lines = nth == 0 && olist_shuffle_to(&plan->shuffle[OLIST_SHUFFLE_LINES], order->number) <
								 plan->broken_lines;

	out = put_char(out, ',');
	if (olist_dice_chance(dice, title_chances[score - 1]))
		out = put_text(out, text, olist_sample_title(dice, score, text));
	out = put_char(out, ',');
	if (olist_dice_chance(dice, message_chances[score - 1]) || lines)
		out = put_text(out, text, olist_sample_message(dice, score, lines, text));
	return put_char(out, ',');
}

/* the nth review of about, as it stands under the order of that number */
static char *
put_review(OlistSampleWriter *writer, const OlistSampleOrder *about, int nth, uint64 number,
		   char *out)
{
	OlistDice dice =
		olist_sample_dice(&writer->plan, OLIST_SUBJECT_REVIEW, about->number * 4 + nth);
	bool delivered = (about->profile->dates & HAS_DELIVERED) != 0;
	int score = score_of(about, &dice);
	int64 created;

	/* the form is sent on the next day */
	created = ((delivered ? about->delivered : about->estimated) / DAY + 1) * DAY;
	created += nth * (1 + (int64) olist_dice_below(&dice, 20)) * DAY;

	out = put_quoted_id(writer, out, OLIST_SUBJECT_REVIEW_ID, about->number * 4 + nth);
	out = put_char(out, ',');
	out = put_quoted_id(writer, out, OLIST_SUBJECT_ORDER_ID, number);
	out = put_char(out, ',');
	out = put_number(out, score);
	out = put_comments(&writer->plan, about, nth, score, &dice, out);
	out = put_time(writer, out, created);
	out = put_char(out, ',');
	out = put_time(writer, out, created + olist_dice_spread(&dice, answer_knots));
	writer->rows++;
	return put_string(out, "\r\n");
}

char *
olist_sample_write_reviews(OlistSampleWriter *writer, uint64 place, char *out)
{
	const OlistSamplePlan *plan = &writer->plan;
	uint64 number = writer->first + olist_shuffle_to(&plan->shuffle[OLIST_SHUFFLE_FILE], place);
	int count = olist_sample_at(plan->reviews,
								olist_shuffle_to(&plan->shuffle[OLIST_SHUFFLE_REVIEW], number));
	OlistSampleOrder order;
	uint64 reviewed;

	if (count == 0)
		return out;
	olist_sample_order(plan, number, &order);
	olist_sample_order_deliver(plan, &order);
	for (int nth = 1; nth < count; nth++)
		out = put_review(writer, &order, nth, number, out);
	reviewed = reviewed_order(plan, &order);
	if (reviewed != number)
	{
		olist_sample_order(plan, reviewed, &order);
		olist_sample_order_deliver(plan, &order);
	}
	return put_review(writer, &order, 0, number, out);
}
