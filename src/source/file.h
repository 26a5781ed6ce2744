/*
 * source/file.h
 *		Objects in the server's file system.
 */
#ifndef OLIST_FILE_H
#define OLIST_FILE_H

#include "source/listing.h"
#include "source/stream.h"

/*
 * Open a regular file by its absolute path. The caller has checked that the
 * user may read server files. The stream ends with an error when the file
 * grows, shrinks or is replaced while it is read, or is not the version that
 * expected (or NULL) names.
 *
 * Errors: 58P01 no such file; 42501 or 42809 what is not a regular file.
 */
extern OlistStream *olist_file_open(const char *path, const OlistObject *expected);

/*
 * The regular files at an absolute path: one file, all below a directory, or
 * those that a glob matches (source/glob.h); by name, bytewise. What is hidden
 * (its name begins with a dot) or behind a symbolic link must be named itself.
 * Same checks and errors.
 */
extern OlistListing *olist_file_listing_open(const char *path);

#endif /* OLIST_FILE_H */
