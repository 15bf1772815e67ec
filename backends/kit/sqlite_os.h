#ifndef CACHEFS_SQLITE_OS_H
#define CACHEFS_SQLITE_OS_H

/*
 * Makes SQLite's system calls safe where other programs change its files:
 *
 * - open() of anything but a regular file or a directory fails (EINVAL): SQLite would wait for ever
 *   for a pipe, and a device is no database.
 * - A database with a WAL has its index (-shm) mapped. If another program truncates that file, the
 *   next access is a SIGBUS, which would end the process. Here the access is a *fault*: the page
 *   becomes a page of zeros, and SQLite makes the index again. But a running operation has read
 *   half an index. So whoever sees that the number of faults has changed ignores everything that it
 *   read since, commits nothing, closes every connection and opens them again.
 *
 * Thread-safe.
 */

/* Call this before the process opens its first connection. Further calls do nothing. */
void sqlite_os_prepare(void);

/* The number of faults so far, of any database. */
unsigned sqlite_os_faults(void);

#endif
