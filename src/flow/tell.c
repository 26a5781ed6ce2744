/*
 * flow/tell.c
 *		What the user is told of a run's tasks while it goes on.
 */
#include "postgres.h"

#include "flow/tell.h"

#include "asl/datum.h"
#include "base/message.h"

/* what the user calls a task: its state, and what it is about if its argument says so */
static char *
task_label(const OlistTaskRow *task)
{
	static const char *const telling[] = {"entity", "name", "table"};
	OlistJsonError error;
	OlistJson *argument = olist_json_parse_server(task->argument, &error);

	for (int i = 0; argument != NULL && i < (int) lengthof(telling); i++)
	{
		OlistJson *value = olist_json_get(argument, telling[i]);

		if (value != NULL && value->type == OLIST_JSON_STRING)
			return psprintf("%s %s", task->state,
							olist_utf8_to_server(olist_clip(value->text, value->count)));
	}
	return pstrdup(task->state);
}

void
olist_tell_notices(const OlistJson *result)
{
	OlistJson *notices = olist_json_get(result, "notices");

	if (notices == NULL || notices->type != OLIST_JSON_ARRAY)
		return;
	for (int i = 0; i < notices->count; i++)
		if (notices->items[i]->type == OLIST_JSON_STRING)
			ereport(NOTICE, (errmsg_internal("%s", olist_utf8_to_server(notices->items[i]->text))));
}

void
olist_tell_outcome(const OlistTaskRow *task, const OlistTaskOutcome *outcome)
{
	double ms = outcome->usec / 1000.0;
	char *label = task_label(task);

	if (!outcome->succeeded)
		ereport(NOTICE, (errmsg("%s failed after %.0f ms: %s", label, ms, outcome->error),
						 outcome->cause ? errdetail_internal("%s", outcome->cause) : 0));
	else if (outcome->rows >= 0)
		ereport(NOTICE, (errmsg("%s: " INT64_FORMAT " rows in %.0f ms", label, outcome->rows, ms)));
	else
		ereport(NOTICE, (errmsg("%s: %.0f ms", label, ms)));
}
