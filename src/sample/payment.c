/*
 * sample/payment.c
 *		The payments of an order.
 *
 * Mostly one, and mostly of exactly what the items and their freight come to.
 * Several are a card and vouchers, and add up to the same.
 */
#include "postgres.h"

#include "sample/rows.h"

#include "sample/goods.h"
#include "sample/order.h"
#include "sample/text.h"

typedef enum PaymentType
{
	TYPE_CREDIT_CARD,
	TYPE_BOLETO,
	TYPE_VOUCHER,
	TYPE_DEBIT_CARD,
	TYPE_NOT_DEFINED
} PaymentType;

static const char *const type_names[] = {"credit_card", "boleto", "voucher", "debit_card",
										 "not_defined"};

/* of an order's only payment, by PaymentType */
static const uint16 single_weights[] = {7667, 2051, 124, 158};
#define SINGLES_TOTAL 10000

/* installments 1 … 24 by credit card, for small, middling and large sums */
static const uint16 installment_weights[3][24] = {
	{560, 205, 110, 50, 30, 15, 10, 10, 4, 6},
	{280, 165, 155, 110, 85, 65, 25, 60, 10, 45},
	{150, 100, 120, 105, 80, 75, 35, 110, 12, 195, 1, 4, 1, 1, 3, 0, 0, 1, 0, 1, 0, 0, 0, 1}};
static const uint16 installment_totals[3] = {1000, 1000, 995};

/* no order's payments are split in more */
#define MAX_PAYMENTS 29

/* what is paid for the order in all, in cents */
static int64
amount_due(const OlistSamplePlan *plan, const OlistSampleOrder *order, OlistDice *dice)
{
	OlistSampleItem items[OLIST_SAMPLE_MAX_ITEMS];
	int count = olist_sample_order_items(plan, order, items);
	int64 due = 0;
	int weight;
	uint32 x = olist_dice_below(dice, 100000);

	/* nothing is known of what was in it */
	if (count == 0)
		return olist_sample_price(plan, olist_sample_draw_product(plan, dice), order->month,
								  &weight) +
			   1650;
	for (int i = 0; i < count; i++)
		due += items[i].price + items[i].freight;

	/* a few times it is a cent, interest or a reduction off */
	if (x < 310)
		due += x % 2 == 0 ? 1 : -1;
	else if (x < 555)
		due += due * (1 + x % 12) / 100 + 3;
	else if (x < 578)
		due -= due * (1 + x % 8) / 100 + 3;
	return Max(due, MAX_PAYMENTS);
}

static int
installments_of(OlistDice *dice, PaymentType type, int64 cents)
{
	int size = cents < 8000 ? 0 : cents < 20000 ? 1 : 2;

	if (type != TYPE_CREDIT_CARD)
		return 1;
	return 1 + olist_dice_pick(dice, installment_weights[size], installment_totals[size]);
}

/* split due over count payments: the first takes what the others leave */
static void
split_amount(OlistDice *dice, int64 due, int count, bool last_is_zero, int64 *amounts)
{
	int64 rest = due;

	for (int i = count - 1; i > 0; i--)
	{
		/* each of those to come gets a cent at least */
		int64 most = rest - i;

		if (last_is_zero && i == count - 1)
			amounts[i] = 0;
		else
			amounts[i] = Min(1 + most * olist_dice_below(dice, 1000) / (600 * count), most);
		rest -= amounts[i];
	}
	amounts[0] = rest;
}

static void
choose_types(OlistDice *dice, int count, bool undefined, bool starts_late, PaymentType *types)
{
	uint32 x = olist_dice_below(dice, 1000);

	for (int i = 1; i < count; i++)
		types[i] = TYPE_VOUCHER;
	if (count > 1)
	{
		types[0] = x < (count == 2 ? 906 : 600) ? TYPE_CREDIT_CARD : TYPE_VOUCHER;
		if (count == 2 && x < 120)
			types[1] = TYPE_CREDIT_CARD;
	}
	else
		types[0] = olist_dice_pick(dice, single_weights, SINGLES_TOTAL);
	/* what came first was lost, and was the voucher */
	if (starts_late)
		types[0] = TYPE_CREDIT_CARD;
	if (undefined)
		types[0] = TYPE_NOT_DEFINED;
}

static char *
put_payment(OlistSampleWriter *writer, char *out, uint64 order, int sequence, PaymentType type,
			int installments, int64 cents)
{
	out = put_id(writer, out, OLIST_SUBJECT_ORDER_ID, order);
	out = put_char(out, ',');
	out = put_number(out, sequence);
	out = put_char(out, ',');
	out = put_string(out, type_names[type]);
	out = put_char(out, ',');
	out = put_number(out, installments);
	out = put_char(out, ',');
	out = put_money(writer, out, cents);
	writer->rows++;
	return put_char(out, '\n');
}

char *
olist_sample_write_payments(OlistSampleWriter *writer, uint64 place, char *out)
{
	const OlistSamplePlan *plan = &writer->plan;
	uint64 number = writer->first + olist_shuffle_to(&plan->shuffle[OLIST_SHUFFLE_FILE], place);
	OlistDice dice = olist_sample_dice(plan, OLIST_SUBJECT_PAYMENT, number);
	uint64 singles = plan->payments[0].end;
	OlistSampleOrder order;
	PaymentType types[MAX_PAYMENTS];
	int64 amounts[MAX_PAYMENTS];
	uint64 rank;
	int count;
	bool undefined;
	bool starts_late;
	bool has_zero;

	olist_sample_order(plan, number, &order);
	if (order.place < plan->orders_unpaid)
		return out;
	rank =
		olist_shuffle_to(&plan->shuffle[OLIST_SHUFFLE_PAYMENT], order.place - plan->orders_unpaid);
	count = olist_sample_at(plan->payments, rank);
	undefined = order.profile->oddity == OLIST_ODDITY_PAYMENT_UNDEFINED;
	starts_late = count == 1   ? rank < plan->late_sequences[0]
				  : count == 2 ? rank < singles + plan->late_sequences[1]
							   : false;
	has_zero = count == 2 && !starts_late &&
			   rank < singles + plan->late_sequences[1] + plan->zero_vouchers;

	choose_types(&dice, count, undefined, starts_late, types);
	if (has_zero)
		types[1] = TYPE_VOUCHER;
	split_amount(&dice, amount_due(plan, &order, &dice), count, has_zero, amounts);
	if (undefined)
		amounts[0] = 0;
	for (int i = 0; i < count; i++)
	{
		int installments = installments_of(&dice, types[i], amounts[i]);

		if (count == 1 && rank < plan->zero_installments)
			installments = 0;
		out = put_payment(writer, out, number, i + 1 + starts_late, types[i], installments,
						  amounts[i]);
	}
	return out;
}
