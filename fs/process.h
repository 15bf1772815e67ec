#ifndef CACHEFS_PROCESS_H
#define CACHEFS_PROCESS_H

/*
 * What /proc says of the threads and processes that call us. A request names a thread; 0 is one
 * that we cannot see, from another pid namespace. Nothing here waits for an execve(2), which may
 * be what waits for us.
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Which process a thread belongs to, remembered. All zero is empty. Thread-safe. */
struct threads {
	_Atomic uint64_t seen[256];
};

/* The process of a thread; 0: it is gone, or unknown here. */
pid_t process_of_thread(struct threads *threads, pid_t tid);

/* Its parent; 0: unknown. */
pid_t process_parent(pid_t pid);

/*
 * Whether the process or thread is being ended by a signal right now: what it has written is not
 * complete. False once it has ended.
 */
bool process_is_killed(pid_t pid);

/* One of the files of a process in /proc, terminated: its size, or -1. */
ssize_t process_read(pid_t pid, const char *name, char *text, size_t size);

#endif
