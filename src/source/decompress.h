/*
 * source/decompress.h
 *		gzip and zstd undone on the way, known by content.
 */
#ifndef OLIST_DECOMPRESS_H
#define OLIST_DECOMPRESS_H

#include "source/stream.h"

/*
 * olist_etl.read_chunk_size: how many bytes a reader asks a stream for at
 * once. Its value never changes a result; tests set it to 1.
 */
extern int olist_read_chunk_size;

/* define the settings of this file; called once a backend */
extern void olist_decompress_init(void);

/*
 * The bytes inside inner: unpacked if its first bytes are gzip's (any number
 * of members) or zstd's (any number of frames), else as they are. The stream
 * owns inner from here on. Nothing is read before the first read.
 *
 * Every form is bounded by olist_etl.max_object_size, unpacked ones also by
 * olist_etl.max_compression_ratio (54000). Damaged, cut or prolonged input is
 * an error (58030), never a short result; so is an object whose name promises
 * gzip or zstd and whose content is neither. Packed content that is no text in
 * the end is 22P04 with a hint: zip, bzip2, xz, twice compressed, or gzip and
 * zstd under a name that promises plain text (.csv, .tsv, .txt).
 */
extern OlistStream *olist_decompress_wrap(OlistStream *inner);

#endif /* OLIST_DECOMPRESS_H */
