/*
 * star/fact_payment.c
 *		fact_payment: a payment of an order.
 *
 *	 staging.order_payments ─► its order (order_link) ─► dim_payment_type ─► row
 */
#include "postgres.h"

#include "star/build.h"
#include "star/details.h"
#include "star/share.h"
#include "star/tables.h"
#include "star/values.h"

enum
{
	PAYMENT_ORDER_KEY,
	PAYMENT_SEQUENTIAL,
	PAYMENT_TYPE_KEY,
	PAYMENT_CUSTOMER_KEY,
	PAYMENT_PURCHASE_DATE_KEY,
	PAYMENT_INSTALLMENTS,
	PAYMENT_VALUE,
	PAYMENT_OBJECT_ID,
	PAYMENT_LINE
};

const OlistTable olist_fact_payment = {
	.name = "fact_payment",
	.comment = "A payment of an order",
	.columns =
		(const OlistColumn[]){
			{"order_key", "bigint NOT NULL", "The order in fact_order"},
			{"payment_sequential", "integer NOT NULL",
			 "Number of the payment in its order; does not always start at 1"},
			{"payment_type_key", "bigint NOT NULL", "How it was paid"},
			{"customer_key", "bigint NOT NULL", "The customer's version in force at purchase"},
			{"purchase_date_key", "integer NOT NULL", "The day of the purchase in dim_date"},
			{"installments", "integer", "Instalments chosen"},
			{"value", "numeric(12,2)", NULL},
			OLIST_PROVENANCE_COLUMNS,
			{0}},
	.primary_key = (const char *const[]){"order_key", "payment_sequential", NULL},
	.indexes = (const char *const[]){"payment_type_key", "customer_key", "purchase_date_key", NULL},
	.has_provenance_index = true,
	.scope = "prior_fact_order",
	.scope_column = "order_key",
	.scope_is_complete = true,
};

typedef struct PaymentTask
{
	OlistBuild *build;
	OlistValues *types;
	OlistLosers *losers;
} PaymentTask;

static void
put_payment(const PaymentTask *task, const OlistDetailScan *detail)
{
	OlistBuild *build = task->build;
	OlistScan *scan = detail->scan;
	const OlistOrder *order = detail->order;

	olist_build_set(build, PAYMENT_ORDER_KEY, Int64GetDatum(order->order_key));
	olist_build_copy(build, PAYMENT_SEQUENTIAL, scan, OLIST_PAYMENT_SEQUENTIAL);
	olist_build_set(build, PAYMENT_TYPE_KEY,
					Int64GetDatum(olist_values_find(task->types, scan, OLIST_PAYMENT_TYPE)));
	olist_build_set(build, PAYMENT_CUSTOMER_KEY, Int64GetDatum(order->customer_key));
	olist_build_set(build, PAYMENT_PURCHASE_DATE_KEY, Int32GetDatum(olist_order_date_key(order)));
	olist_build_copy(build, PAYMENT_INSTALLMENTS, scan, OLIST_PAYMENT_INSTALLMENTS);
	olist_detail_copy_amount(build, PAYMENT_VALUE, detail, 0);
	olist_build_copy(build, PAYMENT_OBJECT_ID, scan, OLIST_PAYMENT_OBJECT_ID);
	olist_build_copy(build, PAYMENT_LINE, scan, OLIST_PAYMENT_LINE);
	olist_build_put(build);
}

static bool
build_share(OlistKeyShare share, void *arg)
{
	PaymentTask *task = arg;
	OlistOrders *orders = olist_orders_load(share);
	OlistDetailScan *detail;

	if (orders == NULL)
		return false;
	detail = olist_detail_begin(&olist_payments, orders, task->losers, OLIST_DETAIL_REJECT);
	while (olist_detail_next(detail))
		put_payment(task, detail);
	olist_detail_end(detail);
	return true;
}

PG_FUNCTION_INFO_V1(olist_etl_build_fact_payment);

/* build_fact_payment(jsonb) returns jsonb */
Datum
olist_etl_build_fact_payment(PG_FUNCTION_ARGS)
{
	PaymentTask task;

	olist_task_begin(&olist_fact_payment);
	task.types = olist_values_load(&olist_dim_payment_type);
	task.losers = olist_detail_losers(&olist_payments);
	task.build = olist_build_begin(&olist_fact_payment);
	olist_share_run(build_share, &task);
	return olist_task_end(&olist_fact_payment, olist_build_end(task.build));
}
