/*
 * star/reviews.h
 *		Which review of an order is its latest.
 */
#ifndef OLIST_REVIEWS_H
#define OLIST_REVIEWS_H

#include "star/details.h"

typedef struct OlistLatestReview
{
	bool exists;
	bool has_score;
	int32 score;
	uint32 id;			   /* number of the review_id in a map of this file's own */
	Timestamp answered_at; /* -infinity if missing */
	Timestamp created_at;  /* likewise */
	uint64 staged_row;	   /* its row in staging.order_reviews, as OlistScan counts */
} OlistLatestReview;

/*
 * The latest review of each order, by the order's number: by answer time, then
 * creation time, then the smallest review_id; a missing time is the earliest.
 * NULL if they are too many for the orders' share.
 */
extern OlistLatestReview *
olist_latest_reviews(const OlistOrders *orders, const OlistLosers *losers);

#endif /* OLIST_REVIEWS_H */
