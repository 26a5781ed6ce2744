/*
 * base/message.h
 *		Data and addresses made safe to stand in an error message.
 */
#ifndef OLIST_MESSAGE_H
#define OLIST_MESSAGE_H

/* the longest excerpt of foreign data that a message may hold, in bytes */
#define OLIST_CLIP_BYTES 100

/*
 * A palloc'd, NUL-terminated excerpt of foreign bytes for a message: at most
 * OLIST_CLIP_BYTES bytes of input, cut at a character boundary and marked
 * "..." when cut; control bytes, invalid UTF-8 and the invisible characters
 * that reorder or hide text are shown as \xNN. Never raises an error for any
 * input.
 */
extern char *olist_clip(const char *data, size_t len);

/*
 * Would olist_clip() show all of the text as it is, were it short enough? So
 * must what names things. In another encoding than UTF-8 all bytes from 0x80 on
 * count as visible.
 */
extern bool olist_is_visible(const char *text);

/*
 * A palloc'd copy of a URI fit for a message: scheme, host and path only. User
 * information is dropped, and a query is replaced by "?...". A path that is no
 * URI is clipped like data.
 */
extern char *olist_redact_uri(const char *uri);

#endif /* OLIST_MESSAGE_H */
