/*
 * The stress test: processes that set and get the same few keys in all the ways programs do, and
 * judge every get: never torn, never older than what was acknowledged before its open, never
 * failing, never falsely missing. Runs on any directory; on a plain file system it must find
 * violations (--expect-torn), which shows that it can.
 */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "run_state.h"

enum { PRINTED_MAX = 20, HANG_SECONDS = 60, POLL_MS = 50 };

const char *const set_names[SET_COUNT] = {
	[SET_TRUNCATE] = "truncate", [SET_RENAME] = "rename", [SET_UNLINK_CREATE] = "unlink+create",
	[SET_PLACE] = "pwrite",      [SET_MMAP] = "mmap",     [SET_APPEND] = "append",
	[SET_SUBSHELL] = "subshell", [SET_KILLED] = "killed",
};
const char *const get_names[GET_COUNT] = {
	[GET_CHUNKS] = "chunks", [GET_MMAP] = "mmap", [GET_TWICE] = "twice",
	[GET_FSTAT] = "fstat",   [GET_STAT] = "stat",
};
const char *const rule_names[RULE_COUNT] = {
	[RULE_TORN] = "torn",
	[RULE_STALE] = "stale",
	[RULE_MISSING] = "falsely missing",
	[RULE_ERRNO] = "get failed",
	[RULE_SIZE] = "wrong size",
	[RULE_CHANGED] = "changed under a handle",
	[RULE_SIGBUS] = "SIGBUS",
	[RULE_LOST_APPEND] = "lost append",
	[RULE_SET_FAILED] = "set failed",
	[RULE_HANG] = "hang",
	[RULE_CRASH] = "process died",
};

static sigjmp_buf sigbus_jump;
static volatile sig_atomic_t sigbus_armed;

static void on_sigbus(int signal_number)
{
	if (!sigbus_armed) {
		signal(signal_number, SIG_DFL);
		raise(signal_number);
		return;
	}
	sigbus_armed = 0;
	siglongjmp(sigbus_jump, 1);
}

bool copy_guarded(void *to, const void *from, size_t size)
{
	if (sigsetjmp(sigbus_jump, 1) != 0)
		return false;
	sigbus_armed = 1;
	memcpy(to, from, size);
	sigbus_armed = 0;
	return true;
}

static uint64_t violation_count(const struct shared *s)
{
	uint64_t sum = 0;

	for (int i = 0; i < RULE_COUNT; i++)
		sum += atomic_load(&s->violations[i]);
	return sum;
}

void violation(struct run *run, enum rule rule, const struct key_state *k, const char *format, ...)
{
	uint64_t before = violation_count(run->shared);
	char text[512];
	va_list args;

	atomic_fetch_add(&run->shared->violations[rule], 1);
	if (before >= PRINTED_MAX)
		return;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	dprintf(STDERR_FILENO, "stress: %s: key %s: %s\n", rule_names[rule], k ? k->name : "-",
		text);
}

static void usage(FILE *to)
{
	fputs("usage: stress [-n GETS] [-p PROCESSES] [-s SEED] [-g GROUP,...] [--misses-ok]\n"
	      "              [--by-rename] [--children] [--expect-torn] DIRECTORY\n"
	      "groups: whole truncate rename unlink place mmap append (default: all)\n",
	      to);
}

static bool group_chosen(const char *chosen, const char *name)
{
	size_t length = strlen(name);

	for (const char *p = chosen; p && *p; p = strchr(p, ',') ? strchr(p, ',') + 1 : NULL)
		if (strncmp(p, name, length) == 0 && (p[length] == ',' || p[length] == '\0'))
			return true;
	return chosen == NULL;
}

static void table_fill(struct table *table, const char *chosen)
{
	for (int g = 0; g < GROUP_COUNT; g++) {
		for (int i = 0; i < KEYS_PER_GROUP && group_chosen(chosen, group_names[g]); i++) {
			struct key_state *k = &table->keys[table->key_count++];
			k->group = (enum group)g;
			snprintf(k->name, sizeof(k->name), "%s-%d", group_names[g], i);
		}
	}
}

static pid_t start(struct run *run, int self)
{
	pid_t parent = getpid();
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	run->self = self;
	run->random = run->seed * 1000003 + (uint64_t)self + 1;
	for (int i = 0; i < 8; i++)
		random_next(&run->random);
	if (self < run->writers)
		writer_loop(run);
	else
		reader_loop(run);
	_exit(0);
}

/* Reaps the children that have ended, and forgets their pids; returns how many. */
static int reap(struct run *run, pid_t *pids, int count)
{
	int ended = 0, status;

	for (int i = 0; i < count; i++) {
		if (pids[i] == 0 || waitpid(pids[i], &status, WNOHANG) == 0)
			continue;
		if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
			violation(run, RULE_CRASH, NULL, "process %d: status 0x%x", (int)pids[i],
				  (unsigned)status);
		pids[i] = 0;
		ended++;
	}
	return ended;
}

static uint64_t progress(const struct shared *s)
{
	uint64_t sum = atomic_load(&s->gets);

	for (int i = 0; i < SET_COUNT; i++)
		sum += atomic_load(&s->sets[i]);
	return sum;
}

static void kill_all(pid_t *pids, int count)
{
	for (int i = 0; i < count; i++) {
		if (pids[i] == 0)
			continue;
		kill(pids[i], SIGKILL);
		waitpid(pids[i], NULL, 0);
	}
}

/* Waits for all; when nothing moves for HANG_SECONDS they are killed. */
static void supervise(struct run *run, pid_t *pids, int count)
{
	uint64_t last = 0, since = now_ns();

	for (int left = count; left > 0; left -= reap(run, pids, count)) {
		if (progress(run->shared) != last) {
			last = progress(run->shared);
			since = now_ns();
		} else if (now_ns() - since > HANG_SECONDS * UINT64_C(1000000000)) {
			violation(run, RULE_HANG, NULL, "nothing moved for %d s; %d processes left",
				  HANG_SECONDS, left);
			kill_all(pids, count);
			return;
		}
		nanosleep(&(struct timespec){ .tv_nsec = POLL_MS * 1000000L }, NULL);
	}
}

static void clean_up(const struct run *run)
{
	int fd = openat(run->dir_fd, ".", O_RDONLY | O_DIRECTORY);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;

	if (!dir)
		return;
	while ((entry = readdir(dir))) {
		bool ours = strncmp(entry->d_name, ".temp-", 6) == 0;
		for (int g = 0; g < GROUP_COUNT; g++) {
			size_t n = strlen(group_names[g]);
			ours |= strncmp(entry->d_name, group_names[g], n) == 0 &&
				entry->d_name[n] == '-';
		}
		if (ours)
			unlinkat(run->dir_fd, entry->d_name, 0);
	}
	closedir(dir);
}

static void report(const struct run *run, uint64_t started)
{
	struct shared *s = run->shared;

	printf("stress: %llu gets in %.1f s, %llu misses;", (unsigned long long)s->gets,
	       (double)(now_ns() - started) / 1e9, (unsigned long long)s->misses);
	for (int i = 0; i < GET_COUNT; i++)
		printf(" %s %llu", get_names[i], (unsigned long long)s->get_kinds[i]);
	printf("\nstress: sets:");
	for (int i = 0; i < SET_COUNT; i++)
		printf(" %s %llu", set_names[i], (unsigned long long)s->sets[i]);
	printf("\nstress: violations: %llu", (unsigned long long)violation_count(s));
	for (int i = 0; i < RULE_COUNT; i++)
		if (s->violations[i])
			printf(" (%s %llu)", rule_names[i], (unsigned long long)s->violations[i]);
	putchar('\n');
}

static bool run_open(struct run *run, const char *directory, const char *groups)
{
	run->dir_fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	run->shared = mmap(NULL, sizeof(*run->shared), PROT_READ | PROT_WRITE,
			   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	run->buffer = malloc(VALUE_MAX + 4096);
	run->other = malloc(VALUE_MAX + 4096);
	if (run->dir_fd < 0 || run->shared == MAP_FAILED || !run->buffer || !run->other) {
		fprintf(stderr, "stress: %s: %s\n", directory, strerror(errno));
		return false;
	}
	table_fill(&run->shared->table, groups);
	if (run->shared->table.key_count == 0) {
		usage(stderr);
		return false;
	}
	return true;
}

static void run_processes(struct run *run)
{
	int count = run->writers + run->readers;
	pid_t pids[2 * WRITERS_MAX];

	for (int i = 0; i < count; i++) {
		pids[i] = start(run, i);
		if (pids[i] < 0) {
			violation(run, RULE_CRASH, NULL, "fork: %s", strerror(errno));
			atomic_store(&run->shared->stop, 1);
			count = i;
		}
	}
	supervise(run, pids, count);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "misses-ok", no_argument, NULL, 'm' }, { "expect-torn", no_argument, NULL, 'e' },
		{ "by-rename", no_argument, NULL, 'r' }, { "children", no_argument, NULL, 'c' },
		{ "help", no_argument, NULL, 'h' },      { 0 }
	};
	struct run run = { .get_target = 200000, .seed = now_ns() & 0xffffffff };
	const char *groups = NULL;
	bool expect_torn = false;
	int processes = 12, c;

	while ((c = getopt_long(argc, argv, "n:p:s:g:h", options, NULL)) != -1) {
		switch (c) {
		case 'n':
			run.get_target = strtoull(optarg, NULL, 10);
			break;
		case 'p':
			processes = atoi(optarg);
			break;
		case 's':
			run.seed = strtoull(optarg, NULL, 10);
			break;
		case 'g':
			groups = optarg;
			break;
		case 'm':
			run.misses_ok = true;
			break;
		case 'r':
			run.by_rename = true;
			break;
		case 'c':
			run.children = true;
			break;
		case 'e':
			expect_torn = true;
			break;
		case 'h':
			usage(stdout);
			return 0;
		default:
			usage(stderr);
			return 2;
		}
	}
	if (optind + 1 != argc || processes < 2 || processes > WRITERS_MAX) {
		usage(stderr);
		return 2;
	}
	run.writers = processes / 2;
	run.readers = processes - run.writers;
	run.random = run.seed + 1;
	signal(SIGBUS, on_sigbus);
	if (!run_open(&run, argv[optind], groups))
		return 2;
	printf("stress: seed %llu, %d writers, %d readers\n", (unsigned long long)run.seed,
	       run.writers, run.readers);
	fflush(stdout);
	uint64_t started = now_ns();
	if (write_first_values(&run))
		run_processes(&run);
	clean_up(&run);
	report(&run, started);
	bool red = violation_count(run.shared) > 0;
	if (expect_torn)
		puts(red ? "stress: violations were expected and found"
			 : "stress: violations were expected, none found");
	free(run.buffer);
	free(run.other);
	return red == expect_torn ? 0 : 1;
}
