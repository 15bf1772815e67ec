/* See load.h. */
#include "config/load.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"

enum { FILE_SIZE_MAX = 1024 * 1024 };

/* A file whole, terminated; not only regular ones (a pipe of the shell). -errno; -EFBIG over the
 * limit. readers: the bits of its mode by which others read it. */
static int read_file(const char *path, char **text, size_t *size, mode_t *readers)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	FILE *file = fdopen(fd, "r");
	if (!file) {
		close(fd);
		return -ENOMEM;
	}
	setvbuf(file, NULL, _IONBF, 0); /* no copy of a password stays in a buffer */
	int rc = 0;
	*text = malloc(FILE_SIZE_MAX + 1);
	*size = *text ? fread(*text, 1, FILE_SIZE_MAX + 1, file) : 0;
	if (!*text)
		rc = -ENOMEM;
	else if (ferror(file))
		rc = errno ? -errno : -EIO;
	else if (*size > FILE_SIZE_MAX)
		rc = -EFBIG;
	*readers = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) ? st.st_mode & 0044u : 0;
	fclose(file);
	if (rc < 0)
		free(*text);
	return rc;
}

/* The absolute directory of a file; NULL: out of memory, or there is no working directory. */
static char *directory_of(const char *path)
{
	const char *slash = strrchr(path, '/');
	size_t size = slash ? (size_t)(slash - path) : 0;
	char *dir = NULL;

	if (path[0] == '/')
		return strndup(path, size ? size : 1);
	char *cwd = getcwd(NULL, 0);
	if (!slash || !cwd)
		return cwd;
	int rc = asprintf(&dir, "%s/%.*s", strcmp(cwd, "/") == 0 ? "" : cwd, (int)size, path);
	free(cwd);
	return rc < 0 ? NULL : dir;
}

static const char *read_hint(int error)
{
	switch (error) {
	case ENOENT:
		return "without CONFIG the built-in one is used; cachefs --example-config prints "
		       "one";
	case EISDIR:
		return "name the file in it";
	case EACCES:
		return "make it readable for the user who mounts";
	case EFBIG:
		return "a configuration has at most 1 MiB";
	default:
		return NULL;
	}
}

static bool has_secret(const struct config *config)
{
	for (size_t i = 0; i < config->cache.layer_count; i++) {
		const struct layer_spec *layer = &config->cache.layers[i];

		for (const struct option_spec *s = layer->backend->options; s && s->name; s++)
			if (s->type == OPT_SECRET &&
			    *(char *const *)((const char *)layer->conf + s->offset))
				return true;
	}
	return false;
}

int config_load(const char *path, struct config *config, struct problems *problems)
{
	char *text = NULL;
	size_t size = 0;
	mode_t readers = 0;

	memset(config, 0, sizeof(*config));
	int rc = read_file(path, &text, &size, &readers);
	if (rc < 0)
		return problems_add(problems, path, read_hint(-rc),
				    "cannot read the configuration: %s", strerror(-rc));
	char *base_dir = directory_of(path);
	rc = base_dir ? config_parse(text, size, path, base_dir, config, problems)
		      : problems_add(problems, path, "name it by its absolute path",
				     "cannot tell its directory");
	free(base_dir);
	explicit_bzero(text, size);
	free(text);
	if (rc < 0)
		return rc;
	if (readers && has_secret(config))
		log_warning("%s: other users can read the password in it: chmod 600 it, or name a "
			    "\"password_file\"",
			    path);
	config->source = strdup(path);
	if (!config->source) {
		config_fini(config);
		return problems_add(problems, NULL, NULL, "out of memory");
	}
	return 0;
}
