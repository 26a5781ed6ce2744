/*
 * source/md5.h
 *		MD5 of bytes as they pass: what an S3 ETag is, for most objects.
 */
#ifndef OLIST_MD5_H
#define OLIST_MD5_H

typedef struct OlistMd5
{
	uint32 state[4];
	uint64 total;	 /* bytes so far */
	uint8 block[64]; /* the last, incomplete one */
} OlistMd5;

extern void olist_md5_init(OlistMd5 *md5);
extern void olist_md5_update(OlistMd5 *md5, const char *data, size_t len);

/* the sum as 32 lower-case hex digits and a NUL */
extern void olist_md5_final(OlistMd5 *md5, char hex[33]);

#endif /* OLIST_MD5_H */
