/*
 * asl/asl.h
 *		The room's settings.
 */
#ifndef OLIST_ASL_H
#define OLIST_ASL_H

/* olist_etl.max_payload in kilobytes: the bound on one value between states */
extern int olist_asl_max_payload_kb;

extern void olist_asl_init(void);

#endif /* OLIST_ASL_H */
