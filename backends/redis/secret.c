/* The password. See redis/secret.h. */
#include "redis/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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

void redis_secret_free(char *copy)
{
	if (copy)
		explicit_bzero(copy, strlen(copy));
	free(copy);
}

void redis_secret_init(struct redis_secret *secret, const struct redis_conf *conf)
{
	*secret = (struct redis_secret){ .conf = conf };
	lock_init(&secret->lock, RANK_LAYER_INNER);
}

void redis_secret_fini(struct redis_secret *secret)
{
	redis_secret_free(secret->read);
	lock_fini(&secret->lock);
}

int redis_secret_read(struct redis_secret *secret)
{
	const struct redis_conf *c = secret->conf;
	const char *found = c->password_env ? getenv(c->password_env) : NULL;
	char line[SECRET_MAX] = "";

	if (c->password_file) {
		int rc = read_line(c->password_file, line, sizeof(line));
		if (rc < 0)
			return rc;
		found = line;
	}
	char *copy = found ? strdup(found) : NULL;
	explicit_bzero(line, sizeof(line));
	if (found && !copy)
		return -ENOMEM;
	lock_take(&secret->lock);
	char *old = secret->read;
	secret->read = copy;
	lock_release(&secret->lock);
	redis_secret_free(old);
	return 0;
}

char *redis_secret_copy(struct redis_secret *secret)
{
	lock_take(&secret->lock);
	const char *text = secret->conf->password ? secret->conf->password : secret->read;
	char *copy = text ? strdup(text) : NULL;
	lock_release(&secret->lock);
	return copy;
}
