/*
 * asl/recall.c
 *		Where a branch stood, folded from its events.
 */
#include "postgres.h"

#include "asl/executor.h"

#include "common/string.h"

void
olist_recall_init(OlistRecall *recall)
{
	memset(recall, 0, sizeof(OlistRecall));
	recall->variables = olist_json_object();
}

static void
recall_entered(OlistRecall *recall, const OlistEvent *event)
{
	const OlistJson *input = olist_json_get(event->details, "input");

	recall->state = pstrdup(olist_json_get(event->details, "name")->text);
	recall->input = input == NULL ? olist_json_object() : olist_json_copy(input);
	recall->entered_id = event->id;
	recall->entered_at = event->at;
	recall->scope = 0;
	recall->scheduled_id = 0;
	recall->attempts = 0;
	recall->failed = false;
	recall->ended = false;
	recall->output = NULL;
}

/* variables are recorded as the text of their JSON values */
static void
recall_variables(OlistRecall *recall, const OlistJson *assigned)
{
	for (int i = 0; assigned != NULL && i < assigned->count; i++)
	{
		const OlistJsonMember *member = &assigned->members[i];
		OlistJsonError error;
		OlistJson *value = olist_json_parse(member->value->text, member->value->count, &error);

		if (value != NULL)
			olist_json_set_n(recall->variables, member->key, member->key_len, value);
	}
}

static void
recall_exited(OlistRecall *recall, const OlistEvent *event)
{
	const OlistJson *output = olist_json_get(event->details, "output");

	if (recall->failed)
	{
		recall->caught_state = recall->state;
		recall->caught_input = recall->input;
		recall->caught_entered_id = recall->entered_id;
		recall->caught_entered_at = recall->entered_at;
		recall->caught_scope = recall->scope;
	}
	recall_variables(recall, olist_json_get(event->details, "assignedVariables"));
	recall->ended = true;
	recall->output = output == NULL ? olist_json_object() : olist_json_copy(output);
	recall->state = NULL;
	recall->scope = 0;
	recall->scheduled_id = 0;
}

/* go back from the Fail state that reported an error to the state that had it */
static void
recall_fail_state(OlistRecall *recall)
{
	if (recall->caught_state == NULL)
		return;
	recall->state = recall->caught_state;
	recall->input = recall->caught_input;
	recall->entered_id = recall->caught_entered_id;
	recall->entered_at = recall->caught_entered_at;
	recall->scope = recall->caught_scope;
	recall->failed = true;
}

void
olist_recall_event(OlistRecall *recall, const OlistEvent *event)
{
	const char *type = event->type;

	recall->started = true;
	recall->last_id = event->id;
	if (pg_str_endswith(type, "StateEntered"))
	{
		recall_entered(recall, event);
		if (strcmp(type, "FailStateEntered") == 0)
			recall_fail_state(recall);
	}
	else if (pg_str_endswith(type, "StateExited"))
		recall_exited(recall, event);
	else if (strcmp(type, "TaskScheduled") == 0)
	{
		recall->scheduled_id = event->id;
		recall->attempts++;
		recall->failed = false;
	}
	else if (strcmp(type, "TaskSucceeded") == 0)
		recall->scheduled_id = 0;
	else if (strcmp(type, "TaskFailed") == 0 || strcmp(type, "TaskTimedOut") == 0)
	{
		recall->scheduled_id = 0;
		recall->failed = true;
	}
	else if (strcmp(type, "MapStateStarted") == 0 || strcmp(type, "ParallelStateStarted") == 0)
	{
		recall->scope = event->id;
		recall->failed = false;
	}
	else if (strcmp(type, "MapStateFailed") == 0 || strcmp(type, "ParallelStateFailed") == 0)
		recall->failed = true;
}
