/*
 * base/message.c
 *		Data and addresses made safe to stand in an error message.
 *
 * Whoever writes a file or a URL must not be able to move the cursor, forge a
 * log line, or hide text in our messages, and no message may carry a secret.
 */
#include "postgres.h"

#include "base/message.h"

#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"

/*
 * Does this character change how the text around it is shown? Bidirectional
 * controls, zero-width characters and the byte order mark.
 */
static bool
is_invisible(pg_wchar c)
{
	return (c >= 0x200B && c <= 0x200F) || (c >= 0x202A && c <= 0x202E) ||
		   (c >= 0x2060 && c <= 0x2069) || (c >= 0x80 && c <= 0x9F) || c == 0xFEFF;
}

/* the length of the valid, visible UTF-8 character at data, or 0 */
static int
visible_char_len(const unsigned char *data, size_t len)
{
	int n;

	if (data[0] < 0x80)
		return (data[0] >= 0x20 && data[0] != 0x7F) ? 1 : 0;
	n = pg_utf_mblen(data);
	if ((size_t) n > len || !pg_utf8_islegal(data, n) || is_invisible(utf8_to_unicode(data)))
		return 0;
	return n;
}

bool
olist_is_visible(const char *text)
{
	const unsigned char *p = (const unsigned char *) text;
	const unsigned char *end = p + strlen(text);
	bool utf8 = GetDatabaseEncoding() == PG_UTF8;

	while (p < end)
	{
		int n = (*p < 0x80 || utf8) ? visible_char_len(p, end - p) : 1;

		if (n == 0)
			return false;
		p += n;
	}
	return true;
}

char *
olist_clip(const char *data, size_t len)
{
	const unsigned char *p = (const unsigned char *) data;
	const unsigned char *end = p + len;
	StringInfoData buf;

	/*
	 * The server speaks its own encoding in messages; only when that is UTF-8
	 * can a multi-byte character of the data be passed through as it is.
	 */
	bool utf8 = GetDatabaseEncoding() == PG_UTF8;

	initStringInfo(&buf);
	while (p < end)
	{
		int n = (*p < 0x80 || utf8) ? visible_char_len(p, end - p) : 0;

		if (p + Max(n, 1) - (const unsigned char *) data > OLIST_CLIP_BYTES)
		{
			appendStringInfoString(&buf, "...");
			break;
		}
		if (n > 0)
			appendBinaryStringInfo(&buf, (const char *) p, n);
		else
			appendStringInfo(&buf, "\\x%02x", *p);
		p += Max(n, 1);
	}
	return buf.data;
}

/* drop "user:password@" from the authority that starts at host */
static void
strip_user_information(char *host)
{
	size_t host_len = strcspn(host, "/");

	for (size_t i = host_len; i > 0; i--)
	{
		if (host[i - 1] == '@')
		{
			memmove(host, host + i, strlen(host + i) + 1);
			return;
		}
	}
}

char *
olist_redact_uri(const char *uri)
{
	const char *authority = strstr(uri, "://");
	const char *end = uri + strcspn(uri, "?#");
	char *clean;

	if (authority == NULL || authority > end)
		return olist_clip(uri, strlen(uri));
	clean = pnstrdup(uri, end - uri);
	strip_user_information(clean + (authority + 3 - uri));
	clean = olist_clip(clean, strlen(clean));
	return *end == '?' ? psprintf("%s?...", clean) : clean;
}
