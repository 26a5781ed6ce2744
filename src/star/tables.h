/*
 * star/tables.h
 *		The tables of the warehouse, each defined in the file that builds it.
 */
#ifndef OLIST_TABLES_H
#define OLIST_TABLES_H

#include "star/build.h"

extern const OlistTable olist_dim_date;
extern const OlistTable olist_dim_geography;
extern const OlistTable olist_dim_customer;
extern const OlistTable olist_dim_seller;
extern const OlistTable olist_dim_product;
extern const OlistTable olist_dim_order_status;
extern const OlistTable olist_dim_payment_type;
extern const OlistTable olist_fact_order;
extern const OlistTable olist_fact_order_item;
extern const OlistTable olist_fact_payment;
extern const OlistTable olist_fact_review;

/* what a later run has to know, and no dimension shows */
extern const OlistTable olist_geography_point;
extern const OlistTable olist_customer_account;
extern const OlistTable olist_category_translation;
extern const OlistTable olist_seller_mention;
extern const OlistTable olist_product_mention;

#define OLIST_NTABLES 16

/* all of them, in the order in which they are published */
extern const OlistTable *const olist_tables[OLIST_NTABLES];

/* the table of that name, or NULL */
extern const OlistTable *olist_table_named(const char *name);

#endif /* OLIST_TABLES_H */
