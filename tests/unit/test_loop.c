/*
 * fs/requests/loop.c, fs/daemon/mount.c and fs/verbs/notifier.c, on a real mount of a tiny file system: every name exists
 * and is an empty file; looking up a name that begins with "slow" and opening the file "gate" wait
 * until the gate is opened. Clients are child processes without the session's descriptor: whatever
 * goes wrong here, the kernel lets them go. Skipped without /dev/fuse.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/time_source.h"
#include "base/waiting.h"
#include "requests/loop.h"
#include "daemon/mount.h"
#include "verbs/notifier.h"
#include "requests/reply.h"
#include "requests/request_timeout.h"

enum {
	THREADS_MAX = 5,
	DEADLINE_MS = 10000,
	DRAIN_MS = 300,
	LIMIT_MS = 2000,
	INO_GATE = 2,
	INO_OTHER = 3
};

struct server {
	char dir[64];
	struct mount *mount;
	struct loop *loop;
	struct notifier *notifier;
	pthread_t thread;
	bool running;
	int64_t limit_ms;    /* of a request; 0: none */
	int rc;              /* of loop_run */
	atomic_bool ended;   /* loop_run has returned */
	atomic_uint lookups; /* LOOKUP requests */
	atomic_uint inside;  /* handlers that wait at the gate */
	atomic_uint wakes;   /* calls of wake() */
	atomic_uint ticks, endings;
	atomic_uint released;           /* RELEASE requests, */
	atomic_uint released_meanwhile; /* those that came while a handler waited */
	atomic_bool init;               /* INIT came */
	pthread_mutex_t mutex;          /* guards the gate */
	pthread_cond_t moved;
	bool gate_open, woken;
};

/* ---- the file system ---- */

static void gate_set(struct server *s, bool *what, bool value)
{
	pthread_mutex_lock(&s->mutex);
	*what = value;
	pthread_cond_broadcast(&s->moved);
	pthread_mutex_unlock(&s->mutex);
}

/* Whether it was opened; false: woken by the shutdown. */
static bool gate_wait(struct server *s)
{
	waiting_begin();
	waiting_begin(); /* costs nothing, does nothing */
	pthread_mutex_lock(&s->mutex);
	atomic_fetch_add(&s->inside, 1);
	while (!s->gate_open && !s->woken)
		pthread_cond_wait(&s->moved, &s->mutex);
	bool opened = s->gate_open;
	atomic_fetch_sub(&s->inside, 1);
	pthread_mutex_unlock(&s->mutex);
	return opened;
}

static struct stat attributes(fuse_ino_t ino)
{
	struct stat st = { .st_ino = ino, .st_nlink = 1, .st_mode = S_IFREG | 0644 };
	if (ino == FUSE_ROOT_ID)
		st.st_mode = S_IFDIR | 0755;
	return st;
}

static void op_init(void *userdata, struct fuse_conn_info *conn)
{
	struct server *s = userdata;
	(void)conn;
	atomic_store(&s->init, true);
}

static void op_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct server *s = fuse_req_userdata(req);
	(void)parent;
	atomic_fetch_add(&s->lookups, 1);
	if (strncmp(name, "slow", 4) == 0 && !gate_wait(s)) {
		fuse_reply_err(req, EIO);
		return;
	}
	struct fuse_entry_param e = { .ino = strcmp(name, "gate") == 0 ? INO_GATE : INO_OTHER,
				      .attr_timeout = 600,
				      .entry_timeout = 600 };
	e.attr = attributes(e.ino);
	fuse_reply_entry(req, &e);
}

static void op_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	(void)fi;
	struct stat st = attributes(ino);
	fuse_reply_attr(req, &st, 600);
}

static void op_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct server *s = fuse_req_userdata(req);
	(void)ino;
	(void)fi;
	if (atomic_load(&s->inside) > 0)
		atomic_fetch_add(&s->released_meanwhile, 1);
	atomic_fetch_add(&s->released, 1);
	fuse_reply_err(req, 0);
}

/* Works with the file, as long as the gate is shut. */
static void op_fsync(fuse_req_t req, fuse_ino_t ino, int datasync, struct fuse_file_info *fi)
{
	(void)ino;
	(void)datasync;
	(void)fi;
	fuse_reply_err(req, gate_wait(fuse_req_userdata(req)) ? 0 : EIO);
}

static void op_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	if (ino == INO_GATE && !gate_wait(fuse_req_userdata(req)))
		fuse_reply_err(req, EIO);
	else
		fuse_reply_open(req, fi);
}

static const struct fuse_lowlevel_ops ops = {
	.init = op_init,
	.lookup = op_lookup,
	.getattr = op_getattr,
	.open = op_open,
	.release = op_release,
	.fsync = op_fsync,
};

/* ---- the server ---- */

static void wake(void *self)
{
	struct server *s = self;
	atomic_fetch_add(&s->wakes, 1);
	gate_set(s, &s->woken, true);
}

static void tick(void *self)
{
	struct server *s = self;
	atomic_fetch_add(&s->ticks, 1);
}

static void ending(void *self)
{
	struct server *s = self;
	atomic_fetch_add(&s->endings, 1);
}

static void *serve(void *self)
{
	struct server *s = self;
	const struct loop_hooks hooks = { tick, ending, wake, s };
	s->rc = loop_run(s->loop, DRAIN_MS, &hooks);
	atomic_store(&s->ended, true);
	return NULL;
}

static int setup_with(void **state, int64_t limit_ms)
{
	struct server *s = calloc(1, sizeof(*s));
	s->limit_ms = limit_ms;
	struct problem problem = { 0 };
	char text[1024];
	*state = s;
	pthread_mutex_init(&s->mutex, NULL);
	pthread_cond_init(&s->moved, NULL);
	strcpy(s->dir, "/tmp/cachefs-test-loop-XXXXXX");
	if (mkdtemp(s->dir) == NULL)
		return -1;
	if (mount_open(s->dir, NULL, false, &ops, s, &s->mount, &problem) < 0) {
		fprintf(stderr, "%s\n", problem_text(&problem, text, sizeof(text)));
		return -1;
	}
	s->loop = loop_new(mount_session(s->mount), THREADS_MAX, &time_system);
	if (s->limit_ms > 0 && loop_answer_within(s->loop, s->limit_ms) < 0)
		return -1;
	s->notifier = notifier_new(mount_session(s->mount), &time_system);
	s->running = pthread_create(&s->thread, NULL, serve, s) == 0;
	return s->running ? 0 : -1;
}

static int setup(void **state)
{
	return setup_with(state, 0);
}

static int setup_with_a_limit(void **state)
{
	return setup_with(state, LIMIT_MS);
}

/* What the daemon does at its end. */
static void shut_down(struct server *s)
{
	if (s->running) {
		loop_stop(s->loop);
		pthread_join(s->thread, NULL);
		s->running = false;
	}
	mount_unmount(s->mount);
	notifier_free(s->notifier);
	loop_free(s->loop);
	mount_free(s->mount);
	s->notifier = NULL;
	s->loop = NULL;
	s->mount = NULL;
}

static int teardown(void **state)
{
	struct server *s = *state;
	shut_down(s);
	int rc = rmdir(s->dir); /* EBUSY: still mounted */
	pthread_cond_destroy(&s->moved);
	pthread_mutex_destroy(&s->mutex);
	free(s);
	return rc;
}

static bool eventually(atomic_uint *counter, unsigned wanted)
{
	int64_t end = time_mono_ms(&time_system) + DEADLINE_MS;
	while (atomic_load(counter) != wanted && time_mono_ms(&time_system) < end)
		sched_yield();
	return atomic_load(counter) == wanted;
}

static bool eventually_waiting(struct server *s, unsigned wanted)
{
	struct request_numbers numbers;
	int64_t end = time_mono_ms(&time_system) + DEADLINE_MS;
	do {
		request_counts_read(loop_counts(s->loop), &numbers);
	} while (numbers.waiting != wanted && time_mono_ms(&time_system) < end);
	return numbers.waiting == wanted;
}

/* ---- clients ---- */

enum deed { DEED_STAT, DEED_OPEN, DEED_FSYNC };

/* A child that does it and exits with errno. */
static pid_t client_start(struct server *s, enum deed deed, const char *name)
{
	char path[128];
	snprintf(path, sizeof(path), "%s/%s", s->dir, name);
	int session = fuse_session_fd(mount_session(s->mount));
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid > 0)
		return pid;
	struct stat st;
	close(session);
	int rc = deed == DEED_STAT ? stat(path, &st) : open(path, O_RDONLY);
	if (deed == DEED_FSYNC && rc >= 0)
		rc = fsync(rc);
	_exit(rc < 0 ? errno : 0);
}

static int client_end(pid_t pid)
{
	int status = 0;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static int client(struct server *s, enum deed deed, const char *name)
{
	return client_end(client_start(s, deed, name));
}

static void gate_block(struct server *s, pid_t clients[], unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		clients[i] = client_start(s, DEED_OPEN, "gate");
	assert_true(eventually(&s->inside, count));
}

/* ---- mounting ---- */

static void test_mountinfo_calls_it_fuse_cachefs(void **state)
{
	struct server *s = *state;
	char line[4096];
	bool found = false;
	FILE *info = fopen("/proc/self/mountinfo", "re");
	assert_non_null(info);
	while (fgets(line, sizeof(line), info) != NULL) {
		if (strstr(line, s->dir) != NULL)
			found = strstr(line, " - fuse.cachefs cachefs ") != NULL;
	}
	fclose(info);
	assert_true(found);
}

static void test_mount_options_reach_the_kernel(void **state)
{
	struct server *s = *state;
	struct problem problem = { 0 };
	char line[4096];
	bool found = false;
	if (geteuid() != 0)
		skip(); /* allow_other needs user_allow_other in /etc/fuse.conf */
	shut_down(s);
	assert_int_equal(mount_open(s->dir, "ro,default_permissions,allow_other,fsname=mine", false,
				    &ops, s, &s->mount, &problem),
			 0);
	FILE *info = fopen("/proc/self/mountinfo", "re");
	assert_non_null(info);
	while (fgets(line, sizeof(line), info) != NULL) {
		if (strstr(line, s->dir) != NULL)
			found = strstr(line, " - fuse.cachefs mine ro,") != NULL &&
				strstr(line, "default_permissions") && strstr(line, "allow_other");
	}
	fclose(info);
	assert_true(found);
}

static void test_a_mistake_in_mounting_is_told(void **state)
{
	struct server *s = *state;
	struct mount *mount = NULL;
	struct problem p = { 0 };
	assert_int_equal(mount_open("/tmp/no/such", NULL, false, &ops, s, &mount, &p), -EINVAL);
	assert_string_equal(p.place, "/tmp/no/such");
	assert_non_null(strstr(p.message, "No such file"));
	p = (struct problem){ 0 };
	assert_int_equal(mount_open("/etc/passwd", NULL, false, &ops, s, &mount, &p), -EINVAL);
	assert_non_null(strstr(p.message, "not a directory"));
	p = (struct problem){ 0 };
	shut_down(s);
	assert_int_equal(mount_open(s->dir, "no_such", false, &ops, s, &mount, &p), -EINVAL);
	assert_non_null(strstr(p.message, "no_such"));
	assert_null(mount);
}

static void test_lookups_in_one_directory_are_parallel(void **state)
{
	struct server *s = *state;
	/* Lookups that begin before INIT is answered do queue: the kernel doesn't know yet. */
	assert_int_equal(client(s, DEED_STAT, "."), 0);
	assert_true(atomic_load(&s->init));
	pid_t one = client_start(s, DEED_STAT, "slow-1");
	pid_t two = client_start(s, DEED_STAT, "slow-2");
	assert_true(eventually(&s->inside, 2));
	gate_set(s, &s->gate_open, true);
	assert_int_equal(client_end(one), 0);
	assert_int_equal(client_end(two), 0);
}

/* ---- the loop ---- */

static void test_requests_are_answered_while_handlers_wait(void **state)
{
	struct server *s = *state;
	struct request_numbers numbers;
	pid_t clients[THREADS_MAX - 1];
	gate_block(s, clients, THREADS_MAX - 1);
	assert_int_equal(client(s, DEED_STAT, "a"), 0);
	assert_int_equal(client(s, DEED_OPEN, "b"), 0);
	request_counts_read(loop_counts(s->loop), &numbers);
	assert_int_equal(numbers.waiting, THREADS_MAX - 1);
	assert_int_equal(numbers.handovers, THREADS_MAX - 1);
	assert_int_equal(numbers.threads, THREADS_MAX);
	gate_set(s, &s->gate_open, true);
	for (unsigned i = 0; i < THREADS_MAX - 1; i++)
		assert_int_equal(client_end(clients[i]), 0);
	assert_true(eventually_waiting(s, 0));
}

static void test_the_lead_is_taken_again_after_all_threads_waited(void **state)
{
	struct server *s = *state;
	pid_t clients[THREADS_MAX];
	for (unsigned round = 0; round < 20; round++) {
		gate_set(s, &s->gate_open, false);
		gate_block(s, clients, THREADS_MAX);
		pid_t queued = client_start(s, DEED_STAT, "c");
		gate_set(s, &s->gate_open, true);
		for (unsigned i = 0; i < THREADS_MAX; i++)
			assert_int_equal(client_end(clients[i]), 0);
		assert_int_equal(client_end(queued), 0);
		assert_true(eventually_waiting(s, 0));
	}
}

static void test_a_crowd_at_an_open_gate_is_served(void **state)
{
	struct server *s = *state;
	pid_t clients[16];
	gate_set(s, &s->gate_open, true);
	for (unsigned round = 0; round < 20; round++) {
		for (unsigned i = 0; i < 16; i++)
			clients[i] = client_start(s, DEED_OPEN, i % 3 == 0 ? "a" : "gate");
		for (unsigned i = 0; i < 16; i++)
			assert_int_equal(client_end(clients[i]), 0);
	}
}

static void test_stop_wakes_handlers_that_wait_too_long(void **state)
{
	struct server *s = *state;
	pid_t blocked;
	gate_block(s, &blocked, 1);
	int64_t begin = time_mono_ms(&time_system);
	loop_stop(s->loop);
	loop_stop(s->loop);
	pthread_join(s->thread, NULL);
	s->running = false;
	assert_int_equal(s->rc, 0);
	assert_true(time_mono_ms(&time_system) - begin >= DRAIN_MS);
	assert_int_equal(atomic_load(&s->endings), 1);
	assert_true(atomic_load(&s->wakes) > 0);
	assert_int_equal(client_end(blocked), EIO); /* it was answered */
}

static void test_stop_lets_handlers_finish(void **state)
{
	struct server *s = *state;
	pid_t blocked[THREADS_MAX];
	gate_block(s, blocked, THREADS_MAX);
	loop_stop(s->loop);
	gate_set(s, &s->gate_open, true);
	pthread_join(s->thread, NULL);
	s->running = false;
	assert_int_equal(atomic_load(&s->wakes), 0);
	shut_down(s); /* their close() waits for a FLUSH that nobody reads */
	for (unsigned i = 0; i < THREADS_MAX; i++)
		assert_int_equal(client_end(blocked[i]), 0);
}

static void test_stop_always_ends_the_loop(void **state)
{
	for (unsigned round = 0; round < 50; round++) {
		int64_t begin = time_mono_ms(&time_system);
		if (round % 2 == 0)
			client(*state, DEED_STAT, "a");
		shut_down(*state);
		assert_true(time_mono_ms(&time_system) - begin < 2000);
		assert_int_equal(rmdir(((struct server *)*state)->dir), 0);
		free(*state);
		assert_int_equal(setup(state), 0);
	}
}

static void test_an_unmount_from_outside_ends_the_loop(void **state)
{
	struct server *s = *state;
	assert_int_equal(client(s, DEED_STAT, "a"), 0);
	if (umount2(s->dir, 0) < 0) {
		assert_int_equal(errno, EPERM);
		skip();
	}
	pthread_join(s->thread, NULL);
	s->running = false;
	assert_int_equal(s->rc, 0);
	assert_int_equal(atomic_load(&s->wakes), 0);
}

/* ---- requests that take too long ---- */

static void test_a_handler_that_waits_too_long_is_answered_in_its_place(void **state)
{
	struct server *s = *state;
	assert_int_equal(client(s, DEED_OPEN, "gate"), ETIMEDOUT);
	assert_int_equal(client(s, DEED_STAT, "slow"), ETIMEDOUT);
	assert_int_equal(client(s, DEED_OPEN, "other"), 0);
	assert_true(eventually(&s->inside, 2));
	assert_true(atomic_load(&s->ticks) > 0);
	gate_set(s, &s->gate_open, true);
	assert_true(eventually_waiting(s, 0));
	assert_int_equal(client(s, DEED_OPEN, "gate"), 0);
}

static void test_threads_whose_requests_were_answered_are_replaced(void **state)
{
	struct server *s = *state;
	pid_t clients[THREADS_MAX * 2];
	for (unsigned i = 0; i < THREADS_MAX * 2; i++)
		clients[i] = client_start(s, DEED_OPEN, "gate");
	for (unsigned i = 0; i < THREADS_MAX * 2; i++)
		assert_int_equal(client_end(clients[i]), ETIMEDOUT);
	assert_int_equal(client(s, DEED_OPEN, "other"), 0);
	gate_set(s, &s->gate_open, true);
	assert_true(eventually_waiting(s, 0));
}

/* The client closes the file when its fsync was answered, while a handler still works with it. */
static void test_a_file_is_released_when_nobody_works_with_it_any_more(void **state)
{
	struct server *s = *state;
	assert_int_equal(client(s, DEED_FSYNC, "other"), ETIMEDOUT);
	assert_int_equal(client(s, DEED_OPEN, "other"), 0);
	assert_int_equal(atomic_load(&s->released), 0);
	gate_set(s, &s->gate_open, true);
	assert_true(eventually(&s->released, 2));
	assert_int_equal(atomic_load(&s->released_meanwhile), 0);
}

static void test_the_longest_timeout_is_asked_for_where_there_is_one(void **state)
{
	(void)state;
	assert_int_equal(request_timeout_of(0, 0).asked_s, 0);
	assert_int_equal(request_timeout_of(30, 0).asked_s, 65535);
	assert_int_equal(request_timeout_of(0, 30).asked_s, 30);
	assert_int_equal(request_timeout_of(30, 60).asked_s, 60);
	assert_int_equal(request_timeout_of(60, 30).asked_s, 30);
	assert_int_equal(request_timeout_of(1, 1000000).asked_s, 65535);
	for (unsigned s = 0; s <= 65535; s++) {
		struct request_timeout t = request_timeout_of(0, s);
		int64_t answer_ms = request_timeout_answer_ms(&t);
		assert_true(s == 0 ? answer_ms == 0 : answer_ms > 0 && answer_ms < s * 1000);
	}
}

/* A program that asks strerror() has an answer, and a lock never ends by a signal that nobody sent:
 * the kernel makes 512 of that. */
static void test_programs_are_told_errnos_that_they_know(void **state)
{
	(void)state;
	assert_int_equal(reply_errno(0), 0);
	assert_int_equal(reply_errno(-ENOSPC), -ENOSPC);
	assert_int_equal(reply_errno(-ESTALE), -ESTALE);
	assert_int_equal(reply_errno(-EHOSTDOWN), -EIO);
	for (int error = 1; error < 2000; error++) {
		int told = -reply_errno(-error);
		assert_true(strerrorname_np(told) != NULL || (told == error && error < 512));
		assert_true(told != EINTR && told != EAGAIN && told != EINPROGRESS);
		assert_int_equal(reply_errno(error), -EIO); /* a sign too many */
	}
}

/* ---- the notifier ---- */

static void test_the_kernel_forgets_an_invalidated_name(void **state)
{
	struct server *s = *state;
	client(s, DEED_STAT, "a");
	client(s, DEED_STAT, "a");
	assert_int_equal(atomic_load(&s->lookups), 1);
	notifier_inval_entry(s->notifier, FUSE_ROOT_ID, "a", 1);
	notifier_inval_entry(s->notifier, FUSE_ROOT_ID, "a", 1);
	notifier_inval_entry(s->notifier, FUSE_ROOT_ID, "unknown", 7);
	assert_true(notifier_flush(s->notifier, DEADLINE_MS));
	client(s, DEED_STAT, "a");
	assert_int_equal(atomic_load(&s->lookups), 2);
	struct notifier_stats stats;
	notifier_stats(s->notifier, &stats);
	assert_true(stats.entries >= 2);
	assert_int_equal(stats.queued, 0);
	assert_int_equal(stats.errors, 0);
}

static void test_the_kernel_forgets_all_names(void **state)
{
	struct server *s = *state;
	struct notifier_stats stats;
	client(s, DEED_STAT, "a");
	client(s, DEED_STAT, "b");
	notifier_inval_all(s->notifier);
	assert_true(notifier_flush(s->notifier, DEADLINE_MS));
	notifier_stats(s->notifier, &stats);
	if (!stats.epoch_supported)
		skip();
	client(s, DEED_STAT, "a");
	client(s, DEED_STAT, "b");
	assert_int_equal(atomic_load(&s->lookups), 4);
	assert_true(stats.epochs >= 1);
}

/* The unanswered lookup holds the directory. */
static void test_a_stuck_notification_holds_up_nobody(void **state)
{
	struct server *s = *state;
	struct notifier_stats stats;
	client(s, DEED_STAT, "a");
	pid_t blocked = client_start(s, DEED_STAT, "slow");
	assert_true(eventually(&s->inside, 1));
	notifier_inval_entry(s->notifier, FUSE_ROOT_ID, "a", 1);
	notifier_inval_entry(s->notifier, FUSE_ROOT_ID, "b", 1);
	int64_t begin = time_mono_ms(&time_system);
	bool done = notifier_flush(s->notifier, 100);
	assert_true(time_mono_ms(&time_system) - begin < 1000);
	notifier_stats(s->notifier, &stats);
	assert_int_equal(done, stats.epoch_supported); /* the epoch said it instead */
	/* The kernel queues this one behind the notification. */
	pid_t after = client_start(s, DEED_STAT, "a");
	gate_set(s, &s->gate_open, true);
	assert_int_equal(client_end(blocked), 0);
	assert_int_equal(client_end(after), 0);
	assert_true(notifier_flush(s->notifier, DEADLINE_MS));
	assert_int_equal(client(s, DEED_STAT, "a"), 0);
	assert_true(atomic_load(&s->lookups) >= 3);
}

static void test_the_end_comes_while_a_notification_is_stuck(void **state)
{
	struct server *s = *state;
	if (geteuid() != 0)
		skip(); /* needs fusectl then */
	client(s, DEED_STAT, "a");
	pid_t blocked = client_start(s, DEED_STAT, "slow");
	assert_true(eventually(&s->inside, 1));
	notifier_inval_entry(s->notifier, FUSE_ROOT_ID, "a", 1);
	mount_unmount(s->mount); /* with handlers waiting and the notifier blocked */
	notifier_free(s->notifier);
	s->notifier = NULL;
	assert_int_not_equal(client_end(blocked), 0);
}

static void test_overflow_of_the_queue_becomes_an_epoch(void **state)
{
	struct server *s = *state;
	struct notifier_stats stats;
	char name[32];
	pid_t blocked = client_start(s, DEED_STAT, "slow");
	assert_true(eventually(&s->inside, 1));
	for (unsigned i = 0; i < 5000; i++) {
		int size = snprintf(name, sizeof(name), "n%u", i);
		notifier_inval_entry(s->notifier, FUSE_ROOT_ID, name, (size_t)size);
	}
	notifier_stats(s->notifier, &stats);
	assert_true(stats.overflows > 0);
	assert_true(stats.queued <= 4096);
	assert_int_equal(notifier_flush(s->notifier, 100), stats.epoch_supported);
	gate_set(s, &s->gate_open, true);
	assert_int_equal(client_end(blocked), 0);
	assert_true(notifier_flush(s->notifier, DEADLINE_MS));
	notifier_stats(s->notifier, &stats);
	assert_int_equal(stats.queued, 0);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#define LIMITED(name) cmocka_unit_test_setup_teardown(name, setup_with_a_limit, teardown)

int main(void)
{
	if (access("/dev/fuse", R_OK | W_OK) != 0)
		return 77; /* meson: skipped */
	const struct CMUnitTest tests[] = {
		CASE(test_mountinfo_calls_it_fuse_cachefs),
		CASE(test_mount_options_reach_the_kernel),
		CASE(test_a_mistake_in_mounting_is_told),
		CASE(test_lookups_in_one_directory_are_parallel),
		CASE(test_requests_are_answered_while_handlers_wait),
		CASE(test_the_lead_is_taken_again_after_all_threads_waited),
		CASE(test_a_crowd_at_an_open_gate_is_served),
		CASE(test_stop_wakes_handlers_that_wait_too_long),
		CASE(test_stop_lets_handlers_finish),
		CASE(test_stop_always_ends_the_loop),
		CASE(test_an_unmount_from_outside_ends_the_loop),
		LIMITED(test_a_handler_that_waits_too_long_is_answered_in_its_place),
		LIMITED(test_threads_whose_requests_were_answered_are_replaced),
		LIMITED(test_a_file_is_released_when_nobody_works_with_it_any_more),
		cmocka_unit_test(test_the_longest_timeout_is_asked_for_where_there_is_one),
		cmocka_unit_test(test_programs_are_told_errnos_that_they_know),
		CASE(test_the_kernel_forgets_an_invalidated_name),
		CASE(test_the_kernel_forgets_all_names),
		CASE(test_a_stuck_notification_holds_up_nobody),
		CASE(test_the_end_comes_while_a_notification_is_stuck),
		CASE(test_overflow_of_the_queue_becomes_an_epoch),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
