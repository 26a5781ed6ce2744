/*
 * star/translations.c
 *		The English names of product categories.
 *
 *	 staged category_translation ─► the last of each category ─► category_translation, dim_product
 */
#include "postgres.h"

#include "star/translations.h"

#include "catalog/pg_type.h"
#include "star/losers.h"
#include "star/reject.h"
#include "star/tables.h"
#include "utils/builtins.h"

enum
{
	TRANSLATION_CATEGORY,
	TRANSLATION_ENGLISH,
	TRANSLATION_OBJECT_ID,
	TRANSLATION_LINE
};

const OlistTable olist_category_translation = {
	.name = "category_translation",
	.comment = "The English names of product categories, as they were loaded",
	.columns = (const OlistColumn[]){{"category", OLIST_ID_TYPE, "The Portuguese name"},
									 {"category_english", "text", "The English name"},
									 OLIST_PROVENANCE_COLUMNS,
									 {0}},
	.primary_key = (const char *const[]){"category", NULL},
	.scope = "touched_category",
	.scope_column = "category",
};

static const OlistScanColumn columns[] = {{"product_category_name", TEXTOID},
										  {"product_category_name_english", TEXTOID},
										  {"_object_id", INT8OID},
										  {"_line", INT8OID},
										  {NULL, InvalidOid}};

/* keep the row for product categories, and write it */
static void
add_translation(OlistTranslations *t, OlistScan *scan, OlistBuild *build)
{
	OlistKey key;
	int len;
	const char *category = olist_scan_text(scan, TRANSLATION_CATEGORY, &len);
	uint32 n;

	olist_build_set_text(build, TRANSLATION_CATEGORY, category, len);
	for (int i = TRANSLATION_ENGLISH; i <= TRANSLATION_LINE; i++)
		olist_build_copy(build, i, scan, i);
	olist_build_put(build);
	if (scan->isnull[TRANSLATION_ENGLISH])
		return;
	olist_key_set(&key, category, len);
	n = olist_key_map_add(t->categories, &key);
	t->english = olist_array_reserve(t->english, &t->english_capacity, n, sizeof(text *));
	t->english[n] = DatumGetTextPCopy(scan->values[TRANSLATION_ENGLISH]);
}

OlistTranslations *
olist_translations_build(void)
{
	OlistTranslations *t = palloc0(sizeof(OlistTranslations));
	OlistLosers *losers =
		olist_losers_find("category_translation", columns[0].name, NULL, InvalidOid);
	OlistBuild *build = olist_build_begin(&olist_category_translation);
	OlistScan *scan = olist_scan_entity("category_translation", columns);

	t->unknown = cstring_to_text("unknown");
	t->categories = olist_key_map_create(128);
	while (olist_scan_next(scan))
	{
		if (scan->isnull[TRANSLATION_CATEGORY])
			olist_reject(scan, OLIST_REJECT_NO_KEY, columns[0].name);
		else if (olist_is_loser(losers, scan->row))
			olist_reject(scan, OLIST_REJECT_DUPLICATE, columns[0].name);
		else
			add_translation(t, scan, build);
	}
	olist_scan_end(scan);
	(void) olist_build_end(build);
	return t;
}

Datum
olist_translate(const OlistTranslations *t, Datum category)
{
	text *name = DatumGetTextPP(category);
	OlistKey key;
	uint32 n;

	olist_key_set(&key, VARDATA_ANY(name), VARSIZE_ANY_EXHDR(name));
	n = olist_key_map_find(t->categories, &key);
	return n == OLIST_NO_KEY ? category : PointerGetDatum(t->english[n]);
}
