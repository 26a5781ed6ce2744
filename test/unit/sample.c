/*
 * test/unit/sample.c
 *		The data set generator outside the server, with assertions and under the
 *		sanitizers: every byte of every file at a given scale and seed.
 *
 *		sample SCALE SEED
 *
 * Checks besides: what is read does not depend on how much is asked for at a
 * time, and the months of a file hold as many rows as the whole file.
 */
#include "postgres.h"

#include "sample/sample.h"
#include "server.h"

static uint64
hash_bytes(uint64 hash, const char *data, size_t len)
{
	for (size_t i = 0; i < len; i++)
		hash = (hash ^ (unsigned char) data[i]) * UINT64CONST(0x100000001b3);
	return hash;
}

/* read a file to its end, so many bytes at a time; returns its rows */
static int64
read_all(int entity, double scale, int64 seed, int month, size_t step, uint64 *hash)
{
	OlistSample *sample = olist_sample_open(entity, scale, seed, month);
	char *buf = palloc(step);
	int64 rows;
	size_t n;

	*hash = UINT64CONST(0xcbf29ce484222325);
	while ((n = olist_sample_read(sample, buf, step)) > 0)
		*hash = hash_bytes(*hash, buf, n);
	rows = olist_sample_rows(sample);
	olist_sample_close(sample);
	pfree(buf);
	return rows;
}

/* one line of TAP; returns 1 if it is a failure */
static int
report(bool good, int entity, const char *what)
{
	static int number = 0;

	printf("%sok %d - %s: %s\n", good ? "" : "not ", ++number, olist_sample_file_name(entity),
		   what);
	return good ? 0 : 1;
}

int
main(int argc, char **argv)
{
	double scale = argc > 1 ? atof(argv[1]) : 0.01;
	int64 seed = argc > 2 ? atoll(argv[2]) : 1;
	int failures = 0;
	int tests = 0;

	for (int entity = 0; entity < OLIST_SAMPLE_ENTITIES; entity++)
	{
		uint64 hash;
		uint64 other;
		int64 rows = read_all(entity, scale, seed, OLIST_SAMPLE_WHOLE, 65536, &hash);
		int64 sum = 0;

		read_all(entity, scale, seed, OLIST_SAMPLE_WHOLE, 977, &other);
		failures += report(rows > 0 && hash == other, entity, "the same bytes in small steps");
		tests++;
		if (!olist_sample_is_monthly(entity))
			continue;
		for (int month = 0; month < OLIST_SAMPLE_MONTHS; month++)
			sum += read_all(entity, scale, seed, month, 65536, &other);
		failures += report(sum == rows, entity, "as many rows in months");
		tests++;
	}
	printf("1..%d\n", tests);
	return failures > 0;
}
