/*
 * budget: which requests one operation costs.
 *
 *	budget MOUNT get|absent|set|stat|unlink|ls|ls-stat NAME
 *	budget MOUNT run COMMAND [ARGUMENT...]
 *
 * Prints the difference of two readings of the daemon's counters, less what a reading costs itself,
 * as "LOOKUP=1 OPEN=1". What nobody waits for (RELEASE, FORGET, ...) is left out. Fails if the
 * operation does.
 */
#include <dirent.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { OPCODES_MAX = 64, TEXT_MAX = 1 << 20 };

struct reading {
	int count;
	char names[OPCODES_MAX][32];
	long long numbers[OPCODES_MAX];
};

/* Through to the end, as cat does. */
static size_t read_all(const char *path, char *buffer, size_t size)
{
	size_t used = 0;
	ssize_t n;
	int fd = open(path, O_RDONLY);

	if (fd < 0)
		err(1, "open %s", path);
	while ((n = read(fd, buffer + used, size - used - 1)) > 0)
		used += (size_t)n;
	if (n < 0)
		err(1, "read %s", path);
	close(fd);
	buffer[used] = '\0';
	return used;
}

static void read_counters(struct reading *r)
{
	static char text[TEXT_MAX];
	static const char start[] = "cachefs_requests_by_opcode_total{opcode=\"";

	r->count = 0;
	read_all(".cachefs/metrics", text, sizeof(text));
	for (char *line = text; line && r->count < OPCODES_MAX; line = strchr(line + 1, '\n')) {
		char *at = *line == '\n' ? line + 1 : line;
		if (strncmp(at, start, sizeof(start) - 1) == 0 &&
		    sscanf(at + sizeof(start) - 1, "%31[A-Z0-9_]\"} %lld", r->names[r->count],
			   &r->numbers[r->count]) == 2)
			r->count++;
	}
	if (r->count == 0)
		errx(1, "no counters in .cachefs/metrics");
}

static long long number_of(const struct reading *r, const char *name)
{
	for (int i = 0; i < r->count; i++)
		if (strcmp(r->names[i], name) == 0)
			return r->numbers[i];
	return 0;
}

static bool is_waited_for(const char *name)
{
	static const char *const others[] = { "RELEASE",      "RELEASEDIR", "FORGET",
					      "BATCH_FORGET", "INTERRUPT",  "NOTIFY_REPLY" };

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (strcmp(name, others[i]) == 0)
			return false;
	return true;
}

static void set(const char *name)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	if (fd < 0 || write(fd, "value", 5) != 5 || close(fd) < 0)
		err(1, "set %s", name);
}

static void list(const char *name, bool with_stat)
{
	DIR *dir = opendir(name);
	struct dirent *e;
	struct stat st;

	if (!dir)
		err(1, "opendir %s", name);
	while ((e = readdir(dir)))
		if (with_stat && fstatat(dirfd(dir), e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			err(1, "stat %s", e->d_name);
	closedir(dir);
}

static void run(char **command)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		dup2(open("/dev/null", O_WRONLY), STDOUT_FILENO);
		execvp(command[0], command);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0 || status != 0)
		errx(1, "%s failed", command[0]);
}

static void operate(const char *operation, char **arguments)
{
	static char text[TEXT_MAX];
	const char *name = arguments[0];
	struct stat st;

	if (strcmp(operation, "get") == 0)
		read_all(name, text, sizeof(text));
	else if (strcmp(operation, "set") == 0)
		set(name);
	else if (strcmp(operation, "ls") == 0 || strcmp(operation, "ls-stat") == 0)
		list(name, operation[2] != '\0');
	else if (strcmp(operation, "run") == 0)
		run(arguments);
	else if (strcmp(operation, "stat") == 0 ? stat(name, &st) < 0
		 : strcmp(operation, "unlink") == 0
			 ? unlink(name) < 0
			 : strcmp(operation, "absent") != 0 || open(name, O_RDONLY) >= 0 ||
				   errno != ENOENT)
		err(1, "%s %s", operation, name);
}

int main(int argc, char **argv)
{
	static struct reading warm, before, idle, after;

	if (argc < 4)
		errx(2, "usage: budget MOUNT OPERATION NAME...");
	if (chdir(argv[1]) < 0)
		err(1, "%s", argv[1]);
	read_counters(&warm);
	read_counters(&before);
	read_counters(&idle);
	operate(argv[2], argv + 3);
	read_counters(&after);

	const char *space = "";
	for (int i = 0; i < after.count; i++) {
		const char *name = after.names[i];
		long long cost = number_of(&after, name) - number_of(&idle, name) -
				 (number_of(&idle, name) - number_of(&before, name));
		if (cost == 0 || !is_waited_for(name))
			continue;
		printf("%s%s=%lld", space, name, cost);
		space = " ";
	}
	putchar('\n');
	return 0;
}
