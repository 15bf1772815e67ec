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

/* What is remembered of those that call us. All zero is empty. Thread-safe. */
struct callers {
	_Atomic uint64_t processes[256]; /* of threads */
	_Atomic uint64_t tables[1024];   /* of processes */
};

/* The process of a thread; 0: it is gone, or unknown here. */
pid_t process_of_thread(struct callers *callers, pid_t tid);

/*
 * A process has a table of descriptors, which WRITE (of what was not cached) and FLUSH tell as the
 * lock owner; 0: not told. Whether it is known to be this one; a process that was not noted, or was
 * forgotten for others, has none that is known.
 */
void process_note_table(struct callers *callers, pid_t pid, uint64_t table);
bool process_has_table(struct callers *callers, pid_t pid, uint64_t table);

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
