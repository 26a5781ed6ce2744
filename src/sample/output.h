/*
 * sample/output.h
 *		A new file in a directory of the server, all of it or none.
 */
#ifndef OLIST_SAMPLE_OUTPUT_H
#define OLIST_SAMPLE_OUTPUT_H

typedef struct OlistOutput OlistOutput;

/*
 * Start to write directory/name under a temporary name, with gzip or without.
 * Lives in the current memory context; when that ends before the file was
 * finished, also by an error, the temporary file is removed.
 */
extern OlistOutput *olist_output_open(const char *directory, const char *name, bool gzip);

extern void olist_output_write(OlistOutput *output, const char *data, size_t len);

/*
 * Make the file durable and give it its name; returns its size. Without
 * overwrite, a file that has that name is an error (58P02), else it is
 * replaced.
 */
extern int64 olist_output_finish(OlistOutput *output, bool overwrite);

#endif /* OLIST_SAMPLE_OUTPUT_H */
