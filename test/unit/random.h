/*
 * unit/random.h
 *		Checks, and inputs made at random from the pieces that matter. Included
 *		once in a test, which is one program.
 */
#ifndef OLIST_UNIT_RANDOM_H
#define OLIST_UNIT_RANDOM_H

#include "lib/stringinfo.h"
#include "utils/memutils.h"

static int failures;

#define CHECK(condition)                                                    \
	do                                                                      \
	{                                                                       \
		if (!(condition))                                                   \
		{                                                                   \
			failures++;                                                     \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition); \
		}                                                                   \
	} while (0)

static uint64 random_state;

static uint32
random_number(uint32 below)
{
	random_state =
		random_state * UINT64CONST(6364136223846793005) + UINT64CONST(1442695040888963407);
	return (uint32) (random_state >> 33) % below;
}

static bool
chance(uint32 of)
{
	return random_number(of) == 0;
}

/* some of these words, one after the other; n of them */
static pg_attribute_unused() void append_words(StringInfo out, const char *const *words, int nwords,
											   int n)
{
	for (int i = 0; i < n; i++)
		appendStringInfoString(out, words[random_number(nwords)]);
}

#define APPEND_WORDS(out, words, n) append_words(out, words, lengthof(words), n)

/* change, drop or add a few bytes; never a NUL */
static pg_attribute_unused() void damage(StringInfo text)
{
	for (uint32 n = random_number(4); n > 0 && text->len > 0; n--)
	{
		char *at = text->data + random_number(text->len);

		if (chance(2))
			*at = (char) (1 + random_number(255));
		else
			text->data[text->len = (int) (at - text->data)] = '\0';
	}
}

/* one of a program's tests */
typedef struct UnitTest
{
	void (*test)(void);
	const char *what;
	int divisor; /* of the number of iterations */
} UnitTest;

/* do it in a context of its own, which must give everything back */
static pg_attribute_unused() void within_context(void (*test)(void))
{
	MemoryContext context = AllocSetContextCreate(TopMemoryContext, "case", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);

	test();
	CurrentMemoryContext = old;
	MemoryContextDelete(context);
}

#ifndef FUZZ
/* argv: iterations, seed; writes TAP, and returns the program's exit status */
static int
run_tests(int argc, char **argv, const UnitTest *tests, int ntests)
{
	int iterations = argc > 1 ? atoi(argv[1]) : 20000;
	int before = 0;

	random_state = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
	printf("1..%d\n", ntests);
	for (int i = 0; i < ntests; i++)
	{
		for (int n = 0; n <= iterations / tests[i].divisor && failures < 10; n++)
			within_context(tests[i].test);
		printf("%sok %d - %s\n", failures > before ? "not " : "", i + 1, tests[i].what);
		before = failures;
	}
	return failures > 0;
}
#endif

#endif /* OLIST_UNIT_RANDOM_H */
