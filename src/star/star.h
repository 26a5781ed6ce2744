/*
 * star/star.h
 *		The room's settings.
 */
#ifndef OLIST_STAR_H
#define OLIST_STAR_H

extern void olist_star_init(void);

#endif /* OLIST_STAR_H */
