/*
 * sample/goods.c
 *		Products, their categories and their sellers.
 *
 * The products stand on a long shelf in shuffled order; a seller owns a
 * stretch of it. The first places are one of each seller's, so that every
 * seller sells something; the rest is shared out unevenly.
 */
#include "postgres.h"

#include "sample/goods.h"

const OlistSampleCategory olist_sample_categories[OLIST_SAMPLE_CATEGORIES] = {
	{"cama_e_banho", "bed_bath", 3029, 78},
	{"esporte_ar_livre", "sports_outdoor", 2867, 95},
	{"decoracao", "home_decor", 2657, 73},
	{"beleza_saude", "health_beauty", 2444, 108},
	{"casa_utilidades", "housewares", 2335, 76},
	{"pecas_automotivas", "auto_parts", 1900, 117},
	{"acessorios_de_computador", "computer_accessories", 1639, 97},
	{"brinquedos_e_jogos", "toys_and_games", 1411, 98},
	{"relogios", "watches", 1329, 168},
	{"celulares", "cell_phones", 1134, 59},
	{"bebe_e_crianca", "baby_and_child", 919, 112},
	{"perfumes", "perfumes", 868, 97},
	{"material_escolar", "school_supplies", 849, 76},
	{"bolsas_e_mochilas", "bags_and_backpacks", 849, 63},
	{"novidades", "novelties", 789, 139},
	{"jardinagem", "gardening", 753, 93},
	{"animais_de_estimacao", "pets", 719, 92},
	{"eletronica", "consumer_electronics", 517, 48},
	{"material_de_construcao", "building_materials", 400, 130},
	{"linha_branca", "white_goods", 370, 87},
	{"malas_de_viagem", "travel_luggage", 349, 107},
	{"videogames", "video_games", 317, 115},
	{"cadeiras_e_mesas_de_escritorio", "office_chairs_and_desks", 309, 135},
	{"violoes_e_teclados", "guitars_and_keyboards", 289, 234},
	{"pequenos_eletrodomesticos", "small_appliances", 231, 233},
	{"reforma", "renovation", 225, 115},
	{"romances", "novels", 216, 71},
	{"sapatos", "shoes", 173, 75},
	{"estantes_e_racks", "shelves_and_racks", 156, 114},
	{"ventilacao", "ventilation", 124, 154},
	{"livros_de_estudo", "textbooks", 123, 60},
	{"interfones", "intercoms", 116, 188},
	{"conforto_do_lar", "home_comfort", 111, 112},
	{"feira_livre", "open_market", 104, 76},
	{"mercearia", "grocery", 104, 45},
	{"camisas_masculinas", "mens_shirts", 95, 68},
	{"cozinha_planejada", "fitted_kitchens", 94, 137},
	{"placas_e_avisos", "signs_and_notices", 93, 90},
	{"alarmes", "alarms", 91, 174},
	{"refrigeracao", "refrigeration", 90, 397},
	{"irrigacao", "irrigation", 88, 90},
	{"doces", "sweets", 82, 48},
	{"vinhos_e_sucos", "wines_and_juices", 81, 49},
	{"luminarias", "light_fixtures", 78, 113},
	{"maquinas_agricolas", "farm_machinery", 74, 285},
	{"equipamento_comercial", "trade_equipment", 68, 123},
	{"enfeites_de_natal", "christmas_ornaments", 65, 48},
	{"caixas_de_som", "loudspeakers", 58, 116},
	{"pintura", "painting", 55, 96},
	{"roupa_intima", "underwear", 53, 61},
	{"filmes", "films", 48, 78},
	{"guarda_roupas", "wardrobes", 45, 153},
	{"ferramentas_manuais", "hand_tools", 39, 129},
	{"cafeteiras", "coffee_makers", 31, 520},
	{"livros_estrangeiros", "foreign_books", 31, 64},
	{"computadores", "computers", 30, 915},
	{"fotografia", "photography", 28, 80},
	{"discos", "records", 27, 132},
	{"vestidos", "dresses", 27, 49},
	{"baloes_e_festas", "balloons_and_parties", 26, 87},
	{"roupa_esportiva", "sportswear", 19, 59},
	{"artesanato", "handicraft", 19, 63},
	{"plantas", "plants", 14, 28},
	{"fraldas", "nappies", 12, 33},
	{"alta_cozinha", "fine_cooking", 10, 122},
	{"colchoes", "mattresses", 10, 96},
	{"liquidificadores", NULL, 10, 220},
	{"impressoras", "printers", 9, 76},
	{"cobertores", "blankets", 5, 21},
	{"roupa_infantil", "childrens_clothes", 5, 59},
	{"computadores_de_jogo", NULL, 3, 143},
	{"seguros", "insurance", 2, 118},
	{"fitas_cassete", "cassettes", 1, 43}};

static const OlistKnot price_knots[] = {
	{0, 120},	   {100, 950},	  {500, 1490},	 {1000, 2090},	{2500, 3690},	{5000, 6590},
	{7500, 12000}, {9000, 20900}, {9500, 31500}, {9900, 79000}, {9990, 180000}, {10000, 300000}};
static const OlistKnot weight_knots[] = {{0, 50},	   {100, 60},	  {1000, 175},
										 {2500, 300},  {5000, 700},	  {7500, 1900},
										 {9000, 6300}, {9900, 22550}, {10000, 40000}};
static const OlistKnot length_knots[] = {{0, 16},	 {2500, 18},  {5000, 25},  {7500, 38},
										 {9000, 53}, {9900, 100}, {10000, 105}};
static const OlistKnot height_knots[] = {{0, 2},	 {1000, 4},	 {2500, 8},	 {5000, 13},
										 {7500, 21}, {9000, 33}, {9900, 69}, {10000, 105}};
static const OlistKnot width_knots[] = {{0, 8},		{1000, 11}, {2500, 15}, {5000, 20},
										{7500, 30}, {9000, 40}, {9900, 63}, {10000, 118}};
static const OlistKnot name_knots[] = {{0, 5},	   {100, 20},  {1000, 33}, {2500, 42},
									   {5000, 51}, {7500, 57}, {9900, 63}, {10000, 76}};
static const OlistKnot description_knots[] = {{0, 4},		{100, 84},	  {1000, 207},
											  {2500, 339},	{5000, 595},  {7500, 972},
											  {9000, 1578}, {9900, 3287}, {10000, 3992}};
static const uint16 photo_weights[20] = {16489, 6263, 3860, 2428, 1484, 968, 343, 192, 105, 95,
										 46,	35,	  9,	5,	  8,	1,	 7,	  2,   1,	1};
#define PHOTOS_TOTAL 32342

/* of so much of the shelf, who owns the end: millionths of the sellers */
static const OlistKnot shelf_knots[] = {
	{0, 0},			{500, 1300},	{900, 3200},	{1400, 6200},	{1900, 10000},
	{2900, 20000},	{3800, 35000},	{4500, 50000},	{5450, 75000},	{6100, 100000},
	{7100, 150000}, {7800, 200000}, {8300, 250000}, {8700, 300000}, {9250, 400000},
	{9600, 500000}, {9830, 600000}, {9940, 700000}, {10000, 800000}};

/* the category, -1 for none */
static int
category_of(const OlistSamplePlan *plan, uint64 product)
{
	uint64 place = olist_shuffle_to(&plan->shuffle[OLIST_SHUFFLE_CATEGORY], product);
	int low = 0;
	int high = OLIST_SAMPLE_CATEGORIES - 1;

	if (place < plan->uncategorized)
		return -1;
	while (low < high)
	{
		int middle = (low + high) / 2;

		if (place < plan->category_end[middle])
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

/* what a price ends in, when it is not left as it came */
static int64
round_price(int64 cents, uint32 way)
{
	static const int endings[] = {90, 99, 0, 90, 50};

	if (way < lengthof(endings) && cents >= 200)
		cents = cents / 100 * 100 + endings[way];
	return cents;
}

int64
olist_sample_price(const OlistSamplePlan *plan, uint64 product, int month, int *weight)
{
	OlistDice dice = olist_sample_dice(plan, OLIST_SUBJECT_PRODUCT, product);
	OlistDice season = olist_sample_dice(plan, OLIST_SUBJECT_PRICE, product * 32 + month);
	int category = category_of(plan, product);
	int64 cents = olist_dice_spread(&dice, price_knots);

	*weight = olist_dice_spread(&dice, weight_knots);
	if (category >= 0)
		cents = Max(cents * olist_sample_categories[category].price / 100, 85);
	cents = round_price(cents, olist_dice_below(&dice, 8));
	/* now and then it is raised or reduced */
	if (olist_dice_chance(&season, 2500) && cents > 200)
		cents = round_price(cents * (85 + olist_dice_below(&season, 30)) / 100, 0);
	return cents;
}

void
olist_sample_product(const OlistSamplePlan *plan, uint64 number, OlistSampleProduct *product)
{
	uint64 place = olist_shuffle_to(&plan->shuffle[OLIST_SHUFFLE_CATEGORY], number);
	OlistDice dice = olist_sample_dice(plan, OLIST_SUBJECT_PRODUCT, number + plan->products);

	olist_sample_price(plan, number, 0, &product->weight);
	product->category = category_of(plan, number);
	product->name_length = olist_dice_spread(&dice, name_knots);
	product->description_length = olist_dice_spread(&dice, description_knots);
	product->photos = 1 + olist_dice_pick(&dice, photo_weights, PHOTOS_TOTAL);
	product->length = olist_dice_spread(&dice, length_knots);
	product->height = olist_dice_spread(&dice, height_knots);
	product->width = olist_dice_spread(&dice, width_knots);

	/* half of those without dimensions are also without a category */
	product->has_dimensions =
		place < plan->uncategorized - plan->dimensionless / 2 ||
		place >= plan->uncategorized + plan->dimensionless - plan->dimensionless / 2;
	if (place >= plan->products - plan->weightless)
		product->weight = 0;
}

uint64
olist_sample_draw_product(const OlistSamplePlan *plan, OlistDice *dice)
{
	/*
	 * x^5 of an x in 1/6 … 1, in 2^-16: the best seller sells some 500 times,
	 * half of all products not a second time.
	 */
	uint64 x = 10923 + olist_dice_below(dice, 65536 - 10923);
	uint64 x2 = x * x >> 16;
	uint64 x4 = x2 * x2 >> 10;
	uint64 x5 = (x4 * x >> 16) - (65536 * 64 / 7776);
	uint64 fine = olist_dice_roll(dice) >> 32;

	/* in 2^-22; the lower digits fill the gaps between the steps of x */
	return Min((x5 * plan->products >> 22) + (fine * (1 + (plan->products >> 13)) >> 32),
			   plan->products - 1);
}

uint64
olist_sample_neighbour(const OlistSamplePlan *plan, uint64 product)
{
	const OlistShuffle *shelf = &plan->shuffle[OLIST_SHUFFLE_SHELF];
	uint64 place = olist_shuffle_to(shelf, product);

	return olist_shuffle_from(shelf, (place + 1) % plan->products);
}

uint64
olist_sample_seller_of(const OlistSamplePlan *plan, uint64 product)
{
	uint64 place = olist_shuffle_to(&plan->shuffle[OLIST_SHUFFLE_SHELF], product);
	uint64 shared = plan->products - plan->sellers;

	if (place < plan->sellers)
		return place;
	return plan->sellers *
		   olist_knots_at(shelf_knots, ((place - plan->sellers) * 10000 << 16) / shared) / 1000000;
}
