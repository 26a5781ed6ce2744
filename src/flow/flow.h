/*
 * flow/flow.h
 *		The entry of the room.
 */
#ifndef OLIST_FLOW_H
#define OLIST_FLOW_H

extern void olist_flow_init(void);

#endif /* OLIST_FLOW_H */
