/*
 * unit/source.c
 *		What comes from outside to a source, under sanitizers: addresses,
 *		patterns, signatures, listings, files and answers with credentials.
 *
 * Inputs are made of the pieces that matter, then damaged. Where there is a
 * second way to the same result it is compared; elsewhere the code must only
 * keep to its memory and fail with an error of its own.
 *
 *		source [iterations [seed]]		test, writes TAP
 *
 * Built with -DFUZZ it is a libFuzzer target over everything that parses text.
 */
#include "postgres.h"

#include "server.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "random.h"
#include "source/backoff.h"
#include "source/credential_provider.h"
#include "source/glob.h"
#include "source/http_fetch.h"
#include "source/policy.h"
#include "source/s3_page.h"
#include "source/sigv4.h"
#include "source/time_text.h"
#include "source/uri.h"
#include "storage/fd.h"
#include "utils/guc.h"
#include "utils/timestamp.h"

/* ---------- what the code needs of the server beyond server.c ---------- */

int
OpenTransientFile(const char *path, int flags)
{
	return open(path, flags);
}

int
CloseTransientFile(int fd)
{
	return close(fd);
}

bool
has_privs_of_role(Oid member, Oid role)
{
	return false;
}

size_t
pg_strftime(char *s, size_t max, const char *format, const struct pg_tm *tm)
{
	struct tm here = {.tm_year = tm->tm_year,
					  .tm_mon = tm->tm_mon,
					  .tm_mday = tm->tm_mday,
					  .tm_hour = tm->tm_hour,
					  .tm_min = tm->tm_min,
					  .tm_sec = tm->tm_sec};

	return strftime(s, max, format, &here);
}

struct pg_tm *
pg_gmtime(const pg_time_t *timep)
{
	static struct pg_tm tm;
	time_t at = *timep;
	struct tm *here = gmtime(&at);

	tm.tm_year = here->tm_year;
	tm.tm_mon = here->tm_mon;
	tm.tm_mday = here->tm_mday;
	tm.tm_hour = here->tm_hour;
	tm.tm_min = here->tm_min;
	tm.tm_sec = here->tm_sec;
	return &tm;
}

/* the one setting of text: olist_etl.allowed_endpoints */

char *GUC_check_errmsg_string;
char *GUC_check_errdetail_string;
char *GUC_check_errhint_string;

static GucStringCheckHook check_setting;
static GucStringAssignHook assign_setting;

void
DefineCustomStringVariable(const char *name, const char *short_desc, const char *long_desc,
						   char **value, const char *boot, GucContext context, int flags,
						   GucStringCheckHook check, GucStringAssignHook assign, GucShowHook show)
{
	check_setting = check;
	assign_setting = assign;
}

void
pre_format_elog_string(int errnumber, const char *domain)
{
}

char *
format_elog_string(const char *fmt, ...)
{
	return pstrdup(fmt);
}

/* SET olist_etl.allowed_endpoints; false if the value is refused */
static bool
set_endpoints(const char *text)
{
	static void *last = NULL;
	void *extra = NULL;
	char *value = unconstify(char *, text);

	if (!check_setting(&value, &extra, PGC_S_SESSION))
		return false;
	assign_setting(value, extra);
	free(last);
	last = extra;
	return true;
}

/* ---------- what the endpoints of credentials answer ---------- */

double
olist_backoff_now(void)
{
	return 0;
}

static const char *fetched;

void
olist_http_fetch(const OlistHttpRequest *request, int tries, OlistHttpAnswer *answer)
{
	memset(answer, 0, sizeof(*answer));
	answer->status = 200;
	answer->body = pstrdup(fetched);
	answer->len = strlen(fetched);
}

/* ---------- addresses ---------- */

static bool
has_control(const char *text)
{
	for (; *text != '\0'; text++)
	{
		if ((unsigned char) *text < 0x20 || *text == 0x7F)
			return true;
	}
	return false;
}

/* the parts of an address stand for the same address */
static void
check_uri(const char *text)
{
	OlistUri *volatile uri = NULL;
	OlistUri *again;

	if (UNIT_RAISES(uri = olist_uri_parse(text)))
	{
		CHECK(unit_sqlerrcode == ERRCODE_INVALID_PARAMETER_VALUE);
		CHECK(!has_control(unit_message));
		return;
	}
	if (uri->scheme == OLIST_SCHEME_S3)
	{
		again = olist_uri_parse(olist_uri_of_key(uri->bucket, uri->key));
		CHECK(strcmp(again->bucket, uri->bucket) == 0 && strcmp(again->key, uri->key) == 0);
		CHECK(again->version_id == NULL);
	}
	else if (uri->host != NULL)
	{
		again = olist_uri_parse(psprintf("%s%s", olist_uri_origin(uri), uri->path));
		CHECK(again->scheme == uri->scheme && again->port == uri->port);
		CHECK(strcmp(again->host, uri->host) == 0 && strcmp(again->path, uri->path) == 0);
		CHECK(!has_control(uri->host) && !has_control(uri->path) && strchr(uri->path, ' ') == NULL);
		CHECK(strpbrk(uri->host, "/@?#[]\\%") == NULL && uri->path[0] == '/');
	}
}

static void
random_uri(void)
{
	static const char *const starts[] = {"s3://",	"S3://b/", "https://",	"http://",
										 "file://", "/",	   "sample://", ""};
	static const char *const words[] = {
		"a", "Bucket", "/",		 ":",  "8443",	   "@",		 "[::1]",		"[",	 "]",
		"?", "#",	   "%2e",	 "..", "\xC3\xA9", "\n",	 " ",			"\"",	 "=",
		"&", "\\",	   "x.y-z_", "//", ":0",	   ":99999", "?versionId=", "127.1", "\x7F"};
	StringInfoData text;

	initStringInfo(&text);
	APPEND_WORDS(&text, starts, 1);
	APPEND_WORDS(&text, words, random_number(chance(20) ? 1200 : 12));
	check_uri(text.data);
}

/* ---------- patterns ---------- */

/* the plain patterns that one with braces stands for, one after the other; false: an error */
static bool
expand_plainly(const char *pattern, List **out)
{
	const char *open = NULL;
	const char *from;
	int depth = 0;
	List *parts = NIL;
	ListCell *lc;

	for (const char *p = from = pattern; *p != '\0'; p++)
	{
		if (*p == '\\' && p[1] != '\0')
			p++;
		else if (*p == '{' && depth++ == 0)
		{
			open = p;
			from = p + 1;
		}
		else if (open != NULL && (*p == ',' || *p == '}') && depth == 1)
		{
			parts = lappend(parts, pnstrdup(from, p - from));
			from = p + 1;
			if (*p == '}')
				break;
		}
		else if (open != NULL && *p == '}')
			depth--;
	}
	if (open == NULL)
	{
		*out = lappend(*out, pstrdup(pattern));
		return true;
	}
	if (from[-1] != '}' || parts == NIL)
		return false;
	foreach (lc, parts)
	{
		if (!expand_plainly(
				psprintf("%.*s%s%s", (int) (open - pattern), pattern, (char *) lfirst(lc), from),
				out))
			return false;
	}
	return true;
}

/* does a pattern without braces match? By trying all that each star may stand for. */
static bool
matches_plainly(const char *p, const char *s)
{
	if (*p == '\0')
		return *s == '\0';
	if (p[0] == '*' && p[1] == '*' && p[2] == '/')
	{
		if (matches_plainly(p + 3, s))
			return true;
		for (; *s != '\0'; s++)
		{
			if (*s == '/' && matches_plainly(p + 3, s + 1))
				return true;
		}
		return false;
	}
	if (*p == '*')
	{
		bool any = p[1] == '*';

		for (p += 1 + any;; s++)
		{
			if (matches_plainly(p, s))
				return true;
			if (*s == '\0' || (*s == '/' && !any))
				return false;
		}
	}
	if (*p == '?')
	{
		if (*s == '\0' || *s == '/')
			return false;
		for (s++;; s++)
		{
			if (matches_plainly(p + 1, s))
				return true;
			if ((*s & 0xC0) != 0x80)
				return false;
		}
	}
	if (*p == '\\' && p[1] != '\0')
		p++;
	return *s == *p && matches_plainly(p + 1, s + 1);
}

static void
check_glob(const char *pattern, const char *name)
{
	OlistGlob *volatile glob = NULL;
	List *plain = NIL;
	volatile bool expected = false;
	ListCell *lc;

	if (UNIT_RAISES(glob = olist_glob_compile(pattern)))
	{
		CHECK(unit_sqlerrcode == ERRCODE_INVALID_PARAMETER_VALUE);
		CHECK(!expand_plainly(pattern, &plain));
		return;
	}
	CHECK(expand_plainly(pattern, &plain));
	foreach (lc, plain)
		expected = expected || matches_plainly(lfirst(lc), name);
	if (olist_glob_match(glob, name) != expected)
		fprintf(stderr, "pattern \"%s\", name \"%s\"\n", pattern, name);
	CHECK(olist_glob_match(glob, name) == expected);
	CHECK(!expected ||
		  strncmp(name, olist_glob_prefix(glob), strlen(olist_glob_prefix(glob))) == 0);
}

static void
random_glob(void)
{
	static const char *const words[] = {"a",	 "b",	   "/",		   "*",	 "**", "**/",
										"?",	 "\\",	   "\xC3\xA9", "{",	 "}",  ",",
										"{a,b}", "{a,*}/", "{,/}",	   "\\{"};
	static const char *const letters[] = {"a", "b", "/", "\xC3\xA9", "{", "\\", "*"};
	StringInfoData pattern;
	StringInfoData name;

	initStringInfo(&pattern);
	initStringInfo(&name);
	APPEND_WORDS(&pattern, words, random_number(9));
	APPEND_WORDS(&name, letters, random_number(9));
	check_glob(pattern.data, name.data);
}

/* ---------- signing ---------- */

/* undo percent-encoding; fails the test for anything but the one right way to encode */
static char *
decode_strictly(const char *text, bool slash)
{
	static const char digits[] = "0123456789ABCDEF";
	StringInfoData out;

	initStringInfo(&out);
	for (; *text != '\0'; text++)
	{
		const char *high = *text == '%' && text[1] != '\0' ? strchr(digits, text[1]) : NULL;
		const char *low = high != NULL && text[2] != '\0' ? strchr(digits, text[2]) : NULL;
		char c = *text;

		if (c == '%')
		{
			CHECK(low != NULL);
			if (low == NULL)
				return out.data;
			c = (char) ((high - digits) << 4 | (low - digits));
			CHECK(!isascii((unsigned char) c) ||
				  (!isalnum((unsigned char) c) && strchr("-._~", c) == NULL));
			CHECK(c != '/' || !slash);
			text += 2;
		}
		else
			CHECK(isalnum((unsigned char) c) || strchr("-._~", c) != NULL || (slash && c == '/'));
		appendStringInfoChar(&out, c);
	}
	return out.data;
}

static void
check_encoding(const char *text)
{
	StringInfoData path;
	char *query;

	initStringInfo(&path);
	olist_sigv4_encode(&path, text, true);
	CHECK(strcmp(decode_strictly(path.data, true), text) == 0);
	query = olist_sigv4_query(olist_pair_append(NIL, text, text));
	CHECK(strlen(query) % 2 == 1 && query[strlen(query) / 2] == '=');
	CHECK(strcmp(decode_strictly(query + strlen(query) / 2 + 1, false), text) == 0);
}

/* the parameters come in order, each with its '=', and none is lost */
static void
random_query(void)
{
	static const char *const words[] = {"a", "A", "b", "+",		   "=", "&",
										"%", " ", "~", "\xC3\xA9", ""};
	List *pairs = NIL;
	int n = (int) random_number(6);
	char *query;
	char *before = NULL;
	int found = 0;

	for (int i = 0; i < n; i++)
	{
		StringInfoData name;
		StringInfoData value;

		initStringInfo(&name);
		initStringInfo(&value);
		APPEND_WORDS(&name, words, random_number(4));
		APPEND_WORDS(&value, words, random_number(4));
		pairs = olist_pair_append(pairs, name.data, value.data);
	}
	query = olist_sigv4_query(pairs);
	for (char *pair = n > 0 ? query : NULL; pair != NULL; found++)
	{
		char *end = strchr(pair, '&');
		char *equals;

		if (end != NULL)
			*end = '\0';
		equals = strchr(pair, '=');
		CHECK(equals != NULL && strchr(equals + 1, '=') == NULL);
		*equals = '\0';
		CHECK(before == NULL || strcmp(before, pair) <= 0);
		before = pair;
		pair = end != NULL ? end + 1 : NULL;
	}
	CHECK(found == n);
}

/* the examples of AWS's documentation */
static void
check_vectors(void)
{
	static const struct
	{
		const char *method;
		const char *path;
		const char *query[4];
		const char *headers[6];
		const char *body;
		const char *signature;
	} vectors[] = {
		{"GET",
		 "/test.txt",
		 {NULL},
		 {"range", "bytes=0-9", NULL},
		 "",
		 "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"},
		{"PUT",
		 "/test$file.text",
		 {NULL},
		 {"date", "Fri, 24 May 2013 00:00:00 GMT", "x-amz-storage-class", "REDUCED_REDUNDANCY",
		  NULL},
		 "Welcome to Amazon S3.",
		 "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"},
		{"GET",
		 "/",
		 {"lifecycle", "", NULL},
		 {NULL},
		 "",
		 "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"},
		{"GET",
		 "/",
		 {"prefix", "J", "max-keys", "2"},
		 {NULL},
		 "",
		 "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"},
	};
	OlistSigner signer = {"AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
						  "us-east-1", "s3"};

	for (size_t i = 0; i < lengthof(vectors); i++)
	{
		OlistSignable request = {.method = vectors[i].method, .amz_date = "20130524T000000Z"};
		List *query = NIL;
		StringInfoData path;
		char *authorization;

		initStringInfo(&path);
		olist_sigv4_encode(&path, vectors[i].path, true);
		request.path = path.data;
		for (int j = 0; j < 4 && vectors[i].query[j] != NULL; j += 2)
			query = olist_pair_append(query, vectors[i].query[j], vectors[i].query[j + 1]);
		request.query = olist_sigv4_query(query);
		request.payload_hash = olist_sigv4_hash(vectors[i].body, strlen(vectors[i].body));
		request.headers = olist_pair_append(NIL, "host", "examplebucket.s3.amazonaws.com");
		request.headers = olist_pair_append(request.headers, "x-amz-date", request.amz_date);
		request.headers =
			olist_pair_append(request.headers, "x-amz-content-sha256", request.payload_hash);
		for (int j = 0; vectors[i].headers[j] != NULL; j += 2)
			request.headers = olist_pair_append(request.headers, vectors[i].headers[j],
												vectors[i].headers[j + 1]);
		authorization = olist_sigv4_authorization(&signer, &request);
		CHECK(strcmp(strstr(authorization, "Signature=") + 10, vectors[i].signature) == 0);
	}
}

/* ---------- listings ---------- */

/* all that a page says, in one line; "bad" if it is none */
static char *
page_outcome(const char *xml, size_t len, size_t piece)
{
	OlistS3Page *page = olist_s3_page_create();
	StringInfoData out;
	bool good = true;

	initStringInfo(&out);
	for (size_t i = 0; good && i < len; i += piece)
	{
		size_t n = Min(piece, len - i);
		char *exact = palloc(n);

		memcpy(exact, xml + i, n);
		good = olist_s3_page_parse(page, exact, n, false);
		pfree(exact);
	}
	good = good && olist_s3_page_parse(page, "", 0, true);
	if (olist_s3_page_error(page) != NULL)
		appendStringInfo(&out, "error %s", olist_s3_page_error(page)->code);
	else if (!good || !olist_s3_page_complete(page))
		appendStringInfoString(&out, "bad");
	else
	{
		const OlistS3Entry *entry;

		appendStringInfo(&out, "more %d token %s", olist_s3_page_truncated(page),
						 olist_s3_page_token(page) ? olist_s3_page_token(page) : "none");
		for (int i = 0; (entry = olist_s3_page_entry(page, i)) != NULL; i++)
		{
			appendStringInfo(&out, " [%d etag %s class %s at %s key ", (int) entry->size,
							 entry->etag ? entry->etag : "none",
							 entry->storage_class ? entry->storage_class : "none",
							 entry->last_modified ? entry->last_modified : "none");
			appendStringInfoString(&out, entry->key);
			appendStringInfoChar(&out, ']');
		}
	}
	olist_s3_page_close(page);
	return out.data;
}

static void
check_page(const char *xml, size_t len)
{
	char *whole = page_outcome(xml, len, len + 1);
	OlistS3Error error;
	char *exact = palloc(len);

	for (size_t piece = 1; piece < 40; piece = piece * 3 + 1)
		CHECK(strcmp(page_outcome(xml, len, piece), whole) == 0);
	memcpy(exact, xml, len);
	olist_s3_error_parse(exact, len, &error);
	CHECK(strlen(error.code) < sizeof(error.code) && strlen(error.region) < sizeof(error.region));
}

/* an answer that is one: its keys come back, whatever bytes they have */
static void
random_page(void)
{
	static const char *const noise[] = {"",
										" ",
										"\n\t",
										"<!-- Key -->",
										"<Owner><ID>z</ID><Key>no</Key></Owner>",
										"<ChecksumAlgorithm>CRC32</ChecksumAlgorithm>",
										"<RestoreStatus><Key>no</Key></RestoreStatus>"};
	StringInfoData xml;
	StringInfoData expected;

	initStringInfo(&xml);
	initStringInfo(&expected);
	appendStringInfoString(&xml, "<?xml version='1.0'?><ListBucketResult xmlns=\"x\">"
								 "<EncodingType>url</EncodingType><Name>b</Name>");
	appendStringInfoString(&expected, "more 1 token a+/=");
	for (uint32 n = random_number(4); n > 0; n--)
	{
		uint32 size = random_number(1000000);
		uint32 key_len = 1 + random_number(chance(10) ? 1000 : 20);

		appendStringInfo(&xml, "%s<Contents>", noise[random_number(4)]);
		APPEND_WORDS(&xml, noise, 1);
		appendStringInfo(&expected, " [%u etag e class none at none key ", size);
		appendStringInfoString(&xml, "<Key>");
		for (uint32 i = 0; i < key_len; i++)
		{
			unsigned char c = (unsigned char) (1 + random_number(255));

			appendStringInfoChar(&expected, (char) c);
			if (c == ' ' && chance(2))
				appendStringInfoChar(&xml, '+');
			else if (isascii(c) && isalnum(c))
				appendStringInfoChar(&xml, (char) c);
			else
				appendStringInfo(&xml, chance(2) ? "%%%02x" : "%%%02X", c);
		}
		appendStringInfo(&xml, "</Key><Size>%u</Size><ETag>&quot;e&quot;</ETag>", size);
		APPEND_WORDS(&xml, noise, 1);
		appendStringInfoString(&xml, "</Contents>");
		appendStringInfoChar(&expected, ']');
	}
	appendStringInfoString(&xml,
						   "<IsTruncated>true</IsTruncated><CommonPrefixes><Prefix>p</Prefix>"
						   "</CommonPrefixes><NextContinuationToken>a+/=</NextContinuationToken>"
						   "</ListBucketResult>\n");
	CHECK(strcmp(page_outcome(xml.data, xml.len, 1 + random_number(200)), expected.data) == 0);
	damage(&xml);
	check_page(xml.data, xml.len);
}

static void
random_xml(void)
{
	static const char *const words[] = {
		"<ListBucketResult>",
		"</ListBucketResult>",
		"<Contents>",
		"</Contents>",
		"<Key>",
		"</Key>",
		"<Size>",
		"</Size>",
		"<Error>",
		"</Error>",
		"<Code>",
		"</Code>",
		"<Region>",
		"</Region>",
		"<CommonPrefixes>",
		"</CommonPrefixes>",
		"<Owner>",
		"</Owner>",
		"<EncodingType>url",
		"</EncodingType>",
		"<ETag>\"",
		"</ETag>",
		"1",
		"99999999999999999999",
		"%00",
		"%",
		"+",
		"&amp;",
		"&#0;",
		"&x;",
		"<![CDATA[",
		"]]>",
		"<!DOCTYPE x [",
		"\xFF",
		"<a b='",
		"'/>",
		"12345678901234567890123456789012345678901234567890123456789012345678901234567890"};
	StringInfoData xml;

	initStringInfo(&xml);
	if (!chance(4))
		appendStringInfoString(&xml, "<ListBucketResult>");
	APPEND_WORDS(&xml, words, random_number(chance(20) ? 400 : 14));
	check_page(xml.data, xml.len);
}

/* ---------- credentials ---------- */

static char profile_path[] = "/tmp/olist_unit_XXXXXX";

static void
write_profiles(const char *content, size_t len)
{
	FILE *file = fopen(profile_path, "w");

	if (fwrite(content, 1, len, file) != len || fclose(file) != 0)
		abort();
}

static OlistProvided
read_profiles(const char *section, OlistCredentials *credentials)
{
	OlistProviderError error = {0};
	OlistProvided provided;

	memset(credentials, 0, sizeof(*credentials));
	provided = olist_provide_from_file(profile_path, section, credentials, &error);
	CHECK((provided == OLIST_PROVIDER_FAILED) == (error.message != NULL));
	CHECK(provided != OLIST_PROVIDER_GAVE ||
		  (credentials->access_key_id != NULL && credentials->secret_access_key != NULL));
	return provided;
}

/* a file as people write them: the section's keys are found, and no other's */
static void
random_profiles(void)
{
	static const char *const between[] = {
		"\n",			"\r\n",	 "# [me]\n", "; aws_access_key_id = no\n",
		"region = x\n", "   \n", "garbage\n"};
	static const char *const blanks[] = {"", " ", "\t", "  "};
	static const char *const titles[] = {"[me]", "[ me ]", "[profile me]", "[other]", "[meme]"};
	OlistCredentials credentials;
	StringInfoData text;
	bool there = false;
	bool before = chance(2);

	initStringInfo(&text);
	if (before)
		appendStringInfoString(&text, "[you]\naws_access_key_id=no\naws_secret_access_key=no\n");
	APPEND_WORDS(&text, between, random_number(4));
	for (int i = 0; i < 1; i++)
	{
		uint32 title = random_number(lengthof(titles));

		there = title < 3;
		appendStringInfo(&text, "%s%s", blanks[random_number(4)], titles[title]);
		appendStringInfoString(&text, chance(2) ? "\n" : "\r\n");
		APPEND_WORDS(&text, between, random_number(3));
		appendStringInfo(&text, "%saws_access_key_id%s=%sID%s\n", blanks[random_number(4)],
						 blanks[random_number(4)], blanks[random_number(4)],
						 blanks[random_number(4)]);
		APPEND_WORDS(&text, between, random_number(3));
		appendStringInfo(&text, "aws_secret_access_key%s=%sse=cret/+%s", blanks[random_number(4)],
						 blanks[random_number(4)], blanks[random_number(4)]);
	}
	if (chance(2))
		appendStringInfoString(&text, "\n[last]\naws_access_key_id=no\naws_secret_access_key=no");
	write_profiles(text.data, text.len);
	if (read_profiles("me", &credentials) == OLIST_PROVIDER_GAVE)
	{
		CHECK(there && strcmp(credentials.access_key_id, "ID") == 0);
		CHECK(strcmp(credentials.secret_access_key, "se=cret/+") == 0);
	}
	else
		CHECK(!there);
	damage(&text);
	if (text.len > 0 && chance(4))
		text.data[random_number(text.len)] = '\0';
	write_profiles(text.data, text.len);
	(void) read_profiles("me", &credentials);
}

/* what the endpoints say, in the form that is asked for, given to all who ask */
static void
check_provided(const char *answer, bool valid)
{
	OlistSourceOptions options = {.role_arn = "r", .region = "x", .min_tls = "1.2"};
	OlistCredentials base = {"id", "secret", NULL, DT_NOEND, "test"};
	OlistCredentials credentials;
	OlistProviderError error;

	fetched = answer;
	for (int i = 0; i < 4; i++)
	{
		OlistProvided provided;

		memset(&credentials, 0, sizeof(credentials));
		memset(&error, 0, sizeof(error));
		provided = i == 0	? olist_provide_from_role(&options, &base, &credentials, &error)
				   : i == 1 ? olist_provide_from_web_identity(&options, &credentials, &error)
				   : i == 2 ? olist_provide_from_container(&options, &credentials, &error)
							: olist_provide_from_instance(&options, &credentials, &error);
		if (provided == OLIST_PROVIDER_GAVE)
			CHECK(credentials.access_key_id != NULL && credentials.secret_access_key != NULL);
		else
			CHECK(provided == OLIST_PROVIDER_FAILED && error.message != NULL &&
				  !has_control(error.message) && strstr(error.message, "se/cret") == NULL);
		if (valid && (answer[0] == '<') == (i < 2) && i < 3)
		{
			CHECK(provided == OLIST_PROVIDER_GAVE);
			CHECK(strcmp(credentials.access_key_id, "ID") == 0);
			CHECK(strcmp(credentials.secret_access_key, "se/cret") == 0);
			CHECK(strcmp(credentials.session_token, "tok\"en") == 0);
			CHECK(credentials.expires == olist_time_from_iso("2030-01-02T03:04:05Z"));
		}
	}
}

static void
random_provided(void)
{
	static const char *const json[] = {"{",
									   "\"",
									   "\\\"",
									   "\"AccessKeyId\":",
									   "\"SecretAccessKey\" : ",
									   "\"Token\":",
									   "\"ID\"",
									   "\"se/cret\"",
									   ",",
									   "\\",
									   "}",
									   "null",
									   "\"Expiration\":\"2030-01-02T03:04:05Z\"",
									   "\n"};
	static const char *const xml[] = {"<a>",
									  "</a>",
									  "<AccessKeyId>",
									  "ID",
									  "</AccessKeyId>",
									  "<SecretAccessKey>se/cret</SecretAccessKey>",
									  "&quot;",
									  "<Expiration>2030-01-02T03:04:05Z</Expiration>",
									  "<SessionToken>",
									  "</SessionToken>",
									  "<!DOCTYPE a>"};
	StringInfoData text;

	initStringInfo(&text);
	if (chance(2))
		appendStringInfoString(
			&text, "{\"Code\" : \"Success\",\n\"AccessKeyId\":\"ID\", \"SecretAccessKey\" : "
				   "\"se\\/cret\",\"Token\":\"tok\\\"en\",\"Expiration\" : "
				   "\"2030-01-02T03:04:05Z\"}");
	else
		appendStringInfoString(
			&text, "<R><Credentials><AccessKeyId>ID</AccessKeyId><SecretAccessKey>se/cret"
				   "</SecretAccessKey><SessionToken>tok&quot;en</SessionToken><Expiration>"
				   "2030-01-02T03:04:05Z</Expiration></Credentials></R>");
	check_provided(text.data, true);
	damage(&text);
	check_provided(text.data, false);
	text.data[text.len = 0] = '\0';
	if (chance(2))
		APPEND_WORDS(&text, json, random_number(20));
	else
		APPEND_WORDS(&text, xml, random_number(20));
	check_provided(text.data, false);
}

/* ---------- times, and the policy ---------- */

static void
random_time(void)
{
	static const char *const words[] = {"2024",	 "-",	"02", "T",			":",
										"30",	 "Z",	".",  "999",		"Wed, ",
										" May ", "GMT", "+",  "99999999999"};
	time_t at = (time_t) random_number(4000000000u);
	char text[64];
	StringInfoData other;

	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S.000Z", gmtime(&at));
	CHECK(olist_time_from_iso(text) == time_t_to_timestamptz(at));
	strftime(text, sizeof(text), "%a, %d %b %Y %H:%M:%S GMT", gmtime(&at));
	CHECK(olist_time_from_http(text) == time_t_to_timestamptz(at));
	initStringInfo(&other);
	APPEND_WORDS(&other, words, random_number(12));
	(void) olist_time_from_iso(other.data);
	(void) olist_time_from_http(other.data);
}

static bool
allows(int family, const uint8 *address, int port)
{
	struct sockaddr_storage storage = {.ss_family = family};

	if (family == AF_INET)
		memcpy(&((struct sockaddr_in *) &storage)->sin_addr, address, 4);
	else
		memcpy(&((struct sockaddr_in6 *) &storage)->sin6_addr, address, 16);
	return olist_policy_allows("host.test", port, (struct sockaddr *) &storage);
}

/* an address is judged alike in every form, and a network holds what it should */
static void
random_policy(void)
{
	static const char *const words[] = {"10.0.0.0",		"/8",		 ":443", ",", "[::1]", "*",
										".example.com", "host.test", "/129", "[", "]",	   " ",
										"127.0.0.1",	"::",		 "\n"};
	static const uint8 firsts[] = {0, 10, 100, 127, 169, 172, 192, 198, 203, 224, 8, 52};
	uint8 v4[4] = {chance(2) ? firsts[random_number(lengthof(firsts))] : random_number(256),
				   random_number(256), random_number(256), random_number(256)};
	uint8 mapped[16] = {[10] = 0xFF, [11] = 0xFF};
	uint8 nat64[16] = {0x00, 0x64, 0xFF, 0x9B};
	uint8 v6[16];
	int bits = (int) random_number(33);
	uint32 address;
	StringInfoData list;
	char text[INET6_ADDRSTRLEN];

	memcpy(mapped + 12, v4, 4);
	memcpy(nat64 + 12, v4, 4);
	CHECK(set_endpoints(""));
	CHECK(allows(AF_INET, v4, 443) == allows(AF_INET6, mapped, 443));
	CHECK(allows(AF_INET, v4, 443) == allows(AF_INET6, nat64, 443));
	if (v4[0] == 10 || v4[0] == 127 || v4[0] == 0 || v4[0] >= 224 ||
		(v4[0] == 169 && v4[1] == 254) || (v4[0] == 192 && v4[1] == 168) ||
		(v4[0] == 172 && v4[1] / 16 == 1))
		CHECK(!allows(AF_INET, v4, 443));
	for (int i = 0; i < 16; i++)
		v6[i] = (uint8) random_number(256);
	if (v6[0] / 32 != 1 && memcmp(v6, nat64, 12) != 0)
		CHECK(!allows(AF_INET6, v6, 443));

	/* the network around it, and the addresses next to that */
	inet_ntop(AF_INET, v4, text, sizeof(text));
	CHECK(set_endpoints(psprintf("x.test, %s/%d:9000", text, bits)));
	CHECK(allows(AF_INET, v4, 9000) && !allows(AF_INET, v4, 9001));
	memcpy(&address, v4, 4);
	address = htonl(ntohl(address) ^ (bits == 0 ? 0 : 1u << (32 - bits)));
	CHECK(allows(AF_INET, (uint8 *) &address, 9000) == (bits == 0));

	initStringInfo(&list);
	APPEND_WORDS(&list, words, random_number(10));
	(void) set_endpoints(list.data);
}

/* ---------- all of it ---------- */

static void
set_up(void)
{
	int fd = mkstemp(profile_path);

	if (fd < 0)
		abort();
	close(fd);
	setenv("AWS_WEB_IDENTITY_TOKEN_FILE", profile_path, 1);
	setenv("AWS_ROLE_ARN", "r", 1);
	setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1/x", 1);
	olist_policy_init();
}

#ifdef FUZZ

static const char *fuzz_data;
static size_t fuzz_len;

static void
fuzz_all(void)
{
	char *text = pnstrdup(fuzz_data, fuzz_len);

	check_uri(text);
	check_encoding(text);
	check_page(fuzz_data, fuzz_len);
	check_provided(text, false);
	(void) set_endpoints(text);
	(void) olist_time_from_iso(text);
	(void) olist_time_from_http(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static bool ready = false;

	if (!ready)
		set_up();
	ready = true;
	fuzz_data = (const char *) data;
	fuzz_len = size;
	within_context(fuzz_all);
	if (failures > 0)
		abort();
	return 0;
}

#else

static void
random_encoding(void)
{
	StringInfoData text;

	initStringInfo(&text);
	for (uint32 n = random_number(40); n > 0; n--)
		appendStringInfoChar(&text, (char) (1 + random_number(255)));
	check_encoding(text.data);
	random_query();
}

int
main(int argc, char **argv)
{
	static const UnitTest tests[] = {
		{check_vectors, "AWS's published requests get the published signatures", INT_MAX},
		{random_encoding, "paths and queries are encoded in the one right way, and sorted", 1},
		{random_uri, "addresses are refused, or mean the same when put together again", 1},
		{random_glob, "patterns match what trying everything matches", 1},
		{random_page, "listings give their keys, in pieces of any size", 4},
		{random_xml, "documents that are no listings are refused alike in pieces of any size", 4},
		{random_profiles, "files of profiles give the profile's keys and no other's", 4},
		{random_provided, "answers with credentials give these, others an error without them", 4},
		{random_time, "times are read as they were written", 1},
		{random_policy, "addresses are judged alike in every form", 1},
	};
	int status;

	set_up();
	status = run_tests(argc, argv, tests, lengthof(tests));
	unlink(profile_path);
	return status;
}

#endif
