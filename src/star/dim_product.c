/*
 * star/dim_product.c
 *		dim_product: a version of a product.
 *
 *	 staging.products ────┐
 *	 staging.order_items ─┴─► history (over the source's time) ─┐
 *	 staging.category_translation ─► English names ─────────────┴─► rows
 *
 * The English name of a category is no attribute of the product: a translation
 * that arrives later completes all versions and begins none.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "common/int.h"
#include "star/build.h"
#include "star/history.h"
#include "star/tables.h"
#include "star/translations.h"
#include "utils/builtins.h"

enum
{
	PRODUCT_KEY,
	PRODUCT_ID,
	PRODUCT_CATEGORY,
	PRODUCT_CATEGORY_ENGLISH,
	PRODUCT_NAME_LENGTH,
	PRODUCT_DESCRIPTION_LENGTH,
	PRODUCT_PHOTOS_QTY,
	PRODUCT_WEIGHT_G,
	PRODUCT_LENGTH_CM,
	PRODUCT_HEIGHT_CM,
	PRODUCT_WIDTH_CM,
	PRODUCT_VOLUME_CM3,
	PRODUCT_VERSION_COLUMNS
};

/* a product's attributes at the source, after its id */
enum
{
	ATTR_CATEGORY,
	ATTR_NAME_LENGTH,
	ATTR_LENGTH_CM = ATTR_NAME_LENGTH + PRODUCT_LENGTH_CM - PRODUCT_NAME_LENGTH,
	ATTR_HEIGHT_CM,
	ATTR_WIDTH_CM,
	NATTRS
};

const OlistTable olist_dim_product = {
	.name = "dim_product",
	.comment = "A version of a product; a new one begins when the source shows another attribute",
	.columns =
		(const OlistColumn[]){
			{"product_key", "bigint NOT NULL", "Surrogate key of the version; -1 is unknown"},
			{"product_id", OLIST_ID_TYPE, "The source's id of the product"},
			{"category", "text NOT NULL", "Category in Portuguese; 'unknown' if it has none"},
			{"category_english", "text NOT NULL",
			 "Category in English; the Portuguese name where there is no translation"},
			{"name_length", "integer", "Characters of the product's name"},
			{"description_length", "integer", "Characters of its description"},
			{"photos_qty", "integer", "Published photos"},
			{"weight_g", "integer", "Grams"},
			{"length_cm", "integer", "Centimetres"},
			{"height_cm", "integer", "Centimetres"},
			{"width_cm", "integer", "Centimetres"},
			{"volume_cm3", "bigint", "Length x height x width; NULL if one is missing"},
			OLIST_VERSION_COLUMNS,
			{0}},
	.key = "product_key",
	.primary_key = (const char *const[]){"product_key", NULL},
	.unique = "product_id, version",
	.has_versions = true,
	.origin_counts = true, /* it says when the source first showed the version */
	.indexes = (const char *const[]){"category", NULL},
	.scope = "prior_dim_product",
	.scope_column = "product_key",
};

/* the box's volume; none if an edge is missing, or nonsense beyond any bigint */
static void
set_volume(OlistBuild *build, const Datum *values, const bool *isnull)
{
	int64 volume = 1;

	for (int i = ATTR_LENGTH_CM; i <= ATTR_WIDTH_CM; i++)
	{
		if (isnull[i] || pg_mul_s64_overflow(volume, DatumGetInt32(values[i]), &volume))
			return;
	}
	olist_build_set(build, PRODUCT_VOLUME_CM3, Int64GetDatum(volume));
}

const OlistTable olist_product_mention = OLIST_MENTION_TABLE("product");

static void
set_product(OlistBuild *build, const OlistVersion *version, void *arg)
{
	const OlistTranslations *translations = arg;
	Datum category = PointerGetDatum(translations->unknown);

	if (version->values != NULL)
	{
		const Datum *values = version->values;
		const bool *isnull = version->isnull;

		if (!isnull[ATTR_CATEGORY])
			category = values[ATTR_CATEGORY];
		for (int i = ATTR_NAME_LENGTH; i < NATTRS; i++)
		{
			build->values[PRODUCT_NAME_LENGTH + i - ATTR_NAME_LENGTH] = values[i];
			build->isnull[PRODUCT_NAME_LENGTH + i - ATTR_NAME_LENGTH] = isnull[i];
		}
		set_volume(build, values, isnull);
	}
	olist_build_set(build, PRODUCT_CATEGORY, category);
	olist_build_set(build, PRODUCT_CATEGORY_ENGLISH, olist_translate(translations, category));
}

/* 'unknown' is what a product without a category is given here */
static void
restore_product(Datum *values, bool *isnull)
{
	text *category = DatumGetTextPP(values[1 + ATTR_CATEGORY]);

	if (VARSIZE_ANY_EXHDR(category) == strlen("unknown") &&
		memcmp(VARDATA_ANY(category), "unknown", strlen("unknown")) == 0)
		isnull[1 + ATTR_CATEGORY] = true;
}

PG_FUNCTION_INFO_V1(olist_etl_build_dim_product);

/* build_dim_product(jsonb) returns jsonb */
Datum
olist_etl_build_dim_product(PG_FUNCTION_ARGS)
{
	static const OlistScanColumn columns[] = {
		{"product_id", TEXTOID},
		{"product_category_name", TEXTOID},
		{"product_name_lenght", INT4OID},
		{"product_description_lenght", INT4OID},
		{"product_photos_qty", INT4OID},
		{"product_weight_g", INT4OID},
		{"product_length_cm", INT4OID},
		{"product_height_cm", INT4OID},
		{"product_width_cm", INT4OID},
		{"_object_id", INT8OID},
		{"_line", INT8OID},
		{NULL, InvalidOid},
	};
	static const OlistScanColumn prior_columns[] = {
		{"product_id", TEXTOID},	{"category", TEXTOID},
		{"name_length", INT4OID},	{"description_length", INT4OID},
		{"photos_qty", INT4OID},	{"weight_g", INT4OID},
		{"length_cm", INT4OID},		{"height_cm", INT4OID},
		{"width_cm", INT4OID},		{"_object_id", INT8OID},
		{"_line", INT8OID},			{"is_inferred", BOOLOID},
		{"product_key", INT8OID},	{"valid_from", TIMESTAMPOID},
		{"valid_to", TIMESTAMPOID}, {NULL, InvalidOid},
	};
	OlistHistory history = {
		.table = &olist_dim_product,
		.entity = "products",
		.columns = columns,
		.nattributes = NATTRS,
		.prior_columns = prior_columns,
		.restore = restore_product,
		.referrer = "order_items",
		.referrer_column = "product_id",
		.set = set_product,
		.natural_key_column = PRODUCT_ID,
		.mention = &olist_product_mention,
		.version_columns = PRODUCT_VERSION_COLUMNS,
	};
	OlistBuild *build;
	uint64 rows;

	olist_task_begin(&olist_dim_product);
	history.arg = olist_translations_build();
	build = olist_build_begin(&olist_dim_product);
	olist_history_build(&history, build);
	rows = olist_build_end(build);
	olist_history_build_mentions(&history);
	return olist_task_end(&olist_dim_product, rows);
}
