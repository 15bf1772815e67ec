/*
 * queue FILE COUNT flock|fcntl: a crowd that waits for one lock. Holds the lock of FILE, starts
 * COUNT processes that want it, each when the one before waits, gives it up, and says how many got
 * it, whether one after the other in the order they came, and how many were refused:
 *	"1000 in order, 0 refused"
 */

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *path;
static bool is_flock;
static int told[2]; /* a pipe: whoever gets the lock, or is refused, says so */

struct tale {
	int number;
	int error;
};

static int lock_it(int fd)
{
	struct flock all = { .l_type = F_WRLCK };

	return is_flock ? flock(fd, LOCK_EX) : fcntl(fd, F_SETLKW, &all);
}

static int open_it(void)
{
	int fd = open(path, O_RDWR);

	if (fd < 0) {
		perror(path);
		exit(1);
	}
	return fd;
}

/* Its end gives the lock up. */
static void want(int number, int inherited)
{
	struct tale tale = { .number = number };

	close(inherited); /* or it would hold the first one's flock, too */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (lock_it(open_it()) != 0)
		tale.error = errno;
	_exit(write(told[1], &tale, sizeof(tale)) == sizeof(tale) ? 0 : 1);
}

static void read_line(pid_t pid, const char *file, char *line, size_t size)
{
	char name[64];

	snprintf(name, sizeof(name), "/proc/%d/%s", (int)pid, file);
	FILE *f = fopen(name, "re");
	if (!f || !fgets(line, (int)size, f))
		line[0] = '\0';
	if (f)
		fclose(f);
}

/* Its request is in the daemon's queue, or was refused. */
static bool waits_or_is_done(pid_t pid)
{
	char line[256];
	siginfo_t info = { 0 };

	read_line(pid, "syscall", line, sizeof(line));
	if (atoi(line) == (is_flock ? SYS_flock : SYS_fcntl)) {
		read_line(pid, "wchan", line, sizeof(line));
		if (strcmp(line, "request_wait_answer") == 0)
			return true;
	}
	waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT);
	return info.si_pid == pid;
}

int main(int argc, char **argv)
{
	int count = argc > 3 ? atoi(argv[2]) : 0;
	int served = 0, refused = 0, last = -1;
	bool in_order = true;

	if (count <= 0 || pipe(told) < 0)
		return 2;
	path = argv[1];
	is_flock = strcmp(argv[3], "flock") == 0;
	int fd = open_it();
	if (lock_it(fd) != 0)
		return 1;
	for (int i = 0; i < count; i++) {
		pid_t pid = fork();
		if (pid == 0)
			want(i, fd);
		while (pid < 0 || !waits_or_is_done(pid)) {
			if (pid < 0)
				return 1;
			sched_yield();
		}
	}
	close(fd);
	for (int i = 0; i < count; i++) {
		struct tale tale;
		if (read(told[0], &tale, sizeof(tale)) != sizeof(tale))
			return 1;
		refused += tale.error != 0;
		if (tale.error != 0)
			continue;
		served++;
		in_order = in_order && tale.number > last;
		last = tale.number;
	}
	while (wait(NULL) > 0)
		;
	printf("%d %s, %d refused\n", served, in_order ? "in order" : "in disorder", refused);
	return 0;
}
