/*
 * star/fact_review.c
 *		fact_review: a review of an order.
 *
 *	 staging.order_reviews ─► which is the latest of each order
 *	 staging.order_reviews ─► its order (order_link) ─► row
 */
#include "postgres.h"

#include "star/build.h"
#include "star/details.h"
#include "star/reviews.h"
#include "star/share.h"
#include "star/tables.h"
#include "utils/timestamp.h"

enum
{
	REVIEW_ID,
	REVIEW_ORDER_KEY,
	REVIEW_CUSTOMER_KEY,
	REVIEW_SCORE,
	REVIEW_TITLE,
	REVIEW_MESSAGE,
	REVIEW_CREATION_DATE_KEY,
	REVIEW_CREATED_AT,
	REVIEW_ANSWERED_AT,
	REVIEW_RESPONSE_HOURS,
	REVIEW_IS_LATEST,
	REVIEW_OBJECT_ID,
	REVIEW_LINE
};

const OlistTable olist_fact_review = {
	.name = "fact_review",
	.comment = "A review of an order; one review may be given to several orders",
	.columns =
		(const OlistColumn[]){
			{"review_id", OLIST_ID_TYPE, "The source's id of the review; not unique"},
			{"order_key", "bigint NOT NULL", "The order in fact_order"},
			{"customer_key", "bigint NOT NULL", "The customer's version in force at purchase"},
			{"score", "integer", "1 to 5"},
			{"title", "text", NULL},
			{"message", "text", NULL},
			{"creation_date_key", "integer NOT NULL",
			 "The day on which the survey was sent, in dim_date"},
			{"created_at", "timestamp", "When the survey was sent"},
			{"answered_at", "timestamp", "When the customer answered"},
			{"response_hours", "double precision", "From sent to answered"},
			{"is_latest", "boolean NOT NULL",
			 "Is it the latest review of its order? By answer time, then creation time, then the "
			 "smallest review_id"},
			OLIST_PROVENANCE_COLUMNS,
			{0}},
	/* new orders have the largest keys: a batch's reviews come next to each other */
	.primary_key = (const char *const[]){"order_key", "review_id", NULL},
	.indexes = (const char *const[]){"customer_key", "creation_date_key", NULL},
	.has_provenance_index = true,
	.scope = "prior_fact_order",
	.scope_column = "order_key",
	.scope_is_complete = true,
};

typedef struct ReviewTask
{
	OlistBuild *build;
	OlistLosers *losers;
} ReviewTask;

static void
put_review(const ReviewTask *task, const OlistDetailScan *detail, const OlistLatestReview *latest)
{
	OlistBuild *build = task->build;
	OlistScan *scan = detail->scan;
	const OlistOrder *order = detail->order;
	bool is_created = !scan->isnull[OLIST_REVIEW_CREATED_AT];
	Timestamp created_at = DatumGetTimestamp(scan->values[OLIST_REVIEW_CREATED_AT]);

	olist_build_copy(build, REVIEW_ID, scan, OLIST_REVIEW_ID);
	olist_build_set(build, REVIEW_ORDER_KEY, Int64GetDatum(order->order_key));
	olist_build_set(build, REVIEW_CUSTOMER_KEY, Int64GetDatum(order->customer_key));
	olist_build_copy(build, REVIEW_SCORE, scan, OLIST_REVIEW_SCORE);
	olist_build_copy(build, REVIEW_TITLE, scan, OLIST_REVIEW_TITLE);
	olist_build_copy(build, REVIEW_MESSAGE, scan, OLIST_REVIEW_MESSAGE);
	olist_build_set(
		build, REVIEW_CREATION_DATE_KEY,
		Int32GetDatum(is_created ? olist_date_key(created_at) : (int32) OLIST_UNKNOWN_KEY));
	olist_build_copy(build, REVIEW_CREATED_AT, scan, OLIST_REVIEW_CREATED_AT);
	olist_build_copy(build, REVIEW_ANSWERED_AT, scan, OLIST_REVIEW_ANSWERED_AT);
	olist_build_set_duration(build, REVIEW_RESPONSE_HOURS, scan, OLIST_REVIEW_CREATED_AT,
							 OLIST_REVIEW_ANSWERED_AT, USECS_PER_HOUR);
	olist_build_set(build, REVIEW_IS_LATEST,
					BoolGetDatum(latest[detail->order_number].staged_row == scan->row));
	olist_build_copy(build, REVIEW_OBJECT_ID, scan, OLIST_REVIEW_OBJECT_ID);
	olist_build_copy(build, REVIEW_LINE, scan, OLIST_REVIEW_LINE);
	olist_build_put(build);
}

static bool
build_share(OlistKeyShare share, void *arg)
{
	ReviewTask *task = arg;
	OlistOrders *orders = olist_orders_load(share);
	OlistLatestReview *latest;
	OlistDetailScan *detail;

	if (orders == NULL)
		return false;
	latest = olist_latest_reviews(orders, task->losers);
	if (latest == NULL)
		return false;
	detail = olist_detail_begin(&olist_reviews, orders, task->losers, OLIST_DETAIL_REJECT);
	while (olist_detail_next(detail))
		put_review(task, detail, latest);
	olist_detail_end(detail);
	return true;
}

PG_FUNCTION_INFO_V1(olist_etl_build_fact_review);

/* build_fact_review(jsonb) returns jsonb */
Datum
olist_etl_build_fact_review(PG_FUNCTION_ARGS)
{
	ReviewTask task;

	olist_task_begin(&olist_fact_review);
	task.losers = olist_detail_losers(&olist_reviews);
	task.build = olist_build_begin(&olist_fact_review);
	olist_share_run(build_share, &task);
	return olist_task_end(&olist_fact_review, olist_build_end(task.build));
}
