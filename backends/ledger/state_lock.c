/* See state_lock.h. */
#include "ledger/state_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/parents.h"
#include "base/private_dir.h"
#include "ledger/state_file.h"

enum {
	LOCK_WAIT_MS = 2000,    /* a daemon may be about to say that it ends */
	ENDING_WAIT_MS = 30000, /* one that ends drains first */
	LOCK_POLL_MS = 20,
};

/* The holder's pid, 0 if it cannot be read. */
static long read_holder(int fd, bool *ending)
{
	char text[64] = "";
	char word[16] = "";
	long pid = 0;

	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);
	text[n > 0 ? n : 0] = '\0';
	if (sscanf(text, "%ld %15s", &pid, word) < 1)
		pid = 0;
	*ending = strcmp(word, "ending") == 0;
	return pid;
}

static void sleep_ms(int ms)
{
	struct timespec pause = { .tv_nsec = ms * 1000000L };

	nanosleep(&pause, NULL);
}

/* Nothing in it was put there by somebody else. */
static int check_files(int dir_fd, char *reason, size_t size)
{
	static const char *const names[] = { "lock", STATE_FILE, STATE_FILE "-wal",
					     STATE_FILE "-shm", STATE_FILE "-journal" };
	int rc = 0;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]) && rc == 0; i++)
		rc = private_dir_check_file(dir_fd, names[i], reason, size);
	return rc;
}

/* The fd of the lock file, not locked yet. */
static int open_lock(const char *dir, char *reason, size_t size)
{
	int rc = parents_make(dir, 0700);

	if (rc == 0)
		rc = parents_make_one(dir, 0700);
	int dir_fd = rc == 0 ? private_dir_open(dir, NULL, reason, size) : rc;
	if (dir_fd < 0)
		return dir_fd;
	rc = check_files(dir_fd, reason, size);
	if (rc == 0)
		rc = openat(dir_fd, "lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (rc < 0 && rc != -EPERM)
		rc = -errno;
	close(dir_fd);
	return rc;
}

int state_lock_take(const char *dir, int *fd, struct problem *problem)
{
	char reason[400] = "", hint[200];
	bool ending = false;

	int rc = open_lock(dir, reason, sizeof(reason));
	if (rc < 0)
		return problem_set(problem, dir, "name a directory of yours as \"state_dir\"",
				   "cannot use the state directory: %s%s", reason[0] ? "it " : "",
				   reason[0] ? reason : strerror(-rc));
	*fd = rc;
	for (int waited = 0; flock(*fd, LOCK_EX | LOCK_NB) < 0; waited += LOCK_POLL_MS) {
		long pid = read_holder(*fd, &ending);
		if (waited >= (ending ? ENDING_WAIT_MS : LOCK_WAIT_MS)) {
			snprintf(hint, sizeof(hint),
				 "unmount that one (its pid is %ld), or name another \"state_dir\"",
				 pid);
			return problem_set(
				problem, dir, hint,
				"the state directory is in use by another daemon, pid %ld", pid);
		}
		sleep_ms(LOCK_POLL_MS);
	}
	state_lock_mark(*fd, STATE_RUNNING);
	return 0;
}

void state_lock_mark(int fd, enum state_holder holder)
{
	char text[64];
	int size = snprintf(text, sizeof(text), "%ld %s\n", (long)getpid(),
			    holder == STATE_ENDING ? "ending" : "running");

	/* In this order: the block that it has is enough. */
	if (pwrite(fd, text, (size_t)size, 0) != size || ftruncate(fd, size) < 0)
		log_debug("state: cannot write the lock file: %s", strerror(errno));
}

bool state_lock_is_held(const char *dir, int fd)
{
	char path[PATH_MAX];
	struct stat held, named;

	return snprintf(path, sizeof(path), "%s/lock", dir) < (int)sizeof(path) &&
	       fstat(fd, &held) == 0 && stat(path, &named) == 0 && held.st_dev == named.st_dev &&
	       held.st_ino == named.st_ino;
}

int state_lock_again(const char *dir, int *fd)
{
	struct problem problem = { .place = "" };
	int taken = -1;

	if (state_lock_take(dir, &taken, &problem) < 0) {
		log_error("state: the lock of %s was removed, and cannot be taken again: %s", dir,
			  problem.message);
		if (taken >= 0)
			close(taken);
		return -EBUSY;
	}
	close(*fd);
	*fd = taken;
	return 0;
}
