/*
 * star/orders.h
 *		What every fact needs to know of its order.
 */
#ifndef OLIST_ORDERS_H
#define OLIST_ORDERS_H

#include "star/build.h"
#include "star/key_map.h"
#include "star/lookup.h"

/*
 * olist_build.order_link, which build_dim_customer() leaves behind for the
 * facts: one row for each order that counts.
 */
enum
{
	ORDER_LINK_ORDER_ID,
	ORDER_LINK_ORDER_KEY,
	ORDER_LINK_CUSTOMER_KEY,
	ORDER_LINK_GEOGRAPHY_KEY,
	ORDER_LINK_PURCHASED_AT,
	ORDER_LINK_STAGED_ROW
};

extern const OlistTable olist_order_link;

typedef struct OlistOrder
{
	int64 order_key;
	int64 customer_key;		/* the version in force at purchase */
	int64 geography_key;	/* of that version */
	Timestamp purchased_at; /* -infinity if missing */
	uint64 staged_row;		/* its row in staging.orders, as OlistScan counts */
} OlistOrder;

/* the orders of a share; by number: orders->order[0], … */
typedef struct OlistOrders
{
	OlistKeyShare share;
	OlistKeyMap *map;
	OlistOrder *order;
	uint32 capacity;
} OlistOrders;

/* NULL if they are too many for this share */
extern OlistOrders *olist_orders_load(OlistKeyShare share);

/* purchase_date_key of an order */
static inline int32
olist_order_date_key(const OlistOrder *order)
{
	return olist_date_key(order->purchased_at);
}

#endif /* OLIST_ORDERS_H */
