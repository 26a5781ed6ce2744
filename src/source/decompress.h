/*
 * source/decompress.h
 *		gzip and zstd undone on the way, known by content.
 */
#ifndef OLIST_DECOMPRESS_H
#define OLIST_DECOMPRESS_H

#include "source/stream.h"

/*
 * Look at the first bytes of inner: for gzip (also of several members) or zstd
 * the stream of the bytes inside, which owns inner from here on; otherwise
 * inner itself, with nothing consumed. What comes out is bounded in size and
 * in ratio (54000); damaged or cut input is an error, never a short result.
 */
extern OlistStream *olist_decompress_wrap(OlistStream *inner);

#endif /* OLIST_DECOMPRESS_H */
