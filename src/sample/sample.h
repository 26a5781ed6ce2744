/*
 * sample/sample.h
 *		A generated data set of the Olist files' shape, as bytes.
 *
 * The bytes of a file depend on (entity, scale, seed, month) and on
 * OLIST_SAMPLE_VERSION only, and are made in constant memory at any scale.
 * Scale 1 has the size of the real data set.
 */
#ifndef OLIST_SAMPLE_H
#define OLIST_SAMPLE_H

/* to be raised whenever any byte of any file changes */
#define OLIST_SAMPLE_VERSION 1

#define OLIST_SAMPLE_MIN_SCALE 0.001
#define OLIST_SAMPLE_MAX_SCALE 1000.0

/* the files, in the order of their names, bytewise */
typedef enum OlistSampleEntity
{
	OLIST_SAMPLE_CUSTOMERS,
	OLIST_SAMPLE_GEOLOCATION,
	OLIST_SAMPLE_ORDER_ITEMS,
	OLIST_SAMPLE_ORDER_PAYMENTS,
	OLIST_SAMPLE_ORDER_REVIEWS,
	OLIST_SAMPLE_ORDERS,
	OLIST_SAMPLE_PRODUCTS,
	OLIST_SAMPLE_SELLERS,
	OLIST_SAMPLE_CATEGORY_TRANSLATION
} OlistSampleEntity;

#define OLIST_SAMPLE_ENTITIES 9

/* a month's number, or the whole file */
#define OLIST_SAMPLE_MONTHS 25
#define OLIST_SAMPLE_WHOLE (-1)

typedef struct OlistSample OlistSample;

/* the file's name without ".csv" */
extern const char *olist_sample_file_name(OlistSampleEntity entity);

/* is every row of the file about one order, so that the file can be cut by months? */
extern bool olist_sample_is_monthly(OlistSampleEntity entity);

/* a month's name: "2016-09" */
extern const char *olist_sample_month_name(int month);

/*
 * Start a file. scale lies between the bounds above (else the result is not
 * defined). With a month, only the orders bought in it, with all that belongs
 * to them; the months of a file hold the rows of the whole file, each once.
 * Lives in the current memory context and ends with
 * it at the latest.
 */
extern OlistSample *
olist_sample_open(OlistSampleEntity entity, double scale, int64 seed, int month);

/*
 * Up to len bytes into buf; 0 at the end. Never raises an error, does no more
 * work than some 64 KB of output takes.
 */
extern size_t olist_sample_read(OlistSample *sample, char *buf, size_t len);

extern void olist_sample_close(OlistSample *sample);

/* rows (not lines, not the header) made so far: all, once read has returned 0 */
extern int64 olist_sample_rows(const OlistSample *sample);

/* how many orders the file covers: 0 for a month in which nothing was bought */
extern int64 olist_sample_orders(const OlistSample *sample);

#endif /* OLIST_SAMPLE_H */
