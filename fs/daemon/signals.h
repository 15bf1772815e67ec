#ifndef CACHEFS_SIGNAL_THREAD_H
#define CACHEFS_SIGNAL_THREAD_H

/*
 * The thread that carries out signals, because a signal handler may do almost nothing. SIGUSR1
 * writes the statistics to the log, SIGHUP opens the log again. The thread also logs repeated
 * errors, and checks every second that the state is still on the disk. Both signals are blocked in
 * all threads.
 */

struct fs;
struct signal_thread;

/* fs outlives it. NULL: out of memory. */
struct signal_thread *signal_thread_new(struct fs *fs);
void signal_thread_free(struct signal_thread *thread); /* NULL is fine */

#endif
