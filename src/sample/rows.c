/*
 * sample/rows.c
 *		The rows of the plain files: orders, customers, items, products, sellers,
 *		and the translation of the categories.
 */
#include "postgres.h"

#include "sample/rows.h"

#include "sample/geolocation.h"
#include "sample/goods.h"
#include "sample/order.h"
#include "sample/place.h"
#include "sample/text.h"

/* by OlistSampleStatus */
static const char *const status_names[] = {"approved", "canceled",	 "created", "delivered",
										   "invoiced", "processing", "shipped", "unavailable"};

static void
fill_days(OlistSampleWriter *writer)
{
	static const int month_days[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	int day = 0;

	for (int year = 2016; day < OLIST_SAMPLE_DAYS; year++)
	{
		for (int month = 0; month < 12; month++)
		{
			int days = month_days[month] + (month == 1 && year % 4 == 0);

			for (int d = 1; d <= days; d++)
			{
				char *out = writer->day[day++];

				out = put_pair(writer, out, year / 100);
				out = put_pair(writer, out, year % 100);
				out = put_char(out, '-');
				out = put_pair(writer, out, month + 1);
				out = put_char(out, '-');
				put_pair(writer, out, d);
			}
		}
	}
}

void
olist_sample_writer_init(OlistSampleWriter *writer, OlistSampleEntity entity)
{
	static const char digits[] = "0123456789abcdef";

	for (int i = 0; i < 100; i++)
	{
		writer->pair[i][0] = '0' + i / 10;
		writer->pair[i][1] = '0' + i % 10;
	}
	for (int i = 0; i < 256; i++)
	{
		writer->hex[i][0] = digits[i >> 4];
		writer->hex[i][1] = digits[i & 15];
	}
	fill_days(writer);
	if (entity == OLIST_SAMPLE_GEOLOCATION)
		olist_sample_map_init(&writer->map, &writer->plan);
}

/* the subject that stands at a place of the file */
static uint64
subject_at(const OlistSampleWriter *writer, uint64 place)
{
	return writer->first + olist_shuffle_to(&writer->plan.shuffle[OLIST_SHUFFLE_FILE], place);
}

/* ,"14409",franca,SP and the end of the line, for a place of customers or sellers */
static char *
put_place(const OlistSampleWriter *writer, char *out, uint32 prefix, const char *city, int len)
{
	int state = olist_sample_prefix_state(&writer->plan, prefix);

	out = put_char(out, ',');
	out = put_zip(writer, out, olist_sample_prefix_zip(&writer->plan, prefix));
	out = put_char(out, ',');
	out = put_text(out, city, len);
	out = put_char(out, ',');
	out = put_bytes(out, olist_sample_states[state].uf, 2);
	return put_char(out, '\n');
}

char *
olist_sample_write_customer(OlistSampleWriter *writer, uint64 place, char *out)
{
	OlistSampleOrder order;
	char city[OLIST_SAMPLE_CITY_BYTES];
	int len;

	olist_sample_order(&writer->plan, subject_at(writer, place), &order);
	len = olist_sample_city(&writer->plan, order.prefix, city);
	len = olist_sample_strip_accents(city, len);
	out = put_id(writer, out, OLIST_SUBJECT_CUSTOMER_ID, order.number);
	out = put_char(out, ',');
	out = put_id(writer, out, OLIST_SUBJECT_PERSON_ID, order.person);
	writer->rows++;
	return put_place(writer, out, order.prefix, city, len);
}

/* a time, or nothing */
static char *
put_optional_time(const OlistSampleWriter *writer, char *out, bool present, int64 time)
{
	out = put_char(out, ',');
	return present ? put_time(writer, out, time) : out;
}

char *
olist_sample_write_order(OlistSampleWriter *writer, uint64 place, char *out)
{
	OlistSampleOrder order;
	int dates;

	olist_sample_order(&writer->plan, subject_at(writer, place), &order);
	olist_sample_order_deliver(&writer->plan, &order);
	dates = order.profile->dates;
	out = put_id(writer, out, OLIST_SUBJECT_ORDER_ID, order.number);
	out = put_char(out, ',');
	out = put_id(writer, out, OLIST_SUBJECT_CUSTOMER_ID, order.number);
	out = put_char(out, ',');
	out = put_string(out, status_names[order.profile->status]);
	out = put_optional_time(writer, out, true, order.purchased);
	out = put_optional_time(writer, out, dates & HAS_APPROVED, order.approved);
	out = put_optional_time(writer, out, dates & HAS_CARRIER, order.carrier);
	out = put_optional_time(writer, out, dates & HAS_DELIVERED, order.delivered);
	out = put_optional_time(writer, out, true, order.estimated);
	writer->rows++;
	return put_char(out, '\n');
}

char *
olist_sample_write_items(OlistSampleWriter *writer, uint64 place, char *out)
{
	OlistSampleOrder order;
	OlistSampleItem items[OLIST_SAMPLE_MAX_ITEMS];
	int count;
	int64 limit;

	olist_sample_order(&writer->plan, subject_at(writer, place), &order);
	count = olist_sample_order_items(&writer->plan, &order, items);
	if (count == 0)
		return out;
	limit = olist_sample_order_limit(&writer->plan, &order);
	for (int i = 0; i < count; i++)
	{
		out = put_id(writer, out, OLIST_SUBJECT_ORDER_ID, order.number);
		out = put_char(out, ',');
		out = put_number(out, i + 1);
		out = put_char(out, ',');
		out = put_id(writer, out, OLIST_SUBJECT_PRODUCT_ID, items[i].product);
		out = put_char(out, ',');
		out = put_id(writer, out, OLIST_SUBJECT_SELLER_ID, items[i].seller);
		out = put_char(out, ',');
		out = put_time(writer, out, limit);
		out = put_char(out, ',');
		out = put_money(writer, out, items[i].price);
		out = put_char(out, ',');
		out = put_money(writer, out, items[i].freight);
		out = put_char(out, '\n');
		writer->rows++;
	}
	return out;
}

char *
olist_sample_write_product(OlistSampleWriter *writer, uint64 place, char *out)
{
	OlistSampleProduct product;
	uint64 number = subject_at(writer, place);

	olist_sample_product(&writer->plan, number, &product);
	out = put_id(writer, out, OLIST_SUBJECT_PRODUCT_ID, number);
	out = put_char(out, ',');
	if (product.category >= 0)
	{
		out = put_string(out, olist_sample_categories[product.category].name);
		out = put_char(out, ',');
		out = put_number(out, product.name_length);
		out = put_char(out, ',');
		out = put_number(out, product.description_length);
		out = put_char(out, ',');
		out = put_number(out, product.photos);
	}
	else
		out = put_string(out, ",,,");
	out = put_char(out, ',');
	if (product.has_dimensions)
	{
		out = put_number(out, product.weight);
		out = put_char(out, ',');
		out = put_number(out, product.length);
		out = put_char(out, ',');
		out = put_number(out, product.height);
		out = put_char(out, ',');
		out = put_number(out, product.width);
	}
	else
		out = put_string(out, ",,,");
	writer->rows++;
	return put_char(out, '\n');
}

/* a few sellers write their city in a way of their own */
static int
decorate_city(const OlistSamplePlan *plan, uint32 prefix, int way, char *city, int len)
{
	const OlistSampleState *state = &olist_sample_states[olist_sample_prefix_state(plan, prefix)];
	char name[OLIST_SAMPLE_CITY_BYTES];
	char *end = city + len;

	strcpy(name, state->name);
	name[olist_sample_strip_accents(name, strlen(name))] = '\0';
	switch (way)
	{
		case 0:
			end += sprintf(end, " - %c%c", pg_tolower(state->uf[0]), pg_tolower(state->uf[1]));
			break;
		case 1:
			end += sprintf(end, "/%c%c", pg_tolower(state->uf[0]), pg_tolower(state->uf[1]));
			break;
		case 2:
			end += sprintf(end, " / %s", name);
			break;
		case 3:
			end += sprintf(end, ", %s, brasil", name);
			break;
		case 4:
			end += sprintf(end, " (%s)", name);
			break;
		case 5:
			end += sprintf(end, " \\%s", name);
			break;
		default:
			return sprintf(city, "vendas@loja%d.com.br", way);
	}
	return end - city;
}

char *
olist_sample_write_seller(OlistSampleWriter *writer, uint64 place, char *out)
{
	const OlistSamplePlan *plan = &writer->plan;
	uint64 number = subject_at(writer, place);
	uint32 prefix = olist_sample_seller_home(plan, number);
	uint64 oddity = olist_shuffle_to(&plan->shuffle[OLIST_SHUFFLE_ODD_CITY], number);
	char city[OLIST_SAMPLE_CITY_BYTES];
	int len = olist_sample_city(plan, prefix, city);

	/* the first one with its accents, which otherwise are missing here */
	if (oddity == 0 || oddity >= plan->odd_cities)
		len = oddity == 0 ? len : olist_sample_strip_accents(city, len);
	else
		len = decorate_city(plan, prefix, oddity % 7, city, olist_sample_strip_accents(city, len));
	out = put_id(writer, out, OLIST_SUBJECT_SELLER_ID, number);
	writer->rows++;
	return put_place(writer, out, prefix, city, len);
}

char *
olist_sample_write_translation(OlistSampleWriter *writer, uint64 place, char *out)
{
	const OlistSampleCategory *category = &olist_sample_categories[olist_shuffle_to(
		&writer->plan.shuffle[OLIST_SHUFFLE_FILE], place)];

	if (category->english == NULL)
		return out;
	out = put_string(out, "\r\n");
	out = put_string(out, category->name);
	out = put_char(out, ',');
	out = put_string(out, category->english);
	writer->rows++;
	return out;
}
