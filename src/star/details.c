/*
 * star/details.c
 *		The items, payments and reviews of orders: which of the staged rows count.
 *
 * fact_order sums up what the detail facts hold. They are built side by side,
 * so both read the same staged rows through this one sieve.
 */
#include "postgres.h"

#include "star/details.h"

#include "catalog/pg_type.h"
#include "star/key_map.h"
#include "star/money.h"
#include "star/reject.h"

static const OlistScanColumn item_columns[] = {{"order_id", TEXTOID},
											   {"order_item_id", INT4OID},
											   {"product_id", TEXTOID},
											   {"seller_id", TEXTOID},
											   {"shipping_limit_date", TIMESTAMPOID},
											   {"price", NUMERICOID},
											   {"freight_value", NUMERICOID},
											   {"_object_id", INT8OID},
											   {"_line", INT8OID},
											   {NULL, InvalidOid}};

static const OlistScanColumn payment_columns[] = {{"order_id", TEXTOID},
												  {"payment_sequential", INT4OID},
												  {"payment_type", TEXTOID},
												  {"payment_installments", INT4OID},
												  {"payment_value", NUMERICOID},
												  {"_object_id", INT8OID},
												  {"_line", INT8OID},
												  {NULL, InvalidOid}};

static const OlistScanColumn review_columns[] = {{"order_id", TEXTOID},
												 {"review_id", TEXTOID},
												 {"review_score", INT4OID},
												 {"review_creation_date", TIMESTAMPOID},
												 {"review_answer_timestamp", TIMESTAMPOID},
												 {"review_comment_title", TEXTOID},
												 {"review_comment_message", TEXTOID},
												 {"_object_id", INT8OID},
												 {"_line", INT8OID},
												 {NULL, InvalidOid}};

const OlistDetail olist_items = {
	.staging = "order_items",
	.columns = item_columns,
	.namounts = 2,
	.amounts = {OLIST_ITEM_PRICE, OLIST_ITEM_FREIGHT},
};

const OlistDetail olist_payments = {
	.staging = "order_payments",
	.columns = payment_columns,
	.namounts = 1,
	.amounts = {OLIST_PAYMENT_VALUE},
};

const OlistDetail olist_reviews = {
	.staging = "order_reviews",
	.columns = review_columns,
};

enum
{
	COL_ORDER_ID,
	COL_PART
};

OlistLosers *
olist_detail_losers(const OlistDetail *detail)
{
	const OlistScanColumn *columns = detail->columns;

	return olist_losers_find(detail->staging, columns[COL_ORDER_ID].name, columns[COL_PART].name,
							 columns[COL_PART].type);
}

OlistDetailScan *
olist_detail_begin(const OlistDetail *detail, const OlistOrders *orders, const OlistLosers *losers,
				   OlistDetailMode mode)
{
	OlistDetailScan *scan = palloc0(sizeof(OlistDetailScan));

	scan->scan = olist_scan_entity(detail->staging, detail->columns);
	scan->detail = detail;
	scan->orders = orders;
	scan->losers = losers;
	scan->mode = mode;
	return scan;
}

static void
reject(OlistDetailScan *detail, OlistRejectReason reason, int column)
{
	if (detail->mode == OLIST_DETAIL_REJECT)
		olist_reject(detail->scan, reason, detail->detail->columns[column].name);
}

/* find the row's order; false if it is of another share, or there is none */
static bool
find_order(OlistDetailScan *detail)
{
	OlistKeyShare share = detail->orders->share;
	OlistKey key;
	int len;
	const char *id = olist_scan_text(detail->scan, COL_ORDER_ID, &len);

	if (id == NULL)
	{
		/* of no share; the first one rejects it */
		if (share.index == 0)
			reject(detail, OLIST_REJECT_NO_KEY, COL_ORDER_ID);
		return false;
	}
	olist_key_set(&key, id, len);
	if (!olist_key_in_share(&key, share))
		return false;
	detail->order_number = olist_key_map_find(detail->orders->map, &key);
	if (detail->order_number == OLIST_NO_KEY)
	{
		reject(detail, OLIST_REJECT_ORPHAN, COL_ORDER_ID);
		return false;
	}
	detail->order = &detail->orders->order[detail->order_number];
	return true;
}

/* read the row's amounts; false if one does not fit */
static bool
read_amounts(OlistDetailScan *detail)
{
	for (int i = 0; i < detail->detail->namounts; i++)
	{
		int column = detail->detail->amounts[i];

		detail->cents[i] = 0;
		if (!detail->scan->isnull[column] &&
			!olist_money_to_cents(detail->scan->values[column], &detail->cents[i]))
		{
			reject(detail, OLIST_REJECT_RANGE, column);
			return false;
		}
	}
	return true;
}

bool
olist_detail_next(OlistDetailScan *detail)
{
	while (olist_scan_next(detail->scan))
	{
		if (!find_order(detail))
			continue;
		if (detail->scan->isnull[COL_PART])
			reject(detail, OLIST_REJECT_NO_KEY, COL_PART);
		else if (olist_is_loser(detail->losers, detail->scan->row))
			reject(detail, OLIST_REJECT_DUPLICATE, COL_PART);
		else if (read_amounts(detail))
			return true;
	}
	return false;
}

void
olist_detail_end(OlistDetailScan *detail)
{
	olist_scan_end(detail->scan);
	pfree(detail);
}

void
olist_detail_copy_amount(OlistBuild *build, int column, const OlistDetailScan *detail, int n)
{
	int from = detail->detail->amounts[n];

	if (detail->scan->isnull[from] || olist_money_is_plain(detail->scan->values[from]))
		olist_build_copy(build, column, detail->scan, from);
	else
		olist_build_set_cents(build, column, detail->cents[n]);
}
