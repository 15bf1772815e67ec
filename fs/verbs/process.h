#ifndef CACHEFS_PROCESS_H
#define CACHEFS_PROCESS_H

/*
 * Facts from /proc about the threads and processes that call us. A request names a thread; 0 is a
 * thread that we cannot see, in another pid namespace. No function here waits for an execve(2),
 * which may itself be waiting for us.
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Remembered facts about callers. All zero is empty. Thread-safe. */
struct callers {
	_Atomic uint64_t processes[256]; /* of threads */
	_Atomic uint64_t tables[1024];   /* of processes */
};

/* The process of a thread; 0: it has ended, or is unknown here. */
pid_t process_of_thread(struct callers *callers, pid_t tid);

/*
 * A process has a table of descriptors. WRITE (of uncached content) and FLUSH tell it as the lock
 * owner; 0: not told. process_has_table(): true if this table was noted last for the process; false
 * also if the process was forgotten to make room for others.
 */
void process_note_table(struct callers *callers, pid_t pid, uint64_t table);
bool process_has_table(struct callers *callers, pid_t pid, uint64_t table);

/* Its parent; 0: unknown. */
pid_t process_parent(pid_t pid);

/*
 * True if a signal is ending the process or thread right now, so its written content is not
 * complete. False once it has ended.
 */
bool process_is_killed(pid_t pid);

/* Reads a file of a process in /proc; the text is terminated. Its size, or -1. */
ssize_t process_read(pid_t pid, const char *name, char *text, size_t size);

#endif
