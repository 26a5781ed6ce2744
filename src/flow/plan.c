/*
 * flow/plan.c
 *		The Olist pipeline as a graph of tasks.
 *
 *		discover ──► stage, one task an object, in the order of discover
 *		                 │ a build starts when all objects of the entities that it
 *		                 ▼ reads are staged and the tables that it looks up are built
 *		             build_dim_… ──► build_fact_… ──► publish
 *
 * Discover decides what there is to do: nothing new ends the run.
 */
#include "postgres.h"

#include "flow/plan.h"

#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

/* tries after the first, for errors that may go away, and the wait before the first of them */
#define RETRIES 3
#define RETRY_SECONDS 1

/* needs: names of nodes, or of entities, whose stage tasks count */
typedef struct Build
{
	const char *name;
	const char *needs[12];
} Build;

static const Build builds[] = {
	{"build_dim_date", {"orders", "order_items", "order_reviews"}},
	{"build_dim_geography", {"geolocation", "customers", "sellers"}},
	{"build_dim_order_status", {"orders"}},
	{"build_dim_payment_type", {"order_payments"}},
	{"build_dim_customer", {"customers", "orders", "build_dim_geography"}},
	{"build_dim_seller", {"sellers", "order_items", "build_dim_geography"}},
	{"build_dim_product", {"products", "category_translation", "order_items"}},
	{"build_fact_order",
	 {"orders", "order_items", "order_payments", "order_reviews", "build_dim_customer",
	  "build_dim_order_status"}},
	{"build_fact_order_item",
	 {"order_items", "build_dim_customer", "build_dim_product", "build_dim_seller",
	  "build_dim_geography"}},
	{"build_fact_payment", {"order_payments", "build_dim_customer", "build_dim_payment_type"}},
	{"build_fact_review", {"order_reviews", "build_dim_customer"}},
	{"publish",
	 {"build_dim_date", "build_fact_order", "build_fact_order_item", "build_fact_payment",
	  "build_fact_review"}},
};

typedef enum NodeState
{
	NODE_WAITING,
	NODE_RUNNING,
	NODE_DONE
} NodeState;

typedef struct PlanNode
{
	const char *name;	  /* shown to people */
	const char *function; /* "olist_etl.stage" */
	const char *argument;
	const char *subject;	  /* what a need names: the entity of a stage task, else the build */
	const char *const *needs; /* NULL-terminated */
	NodeState state;
	int attempts;
	TimestampTz not_before; /* of a retry */
	int64 task_id;			/* of the attempt that is running */
	int64 last_event;		/* of this node */
} PlanNode;

struct OlistPlan
{
	MemoryContext context;
	OlistEmit emit;
	void *arg;
	int64 last_id;
	List *nodes;
	bool ended;
	OlistStep end;
	const char *output; /* of the node that finished last */
};

static int64
emit(OlistPlan *plan, int64 previous_id, const char *type, const char *state, const char *details)
{
	OlistStoreEvent event = {++plan->last_id, previous_id, type,
							 state,			  details,	   GetCurrentTimestamp()};

	plan->emit(plan->arg, &event);
	return event.id;
}

static void
add_node(OlistPlan *plan, const char *function, const char *subject, const char *argument,
		 const char *const *needs)
{
	MemoryContext old = MemoryContextSwitchTo(plan->context);
	PlanNode *node = palloc0(sizeof(PlanNode));

	node->function = psprintf("olist_etl.%s", function);
	node->subject = pstrdup(subject);
	node->name =
		strcmp(function, subject) == 0 ? node->subject : psprintf("%s %s", function, node->subject);
	node->argument = pstrdup(argument);
	node->needs = needs;
	plan->nodes = lappend(plan->nodes, node);
	MemoryContextSwitchTo(old);
}

OlistPlan *
olist_plan_start(const char *input, OlistEmit emit_event, void *arg)
{
	static const char *const nothing[] = {NULL};
	OlistPlan *plan = palloc0(sizeof(OlistPlan));

	plan->context = CurrentMemoryContext;
	plan->emit = emit_event;
	plan->arg = arg;
	emit(plan, 0, "ExecutionStarted", NULL, psprintf("{\"input\": %s}", input));
	add_node(plan, "discover", "discover", "{\"source\": \"olist\"}", nothing);
	return plan;
}

/* is everything that a need names there and done? */
static bool
need_met(const OlistPlan *plan, const char *need)
{
	ListCell *lc;

	foreach (lc, plan->nodes)
	{
		const PlanNode *node = lfirst(lc);

		if (strcmp(node->subject, need) == 0 && node->state != NODE_DONE)
			return false;
	}
	return true;
}

static bool
is_ready(const OlistPlan *plan, const PlanNode *node)
{
	for (int i = 0; node->needs[i] != NULL; i++)
		if (!need_met(plan, node->needs[i]))
			return false;
	return true;
}

static void
start_node(OlistPlan *plan, PlanNode *node, OlistStep *step)
{
	node->state = NODE_RUNNING;
	if (node->attempts == 0)
		node->last_event = emit(plan, 1, "TaskStateEntered", node->name, node->argument);
	node->task_id = emit(plan, node->last_event, "TaskScheduled", node->name, NULL);
	node->last_event = node->task_id;
	step->kind = OLIST_STEP_TASK;
	step->task = (OlistStoreTask){node->task_id, node->attempts++, node->name, node->function,
								  node->argument};
}

void
olist_plan_next(OlistPlan *plan, OlistStep *step)
{
	TimestampTz now = GetCurrentTimestamp();
	bool all_done = true;
	bool any_running = false;
	ListCell *lc;

	memset(step, 0, sizeof(*step));
	step->kind = OLIST_STEP_IDLE;
	step->until = DT_NOEND;
	foreach (lc, plan->nodes)
	{
		PlanNode *node = lfirst(lc);

		all_done = all_done && node->state == NODE_DONE;
		any_running = any_running || node->state == NODE_RUNNING;
		if (plan->ended || node->state != NODE_WAITING || !is_ready(plan, node))
			continue;
		if (node->not_before <= now)
		{
			start_node(plan, node, step);
			return;
		}
		step->until = Min(step->until, node->not_before);
	}
	if (!plan->ended && all_done)
	{
		plan->ended = true;
		plan->end.status = "SUCCEEDED";
		plan->end.output = plan->output;
		emit(plan, plan->last_id, "ExecutionSucceeded", NULL, NULL);
	}
	if (plan->ended && !any_running)
	{
		*step = plan->end;
		step->kind = OLIST_STEP_DONE;
	}
}

/* stage the objects in the order in which discover gives them (largest first), then build */
static void
add_stages(OlistPlan *plan, const char *output)
{
	Datum result = DirectFunctionCall1(jsonb_in, CStringGetDatum(output));
	Jsonb *root = DatumGetJsonbP(result);
	JsonbValue buffer;
	JsonbValue *objects = getKeyJsonValueFromContainer(&root->root, "objects", 7, &buffer);
	int n = objects && objects->type == jbvBinary ? JsonContainerSize(objects->val.binary.data) : 0;

	for (int i = 0; i < n; i++)
	{
		JsonbValue *object = getIthJsonbValueFromContainer(objects->val.binary.data, i);
		JsonbValue field;
		JsonbValue *entity =
			getKeyJsonValueFromContainer(object->val.binary.data, "entity", 6, &field);
		static const char *const discovered[] = {"discover", NULL};

		add_node(plan, "stage", pnstrdup(entity->val.string.val, entity->val.string.len),
				 JsonbToCString(NULL, object->val.binary.data, object->val.binary.len), discovered);
	}
	for (int i = 0; n > 0 && i < (int) lengthof(builds); i++)
		add_node(plan, builds[i].name, builds[i].name, "{}", builds[i].needs);
}

static PlanNode *
find_node(const OlistPlan *plan, int64 task_id)
{
	ListCell *lc;

	foreach (lc, plan->nodes)
	{
		PlanNode *node = lfirst(lc);

		if (node->task_id == task_id)
			return node;
	}
	elog(ERROR, "task " INT64_FORMAT " is not in the plan", task_id);
}

static bool
may_go_away(const char *error)
{
	return strcmp(error, "Olist.Source") == 0 || strcmp(error, "Olist.Retryable") == 0 ||
		   strcmp(error, "Olist.WorkerCrashed") == 0;
}

void
olist_plan_outcome(OlistPlan *plan, int64 task_id, const OlistTaskOutcome *outcome)
{
	PlanNode *node = find_node(plan, task_id);

	if (outcome->succeeded)
	{
		node->state = NODE_DONE;
		node->last_event = emit(plan, task_id, "TaskSucceeded", node->name, outcome->output);
		emit(plan, node->last_event, "TaskStateExited", node->name, outcome->output);
		plan->output = MemoryContextStrdup(plan->context, outcome->output);
		if (strcmp(node->name, "discover") == 0)
			add_stages(plan, outcome->output);
		return;
	}
	node->last_event = emit(plan, task_id, "TaskFailed", node->name, NULL);
	if (node->attempts <= RETRIES && may_go_away(outcome->error) && !plan->ended)
	{
		node->state = NODE_WAITING;
		node->not_before = TimestampTzPlusMilliseconds(
			GetCurrentTimestamp(), (RETRY_SECONDS * 1000) << (node->attempts - 1));
		return;
	}
	node->state = NODE_DONE;
	if (plan->ended)
		return;
	plan->ended = true;
	plan->end.status = "FAILED";
	plan->end.error = MemoryContextStrdup(plan->context, outcome->error);
	plan->end.cause = MemoryContextStrdup(plan->context, outcome->cause);
	emit(plan, node->last_event, "ExecutionFailed", NULL, NULL);
}
