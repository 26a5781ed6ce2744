/*
 * star/work_table.h
 *		Tables of olist_build that last from a merge's build to its publishing.
 */
#ifndef OLIST_STAR_WORK_TABLE_H
#define OLIST_STAR_WORK_TABLE_H

/*
 * Create olist_build.<name> for the merge that is being built, with these
 * columns, as CREATE TABLE would but for the TOAST table: unless the merge has
 * been told that it has long rows, one that does not fit on a page raises 54000
 * when it is written. By the caller's rights.
 */
extern void olist_work_table_create(const char *name, const char *columns);

/* has the merge been told so? */
extern bool olist_work_table_has_long_rows(void);

#endif /* OLIST_STAR_WORK_TABLE_H */
