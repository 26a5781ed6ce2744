/*
 * sample/output.c
 *		A new file in a directory of the server, all of it or none.
 *
 *		bytes ──► [gzip] ──► .name.<random>.tmp ──► fsync ──► name
 *
 * The temporary file belongs to the memory context of its OlistOutput. Its
 * descriptor belongs to the transaction: whichever ends first, nothing stays.
 */
#include "postgres.h"

#include "sample/output.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "base/message.h"
#include "storage/fd.h"
#include "utils/memutils.h"
#include "utils/wait_event.h"

#define BUFFER_BYTES 65536

struct OlistOutput
{
	const char *directory;
	char *path;		 /* the final one */
	char *temporary; /* NULL: there is none, or no longer */
	int fd;
	int64 size; /* bytes written */
	bool gzip;	/* zip is initialized */
	z_stream zip;
	unsigned char *buffer; /* compressed bytes on their way, if gzip */
	MemoryContextCallback callback;
};

static void
output_error(const char *path, const char *action)
{
	ereport(ERROR, (errcode_for_file_access(), errmsg("could not %s file \"%s\": %m", action,
													  olist_clip(path, strlen(path)))));
}

/* what the memory context and the transaction do not release */
static void
release(void *arg)
{
	OlistOutput *output = arg;

	if (output->gzip)
		deflateEnd(&output->zip);
	output->gzip = false;
	if (output->temporary != NULL)
		unlink(output->temporary);
	output->temporary = NULL;
}

static void
start_gzip(OlistOutput *output)
{
	/* 31: the largest window, and gzip's header, which holds no time or name */
	int rc = deflateInit2(&output->zip, Z_BEST_SPEED, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY);

	if (rc != Z_OK)
		ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY),
						errmsg("could not start compression: zlib error %d", rc)));
	output->gzip = true;
	output->buffer = palloc(BUFFER_BYTES);
}

OlistOutput *
olist_output_open(const char *directory, const char *name, bool gzip)
{
	OlistOutput *output = palloc0(sizeof(OlistOutput));
	uint32 random;
	char *temporary;

	if (!pg_strong_random(&random, sizeof(random)))
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR), errmsg("could not generate random values")));
	output->directory = pstrdup(directory);
	output->path = psprintf("%s/%s", directory, name);
	temporary = psprintf("%s/.%s.%08x.tmp", directory, name, random);
	output->callback.func = release;
	output->callback.arg = output;
	MemoryContextRegisterResetCallback(CurrentMemoryContext, &output->callback);
	if (gzip)
		start_gzip(output);

	output->fd = OpenTransientFilePerm(temporary, O_WRONLY | O_CREAT | O_EXCL | PG_BINARY, 0600);
	if (output->fd < 0)
		output_error(temporary, "create");
	output->temporary = temporary;
	return output;
}

static void
write_bytes(OlistOutput *output, const void *data, size_t len)
{
	const char *p = data;

	while (len > 0)
	{
		ssize_t n;

		errno = 0;
		pgstat_report_wait_start(WAIT_EVENT_COPY_FILE_WRITE);
		n = write(output->fd, p, len);
		pgstat_report_wait_end();
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
		{
			if (errno == 0)
				errno = ENOSPC;
			output_error(output->path, "write");
		}
		p += n;
		len -= n;
		output->size += n;
	}
}

/* compress data, and with Z_FINISH whatever is left */
static void
deflate_bytes(OlistOutput *output, const char *data, size_t len, int flush)
{
	int rc;

	output->zip.next_in = (z_const Bytef *) data;
	output->zip.avail_in = len;
	do
	{
		output->zip.next_out = output->buffer;
		output->zip.avail_out = BUFFER_BYTES;
		rc = deflate(&output->zip, flush);
		if (rc == Z_STREAM_ERROR)
			ereport(ERROR, (errcode(ERRCODE_INTERNAL_ERROR), errmsg("could not compress data")));
		write_bytes(output, output->buffer, BUFFER_BYTES - output->zip.avail_out);
	} while (output->zip.avail_out == 0 || (flush == Z_FINISH && rc != Z_STREAM_END));
}

void
olist_output_write(OlistOutput *output, const char *data, size_t len)
{
	if (output->gzip)
		deflate_bytes(output, data, len, Z_NO_FLUSH);
	else
		write_bytes(output, data, len);
}

int64
olist_output_finish(OlistOutput *output, bool overwrite)
{
	if (output->gzip)
		deflate_bytes(output, NULL, 0, Z_FINISH);
	/* for others to read, as COPY's files are, whatever the server's umask */
	if (fchmod(output->fd, 0644) != 0)
		output_error(output->temporary, "set permissions of");
	if (pg_fsync(output->fd) != 0)
		ereport(data_sync_elevel(ERROR),
				(errcode_for_file_access(),
				 errmsg("could not fsync file \"%s\": %m",
						olist_clip(output->temporary, strlen(output->temporary)))));
	if (CloseTransientFile(output->fd) != 0)
		output_error(output->temporary, "close");

	/* link() fails where rename() would replace; release() removes the other name */
	if (!overwrite && link(output->temporary, output->path) != 0)
		output_error(output->path, "create");
	if (overwrite)
	{
		if (rename(output->temporary, output->path) != 0)
			output_error(output->path, "replace");
		output->temporary = NULL;
	}
	release(output);
	fsync_fname(output->directory, true);
	return output->size;
}
