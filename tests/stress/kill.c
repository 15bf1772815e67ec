/*
 * The kill test: kill -9 of the daemon at random moments while processes set, rename and unlink.
 * Each process has its own keys, so what must be there afterwards is known exactly: every call that
 * had returned 0 has happened, whole; the one that was under way has happened or has not; nothing
 * that was removed comes back. What each process does is noted in shared memory, before and after.
 */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "children.h"
#include "mounted_daemon.h"
#include "record.h"

enum { KEYS = 8, PROCESSES_MAX = 32, PATIENCE_MS = 5000, PRINTED_MAX = 20 };

/* What a key holds: nothing (seq 0), or the value of its process's seq. */
struct content {
	uint64_t seq;
	size_t size;
};

enum op_kind { OP_NONE, OP_SET, OP_RENAME, OP_UNLINK };
static const char *const op_names[] = { "nothing", "set", "rename", "unlink" };

/* One process's journal; it alone writes it while it runs, the parent while it pauses. */
struct process {
	struct content keys[KEYS];
	uint64_t next_seq;
	/* the operation under way, or whose outcome is unknown */
	enum op_kind op;
	int from, to;
	struct content set;
	_Atomic bool pausing;
	_Atomic uint64_t done[4];
};

struct shared {
	_Atomic int run;     /* the round that may run; 0: pause, -1: end */
	_Atomic bool killed; /* from here on calls may fail */
	_Atomic uint64_t violations;
	struct process processes[PROCESSES_MAX];
};

struct test {
	struct mounted_daemon daemon;
	struct shared *shared;
	int process_count, kills;
	bool children; /* others have the file of each set open too (children.h) */
	uint64_t seed, random;
	char *buffer;
	uint64_t unknown, forced;
};

static void violation(struct shared *s, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
static void violation(struct shared *s, const char *format, ...)
{
	char text[512];
	va_list args;

	if (atomic_fetch_add(&s->violations, 1) >= PRINTED_MAX)
		return;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	dprintf(STDERR_FILENO, "kill: %s\n", text);
}

static void key_path(const struct test *t, int self, int key, char path[static PATH_MAX])
{
	snprintf(path, PATH_MAX, "%s/p%d/k%d", t->daemon.mountpoint, self, key);
}

static bool write_pieces(int fd, const char *bytes, size_t size, uint64_t *random)
{
	size_t piece = random_next(random) % 2 ? size : 1 + size / 3;

	for (size_t at = 0; at < size;) {
		size_t n = size - at < piece ? size - at : piece;
		ssize_t rc = write(fd, bytes + at, n);
		if (rc <= 0)
			return false;
		at += (size_t)rc;
	}
	return true;
}

static int write_value(struct test *t, const char *path, size_t size)
{
	if (t->children && size > 0 && random_next(&t->random) % 4 == 0)
		return set_by_subshell(AT_FDCWD, path, t->buffer, size, &t->random) ? 0 : -1;
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	if (fd < 0)
		return -1;
	bool ok = t->children ? write_with_children(fd, t->buffer, size, PIECES_SEVERAL, &t->random)
			      : write_pieces(fd, t->buffer, size, &t->random);
	if (!ok) {
		close(fd);
		return -1;
	}
	/* What was opened and never written is published after the last close; only fsync
	 * acknowledges it. */
	if (size == 0 && fsync(fd) < 0) {
		close(fd);
		return -1;
	}
	return close(fd);
}

/* Notes and does one random operation. False when it failed: its outcome is unknown. */
static bool do_something(struct test *t, int self)
{
	struct process *p = &t->shared->processes[self];
	uint64_t dice = random_next(&t->random) % 10;
	char from[PATH_MAX], to[PATH_MAX];
	int rc;

	p->from = (int)(random_next(&t->random) % KEYS);
	p->to = (p->from + 1 + (int)(random_next(&t->random) % (KEYS - 1))) % KEYS;
	key_path(t, self, p->from, from);
	key_path(t, self, p->to, to);
	if (t->children && dice < 2) { /* the keys hold what they held */
		record_fill(t->buffer, VALUE_MAX, (uint32_t)self, 0, 0);
		p->op = OP_NONE;
		rc = set_and_be_killed(AT_FDCWD, from, t->buffer, VALUE_MAX, &t->random) ? 0 : -1;
	} else if (dice < 6 || p->keys[p->from].seq == 0) {
		p->set = (struct content){ ++p->next_seq, record_random_size(&t->random) };
		if (p->set.size > 0)
			record_fill(t->buffer, p->set.size, (uint32_t)self, 0, p->set.seq);
		p->op = OP_SET;
		rc = write_value(t, from, p->set.size);
	} else if (dice < 8) {
		p->op = OP_RENAME;
		rc = rename(from, to);
	} else {
		p->op = OP_UNLINK;
		rc = unlink(from);
	}
	if (rc < 0 && !atomic_load(&t->shared->killed))
		violation(t->shared, "%s of %s failed under a living daemon: %s", op_names[p->op],
			  from, strerror(errno));
	return rc == 0;
}

/* What the keys hold once the operation under way has happened. */
static void apply(const struct process *p, struct content keys[static KEYS])
{
	memcpy(keys, p->keys, sizeof(p->keys));
	if (p->op == OP_SET)
		keys[p->from] = p->set;
	if (p->op == OP_RENAME)
		keys[p->to] = keys[p->from];
	if (p->op == OP_RENAME || p->op == OP_UNLINK)
		keys[p->from] = (struct content){ 0 };
}

static void acknowledge(struct process *p)
{
	struct content keys[KEYS];

	apply(p, keys);
	memcpy(p->keys, keys, sizeof(p->keys));
	atomic_fetch_add(&p->done[p->op], 1);
	p->op = OP_NONE;
}

static void process_loop(struct test *t, int self)
{
	struct process *p = &t->shared->processes[self];
	int round, paused_in = 0;

	for (;;) {
		round = atomic_load(&t->shared->run);
		if (round < 0)
			_exit(0);
		if (round == 0 || round == paused_in) {
			atomic_store(&p->pausing, true);
			poll_pause(1);
			continue;
		}
		atomic_store(&p->pausing, false);
		if (atomic_load(&t->shared->run) != round)
			continue; /* the parent may have seen us pausing */
		if (do_something(t, self))
			acknowledge(p);
		else
			paused_in = round;
	}
}

static pid_t start_process(struct test *t, int self)
{
	pid_t parent = getpid(), pid = fork();

	if (pid != 0)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	t->random = t->seed * 7919 + (uint64_t)self + 1;
	random_next(&t->random);
	process_loop(t, self);
	_exit(0);
}

/* Whether the key's file is exactly `want`; `why` says what it is instead. */
static bool key_holds(struct test *t, int self, int key, struct content want, char why[static 200])
{
	char path[PATH_MAX];
	struct record r;

	key_path(t, self, key, path);
	int fd = open(path, O_RDONLY);
	if (fd < 0) {
		snprintf(why, 200, "%s", errno == ENOENT ? "absent" : strerror(errno));
		return want.seq == 0 && errno == ENOENT;
	}
	size_t size = 0;
	for (ssize_t rc; (rc = read(fd, t->buffer + size, VALUE_MAX + 1 - size)) > 0;)
		size += (size_t)rc;
	close(fd);
	if (size == 0) {
		snprintf(why, 200, "empty");
		return want.seq != 0 && want.size == 0;
	}
	const char *wrong = record_check(t->buffer, size, &r);
	if (!wrong && r.size != size)
		wrong = "longer than its record";
	snprintf(why, 200, "%zu bytes, %s: process %u, seq %llu, size %llu", size,
		 wrong ? wrong : "whole", r.writer, (unsigned long long)r.ticket,
		 (unsigned long long)r.size);
	return !wrong && r.writer == (uint32_t)self && r.ticket == want.seq && size == want.size;
}

/* Whether the listing of the process's directory is what the keys say. */
static void check_listing(struct test *t, int self, const struct content keys[static KEYS])
{
	bool seen[KEYS] = { 0 };
	char path[PATH_MAX];
	struct dirent *entry;

	snprintf(path, sizeof(path), "%s/p%d", t->daemon.mountpoint, self);
	DIR *dir = opendir(path);
	while (dir && (entry = readdir(dir))) {
		int key = -1;
		if (sscanf(entry->d_name, "k%d", &key) == 1 && key >= 0 && key < KEYS)
			seen[key] = true;
		else if (entry->d_name[0] != '.')
			violation(t->shared, "%s lists %s", path, entry->d_name);
	}
	for (int i = 0; i < KEYS; i++)
		if (seen[i] != (keys[i].seq != 0))
			violation(t->shared, "%s %s k%d", path, seen[i] ? "lists" : "does not list",
				  i);
	if (dir)
		closedir(dir);
}

/* All keys as `keys` says? Otherwise key and why tell the first that is not. */
static bool all_hold(struct test *t, int self, const struct content keys[static KEYS], int *key,
		     char why[static 200])
{
	for (*key = 0; *key < KEYS; ++*key)
		if (!key_holds(t, self, *key, keys[*key], why))
			return false;
	return true;
}

/* Compares what is there with the journal, and takes what is there as the truth from here on. */
static void verify(struct test *t, int self, int round)
{
	struct process *p = &t->shared->processes[self];
	struct content after[KEYS];
	char why_before[200], why_after[200];
	int key_before, key_after;

	apply(p, after);
	if (p->op != OP_NONE) {
		t->unknown++;
		if (all_hold(t, self, after, &key_after, why_after))
			memcpy(p->keys, after, sizeof(after));
	}
	if (!all_hold(t, self, p->keys, &key_before, why_before)) {
		violation(t->shared,
			  "kill %d, process %d: k%d should be seq %llu (%zu bytes), is: %s; under "
			  "way: %s k%d",
			  round, self, key_before, (unsigned long long)p->keys[key_before].seq,
			  p->keys[key_before].size, why_before, op_names[p->op], p->from);
	} else {
		check_listing(t, self, p->keys);
	}
	p->op = OP_NONE;
}

static bool all_pause(void *self)
{
	struct test *t = self;

	for (int i = 0; i < t->process_count; i++)
		if (!atomic_load(&t->shared->processes[i].pausing))
			return false;
	return true;
}

static bool make_directories(struct test *t)
{
	char path[PATH_MAX];

	for (int i = 0; i < t->process_count; i++) {
		snprintf(path, sizeof(path), "%s/p%d", t->daemon.mountpoint, i);
		if (mkdir(path, 0755) < 0 && errno != EEXIST) {
			fprintf(stderr, "kill: mkdir %s: %s\n", path, strerror(errno));
			return false;
		}
	}
	return true;
}

/* One round: load, kill, restart, look. False when the test cannot go on. */
static bool round_run(struct test *t, int round)
{
	struct shared *s = t->shared;

	atomic_store(&s->killed, false);
	atomic_store(&s->run, round);
	poll_pause(20 + random_next(&t->random) % 600); /* the random moment */
	atomic_store(&s->killed, true);
	daemon_kill(&t->daemon);
	atomic_store(&s->run, 0);
	if (!poll_until(PATIENCE_MS, all_pause, t)) {
		/* a caller hangs where a notification was under way when the daemon died */
		t->forced++;
		daemon_abort(&t->daemon);
		if (!poll_until(PATIENCE_MS, all_pause, t)) {
			violation(s, "kill %d: a call hangs although the connection was aborted",
				  round);
			return false;
		}
	}
	if (!daemon_unmount(&t->daemon) || !daemon_start(&t->daemon)) {
		violation(s, "kill %d: no restart; see the daemon's log", round);
		return false;
	}
	for (int i = 0; i < t->process_count; i++)
		verify(t, i, round);
	return atomic_load(&s->violations) < PRINTED_MAX;
}

static void report(const struct test *t, int rounds)
{
	uint64_t done[4] = { 0 };

	for (int i = 0; i < t->process_count; i++)
		for (int k = 0; k < 4; k++)
			done[k] += atomic_load(&t->shared->processes[i].done[k]);
	printf("kill: %d kills; acknowledged: %llu sets, %llu renames, %llu unlinks; %llu outcomes "
	       "unknown; "
	       "%llu groups killed; %llu mounts aborted\nkill: violations: %llu\n",
	       rounds, (unsigned long long)done[OP_SET], (unsigned long long)done[OP_RENAME],
	       (unsigned long long)done[OP_UNLINK], (unsigned long long)t->unknown,
	       (unsigned long long)done[OP_NONE], (unsigned long long)t->forced,
	       (unsigned long long)t->shared->violations);
}

static int test_run(struct test *t)
{
	pid_t pids[PROCESSES_MAX];
	int rounds = 0;

	if (!daemon_start(&t->daemon))
		return 2;
	if (!make_directories(t)) {
		daemon_stop(&t->daemon);
		return 2;
	}
	for (int i = 0; i < t->process_count; i++)
		pids[i] = start_process(t, i);
	while (rounds < t->kills && round_run(t, rounds + 1))
		rounds++;
	atomic_store(&t->shared->run, -1);
	for (int i = 0; i < t->process_count; i++) {
		if (!all_pause(t))
			kill(pids[i], SIGKILL);
		waitpid(pids[i], NULL, 0);
	}
	daemon_stop(&t->daemon);
	report(t, rounds);
	return t->shared->violations || rounds < t->kills ? 1 : 0;
}

static void usage(FILE *to)
{
	fputs("usage: kill [-k KILLS] [-p PROCESSES] [-s SEED] [-l LOG] [--children] "
	      "[--expect-red] "
	      "DAEMON CONFIG MOUNTPOINT\n",
	      to);
}

int main(int argc, char **argv)
{
	static const struct option options[] = { { "expect-red", no_argument, NULL, 'e' },
						 { "children", no_argument, NULL, 'c' },
						 { "help", no_argument, NULL, 'h' },
						 { 0 } };
	struct test t = { .kills = 30,
			  .process_count = 6,
			  .seed = (uint64_t)getpid() * 2654435761u };
	bool expect_red = false;
	int c;

	while ((c = getopt_long(argc, argv, "k:p:s:l:h", options, NULL)) != -1) {
		switch (c) {
		case 'k':
			t.kills = atoi(optarg);
			break;
		case 'p':
			t.process_count = atoi(optarg);
			break;
		case 's':
			t.seed = strtoull(optarg, NULL, 10);
			break;
		case 'l':
			t.daemon.log = optarg;
			break;
		case 'c':
			t.children = true;
			break;
		case 'e':
			expect_red = true;
			break;
		case 'h':
			usage(stdout);
			return 0;
		default:
			usage(stderr);
			return 2;
		}
	}
	if (optind + 3 != argc || t.process_count < 1 || t.process_count > PROCESSES_MAX) {
		usage(stderr);
		return 2;
	}
	t.daemon.program = argv[optind];
	t.daemon.config = argv[optind + 1];
	t.daemon.mountpoint = argv[optind + 2];
	t.random = t.seed + 1;
	t.buffer = malloc(VALUE_MAX + 4096);
	t.shared = mmap(NULL, sizeof(*t.shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
			-1, 0);
	if (!t.buffer || t.shared == MAP_FAILED) {
		fprintf(stderr, "kill: %s\n", strerror(errno));
		return 2;
	}
	printf("kill: seed %llu, %d processes\n", (unsigned long long)t.seed, t.process_count);
	fflush(stdout);
	int rc = test_run(&t);
	if (!expect_red || rc == 2)
		return rc;
	puts(rc == 1 ? "kill: violations were expected and found"
		     : "kill: violations were expected, none found");
	return rc == 1 ? 0 : 1;
}
