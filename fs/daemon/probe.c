/* See probe.h. */
#include "daemon/probe.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/lock.h"

/* Freed by the caller, or by a thread that was left behind. */
struct shared {
	struct lock lock; /* guards the rest */
	pthread_cond_t finished;
	struct probe probe;
	bool done, left; /* the thread is done; the caller does not wait any more */
	char path[];
};

static void shared_free(struct shared *s)
{
	pthread_cond_destroy(&s->finished);
	lock_fini(&s->lock);
	free(s);
}

static void keep_opened(struct shared *s, int fd, int rc)
{
	lock_take(&s->lock);
	s->probe.fd = s->left ? -1 : fd;
	s->probe.opened = rc;
	bool left = s->left;
	lock_release(&s->lock);
	if (left && fd >= 0)
		close(fd);
}

static void *run(void *self)
{
	struct shared *s = self;
	struct statx st = { 0 };

	int fd = open(s->path, O_PATH | O_CLOEXEC);
	keep_opened(s, fd, fd < 0 ? -errno : 0);
	/* Cached attributes of a mount whose daemon has died would still look well. */
	int rc = statx(AT_FDCWD, s->path, AT_STATX_FORCE_SYNC, STATX_BASIC_STATS, &st) < 0 ? -errno
											   : 0;
	lock_take(&s->lock);
	s->probe.looked = rc;
	s->probe.st = st;
	s->done = true;
	bool left = s->left;
	pthread_cond_signal(&s->finished);
	lock_release(&s->lock);
	if (left)
		shared_free(s);
	return NULL;
}

/* Waits for the thread and takes what it has found so far. False: it is left behind. */
static bool collect(struct shared *s, const struct deadline *deadline, struct probe *probe)
{
	lock_take(&s->lock);
	while (!s->done && condition_wait_until(&s->finished, &s->lock, deadline))
		;
	*probe = s->probe;
	bool done = s->done;
	s->left = true;
	lock_release(&s->lock);
	return done;
}

void probe_path(const char *path, const struct deadline *deadline, struct probe *probe)
{
	size_t size = strlen(path) + 1;
	struct shared *s = calloc(1, sizeof(*s) + size);
	pthread_t thread;

	*probe = (struct probe){ .opened = -ENOMEM, .fd = -1, .looked = -ENOMEM };
	if (!s)
		return;
	memcpy(s->path, path, size);
	s->probe = (struct probe){ .opened = -ETIMEDOUT, .fd = -1, .looked = -ETIMEDOUT };
	lock_init(&s->lock, RANK_LOOP);
	condition_init(&s->finished);
	if (pthread_create(&thread, NULL, run, s) != 0) {
		shared_free(s);
		return;
	}
	if (!collect(s, deadline, probe)) {
		pthread_detach(thread);
		return;
	}
	pthread_join(thread, NULL); /* a caller that forks next has no thread that still ends */
	shared_free(s);
}
