/*
 * asl/retry.c
 *		Matching errors against ErrorEquals, and the arithmetic of waiting.
 *
 * States.ALL matches everything but States.Runtime; so Step Functions was
 * recorded to do, although its manual also exempts States.DataLimitExceeded.
 * States.TaskFailed matches everything but States.Timeout and States.Runtime.
 */
#include "postgres.h"

#include <math.h>

#include "asl/retry.h"

/* no wait is longer: Step Functions' own bound on an execution, a year */
#define MAX_DELAY_SECONDS (366.0 * 86400)

static bool
name_matches(const char *name, const char *error)
{
	if (strcmp(name, error) == 0)
		return true;
	if (strcmp(error, "States.Runtime") == 0)
		return false;
	return strcmp(name, "States.ALL") == 0 ||
		   (strcmp(name, "States.TaskFailed") == 0 && strcmp(error, "States.Timeout") != 0);
}

bool
olist_retry_matches(const OlistJson *holder, const char *error)
{
	const OlistJson *names = olist_json_get(holder, "ErrorEquals");

	for (int i = 0; names != NULL && i < names->count; i++)
	{
		if (name_matches(names->items[i]->text, error == NULL ? "" : error))
			return true;
	}
	return false;
}

int
olist_retry_find(const OlistJson *state, const char *error)
{
	const OlistJson *retriers = olist_json_get(state, "Retry");

	for (int i = 0; retriers != NULL && i < retriers->count; i++)
	{
		if (olist_retry_matches(retriers->items[i], error))
			return i;
	}
	return -1;
}

const OlistJson *
olist_retry_catcher(const OlistJson *state, const char *error)
{
	const OlistJson *catchers = olist_json_get(state, "Catch");

	for (int i = 0; catchers != NULL && i < catchers->count; i++)
	{
		if (olist_retry_matches(catchers->items[i], error))
			return catchers->items[i];
	}
	return NULL;
}

static double
number_field(const OlistJson *holder, const char *name, double fallback)
{
	const OlistJson *field = olist_json_get(holder, name);

	return field == NULL || field->type != OLIST_JSON_NUMBER ? fallback
															 : olist_json_to_double(field);
}

bool
olist_retry_allows(const OlistJson *retrier, int done)
{
	return done < number_field(retrier, "MaxAttempts", 3);
}

int64
olist_retry_delay(const OlistJson *retrier, int done, OlistRandom *random)
{
	double seconds = number_field(retrier, "IntervalSeconds", 1) *
					 pow(number_field(retrier, "BackoffRate", 2.0), done);

	seconds = Min(seconds, number_field(retrier, "MaxDelaySeconds", MAX_DELAY_SECONDS));
	if (!(seconds <= MAX_DELAY_SECONDS))
		seconds = MAX_DELAY_SECONDS;
	if (olist_json_is_string(olist_json_get(retrier, "JitterStrategy"), "FULL"))
		seconds *= olist_random_next(random);
	return (int64) (seconds * 1000000);
}
