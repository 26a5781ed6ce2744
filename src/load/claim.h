/*
 * load/claim.h
 *		Who alone may write the warehouse.
 */
#ifndef OLIST_CLAIM_H
#define OLIST_CLAIM_H

/*
 * From here to the end of the transaction, no run is begun that writes the
 * warehouse, and nobody corrects it or publishes by hand. for_run: unless this
 * is a task of a run which holds the warehouse, and so may write it. The caller
 * is connected to SPI.
 *
 * Errors: 55006 if another session, or a run that this is part of, has it.
 */
extern void olist_claim_warehouse(bool for_run);

#endif /* OLIST_CLAIM_H */
