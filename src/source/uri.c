/*
 * source/uri.c
 *		The address of an object, taken apart.
 *
 *		s3://bucket/any key?versionId=v		file:///any/path	/any/path
 *		https://host:port/encoded?query		sample://anything
 */
#include "postgres.h"

#include "source/uri.h"

#include "base/message.h"
#include "compat.h"

#define VERSION_SUFFIX "?versionId="

static const struct
{
	const char *prefix;
	OlistScheme scheme;
} schemes[] = {
	{"s3://", OLIST_SCHEME_S3},		{"https://", OLIST_SCHEME_HTTPS},
	{"http://", OLIST_SCHEME_HTTP}, {"file://", OLIST_SCHEME_FILE},
	{"/", OLIST_SCHEME_FILE},		{"sample://", OLIST_SCHEME_SAMPLE},
};

pg_noreturn static void refuse(const char *uri, const char *detail);

static void
refuse(const char *uri, const char *detail)
{
	ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					errmsg("cannot use the address \"%s\"", olist_redact_uri(uri)),
					errdetail("%s", detail),
					errhint("Give one of s3://bucket/key, https://host/path, file:///path, /path "
							"or sample://.")));
}

/* the last "?versionId=" of a key, or NULL */
static const char *
find_version_suffix(const char *key)
{
	const char *found = NULL;

	for (const char *p = key; (p = strstr(p, VERSION_SUFFIX)) != NULL; p++)
		found = p;
	return found;
}

/* what a letter is must not depend on the server's locale */
static bool
is_ascii_alnum(char c)
{
	return isascii((unsigned char) c) && isalnum((unsigned char) c);
}

/* bucket/key?versionId=v; bucket names as strict as needed to stand in a URL */
static void
parse_s3(OlistUri *parts, const char *uri, const char *rest)
{
	size_t bucket_len = strcspn(rest, "/");
	const char *key = rest + bucket_len;
	const char *version;

	if (bucket_len == 0)
		refuse(uri, "The name of the bucket is missing.");
	for (size_t i = 0; i < bucket_len; i++)
	{
		if (!is_ascii_alnum(rest[i]) && (i == 0 || strchr(".-_", rest[i]) == NULL))
			refuse(uri, "The name of a bucket consists of letters, digits, '.', '-' and '_'.");
	}
	if (bucket_len > 255)
		refuse(uri, "The name of the bucket is too long.");
	parts->bucket = pnstrdup(rest, bucket_len);
	if (*key == '/')
		key++;
	version = find_version_suffix(key);
	if (version == NULL)
		parts->key = pstrdup(key);
	else
	{
		parts->key = pnstrdup(key, version - key);
		version += strlen(VERSION_SUFFIX);
		if (*version != '\0')
			parts->version_id = pstrdup(version);
	}
	if (strlen(parts->key) > 1024)
		refuse(uri, "A key has at most 1024 bytes.");
}

/* the port of http(s) that need not be written */
static int
default_port(const OlistUri *uri)
{
	return uri->scheme == OLIST_SCHEME_HTTPS ? 443 : 80;
}

/* ":port" or nothing; dflt if there is none */
static int
parse_port(const char *uri, const char *text, size_t len, int dflt)
{
	int port = 0;

	if (len == 0)
		return dflt;
	if (text[0] != ':' || len < 2 || len > 6)
		refuse(uri, "The host is followed by something that is no port.");
	for (size_t i = 1; i < len; i++)
	{
		if (!isdigit((unsigned char) text[i]))
			refuse(uri, "The port is no number.");
		port = port * 10 + (text[i] - '0');
	}
	if (port < 1 || port > 65535)
		refuse(uri, "The port is out of range.");
	return port;
}

/* what may stand in a host name, so that curl and we always see the same host */
static bool
is_host_char(char c, bool ipv6)
{
	if (ipv6)
		return isxdigit((unsigned char) c) || c == ':' || c == '.';
	return is_ascii_alnum(c) || c == '-' || c == '.' || c == '_';
}

/* host[:port] or [v6]:port */
static void
parse_authority(OlistUri *parts, const char *uri, const char *text, size_t len)
{
	bool ipv6 = len > 0 && text[0] == '[';
	const char *host = ipv6 ? text + 1 : text;
	const char *end = text + len;
	const char *host_end = memchr(host, ipv6 ? ']' : ':', end - host);

	if (memchr(text, '@', len) != NULL)
		refuse(uri, "An address must not hold a user name or a password.");
	if (host_end == NULL)
	{
		if (ipv6)
			refuse(uri, "The bracket of the IPv6 address is not closed.");
		host_end = end;
	}
	if (host_end == host)
		refuse(uri, "The host is missing.");
	parts->host = palloc0(host_end - host + 1);
	for (const char *p = host; p < host_end; p++)
	{
		if (!is_host_char(*p, ipv6))
			refuse(uri, "The host holds a character that no host name has.");
		parts->host[p - host] = pg_tolower((unsigned char) *p);
	}
	if (ipv6)
		host_end++;
	parts->port = parse_port(uri, host_end, end - host_end, default_port(parts));
}

/*
 * The path and query of a URL: kept as written where it is legal, anything
 * else percent-encoded; the fragment is the browser's business.
 */
static char *
parse_url_path(const char *text)
{
	static const char hex[] = "0123456789ABCDEF";
	char *path = palloc(3 * strlen(text) + 2);
	char *out = path;

	if (*text != '/')
		*out++ = '/';
	for (const char *p = text; *p != '\0' && *p != '#'; p++)
	{
		unsigned char c = *p;

		if (c > 0x20 && c < 0x7F && strchr("\"<>\\^`{|}", c) == NULL)
			*out++ = c;
		else
		{
			*out++ = '%';
			*out++ = hex[c >> 4];
			*out++ = hex[c & 15];
		}
	}
	*out = '\0';
	return path;
}

static void
parse_http(OlistUri *parts, const char *uri, const char *rest)
{
	size_t len = strcspn(rest, "/?#");

	parse_authority(parts, uri, rest, len);
	parts->path = parse_url_path(rest + len);
}

OlistUri *
olist_uri_parse(const char *uri)
{
	OlistUri *parts = palloc0(sizeof(OlistUri));
	const char *rest = NULL;

	for (size_t i = 0; i < lengthof(schemes) && rest == NULL; i++)
	{
		size_t len = strlen(schemes[i].prefix);

		if (pg_strncasecmp(uri, schemes[i].prefix, len) == 0)
		{
			parts->scheme = schemes[i].scheme;
			rest = uri + len;
		}
	}
	if (rest == NULL)
		refuse(uri, "It starts with no scheme that is known.");

	switch (parts->scheme)
	{
		case OLIST_SCHEME_S3:
			parse_s3(parts, uri, rest);
			break;
		case OLIST_SCHEME_HTTP:
		case OLIST_SCHEME_HTTPS:
			parse_http(parts, uri, rest);
			break;
		case OLIST_SCHEME_FILE:
			if (uri[0] == '/')
				rest = uri;
			else if (rest[0] != '/')
				refuse(uri, "A file is named by its absolute path.");
			parts->path = pstrdup(rest);
			break;
		case OLIST_SCHEME_SAMPLE:
			parts->path = pstrdup(rest);
			break;
	}
	return parts;
}

char *
olist_uri_authority(const OlistUri *uri)
{
	bool ipv6 = strchr(uri->host, ':') != NULL;
	char *host = ipv6 ? psprintf("[%s]", uri->host) : pstrdup(uri->host);

	return uri->port == default_port(uri) ? host : psprintf("%s:%d", host, uri->port);
}

char *
olist_uri_origin(const OlistUri *uri)
{
	return psprintf("%s://%s", uri->scheme == OLIST_SCHEME_HTTPS ? "https" : "http",
					olist_uri_authority(uri));
}

char *
olist_uri_of_key(const char *bucket, const char *key)
{
	return psprintf("s3://%s/%s%s", bucket, key,
					find_version_suffix(key) != NULL ? VERSION_SUFFIX : "");
}
