/*
 * star/orders.c
 *		What every fact needs to know of its order.
 *
 * The four facts can be built side by side because none of them waits for
 * fact_order: the order's key and the customer's version are settled when
 * dim_customer is built, and kept in a work table that each fact reads.
 */
#include "postgres.h"

#include "star/orders.h"

#include "catalog/pg_type.h"
#include "star/share.h"
#include "utils/timestamp.h"

const OlistTable olist_order_link = {
	.name = "order_link",
	.columns = (const OlistColumn[]){{"order_id", "text NOT NULL", NULL},
									 {"order_key", "bigint NOT NULL", NULL},
									 {"customer_key", "bigint NOT NULL", NULL},
									 {"geography_key", "bigint NOT NULL", NULL},
									 {"purchased_at", "timestamp NOT NULL", NULL},
									 {"staged_row", "bigint NOT NULL", NULL},
									 {0}},
	.is_work = true,
};

OlistOrders *
olist_orders_load(OlistKeyShare share)
{
	static const OlistScanColumn columns[] = {
		{"order_id", TEXTOID},		{"order_key", INT8OID},			{"customer_key", INT8OID},
		{"geography_key", INT8OID}, {"purchased_at", TIMESTAMPOID}, {"staged_row", INT8OID},
		{NULL, InvalidOid}};
	OlistOrders *orders = palloc0(sizeof(OlistOrders));
	OlistScan *scan = olist_scan_begin(OLIST_BUILD_SCHEMA, olist_order_link.name, columns);
	bool full = false;

	orders->share = share;
	orders->map = olist_key_map_create(256);
	while (!full && olist_scan_next(scan))
	{
		OlistKey key;
		int len;
		const char *id = olist_scan_text(scan, ORDER_LINK_ORDER_ID, &len);
		uint32 n;

		olist_key_set(&key, id, len);
		if (!olist_key_in_share(&key, share))
			continue;
		n = olist_key_map_add(orders->map, &key);
		orders->order =
			olist_array_reserve(orders->order, &orders->capacity, n, sizeof(OlistOrder));
		orders->order[n] = (OlistOrder){
			.order_key = DatumGetInt64(scan->values[ORDER_LINK_ORDER_KEY]),
			.customer_key = DatumGetInt64(scan->values[ORDER_LINK_CUSTOMER_KEY]),
			.geography_key = DatumGetInt64(scan->values[ORDER_LINK_GEOGRAPHY_KEY]),
			.purchased_at = DatumGetTimestamp(scan->values[ORDER_LINK_PURCHASED_AT]),
			.staged_row = DatumGetInt64(scan->values[ORDER_LINK_STAGED_ROW]),
		};
		full = (scan->row & 1023) == 0 && olist_share_is_full(share);
	}
	olist_scan_end(scan);
	return full ? NULL : orders;
}
