/*
 * The password: from the configuration, where the only copy stays, the environment or a file. A file is read again by every
 * probe, so that a password can be changed while we run. See redis/store.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "redis/store.h"

enum { SECRET_MAX = 4096 };

/* The first line of the file, terminated, into buffer. 0 or -errno. */
static int read_line(const char *path, char *buffer, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	ssize_t n = read(fd, buffer, size - 1);
	int rc = n < 0 ? -errno : 0;
	close(fd);
	if (rc == 0) {
		buffer[n] = '\0';
		buffer[strcspn(buffer, "\r\n")] = '\0';
	}
	return rc;
}

void redis_secret_free(char *secret)
{
	if (secret)
		explicit_bzero(secret, strlen(secret));
	free(secret);
}

int redis_secret_read(struct redis *r)
{
	const struct redis_conf *c = r->conf;
	const char *found = c->password_env ? getenv(c->password_env) : NULL;
	char line[SECRET_MAX] = "";

	if (c->password_file) {
		int rc = read_line(c->password_file, line, sizeof(line));
		if (rc < 0)
			return rc;
		found = line;
	}
	char *secret = found ? strdup(found) : NULL;
	explicit_bzero(line, sizeof(line));
	if (found && !secret)
		return -ENOMEM;
	lock_take(&r->pool);
	char *old = r->secret;
	r->secret = secret;
	lock_release(&r->pool);
	redis_secret_free(old);
	return 0;
}

char *redis_secret_copy(struct redis *r)
{
	lock_take(&r->pool);
	const char *secret = r->conf->password ? r->conf->password : r->secret;
	char *copy = secret ? strdup(secret) : NULL;
	lock_release(&r->pool);
	return copy;
}
