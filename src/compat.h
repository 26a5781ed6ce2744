/*
 * compat.h
 *		Every difference between PostgreSQL 15, 16, 17 and 18 that olist_etl meets.
 *
 * No other file tests PG_VERSION_NUM. Each block names the upstream change
 * that made it necessary. Included after postgres.h.
 */
#ifndef OLIST_COMPAT_H
#define OLIST_COMPAT_H

#if PG_VERSION_NUM < 150000
#error "olist_etl needs PostgreSQL 15 or later"
#endif

#endif /* OLIST_COMPAT_H */
