/*
 * olist_etl.c
 *		The module's entry: the magic block, the version check, and the settings
 *		of every room.
 *
 * Each room defines its own settings and hooks in olist_<room>_init(), so that
 * a setting lives beside the code that obeys it. Nothing here or there needs
 * shared_preload_libraries.
 */
#include "postgres.h"

#include "access/xact.h"
#include "base/extension.h"
#include "base/fault.h"
#include "asl/asl.h"
#include "flow/flow.h"
#include "csv/row_source.h"
#include "fmgr.h"
#include "load/object_error.h"
#include "source/credentials.h"
#include "source/decompress.h"
#include "source/policy.h"
#include "source/remote_stream.h"
#include "star/star.h"
#include "utils/builtins.h"
#include "utils/guc.h"

PG_MODULE_MAGIC;

void _PG_init(void);

PG_FUNCTION_INFO_V1(olist_etl_version);

/*
 * The library and the SQL objects must be of one version: an old script's
 * declarations with new code behind them would crash the server. During
 * CREATE and ALTER EXTENSION the catalog already names the new version.
 */
static void
check_version(void)
{
	char *installed;

	if (!IsTransactionState())
		return;
	installed = olist_extension_version();
	if (installed != NULL && strcmp(installed, OLIST_VERSION) != 0)
		ereport(
			ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("olist_etl's library is of version %s, its SQL objects are of version %s",
					OLIST_VERSION, installed),
			 errhint("Run ALTER EXTENSION olist_etl UPDATE, or install the files of version %s.",
					 installed)));
}

void
_PG_init(void)
{
	check_version();
	olist_decompress_init();
	olist_credentials_init();
	olist_policy_init();
	olist_remote_stream_init();
	olist_csv_init();
	olist_object_error_init();
	olist_fault_init();
	olist_asl_init();
	olist_star_init();
	olist_flow_init();
	MarkGUCPrefixReserved("olist_etl");
}

/* version() returns text: the version of the library that is loaded */
Datum
olist_etl_version(PG_FUNCTION_ARGS)
{
	PG_RETURN_TEXT_P(cstring_to_text(OLIST_VERSION));
}
