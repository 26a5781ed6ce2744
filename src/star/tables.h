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

#endif /* OLIST_TABLES_H */
