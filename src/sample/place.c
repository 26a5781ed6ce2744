/*
 * sample/place.c
 *		States, zip prefixes and cities, and where a customer or a seller lives.
 *
 * States, their capitals, their postal ranges and the share of commerce in
 * each are Brazil's. Everything below is invented: prefixes are spread evenly
 * over a state's range, the first of them belong to the capital, and the names
 * of the other cities are put together from common parts of such names.
 */
#include "postgres.h"

#include "sample/place.h"

#include "sample/text.h"

/* of every 10 prefixes of a state, so many are the capital's */
#define CAPITAL_TENTHS 1

const OlistSampleState olist_sample_states[OLIST_SAMPLE_STATES] = {
	{"SP", "são paulo", "são paulo", 1000, 19999, 6403, 629, 41746, 1849, -2355, -4663, -2440,
	 -2010, -5250, -4560, 100},
	{"RJ", "rio de janeiro", "rio de janeiro", 20000, 28999, 1400, 149, 12852, 171, -2291, -4320,
	 -2310, -2110, -4430, -4130, 150},
	{"MG", "minas gerais", "belo horizonte", 30000, 39999, 1884, 745, 11635, 244, -1992, -4394,
	 -2210, -1530, -4960, -4060, 140},
	{"RS", "rio grande do sul", "porto alegre", 90000, 99999, 1142, 379, 5466, 129, -3003, -5123,
	 -3180, -2770, -5640, -5060, 170},
	{"PR", "paraná", "curitiba", 80000, 87999, 1055, 364, 5045, 349, -2543, -4927, -2570, -2290,
	 -5400, -4940, 140},
	{"SC", "santa catarina", "florianópolis", 88000, 89999, 625, 240, 3637, 190, -2760, -4855,
	 -2820, -2650, -5300, -4890, 165},
	{"BA", "bahia", "salvador", 40000, 48999, 1000, 353, 3380, 19, -1297, -3850, -1720, -1010,
	 -4510, -3980, 215},
	{"DF", "distrito federal", "brasília", 70000, 72799, 520, 6, 2140, 30, -1579, -4788, -1595,
	 -1560, -4815, -4745, 150},
	{"ES", "espírito santo", "vitória", 29000, 29999, 318, 95, 2033, 23, -2032, -4034, -2090, -1840,
	 -4130, -4010, 175},
	{"GO", "goiás", "goiânia", 73700, 76799, 780, 178, 2020, 40, -1668, -4925, -1880, -1350, -5180,
	 -4680, 175},
	{"PE", "pernambuco", "recife", 50000, 56999, 600, 152, 1652, 9, -805, -3495, -880, -770, -4030,
	 -3510, 210},
	{"CE", "ceará", "fortaleza", 60000, 63999, 553, 161, 1336, 13, -373, -3853, -720, -330, -4070,
	 -3790, 235},
	{"PA", "pará", "belém", 66000, 68899, 311, 89, 975, 1, -146, -4849, -780, -120, -5560, -4690,
	 270},
	{"MT", "mato grosso", "cuiabá", 78000, 78899, 256, 101, 907, 4, -1560, -5610, -1700, -1040,
	 -5880, -5240, 205},
	{"MA", "maranhão", "são luís", 65000, 65999, 316, 122, 747, 1, -253, -4430, -760, -290, -4680,
	 -4330, 245},
	{"MS", "mato grosso do sul", "campo grande", 79000, 79999, 244, 67, 715, 5, -2047, -5462, -2330,
	 -1890, -5680, -5240, 175},
	{"PB", "paraíba", "joão pessoa", 58000, 58999, 326, 92, 536, 6, -712, -3495, -770, -660, -3810,
	 -3510, 230},
	{"PI", "piauí", "teresina", 64000, 64999, 308, 72, 495, 1, -509, -4280, -930, -370, -4440,
	 -4140, 220},
	{"RN", "rio grande do norte", "natal", 59000, 59999, 282, 90, 485, 5, -579, -3525, -640, -510,
	 -3810, -3530, 225},
	{"AL", "alagoas", "maceió", 57000, 57999, 180, 68, 413, 0, -966, -3573, -1000, -900, -3720,
	 -3590, 265},
	{"SE", "sergipe", "aracaju", 49000, 49999, 137, 46, 350, 2, -1091, -3707, -1130, -980, -3800,
	 -3710, 245},
	{"TO", "tocantins", "palmas", 77000, 77999, 185, 56, 280, 0, -1018, -4833, -1250, -620, -4950,
	 -4730, 210},
	{"RO", "rondônia", "porto velho", 76800, 76999, 108, 35, 253, 2, -876, -6390, -1280, -880,
	 -6390, -6050, 230},
	{"AM", "amazonas", "manaus", 69000, 69299, 144, 5, 148, 1, -311, -6002, -450, -260, -6420,
	 -5720, 310},
	{"AC", "acre", "rio branco", 69900, 69999, 46, 8, 81, 1, -997, -6781, -1010, -830, -7010, -6750,
	 250},
	{"AP", "amapá", "macapá", 68900, 68999, 26, 6, 68, 0, 3, -5107, 20, 210, -5190, -5080, 320},
	{"RR", "roraima", "boa vista", 69300, 69399, 28, 2, 46, 0, 282, -6067, 150, 350, -6140, -6010,
	 340}};

/* the weights' sums, to draw a state by them */
#define CUSTOMERS_TOTAL 99441
#define SELLERS_TOTAL 3095

/*
 * Parts of city names: saints, a noun with an adjective, or a word of Tupi
 * sound; some with a tail.
 */
static const char *const saints[] = {
	"são benedito",	  "santa luzia",		  "são bento",	   "santa rita",  "são tomé",
	"santo onofre",	  "santa inês",			  "são félix",	   "santa clara", "são joaquim",
	"santa verônica", "são lourenço",		  "santa cecília", "são vicente", "santa quitéria",
	"são cristóvão",  "nossa senhora da paz", "santa helena",  "são gonçalo", "santo amaro"};
static const char *const nouns[] = {"campo", "monte",	"porto",   "rio",	   "morro",	  "vale",
									"pouso", "salto",	"outeiro", "ribeirão", "córrego", "passo",
									"cerro", "recanto", "sítio",   "arraial",  "lago",	  "poço"};
static const char *const adjectives[] = {"alegre", "belo",	"claro",   "dourado", "azul",  "bonito",
										 "novo",   "verde", "formoso", "sereno",  "fundo", "branco",
										 "grande", "manso", "alto",	   "velho",	  "real",  "feliz"};
static const char *const stems[] = {"ita",	"guara", "jaca", "piri", "ube",	 "arara", "taqua",
									"capi", "ibi",	 "mara", "tapi", "cara", "jagua", "uru",
									"anha", "embu",	 "bara", "cuia", "para", "tamba", "sapu"};
static const char *const endings[] = {"tuba", "pava", "tinga", "rema", "ranga", "guaçu", "mirim",
									  "úna",  "pema", "quara", "né",   "poã",	"bira",	 "cica"};
static const char *const tails[] = {" do sul",	   " do norte",	   " da serra",		 " de minas",
									" d'oeste",	   " do vale",	   " das flores",	 " dos lagos",
									" da mata",	   " do campo",	   " das palmeiras", " da barra",
									" do paraíso", " da conceição"};

int
olist_sample_prefix_state(const OlistSamplePlan *plan, uint32 prefix)
{
	int state = 0;

	while (prefix >= plan->state_start[state + 1])
		state++;
	return state;
}

int
olist_sample_prefix_zip(const OlistSamplePlan *plan, uint32 prefix)
{
	int s = olist_sample_prefix_state(plan, prefix);
	const OlistSampleState *state = &olist_sample_states[s];
	uint64 count = plan->state_start[s + 1] - plan->state_start[s];
	uint64 range = state->zip_last - state->zip_first + 1;
	uint64 k = prefix - plan->state_start[s];
	OlistDice dice = olist_sample_dice(plan, OLIST_SUBJECT_PREFIX, prefix);

	/* steps of range / count, and a place within the step */
	return state->zip_first + k * range / count + olist_dice_below(&dice, range / count);
}

/* the i-th of count prefixes that are spread evenly over all */
static uint32
spread(const OlistSamplePlan *plan, uint64 i, uint64 count)
{
	return (2 * i + 1) * plan->prefixes / (2 * count);
}

bool
olist_sample_prefix_is_dark(const OlistSamplePlan *plan, uint32 prefix)
{
	uint64 i = (uint64) prefix * plan->dark / plan->prefixes;

	/* rounding may have put it one further down */
	return spread(plan, i, plan->dark) == prefix ||
		   (i > 0 && spread(plan, i - 1, plan->dark) == prefix);
}

/* the next prefix of the same state that is not dark */
static uint32
next_lit_prefix(const OlistSamplePlan *plan, uint32 prefix)
{
	int state = olist_sample_prefix_state(plan, prefix);

	do
	{
		if (++prefix == plan->state_start[state + 1])
			prefix = plan->state_start[state];
	} while (olist_sample_prefix_is_dark(plan, prefix));
	return prefix;
}

uint32
olist_sample_spread_prefix(const OlistSamplePlan *plan, uint32 i, uint32 count)
{
	uint32 prefix = spread(plan, i, count);

	return olist_sample_prefix_is_dark(plan, prefix) ? next_lit_prefix(plan, prefix) : prefix;
}

/*
 * A prefix of the state: some are much busier than others, most of all the
 * capital's, which come first.
 */
static uint32
draw_prefix(const OlistSamplePlan *plan, OlistDice *dice, int state)
{
	uint32 first = plan->state_start[state];
	uint32 count = plan->state_start[state + 1] - first;
	uint64 x = olist_dice_roll(dice) >> 44;
	uint64 k;
	uint32 prefix;

	/* x^3 of 20 bits: half of all live in the first eighth */
	k = (x * x >> 20) * x * count >> 40;
	prefix = first + k;
	if (olist_sample_prefix_is_dark(plan, prefix))
		prefix = next_lit_prefix(plan, prefix);
	return prefix;
}

uint32
olist_sample_home(const OlistSamplePlan *plan, uint64 person, int version)
{
	uint32 homes[3];

	for (int v = 0; v <= version; v++)
	{
		OlistDice dice = olist_sample_dice(plan, OLIST_SUBJECT_HOME, person * 4 + v);
		uint32 x = olist_dice_below(&dice, CUSTOMERS_TOTAL);
		int state = 0;

		while (x >= olist_sample_states[state].customers)
			x -= olist_sample_states[state++].customers;
		homes[v] = draw_prefix(plan, &dice, state);
		/* a removal leads to where the person has not lived before */
		for (int earlier = 0; earlier < v; earlier++)
		{
			if (homes[earlier] == homes[v])
			{
				homes[v] = next_lit_prefix(plan, homes[v]);
				earlier = -1;
			}
		}
	}
	return homes[version];
}

uint32
olist_sample_dark_home(const OlistSamplePlan *plan, uint32 d)
{
	return spread(plan, d, plan->dark);
}

uint32
olist_sample_seller_home(const OlistSamplePlan *plan, uint64 seller)
{
	uint32 dark_sellers = plan->dark - plan->dark_customer + plan->dark_shared;
	OlistDice dice = olist_sample_dice(plan, OLIST_SUBJECT_SELLER, seller);
	uint32 x;
	int state = 0;

	if (seller < dark_sellers)
		return spread(plan, plan->dark - 1 - seller, plan->dark);
	x = olist_dice_below(&dice, SELLERS_TOTAL);
	while (x >= olist_sample_states[state].sellers)
		x -= olist_sample_states[state++].sellers;
	return draw_prefix(plan, &dice, state);
}

#define PICK(dice, words) ((words)[olist_dice_below(dice, lengthof(words))])

int
olist_sample_city(const OlistSamplePlan *plan, uint32 prefix, char *out)
{
	int s = olist_sample_prefix_state(plan, prefix);
	uint32 count = plan->state_start[s + 1] - plan->state_start[s];
	uint32 k = prefix - plan->state_start[s];
	uint32 capital = (count * CAPITAL_TENTHS + 9) / 10;
	uint32 city;
	OlistDice dice;
	char *end = out;
	uint32 kind;

	if (k < capital)
		return put_string(out, olist_sample_states[s].capital) - out;
	city = (uint64) (k - capital) * olist_sample_states[s].cities / (count - capital);
	/* names do not depend on the seed: the map is the same for all */
	dice = olist_dice(s + 1, city);
	kind = olist_dice_below(&dice, 10);
	if (kind < 3)
		end = put_string(end, PICK(&dice, saints));
	else if (kind < 6)
	{
		end = put_string(end, PICK(&dice, nouns));
		end = put_string(end, " ");
		end = put_string(end, PICK(&dice, adjectives));
	}
	else
	{
		end = put_string(end, PICK(&dice, stems));
		end = put_string(end, PICK(&dice, endings));
	}
	if (olist_dice_below(&dice, 10) < 5)
		end = put_string(end, PICK(&dice, tails));
	return end - out;
}

int
olist_sample_strip_accents(char *text, int len)
{
	/* U+00C0 … U+00FF; '*' does not occur in our names */
	static const char base[] = "AAAAAA*CEEEEIIII*NOOOOO*OUUUUY**"
							   "aaaaaa*ceeeeiiii*nooooo*ouuuuy*y";
	int out = 0;

	for (int i = 0; i < len; i++)
	{
		if ((unsigned char) text[i] == 0xC3)
			text[out++] = base[(unsigned char) text[++i] - 0x80];
		else
			text[out++] = text[i];
	}
	return out;
}

#define HUNDREDTH INT64CONST(10000000000000)

void
olist_sample_prefix_middle(const OlistSamplePlan *plan, uint32 prefix, int64 *lat, int64 *lng)
{
	int s = olist_sample_prefix_state(plan, prefix);
	const OlistSampleState *state = &olist_sample_states[s];
	uint32 count = plan->state_start[s + 1] - plan->state_start[s];
	uint32 k = prefix - plan->state_start[s];
	OlistDice dice =
		olist_sample_dice(plan, OLIST_SUBJECT_PREFIX, (uint64) prefix + plan->prefixes);
	int64 fine_lat = olist_dice_below(&dice, 10000);
	int64 fine_lng = olist_dice_below(&dice, 10000);

	if (k < (count * CAPITAL_TENTHS + 9) / 10)
	{
		/* within a tenth of a degree */
		*lat = state->capital_lat * HUNDREDTH + (fine_lat - 5000) * (HUNDREDTH / 500);
		*lng = state->capital_lng * HUNDREDTH + (fine_lng - 5000) * (HUNDREDTH / 500);
		return;
	}
	*lat =
		state->south * HUNDREDTH + (state->north - state->south) * fine_lat * (HUNDREDTH / 10000);
	*lng = state->west * HUNDREDTH + (state->east - state->west) * fine_lng * (HUNDREDTH / 10000);
}
