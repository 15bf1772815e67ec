/* The addresses of a host, with a deadline. See resolve.h. */
#include "redis/resolve.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/lock.h"

struct resolve {
	char *host, port[24];
	struct lock lock; /* RANK_LAYER_INNER; guards the rest */
	pthread_cond_t answered;
	int users; /* the caller and the thread; who leaves last frees it */
	bool done, cancelled;
	int error; /* of getaddrinfo() */
	struct addrinfo *found;
};

static void leave(struct resolve *r)
{
	lock_take(&r->lock);
	assert(r->users > 0);
	bool last = --r->users == 0;
	lock_release(&r->lock);
	if (!last)
		return;
	if (r->found)
		freeaddrinfo(r->found);
	pthread_cond_destroy(&r->answered);
	lock_fini(&r->lock);
	free(r->host);
	free(r);
}

static void *ask(void *argument)
{
	struct resolve *r = argument;
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *found = NULL;

	int error = getaddrinfo(r->host, r->port, &hints, &found);
	lock_take(&r->lock);
	r->done = true;
	r->error = error;
	r->found = error ? NULL : found;
	pthread_cond_broadcast(&r->answered);
	lock_release(&r->lock);
	leave(r);
	return NULL;
}

struct resolve *resolve_new(const char *host, uint64_t port)
{
	struct resolve *r = calloc(1, sizeof(*r));
	pthread_t thread;

	if (!r)
		return NULL;
	lock_init(&r->lock, RANK_LAYER_INNER);
	condition_init(&r->answered);
	snprintf(r->port, sizeof(r->port), "%llu", (unsigned long long)port);
	r->host = strdup(host);
	r->users = 2;
	if (r->host && pthread_create(&thread, NULL, ask, r) == 0) {
		pthread_detach(thread);
		return r;
	}
	r->users = 1;
	leave(r);
	return NULL;
}

int resolve_wait(struct resolve *r, const struct deadline *deadline, struct addrinfo **found,
		 const char **why)
{
	int rc = 0;

	*found = NULL;
	lock_take(&r->lock);
	while (!r->done && !r->cancelled)
		if (!condition_wait_until(&r->answered, &r->lock, deadline))
			break;
	if (r->cancelled) {
		rc = -ECANCELED;
	} else if (!r->done) {
		rc = -ETIMEDOUT;
	} else if (!r->found) {
		rc = -EHOSTDOWN;
		*why = gai_strerror(r->error);
	} else {
		*found = r->found;
		r->found = NULL;
	}
	lock_release(&r->lock);
	return rc;
}

void resolve_cancel(struct resolve *r)
{
	lock_take(&r->lock);
	r->cancelled = true;
	pthread_cond_broadcast(&r->answered);
	lock_release(&r->lock);
}

void resolve_free(struct resolve *r)
{
	if (r)
		leave(r);
}
