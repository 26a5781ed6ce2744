/*
 * sample/phrase.c
 *		What people write in reviews.
 *
 * One to four sentences of the mood that the score suggests. They hold what
 * makes a CSV reader's life hard: commas, quotes, accents, characters outside
 * the basic plane, line ends and blanks at the end.
 */
#include "postgres.h"

#include "sample/phrase.h"

#include "sample/text.h"

typedef struct Mood
{
	const char *const *titles;
	int title_count;
	const char *const *sentences;
	int sentence_count;
} Mood;

static const char *const good_titles[] = {"Recomendo",
										  "Ótimo",
										  "Muito bom",
										  "Adorei",
										  "super recomendo",
										  "Excelente compra",
										  "Nota 10",
										  "Perfeito!",
										  "Entrega rápida",
										  "Produto de qualidade",
										  "Satisfeita",
										  "Bom, bonito, barato",
										  "10",
										  "Gostei muito 👏",
										  "Tudo certo "};
static const char *const fair_titles[] = {
	"Razoável", "Regular",	  "Mais ou menos", "Poderia ser melhor", "Bom, mas demorou",
	"Ok",		"3 estrelas", "Atraso",		   "Esperava mais"};
static const char *const bad_titles[] = {"Não recebi",
										 "Péssimo",
										 "Não recomendo",
										 "Produto errado",
										 "Decepcionada",
										 "Cadê o pedido?",
										 "Veio com defeito",
										 "Propaganda \"enganosa\"",
										 "Horrível",
										 "Quero reembolso",
										 "Veio faltando, sem resposta"};

static const char *const good_sentences[] = {"Chegou antes do prazo.",
											 "Produto muito bom, igual à descrição.",
											 "Gostei bastante, recomendo a loja.",
											 "Entrega rápida e bem embalado!",
											 "Ótima qualidade pelo preço.",
											 "Minha filha adorou o presente.",
											 "Já é a segunda vez que compro e não me arrependo.",
											 "Atendeu às minhas expectativas",
											 "tudo certo",
											 "Parabéns pela atenção, voltarei a comprar.",
											 "Veio direitinho, sem nenhum arranhão.",
											 "MUITO BOM",
											 "O vendedor respondeu na hora, nota 10.",
											 "Lindo, macio e confortável.",
											 "Funciona perfeitamente, instalei em 5 minutos.",
											 "Preço justo; frete barato.",
											 "Compra segura, podem confiar.",
											 "Recebi hoje e estou encantada 😍",
											 "Superou o que eu esperava!!!",
											 "obrigada"};
static const char *const fair_sentences[] = {"O produto é bom, mas demorou a chegar.",
											 "A cor é um pouco diferente da foto.",
											 "Embalagem simples demais, quase rasgou.",
											 "Esperava um acabamento melhor pelo valor.",
											 "Veio só uma parte do pedido, o resto chegou depois.",
											 "Não é ruim, porém não compraria de novo.",
											 "O manual está em inglês, difícil de entender.",
											 "Cumpre o que promete e só",
											 "menor do que eu pensava",
											 "Serve para o dia a dia.",
											 "O prazo \"de até 10 dias\" não foi cumprido.",
											 "Tive que ir buscar nos Correios, ninguém avisou."};
static const char *const bad_sentences[] = {"Ainda não recebi o produto e ninguém me responde.",
											"Veio com defeito, quero trocar.",
											"Comprei duas unidades e só chegou uma.",
											"Mandaram a cor errada, já reclamei três vezes.",
											"Péssimo atendimento.",
											"O prazo passou faz tempo, cadê meu pedido?",
											"Produto de baixa qualidade, quebrou no primeiro uso.",
											"quero meu dinheiro de volta",
											"NÃO RECOMENDO ESSA LOJA",
											"A nota fiscal veio em nome de outra pessoa.",
											"No site diz \"entregue\", mas aqui não chegou nada.",
											"Parece falsificado, a etiqueta está torta.",
											"Paguei o frete à toa; tive que devolver.",
											"Peça faltando, impossível montar.",
											"Decepção total...",
											"Até agora nada, estou aguardando há 40 dias."};

static const Mood moods[] = {
	{bad_titles, lengthof(bad_titles), bad_sentences, lengthof(bad_sentences)},
	{fair_titles, lengthof(fair_titles), fair_sentences, lengthof(fair_sentences)},
	{good_titles, lengthof(good_titles), good_sentences, lengthof(good_sentences)}};

static const Mood *
mood_of(int score)
{
	return &moods[score <= 2 ? 0 : score == 3 ? 1 : 2];
}

int
olist_sample_title(OlistDice *dice, int score, char *out)
{
	const Mood *mood = mood_of(score);

	return put_string(out, mood->titles[olist_dice_below(dice, mood->title_count)]) - out;
}

int
olist_sample_message(OlistDice *dice, int score, bool lines, char *out)
{
	static const uint16 sentence_weights[] = {45, 30, 17, 8};
	const Mood *mood = mood_of(score);
	int sentences = 1 + olist_dice_pick(dice, sentence_weights, 100);
	int next = olist_dice_below(dice, mood->sentence_count);
	char *end = out;

	for (int i = 0; i < sentences; i++)
	{
		if (i > 0)
			end = put_string(end, !lines						  ? " "
								  : olist_dice_chance(dice, 2500) ? "\r\n\r\n"
																  : "\r\n");
		end = put_string(end, mood->sentences[next]);
		/* never the same sentence twice: fewer than a third of them are used */
		next = (next + 1 + olist_dice_below(dice, mood->sentence_count / 4)) % mood->sentence_count;
	}
	if (lines && sentences == 1)
		end = put_string(end, "\r\n");
	else if (olist_dice_chance(dice, 700))
		end = put_string(end, " ");
	return end - out;
}
