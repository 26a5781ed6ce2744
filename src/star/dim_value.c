/*
 * star/dim_value.c
 *		dim_order_status and dim_payment_type: the distinct values of a column.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "star/build.h"
#include "star/key_map.h"
#include "star/seeds.h"
#include "star/values.h"
#include "utils/builtins.h"

const OlistTable olist_dim_order_status = {
	.name = "dim_order_status",
	.comment = "The statuses that orders have",
	.columns = (const OlistColumn[]){{"order_status_key", "bigint NOT NULL",
									  "Surrogate key; -1 is unknown"},
									 {"order_status", OLIST_ID_TYPE, "As the source has it"},
									 {0}},
	.key = "order_status_key",
	.primary_key = (const char *const[]){"order_status_key", NULL},
	.unique = "order_status",
	.scope = "gone_dim_order_status",
	.scope_column = "order_status_key",
};

const OlistTable olist_dim_payment_type = {
	.name = "dim_payment_type",
	.comment = "The ways in which orders are paid",
	.columns = (const OlistColumn[]){{"payment_type_key", "bigint NOT NULL",
									  "Surrogate key; -1 is unknown"},
									 {"payment_type", OLIST_ID_TYPE, "As the source has it"},
									 {0}},
	.key = "payment_type_key",
	.primary_key = (const char *const[]){"payment_type_key", NULL},
	.unique = "payment_type",
	.scope = "gone_dim_payment_type",
	.scope_column = "payment_type_key",
};

static void
put_value(OlistBuild *build, int64 key, const char *value, int len)
{
	olist_build_set(build, 0, Int64GetDatum(key));
	olist_build_set_text(build, 1, value, len);
	olist_build_put(build);
}

/* the distinct values of a text column of a staging table, with their keys */
static Datum
build_values(const OlistTable *table, const char *staging, const char *column)
{
	OlistScanColumn columns[] = {{column, TEXTOID}, {NULL, InvalidOid}};
	OlistKeyMap *values;
	OlistSeeds *seeds;
	OlistBuild *build;
	OlistScan *scan;

	olist_task_begin(table);
	values = olist_key_map_create(16);
	scan = olist_scan_entity(staging, columns);
	while (olist_scan_next(scan))
	{
		OlistKey key;
		int len;
		const char *text = olist_scan_text(scan, 0, &len);

		if (text == NULL)
			continue;
		olist_key_set(&key, text, len);
		(void) olist_key_map_add(values, &key);
	}
	olist_scan_end(scan);

	build = olist_build_begin(table);
	put_value(build, OLIST_UNKNOWN_KEY, "unknown", strlen("unknown"));
	seeds = olist_seeds_load(table, table->columns[1].name, values, false);
	for (uint32 n = 0; n < olist_key_map_count(values); n++)
	{
		char buf[OLIST_KEY_BUF];
		int len;
		const char *text = olist_key_map_text(values, n, buf, &len);
		int64 key;

		olist_seeds_assign(seeds, n, 1, NULL, &key);
		put_value(build, key != 0 ? key : build->next_key++, text, len);
	}
	return olist_task_end(table, olist_build_end(build));
}

OlistValues *
olist_values_load(const OlistTable *table)
{
	OlistScanColumn columns[] = {
		{table->columns[1].name, TEXTOID}, {table->key, INT8OID}, {NULL, InvalidOid}};
	OlistValues *values = palloc0(sizeof(OlistValues));
	uint32 capacity = 0;
	OlistScan *scan = olist_scan_begin(OLIST_BUILD_SCHEMA, table->name, columns);

	values->map = olist_key_map_create(16);
	while (olist_scan_next(scan))
	{
		OlistKey key;
		int len;
		const char *text = olist_scan_text(scan, 0, &len);
		uint32 n;

		olist_key_set(&key, text, len);
		n = olist_key_map_add(values->map, &key);
		values->keys = olist_array_reserve(values->keys, &capacity, n, sizeof(int64));
		values->keys[n] = DatumGetInt64(scan->values[1]);
	}
	olist_scan_end(scan);
	return values;
}

int64
olist_values_find(const OlistValues *values, OlistScan *scan, int column)
{
	OlistKey key;
	int len;
	const char *text = olist_scan_text(scan, column, &len);
	uint32 n;

	if (text == NULL)
		return OLIST_UNKNOWN_KEY;
	olist_key_set(&key, text, len);
	n = olist_key_map_find(values->map, &key);
	return n == OLIST_NO_KEY ? OLIST_UNKNOWN_KEY : values->keys[n];
}

PG_FUNCTION_INFO_V1(olist_etl_build_dim_order_status);

/* build_dim_order_status(jsonb) returns jsonb */
Datum
olist_etl_build_dim_order_status(PG_FUNCTION_ARGS)
{
	return build_values(&olist_dim_order_status, "orders", "order_status");
}

PG_FUNCTION_INFO_V1(olist_etl_build_dim_payment_type);

/* build_dim_payment_type(jsonb) returns jsonb */
Datum
olist_etl_build_dim_payment_type(PG_FUNCTION_ARGS)
{
	return build_values(&olist_dim_payment_type, "order_payments", "payment_type");
}
