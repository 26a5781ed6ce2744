/*
 * load/staging.h
 *		The tables that objects are staged in.
 */
#ifndef OLIST_STAGING_H
#define OLIST_STAGING_H

#include "base/spi.h"
#include "fdw/entity.h"

/*
 * The staging table of an entity, made with all the others if it is not there.
 * Errors: 42501 for one that belongs to a stranger.
 */
extern Oid olist_staging_table(const OlistEntity *entity);

/*
 * Keep everybody from loading into the staging tables that hold objects, until
 * the transaction ends. The caller is connected to SPI. Errors: as above.
 */
extern void olist_staging_lock(void);

/*
 * Empty the staging tables that hold objects, or of those the ones with nothing
 * but published objects. The caller is connected to SPI, and has locked them.
 */
extern void olist_staging_empty(bool only_published);

/*
 * Delete the rows of these objects (a bigint[], or NULL for none) from the
 * staging tables; returns how many. The caller is connected to SPI. Errors: as
 * above.
 */
extern uint64 olist_staging_remove(const OlistSpiArg *ids);

#endif /* OLIST_STAGING_H */
