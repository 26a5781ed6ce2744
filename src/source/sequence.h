/*
 * source/sequence.h
 *		The streams of all objects of a listing, one after the other.
 */
#ifndef OLIST_SEQUENCE_H
#define OLIST_SEQUENCE_H

#include "source/listing.h"
#include "source/stream.h"

typedef struct OlistSequence OlistSequence;

/*
 * Go through the objects under a URI. Small objects of a remote source are
 * asked for ahead of their turn, so that reading many of them does not wait
 * for each. In a context of its own below the current one; options must live
 * as long.
 */
extern OlistSequence *olist_sequence_open(const char *uri, const OlistSourceOptions *options);

/*
 * The next object and its stream, in the current memory context, whose they
 * are from here on; false at the end. Raises the errors of listing and opening.
 */
extern bool olist_sequence_next(OlistSequence *sequence, OlistObject *object, OlistStream **stream);

#endif /* OLIST_SEQUENCE_H */
