/*
 * cachefs-bench: what one operation on a value of 4 KiB costs, on a mount, on tmpfs, and on a FUSE
 * server that does nothing. All are measured in turns, batch by batch, in one run, so that what
 * else the machine does falls on all of them alike; a cell is the median of its batches.
 */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
	VALUE_BYTES = 4096,
	BATCHES = 60,
	BATCH = 100,
	CHILD_BATCH = 10, /* of operations that start a process */
	TARGETS_MAX = 4,
	FILES_MAX = 5000,
	FUSE_MAGIC = 0x65735546,
	START_MS = 10000
};

enum op {
	OP_GET,
	OP_CREATE,
	OP_OVERWRITE,
	OP_STAT,
	OP_ABSENT,
	/* overwrites by a process with so many open files, */
	OP_FILES_5,
	OP_FILES_50,
	OP_FILES_5000,
	/* whose child writes the value, and exits */
	OP_CHILD_5,
	OP_CHILD_50,
	OP_CHILD_5000,
	OP_COUNT
};
static const struct {
	const char *name, *key;
	int keys, files;
	bool child;
} op_specs[OP_COUNT] = {
	[OP_GET] = { "open+read+close", "bench-kept", 16 },
	[OP_CREATE] = { "create+write+close", "bench-new", BATCH },
	[OP_OVERWRITE] = { "overwrite", "bench-over", 16 },
	[OP_STAT] = { "stat", "bench-kept", 16 },
	[OP_ABSENT] = { "open of an absent key", "bench-absent", BATCH },
	[OP_FILES_5] = { "overwrite, 5 files", "bench-over", 16, 5 },
	[OP_FILES_50] = { "overwrite, 50 files", "bench-over", 16, 50 },
	[OP_FILES_5000] = { "overwrite, 5000 files", "bench-over", 16, 5000 },
	[OP_CHILD_5] = { "by a child, 5 files", "bench-over", 16, 5, true },
	[OP_CHILD_50] = { "by a child, 50 files", "bench-over", 16, 50, true },
	[OP_CHILD_5000] = { "by a child, 5000 files", "bench-over", 16, 5000, true },
};

struct target {
	const char *title;
	char directory[PATH_MAX];
	pid_t server; /* ours, mounted at directory; 0: none */
	double us[OP_COUNT][BATCHES];
};

static double now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static void die(const char *what, const char *path)
{
	fprintf(stderr, "cachefs-bench: %s %s: %s\n", what, path, strerror(errno));
	exit(1);
}

static void set_value(int dir, const char *name, int flags)
{
	static const char value[VALUE_BYTES];
	int fd = openat(dir, name, O_WRONLY | flags, 0644);

	if (fd < 0 || write(fd, value, sizeof(value)) != VALUE_BYTES || close(fd) < 0)
		die("set of", name);
}

/* The parent opens and closes, its child writes: `command >key` of a shell. */
static void set_by_child(int dir, const char *name)
{
	static const char value[VALUE_BYTES];
	int status, fd = openat(dir, name, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	pid_t child = fd < 0 ? -1 : fork();

	if (child == 0)
		_exit(write(fd, value, sizeof(value)) == VALUE_BYTES ? 0 : 1);
	if (child < 0 || waitpid(child, &status, 0) != child || status != 0 || close(fd) < 0)
		die("set by a child of", name);
}

static void get_value(int dir, const char *name)
{
	char value[VALUE_BYTES + 1];
	int fd = openat(dir, name, O_RDONLY);

	if (fd < 0 || read(fd, value, sizeof(value)) != VALUE_BYTES || close(fd) < 0)
		die("get of", name);
}

static void do_op(int dir, enum op op, const char *name)
{
	struct stat st;

	switch (op) {
	case OP_GET:
		get_value(dir, name);
		break;
	case OP_CREATE:
		set_value(dir, name, O_CREAT | O_EXCL);
		break;
	case OP_OVERWRITE:
	case OP_FILES_5:
	case OP_FILES_50:
	case OP_FILES_5000:
		set_value(dir, name, O_CREAT | O_TRUNC);
		break;
	case OP_CHILD_5:
	case OP_CHILD_50:
	case OP_CHILD_5000:
		set_by_child(dir, name);
		break;
	case OP_STAT:
		if (fstatat(dir, name, &st, 0) < 0)
			die("stat of", name);
		break;
	case OP_ABSENT:
		if (openat(dir, name, O_RDONLY) >= 0)
			die("found", name);
		break;
	case OP_COUNT:
		break;
	}
}

/* The key that the i-th turn of an operation works on. */
static void op_key(enum op op, int i, char name[static 40])
{
	snprintf(name, 40, "%s-%d", op_specs[op].key, i % op_specs[op].keys);
}

/* Opens files until the process has so many, for reading and for writing in turns. */
static int open_files(int count, int fds[static FILES_MAX])
{
	int opened = 0;

	for (int i = 4; i < count; i++) { /* 0, 1, 2 and the directory */
		fds[opened] = open("/dev/null", i % 2 ? O_RDONLY : O_WRONLY);
		if (fds[opened++] < 0)
			die("open", "/dev/null");
	}
	return opened;
}

/* us per operation in one batch. */
static double batch_us(const struct target *t, enum op op)
{
	char names[BATCH][40];
	int fds[FILES_MAX], count = op_specs[op].child ? CHILD_BATCH : BATCH;
	int dir = open(t->directory, O_RDONLY | O_DIRECTORY);

	if (dir < 0)
		die("open", t->directory);
	for (int i = 0; i < BATCH; i++)
		op_key(op, i, names[i]);
	int opened = open_files(op_specs[op].files, fds);
	double start = now_us();
	for (int i = 0; i < count; i++)
		do_op(dir, op, names[i]);
	double us = (now_us() - start) / count;
	while (opened > 0)
		close(fds[--opened]);
	for (int i = 0; op == OP_CREATE && i < BATCH; i++)
		unlinkat(dir, names[i], 0);
	close(dir);
	return us;
}

/* Makes (or removes) the keys that gets, stats and overwrites need. */
static void target_keys(const struct target *t, bool wanted)
{
	static const enum op ops[] = { OP_GET, OP_OVERWRITE };
	int dir = open(t->directory, O_RDONLY | O_DIRECTORY);
	char name[40];

	if (dir < 0)
		die("open", t->directory);
	for (size_t o = 0; o < 2; o++) {
		for (int i = 0; i < 16; i++) {
			op_key(ops[o], i, name);
			if (wanted)
				set_value(dir, name, O_CREAT | O_TRUNC);
			else
				unlinkat(dir, name, 0);
		}
	}
	close(dir);
}

static int compare_doubles(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static double median(double *values, size_t count)
{
	qsort(values, count, sizeof(*values), compare_doubles);
	return values[count / 2];
}

/* The null server lies beside this program. */
static void server_path(char path[static PATH_MAX])
{
	ssize_t n = readlink("/proc/self/exe", path, PATH_MAX - 1);
	char *slash = NULL;

	if (n > 0) {
		path[n] = '\0';
		slash = strrchr(path, '/');
	}
	if (!slash || (size_t)(slash - path) + sizeof("/cachefs-bench-null") > PATH_MAX)
		die("readlink", "/proc/self/exe");
	strcpy(slash, "/cachefs-bench-null");
}

static bool server_answers(const struct target *t)
{
	double end = now_us() + START_MS * 1e3;
	struct statfs fs;

	while (now_us() < end && waitpid(t->server, NULL, WNOHANG) == 0) {
		if (statfs(t->directory, &fs) == 0 && fs.f_type == FUSE_MAGIC)
			return true;
		nanosleep(&(struct timespec){ .tv_nsec = 2000000 }, NULL);
	}
	return false;
}

/* Mounts a null server at a new directory. False, and said so, if that fails. */
static bool server_start(struct target *t, const char *title, bool single)
{
	char program[PATH_MAX];

	server_path(program);
	t->title = title;
	strcpy(t->directory, "/tmp/cachefs-bench.XXXXXX");
	if (!mkdtemp(t->directory))
		die("mkdtemp", t->directory);
	t->server = fork();
	if (t->server == 0) {
		prctl(PR_SET_PDEATHSIG, SIGTERM);
		if (single)
			execl(program, program, "-s", t->directory, (char *)NULL);
		else
			execl(program, program, t->directory, (char *)NULL);
		_exit(127);
	}
	if (t->server > 0 && server_answers(t))
		return true;
	fprintf(stderr, "cachefs-bench: %s does not mount; measured without it\n", program);
	rmdir(t->directory);
	t->server = 0;
	return false;
}

static void server_stop(const struct target *t)
{
	if (t->server == 0)
		return;
	kill(t->server, SIGTERM);
	waitpid(t->server, NULL, 0);
	rmdir(t->directory);
}

static void print_table(struct target *targets, int count)
{
	printf("%-22s", "us per operation");
	for (int t = 0; t < count; t++)
		printf(" %13s", targets[t].title);
	printf("   %s /", targets[0].title);
	for (int t = 1; t < count; t++)
		printf(" %s", targets[t].title);
	putchar('\n');
	for (int op = 0; op < OP_COUNT; op++) {
		double us[TARGETS_MAX];
		printf("%-22s", op_specs[op].name);
		for (int t = 0; t < count; t++) {
			us[t] = median(targets[t].us[op], BATCHES);
			printf(" %13.1f", us[t]);
		}
		printf("  ");
		for (int t = 1; t < count; t++)
			printf("  %.2f", us[0] / us[t]);
		putchar('\n');
	}
}

static void raise_file_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

int main(int argc, char **argv)
{
	static struct target targets[TARGETS_MAX] = { { .title = "mount" }, { .title = "tmpfs" } };
	int count = 2;

	if (argc < 2 || argc > 3 || argv[1][0] == '-') {
		fprintf(argc == 2 && strcmp(argv[1], "-h") == 0 ? stdout : stderr,
			"usage: cachefs-bench MOUNTED_DIR [TMPFS_DIR]\n");
		return argc == 2 && strcmp(argv[1], "-h") == 0 ? 0 : 2;
	}
	snprintf(targets[0].directory, PATH_MAX, "%s", argv[1]);
	strcpy(targets[1].directory, "/dev/shm/cachefs-bench.XXXXXX");
	if (argc == 3)
		snprintf(targets[1].directory, PATH_MAX, "%s", argv[2]);
	else if (!mkdtemp(targets[1].directory))
		die("mkdtemp", targets[1].directory);
	raise_file_limit();
	count += server_start(&targets[count], "null", false);
	count += server_start(&targets[count], "null, single", true);

	for (int t = 0; t < count; t++)
		target_keys(&targets[t], true);
	for (int b = 0; b < BATCHES; b++)
		for (int op = 0; op < OP_COUNT; op++)
			for (int t = 0; t < count; t++)
				targets[t].us[op][b] = batch_us(&targets[t], (enum op)op);
	for (int t = 0; t < count; t++)
		target_keys(&targets[t], false);
	print_table(targets, count);
	printf("%d-byte values, median of %d batches of %d (by a child: of %d); null: a libfuse "
	       "server that\ndoes nothing, by fuse_session_loop_mt; null, single: by "
	       "fuse_session_loop\n",
	       VALUE_BYTES, BATCHES, BATCH, CHILD_BATCH);
	for (int t = 0; t < count; t++)
		server_stop(&targets[t]);
	if (argc == 2)
		rmdir(targets[1].directory);
	return 0;
}
