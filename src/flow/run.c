/*
 * flow/run.c
 *		A run's life: how it begins, is taken up again, and ends.
 *
 *		lock ──► row RUNNING, committed ──► olist_coordinator_drive() ──► row ended ──► unlock
 *
 * However the session's statement ends, the workers are stopped and the run is
 * ended first: by end_by_error() for errors, by end_by_exit() when the process
 * goes without one. What neither can do (a crash) whoever takes the workflow's
 * lock next makes good: a run that is RUNNING then has lost its session.
 */
#include "postgres.h"

#include "flow/run.h"

#include <signal.h>

#include "access/xact.h"
#include "access/xlog.h"
#include "asl/datum.h"
#include "asl/validate.h"
#include "base/fault.h"
#include "base/message.h"
#include "base/spi.h"
#include "executor/spi.h"
#include "flow/coordinator.h"
#include "flow/error.h"
#include "flow/settings.h"
#include "miscadmin.h"
#include "storage/ipc.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/portal.h"
#include "utils/snapmgr.h"

/* the run that commits on its own, for whom the process's exit must be caught */
static OlistRun *current = NULL;

/* runs that this process is in the middle of: a task may start one, but not without end */
static int depth = 0;
#define MAX_DEPTH 4

/*
 * Ends
 */

static void
stop_pool(OlistRun *run)
{
	OlistPool *pool = run->pool;

	run->pool = NULL;
	if (pool)
		olist_pool_stop(pool);
}

/* end the run in the state that an error or the process's end means */
static void
record_end(OlistRun *run, const ErrorData *edata)
{
	OlistRunEnd end = {.status = OLIST_STATUS_ABORTED,
					   .cause = "the session that executed the run ended",
					   .write_event = true};

	if (edata != NULL)
		end.cause = edata->message;
	if (edata != NULL && edata->sqlerrcode != ERRCODE_QUERY_CANCELED)
	{
		end.status = OLIST_STATUS_FAILED;
		end.error = olist_error_name(edata);
	}
	olist_settings_set_local("lock_timeout", "1000");
	olist_settings_set_local("synchronous_commit", "local"); /* no standby is waited for */
	PushActiveSnapshot(GetTransactionSnapshot());
	(void) olist_store_end_run(run->row.run_id, run->row.token, &end);
	PopActiveSnapshot();
}

/*
 * The statement ends with an error. Whatever transaction it was in the middle
 * of is rolled back, and one of our own notes the end of the run. If even that
 * fails, the next run finds the row and does it.
 */
static void
end_by_error(OlistRun *run, const ErrorData *edata)
{
	MemoryContext context = CurrentMemoryContext;

	HOLD_INTERRUPTS();
	stop_pool(run);
	AbortCurrentTransaction();
	StartTransactionCommand();
	PG_TRY();
	{
		record_end(run, edata);
		if (run->leftovers != NULL)
		{
			olist_leftovers_clear(run->leftovers);
			olist_leftovers_clear_committed(run->leftovers);
		}
		CommitTransactionCommand();
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(context);
		EmitErrorReport();
		FlushErrorState();
		AbortCurrentTransaction();
	}
	PG_END_TRY();
	StartTransactionCommand();
	MemoryContextSwitchTo(context);
	RESUME_INTERRUPTS();
}

/* the process exits in the middle of a run: terminated, or its client is gone */
static void
end_by_exit(int code, Datum arg)
{
	OlistRun *run = current;

	current = NULL;
	if (run == NULL)
		return;
	stop_pool(run);
	AbortOutOfAnyTransaction();
	StartTransactionCommand();
	record_end(run, NULL);
	CommitTransactionCommand();
}

static void
watch_exit(OlistRun *run)
{
	static bool registered = false;

	if (!registered)
		before_shmem_exit(end_by_exit, (Datum) 0);
	registered = true;
	current = run;
}

/*
 * The middle
 */

/* the definition of the run's version */
static OlistJson *
load_definition(const OlistRunRow *row)
{
	OlistWorkflow workflow;
	OlistJsonError error;
	OlistJson *definition;

	if (!olist_store_workflow(row->workflow, row->version, &workflow))
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT),
						errmsg("version %d of workflow \"%s\" does not exist", row->version,
							   row->workflow)));
	definition = olist_json_parse_server(workflow.definition, &error);
	if (definition == NULL)
		elog(ERROR, "the stored definition of workflow \"%s\" is not JSON", row->workflow);
	return definition;
}

static void
run_to_end(OlistRun *run)
{
	MemoryContext old = MemoryContextSwitchTo(run->context);
	OlistJson *definition = load_definition(&run->row);
	OlistRunEnd end;

	MemoryContextSwitchTo(old);
	olist_coordinator_prepare(run, definition);
	olist_coordinator_drive(run);

	/* events that are not in the batch: the executor has written them */
	memset(&end, 0, sizeof(end));
	end.status = run->action.status;
	end.output = run->action.output ? olist_json_print_server(run->action.output) : NULL;
	end.error = olist_utf8_to_server(run->action.failure.error);
	end.cause = olist_utf8_to_server(run->action.failure.cause);
	olist_coordinator_flush(run);
	if (!olist_store_end_run(run->row.run_id, run->row.token, &end))
		ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
						errmsg("run " INT64_FORMAT " has been ended by another session",
							   run->row.run_id)));
	OLIST_FAULT("flow-end-commit-before");
	olist_coordinator_commit(run);
	OLIST_FAULT("flow-end-commit-after");
}

static void
run_committing(OlistRun *run)
{
	MemoryContext context = CurrentMemoryContext;

	watch_exit(run);
	PG_TRY();
	{
		OLIST_FAULT("flow-begin-commit-before");
		olist_coordinator_commit(run);
		OLIST_FAULT("flow-begin-commit-after");
		run_to_end(run);
		current = NULL;
		stop_pool(run);
	}
	PG_CATCH();
	{
		ErrorData *edata;

		MemoryContextSwitchTo(context);
		edata = CopyErrorData();
		FlushErrorState();
		current = NULL;
		end_by_error(run, edata);
		if (edata->hint == NULL)
			edata->hint =
				psprintf("CALL olist_etl.resume(" INT64_FORMAT ") goes on with what is missing.",
						 run->row.run_id);
		ReThrowError(edata);
	}
	PG_END_TRY();
}

/*
 * Beginnings
 */

bool
olist_run_is_member(const char *owner)
{
	Oid role = get_role_oid(owner, true);

	return OidIsValid(role) ? has_privs_of_role(GetUserId(), role) : superuser();
}

static void
check_server(const char *command)
{
	if (RecoveryInProgress())
		ereport(ERROR, (errcode(ERRCODE_READ_ONLY_SQL_TRANSACTION),
						errmsg("cannot execute %s during recovery", command),
						errhint("Call it on the primary server.")));
	PreventCommandIfReadOnly(command);
	if (depth >= MAX_DEPTH)
		ereport(
			ERROR,
			(errcode(ERRCODE_STATEMENT_TOO_COMPLEX), errmsg("runs are nested too deeply"),
			 errdetail("A task may start a run of another workflow, %d deep at most.", MAX_DEPTH)));
}

static void
find_run(int64 run_id, OlistRunRow *row)
{
	if (!olist_store_run(run_id, row))
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT),
						errmsg("run " INT64_FORMAT " does not exist", run_id)));
}

/* a version of a workflow that the caller may run, 0: the latest one */
static void
find_workflow(const char *name, int version, OlistWorkflow *workflow)
{
	if (!olist_store_workflow(name, version, workflow))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT), errmsg("workflow \"%s\" does not exist", name),
				 errhint("Make it by olist_etl.create_workflow(name, definition).")));
	if (!workflow->builtin && !olist_run_is_member(workflow->owner))
		ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
						errmsg("permission denied for workflow \"%s\"", name),
						errhint("It belongs to role \"%s\".", workflow->owner)));
}

/* a run's memory, and a first transaction that is not the caller's */
static OlistRun *
begin_run(bool atomic)
{
	/* the portal outlives transactions, but a task in a worker that starts a run has none */
	MemoryContext context = AllocSetContextCreate(atomic ? CurrentMemoryContext : PortalContext,
												  "olist_etl run", ALLOCSET_DEFAULT_SIZES);
	OlistRun *run = MemoryContextAllocZero(context, sizeof(OlistRun));

	run->context = context;
	run->atomic = atomic;
	run->no_workers = atomic; /* they do not see what is not committed */
	run->role = GetUserId();
	SPI_connect_ext(atomic ? 0 : SPI_OPT_NONATOMIC);
	olist_coordinator_commit(run);
	return run;
}

static void
end_run(OlistRun *run)
{
	MemoryContextDelete(run->context);
	SPI_finish();
}

/* what the workflow writes is written by another session's transaction, whose run nobody sees yet */
static void
tell_transaction(const char *claim, OlistRunResult *result)
{
	memset(result, 0, sizeof(*result));
	result->status = "RUNNING";
	ereport(NOTICE, (errcode(ERRCODE_OBJECT_IN_USE),
					 errmsg("another session's transaction is writing \"%s\"", claim),
					 errhint("Call again when that has ended, or with wait => true.")));
}

/* another session is at it: say so, and which run it is */
static void
tell_overlap(const char *workflow, OlistRunResult *result)
{
	OlistRunRow row = {0};

	memset(result, 0, sizeof(*result));
	result->status = "RUNNING";
	if (!olist_store_running_run(workflow, &row))
	{
		ereport(NOTICE,
				(errcode(ERRCODE_OBJECT_IN_USE),
				 errmsg("another session's transaction is running workflow \"%s\"", workflow),
				 errhint("Call again when that has ended, or with wait => true.")));
		return;
	}
	result->run_id = row.run_id;
	ereport(NOTICE, (errcode(ERRCODE_OBJECT_IN_USE),
					 errmsg("workflow \"%s\" is already running as run " INT64_FORMAT, workflow,
							row.run_id),
					 errhint("Look at olist_etl.progress, or call with wait => true.")));
}

/*
 * Take what the workflow claims, if anything: true if the run may go on. If
 * another one has it, say so.
 */
static bool
take_claim(OlistRun *run, const OlistWorkflow *workflow, bool wait, OlistRunResult *result)
{
	OlistSpiArg definition = OLIST_SPI_TEXT(workflow->definition);
	OlistSpiArg arg;
	char *claim;
	char *holder;

	olist_spi_execute_as_owner("SELECT olist_etl.workflow_claim($1::json)", SPI_OK_SELECT, 1,
							   &definition);
	claim = SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1);
	if (claim == NULL)
		return true;
	if (olist_lock_claim(&run->lock, claim, wait))
	{
		run->claim = MemoryContextStrdup(run->context, claim);
		return true;
	}
	arg = OLIST_SPI_TEXT(claim);
	olist_spi_execute_as_owner("SELECT olist_etl.claim_holder($1)", SPI_OK_SELECT, 1, &arg);
	holder = SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1);
	if (holder != NULL)
		tell_overlap(holder, result);
	else
		tell_transaction(claim, result);
	return false;
}

/* a run that is RUNNING while its workflow's lock is ours has nobody to go on with it */
static void
reconcile(const char *workflow)
{
	OlistRunRow row;

	if (!olist_store_running_run(workflow, &row))
		return;
	olist_store_reconcile_run(&row);
	ereport(
		NOTICE,
		(errmsg("run " INT64_FORMAT " of workflow \"%s\" was interrupted", row.run_id, workflow),
		 errhint("CALL olist_etl.resume(" INT64_FORMAT ") would go on with it.", row.run_id)));
}

/* a copy of a text that outlives the run, or NULL */
static const char *
keep(const OlistRun *run, const char *text)
{
	return text ? MemoryContextStrdup(MemoryContextGetParent(run->context), text) : NULL;
}

/* with the lock held and the row RUNNING, but not yet committed, to the end */
static void
carry_out(OlistRun *run, OlistRunResult *result)
{
	if (run->atomic)
		run_to_end(run);
	else
		run_committing(run);
	memset(result, 0, sizeof(*result));
	olist_store_summary(run->row.run_id, &result->summary);
	result->run_id = run->row.run_id;
	result->workflow = keep(run, run->row.workflow);
	result->status = olist_status_name(run->action.status);
	result->error = keep(run, olist_utf8_to_server(run->action.failure.error));
	result->cause = keep(run, olist_utf8_to_server(run->action.failure.cause));
}

void
olist_run_raise_failure(const OlistRunResult *result)
{
	bool timed_out = strcmp(result->status, "TIMED_OUT") == 0;
	StringInfoData message;
	char *hint;

	if (!timed_out && strcmp(result->status, "FAILED") != 0)
		return;
	initStringInfo(&message);
	if (!result->atomic)
		appendStringInfo(&message, "run " INT64_FORMAT " of ", result->run_id);
	appendStringInfo(&message, "workflow \"%s\" %s", result->workflow,
					 timed_out ? "timed out" : "failed");
	if (result->error != NULL && !timed_out)
		appendStringInfo(&message, ": %s", olist_clip(result->error, strlen(result->error)));
	if (result->dry)
		hint = "Nothing of the dry run is kept. What it told before this says what to repair.";
	else if (result->atomic)
		hint = "Everything is undone, the record of the run included. Without atomic => true what "
			   "succeeded would stay.";
	else if (result->summary.can_resume)
		hint = psprintf("See olist_etl.task and olist_etl.run_history(" INT64_FORMAT "). "
						"CALL olist_etl.resume(" INT64_FORMAT ") goes on with what failed.",
						result->run_id, result->run_id);
	else
		/* it came to a Fail state, and would come there again */
		hint = psprintf("See olist_etl.run_history(" INT64_FORMAT ").", result->run_id);

	/* a task that has called for the run has the error from us, and hints of its own */
	ereport(ERROR,
			(errcode(olist_error_sqlstate(result->error)), errmsg_internal("%s", message.data),
			 result->cause ? errdetail_internal("%s", result->cause) : 0,
			 depth == 0 ? errhint("%s", hint) : 0));
}

static void
start_locked(OlistRun *run, const OlistRunRequest *request, OlistRunResult *result)
{
	MemoryContext old = MemoryContextSwitchTo(run->context);
	OlistWorkflow workflow;

	find_workflow(request->workflow, 0, &workflow);
	reconcile(request->workflow);
	if (!take_claim(run, &workflow, request->wait, result))
	{
		MemoryContextSwitchTo(old);
		return;
	}
	run->row.workflow = workflow.name;
	run->row.version = workflow.version;
	run->row.input = pstrdup(request->input);
	olist_store_create_run(&run->row);
	MemoryContextSwitchTo(old);
	carry_out(run, result);
}

static void
resume_locked(OlistRun *run, OlistRunResult *result)
{
	MemoryContext old = MemoryContextSwitchTo(run->context);
	OlistWorkflow workflow;

	/* what the row said before the lock was taken may be over */
	find_run(run->row.run_id, &run->row);
	if (strcmp(run->row.status, "RUNNING") == 0)
	{
		olist_store_reconcile_run(&run->row);
		find_run(run->row.run_id, &run->row);
	}
	else
		reconcile(run->row.workflow);
	if (strcmp(run->row.status, "SUCCEEDED") == 0)
		ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
						errmsg("run " INT64_FORMAT " has succeeded", run->row.run_id),
						errhint("There is nothing to go on with. CALL olist_etl.run() for another "
								"run.")));
	find_workflow(run->row.workflow, run->row.version, &workflow);
	if (!take_claim(run, &workflow, false, result))
	{
		MemoryContextSwitchTo(old);
		return;
	}
	olist_store_redrive_run(&run->row);
	MemoryContextSwitchTo(old);
	carry_out(run, result);
}

static void
let_go(const OlistRun *run)
{
	depth--;
	olist_unlock_workflow(&run->lock);
}

/* start a run, or without a request resume it, and let go of the workflow in the end */
static void
with_lock(OlistRun *run, const OlistRunRequest *request, OlistRunResult *result)
{
	depth++;
	PG_TRY();
	{
		if (request != NULL)
			start_locked(run, request, result);
		else
			resume_locked(run, result);
	}
	PG_CATCH();
	{
		let_go(run);
		PG_RE_THROW();
	}
	PG_END_TRY();
	olist_keep_extension(&run->lock);
	if (run->atomic)
		olist_keep_workflow(&run->lock);
	let_go(run);
}

void
olist_run_start(const OlistRunRequest *request, OlistRunResult *result)
{
	OlistWorkflow workflow;
	OlistRun *run;

	check_server("CALL olist_etl.run()");
	find_workflow(request->workflow, 0, &workflow);
	run = begin_run(request->atomic);
	if (!olist_lock_workflow(&run->lock, request->workflow, request->wait))
		tell_overlap(request->workflow, result);
	else
		with_lock(run, request, result);
	result->atomic = request->atomic;
	result->dry = request->dry;
	end_run(run);
}

/* the run to be resumed, which must be the caller's own: its tasks run as the caller */
static void
find_resumable(int64 run_id, OlistRunRow *row)
{
	char *caller = GetUserNameFromId(GetUserId(), false);

	if (run_id == 0 && !olist_store_last_run(caller, row))
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT),
						errmsg("role \"%s\" has no run to resume", caller)));
	if (run_id != 0)
		find_run(run_id, row);
	if (strcmp(row->owner, caller) != 0)
		ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
						errmsg("permission denied for run " INT64_FORMAT, row->run_id),
						errdetail("A run is executed with the rights of the role that called for "
								  "it, and goes on with them."),
						errhint("SET ROLE to the run's owner first.")));
}

void
olist_run_resume(int64 run_id, OlistRunResult *result)
{
	OlistRunRow row;
	OlistWorkflow workflow;
	OlistRun *run;

	check_server("CALL olist_etl.resume()");
	find_resumable(run_id, &row);
	find_workflow(row.workflow, row.version, &workflow);
	run = begin_run(false);
	run->row.run_id = row.run_id;
	if (!olist_lock_workflow(&run->lock, row.workflow, false))
		tell_overlap(row.workflow, result);
	else
		with_lock(run, NULL, result);
	end_run(run);
}

static void
check_resource(const OlistJson *holder)
{
	const OlistJson *resource = holder == NULL ? NULL : olist_json_get(holder, "Resource");
	const char *name;

	if (resource == NULL || strncmp(resource->text, "olist:", 6) != 0)
		return;
	name = olist_utf8_to_server(resource->text);
	(void) olist_task_function(name);
	ereport(NOTICE, (errmsg("%s can be executed", name)));
}

/* check the functions of all states of a machine, which is valid, or of a part of one */
static void
check_resources(const OlistJson *machine)
{
	const OlistJson *states = olist_json_get(machine, "States");

	check_stack_depth();
	for (int i = 0; i < states->count; i++)
	{
		const OlistJson *state = states->members[i].value;
		const OlistJson *branches = olist_json_get(state, "Branches");
		const OlistJson *processor = olist_json_get(state, "ItemProcessor");

		if (processor == NULL)
			processor = olist_json_get(state, "Iterator");
		check_resource(state);
		check_resource(olist_json_get(state, "ItemReader"));
		for (int j = 0; branches != NULL && j < branches->count; j++)
			check_resources(branches->items[j]);
		if (processor != NULL)
			check_resources(processor);
	}
}

void
olist_run_check(const char *name)
{
	OlistWorkflow workflow;
	OlistRunRow row;
	OlistJson *definition;

	find_workflow(name, 0, &workflow);
	row.workflow = workflow.name;
	row.version = workflow.version;
	definition = load_definition(&row);
	(void) olist_machine_compile(definition);
	check_resources(definition);
}

bool
olist_run_cancel(int64 run_id)
{
	OlistWorkflowLock lock;
	OlistRunRow row;
	OlistSpiArg args[1];

	check_server("olist_etl.cancel()");
	find_run(run_id, &row);
	if (!olist_run_is_member(row.owner))
		ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
						errmsg("permission denied for run " INT64_FORMAT, run_id)));
	if (strcmp(row.status, "RUNNING") != 0)
		return false;

	/* without a session there is only the row to be changed */
	if (olist_lock_workflow(&lock, row.workflow, false))
	{
		olist_store_reconcile_run(&row);
		olist_unlock_workflow(&lock);
		return true;
	}

	/* the process that the row names may be somebody else's by now */
	if (olist_lock_holder(row.workflow) != row.pid)
		return false;
	SPI_connect();
	args[0] = OLIST_SPI_INT4(row.pid);
	olist_spi_execute_as_owner("SELECT pg_cancel_backend($1)", SPI_OK_SELECT, lengthof(args), args);
	SPI_finish();
	return true;
}
