/*
 * star/fact_order.c
 *		fact_order: an order, with the sums of its details.
 *
 *	 staging.order_items ────┐
 *	 staging.order_payments ─┼─► totals of each order ─┐
 *	 staging.order_reviews ──┘                         │
 *	 staging.orders ─► its keys (order_link) ──────────┴─► durations, lateness ─► row
 */
#include "postgres.h"

#include "base/message.h"
#include "catalog/pg_type.h"
#include "star/build.h"
#include "star/details.h"
#include "star/money.h"
#include "star/reviews.h"
#include "star/share.h"
#include "star/tables.h"
#include "star/values.h"
#include "utils/timestamp.h"

enum
{
	ORDER_KEY,
	ORDER_ID,
	ORDER_CUSTOMER_ID,
	ORDER_CUSTOMER_KEY,
	ORDER_CUSTOMER_GEOGRAPHY_KEY,
	ORDER_STATUS_KEY,
	ORDER_PURCHASED_AT, /* five timestamps, then their five date keys */
	ORDER_APPROVED_AT,
	ORDER_CARRIER_AT,
	ORDER_DELIVERED_AT,
	ORDER_ESTIMATED_AT,
	ORDER_PURCHASE_DATE_KEY,
	ORDER_APPROVED_DATE_KEY,
	ORDER_CARRIER_DATE_KEY,
	ORDER_DELIVERED_DATE_KEY,
	ORDER_ESTIMATED_DATE_KEY,
	ORDER_ITEM_COUNT,
	ORDER_SELLER_COUNT,
	ORDER_PRICE_TOTAL,
	ORDER_FREIGHT_TOTAL,
	ORDER_PAYMENT_COUNT,
	ORDER_PAYMENT_TOTAL,
	ORDER_INSTALLMENTS_MAX,
	ORDER_REVIEW_SCORE,
	ORDER_APPROVAL_HOURS,
	ORDER_HANDLING_DAYS,
	ORDER_TRANSIT_DAYS,
	ORDER_DELIVERY_DAYS,
	ORDER_ESTIMATE_DAYS,
	ORDER_IS_LATE,
	ORDER_IS_LATE_DAY,
	ORDER_OBJECT_ID,
	ORDER_LINE
};

const OlistTable olist_fact_order = {
	.name = "fact_order",
	.comment = "An order, with the sums of its items, payments and reviews",
	.columns =
		(const OlistColumn[]){
			{"order_key", "bigint NOT NULL", "Surrogate key"},
			{"order_id", OLIST_ID_TYPE, "The source's id of the order"},
			{"customer_id", "text COLLATE \"C\"",
			 "The source's id of the customer, one for each order"},
			{"customer_key", "bigint NOT NULL", "The customer's version in force at purchase"},
			{"customer_geography_key", "bigint NOT NULL", "Where the customer is"},
			{"order_status_key", "bigint NOT NULL", "The order's status"},
			{"purchased_at", "timestamp", NULL},
			{"approved_at", "timestamp", "When the payment was approved"},
			{"carrier_at", "timestamp", "When the carrier got it"},
			{"delivered_at", "timestamp", "When the customer got it"},
			{"estimated_at", "timestamp", "The delivery promised: midnight of a day"},
			{"purchase_date_key", "integer NOT NULL", NULL},
			{"approved_date_key", "integer NOT NULL", NULL},
			{"carrier_date_key", "integer NOT NULL", NULL},
			{"delivered_date_key", "integer NOT NULL", NULL},
			{"estimated_date_key", "integer NOT NULL", NULL},
			{"item_count", "integer NOT NULL", NULL},
			{"seller_count", "integer NOT NULL", "Different sellers among the items"},
			{"price_total", "numeric(12,2) NOT NULL", "Sum of the items' prices"},
			{"freight_total", "numeric(12,2) NOT NULL", "Sum of the items' freights"},
			{"payment_count", "integer NOT NULL", NULL},
			{"payment_total", "numeric(12,2) NOT NULL", "Sum of the payments"},
			{"installments_max", "integer NOT NULL", "Most instalments of a payment; 0 if none"},
			{"review_score", "integer", "Of the latest review"},
			{"approval_hours", "double precision", "From purchase to approval"},
			{"handling_days", "double precision", "From approval to carrier"},
			{"transit_days", "double precision", "From carrier to delivery"},
			{"delivery_days", "double precision", "From purchase to delivery"},
			{"estimate_days", "double precision", "From purchase to the delivery promised"},
			{"is_late", "boolean",
			 "Delivered after the promised timestamp; NULL without a delivery. The promise is "
			 "midnight, so this counts arrivals on the promised day"},
			{"is_late_day", "boolean", "Delivered after the promised day; NULL without a delivery"},
			OLIST_PROVENANCE_COLUMNS,
			{0}},
	.key = "order_key",
	.primary_key = (const char *const[]){"order_key", NULL},
	.unique = "order_id",
	.indexes = (const char *const[]){"customer_key", "customer_geography_key", "order_status_key",
									 "purchase_date_key", "approved_date_key", "carrier_date_key",
									 "delivered_date_key", "estimated_date_key", NULL},
	.has_provenance_index = true,
	.scope = "prior_fact_order",
	.scope_column = "order_key",
	.scope_is_complete = true,
};

/* columns of staging.orders, as scanned; the timestamps in the fact's order */
enum
{
	COL_ORDER_ID,
	COL_CUSTOMER_ID,
	COL_STATUS,
	COL_PURCHASED_AT,
	COL_APPROVED_AT,
	COL_CARRIER_AT,
	COL_DELIVERED_AT,
	COL_ESTIMATED_AT,
	COL_OBJECT_ID,
	COL_LINE
};

static const OlistScanColumn columns[] = {{"order_id", TEXTOID},
										  {"customer_id", TEXTOID},
										  {"order_status", TEXTOID},
										  {"order_purchase_timestamp", TIMESTAMPOID},
										  {"order_approved_at", TIMESTAMPOID},
										  {"order_delivered_carrier_date", TIMESTAMPOID},
										  {"order_delivered_customer_date", TIMESTAMPOID},
										  {"order_estimated_delivery_date", TIMESTAMPOID},
										  {"_object_id", INT8OID},
										  {"_line", INT8OID},
										  {NULL, InvalidOid}};

#define NTIMES (COL_ESTIMATED_AT - COL_PURCHASED_AT + 1)

/* what an order's items and payments come to */
typedef struct Totals
{
	int64 price; /* cents */
	int64 freight;
	int64 paid;
	int32 item_count;
	int32 seller_count;
	int32 payment_count;
	int32 installments_max;
	uint32 first_seller; /* number of the seller */
} Totals;

typedef struct OrderTask
{
	OlistBuild *build;
	OlistValues *statuses;
	OlistLosers *item_losers;
	OlistLosers *payment_losers;
	OlistLosers *review_losers;
} OrderTask;

/*
 * Count the item's seller if the order has not had it. Nearly all orders have
 * one seller; only the pairs of the others need a map.
 */
static void
count_seller(Totals *totals, uint32 order, uint32 seller, OlistKeyMap *pairs)
{
	uint32 pair[2] = {order, seller};
	OlistKey key;
	uint32 known = olist_key_map_count(pairs);

	if (totals->seller_count == 0)
		totals->first_seller = seller;
	else if (seller == totals->first_seller)
		return;
	else
	{
		olist_key_set(&key, (const char *) pair, sizeof(pair));
		if (olist_key_map_add(pairs, &key) < known)
			return;
	}
	totals->seller_count++;
}

/* false if the share is too small for them */
static bool
sum_items(Totals *totals, const OlistOrders *orders, const OlistLosers *losers)
{
	OlistDetailScan *detail = olist_detail_begin(&olist_items, orders, losers, OLIST_DETAIL_SKIP);
	OlistKeyMap *sellers = olist_key_map_create(256);
	OlistKeyMap *pairs = olist_key_map_create(256);
	bool full = false;

	while (!full && olist_detail_next(detail))
	{
		Totals *order = &totals[detail->order_number];
		OlistKey key;
		int len;
		const char *seller = olist_scan_text(detail->scan, OLIST_ITEM_SELLER_ID, &len);

		order->item_count++;
		order->price += detail->cents[0];
		order->freight += detail->cents[1];
		if (seller != NULL)
		{
			olist_key_set(&key, seller, len);
			count_seller(order, detail->order_number, olist_key_map_add(sellers, &key), pairs);
		}
		full = (detail->scan->row & 1023) == 0 && olist_share_is_full(orders->share);
	}
	olist_detail_end(detail);
	return !full;
}

static void
sum_payments(Totals *totals, const OlistOrders *orders, const OlistLosers *losers)
{
	OlistDetailScan *detail =
		olist_detail_begin(&olist_payments, orders, losers, OLIST_DETAIL_SKIP);

	while (olist_detail_next(detail))
	{
		Totals *order = &totals[detail->order_number];

		order->payment_count++;
		order->paid += detail->cents[0];
		if (!detail->scan->isnull[OLIST_PAYMENT_INSTALLMENTS])
			order->installments_max =
				Max(order->installments_max,
					DatumGetInt32(detail->scan->values[OLIST_PAYMENT_INSTALLMENTS]));
	}
	olist_detail_end(detail);
}

static void
set_times(OlistBuild *build, OlistScan *scan)
{
	for (int i = 0; i < NTIMES; i++)
	{
		int32 date_key =
			scan->isnull[COL_PURCHASED_AT + i]
				? (int32) OLIST_UNKNOWN_KEY
				: olist_date_key(DatumGetTimestamp(scan->values[COL_PURCHASED_AT + i]));

		olist_build_copy(build, ORDER_PURCHASED_AT + i, scan, COL_PURCHASED_AT + i);
		olist_build_set(build, ORDER_PURCHASE_DATE_KEY + i, Int32GetDatum(date_key));
	}
	olist_build_set_duration(build, ORDER_APPROVAL_HOURS, scan, COL_PURCHASED_AT, COL_APPROVED_AT,
							 USECS_PER_HOUR);
	olist_build_set_duration(build, ORDER_HANDLING_DAYS, scan, COL_APPROVED_AT, COL_CARRIER_AT,
							 USECS_PER_DAY);
	olist_build_set_duration(build, ORDER_TRANSIT_DAYS, scan, COL_CARRIER_AT, COL_DELIVERED_AT,
							 USECS_PER_DAY);
	olist_build_set_duration(build, ORDER_DELIVERY_DAYS, scan, COL_PURCHASED_AT, COL_DELIVERED_AT,
							 USECS_PER_DAY);
	olist_build_set_duration(build, ORDER_ESTIMATE_DAYS, scan, COL_PURCHASED_AT, COL_ESTIMATED_AT,
							 USECS_PER_DAY);
	if (!scan->isnull[COL_DELIVERED_AT] && !scan->isnull[COL_ESTIMATED_AT])
	{
		Timestamp delivered = DatumGetTimestamp(scan->values[COL_DELIVERED_AT]);
		Timestamp estimated = DatumGetTimestamp(scan->values[COL_ESTIMATED_AT]);

		olist_build_set(build, ORDER_IS_LATE, BoolGetDatum(delivered > estimated));
		olist_build_set(build, ORDER_IS_LATE_DAY,
						BoolGetDatum(olist_date_key(delivered) > olist_date_key(estimated)));
	}
}

/* set a sum of the amounts of the order at hand: they fit their columns, but together may not */
static void
set_total(OlistBuild *build, OlistScan *scan, int column, int64 cents)
{
	if (cents <= -OLIST_MONEY_LIMIT || cents >= OLIST_MONEY_LIMIT)
	{
		int len;
		const char *id = olist_scan_text(scan, COL_ORDER_ID, &len);

		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("a sum in column \"%s\" of table \"fact_order\" does not fit numeric(12,2)",
						olist_fact_order.columns[column].name),
				 errdetail("It is of order \"%s\".", olist_clip(id, len)),
				 errhint("Repair the amounts of that order's items or payments, or take the object "
						 "that has them away.")));
	}
	olist_build_set_cents(build, column, cents);
}

static void
set_totals(OlistBuild *build, OlistScan *scan, const Totals *totals)
{
	olist_build_set(build, ORDER_ITEM_COUNT, Int32GetDatum(totals->item_count));
	olist_build_set(build, ORDER_SELLER_COUNT, Int32GetDatum(totals->seller_count));
	set_total(build, scan, ORDER_PRICE_TOTAL, totals->price);
	set_total(build, scan, ORDER_FREIGHT_TOTAL, totals->freight);
	olist_build_set(build, ORDER_PAYMENT_COUNT, Int32GetDatum(totals->payment_count));
	set_total(build, scan, ORDER_PAYMENT_TOTAL, totals->paid);
	olist_build_set(build, ORDER_INSTALLMENTS_MAX, Int32GetDatum(totals->installments_max));
}

static void
put_order(OrderTask *task, OlistScan *scan, const OlistOrder *order, const Totals *totals,
		  const OlistLatestReview *review)
{
	OlistBuild *build = task->build;

	olist_build_set(build, ORDER_KEY, Int64GetDatum(order->order_key));
	olist_build_copy(build, ORDER_ID, scan, COL_ORDER_ID);
	olist_build_copy(build, ORDER_CUSTOMER_ID, scan, COL_CUSTOMER_ID);
	olist_build_set(build, ORDER_CUSTOMER_KEY, Int64GetDatum(order->customer_key));
	olist_build_set(build, ORDER_CUSTOMER_GEOGRAPHY_KEY, Int64GetDatum(order->geography_key));
	olist_build_set(build, ORDER_STATUS_KEY,
					Int64GetDatum(olist_values_find(task->statuses, scan, COL_STATUS)));
	set_times(build, scan);
	set_totals(build, scan, totals);
	if (review->exists && review->has_score)
		olist_build_set(build, ORDER_REVIEW_SCORE, Int32GetDatum(review->score));
	olist_build_copy(build, ORDER_OBJECT_ID, scan, COL_OBJECT_ID);
	olist_build_copy(build, ORDER_LINE, scan, COL_LINE);
	olist_build_put(build);
	build->next_key = Max(build->next_key, order->order_key + 1);
}

static bool
build_share(OlistKeyShare share, void *arg)
{
	OrderTask *task = arg;
	OlistOrders *orders = olist_orders_load(share);
	Totals *totals;
	OlistLatestReview *reviews;
	OlistScan *scan;

	if (orders == NULL)
		return false;
	totals = palloc_extended(Max(olist_key_map_count(orders->map), 1) * sizeof(Totals),
							 MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	if (!sum_items(totals, orders, task->item_losers))
		return false;
	sum_payments(totals, orders, task->payment_losers);
	reviews = olist_latest_reviews(orders, task->review_losers);
	if (reviews == NULL)
		return false;

	scan = olist_scan_entity("orders", columns);
	while (olist_scan_next(scan))
	{
		OlistKey key;
		int len;
		const char *id = olist_scan_text(scan, COL_ORDER_ID, &len);
		uint32 n;

		if (id == NULL)
			continue;
		olist_key_set(&key, id, len);
		n = olist_key_map_find(orders->map, &key);
		/* another share's order, or a row that does not count */
		if (n == OLIST_NO_KEY || orders->order[n].staged_row != scan->row)
			continue;
		put_order(task, scan, &orders->order[n], &totals[n], &reviews[n]);
	}
	olist_scan_end(scan);
	return true;
}

PG_FUNCTION_INFO_V1(olist_etl_build_fact_order);

/* build_fact_order(jsonb) returns jsonb */
Datum
olist_etl_build_fact_order(PG_FUNCTION_ARGS)
{
	OrderTask task;

	olist_task_begin(&olist_fact_order);
	task.statuses = olist_values_load(&olist_dim_order_status);
	task.item_losers = olist_detail_losers(&olist_items);
	task.payment_losers = olist_detail_losers(&olist_payments);
	task.review_losers = olist_detail_losers(&olist_reviews);
	task.build = olist_build_begin(&olist_fact_order);
	olist_share_run(build_share, &task);
	return olist_task_end(&olist_fact_order, olist_build_end(task.build));
}
