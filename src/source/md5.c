/*
 * source/md5.c
 *		MD5 of bytes as they pass: what an S3 ETag is, for most objects.
 *
 * This guards against accidents, not against malice. The server's own digests
 * are not used here, because their handles belong to a resource owner, and a
 * stream can outlive the one it was opened under; nor do they compute MD5 at
 * all where a security policy forbids it.
 */
#include "postgres.h"

#include "source/md5.h"

#include "port/pg_bitutils.h"

/* RFC 1321: amounts of rotation, and the integer part of 2^32 × |sin(i + 1)| */
static const uint8 rotations[64] = {
	7,	12, 17, 22, 7,	12, 17, 22, 7,	12, 17, 22, 7,	12, 17, 22, 5,	9,	14, 20, 5,	9,
	14, 20, 5,	9,	14, 20, 5,	9,	14, 20, 4,	11, 16, 23, 4,	11, 16, 23, 4,	11, 16, 23,
	4,	11, 16, 23, 6,	10, 15, 21, 6,	10, 15, 21, 6,	10, 15, 21, 6,	10, 15, 21,
};

static const uint32 sines[64] = {
	0xd76aa478, 0xe8c7b756, 0x242070db, 0xc1bdceee, 0xf57c0faf, 0x4787c62a, 0xa8304613, 0xfd469501,
	0x698098d8, 0x8b44f7af, 0xffff5bb1, 0x895cd7be, 0x6b901122, 0xfd987193, 0xa679438e, 0x49b40821,
	0xf61e2562, 0xc040b340, 0x265e5a51, 0xe9b6c7aa, 0xd62f105d, 0x02441453, 0xd8a1e681, 0xe7d3fbc8,
	0x21e1cde6, 0xc33707d6, 0xf4d50d87, 0x455a14ed, 0xa9e3e905, 0xfcefa3f8, 0x676f02d9, 0x8d2a4c8a,
	0xfffa3942, 0x8771f681, 0x6d9d6122, 0xfde5380c, 0xa4beea44, 0x4bdecfa9, 0xf6bb4b60, 0xbebfbc70,
	0x289b7ec6, 0xeaa127fa, 0xd4ef3085, 0x04881d05, 0xd9d4d039, 0xe6db99e5, 0x1fa27cf8, 0xc4ac5665,
	0xf4292244, 0x432aff97, 0xab9423a7, 0xfc93a039, 0x655b59c3, 0x8f0ccc92, 0xffeff47d, 0x85845dd1,
	0x6fa87e4f, 0xfe2ce6e0, 0xa3014314, 0x4e0811a1, 0xf7537e82, 0xbd3af235, 0x2ad7d2bb, 0xeb86d391,
};

static inline uint32
load32(const uint8 *p)
{
	return (uint32) p[0] | (uint32) p[1] << 8 | (uint32) p[2] << 16 | (uint32) p[3] << 24;
}

static void
transform(uint32 *state, const uint8 *data)
{
	uint32 a = state[0];
	uint32 b = state[1];
	uint32 c = state[2];
	uint32 d = state[3];
	uint32 words[16];

	for (int i = 0; i < 16; i++)
		words[i] = load32(data + 4 * i);

#define STEP(f, word)                                  \
	do                                                 \
	{                                                  \
		uint32 sum = a + (f) + sines[i] + words[word]; \
                                                       \
		a = d;                                         \
		d = c;                                         \
		c = b;                                         \
		b += pg_rotate_left32(sum, rotations[i]);      \
	} while (0)

#pragma GCC unroll 16
	for (int i = 0; i < 16; i++)
		STEP(d ^ (b & (c ^ d)), i);
#pragma GCC unroll 16
	for (int i = 16; i < 32; i++)
		STEP(c ^ (d & (b ^ c)), (5 * i + 1) % 16);
#pragma GCC unroll 16
	for (int i = 32; i < 48; i++)
		STEP(b ^ c ^ d, (3 * i + 5) % 16);
#pragma GCC unroll 16
	for (int i = 48; i < 64; i++)
		STEP(c ^ (b | ~d), (7 * i) % 16);
#undef STEP

	state[0] += a;
	state[1] += b;
	state[2] += c;
	state[3] += d;
}

void
olist_md5_init(OlistMd5 *md5)
{
	static const uint32 start[4] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476};

	memcpy(md5->state, start, sizeof(start));
	md5->total = 0;
}

void
olist_md5_update(OlistMd5 *md5, const char *data, size_t len)
{
	const uint8 *p = (const uint8 *) data;
	size_t used = md5->total % sizeof(md5->block);

	md5->total += len;
	if (used > 0)
	{
		size_t n = Min(len, sizeof(md5->block) - used);

		memcpy(md5->block + used, p, n);
		p += n;
		len -= n;
		if (used + n < sizeof(md5->block))
			return;
		transform(md5->state, md5->block);
	}
	for (; len >= sizeof(md5->block); p += sizeof(md5->block), len -= sizeof(md5->block))
		transform(md5->state, p);
	memcpy(md5->block, p, len);
}

void
olist_md5_final(OlistMd5 *md5, char hex[33])
{
	static const char padding[64] = {(char) 0x80};
	uint64 bits = md5->total * 8;
	size_t used = md5->total % sizeof(md5->block);
	char length[8];

	for (int i = 0; i < 8; i++)
		length[i] = (char) (bits >> (8 * i));
	olist_md5_update(md5, padding, used < 56 ? 56 - used : 120 - used);
	olist_md5_update(md5, length, sizeof(length));
	for (int i = 0; i < 16; i++)
		sprintf(hex + 2 * i, "%02x", (md5->state[i / 4] >> (8 * (i % 4))) & 0xFF);
}
