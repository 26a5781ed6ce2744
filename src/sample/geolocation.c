/*
 * sample/geolocation.c
 *		The points of the zip prefixes.
 *
 * A quarter of the points repeat an earlier one of the same prefix, spelling
 * and all. The last points of some prefixes lie outside Brazil, and some
 * prefixes have points in a second state.
 */
#include "postgres.h"

#include "sample/geolocation.h"

#include "sample/place.h"
#include "sample/text.h"

/* of 10,000 points: exact repetitions (the first two of a prefix are never) */
#define REPETITIONS 2720

/* points of a prefix, before they are scaled to the plan's total */
static const OlistKnot point_knots[] = {{0, 1},		 {100, 1},	   {1000, 3},	{2500, 10},
										{5000, 29},	 {7500, 67},   {9000, 124}, {9900, 353},
										{9990, 667}, {10000, 1146}};

/* where points outside Brazil lie: middles in hundredths of a degree */
static const struct
{
	int16 lat;
	int16 lng;
} abroad[] = {{4000, -850},	 {3850, -700},	 {4200, -800},
			  {2600, -9800}, {-3470, -5880}, {-385, -3240}};

void
olist_sample_map_init(OlistSampleMap *map, const OlistSamplePlan *plan)
{
	uint64 total = 0;
	uint64 before = 0;
	uint64 spare;
	int *weight = palloc(plan->prefixes * sizeof(int));

	map->prefix = palloc(plan->prefixes * sizeof(uint32));
	map->end = palloc(plan->prefixes * sizeof(uint64));
	map->has_outliers = palloc0(plan->prefixes * sizeof(bool));
	map->in_two_states = palloc0(plan->prefixes * sizeof(bool));
	map->prefixes = 0;
	/* by prefix for a moment, by entry below: an entry is never after its prefix */
	for (uint32 i = 0; i < plan->outlier_prefixes; i++)
		map->has_outliers[olist_sample_spread_prefix(plan, i, plan->outlier_prefixes)] = true;
	for (uint32 i = 0; i < plan->two_states; i++)
		map->in_two_states[olist_sample_spread_prefix(plan, i, plan->two_states)] = true;

	for (uint32 prefix = 0; prefix < plan->prefixes; prefix++)
	{
		OlistDice dice = olist_sample_dice(plan, OLIST_SUBJECT_POINT, prefix);
		uint32 entry = map->prefixes;

		if (olist_sample_prefix_is_dark(plan, prefix))
			continue;
		map->prefix[entry] = prefix;
		map->has_outliers[entry] = map->has_outliers[prefix];
		map->in_two_states[entry] = map->in_two_states[prefix];
		weight[entry] = olist_dice_spread(&dice, point_knots);
		/* the second state needs points to stand in */
		if (map->in_two_states[entry])
			weight[entry] = Max(weight[entry], 20);
		/* and some prefixes have one point only, which lies outside Brazil */
		if (map->has_outliers[entry] && prefix % 8 == 0)
			weight[entry] = 0;
		total += weight[entry];
		map->prefixes++;
	}
	/* one point each, and the others by weight */
	spare = plan->points > map->prefixes ? plan->points - map->prefixes : 0;
	for (uint32 entry = 0; entry < map->prefixes; entry++)
	{
		before += weight[entry];
		map->end[entry] = entry + 1 + spare * before / total;
	}
	pfree(weight);
}

/* the entry of the map that a row belongs to */
static uint32
entry_of(const OlistSampleMap *map, uint64 row)
{
	uint32 low = 0;
	uint32 high = map->prefixes - 1;

	while (low < high)
	{
		uint32 middle = (low + high) / 2;

		if (row < map->end[middle])
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

/* 10^-15 degrees as text with 13 to 15 decimals */
static char *
put_degrees(char *out, int64 value, uint32 shorter)
{
	int decimals = 15 - shorter;
	uint64 fraction;

	if (value < 0)
	{
		out = put_char(out, '-');
		value = -value;
	}
	out = put_number(out, value / INT64CONST(1000000000000000));
	out = put_char(out, '.');
	fraction = value % INT64CONST(1000000000000000);
	while (shorter-- > 0)
		fraction /= 10;
	for (int i = decimals - 1; i >= 0; i--)
	{
		out[i] = '0' + fraction % 10;
		fraction /= 10;
	}
	return out + decimals;
}

/* a distance of up to reach (10^-15 degrees), rather less than more */
static int64
deviation(OlistDice *dice, int64 reach)
{
	int64 steps =
		(int64) olist_dice_below(dice, 1 << 20) + olist_dice_below(dice, 1 << 20) - (1 << 20);

	return steps * (reach >> 20) + olist_dice_below(dice, 1000000);
}

/* the city's name as one of many people wrote it */
static int
spell_city(OlistDice *dice, int state, char *city, int len)
{
	uint32 way = olist_dice_below(dice, 10000);
	int end = 0;

	if (way >= 1550)
		return olist_sample_strip_accents(city, len);
	if (way >= 20)
		return len;
	if (way < 2)
	{
		/* the whole address */
		len = olist_sample_strip_accents(city, len);
		return len + sprintf(city + len, ", %s, brasil", olist_sample_states[state].name);
	}
	if (way < 8)
	{
		/* without spaces */
		for (int i = 0; i < len; i++)
		{
			if (city[i] != ' ')
				city[end++] = city[i];
		}
		return end;
	}
	len = olist_sample_strip_accents(city, len);
	if (way < 14)
		return len - 1; /* the last letter forgotten */
	/* a blank too many */
	city[len++] = ' ';
	return len;
}

static char *
put_point(const OlistSampleWriter *writer, char *out, uint32 prefix, OlistDice *dice, bool outlier,
		  bool other_state)
{
	const OlistSamplePlan *plan = &writer->plan;
	int state = olist_sample_prefix_state(plan, prefix);
	char city[OLIST_SAMPLE_CITY_BYTES];
	int64 lat;
	int64 lng;
	int64 reach;
	uint32 x;
	int len;

	olist_sample_prefix_middle(plan, prefix, &lat, &lng);
	reach = INT64CONST(15000000000000);
	if (outlier)
	{
		int place = prefix % lengthof(abroad);

		lat = abroad[place].lat * INT64CONST(10000000000000);
		lng = abroad[place].lng * INT64CONST(10000000000000);
	}
	x = olist_dice_below(dice, 256);
	out = put_zip(writer, out, olist_sample_prefix_zip(plan, prefix));
	out = put_char(out, ',');
	out = put_degrees(out, lat + deviation(dice, reach), x < 160 ? 0 : x < 240 ? 1 : 2);
	out = put_char(out, ',');
	out = put_degrees(out, lng + deviation(dice, reach), x % 16 < 9 ? 0 : x % 16 < 15 ? 1 : 2);
	out = put_char(out, ',');
	len = spell_city(dice, state, city, olist_sample_city(plan, prefix, city));
	out = put_text(out, city, len);
	out = put_char(out, ',');
	if (other_state)
		state = (state + 1) % OLIST_SAMPLE_STATES;
	out = put_bytes(out, olist_sample_states[state].uf, 2);
	return put_char(out, '\n');
}

char *
olist_sample_write_point(OlistSampleWriter *writer, uint64 place, char *out)
{
	const OlistSamplePlan *plan = &writer->plan;
	const OlistSampleMap *map = &writer->map;
	uint64 row = olist_shuffle_to(&plan->shuffle[OLIST_SHUFFLE_FILE], place);
	uint32 entry = entry_of(map, row);
	uint64 nth = row - (entry > 0 ? map->end[entry - 1] : 0);
	uint64 count = map->end[entry] - (entry > 0 ? map->end[entry - 1] : 0);
	bool outlier = map->has_outliers[entry] && nth + plan->outliers_each >= count;
	OlistDice dice;

	for (;;)
	{
		dice = olist_sample_dice(plan, OLIST_SUBJECT_POINT, ((uint64) (entry + 1) << 32) + nth);
		if (outlier || nth < 2 || !olist_dice_chance(&dice, REPETITIONS))
			break;
		nth = olist_dice_below(&dice, nth);
	}
	writer->rows++;
	return put_point(writer, out, map->prefix[entry], &dice, outlier,
					 map->in_two_states[entry] && nth % 4 == 1);
}
