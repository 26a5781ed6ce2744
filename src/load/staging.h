/*
 * load/staging.h
 *		The tables that objects are staged in.
 */
#ifndef OLIST_STAGING_H
#define OLIST_STAGING_H

#include "fdw/entity.h"

/*
 * The staging table of an entity, made with all the others if it is not there.
 * Errors: 42501 for one that belongs to a stranger.
 */
extern Oid olist_staging_table(const OlistEntity *entity);

#endif /* OLIST_STAGING_H */
