/*
 * star/star.c
 *		The room's settings.
 */
#include "postgres.h"

#include "star/star.h"

#include <limits.h>

#include "star/share.h"
#include "utils/guc.h"

void
olist_star_init(void)
{
	DefineCustomIntVariable("olist_etl.work_mem",
							"Memory that a transform may use for what it looks up.",
							"Above it the keys are worked off in shares, reading the input once "
							"for each.",
							&olist_star_work_mem, 256 * 1024, 1024, MAX_KILOBYTES, PGC_USERSET,
							GUC_UNIT_KB, NULL, NULL, NULL);
}
