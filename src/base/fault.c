/*
 * base/fault.c
 *		Named points at which a test may let something go wrong.
 */
#include "postgres.h"

#include "base/fault.h"

#ifdef OLIST_FAULT_POINTS

#include <signal.h>

#include "miscadmin.h"
#include "storage/latch.h"
#include "utils/guc.h"
#include "utils/wait_event.h"

/* what the setting says; an empty point means that nothing is to go wrong */
typedef struct Fault
{
	char point[NAMEDATALEN];
	int nth;
	char action[NAMEDATALEN];
} Fault;

static char *setting = NULL;
static Fault fault;
static int passages = 0; /* of fault.point, in this process, since it was set */

static const char *const actions[] = {"error", "crash", "sleep", "oom", "cancel", "terminate"};

static bool
parse(const char *value, Fault *parsed)
{
	memset(parsed, 0, sizeof(*parsed));
	parsed->nth = 1;
	if (value[0] == '\0')
		return true;
	if (sscanf(value, "%63[^:=]:%d=%63s", parsed->point, &parsed->nth, parsed->action) != 3 &&
		sscanf(value, "%63[^:=]=%63s", parsed->point, parsed->action) != 2)
		return false;
	for (int i = 0; i < (int) lengthof(actions); i++)
		if (strcmp(parsed->action, actions[i]) == 0)
			return true;
	return false;
}

static bool
check_setting(char **value, void **extra, GucSource source)
{
	Fault parsed;

	if (parse(*value, &parsed))
		return true;
	GUC_check_errdetail("A fault is written point[:nth]=error|crash|sleep|oom|cancel|terminate.");
	return false;
}

static void
assign_setting(const char *value, void *extra)
{
	static Fault last;

	/* taken back and set again, as a worker does for each task, it goes on counting */
	(void) parse(value, &fault);
	if (fault.point[0] == '\0')
		return;
	if (memcmp(&fault, &last, sizeof(fault)) != 0)
		passages = 0;
	last = fault;
}

void
olist_fault_init(void)
{
	DefineCustomStringVariable("olist_etl.fault", "Fault that a test wants.", NULL, &setting, "",
							   PGC_USERSET, 0, check_setting, assign_setting, NULL);
}

/* until a cancel, a shutdown or a minute, whichever comes first */
static void
sleep_interruptibly(void)
{
	for (int i = 0; i < 600; i++)
	{
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, 100,
						 PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
	}
}

void
olist_fault(const char *point)
{
	if (strcmp(point, fault.point) != 0 || ++passages != fault.nth)
		return;
	ereport(LOG, (errmsg("fault point \"%s\": %s", point, fault.action)));
	if (strcmp(fault.action, "error") == 0)
		ereport(ERROR, (errcode(ERRCODE_INTERNAL_ERROR), errmsg("fault point \"%s\"", point)));
	else if (strcmp(fault.action, "oom") == 0)
		ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory"),
						errdetail("Fault point \"%s\".", point)));
	else if (strcmp(fault.action, "crash") == 0)
		kill(MyProcPid, SIGKILL);
	else if (strcmp(fault.action, "sleep") == 0)
		sleep_interruptibly();
	else
	{
		kill(MyProcPid, strcmp(fault.action, "cancel") == 0 ? SIGINT : SIGTERM);
		CHECK_FOR_INTERRUPTS();
	}
}

#endif /* OLIST_FAULT_POINTS */
