/*
 * flow/slots.h
 *		How many workers there may be: the caps of superusers.
 *
 * A worker needs a place among those of all runs and one among those of its
 * role. A place is a lock that the coordinator holds from before the worker is
 * launched until its process has ended, so that two sessions that launch at the
 * same moment do not both find the last place free.
 */
#ifndef OLIST_SLOTS_H
#define OLIST_SLOTS_H

typedef struct OlistSlot
{
	Oid role;
	int of_all; /* numbers of the places, 0 is the first */
	int of_role;
} OlistSlot;

/* setting olist_etl.max_workers, -1: what the machine suggests */
extern int olist_flow_max_workers;

/* settings olist_etl.max_workers_total and _per_role, -1: no cap of their own */
extern int olist_flow_max_workers_total;
extern int olist_flow_max_workers_per_role;

/* how many workers a run may have, as far as it goes itself */
extern int olist_slot_limit(void);

/* take both places; false if there is none */
extern bool olist_slot_take(Oid role, OlistSlot *slot);

/* let go of them; needs no transaction */
extern void olist_slot_free(const OlistSlot *slot);

/* after an aborted transaction, which loses them */
extern void olist_slot_retake(const OlistSlot *slot);

#endif /* OLIST_SLOTS_H */
