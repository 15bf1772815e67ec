/* See process.h. */
#include "verbs/process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

ssize_t process_read(pid_t pid, const char *name, char *text, size_t size)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	int fd = pid > 0 ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	if (fd < 0)
		return -1;
	ssize_t n = read(fd, text, size - 1);
	close(fd);
	text[n > 0 ? n : 0] = '\0';
	return n > 0 ? n : -1;
}

/* A number of /proc/PID/status; 0: not there. */
static pid_t status_number(pid_t pid, const char *name)
{
	char text[4096];

	if (process_read(pid, "status", text, sizeof(text)) < 0)
		return 0;
	const char *at = strstr(text, name);
	return at ? (pid_t)strtol(at + strlen(name), NULL, 10) : 0;
}

/* Whether a thread is one of that process: 0.4 us, where its `status` takes 12. */
static bool is_thread_of(pid_t process, pid_t tid)
{
	return syscall(SYS_tgkill, process, tid, 0) == 0 || errno == EPERM;
}

pid_t process_of_thread(struct callers *callers, pid_t tid)
{
	if (tid <= 0)
		return 0;
	if (is_thread_of(tid, tid)) /* most are the only thread of their process, or its first */
		return tid;
	_Atomic uint64_t *slot = &callers->processes[(uint32_t)tid % (sizeof(callers->processes) /
								      sizeof(*callers->processes))];
	uint64_t seen = atomic_load_explicit(slot, memory_order_relaxed);
	pid_t process = (pid_t)(uint32_t)seen;
	if (seen >> 32 == (uint32_t)tid && is_thread_of(process, tid))
		return process;
	process = status_number(tid, "\nTgid:");
	atomic_store_explicit(slot, (uint64_t)(uint32_t)tid << 32 | (uint32_t)process,
			      memory_order_relaxed);
	return process;
}

static _Atomic uint64_t *slot_of_table(struct callers *callers, pid_t pid)
{
	return &callers->tables[(uint32_t)pid %
				(sizeof(callers->tables) / sizeof(*callers->tables))];
}

/* One number for both: the kernel's is as good as random. */
static uint64_t process_and_table(pid_t pid, uint64_t table)
{
	return table ^ ((uint64_t)(uint32_t)pid << 32 | (uint32_t)pid);
}

void process_note_table(struct callers *callers, pid_t pid, uint64_t table)
{
	atomic_store_explicit(slot_of_table(callers, pid), process_and_table(pid, table),
			      memory_order_relaxed);
}

bool process_has_table(struct callers *callers, pid_t pid, uint64_t table)
{
	return atomic_load_explicit(slot_of_table(callers, pid), memory_order_relaxed) ==
	       process_and_table(pid, table);
}

pid_t process_parent(pid_t pid)
{
	return status_number(pid, "\nPPid:");
}

/* What /proc/PID/stat says of its end. */
struct ending {
	char state;
	unsigned long flags, threads;
	long exit_code;
};

static bool read_ending(pid_t pid, struct ending *ending)
{
	char text[2048];
	char *save = NULL;
	int field = 3;

	if (process_read(pid, "stat", text, sizeof(text)) < 0)
		return false;
	*ending = (struct ending){ 0 };
	/* The command's name may hold anything; after its ')' comes field 3. */
	char *at = strrchr(text, ')');
	for (char *word = at ? strtok_r(at + 1, " \n", &save) : NULL; word;
	     word = strtok_r(NULL, " \n", &save), field++) {
		if (field == 3)
			ending->state = word[0];
		if (field == 9)
			ending->flags = strtoul(word, NULL, 10);
		if (field == 20)
			ending->threads = strtoul(word, NULL, 10);
		if (field == 52)
			ending->exit_code = strtol(word, NULL, 10);
	}
	return true;
}

/*
 * FUSE does not say that a close comes from a process that is being killed, but while FLUSH waits
 * the kernel does: in /proc/TID/stat field 9 has PF_EXITING and the low bits of field 52, the exit
 * code, name the signal. (PF_SIGNALED is no good: threads reaped by a normal exit have it.)
 *
 * But some kernels (6.18) show `stat` only when an execve(2) under way has ended, which may be what
 * waits for us: it closes what is close-on-exec. So `statm`, which waits for nobody, is asked
 * first: who exits has given its memory back before its files are closed, and who executes has
 * some.
 *
 * Of a process whose last thread has ended a zombie is left: it has nothing left to close.
 */
bool process_is_killed(pid_t pid)
{
	enum { PF_EXITING = 0x4, SIGNAL_BITS = 0x7f };
	struct ending e;
	char text[256];

	if (process_read(pid, "statm", text, sizeof(text)) < 0 || strncmp(text, "0 ", 2) != 0 ||
	    !read_ending(pid, &e))
		return false;
	bool has_ended = (e.state == 'Z' || e.state == 'X') && e.threads <= 1;
	return !has_ended && (e.flags & PF_EXITING) && (e.exit_code & SIGNAL_BITS);
}
