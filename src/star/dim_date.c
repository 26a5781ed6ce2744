/*
 * star/dim_date.c
 *		dim_date: a day.
 *
 *	 every timestamp of orders, order_items, order_reviews ─► the years that occur
 *		─► whole years, without a gap ─► days, with Brazil's national holidays
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "star/build.h"
#include "star/lookup.h"
#include "star/tables.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/datetime.h"

enum
{
	DATE_KEY,
	DATE_DATE,
	DATE_YEAR,
	DATE_QUARTER,
	DATE_MONTH,
	DATE_MONTH_NAME,
	DATE_MONTH_START,
	DATE_ISO_YEAR,
	DATE_ISO_WEEK,
	DATE_DAY,
	DATE_ISO_DOW,
	DATE_DAY_NAME,
	DATE_IS_WEEKEND,
	DATE_IS_HOLIDAY,
	DATE_HOLIDAY_NAME
};

const OlistTable olist_dim_date = {
	.name = "dim_date",
	.comment = "A day; whole years that cover every date in the facts",
	.columns =
		(const OlistColumn[]){
			{"date_key", "integer NOT NULL", "yyyymmdd; -1 is a missing date"},
			{"date", "date", NULL},
			{"year", "integer", NULL},
			{"quarter", "integer", NULL},
			{"month", "integer", NULL},
			{"month_name", "text", "In English"},
			{"month_start", "date", "The first day of the month"},
			{"iso_year", "integer", "The year that the ISO week belongs to"},
			{"iso_week", "integer", NULL},
			{"day", "integer", "Of the month"},
			{"iso_dow", "integer", "1 is Monday"},
			{"day_name", "text", "In English"},
			{"is_weekend", "boolean", "Saturday or Sunday"},
			{"is_holiday", "boolean",
			 "Brazilian national holiday; Carnival and Corpus Christi count as such"},
			{"holiday_name", "text", "In English"},
			{0}},
	.primary_key = (const char *const[]){"date_key", NULL},
	.unique = "date",
	.indexes = (const char *const[]){"month_start", NULL},
	.scope = "prior_dim_date",
	.scope_column = "date_key",
};

/* a holiday: on a day of a month, or some days after Easter Sunday */
typedef struct Holiday
{
	const char *name;
	int month; /* 0: relative to Easter */
	int day;
	int first_year;
} Holiday;

static const Holiday holidays[] = {
	{"New Year's Day", 1, 1, 1},
	{"Tiradentes", 4, 21, 1},
	{"Labour Day", 5, 1, 1},
	{"Independence Day", 9, 7, 1},
	{"Our Lady of Aparecida", 10, 12, 1},
	{"All Souls' Day", 11, 2, 1},
	{"Republic Day", 11, 15, 1},
	{"Black Awareness Day", 11, 20, 2024}, /* law 14.759 of 2023 */
	{"Christmas Day", 12, 25, 1},
	{"Carnival", 0, -48, 1},
	{"Carnival", 0, -47, 1},
	{"Good Friday", 0, -2, 1},
	{"Corpus Christi", 0, 60, 1},
};

static const char *const month_names[] = {"January",   "February", "March",	   "April",
										  "May",	   "June",	   "July",	   "August",
										  "September", "October",  "November", "December"};
static const char *const day_names[] = {"Monday", "Tuesday",  "Wednesday", "Thursday",
										"Friday", "Saturday", "Sunday"};

/* years farther apart than this are not joined: some date is a typing error */
#define MAX_GAP_YEARS 100
#define MAX_YEAR 9999

/*
 * In a merge after which days may be needed no more: dates of all years that
 * facts have which are not built again. Then all days are built.
 */
#define OTHER_DATES "other_date"

/* Julian day of Easter Sunday (the anonymous Gregorian algorithm) */
static int
easter(int year)
{
	int a = year % 19;
	int b = year / 100;
	int c = year % 100;
	int d = (19 * a + b - b / 4 - (b - (b + 8) / 25 + 1) / 3 + 15) % 30;
	int e = (32 + 2 * (b % 4) + 2 * (c / 4) - d - c % 4) % 7;
	int f = d + e - 7 * ((a + 11 * d + 22 * e) / 451) + 114;

	return date2j(year, f / 31, f % 31 + 1);
}

/* the holiday on a day, or NULL */
static const char *
holiday_name(int jday, int year, int month, int day)
{
	for (size_t i = 0; i < lengthof(holidays); i++)
	{
		const Holiday *h = &holidays[i];

		if (year < h->first_year)
			continue;
		if (h->month == 0 ? jday == easter(year) + h->day : month == h->month && day == h->day)
			return h->name;
	}
	return NULL;
}

static void
set_name(OlistBuild *build, int column, const char *name)
{
	olist_build_set_text(build, column, name, strlen(name));
}

static void
put_day(OlistBuild *build, int jday)
{
	int year;
	int month;
	int day;
	int iso_dow = j2day(jday - 1) + 1;
	const char *holiday;

	j2date(jday, &year, &month, &day);
	holiday = holiday_name(jday, year, month, day);
	olist_build_set(build, DATE_KEY, Int32GetDatum(year * 10000 + month * 100 + day));
	olist_build_set(build, DATE_DATE, DateADTGetDatum(jday - POSTGRES_EPOCH_JDATE));
	olist_build_set(build, DATE_YEAR, Int32GetDatum(year));
	olist_build_set(build, DATE_QUARTER, Int32GetDatum((month + 2) / 3));
	olist_build_set(build, DATE_MONTH, Int32GetDatum(month));
	set_name(build, DATE_MONTH_NAME, month_names[month - 1]);
	olist_build_set(build, DATE_MONTH_START,
					DateADTGetDatum(jday - day + 1 - POSTGRES_EPOCH_JDATE));
	olist_build_set(build, DATE_ISO_YEAR, Int32GetDatum(date2isoyear(year, month, day)));
	olist_build_set(build, DATE_ISO_WEEK, Int32GetDatum(date2isoweek(year, month, day)));
	olist_build_set(build, DATE_DAY, Int32GetDatum(day));
	olist_build_set(build, DATE_ISO_DOW, Int32GetDatum(iso_dow));
	set_name(build, DATE_DAY_NAME, day_names[iso_dow - 1]);
	olist_build_set(build, DATE_IS_WEEKEND, BoolGetDatum(iso_dow >= 6));
	olist_build_set(build, DATE_IS_HOLIDAY, BoolGetDatum(holiday != NULL));
	if (holiday != NULL)
		set_name(build, DATE_HOLIDAY_NAME, holiday);
	olist_build_put(build);
}

/* note the years of all timestamps in the columns */
static void
note_years(bool *years, OlistScan *scan)
{
	while (olist_scan_next(scan))
	{
		for (int i = 0; i < scan->ncolumns; i++)
		{
			int32 date_key =
				scan->isnull[i] ? -1 : olist_date_key(DatumGetTimestamp(scan->values[i]));

			if (date_key > 0)
				years[date_key / 10000] = true;
		}
	}
	olist_scan_end(scan);
}

/* note the years that the warehouse has already */
static void
note_prior_years(bool *years)
{
	static const OlistScanColumn columns[] = {{"date_key", INT4OID}, {NULL, InvalidOid}};
	OlistScan *scan = olist_scan_warehouse(olist_dim_date.name, columns);

	while (olist_scan_next(scan))
	{
		int32 date_key = DatumGetInt32(scan->values[0]);

		if (date_key > 0)
			years[date_key / 10000] = true;
	}
	olist_scan_end(scan);
}

/* years between two that occur are there too, unless one of them is absurd */
static void
fill_gaps(bool *years)
{
	int last = MAX_YEAR + 1;

	for (int year = 1; year <= MAX_YEAR; year++)
	{
		if (!years[year])
			continue;
		for (int gap = last + 1; gap < year && year - last <= MAX_GAP_YEARS; gap++)
			years[gap] = true;
		last = year;
	}
}

PG_FUNCTION_INFO_V1(olist_etl_build_dim_date);

/* build_dim_date(jsonb) returns jsonb */
Datum
olist_etl_build_dim_date(PG_FUNCTION_ARGS)
{
	static const OlistScanColumn order_columns[] = {{"order_purchase_timestamp", TIMESTAMPOID},
													{"order_approved_at", TIMESTAMPOID},
													{"order_delivered_carrier_date", TIMESTAMPOID},
													{"order_delivered_customer_date", TIMESTAMPOID},
													{"order_estimated_delivery_date", TIMESTAMPOID},
													{NULL, InvalidOid}};
	static const OlistScanColumn item_columns[] = {{"shipping_limit_date", TIMESTAMPOID},
												   {NULL, InvalidOid}};
	static const OlistScanColumn review_columns[] = {{"review_creation_date", TIMESTAMPOID},
													 {"review_answer_timestamp", TIMESTAMPOID},
													 {NULL, InvalidOid}};
	static const OlistScanColumn other_columns[] = {{"date", TIMESTAMPOID}, {NULL, InvalidOid}};
	bool *years;
	bool *prior; /* a merge leaves these as they are */
	OlistBuild *build;

	olist_task_begin(&olist_dim_date);
	years = palloc0((MAX_YEAR + 1) * sizeof(bool));
	prior = palloc0((MAX_YEAR + 1) * sizeof(bool));
	note_years(years, olist_scan_entity("orders", order_columns));
	note_years(years, olist_scan_entity("order_items", item_columns));
	note_years(years, olist_scan_entity("order_reviews", review_columns));
	if (olist_table_exists(OLIST_BUILD_SCHEMA, OTHER_DATES))
		note_years(years, olist_scan_begin(OLIST_BUILD_SCHEMA, OTHER_DATES, other_columns));
	else if (olist_is_merge())
	{
		note_prior_years(prior);
		note_prior_years(years);
	}
	fill_gaps(years);

	build = olist_build_begin(&olist_dim_date);
	olist_build_set(build, DATE_KEY, Int32GetDatum((int32) OLIST_UNKNOWN_KEY));
	olist_build_put(build);
	for (int year = 1; year <= MAX_YEAR; year++)
	{
		if (!years[year] || prior[year])
			continue;
		for (int jday = date2j(year, 1, 1); jday < date2j(year + 1, 1, 1); jday++)
			put_day(build, jday);
		CHECK_FOR_INTERRUPTS();
	}
	return olist_task_end(&olist_dim_date, olist_build_end(build));
}
