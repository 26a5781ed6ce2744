/*
 * star/reviews.c
 *		Which review of an order is its latest.
 */
#include "postgres.h"

#include "star/reviews.h"

#include "star/share.h"
#include "utils/timestamp.h"

static Timestamp
time_or_begin(const OlistScan *scan, int column)
{
	return scan->isnull[column] ? DT_NOBEGIN : DatumGetTimestamp(scan->values[column]);
}

static bool
is_later(const OlistLatestReview *a, const OlistLatestReview *b, const OlistKeyMap *ids)
{
	if (a->answered_at != b->answered_at)
		return a->answered_at > b->answered_at;
	if (a->created_at != b->created_at)
		return a->created_at > b->created_at;
	return olist_key_map_compare(ids, a->id, b->id) < 0;
}

OlistLatestReview *
olist_latest_reviews(const OlistOrders *orders, const OlistLosers *losers)
{
	uint32 norders = olist_key_map_count(orders->map);
	OlistLatestReview *latest = palloc_extended(Max(norders, 1) * sizeof(OlistLatestReview),
												MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	OlistKeyMap *ids = olist_key_map_create(256);
	OlistDetailScan *detail = olist_detail_begin(&olist_reviews, orders, losers, OLIST_DETAIL_SKIP);
	bool full = false;

	while (!full && olist_detail_next(detail))
	{
		OlistScan *scan = detail->scan;
		OlistLatestReview review = {
			.exists = true,
			.has_score = !scan->isnull[OLIST_REVIEW_SCORE],
			.score = DatumGetInt32(scan->values[OLIST_REVIEW_SCORE]),
			.answered_at = time_or_begin(scan, OLIST_REVIEW_ANSWERED_AT),
			.created_at = time_or_begin(scan, OLIST_REVIEW_CREATED_AT),
			.staged_row = scan->row,
		};
		OlistLatestReview *best = &latest[detail->order_number];
		OlistKey key;
		int len;
		const char *id = olist_scan_text(scan, OLIST_REVIEW_ID, &len);

		olist_key_set(&key, id, len);
		review.id = olist_key_map_add(ids, &key);
		if (!best->exists || is_later(&review, best, ids))
			*best = review;
		full = (scan->row & 1023) == 0 && olist_share_is_full(orders->share);
	}
	olist_detail_end(detail);
	return full ? NULL : latest;
}
