/*
 * asl/definition.c
 *		From a valid definition to states that know each other.
 */
#include "postgres.h"

#include "asl/definition.h"

#include "miscadmin.h"

static const char *const kind_names[] = {"Pass",	"Task", "Choice",	"Wait",
										 "Succeed", "Fail", "Parallel", "Map"};

bool
olist_state_kind(const char *type, OlistStateKind *kind)
{
	for (size_t i = 0; i < lengthof(kind_names); i++)
	{
		if (strcmp(kind_names[i], type) == 0)
		{
			*kind = (OlistStateKind) i;
			return true;
		}
	}
	return false;
}

const char *
olist_state_kind_name(OlistStateKind kind)
{
	return kind_names[kind];
}

const OlistState *
olist_sequence_find(const OlistSequence *sequence, const char *name)
{
	int at = olist_json_find(olist_json_get(sequence->json, "States"), name, (int) strlen(name));

	return at < 0 ? NULL : &sequence->states[at];
}

const OlistJson *
olist_map_processor(const OlistJson *state)
{
	const OlistJson *processor = olist_json_get(state, "ItemProcessor");

	return processor != NULL ? processor : olist_json_get(state, "Iterator");
}

bool
olist_map_is_distributed(const OlistJson *state)
{
	const OlistJson *config = olist_json_get(olist_map_processor(state), "ProcessorConfig");

	return olist_json_is_string(olist_json_get(config, "Mode"), "DISTRIBUTED");
}

static void build_sequence(OlistSequence *sequence, const OlistJson *json);

static void
build_parts(OlistState *state)
{
	if (state->kind == OLIST_STATE_PARALLEL)
	{
		const OlistJson *branches = olist_json_get(state->json, "Branches");

		state->part_count = branches->count;
		state->parts = palloc0(branches->count * sizeof(OlistSequence));
		for (int i = 0; i < branches->count; i++)
			build_sequence(&state->parts[i], branches->items[i]);
	}
	else if (state->kind == OLIST_STATE_MAP)
	{
		state->part_count = 1;
		state->parts = palloc0(sizeof(OlistSequence));
		build_sequence(state->parts, olist_map_processor(state->json));
		state->distributed = olist_map_is_distributed(state->json);
	}
}

static void
build_sequence(OlistSequence *sequence, const OlistJson *json)
{
	const OlistJson *states = olist_json_get(json, "States");

	check_stack_depth();
	sequence->json = json;
	sequence->count = states->count;
	sequence->states = palloc0(states->count * sizeof(OlistState));
	for (int i = 0; i < states->count; i++)
	{
		OlistState *state = &sequence->states[i];
		const OlistJson *next;

		state->name = states->members[i].key;
		state->json = states->members[i].value;
		state->sequence = sequence;
		olist_state_kind(olist_json_get(state->json, "Type")->text, &state->kind);
		next = olist_json_get(state->json, "Next");
		if (next != NULL)
			state->next = olist_sequence_find(sequence, next->text);
		build_parts(state);
	}
	sequence->start = olist_sequence_find(sequence, olist_json_get(json, "StartAt")->text);
}

OlistMachine *
olist_definition_build(const OlistJson *definition)
{
	OlistMachine *machine = palloc0(sizeof(OlistMachine));

	build_sequence(&machine->top, definition);
	olist_json_to_int64(olist_json_get(definition, "TimeoutSeconds"), &machine->timeout_seconds);
	return machine;
}
