/*
 * star/tables.c
 *		The list of the warehouse's tables.
 */
#include "postgres.h"

#include "star/tables.h"

/* dimensions before facts: a row never appears before what it refers to */
const OlistTable *const olist_tables[OLIST_NTABLES] = {
	&olist_dim_date,		 &olist_dim_geography,		  &olist_dim_customer,
	&olist_dim_seller,		 &olist_dim_product,		  &olist_dim_order_status,
	&olist_dim_payment_type, &olist_fact_order,			  &olist_fact_order_item,
	&olist_fact_payment,	 &olist_fact_review,		  &olist_geography_point,
	&olist_customer_account, &olist_category_translation, &olist_seller_mention,
	&olist_product_mention,
};

const OlistTable *
olist_table_named(const char *name)
{
	for (int i = 0; i < OLIST_NTABLES; i++)
	{
		if (strcmp(olist_tables[i]->name, name) == 0)
			return olist_tables[i];
	}
	return NULL;
}
