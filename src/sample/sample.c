/*
 * sample/sample.c
 *		A generated data set of the Olist files' shape, as bytes.
 *
 *		plan ──► the next row's subject (order, product, …) ──► its text ──► buffer ──► reader
 *
 * One struct per file being written: its place in the file, the shuffle that
 * decides which subject stands there, and a buffer that is refilled when the
 * reader has emptied it.
 */
#include "postgres.h"

#include "sample/sample.h"

#include "sample/rows.h"
#include "utils/memutils.h"

/* what is made at a time; a subject's rows always fit in the slack */
#define CHUNK 65536
#define SLACK 16384

struct OlistSample
{
	MemoryContext context; /* holds this struct and all below */
	OlistSampleWriter writer;
	OlistSampleEntity entity;
	uint64 subjects; /* to be written: orders, products, points, … */
	uint64 next;
	size_t used; /* of the buffer */
	size_t filled;
	char buffer[CHUNK + SLACK];
};

typedef struct FileType
{
	const char *name;
	bool monthly;
	const char *header;
	OlistSampleWriteRows write;
} FileType;

static const FileType files[OLIST_SAMPLE_ENTITIES] = {
	[OLIST_SAMPLE_CUSTOMERS] = {"olist_customers_dataset", true,
								"\"customer_id\",\"customer_unique_id\","
								"\"customer_zip_code_prefix\",\"customer_city\","
								"\"customer_state\"\n",
								olist_sample_write_customer},
	[OLIST_SAMPLE_GEOLOCATION] = {"olist_geolocation_dataset", false,
								  "\"geolocation_zip_code_prefix\",\"geolocation_lat\","
								  "\"geolocation_lng\",\"geolocation_city\","
								  "\"geolocation_state\"\n",
								  olist_sample_write_point},
	[OLIST_SAMPLE_ORDER_ITEMS] = {"olist_order_items_dataset", true,
								  "\"order_id\",\"order_item_id\",\"product_id\",\"seller_id\","
								  "\"shipping_limit_date\",\"price\",\"freight_value\"\n",
								  olist_sample_write_items},
	[OLIST_SAMPLE_ORDER_PAYMENTS] = {"olist_order_payments_dataset", true,
									 "\"order_id\",\"payment_sequential\",\"payment_type\","
									 "\"payment_installments\",\"payment_value\"\n",
									 olist_sample_write_payments},
	[OLIST_SAMPLE_ORDER_REVIEWS] = {"olist_order_reviews_dataset", true,
									"\"review_id\",\"order_id\",\"review_score\","
									"\"review_comment_title\",\"review_comment_message\","
									"\"review_creation_date\",\"review_answer_timestamp\"\r\n",
									olist_sample_write_reviews},
	[OLIST_SAMPLE_ORDERS] = {"olist_orders_dataset", true,
							 "\"order_id\",\"customer_id\",\"order_status\","
							 "\"order_purchase_timestamp\",\"order_approved_at\","
							 "\"order_delivered_carrier_date\","
							 "\"order_delivered_customer_date\","
							 "\"order_estimated_delivery_date\"\n",
							 olist_sample_write_order},
	/* the misspellings are the source's */
	[OLIST_SAMPLE_PRODUCTS] = {"olist_products_dataset", false,
							   "\"product_id\",\"product_category_name\","
							   "\"product_name_lenght\",\"product_description_lenght\","
							   "\"product_photos_qty\",\"product_weight_g\","
							   "\"product_length_cm\",\"product_height_cm\","
							   "\"product_width_cm\"\n",
							   olist_sample_write_product},
	[OLIST_SAMPLE_SELLERS] = {"olist_sellers_dataset", false,
							  "\"seller_id\",\"seller_zip_code_prefix\",\"seller_city\","
							  "\"seller_state\"\n",
							  olist_sample_write_seller},
	/* a byte order mark, CR LF, and (in write_translation) no final newline */
	[OLIST_SAMPLE_CATEGORY_TRANSLATION] = {"product_category_name_translation", false,
										   "\xEF\xBB\xBF"
										   "product_category_name,product_category_name_english",
										   olist_sample_write_translation}};

const char *
olist_sample_file_name(OlistSampleEntity entity)
{
	return files[entity].name;
}

bool
olist_sample_is_monthly(OlistSampleEntity entity)
{
	return files[entity].monthly;
}

const char *
olist_sample_month_name(int month)
{
	return olist_sample_months[month].name;
}

static uint64
count_subjects(const OlistSamplePlan *plan, OlistSampleEntity entity)
{
	switch (entity)
	{
		case OLIST_SAMPLE_GEOLOCATION:
			return plan->points;
		case OLIST_SAMPLE_PRODUCTS:
			return plan->products;
		case OLIST_SAMPLE_SELLERS:
			return plan->sellers;
		case OLIST_SAMPLE_CATEGORY_TRANSLATION:
			return OLIST_SAMPLE_CATEGORIES;
		default:
			return plan->orders;
	}
}

OlistSample *
olist_sample_open(OlistSampleEntity entity, double scale, int64 seed, int month)
{
	MemoryContext context =
		AllocSetContextCreate(CurrentMemoryContext, "olist sample", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	OlistSample *sample = palloc(sizeof(OlistSample));
	OlistSampleWriter *writer = &sample->writer;
	OlistSamplePlan *plan = &writer->plan;

	sample->context = context;
	olist_sample_plan(plan, scale, seed);
	sample->entity = entity;
	sample->next = 0;
	sample->subjects = count_subjects(plan, entity);
	writer->first = 0;
	writer->rows = 0;
	if (month != OLIST_SAMPLE_WHOLE && files[entity].monthly)
	{
		writer->first = plan->month_start[month];
		sample->subjects = plan->month_start[month + 1] - plan->month_start[month];
	}
	olist_shuffle_init(&plan->shuffle[OLIST_SHUFFLE_FILE],
					   plan->key[OLIST_SUBJECT_SHUFFLE] + 1000 + entity, sample->subjects);
	olist_sample_writer_init(writer, entity);

	sample->used = 0;
	sample->filled = strlen(files[entity].header);
	memcpy(sample->buffer, files[entity].header, sample->filled);
	MemoryContextSwitchTo(old);
	return sample;
}

static void
refill(OlistSample *sample)
{
	char *p = sample->buffer;

	while (sample->next < sample->subjects && p < sample->buffer + CHUNK)
		p = files[sample->entity].write(&sample->writer, sample->next++, p);
	sample->used = 0;
	sample->filled = p - sample->buffer;
}

size_t
olist_sample_read(OlistSample *sample, char *buf, size_t len)
{
	size_t n;

	if (sample->used == sample->filled)
		refill(sample);
	n = Min(len, sample->filled - sample->used);
	memcpy(buf, sample->buffer + sample->used, n);
	sample->used += n;
	return n;
}

void
olist_sample_close(OlistSample *sample)
{
	MemoryContextDelete(sample->context);
}

int64
olist_sample_rows(const OlistSample *sample)
{
	return sample->writer.rows;
}

int64
olist_sample_orders(const OlistSample *sample)
{
	return files[sample->entity].monthly ? sample->subjects : sample->writer.plan.orders;
}
