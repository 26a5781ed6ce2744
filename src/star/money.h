/*
 * star/money.h
 *		Amounts as whole cents.
 */
#ifndef OLIST_MONEY_H
#define OLIST_MONEY_H

#include "postgres_ext.h"

/* numeric(12,2) ends before this many cents */
#define OLIST_MONEY_LIMIT INT64CONST(1000000000000)

/*
 * The amount in cents, rounded half away from zero as numeric(12,2) rounds;
 * false if it does not fit that type or is no number.
 */
extern bool olist_money_to_cents(Datum amount, int64 *cents);

/*
 * Does the datum hold an amount as numeric(12,2) does, with two decimals? The
 * amount is one that olist_money_to_cents() accepts.
 */
extern bool olist_money_is_plain(Datum amount);

/* cents as numeric with two decimals, palloc'd */
extern Datum olist_money_from_cents(int64 cents);

#endif /* OLIST_MONEY_H */
