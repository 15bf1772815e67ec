/* See server.h. */
#include "daemon/server.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>

#include "base/log.h"
#include "daemon/fs.h"
#include "daemon/mount.h"
#include "daemon/signals.h"
#include "requests/loop.h"
#include "requests/ops.h"
#include "requests/request_timeout.h"
#include "verbs/notifier.h"

struct server {
	const struct server_conf *conf;
	struct fs *fs;
	struct mount *mount;
	struct notifier *notifier;
	struct loop *loop;
	struct signal_thread *signals;
	bool ready;
};

/* A signal handler has no argument: the one global. Set while the loop can be stopped. */
static struct loop *volatile loop_to_stop;

static void on_stop_signal(int number)
{
	(void)number;
	if (loop_to_stop)
		loop_stop(loop_to_stop);
}

static void stop_signals(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGTERM);
	sigaddset(set, SIGINT);
}

/* Threads made while they are blocked never get them; a signal meanwhile waits. */
static void signals_block(int how)
{
	sigset_t set;

	stop_signals(&set);
	if (how == SIG_BLOCK) { /* these two for good: daemon/signals.h */
		sigaddset(&set, SIGUSR1);
		sigaddset(&set, SIGHUP);
	}
	pthread_sigmask(how, &set, NULL);
}

static void signals_install(void)
{
	struct sigaction action = { .sa_handler = on_stop_signal };

	stop_signals(&action.sa_mask);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN); /* a write beyond `ulimit -f` fails with EFBIG instead */
}

/* Many entries are read at once, and large ones are files. */
static void raise_file_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur == limit.rlim_max)
		return;
	limit.rlim_cur = limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
		log_warning("cannot raise the limit of open files: %s", strerror(errno));
}

/* In the thread that answers INIT. */
static void on_ready(void *self)
{
	struct server *s = self;

	s->ready = true;
	s->conf->ready(s->conf->self);
}

/* A request that waits longer would end the mount. */
static int keep_to_request_timeout(struct server *s)
{
	struct request_timeout timeout = request_timeout_read();
	int64_t limit_ms = request_timeout_answer_ms(&timeout);

	if (timeout.asked_s == 0)
		return 0;
	log_info("the kernel ends a mount whose requests wait (fs.fuse.default_request_timeout = "
		 "%u, "
		 "fs.fuse.max_request_timeout = %u): asking for %u s, answering within %lld ms",
		 timeout.default_s, timeout.max_s, timeout.asked_s, (long long)limit_ms);
	fs_answer_within(s->fs, limit_ms);
	return loop_answer_within(s->loop, limit_ms);
}

static int start(struct server *s, struct problem *problem)
{
	const struct server_conf *conf = s->conf;
	const struct time_source *time = &time_system; /* everybody's */
	int rc = fs_new(conf->config, time, &s->fs, problem);

	if (rc < 0)
		return problem_set(problem, NULL, NULL, "cannot open the cache: %s", strerror(-rc));
	fs_on_ready(s->fs, on_ready, s);
	rc = mount_open(conf->mountpoint, conf->options, conf->debug, &fs_ops, s->fs, &s->mount,
			problem);
	if (rc < 0)
		return rc;
	s->notifier = notifier_new(mount_session(s->mount), time);
	s->loop = loop_new(mount_session(s->mount), (unsigned)conf->config->fs.threads_max, time);
	if (s->notifier && s->loop && keep_to_request_timeout(s) == 0) {
		fs_attach(s->fs, s->mount, s->notifier, loop_counts(s->loop));
		s->signals = signal_thread_new(s->fs);
	}
	return s->signals ? 0
			  : problem_set(problem, conf->mountpoint, NULL,
					"cannot start the mount: out of memory");
}

static int run(struct server *s, struct problem *problem)
{
	const struct loop_hooks hooks = { fs_tick, fs_ending, fs_wake, s->fs };

	assert(!loop_to_stop);
	loop_to_stop = s->loop;
	signals_install();
	signals_block(SIG_UNBLOCK);
	int rc = loop_run(s->loop, s->conf->config->fs.drain_timeout_ms, &hooks);
	signals_block(SIG_BLOCK);
	loop_to_stop = NULL;
	/* What a kernel may say (6.18 does) when the last process lets go of a mount that was
	 * unmounted lazily, while a request is being read: an end like any other. */
	if (rc == -ECONNABORTED && !mount_is_in_place(s->mount))
		rc = 0;
	if (rc < 0)
		return problem_set(problem, s->conf->mountpoint, NULL, "the mount has failed: %s",
				   strerror(-rc));
	if (!s->ready)
		return problem_set(problem, s->conf->mountpoint, NULL,
				   "the mount ended before it was ready");
	return 0;
}

/*
 * The layers may report what they evict until they are closed, so the notifier outlives them; the
 * session outlives everybody who writes to it.
 */
static void stop(struct server *s)
{
	if (s->mount)
		mount_unmount(s->mount);
	signal_thread_free(s->signals);
	if (s->fs)
		fs_free(s->fs);
	notifier_free(s->notifier);
	loop_free(s->loop);
	if (s->mount)
		mount_free(s->mount);
}

int server_run(const struct server_conf *conf, struct problem *problem)
{
	struct server s = { .conf = conf };

	raise_file_limit();
	signals_block(SIG_BLOCK);
	int rc = start(&s, problem);
	if (rc == 0)
		rc = run(&s, problem);
	stop(&s);
	return rc;
}
