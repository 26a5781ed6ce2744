/*
 * star/details.h
 *		The items, payments and reviews of orders: which of the staged rows count.
 */
#ifndef OLIST_DETAILS_H
#define OLIST_DETAILS_H

#include "star/build.h"
#include "star/losers.h"
#include "star/orders.h"

/* columns of staging.order_items as scanned */
enum
{
	OLIST_ITEM_ORDER_ID,
	OLIST_ITEM_ID,
	OLIST_ITEM_PRODUCT_ID,
	OLIST_ITEM_SELLER_ID,
	OLIST_ITEM_SHIPPING_LIMIT,
	OLIST_ITEM_PRICE,
	OLIST_ITEM_FREIGHT,
	OLIST_ITEM_OBJECT_ID,
	OLIST_ITEM_LINE
};

/* columns of staging.order_payments as scanned */
enum
{
	OLIST_PAYMENT_ORDER_ID,
	OLIST_PAYMENT_SEQUENTIAL,
	OLIST_PAYMENT_TYPE,
	OLIST_PAYMENT_INSTALLMENTS,
	OLIST_PAYMENT_VALUE,
	OLIST_PAYMENT_OBJECT_ID,
	OLIST_PAYMENT_LINE
};

/* columns of staging.order_reviews as scanned */
enum
{
	OLIST_REVIEW_ORDER_ID,
	OLIST_REVIEW_ID,
	OLIST_REVIEW_SCORE,
	OLIST_REVIEW_CREATED_AT,
	OLIST_REVIEW_ANSWERED_AT,
	OLIST_REVIEW_TITLE,
	OLIST_REVIEW_MESSAGE,
	OLIST_REVIEW_OBJECT_ID,
	OLIST_REVIEW_LINE
};

/* amounts that a row has at most */
#define OLIST_DETAIL_AMOUNTS 2

/* a kind of detail: the first two columns are its key, the order's id and a part */
typedef struct OlistDetail
{
	const char *staging;
	const OlistScanColumn *columns;
	int namounts;
	int amounts[OLIST_DETAIL_AMOUNTS]; /* columns that hold money */
} OlistDetail;

extern const OlistDetail olist_items;
extern const OlistDetail olist_payments;
extern const OlistDetail olist_reviews;

/* what becomes of the rows that do not count */
typedef enum OlistDetailMode
{
	OLIST_DETAIL_REJECT, /* the fact of that grain rejects them, */
	OLIST_DETAIL_SKIP	 /* everybody else skips them */
} OlistDetailMode;

typedef struct OlistDetailScan
{
	OlistScan *scan;
	uint32 order_number; /* in the orders given */
	const OlistOrder *order;
	int64 cents[OLIST_DETAIL_AMOUNTS]; /* 0 for NULL */

	/* private */
	const OlistDetail *detail;
	const OlistOrders *orders;
	const OlistLosers *losers;
	OlistDetailMode mode;
} OlistDetailScan;

/* rows whose key another row has too, and that do not count */
extern OlistLosers *olist_detail_losers(const OlistDetail *detail);

/*
 * Read the rows of the orders' share that count: their order has arrived,
 * their key is complete and no later row has it, and their amounts fit.
 */
extern OlistDetailScan *olist_detail_begin(const OlistDetail *detail, const OlistOrders *orders,
										   const OlistLosers *losers, OlistDetailMode mode);
extern bool olist_detail_next(OlistDetailScan *detail);
extern void olist_detail_end(OlistDetailScan *detail);

/* copy amount number n of the row to a column of the next row */
extern void
olist_detail_copy_amount(OlistBuild *build, int column, const OlistDetailScan *detail, int n);

#endif /* OLIST_DETAILS_H */
