/*
 * flow/settings.c
 *		The settings under which tasks run.
 *
 *		session ── collect ──► shared memory ── apply ──► worker ── pin ──► task
 *		   └───────────────────────────────────────────────────── pin ──► task
 */
#include "postgres.h"

#include "flow/settings.h"

#include "compat.h"
#include "miscadmin.h"
#include "utils/guc.h"
#include "utils/guc_tables.h"

typedef struct Setting
{
	const char *name;
	const char *value;
} Setting;

static const Setting task_settings[] = {
	{"search_path", "pg_catalog, pg_temp"}, {"row_security", "on"},	 {"DateStyle", "ISO, YMD"},
	{"IntervalStyle", "postgres"},			{"bytea_output", "hex"}, {"extra_float_digits", "1"},
};

/* what ALTER ROLE or ALTER DATABASE may have set for people, and no worker can work with */
static const Setting worker_settings[] = {
	{"default_transaction_read_only", "off"},
	{"default_transaction_isolation", "read committed"},
	{"default_transaction_deferrable", "off"},
	{"statement_timeout", "0"},
	{"idle_in_transaction_session_timeout", "0"},
	{"idle_session_timeout", "0"},
};

/* besides those of extensions and users, which have a dot in their names */
static const char *const inherited_settings[] = {
	"TimeZone",
	"default_tablespace",
	"hash_mem_multiplier",
	"lock_timeout",
	"maintenance_work_mem",
	"max_parallel_maintenance_workers",
	"max_parallel_workers_per_gather",
	"temp_tablespaces",
	"work_mem",
};

static void
set(const char *name, const char *value, GucAction action, int elevel)
{
	(void) set_config_option(name, value, superuser() ? PGC_SUSET : PGC_USERSET, PGC_S_SESSION,
							 action, true, elevel, false);
}

void
olist_settings_set_local(const char *name, const char *value)
{
	set(name, value, GUC_ACTION_LOCAL, 0);
}

void
olist_settings_pin_task(void)
{
	for (int i = 0; i < (int) lengthof(task_settings); i++)
		set(task_settings[i].name, task_settings[i].value, GUC_ACTION_SAVE, 0);
}

void
olist_settings_pin_worker(void)
{
	for (int i = 0; i < (int) lengthof(worker_settings); i++)
		set(worker_settings[i].name, worker_settings[i].value, GUC_ACTION_SET, 0);
}

static bool
is_inherited(const struct config_generic *setting)
{
	if (setting->source != PGC_S_SESSION && setting->source != PGC_S_CLIENT)
		return false;
	if (strchr(setting->name, '.') != NULL)
		return true;
	for (int i = 0; i < (int) lengthof(inherited_settings); i++)
		if (strcmp(setting->name, inherited_settings[i]) == 0)
			return true;
	return false;
}

void
olist_settings_collect(StringInfo settings)
{
	int n;
	struct config_generic **all = olist_compat_guc_variables(&n);

	for (int i = 0; i < n; i++)
	{
		const char *value;

		if (!is_inherited(all[i]))
			continue;
		value = GetConfigOption(all[i]->name, true, false);
		if (value == NULL)
			continue;
		appendBinaryStringInfo(settings, all[i]->name, (int) strlen(all[i]->name) + 1);
		appendBinaryStringInfo(settings, value, (int) strlen(value) + 1);
	}
}

void
olist_settings_apply(const char *settings, int len)
{
	const char *end = settings + len;

	for (const char *name = settings; name < end;)
	{
		const char *value = name + strlen(name) + 1;

		set(name, value, GUC_ACTION_SET, LOG);
		name = value + strlen(value) + 1;
	}
}
