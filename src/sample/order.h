/*
 * sample/order.h
 *		What is known of an order, from its number alone.
 */
#ifndef OLIST_SAMPLE_ORDER_H
#define OLIST_SAMPLE_ORDER_H

#include "sample/plan.h"

/* a time that there is none of; times are seconds since 2016-01-01 */
#define OLIST_SAMPLE_NEVER (-1)

#define OLIST_SAMPLE_MAX_ITEMS 21

typedef struct OlistSampleOrder
{
	uint64 number;
	int month;
	const OlistSampleProfile *profile;
	uint64 place; /* in the shuffle of profiles */

	/* who: this is the visit-th order of a person of that crowd */
	OlistSampleCrowdName crowd;
	uint64 person;
	uint64 first_place; /* of the person's orders, in the shuffle of pairs */
	int visit;
	uint32 prefix; /* where the person lives now */
	int state;

	int64 purchased;
	int64 approved; /* an order's own even if the profile hides it */

	/* valid after olist_sample_order_deliver() */
	int64 carrier;
	int64 delivered;
	int64 estimated;
} OlistSampleOrder;

typedef struct OlistSampleItem
{
	uint64 product;
	uint64 seller;
	int64 price; /* cents */
	int64 freight;
} OlistSampleItem;

/* everything about the order but its deliveries */
extern void olist_sample_order(const OlistSamplePlan *plan, uint64 number, OlistSampleOrder *order);

/* when it was handed over, delivered, expected */
extern void olist_sample_order_deliver(const OlistSamplePlan *plan, OlistSampleOrder *order);

/* the number of the visit-th order of this order's person */
extern uint64
olist_sample_order_of_person(const OlistSamplePlan *plan, const OlistSampleOrder *order, int visit);

/* the order's items into items[OLIST_SAMPLE_MAX_ITEMS]; returns how many */
extern int olist_sample_order_items(const OlistSamplePlan *plan, const OlistSampleOrder *order,
									OlistSampleItem *items);

/* until when the seller had to hand it over */
extern int64 olist_sample_order_limit(const OlistSamplePlan *plan, const OlistSampleOrder *order);

#endif /* OLIST_SAMPLE_ORDER_H */
