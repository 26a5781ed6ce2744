/*
 * asl/events.c
 *		Lines of history: their numbers, their chain, their names.
 */
#include "postgres.h"

#include "asl/execution.h"

static const char *const entered[] = {
	"PassStateEntered",	   "TaskStateEntered", "ChoiceStateEntered",   "WaitStateEntered",
	"SucceedStateEntered", "FailStateEntered", "ParallelStateEntered", "MapStateEntered"};

static const char *const exited[] = {"PassStateExited",		"TaskStateExited",
									 "ChoiceStateExited",	"WaitStateExited",
									 "SucceedStateExited",	NULL,
									 "ParallelStateExited", "MapStateExited"};

static const char *const aborted[] = {NULL,
									  "TaskStateAborted",
									  NULL,
									  "WaitStateAborted",
									  NULL,
									  NULL,
									  "ParallelStateAborted",
									  "MapStateAborted"};

const char *
olist_event_entered(OlistStateKind kind)
{
	return entered[kind];
}

const char *
olist_event_exited(OlistStateKind kind)
{
	return exited[kind];
}

const char *
olist_event_aborted(OlistStateKind kind)
{
	return aborted[kind];
}

OlistJson *
olist_event_failure(const OlistFailure *failure)
{
	OlistJson *details = olist_json_object();

	if (failure->error != NULL)
		olist_json_set(details, "error", olist_json_string(failure->error));
	if (failure->cause != NULL)
		olist_json_set(details, "cause", olist_json_string(failure->cause));
	return details;
}

/* AWS's name of the member that holds the details of such an event, in the current context */
static const char *
details_member(const char *type)
{
	char *name;

	if (strstr(type, "StateEntered") != NULL)
		return "stateEnteredEventDetails";
	if (strstr(type, "StateExited") != NULL)
		return "stateExitedEventDetails";
	name = psprintf("%sEventDetails", type);
	name[0] = (char) (name[0] - 'A' + 'a');
	return name;
}

/* the state that an event is about: the one it names, else the one the branch is in */
static const char *
subject(const OlistBranch *branch, const OlistJson *details)
{
	const OlistJson *name = olist_json_get(details, "name");

	if (name != NULL)
		return name->text;
	return branch->state == NULL ? NULL : branch->state->name;
}

int64
olist_event_emit_aside(OlistExecution *execution, OlistBranch *branch, const char *type,
					   int64 previous_id, OlistJson *details)
{
	OlistEvent event = {.id = ++execution->last_event_id,
						.previous_id = previous_id,
						.type = type,
						.at = execution->hooks->now(execution->hooks->arg),
						.scope = branch->scope,
						.item = branch->item,
						.state = subject(branch, details),
						.details = details,
						.details_member = details == NULL ? NULL : details_member(type)};

	execution->hooks->emit(execution->hooks->arg, &event);
	return event.id;
}

int64
olist_event_emit(OlistExecution *execution, OlistBranch *branch, const char *type,
				 OlistJson *details)
{
	branch->last_id = olist_event_emit_aside(execution, branch, type, branch->last_id, details);
	return branch->last_id;
}

void
olist_event_note_resource(OlistJson *details, const char *resource)
{
	const char *service = strstr(resource, ":states:::");
	const char *colon;

	if (strncmp(resource, "olist:", 6) == 0)
	{
		olist_json_set(details, "resourceType", olist_json_string("olist"));
		olist_json_set(details, "resource", olist_json_string(resource + 6));
		return;
	}
	colon = service == NULL ? NULL : strchr(service + 10, ':');
	if (colon == NULL)
	{
		olist_json_set(details, "resource", olist_json_string(resource));
		return;
	}
	olist_json_set(details, "resourceType",
				   olist_json_string_n(service + 10, (int) (colon - service - 10)));
	olist_json_set(details, "resource", olist_json_string(colon + 1));
}
