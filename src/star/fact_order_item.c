/*
 * star/fact_order_item.c
 *		fact_order_item: an item of an order.
 *
 *	 staging.order_items ─► its order (order_link) ─► product and seller, in the
 *		version in force at purchase ─► distance between the two places ─► row
 */
#include "postgres.h"

#include "star/build.h"
#include "star/details.h"
#include "star/lookup.h"
#include "star/share.h"
#include "star/tables.h"

enum
{
	ITEM_ORDER_KEY,
	ITEM_ID,
	ITEM_PRODUCT_KEY,
	ITEM_SELLER_KEY,
	ITEM_CUSTOMER_KEY,
	ITEM_SELLER_GEOGRAPHY_KEY,
	ITEM_CUSTOMER_GEOGRAPHY_KEY,
	ITEM_PURCHASE_DATE_KEY,
	ITEM_SHIPPING_LIMIT,
	ITEM_PRICE,
	ITEM_FREIGHT,
	ITEM_DISTANCE_KM,
	ITEM_OBJECT_ID,
	ITEM_LINE
};

const OlistTable olist_fact_order_item = {
	.name = "fact_order_item",
	.comment = "An item of an order",
	.columns =
		(const OlistColumn[]){
			{"order_key", "bigint NOT NULL", "The order in fact_order"},
			{"order_item_id", "integer NOT NULL", "Number of the item in its order"},
			{"product_key", "bigint NOT NULL", "The product's version in force at purchase"},
			{"seller_key", "bigint NOT NULL", "The seller's version in force at purchase"},
			{"customer_key", "bigint NOT NULL", "The customer's version in force at purchase"},
			{"seller_geography_key", "bigint NOT NULL", "Where the seller is"},
			{"customer_geography_key", "bigint NOT NULL", "Where the customer is"},
			{"purchase_date_key", "integer NOT NULL", "The day of the purchase in dim_date"},
			{"shipping_limit", "timestamp", "When the seller must have handed the item over"},
			{"price", "numeric(12,2)", NULL},
			{"freight", "numeric(12,2)", NULL},
			{"distance_km", "double precision",
			 "Great circle between the two zip prefixes' medians; NULL if either is unknown"},
			OLIST_PROVENANCE_COLUMNS,
			{0}},
	.primary_key = (const char *const[]){"order_key", "order_item_id", NULL},
	.indexes =
		(const char *const[]){"product_key", "seller_key", "customer_key", "seller_geography_key",
							  "customer_geography_key", "purchase_date_key", NULL},
	.has_provenance_index = true,
	.scope = "prior_fact_order",
	.scope_column = "order_key",
	.scope_is_complete = true,
};

typedef struct ItemTask
{
	OlistBuild *build;
	OlistPlaces *places;
	OlistMembers *products;
	OlistMembers *sellers;
	OlistLosers *losers;
} ItemTask;

static void
put_item(const ItemTask *task, const OlistDetailScan *detail)
{
	OlistBuild *build = task->build;
	OlistScan *scan = detail->scan;
	const OlistOrder *order = detail->order;
	const OlistMember *product =
		olist_members_find(task->products, scan, OLIST_ITEM_PRODUCT_ID, order->purchased_at);
	const OlistMember *seller =
		olist_members_find(task->sellers, scan, OLIST_ITEM_SELLER_ID, order->purchased_at);
	double km;

	olist_build_set(build, ITEM_ORDER_KEY, Int64GetDatum(order->order_key));
	olist_build_copy(build, ITEM_ID, scan, OLIST_ITEM_ID);
	olist_build_set(build, ITEM_PRODUCT_KEY, Int64GetDatum(product->key));
	olist_build_set(build, ITEM_SELLER_KEY, Int64GetDatum(seller->key));
	olist_build_set(build, ITEM_CUSTOMER_KEY, Int64GetDatum(order->customer_key));
	olist_build_set(build, ITEM_SELLER_GEOGRAPHY_KEY, Int64GetDatum(seller->geography_key));
	olist_build_set(build, ITEM_CUSTOMER_GEOGRAPHY_KEY, Int64GetDatum(order->geography_key));
	olist_build_set(build, ITEM_PURCHASE_DATE_KEY, Int32GetDatum(olist_order_date_key(order)));
	olist_build_copy(build, ITEM_SHIPPING_LIMIT, scan, OLIST_ITEM_SHIPPING_LIMIT);
	olist_detail_copy_amount(build, ITEM_PRICE, detail, 0);
	olist_detail_copy_amount(build, ITEM_FREIGHT, detail, 1);
	if (olist_places_distance(olist_places_by_key(task->places, seller->geography_key),
							  olist_places_by_key(task->places, order->geography_key), &km))
		olist_build_set(build, ITEM_DISTANCE_KM, Float8GetDatum(km));
	olist_build_copy(build, ITEM_OBJECT_ID, scan, OLIST_ITEM_OBJECT_ID);
	olist_build_copy(build, ITEM_LINE, scan, OLIST_ITEM_LINE);
	olist_build_put(build);
}

static bool
build_share(OlistKeyShare share, void *arg)
{
	ItemTask *task = arg;
	OlistOrders *orders = olist_orders_load(share);
	OlistDetailScan *detail;

	if (orders == NULL)
		return false;
	detail = olist_detail_begin(&olist_items, orders, task->losers, OLIST_DETAIL_REJECT);
	while (olist_detail_next(detail))
		put_item(task, detail);
	olist_detail_end(detail);
	return true;
}

PG_FUNCTION_INFO_V1(olist_etl_build_fact_order_item);

/* build_fact_order_item(jsonb) returns jsonb */
Datum
olist_etl_build_fact_order_item(PG_FUNCTION_ARGS)
{
	ItemTask task;

	olist_task_begin(&olist_fact_order_item);
	task.places = olist_places_load();
	task.products = olist_members_load("dim_product", "product_id", "product_key", false);
	task.sellers = olist_members_load("dim_seller", "seller_id", "seller_key", true);
	task.losers = olist_detail_losers(&olist_items);
	task.build = olist_build_begin(&olist_fact_order_item);
	olist_share_run(build_share, &task);
	return olist_task_end(&olist_fact_order_item, olist_build_end(task.build));
}
