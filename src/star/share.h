/*
 * star/share.h
 *		Work whose memory is bounded, whatever the number of keys.
 */
#ifndef OLIST_SHARE_H
#define OLIST_SHARE_H

#include "star/key_map.h"

/* olist_etl.work_mem, in kilobytes */
extern int olist_star_work_mem;

/*
 * Do the work for the keys of one share. Gather first; if the share turns out
 * to be too large (olist_share_is_full()), return false before anything was
 * put out. Memory allocated in the current context ends with the call.
 */
typedef bool (*OlistShareWork)(OlistKeyShare share, void *arg);

/*
 * Do the work for all keys: at once if olist_etl.work_mem suffices, else for
 * as many shares, one after the other, as are needed for it to suffice.
 */
extern void olist_share_run(OlistShareWork work, void *arg);

/*
 * Has the share used up its memory? Cheap enough to be asked every thousand
 * rows. Never true for a share that splitting would not make smaller.
 */
extern bool olist_share_is_full(OlistKeyShare share);

#endif /* OLIST_SHARE_H */
