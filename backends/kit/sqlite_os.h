#ifndef CACHEFS_SQLITE_OS_H
#define CACHEFS_SQLITE_OS_H

/*
 * What SQLite asks of the system, made harmless where other programs put their hands on its files:
 *
 * - open() of what is no regular file fails (EINVAL): of a pipe it would wait for ever, and a
 *   device is no database.
 * - A database with a WAL has its index (-shm) mapped. Is that file cut off, the next access is
 *   SIGBUS, and the end of the process. Here it is a *fault*: the page becomes one of zeros, which
 *   SQLite takes for an index that has to be made anew. But what was under way has read half an
 *   index: whoever finds the number of faults changed believes nothing that it read since, commits
 *   nothing, closes every connection and opens them anew.
 *
 * Thread-safe.
 */

/* Before the first connection of the process is opened; again is fine. */
void sqlite_os_prepare(void);

/* How many faults there were, of any database. */
unsigned sqlite_os_faults(void);

#endif
