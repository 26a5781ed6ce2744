/*
 * source/credentials_file.c
 *		Credentials from files in the server's file system.
 *
 *		[analytics]
 *		aws_access_key_id = …
 *		aws_secret_access_key = …
 *
 * The format is AWS's, so one file serves all tools; a section is called a
 * profile there. Such a file must not be open to others than its owner.
 */
#include "postgres.h"

#include "source/credential_provider.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/message.h"
#include "storage/fd.h"

/* no file of this kind is longer */
#define MAX_FILE_BYTES (1024 * 1024)

const char *
olist_provider_env(const char *name)
{
	const char *value = getenv(name);

	return value != NULL && *value != '\0' ? value : NULL;
}

static bool
fail(OlistProviderError *error, const char *path, const char *reason, const char *hint)
{
	error->sqlerrcode = ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION;
	error->message =
		psprintf("The file \"%s\" cannot be used: %s.", olist_clip(path, strlen(path)), reason);
	error->hint = hint;
	return false;
}

/* what PostgreSQL asks of its own key files: ours alone, or root's and our group's */
static bool
check_mode(const struct stat *st, const char *path, OlistProviderError *error)
{
	const char *hint = "Make it the property of the server's user with mode 0600 or less, or of "
					   "root with mode 0640 or less.";

	if (!S_ISREG(st->st_mode))
		return fail(error, path, "it is not a regular file", NULL);
	if (st->st_uid != geteuid() && st->st_uid != 0)
		return fail(error, path, "it belongs to another user", hint);
	if ((st->st_uid == geteuid() && st->st_mode & (S_IRWXG | S_IRWXO)) ||
		(st->st_uid == 0 && st->st_mode & (S_IWGRP | S_IXGRP | S_IRWXO)))
		return fail(error, path, "others than its owner have access to it", hint);
	return true;
}

bool
olist_provider_read_file(const char *path, bool secret, char **content, OlistProviderError *error)
{
	int fd = OpenTransientFile(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | PG_BINARY);
	struct stat st;
	ssize_t len = -1;

	if (fd < 0)
		return fail(error, path, strerror(errno), NULL);
	if (fstat(fd, &st) != 0)
		fail(error, path, strerror(errno), NULL);
	else if (st.st_size > MAX_FILE_BYTES)
		fail(error, path, "it is too long", NULL);
	else if (!secret || check_mode(&st, path, error))
	{
		*content = palloc0(st.st_size + 1);
		len = read(fd, *content, st.st_size);
		if (len < 0)
			fail(error, path, strerror(errno), NULL);
	}
	CloseTransientFile(fd);
	if (len < 0)
		return false;
	(*content)[len] = '\0';
	while (len > 0 && isspace((unsigned char) (*content)[len - 1]))
		(*content)[--len] = '\0';
	return true;
}

/* cut blanks off both ends, in place */
static char *
trim(char *text)
{
	char *end = text + strlen(text);

	while (isspace((unsigned char) *text))
		text++;
	while (end > text && isspace((unsigned char) end[-1]))
		*--end = '\0';
	return text;
}

/* is this "[name]", or "[profile name]" as config files write it? */
static bool
is_section(char *line, const char *name)
{
	size_t len = strlen(line);

	if (len < 2 || line[len - 1] != ']')
		return false;
	line[len - 1] = '\0';
	line = trim(line + 1);
	if (strcmp(line, name) == 0)
		return true;
	return strncmp(line, "profile", 7) == 0 && isspace((unsigned char) line[7]) &&
		   strcmp(trim(line + 7), name) == 0;
}

static void
read_setting(char *line, OlistCredentials *credentials)
{
	char *equals = strchr(line, '=');
	char *name;
	char *value;

	if (equals == NULL || *line == '#' || *line == ';')
		return;
	*equals = '\0';
	name = trim(line);
	value = trim(equals + 1);
	if (strcmp(name, "aws_access_key_id") == 0)
		credentials->access_key_id = pstrdup(value);
	else if (strcmp(name, "aws_secret_access_key") == 0)
		credentials->secret_access_key = pstrdup(value);
	else if (strcmp(name, "aws_session_token") == 0)
		credentials->session_token = pstrdup(value);
}

OlistProvided
olist_provide_from_file(const char *path, const char *section, OlistCredentials *credentials,
						OlistProviderError *error)
{
	bool inside = false;
	bool found = false;
	char *content;
	size_t len;

	if (access(path, F_OK) != 0 && errno == ENOENT)
		return OLIST_PROVIDER_ABSENT;
	if (!olist_provider_read_file(path, true, &content, error))
		return OLIST_PROVIDER_FAILED;
	len = strlen(content);
	for (char *line = strtok(content, "\n"); line != NULL; line = strtok(NULL, "\n"))
	{
		line = trim(line);
		if (*line == '[')
		{
			inside = is_section(line, section);
			found = found || inside;
		}
		else if (inside)
			read_setting(line, credentials);
	}
	explicit_bzero(content, len);
	pfree(content);
	if (!found)
		return OLIST_PROVIDER_ABSENT;
	if (credentials->access_key_id == NULL || credentials->secret_access_key == NULL)
	{
		fail(error, path, "the section has no aws_access_key_id and aws_secret_access_key", NULL);
		return OLIST_PROVIDER_FAILED;
	}
	credentials->expires = DT_NOEND;
	credentials->origin = psprintf("the profile \"%s\"", olist_clip(section, strlen(section)));
	return OLIST_PROVIDER_GAVE;
}
