/*
 * source/sigv4.c
 *		AWS Signature Version 4, by hand.
 *
 *		request ──► canonical request ──► string to sign ──► signature
 *		secret ──► date key ──► region key ──► service key ──┘
 *
 * libcurl can sign, but the versions in use get keys with unusual characters
 * or continuation tokens wrong. The hashes are the server's own.
 */
#include "postgres.h"

#include "source/sigv4.h"

#include "common/cryptohash.h"
#include "common/hmac.h"
#include "common/sha2.h"
#include "compat.h"

#define ALGORITHM "AWS4-HMAC-SHA256"
#define HEX_LENGTH (2 * PG_SHA256_DIGEST_LENGTH)

List *
olist_pair_append(List *pairs, const char *name, const char *value)
{
	OlistPair *pair = palloc(sizeof(OlistPair));

	pair->name = pstrdup(name);
	pair->value = pstrdup(value);
	return lappend(pairs, pair);
}

List *
olist_pair_lines(const List *pairs)
{
	List *lines = NIL;
	ListCell *lc;

	foreach (lc, pairs)
	{
		const OlistPair *pair = lfirst(lc);

		lines = lappend(lines, psprintf("%s: %s", pair->name, pair->value));
	}
	return lines;
}

void
olist_sigv4_encode(StringInfo out, const char *text, bool keep_slash)
{
	for (const unsigned char *p = (const unsigned char *) text; *p != '\0'; p++)
	{
		if (isascii(*p) && (isalnum(*p) || strchr("-._~", *p) != NULL))
			appendStringInfoChar(out, *p);
		else if (*p == '/' && keep_slash)
			appendStringInfoChar(out, '/');
		else
			appendStringInfo(out, "%%%02X", *p);
	}
}

/* order by name, then value, bytewise */
static int
compare_pairs(const ListCell *a, const ListCell *b)
{
	const OlistPair *x = lfirst(a);
	const OlistPair *y = lfirst(b);
	int order = strcmp(x->name, y->name);

	return order != 0 ? order : strcmp(x->value, y->value);
}

char *
olist_sigv4_query(const List *pairs)
{
	StringInfoData query;
	List *encoded = NIL;
	ListCell *lc;

	foreach (lc, pairs)
	{
		const OlistPair *pair = lfirst(lc);
		StringInfoData name;
		StringInfoData value;

		initStringInfo(&name);
		initStringInfo(&value);
		olist_sigv4_encode(&name, pair->name, false);
		olist_sigv4_encode(&value, pair->value, false);
		encoded = olist_pair_append(encoded, name.data, value.data);
	}
	list_sort(encoded, compare_pairs);

	initStringInfo(&query);
	foreach (lc, encoded)
	{
		const OlistPair *pair = lfirst(lc);

		appendStringInfo(&query, "%s%s=%s", query.len > 0 ? "&" : "", pair->name, pair->value);
	}
	return query.data;
}

char *
olist_sigv4_date(pg_time_t at)
{
	struct pg_tm *tm = pg_gmtime(&at);
	char text[32];

	pg_strftime(text, sizeof(text), "%Y%m%dT%H%M%SZ", tm);
	return pstrdup(text);
}

pg_noreturn static void failed(const char *what, const char *reason);

static void
failed(const char *what, const char *reason)
{
	ereport(ERROR,
			(errcode(ERRCODE_INTERNAL_ERROR), errmsg("could not compute %s: %s", what, reason)));
}

static char *
to_hex(const uint8 *digest)
{
	char *hex = palloc(HEX_LENGTH + 1);

	for (int i = 0; i < PG_SHA256_DIGEST_LENGTH; i++)
		sprintf(hex + 2 * i, "%02x", digest[i]);
	return hex;
}

char *
olist_sigv4_hash(const char *data, size_t len)
{
	uint8 digest[PG_SHA256_DIGEST_LENGTH];
	pg_cryptohash_ctx *hash = pg_cryptohash_create(PG_SHA256);

	if (pg_cryptohash_init(hash) < 0 || pg_cryptohash_update(hash, (const uint8 *) data, len) < 0 ||
		pg_cryptohash_final(hash, digest, sizeof(digest)) < 0)
		failed("SHA-256", pg_cryptohash_error(hash));
	pg_cryptohash_free(hash);
	return to_hex(digest);
}

static void
hmac(const uint8 *key, size_t key_len, const char *text, uint8 *digest)
{
	pg_hmac_ctx *ctx = pg_hmac_create(PG_SHA256);

	if (pg_hmac_init(ctx, key, key_len) < 0 ||
		pg_hmac_update(ctx, (const uint8 *) text, strlen(text)) < 0 ||
		pg_hmac_final(ctx, digest, PG_SHA256_DIGEST_LENGTH) < 0)
		failed("HMAC", pg_hmac_error(ctx));
	pg_hmac_free(ctx);
}

/* append a header's value: trimmed, runs of blanks as one */
static void
append_header_value(StringInfo out, const char *value)
{
	while (*value == ' ')
		value++;
	for (; *value != '\0'; value++)
	{
		if (*value == ' ' && (value[1] == ' ' || value[1] == '\0'))
			continue;
		appendStringInfoChar(out, *value);
	}
}

/* "host;range;x-amz-date" and "host:…\nrange:…\n…", of which either may be NULL */
static void
canonical_headers(const List *headers, StringInfo names, StringInfo lines)
{
	List *sorted = list_copy(headers);
	ListCell *lc;

	list_sort(sorted, compare_pairs);
	foreach (lc, sorted)
	{
		const OlistPair *pair = lfirst(lc);

		if (names != NULL)
			appendStringInfo(names, "%s%s", names->len > 0 ? ";" : "", pair->name);
		if (lines != NULL)
		{
			appendStringInfo(lines, "%s:", pair->name);
			append_header_value(lines, pair->value);
			appendStringInfoChar(lines, '\n');
		}
	}
}

static char *
signed_headers(const OlistSignable *request)
{
	StringInfoData names;

	initStringInfo(&names);
	canonical_headers(request->headers, &names, NULL);
	return names.data;
}

char *
olist_sigv4_canonical_request(const OlistSignable *request)
{
	StringInfoData out;

	initStringInfo(&out);
	appendStringInfo(&out, "%s\n%s\n%s\n", request->method, request->path, request->query);
	canonical_headers(request->headers, NULL, &out);
	appendStringInfo(&out, "\n%s\n%s", signed_headers(request), request->payload_hash);
	return out.data;
}

/* 20130524/us-east-1/s3/aws4_request */
static char *
credential_scope(const OlistSigner *signer, const OlistSignable *request)
{
	return psprintf("%.8s/%s/%s/aws4_request", request->amz_date, signer->region, signer->service);
}

char *
olist_sigv4_string_to_sign(const OlistSigner *signer, const OlistSignable *request)
{
	char *canonical = olist_sigv4_canonical_request(request);

	return psprintf(ALGORITHM "\n%s\n%s\n%s", request->amz_date, credential_scope(signer, request),
					olist_sigv4_hash(canonical, strlen(canonical)));
}

/* the signing key is derived step by step, and every step is as good as the secret */
static char *
signature(const OlistSigner *signer, const OlistSignable *request)
{
	uint8 key[PG_SHA256_DIGEST_LENGTH];
	char *secret = psprintf("AWS4%s", signer->secret_access_key);
	char *date = pnstrdup(request->amz_date, 8);
	char *result;

	hmac((uint8 *) secret, strlen(secret), date, key);
	explicit_bzero(secret, strlen(secret));
	hmac(key, sizeof(key), signer->region, key);
	hmac(key, sizeof(key), signer->service, key);
	hmac(key, sizeof(key), "aws4_request", key);
	hmac(key, sizeof(key), olist_sigv4_string_to_sign(signer, request), key);
	result = to_hex(key);
	explicit_bzero(key, sizeof(key));
	return result;
}

char *
olist_sigv4_authorization(const OlistSigner *signer, const OlistSignable *request)
{
	return psprintf(ALGORITHM " Credential=%s/%s, SignedHeaders=%s, Signature=%s",
					signer->access_key_id, credential_scope(signer, request),
					signed_headers(request), signature(signer, request));
}
