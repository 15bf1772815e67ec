/* See daemon/signals.h. */
#include "daemon/signals.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cjson/cJSON.h>

#include "base/log.h"
#include "inspect/control.h"
#include "verbs/fs_state.h"

enum { LOOK_EVERY_S = 1 };

struct signal_thread {
	struct fs *fs;
	pthread_t thread;
	atomic_bool stopping;
};

/* The same as in .cachefs/stats.json, in one line. */
static void log_stats(struct fs *fs)
{
	static const char title[] = "statistics: ";
	struct value *value = control_text(fs, CONTROL_STATS, CONTROL_OWNER);
	size_t size = value ? value_size(value) : 0;
	char *line = value ? malloc(sizeof(title) + size) : NULL;

	if (line) {
		char *json = stpcpy(line, title);

		memcpy(json, value_bytes(value), size);
		json[size] = '\0';
		cJSON_Minify(json);
		log_long(line);
	} else {
		log_warning("cannot log the statistics: out of memory");
	}
	free(line);
	value_unref(value);
}

static void *run(void *self)
{
	struct signal_thread *t = self;
	const struct timespec tick = { .tv_sec = LOOK_EVERY_S };
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGHUP);
	while (!t->stopping) {
		int number = sigtimedwait(&set, NULL, &tick);

		if (t->stopping)
			break;
		if (number == SIGUSR1)
			log_stats(t->fs);
		else if (number == SIGHUP)
			log_reopen();
		layered_look(t->fs->cache);
		log_flush_repeats();
	}
	return NULL;
}

struct signal_thread *signal_thread_new(struct fs *fs)
{
	struct signal_thread *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->fs = fs;
	if (pthread_create(&t->thread, NULL, run, t) != 0) {
		free(t);
		return NULL;
	}
	return t;
}

void signal_thread_free(struct signal_thread *t)
{
	if (!t)
		return;
	t->stopping = true;
	pthread_kill(t->thread, SIGHUP);
	pthread_join(t->thread, NULL);
	free(t);
}
