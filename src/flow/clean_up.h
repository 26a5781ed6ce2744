/*
 * flow/clean_up.h
 *		What old runs and objects leave behind, and for how long.
 */
#ifndef OLIST_CLEAN_UP_H
#define OLIST_CLEAN_UP_H

/* define the settings that say for how long */
extern void olist_clean_up_init(void);

#endif /* OLIST_CLEAN_UP_H */
