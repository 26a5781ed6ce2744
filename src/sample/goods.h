/*
 * sample/goods.h
 *		Products, their categories and their sellers.
 */
#ifndef OLIST_SAMPLE_GOODS_H
#define OLIST_SAMPLE_GOODS_H

#include "sample/plan.h"

typedef struct OlistSampleCategory
{
	const char *name;
	const char *english; /* NULL: the translation file lacks it */
	uint16 products;	 /* weight */
	uint16 price;		 /* percent of the average */
} OlistSampleCategory;

extern const OlistSampleCategory olist_sample_categories[OLIST_SAMPLE_CATEGORIES];

typedef struct OlistSampleProduct
{
	int category; /* -1: none, and no description either */
	bool has_dimensions;
	int name_length;
	int description_length;
	int photos;
	int weight; /* grams */
	int length; /* centimetres */
	int height;
	int width;
} OlistSampleProduct;

extern void
olist_sample_product(const OlistSamplePlan *plan, uint64 number, OlistSampleProduct *product);

/* what a product costs in a month (cents) and weighs (grams) */
extern int64
olist_sample_price(const OlistSamplePlan *plan, uint64 product, int month, int *weight);

/* a product, by popularity */
extern uint64 olist_sample_draw_product(const OlistSamplePlan *plan, OlistDice *dice);

/* another product beside this one, mostly of the same seller */
extern uint64 olist_sample_neighbour(const OlistSamplePlan *plan, uint64 product);

/* who sells the product */
extern uint64 olist_sample_seller_of(const OlistSamplePlan *plan, uint64 product);

#endif /* OLIST_SAMPLE_GOODS_H */
