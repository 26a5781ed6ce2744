/*
 * load/claim.c
 *		Who alone may write the warehouse.
 *
 * A run holds what olist_etl.workflow_claim() says of its workflow, and its tasks
 * write on its behalf. Whatever else writes the warehouse claims it for its own
 * transaction: corrections, tasks called by hand, and those of workflows of
 * which the definition does not tell.
 */
#include "postgres.h"

#include "load/claim.h"

#include "base/lock.h"
#include "base/spi.h"
#include "executor/spi.h"

/* as olist_etl.workflow_claim() names it */
#define CLAIM "olist_dw"

/* say that another session writes the warehouse, and for which workflow, if it is a run */
static void
raise_in_use(void)
{
	OlistSpiArg claim = OLIST_SPI_TEXT(CLAIM);
	char *workflow;

	olist_spi_execute_as_owner("SELECT olist_etl.claim_holder($1)", SPI_OK_SELECT, 1, &claim);
	workflow = SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1);
	if (workflow == NULL)
		ereport(ERROR, (errcode(ERRCODE_OBJECT_IN_USE),
						errmsg("another session's transaction is writing the warehouse"),
						errhint("Wait for its end.")));
	ereport(ERROR, (errcode(ERRCODE_OBJECT_IN_USE), errmsg("workflow \"%s\" is running", workflow),
					errhint("Wait for its end, or cancel the run by olist_etl.cancel().")));
}

void
olist_claim_warehouse(bool for_run)
{
	if (for_run && olist_lock_is_lent(CLAIM))
		return;
	if (!olist_lock_try_until_commit(OLIST_LOCK_CLAIM, CLAIM))
		raise_in_use();
}
