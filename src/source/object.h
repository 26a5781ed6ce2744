/*
 * source/object.h
 *		An object: one file at the source, in one version.
 */
#ifndef OLIST_OBJECT_H
#define OLIST_OBJECT_H

#include "datatype/timestamp.h"

typedef struct OlistObject
{
	char *uri;				   /* full address; never carries a secret */
	int64 size;				   /* bytes as stored (compressed), -1 if unknown */
	char *etag;				   /* names the version; NULL if the source has none */
	TimestampTz last_modified; /* DT_NOBEGIN if unknown */
	char *storage_class;	   /* S3's word, NULL elsewhere */
} OlistObject;

#endif /* OLIST_OBJECT_H */
