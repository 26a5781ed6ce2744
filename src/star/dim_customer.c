/*
 * star/dim_customer.c
 *		dim_customer: a version of a person; and which version each order has.
 *
 *	 staging.customers ─► accounts (customer_id) ─► persons (customer_unique_id)
 *	 staging.orders ─► orders of an account ─► by person, in the order of their purchase
 *		─► versions: a new one where the address differs ─► dim_customer
 *		─► the version of each order ─► olist_build.order_link, which the facts read
 *	 accounts ─► customer_account, for later runs
 *
 * The source gives every order a customer_id of its own; the person behind it
 * is known only through customers. An order whose customer_id has not arrived
 * belongs to an inferred person, who bears the customer_id in place of a
 * customer_unique_id until the row arrives. A person without orders has one
 * version, valid from -infinity.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "star/build.h"
#include "star/key_map.h"
#include "star/lookup.h"
#include "star/losers.h"
#include "star/orders.h"
#include "star/reject.h"
#include "star/seeds.h"
#include "star/share.h"
#include "star/tables.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

enum
{
	CUSTOMER_KEY,
	CUSTOMER_UNIQUE_ID,
	CUSTOMER_ZIP,
	CUSTOMER_CITY,
	CUSTOMER_STATE,
	CUSTOMER_REGION,
	CUSTOMER_GEOGRAPHY_KEY,
	CUSTOMER_VALID_FROM,
	CUSTOMER_VALID_TO,
	CUSTOMER_IS_CURRENT,
	CUSTOMER_VERSION,
	CUSTOMER_IS_INFERRED,
	CUSTOMER_OBJECT_ID,
	CUSTOMER_LINE
};

const OlistTable olist_dim_customer = {
	.name = "dim_customer",
	.comment = "A version of a person; a new one begins with the first order from another address",
	.columns =
		(const OlistColumn[]){
			{"customer_key", "bigint NOT NULL", "Surrogate key of the version; -1 is unknown"},
			{"customer_unique_id", OLIST_ID_TYPE,
			 "The source's id of the person; of an inferred one the order's customer_id"},
			{"zip_code_prefix", "text",
			 "First five digits of the zip code, as the source has them"},
			{"city", "text", "As the source has it"},
			{"state", "text", "As the source has it"},
			{"region", "text", "The state's region: N, NE, CO, SE or S"},
			{"geography_key", "bigint NOT NULL", "The zip prefix in dim_geography"},
			{"valid_from", "timestamp NOT NULL",
			 "Purchase of the version's first order; -infinity for a person without orders"},
			{"valid_to", "timestamp NOT NULL", "Exclusive end; infinity for the current version"},
			{"is_current", "boolean NOT NULL", "Is this the latest version? False for -1"},
			{"version", "integer NOT NULL", "1 is the first version; 0 for -1"},
			{"is_inferred", "boolean NOT NULL",
			 "Named by an order, but not yet arrived in customers"},
			OLIST_PROVENANCE_COLUMNS,
			{0}},
	.key = "customer_key",
	.primary_key = (const char *const[]){"customer_key", NULL},
	.unique = "customer_unique_id, version",
	.has_versions = true,
	.indexes = (const char *const[]){"geography_key", NULL},
	.scope = "prior_dim_customer",
	.scope_column = "customer_key",
};

enum
{
	ACCOUNT_CUSTOMER_ID,
	ACCOUNT_UNIQUE_ID,
	ACCOUNT_ZIP,
	ACCOUNT_CITY,
	ACCOUNT_STATE,
	ACCOUNT_OBJECT_ID,
	ACCOUNT_LINE
};

const OlistTable olist_customer_account = {
	.name = "customer_account",
	.comment = "The persons behind the customer_ids that orders name, as they were loaded",
	.columns = (const OlistColumn[]){{"customer_id", OLIST_ID_TYPE, "One for each order"},
									 {"customer_unique_id", OLIST_ID_TYPE, "The person"},
									 {"zip_code_prefix", "text COLLATE \"C\"",
									  "First five digits of the zip code, as the source has them"},
									 {"city", "text", "As the source has it"},
									 {"state", "text", "As the source has it"},
									 OLIST_PROVENANCE_COLUMNS,
									 {0}},
	.primary_key = (const char *const[]){"customer_id", NULL},
	.indexes = (const char *const[]){"customer_unique_id", "zip_code_prefix", NULL},
	.has_provenance_index = true,
	.scope = "prior_customer_account",
	.scope_column = "customer_id",
	.scope_is_complete = true,
};

/* an address as the source has it; two that differ in any part are two */
typedef struct Address
{
	Datum part[3]; /* zip prefix, city, state: text */
	bool isnull[3];
	int64 geography_key;
} Address;

#define NO_ADDRESS PG_UINT32_MAX
#define NO_ACCOUNT PG_UINT32_MAX
#define NOBODY (PG_UINT32_MAX - 1) /* the account of an order without a customer_id */

/* a row of customers, or a customer_id that only an order named */
typedef struct Account
{
	OlistOrigin origin;
	uint32 person;
	uint32 address; /* NO_ADDRESS: not arrived */
} Account;

typedef struct Order
{
	Timestamp purchased_at;
	uint64 staged_row;
	uint32 account;
} Order;

/* what lasts for the whole task */
typedef struct CustomerTask
{
	OlistPlaces *places;
	OlistLosers *customer_losers;
	OlistLosers *order_losers;
	OlistBuild *build;	   /* dim_customer */
	OlistBuild *accounts;  /* customer_account */
	OlistBuild *link;	   /* order_link */
	int64 first_order_key; /* of the orders new to the warehouse: this plus the row */
	bool inferring;		   /* second round: orders whose customer has not arrived */
	uint8 *has_account;	   /* by row of staging.orders: a bit, set in the first round */
	uint32 has_account_capacity;
	MemoryContext context;
} CustomerTask;

/* what one share of the persons needs */
typedef struct Gathered
{
	CustomerTask *task;
	OlistKeyMap *account_ids;
	Account *accounts;
	uint32 account_capacity;
	OlistKeyMap *person_ids;
	uint32 *person_account; /* the person's account with the smallest customer_id */
	uint32 person_capacity;
	OlistKeyMap *address_ids;
	Address *addresses;
	uint32 address_capacity;
	OlistKeyMap *order_ids;
	Order *orders;
	uint32 order_capacity;
	uint32 *sorted; /* orders by person, then by purchase */
	uint32 *start;	/* by person: its first in sorted; one more ends the last */
	OlistSeeds *person_seeds;
	OlistSeeds *inferred_seeds; /* by account */
	OlistSeeds *order_seeds;
} Gathered;

/* the number of the address in the row's columns from column on */
static uint32
intern_address(Gathered *g, OlistScan *scan, int column, StringInfo buf)
{
	OlistKey key;
	uint32 known = olist_key_map_count(g->address_ids);
	uint32 n;
	Address *address;
	int len;
	const char *zip = olist_scan_text(scan, column, &len);

	resetStringInfo(buf);
	for (int i = 0; i < 3; i++)
	{
		const char *part = olist_scan_text(scan, column + i, &len);

		/* a text never holds a NUL byte, so the parts cannot run into each other */
		appendStringInfoChar(buf, part == NULL ? 0 : 1);
		if (part != NULL)
			appendBinaryStringInfo(buf, part, len);
		appendStringInfoChar(buf, 0);
	}
	olist_key_set(&key, buf->data, buf->len);
	n = olist_key_map_add(g->address_ids, &key);
	if (n < known)
		return n;
	g->addresses = olist_array_reserve(g->addresses, &g->address_capacity, n, sizeof(Address));
	address = &g->addresses[n];
	for (int i = 0; i < 3; i++)
	{
		address->isnull[i] = scan->isnull[column + i];
		if (!address->isnull[i])
			address->part[i] = PointerGetDatum(DatumGetTextPCopy(scan->values[column + i]));
	}
	zip = olist_scan_text(scan, column, &len);
	address->geography_key = olist_places_by_zip(g->task->places, zip, len)->key;
	return n;
}

/* add an account of a person, both by their ids */
static void
add_account(Gathered *g, const OlistKey *account_id, const OlistKey *person_id, uint32 address,
			OlistOrigin origin)
{
	uint32 known = olist_key_map_count(g->person_ids);
	uint32 person = olist_key_map_add(g->person_ids, person_id);
	uint32 n = olist_key_map_add(g->account_ids, account_id);

	g->accounts = olist_array_reserve(g->accounts, &g->account_capacity, n, sizeof(Account));
	g->accounts[n] = (Account){origin, person, address};
	g->person_account =
		olist_array_reserve(g->person_account, &g->person_capacity, person, sizeof(uint32));
	if (person == known || olist_key_map_compare(g->account_ids, n, g->person_account[person]) < 0)
		g->person_account[person] = n;
}

/* read the accounts of the share's persons; false if they are too many */
static bool
gather_accounts(Gathered *g, OlistKeyShare share)
{
	static const OlistScanColumn columns[] = {{"customer_id", TEXTOID},
											  {"customer_unique_id", TEXTOID},
											  {"customer_zip_code_prefix", TEXTOID},
											  {"customer_city", TEXTOID},
											  {"customer_state", TEXTOID},
											  {"_object_id", INT8OID},
											  {"_line", INT8OID},
											  {NULL, InvalidOid}};
	OlistScan *scan = olist_scan_entity("customers", columns);
	StringInfoData buf;
	bool full = false;

	initStringInfo(&buf);
	while (!full && olist_scan_next(scan))
	{
		OlistKey account_id;
		OlistKey person_id;
		OlistOrigin origin = {DatumGetInt64(scan->values[5]), DatumGetInt64(scan->values[6])};
		int len;
		const char *text = olist_scan_text(scan, 1, &len);

		if (text == NULL || scan->isnull[0] || olist_is_loser(g->task->customer_losers, scan->row))
			continue;
		olist_key_set(&person_id, text, len);
		if (!olist_key_in_share(&person_id, share))
			continue;
		text = olist_scan_text(scan, 0, &len);
		olist_key_set(&account_id, text, len);
		add_account(g, &account_id, &person_id, intern_address(g, scan, 2, &buf), origin);
		full = (scan->row & 1023) == 0 && olist_share_is_full(share);
	}
	olist_scan_end(scan);
	return !full;
}

/* set a column to the text of a key */
static void
set_key_text(OlistBuild *build, int column, const OlistKeyMap *map, uint32 n)
{
	char buf[OLIST_KEY_BUF];
	int len;
	const char *id = olist_key_map_text(map, n, buf, &len);

	olist_build_set_text(build, column, id, len);
}

/* write the accounts that arrived */
static void
put_accounts(Gathered *g)
{
	OlistBuild *build = g->task->accounts;

	for (uint32 n = 0; n < olist_key_map_count(g->account_ids); n++)
	{
		const Account *account = &g->accounts[n];
		const Address *address = &g->addresses[account->address];

		set_key_text(build, ACCOUNT_CUSTOMER_ID, g->account_ids, n);
		set_key_text(build, ACCOUNT_UNIQUE_ID, g->person_ids, account->person);
		memcpy(&build->values[ACCOUNT_ZIP], address->part, sizeof(address->part));
		memcpy(&build->isnull[ACCOUNT_ZIP], address->isnull, sizeof(address->isnull));
		olist_build_set_origin(build, ACCOUNT_OBJECT_ID, account->origin);
		olist_build_put(build);
	}
}

static bool
row_has_account(const CustomerTask *task, uint64 row)
{
	return row / 8 < task->has_account_capacity &&
		   (task->has_account[row / 8] >> (row % 8) & 1) != 0;
}

static void
set_row_has_account(CustomerTask *task, uint64 row)
{
	MemoryContext old = MemoryContextSwitchTo(task->context);

	task->has_account =
		olist_array_reserve(task->has_account, &task->has_account_capacity, row / 8, 1);
	task->has_account[row / 8] |= 1 << (row % 8);
	MemoryContextSwitchTo(old);
}

/*
 * The account of an order; in the second round, that of a customer_id which has
 * not arrived, or NOBODY. NO_ACCOUNT if the order is not for this share or
 * round.
 */
static uint32
account_of_order(Gathered *g, OlistScan *scan, const OlistKey *order_id, OlistKeyShare share)
{
	OlistKey key;
	int len;
	const char *id = olist_scan_text(scan, 1, &len);
	uint32 account;

	if (id == NULL)
		return g->task->inferring && olist_key_in_share(order_id, share) ? NOBODY : NO_ACCOUNT;
	olist_key_set(&key, id, len);
	account = olist_key_map_find(g->account_ids, &key);
	if (!g->task->inferring)
	{
		if (account != OLIST_NO_KEY)
			set_row_has_account(g->task, scan->row);
		return account;
	}
	if (row_has_account(g->task, scan->row) || !olist_key_in_share(&key, share))
		return NO_ACCOUNT;
	if (account == OLIST_NO_KEY)
	{
		add_account(g, &key, &key, NO_ADDRESS, (OlistOrigin){0, 0});
		account = olist_key_map_find(g->account_ids, &key);
	}
	return account;
}

/* read the orders of the share's accounts; false if they are too many */
static bool
gather_orders(Gathered *g, OlistKeyShare share)
{
	static const OlistScanColumn columns[] = {{"order_id", TEXTOID},
											  {"customer_id", TEXTOID},
											  {"order_purchase_timestamp", TIMESTAMPOID},
											  {NULL, InvalidOid}};
	OlistScan *scan = olist_scan_entity("orders", columns);
	bool full = false;

	while (!full && olist_scan_next(scan))
	{
		OlistKey key;
		int len;
		const char *id = olist_scan_text(scan, 0, &len);
		uint32 account;
		uint32 n;

		if (id == NULL || olist_is_loser(g->task->order_losers, scan->row))
			continue;
		olist_key_set(&key, id, len);
		account = account_of_order(g, scan, &key, share);
		if (account == NO_ACCOUNT)
			continue;
		n = olist_key_map_add(g->order_ids, &key);
		g->orders = olist_array_reserve(g->orders, &g->order_capacity, n, sizeof(Order));
		g->orders[n] = (Order){
			.purchased_at = scan->isnull[2] ? DT_NOBEGIN : DatumGetTimestamp(scan->values[2]),
			.staged_row = scan->row,
			.account = account,
		};
		full = (scan->row & 1023) == 0 && olist_share_is_full(share);
	}
	olist_scan_end(scan);
	return !full;
}

/* does order a come before order b of the same person? */
static bool
is_before(const Gathered *g, uint32 a, uint32 b)
{
	if (g->orders[a].purchased_at != g->orders[b].purchased_at)
		return g->orders[a].purchased_at < g->orders[b].purchased_at;
	return olist_key_map_compare(g->order_ids, a, b) < 0;
}

/*
 * Sort the orders by person, and each person's by purchase. Nearly all persons
 * have one order, so the orders are counted into place, and the few of a
 * person inserted one by one.
 */
static void
sort_orders(Gathered *g)
{
	uint32 norders = olist_key_map_count(g->order_ids);
	uint32 npersons = olist_key_map_count(g->person_ids);
	uint32 *end;

	g->start = palloc_extended((npersons + 1) * sizeof(uint32), MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	g->sorted = palloc_extended(Max(norders, 1) * sizeof(uint32), MCXT_ALLOC_HUGE);
	for (uint32 n = 0; n < norders; n++)
	{
		if (g->orders[n].account != NOBODY)
			g->start[g->accounts[g->orders[n].account].person + 1]++;
	}
	for (uint32 p = 0; p < npersons; p++)
		g->start[p + 1] += g->start[p];
	end = palloc_extended(Max(npersons, 1) * sizeof(uint32), MCXT_ALLOC_HUGE);
	memcpy(end, g->start, npersons * sizeof(uint32));
	for (uint32 n = 0; n < norders; n++)
	{
		uint32 person;
		uint32 i;

		if (g->orders[n].account == NOBODY)
			continue;
		person = g->accounts[g->orders[n].account].person;
		i = end[person]++;
		while (i > g->start[person] && is_before(g, n, g->sorted[i - 1]))
		{
			g->sorted[i] = g->sorted[i - 1];
			i--;
		}
		g->sorted[i] = n;
	}
	pfree(end);
}

/* is it a customer_id that no row of customers has explained yet? */
static bool
is_inferred(const Account *account)
{
	return account->address == NO_ADDRESS;
}

/* one version of a person, as the account of its first order shows it */
static void
put_version(Gathered *g, uint32 n, int64 key, int version, Timestamp valid_from, Timestamp valid_to)
{
	OlistBuild *build = g->task->build;
	const Account *account = &g->accounts[n];

	olist_build_set(build, CUSTOMER_KEY, Int64GetDatum(key));
	set_key_text(build, CUSTOMER_UNIQUE_ID, g->person_ids, account->person);
	olist_build_set(build, CUSTOMER_GEOGRAPHY_KEY, Int64GetDatum(OLIST_UNKNOWN_KEY));
	if (!is_inferred(account))
	{
		const Address *address = &g->addresses[account->address];

		memcpy(&build->values[CUSTOMER_ZIP], address->part, sizeof(address->part));
		memcpy(&build->isnull[CUSTOMER_ZIP], address->isnull, sizeof(address->isnull));
		olist_build_set_region(build, CUSTOMER_REGION, CUSTOMER_STATE);
		olist_build_set(build, CUSTOMER_GEOGRAPHY_KEY, Int64GetDatum(address->geography_key));
	}
	olist_build_set(build, CUSTOMER_VALID_FROM, TimestampGetDatum(valid_from));
	olist_build_set(build, CUSTOMER_VALID_TO, TimestampGetDatum(valid_to));
	olist_build_set(build, CUSTOMER_IS_CURRENT, BoolGetDatum(TIMESTAMP_IS_NOEND(valid_to)));
	olist_build_set(build, CUSTOMER_VERSION, Int32GetDatum(version));
	olist_build_set(build, CUSTOMER_IS_INFERRED, BoolGetDatum(is_inferred(account)));
	olist_build_set_origin(build, CUSTOMER_OBJECT_ID, account->origin);
	olist_build_put(build);
}

/* the surrogate key that the warehouse gave the order, or a new one */
static int64
order_key(Gathered *g, uint32 order)
{
	int64 key;

	olist_seeds_assign(g->order_seeds, order, 1, NULL, &key);
	return key != 0 ? key : g->task->first_order_key + (int64) g->orders[order].staged_row;
}

/* link an order to a version */
static void
link_order(Gathered *g, uint32 n, int64 customer_key, int64 geography_key)
{
	OlistBuild *link = g->task->link;
	const Order *order = &g->orders[n];

	set_key_text(link, ORDER_LINK_ORDER_ID, g->order_ids, n);
	olist_build_set(link, ORDER_LINK_ORDER_KEY, Int64GetDatum(order_key(g, n)));
	olist_build_set(link, ORDER_LINK_CUSTOMER_KEY, Int64GetDatum(customer_key));
	olist_build_set(link, ORDER_LINK_GEOGRAPHY_KEY, Int64GetDatum(geography_key));
	olist_build_set(link, ORDER_LINK_PURCHASED_AT, TimestampGetDatum(order->purchased_at));
	olist_build_set(link, ORDER_LINK_STAGED_ROW, Int64GetDatum((int64) order->staged_row));
	olist_build_put(link);
}

/* link the orders sorted[from] up to, not including, sorted[to] to a version */
static void
link_orders(Gathered *g, uint32 from, uint32 to, int64 customer_key)
{
	for (uint32 i = from; i < to; i++)
	{
		uint32 address = g->accounts[g->orders[g->sorted[i]].account].address;

		link_order(g, g->sorted[i], customer_key,
				   address == NO_ADDRESS ? OLIST_UNKNOWN_KEY : g->addresses[address].geography_key);
	}
}

/* orders without a customer_id belong to the unknown customer */
static void
link_orders_of_nobody(Gathered *g)
{
	for (uint32 n = 0; n < olist_key_map_count(g->order_ids); n++)
	{
		if (g->orders[n].account == NOBODY)
			link_order(g, n, OLIST_UNKNOWN_KEY, OLIST_UNKNOWN_KEY);
	}
}

/*
 * A version that is new to its person may be the completion of an inferred
 * one: then it keeps the key that it was given as such.
 */
static int64
key_of_inferred(Gathered *g, uint32 from, uint32 to)
{
	int64 key = 0;

	for (uint32 i = from; i < to && key == 0; i++)
		olist_seeds_assign(g->inferred_seeds, g->orders[g->sorted[i]].account, 1, NULL, &key);
	return key;
}

static int64
final_key(Gathered *g, int64 seed, uint32 from, uint32 to)
{
	if (seed == 0)
		seed = key_of_inferred(g, from, to);
	return seed != 0 ? seed : g->task->build->next_key++;
}

/* write a person's versions and link their orders */
static void
put_person(Gathered *g, uint32 person)
{
	uint32 start = g->start[person];
	uint32 norders = g->start[person + 1] - start;
	uint32 *from = palloc((norders + 1) * sizeof(uint32)); /* by version: its first order */
	Timestamp *valid_from = palloc((norders + 2) * sizeof(Timestamp));
	int64 *keys = palloc((norders + 1) * sizeof(int64));
	int n = 0;

	for (uint32 i = start; i < start + norders; i++)
	{
		const Order *order = &g->orders[g->sorted[i]];

		if (n > 0 && g->accounts[order->account].address ==
						 g->accounts[g->orders[g->sorted[from[n - 1]]].account].address)
			continue;
		from[n] = i;
		valid_from[n++] = order->purchased_at;
	}
	from[n] = start + norders;
	valid_from[n] = DT_NOEND;
	if (norders == 0)
	{
		valid_from[0] = DT_NOBEGIN;
		olist_seeds_assign(g->person_seeds, person, 1, valid_from, keys);
		put_version(g, g->person_account[person], final_key(g, keys[0], 0, 0), 1, DT_NOBEGIN,
					DT_NOEND);
	}
	else
		olist_seeds_assign(g->person_seeds, person, n, valid_from, keys);
	for (int v = 0; v < n; v++)
	{
		int64 key = final_key(g, keys[v], from[v], from[v + 1]);

		put_version(g, g->orders[g->sorted[from[v]]].account, key, v + 1, valid_from[v],
					valid_from[v + 1]);
		link_orders(g, from[v], from[v + 1], key);
	}
	pfree(from);
	pfree(valid_from);
	pfree(keys);
}

static bool
build_share(OlistKeyShare share, void *arg)
{
	Gathered g = {.task = arg};

	g.account_ids = olist_key_map_create(256);
	g.person_ids = olist_key_map_create(256);
	g.address_ids = olist_key_map_create(256);
	g.order_ids = olist_key_map_create(256);
	if (!g.task->inferring && !gather_accounts(&g, share))
		return false;
	if (!gather_orders(&g, share))
		return false;
	sort_orders(&g);
	if (!g.task->inferring)
		put_accounts(&g);
	g.person_seeds =
		olist_seeds_load(&olist_dim_customer, "customer_unique_id", g.person_ids, true);
	if (!g.task->inferring)
		g.inferred_seeds =
			olist_seeds_load(&olist_dim_customer, "customer_unique_id", g.account_ids, false);
	g.order_seeds = olist_seeds_load(&olist_fact_order, "order_id", g.order_ids, false);
	for (uint32 person = 0; person < olist_key_map_count(g.person_ids); person++)
		put_person(&g, person);
	if (g.task->inferring)
		link_orders_of_nobody(&g);
	return true;
}

static void
put_unknown(OlistBuild *build)
{
	olist_build_set(build, CUSTOMER_KEY, Int64GetDatum(OLIST_UNKNOWN_KEY));
	olist_build_set_text(build, CUSTOMER_UNIQUE_ID, "unknown", strlen("unknown"));
	olist_build_set(build, CUSTOMER_GEOGRAPHY_KEY, Int64GetDatum(OLIST_UNKNOWN_KEY));
	olist_build_set(build, CUSTOMER_VALID_FROM, TimestampGetDatum(DT_NOBEGIN));
	olist_build_set(build, CUSTOMER_VALID_TO, TimestampGetDatum(DT_NOEND));
	olist_build_set(build, CUSTOMER_IS_CURRENT, BoolGetDatum(false));
	olist_build_set(build, CUSTOMER_VERSION, Int32GetDatum(0));
	olist_build_set(build, CUSTOMER_IS_INFERRED, BoolGetDatum(false));
	olist_build_put(build);
}

/* customers that lose against a later row, or have no key */
static void
reject_customers(CustomerTask *task)
{
	static const OlistScanColumn columns[] = {
		{"customer_id", TEXTOID}, {"customer_unique_id", TEXTOID}, {NULL, InvalidOid}};
	OlistScan *scan = olist_scan_entity("customers", columns);

	while (olist_scan_next(scan))
	{
		if (scan->isnull[0] || scan->isnull[1])
			olist_reject(scan, OLIST_REJECT_NO_KEY, columns[scan->isnull[0] ? 0 : 1].name);
		else if (olist_is_loser(task->customer_losers, scan->row))
			olist_reject(scan, OLIST_REJECT_DUPLICATE, columns[0].name);
	}
	olist_scan_end(scan);
}

/* orders that lose against a later row, or have no key */
static void
reject_orders(CustomerTask *task)
{
	static const OlistScanColumn columns[] = {{"order_id", TEXTOID}, {NULL, InvalidOid}};
	OlistScan *scan = olist_scan_entity("orders", columns);

	while (olist_scan_next(scan))
	{
		if (scan->isnull[0])
			olist_reject(scan, OLIST_REJECT_NO_KEY, columns[0].name);
		else if (olist_is_loser(task->order_losers, scan->row))
			olist_reject(scan, OLIST_REJECT_DUPLICATE, columns[0].name);
	}
	olist_scan_end(scan);
}

PG_FUNCTION_INFO_V1(olist_etl_build_dim_customer);

/* build_dim_customer(jsonb) returns jsonb */
Datum
olist_etl_build_dim_customer(PG_FUNCTION_ARGS)
{
	CustomerTask task = {0};

	olist_task_begin(&olist_dim_customer);
	task.context = CurrentMemoryContext;
	task.places = olist_places_load();
	task.customer_losers = olist_losers_find("customers", "customer_id", NULL, InvalidOid);
	task.order_losers = olist_losers_find("orders", "order_id", NULL, InvalidOid);
	task.first_order_key = olist_first_free_key(&olist_fact_order);
	task.link = olist_build_begin(&olist_order_link);
	task.accounts = olist_build_begin(&olist_customer_account);
	task.build = olist_build_begin(&olist_dim_customer);
	put_unknown(task.build);
	olist_share_run(build_share, &task);
	task.inferring = true;
	olist_share_run(build_share, &task);
	reject_customers(&task);
	reject_orders(&task);
	(void) olist_build_end(task.link);
	(void) olist_build_end(task.accounts);
	return olist_task_end(&olist_dim_customer, olist_build_end(task.build));
}
