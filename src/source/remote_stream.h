/*
 * source/remote_stream.h
 *		The bytes of an object at an HTTP server.
 */
#ifndef OLIST_REMOTE_STREAM_H
#define OLIST_REMOTE_STREAM_H

#include "source/stream.h"
#include "source/uri.h"

/* define the settings; called once a backend */
extern void olist_remote_stream_init(void);

/*
 * Open an object at s3:// or http(s)://. options must live as long as the
 * stream. With an expected version its first bytes are asked for and the call
 * returns at once, so that several objects can be opened ahead; without one
 * the call waits to learn which version there is.
 */
extern OlistStream *
olist_remote_stream_open(const OlistUri *uri, const char *text, const OlistObject *expected,
						 const OlistSourceOptions *options);

#endif /* OLIST_REMOTE_STREAM_H */
