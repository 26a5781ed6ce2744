/*
 * olist_etl.c
 *		The module's entry: the magic block and the settings of every room.
 *
 * Each room defines its own settings and hooks in olist_<room>_init(), so that
 * a setting lives beside the code that obeys it. Nothing here or there needs
 * shared_preload_libraries.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/guc.h"

PG_MODULE_MAGIC;

void _PG_init(void);

void
_PG_init(void)
{
	MarkGUCPrefixReserved("olist_etl");
}
