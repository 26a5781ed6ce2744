/*
 * source/file.c
 *		Objects in the server's file system.
 *
 * Only regular files are opened, and a symbolic link in the last place is not
 * followed: what a directory listing shows is what is read. A file is pinned
 * by its inode, size and modification time, so that a version of it has a name
 * (the etag) and a file that is written while it is read is noticed.
 *
 * The descriptor is accounted with the server's own (AcquireExternalFD), but
 * does not belong to the transaction: the stream's memory context closes it.
 */
#include "postgres.h"

#include "source/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/message.h"
#include "common/file_utils.h"
#include "lib/stringinfo.h"
#include "port.h"
#include "source/glob.h"
#include "storage/fd.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"
#include "utils/wait_event.h"

typedef struct FileStream
{
	OlistStream base;
	int fd;				/* -1 if not open */
	bool accounted;		/* AcquireExternalFD() done */
	char *path;			/* for messages and the system, not for a URI */
	struct stat before; /* as the file was when it was opened */
	int64 done;			/* bytes read so far */
} FileStream;

/* one directory that is being walked: its entries, sorted, and the next one */
typedef struct Directory
{
	struct Directory *parent;
	MemoryContext context; /* holds this struct and all below */
	char *path;			   /* ends in '/' */
	char **names;		   /* of directories with a '/' at the end */
	int count;
	int next;
} Directory;

typedef struct FileListing
{
	OlistListing base;
	OlistGlob *glob;	  /* NULL: every regular file */
	int max_slashes;	  /* of a path that can match, -1: no bound */
	char *single;		  /* the one file that is named, until it was returned */
	Directory *directory; /* innermost that is being walked, or NULL */
} FileListing;

static size_t file_read(OlistStream *stream, char *buf, size_t len);
static void file_close(OlistStream *stream);
static bool file_listing_next(OlistListing *listing, OlistObject *object);

static const OlistStreamOps file_ops = {file_read, file_close};
static const OlistListingOps file_listing_ops = {file_listing_next, NULL};

/* is one of the path's components ".."? The parent of a link is not what it seems. */
static bool
has_parent_reference(const char *path)
{
	const char *dots = strstr(path, "/..");

	while (dots != NULL && dots[3] != '/' && dots[3] != '\0')
		dots = strstr(dots + 1, "/..");
	return dots != NULL;
}

/*
 * The path in its one spelling, because a URI is the name of an object in the
 * ledger: no "//", "/./" or ".."; a '/' at the end stays.
 */
static char *
clean_path(const char *path)
{
	size_t len = strlen(path);
	char *clean;

	if (path[0] != '/')
		ereport(ERROR, (errcode(ERRCODE_INVALID_NAME),
						errmsg("path \"%s\" is not absolute", olist_redact_uri(path))));
	if (len >= MAXPGPATH)
		ereport(ERROR, (errcode(ERRCODE_INVALID_NAME),
						errmsg("path \"%s\" is too long", olist_redact_uri(path))));
	clean = palloc(len + 2);
	memcpy(clean, path, len + 1);
	if (has_parent_reference(clean))
		ereport(ERROR, (errcode(ERRCODE_INVALID_NAME),
						errmsg("path \"%s\" contains \"..\"", olist_redact_uri(path)),
						errhint("Write the path of the file without \"..\".")));
	canonicalize_path(clean);
	if (path[len - 1] == '/' && clean[1] != '\0')
		strcat(clean, "/");
	return clean;
}

/* raise what the system said (errno) about path */
static void
file_error(const char *path, const char *action)
{
	int save_errno = errno;

	ereport(ERROR, (errcode_for_file_access(),
					errmsg("could not %s file \"%s\": %m", action, olist_clip(path, strlen(path))),
					save_errno == EACCES
						? errhint("The server reads files as its own operating system user.")
						: 0));
}

/* raise 42809 unless st is a regular file */
static void
require_regular(const char *path, const struct stat *st)
{
	if (S_ISREG(st->st_mode))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_WRONG_OBJECT_TYPE),
			 errmsg("\"%s\" is not a regular file", olist_clip(path, strlen(path))),
			 S_ISLNK(st->st_mode)	? errhint("Name the file that the symbolic link points to.")
			 : S_ISDIR(st->st_mode) ? errhint("Name a file in this directory.")
									: 0));
}

/* describe the version of the file that st shows, palloc'd */
static void
describe_file(const char *path, const struct stat *st, OlistObject *object)
{
	memset(object, 0, sizeof(OlistObject));
	object->uri = psprintf("file://%s", path);
	object->size = st->st_size;
	object->etag = psprintf("%llx-%llx-%llx", (unsigned long long) st->st_ino,
							(unsigned long long) st->st_size,
							(unsigned long long) st->st_mtim.tv_sec * 1000000000ULL +
								(unsigned long long) st->st_mtim.tv_nsec);
	object->last_modified = time_t_to_timestamptz(st->st_mtim.tv_sec) + st->st_mtim.tv_nsec / 1000;
}

static void
open_descriptor(FileStream *file)
{
	struct stat st;

	/* not even opened: opening alone has effects on some devices */
	if (lstat(file->path, &st) != 0)
		file_error(file->path, "open");
	require_regular(file->path, &st);

	if (!AcquireExternalFD())
		ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_RESOURCES),
						errmsg("too many open files to read \"%s\"",
							   olist_clip(file->path, strlen(file->path))),
						errhint("Raise max_files_per_process, or read fewer objects at once.")));
	file->accounted = true;
	file->fd = BasicOpenFile(file->path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (file->fd < 0)
		file_error(file->path, "open");
	if (fstat(file->fd, &file->before) != 0)
		file_error(file->path, "stat");
	require_regular(file->path, &file->before);
}

OlistStream *
olist_file_open(const char *path, const OlistObject *expected)
{
	FileStream *file = (FileStream *) olist_stream_create(sizeof(FileStream), &file_ops);
	OlistObject *object = &file->base.object;
	MemoryContext old = MemoryContextSwitchTo(file->base.context);

	file->fd = -1;
	file->path = clean_path(path);
	open_descriptor(file);
	describe_file(file->path, &file->before, object);
	MemoryContextSwitchTo(old);

	if (expected != NULL &&
		((expected->etag != NULL && strcmp(expected->etag, object->etag) != 0) ||
		 (expected->size >= 0 && expected->size != object->size)))
		ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
						errmsg("file \"%s\" has changed since it was listed",
							   olist_clip(file->path, strlen(file->path))),
						errdetail("It had %lld bytes then and has %lld bytes now.",
								  (long long) expected->size, (long long) object->size),
						errhint("List the source again.")));
	return &file->base;
}

/* raise an error unless the file still is what it was when it was opened */
static void
require_unchanged(const FileStream *file)
{
	struct stat now;

	if (fstat(file->fd, &now) != 0)
		file_error(file->path, "stat");
	if (file->done == file->before.st_size && now.st_size == file->before.st_size &&
		now.st_mtim.tv_sec == file->before.st_mtim.tv_sec &&
		now.st_mtim.tv_nsec == file->before.st_mtim.tv_nsec && now.st_nlink > 0)
		return;
	ereport(ERROR, (errcode(ERRCODE_IO_ERROR),
					errmsg("file \"%s\" was changed while it was read",
						   olist_clip(file->path, strlen(file->path))),
					now.st_nlink == 0
						? errdetail("It was removed or replaced.")
						: errdetail("It had %lld bytes when it was opened, %lld bytes were read, "
									"it has %lld bytes now.",
									(long long) file->before.st_size, (long long) file->done,
									(long long) now.st_size),
					errhint("Write a file under another name and rename it when it is complete.")));
}

/* implements OlistStreamOps.read */
static size_t
file_read(OlistStream *stream, char *buf, size_t len)
{
	FileStream *file = (FileStream *) stream;
	ssize_t n;

	do
	{
		pgstat_report_wait_start(WAIT_EVENT_COPY_FILE_READ);
		n = read(file->fd, buf, len);
		pgstat_report_wait_end();
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		file_error(file->path, "read");
	file->done += n;
	if (n == 0 || file->done > file->before.st_size)
		require_unchanged(file);
	return n;
}

/* implements OlistStreamOps.close */
static void
file_close(OlistStream *stream)
{
	FileStream *file = (FileStream *) stream;

	if (file->fd >= 0)
		close(file->fd);
	if (file->accounted)
		ReleaseExternalFD();
}

/*
 * How many slashes the path of a matching file has at most, -1 if the pattern
 * does not say: "**" matches slashes, and so may a choice in braces.
 */
static int
count_slashes(const char *pattern)
{
	int slashes = 0;
	int braces = 0;

	for (const char *p = pattern; *p; p++)
	{
		if (*p == '\\' && p[1] != '\0')
			p++;
		else if (p[0] == '*' && p[1] == '*')
			return -1;
		else if (*p == '{')
			braces++;
		else if (*p == '}')
			braces--;
		else if (*p == '/' && braces > 0)
			return -1;
		else if (*p == '/')
			slashes++;
	}
	return slashes;
}

static int
compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *) a, *(char *const *) b);
}

/*
 * Read the entries of a directory that can lead to an object: regular files
 * and directories, neither hidden nor behind a link. Sorted so that the files of a
 * whole walk come in the order of their paths, bytewise.
 */
static void
read_directory(Directory *directory)
{
	DIR *dir = AllocateDir(directory->path);
	struct dirent *entry;
	int room = 0;

	while ((entry = ReadDir(dir, directory->path)) != NULL)
	{
		char path[MAXPGPATH * 2];
		PGFileType type;

		/* "." and "..", and what is hidden: files that others are still writing */
		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s%s", directory->path, entry->d_name);
		type = get_dirent_type(path, entry, false, DEBUG1);
		if (type != PGFILETYPE_REG && type != PGFILETYPE_DIR)
			continue;
		if (directory->count == room)
		{
			room = Max(64, room * 2);
			directory->names = directory->names == NULL
								   ? palloc_array(char *, room)
								   : repalloc_array(directory->names, char *, room);
		}
		directory->names[directory->count++] =
			psprintf("%s%s", entry->d_name, type == PGFILETYPE_DIR ? "/" : "");
	}
	FreeDir(dir);
	if (directory->count > 1)
		qsort(directory->names, directory->count, sizeof(char *), compare_names);
}

/* go into the directory at path, which ends in '/' */
static void
enter_directory(FileListing *listing, const char *path)
{
	MemoryContext context =
		AllocSetContextCreate(listing->base.context, "olist directory", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	Directory *directory = palloc0(sizeof(Directory));

	directory->context = context;
	directory->path = pstrdup(path);
	read_directory(directory);
	directory->parent = listing->directory;
	listing->directory = directory;
	MemoryContextSwitchTo(old);
}

static void
leave_directory(FileListing *listing)
{
	Directory *directory = listing->directory;

	listing->directory = directory->parent;
	MemoryContextDelete(directory->context);
}

/* can a file below the directory at path match? */
static bool
is_worth_entering(const FileListing *listing, const char *path)
{
	int slashes = 0;

	if (listing->glob == NULL || listing->max_slashes < 0)
		return true;
	for (const char *p = path; *p; p++)
		slashes += (*p == '/');
	return slashes <= listing->max_slashes;
}

/* start at the deepest directory that every match lies in */
static void
start_pattern(FileListing *listing, const char *pattern)
{
	char *base;
	struct stat st;

	listing->glob = olist_glob_compile(pattern);
	listing->max_slashes = count_slashes(pattern);
	base = pstrdup(olist_glob_prefix(listing->glob));
	strrchr(base, '/')[1] = '\0';
	/* a pattern that matches nothing is an empty listing, whatever the reason */
	if (stat(base, &st) == 0 && S_ISDIR(st.st_mode))
		enter_directory(listing, base);
}

OlistListing *
olist_file_listing_open(const char *path)
{
	FileListing *listing =
		(FileListing *) olist_listing_create(sizeof(FileListing), &file_listing_ops);
	MemoryContext old = MemoryContextSwitchTo(listing->base.context);
	char *clean = clean_path(path);
	struct stat st;

	if (olist_glob_is_pattern(clean))
		start_pattern(listing, clean);
	else if (lstat(clean, &st) != 0)
		file_error(clean, "open");
	else if (clean[strlen(clean) - 1] == '/')
		enter_directory(listing, clean);
	else if (stat(clean, &st) == 0 && S_ISDIR(st.st_mode))
		enter_directory(listing, psprintf("%s/", clean));
	else
		listing->single = clean;
	MemoryContextSwitchTo(old);
	return &listing->base;
}

/* the object at path; false if there is no regular file any more */
static bool
describe_path(const char *path, OlistObject *object)
{
	struct stat st;

	if (lstat(path, &st) != 0)
	{
		if (errno == ENOENT)
			return false;
		file_error(path, "stat");
	}
	if (!S_ISREG(st.st_mode))
		return false;
	describe_file(path, &st, object);
	return true;
}

/* the one file that was named, which must be there and be a file */
static bool
next_single(FileListing *listing, OlistObject *object)
{
	const char *path = listing->single;
	struct stat st;

	listing->single = NULL;
	if (lstat(path, &st) != 0)
		file_error(path, "open");
	require_regular(path, &st);
	describe_file(path, &st, object);
	return true;
}

/* implements OlistListingOps.next */
static bool
file_listing_next(OlistListing *base, OlistObject *object)
{
	FileListing *listing = (FileListing *) base;

	if (listing->single != NULL)
		return next_single(listing, object);
	while (listing->directory != NULL)
	{
		Directory *directory = listing->directory;
		char *path;

		if (directory->next == directory->count)
		{
			leave_directory(listing);
			continue;
		}
		path = psprintf("%s%s", directory->path, directory->names[directory->next++]);
		if (strlen(path) >= MAXPGPATH)
			ereport(ERROR, (errcode(ERRCODE_INVALID_NAME),
							errmsg("path \"%s\" is too long", olist_clip(path, strlen(path)))));
		if (path[strlen(path) - 1] == '/')
		{
			if (is_worth_entering(listing, path))
				enter_directory(listing, path);
		}
		else if ((listing->glob == NULL || olist_glob_match(listing->glob, path)) &&
				 describe_path(path, object))
			return true;
		pfree(path);
	}
	return false;
}
