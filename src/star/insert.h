/*
 * star/insert.h
 *		Many rows into a table that has indexes, one index after the other.
 */
#ifndef OLIST_INSERT_H
#define OLIST_INSERT_H

#include "utils/relcache.h"

/*
 * What the rows would have to go through the executor for, in words, or NULL if
 * olist_insert() may be used. source is a table whose columns are the query's.
 */
extern const char *olist_insert_obstacle(Relation rel, Relation source);

/*
 * Insert the rows that a query gives into a table without an obstacle; returns
 * how many. The query gives all columns of the table, in their order. What is
 * kept in memory stays within olist_etl.work_mem. The caller is connected to SPI.
 */
extern uint64 olist_insert(Relation rel, const char *query);

#endif /* OLIST_INSERT_H */
