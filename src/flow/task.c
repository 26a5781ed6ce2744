/*
 * flow/task.c
 *		One attempt of one task.
 *
 *		call ──► subtransaction { function(jsonb) } ──► outcome ──► task's row
 *		        └──────────────── one transaction, committed by the caller ───┘
 *
 * The subtransaction is what lets a failure be written by the same transaction
 * that saw it. Deferred constraints are checked inside it, so that they fail
 * the task and not the commit.
 */
#include "postgres.h"

#include "flow/task.h"

#include "access/xact.h"
#include "base/fault.h"
#include "base/lock.h"
#include "base/message.h"
#include "base/try.h"
#include "catalog/namespace.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "compat.h"
#include "flow/clock.h"
#include "flow/error.h"
#include "flow/settings.h"
#include "flow/store.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "parser/parse_func.h"
#include "storage/latch.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/numeric.h"
#include "utils/regproc.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"
#include "utils/timeout.h"
#include "utils/timestamp.h"
#include "utils/varlena.h"

/* what the subtransaction gets and gives */
typedef struct TaskWork
{
	const OlistTaskCall *call;
	OlistTaskOutcome *outcome;
	MemoryContext context; /* where the output goes */
} TaskWork;

/* how a Resource begins that names an SQL function */
#define RESOURCE_PREFIX "olist:"

/*
 * The timer of a task is one of our own, so that it neither disturbs the
 * session's statement_timeout nor is mistaken for it.
 */
static TimeoutId task_timer = MAX_TIMEOUTS;
static int64 task_deadline;
static volatile sig_atomic_t task_timer_fired = false;

/*
 * The server's timers follow its time of day, which may have jumped: look every
 * so often, the last time just after the deadline.
 */
#define TIMER_MS 1000
#define TIMER_SLACK_MS 2

static void
task_timer_handler(void)
{
	if (olist_clock_ticks() < task_deadline)
		return;
	task_timer_fired = true;
	QueryCancelPending = true;
	InterruptPending = true;
	SetLatch(MyLatch);
}

static void
start_timer(int64 deadline)
{
	int64 left = deadline - olist_clock_ticks();

	if (task_timer == MAX_TIMEOUTS)
		task_timer = RegisterTimeout(USER_TIMEOUT, task_timer_handler);
	task_timer_fired = false;
	task_deadline = deadline;
	if (deadline != OLIST_TICKS_NEVER)
		enable_timeout_every(
			task_timer,
			TimestampTzPlusMilliseconds(GetCurrentTimestamp(),
										Max(left, 0) / 1000 % TIMER_MS + TIMER_SLACK_MS),
			TIMER_MS);
}

/* did the timer fire? A cancel that it left pending is the timer's and goes with it */
static bool
stop_timer(void)
{
	disable_timeout(task_timer, false);
	return task_timer_fired;
}

/* a sentence about a function that takes jsonb and is no task all the same, or NULL */
static const char *
why_no_task(Oid oid)
{
	if (get_func_prokind(oid) == PROKIND_AGGREGATE)
		return "It is an aggregate.";
	if (get_func_prokind(oid) != PROKIND_FUNCTION)
		return "It is no plain function.";
	if (get_func_retset(oid))
		return "It returns a set.";
	if (get_func_rettype(oid) != JSONBOID)
		return psprintf("It returns %s.", format_type_be(get_func_rettype(oid)));
	return NULL;
}

Oid
olist_task_function(const char *resource)
{
	static const char *const hint =
		"A task's Resource is olist:<schema>.<function>, a function that takes and returns jsonb.";
	Oid argtypes[1] = {JSONBOID};
	const char *name = resource;
	const char *why;
	List *names;
	Oid oid;
	AclResult acl;

	if (strncmp(resource, RESOURCE_PREFIX, strlen(RESOURCE_PREFIX)) == 0)
		name += strlen(RESOURCE_PREFIX);
	names = olist_compat_qualified_name(name);

	/* without a schema it would depend on who asks, and a task has no search_path to speak of */
	oid = list_length(names) > 1 ? LookupFuncName(names, 1, argtypes, true) : InvalidOid;
	if (!OidIsValid(oid))
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_FUNCTION),
						errmsg("task function %s(jsonb) returning jsonb does not exist", name),
						errhint("%s", hint)));
	why = why_no_task(oid);
	if (why != NULL)
		ereport(ERROR, (errcode(ERRCODE_WRONG_OBJECT_TYPE),
						errmsg("%s(jsonb) cannot be executed as a task", name),
						errdetail_internal("%s", why), errhint("%s", hint)));
	acl = olist_compat_function_acl(oid, GetUserId());
	if (acl != ACLCHECK_OK)
		aclcheck_error(acl, OBJECT_FUNCTION, name);
	return oid;
}

/* is that a number that count_member() can give? */
static bool
is_count(Numeric number)
{
	Datum lowest = NumericGetDatum(int64_to_numeric(0));
	Datum highest = NumericGetDatum(int64_to_numeric(PG_INT64_MAX));

	return DatumGetBool(DirectFunctionCall2(numeric_ge, NumericGetDatum(number), lowest)) &&
		   DatumGetBool(DirectFunctionCall2(numeric_le, NumericGetDatum(number), highest));
}

/*
 * A member of an object as a number of rows, or -1. What a task returns is its
 * own affair: a member of that name which cannot be one is passed over.
 */
static int64
count_member(Jsonb *object, const char *key)
{
	JsonbValue buffer;
	JsonbValue *value;

	if (!JB_ROOT_IS_OBJECT(object))
		return -1;
	value = getKeyJsonValueFromContainer(&object->root, key, strlen(key), &buffer);
	if (value == NULL || value->type != jbvNumeric)
		return -1;
	if (!is_count(value->val.numeric))
	{
		char *number =
			DatumGetCString(DirectFunctionCall1(numeric_out, NumericGetDatum(value->val.numeric)));

		ereport(WARNING, (errmsg("\"%s\" of a task's result is %s, which is no number of rows", key,
								 olist_clip(number, strlen(number)))));
		return -1;
	}
	return DatumGetInt64(DirectFunctionCall1(numeric_int8, NumericGetDatum(value->val.numeric)));
}

/* what is deferred is the task's work too: check it while it can be undone */
static void
check_deferred_constraints(void)
{
	ConstraintsSetStmt *all_immediate = makeNode(ConstraintsSetStmt);

	AfterTriggerSetState(all_immediate);
	CommandCounterIncrement();
}

/* who the session was before it executed a function for the role that called run() */
typedef struct Confinement
{
	Oid userid;
	int sec_context;
	int nest_level;
	bool trusted;
} Confinement;

bool
olist_task_may_run_here(void)
{
	return is_member_of_role(GetUserId(), GetSessionUserId());
}

/*
 * A task is executed as the role that called run(), and stays it: a session
 * that has only SET ROLE must not give its own rights to what it executes. If
 * the role could not become the session's user by itself, nothing may be left
 * that would be executed or looked up later, out of this: no deferred trigger,
 * no cursor, no temporary view, no setting. An error needs no clean-up, the
 * subtransaction restores all.
 */
static void
confine(Confinement *confinement)
{
	int flags = SECURITY_LOCAL_USERID_CHANGE;

	GetUserIdAndSecContext(&confinement->userid, &confinement->sec_context);
	confinement->trusted = olist_task_may_run_here();
	if (!confinement->trusted)
		flags |= SECURITY_RESTRICTED_OPERATION;
	SetUserIdAndSecContext(confinement->userid, confinement->sec_context | flags);
	confinement->nest_level = NewGUCNestLevel();
	olist_settings_pin_task();
}

static void
release(const Confinement *confinement)
{
	AtEOXact_GUC(false, confinement->nest_level);
	SetUserIdAndSecContext(confinement->userid, confinement->sec_context);
}

/*
 * Is the function declared with SET synchronous_commit = off? What it does can be
 * done again, it says, and so need not be on disk before the next task begins: a
 * crash takes the latest commits only, and with each the task's result, so that
 * the run goes on from there.
 */
static bool
may_be_done_again(Oid function)
{
	HeapTuple tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
	bool isnull;
	Datum settings;
	Datum *values;
	int nvalues = 0;
	bool found = false;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for function %u", function);
	settings = SysCacheGetAttr(PROCOID, tuple, Anum_pg_proc_proconfig, &isnull);
	if (!isnull)
		deconstruct_array(DatumGetArrayTypeP(settings), TEXTOID, -1, false, TYPALIGN_INT, &values,
						  NULL, &nvalues);
	for (int i = 0; i < nvalues; i++)
		found |= strcmp(TextDatumGetCString(values[i]), "synchronous_commit=off") == 0;
	ReleaseSysCache(tuple);
	return found;
}

Jsonb *
olist_task_call_function(const char *resource, const char *argument, bool owns_transaction)
{
	Confinement confinement;
	Oid function;
	FmgrInfo flinfo;
	Datum value;
	Jsonb *result;
	LOCAL_FCINFO(fcinfo, 1);

	confine(&confinement);
	PushActiveSnapshot(GetTransactionSnapshot());
	function = olist_task_function(resource);
	fmgr_info(function, &flinfo);
	InitFunctionCallInfoData(*fcinfo, &flinfo, 1, InvalidOid, NULL, NULL);
	fcinfo->args[0].value = DirectFunctionCall1(jsonb_in, CStringGetDatum(argument));
	fcinfo->args[0].isnull = false;
	value = FunctionCallInvoke(fcinfo);
	if (fcinfo->isnull)
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
						errmsg("task function %s returned NULL", resource),
						errhint("A task without a result returns '{}' or 'null'.")));
	result = DatumGetJsonbP(value);
	PopActiveSnapshot();
	if (owns_transaction)
		check_deferred_constraints();
	release(&confinement);
	if (owns_transaction && may_be_done_again(function))
		olist_settings_set_local("synchronous_commit", "off");
	return result;
}

static void
call_function(void *arg)
{
	TaskWork *work = arg;
	const OlistTaskCall *call = work->call;
	Jsonb *result =
		olist_task_call_function(call->resource, call->argument, call->owns_transaction);
	MemoryContext old;

	(void) stop_timer();
	CHECK_FOR_INTERRUPTS();

	old = MemoryContextSwitchTo(work->context);
	work->outcome->succeeded = true;
	work->outcome->output = JsonbToCString(NULL, &result->root, VARSIZE(result));
	work->outcome->rows = count_member(result, "rows_loaded");
	if (work->outcome->rows < 0)
		work->outcome->rows = count_member(result, "rows");
	work->outcome->rejects = count_member(result, "rows_rejected");
	MemoryContextSwitchTo(old);
}

/* a time-out has no cause: neither has it where the executor notices it first */
static void
fail(OlistTaskOutcome *outcome, const ErrorData *edata, bool timed_out)
{
	outcome->succeeded = false;
	outcome->output = NULL;
	outcome->rows = outcome->rejects = -1;
	outcome->error = timed_out ? "States.Timeout" : olist_error_name(edata);
	outcome->cause = timed_out ? NULL : olist_error_cause(edata);
}

/*
 * Is this error a cancel of this process? One with the same SQLSTATE that a
 * function raises, or brings from another server, is not.
 */
static bool
is_cancel(const ErrorData *edata)
{
	return edata->sqlerrcode == ERRCODE_QUERY_CANCELED && edata->funcname != NULL &&
		   strcmp(edata->funcname, "ProcessInterrupts") == 0;
}

bool
olist_task_record_failure(const OlistTaskCall *call, const ErrorData *edata,
						  OlistTaskOutcome *outcome)
{
	memset(outcome, 0, sizeof(*outcome));
	fail(outcome, edata, false);
	return olist_store_end_task(call, outcome);
}

bool
olist_task_execute(const OlistTaskCall *call, OlistTaskOutcome *outcome)
{
	TaskWork work = {call, outcome, CurrentMemoryContext};
	int64 start = olist_clock_ticks();
	const char *lent;
	ErrorData *edata;

	memset(outcome, 0, sizeof(*outcome));
	outcome->rows = outcome->rejects = -1;
	start_timer(call->deadline);
	OLIST_FAULT("flow-task-before");
	lent = olist_lock_lend(call->claim);
	edata = olist_try(call_function, &work);
	(void) olist_lock_lend(lent);
	if (edata != NULL)
	{
		bool timed_out = stop_timer();

		if (!timed_out && is_cancel(edata))
			ReThrowError(edata);
		fail(outcome, edata, timed_out);
	}
	outcome->usec = olist_clock_ticks() - start;
	OLIST_FAULT("flow-task-after");
	return olist_store_end_task(call, outcome);
}
