/*
 * sample/rows.h
 *		The rows of each file as text.
 */
#ifndef OLIST_SAMPLE_ROWS_H
#define OLIST_SAMPLE_ROWS_H

#include "sample/plan.h"

/* calendar days from 2016-01-01 that can occur in a file: five years */
#define OLIST_SAMPLE_DAYS 1827

/* the points of the prefixes; only for the geolocation file */
typedef struct OlistSampleMap
{
	uint32 prefixes; /* that have points */
	uint32 *prefix;	 /* their numbers */
	uint64 *end;	 /* rows up to and with each */
	bool *has_outliers;
	bool *in_two_states;
} OlistSampleMap;

/* what rows are made from */
typedef struct OlistSampleWriter
{
	OlistSamplePlan plan;
	uint64 first; /* number of the first order, if only a month is written */
	int64 rows;	  /* written so far */
	OlistSampleMap map;
	char day[OLIST_SAMPLE_DAYS][10]; /* "2016-01-01" … */
	char pair[100][2];				 /* "00" … "99" */
	char hex[256][2];				 /* "00" … "ff" */
} OlistSampleWriter;

/*
 * Write all rows of the subject that stands at place (0 …) of the file to out;
 * returns the end of what was written: at most 16 KB.
 */
typedef char *(*OlistSampleWriteRows)(OlistSampleWriter *writer, uint64 place, char *out);

extern char *olist_sample_write_customer(OlistSampleWriter *writer, uint64 place, char *out);
extern char *olist_sample_write_point(OlistSampleWriter *writer, uint64 place, char *out);
extern char *olist_sample_write_items(OlistSampleWriter *writer, uint64 place, char *out);
extern char *olist_sample_write_payments(OlistSampleWriter *writer, uint64 place, char *out);
extern char *olist_sample_write_reviews(OlistSampleWriter *writer, uint64 place, char *out);
extern char *olist_sample_write_order(OlistSampleWriter *writer, uint64 place, char *out);
extern char *olist_sample_write_product(OlistSampleWriter *writer, uint64 place, char *out);
extern char *olist_sample_write_seller(OlistSampleWriter *writer, uint64 place, char *out);
extern char *olist_sample_write_translation(OlistSampleWriter *writer, uint64 place, char *out);

/* prepare a writer whose plan is made; allocates the map if the file needs it */
extern void olist_sample_writer_init(OlistSampleWriter *writer, OlistSampleEntity entity);

#endif /* OLIST_SAMPLE_ROWS_H */
