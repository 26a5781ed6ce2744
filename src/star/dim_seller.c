/*
 * star/dim_seller.c
 *		dim_seller: a version of a seller.
 *
 *	 staging.sellers ─────┐
 *	 staging.order_items ─┴─► history (over the source's time) ─► + dim_geography ─► rows
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "star/build.h"
#include "star/history.h"
#include "star/lookup.h"
#include "star/reject.h"
#include "star/tables.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

enum
{
	SELLER_KEY,
	SELLER_ID,
	SELLER_ZIP,
	SELLER_CITY,
	SELLER_STATE,
	SELLER_REGION,
	SELLER_GEOGRAPHY_KEY,
	SELLER_VERSION_COLUMNS
};

const OlistTable olist_dim_seller = {
	.name = "dim_seller",
	.comment = "A version of a seller; a new one begins when the source shows another attribute",
	.columns =
		(const OlistColumn[]){
			{"seller_key", "bigint NOT NULL", "Surrogate key of the version; -1 is unknown"},
			{"seller_id", OLIST_ID_TYPE, "The source's id of the seller"},
			{"zip_code_prefix", "text",
			 "First five digits of the zip code, as the source has them"},
			{"city", "text", "As the source has it"},
			{"state", "text", "As the source has it"},
			{"region", "text", "The state's region: N, NE, CO, SE or S"},
			{"geography_key", "bigint NOT NULL", "The zip prefix in dim_geography"},
			OLIST_VERSION_COLUMNS,
			{0}},
	.key = "seller_key",
	.primary_key = (const char *const[]){"seller_key", NULL},
	.unique = "seller_id, version",
	.has_versions = true,
	.origin_counts = true, /* it says when the source first showed the version */
	.indexes = (const char *const[]){"geography_key", NULL},
	.scope = "prior_dim_seller",
	.scope_column = "seller_key",
};

const OlistTable olist_seller_mention = OLIST_MENTION_TABLE("seller");

static void
set_seller(OlistBuild *build, const OlistVersion *version, void *arg)
{
	const OlistPlaces *places = arg;
	const OlistPlace *place = olist_places_by_zip(places, NULL, 0);

	if (version->values != NULL)
	{
		memcpy(&build->values[SELLER_ZIP], version->values, 3 * sizeof(Datum));
		memcpy(&build->isnull[SELLER_ZIP], version->isnull, 3 * sizeof(bool));
		olist_build_set_region(build, SELLER_REGION, SELLER_STATE);
		if (!version->isnull[0])
		{
			text *zip = DatumGetTextPP(version->values[0]);

			place = olist_places_by_zip(places, VARDATA_ANY(zip), VARSIZE_ANY_EXHDR(zip));
		}
	}
	olist_build_set(build, SELLER_GEOGRAPHY_KEY, Int64GetDatum(place->key));
}

PG_FUNCTION_INFO_V1(olist_etl_build_dim_seller);

/* build_dim_seller(jsonb) returns jsonb */
Datum
olist_etl_build_dim_seller(PG_FUNCTION_ARGS)
{
	static const OlistScanColumn columns[] = {
		{"seller_id", TEXTOID},	  {"seller_zip_code_prefix", TEXTOID},
		{"seller_city", TEXTOID}, {"seller_state", TEXTOID},
		{"_object_id", INT8OID},  {"_line", INT8OID},
		{NULL, InvalidOid},
	};
	static const OlistScanColumn prior_columns[] = {
		{"seller_id", TEXTOID},		{"zip_code_prefix", TEXTOID}, {"city", TEXTOID},
		{"state", TEXTOID},			{"_object_id", INT8OID},	  {"_line", INT8OID},
		{"is_inferred", BOOLOID},	{"seller_key", INT8OID},	  {"valid_from", TIMESTAMPOID},
		{"valid_to", TIMESTAMPOID}, {NULL, InvalidOid},
	};
	OlistHistory history = {
		.table = &olist_dim_seller,
		.entity = "sellers",
		.columns = columns,
		.nattributes = 3,
		.prior_columns = prior_columns,
		.referrer = "order_items",
		.referrer_column = "seller_id",
		.set = set_seller,
		.natural_key_column = SELLER_ID,
		.mention = &olist_seller_mention,
		.version_columns = SELLER_VERSION_COLUMNS,
	};
	OlistBuild *build;
	uint64 rows;

	olist_task_begin(&olist_dim_seller);
	history.arg = olist_places_load();
	build = olist_build_begin(&olist_dim_seller);
	olist_history_build(&history, build);
	rows = olist_build_end(build);
	olist_history_build_mentions(&history);
	return olist_task_end(&olist_dim_seller, rows);
}
