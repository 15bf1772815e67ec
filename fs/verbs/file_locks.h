#ifndef CACHEFS_FILE_LOCKS_H
#define CACHEFS_FILE_LOCKS_H

/*
 * flock and fcntl locks. A file's identity (st_ino) is their key, because one key of the cache may
 * be several inodes. The kernel does the work: each locked identity has an unlinked shadow file,
 * each owner an open file description of the shadow file, which gets the flock() or F_OFD_SETLK.
 * Thread-safe, RANK_FILE_LOCKS.
 */

#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/file.h>
#include <sys/queue.h>
#include <sys/types.h>

struct file_locks;
struct lock_identity;
struct lock_owner;
struct time_source;

/*
 * Half of the descriptors that the process may open are for locks: one for each file, and one for
 * each owner that holds a lock or waits for one. Each user except the process's own has a share of
 * these, and of the memory that the kernel and we need for locks; beyond the share: -ENOLCK. Users
 * whose uids are equal modulo LOCK_UIDS have one share.
 */
enum {
	FILE_LOCKS_OWNERS = 4096,   /* of one user; at most half of all */
	FILE_LOCKS_WAITS = 4096,    /* requests of one user that wait */
	FILE_LOCKS_RANGES = 65536,  /* of one user; and of anybody: */
	FILE_LOCKS_OF_OWNER = 4096, /* ranges that one owner has locked in a file, */
	FILE_LOCKS_OF_FILE = 16384, /* and all owners */
};
struct file_locks *file_locks_new(const struct time_source *time); /* NULL: no memory */
void file_locks_free(struct file_locks *locks); /* nobody waits any more: after file_locks_end() */

enum file_lock_kind { KIND_FLOCK, KIND_POSIX };
struct file_lock_request {
	enum file_lock_kind kind;
	int operation;     /* of flock, with LOCK_NB */
	struct flock lock; /* of fcntl, for F_OFD_SETLK */
};

/*
 * A request that may wait; while it waits, it needs no thread. The caller zeroes it, except
 * `answer`. It is the caller's again when the request has been answered.
 */
struct file_lock_wait {
	/* Called once, by any thread, if the request had to wait: 0 or -errno. The thread holds
	 * none of our locks, and may free the wait. */
	void (*answer)(struct file_lock_wait *wait, int rc);
	/* private to file_locks: */
	enum { FILE_LOCK_NEW, FILE_LOCK_INTERRUPTED, FILE_LOCK_WAITS, FILE_LOCK_ANSWERED } state;
	struct lock_identity *identity;
	struct lock_owner *owner;
	struct file_lock_request request;
	int64_t since_ms;
	int rc;
	TAILQ_ENTRY(file_lock_wait) in_identity, in_all;
	LIST_ENTRY(file_lock_wait) in_bucket;
};

/*
 * flock(2) and fcntl(F_SETLK, F_SETLKW) by `owner` (the kernel's lock owner) on identity ino. wait
 * NULL: do not wait. 0; -EAGAIN (without waiting); -ENOLCK; -EINTR; -EDEADLK (POSIX locks: the
 * holder waits for the caller, over up to ten owners and any files); or -EINPROGRESS: the request
 * waits, and wait->answer() will be called. Waiting requests get the lock in the order of their
 * arrival. flock locks and POSIX locks do not exclude each other.
 */
int file_locks_flock(struct file_locks *locks, uint64_t ino, uint64_t owner, uid_t uid,
		     int operation, struct file_lock_wait *wait);
int file_locks_setlk(struct file_locks *locks, uint64_t ino, uint64_t owner, uid_t uid,
		     const struct flock *lock, struct file_lock_wait *wait);

/* fcntl(F_GETLK): sets lock->l_type to F_UNLCK if the range is free, else *lock to the conflicting
 * lock (l_pid: the process that set it). */
int file_locks_getlk(struct file_locks *locks, uint64_t ino, uint64_t owner, struct flock *lock);

/* True if anybody has a POSIX lock on the file, or waits for one. */
bool file_locks_has_posix(struct file_locks *locks, uint64_t ino);

/* End all POSIX locks of owner (FLUSH), or its flock (RELEASE). An owner without locks is fine. */
void file_locks_end_posix(struct file_locks *locks, uint64_t ino, uint64_t owner);
void file_locks_end_flock(struct file_locks *locks, uint64_t ino, uint64_t owner);

/* Answers -EINTR, in this thread, unless the request has been answered. A request that has not
 * begun to wait will not wait. */
void file_locks_interrupt(struct file_locks *locks, struct file_lock_wait *wait);

/* Answers -ENOLCK to requests that have waited since since_ms or longer (by the clock that never
 * jumps). Returns how many. */
unsigned file_locks_expire(struct file_locks *locks, int64_t since_ms);

/* Answers -ENOLCK to all waiting requests, and from now on to requests that would wait. */
void file_locks_end(struct file_locks *locks);

/* True if somebody holds a lock on the file, or waits for one. */
bool file_locks_any(struct file_locks *locks, uint64_t ino);

/* How many wait. */
unsigned file_locks_waits(struct file_locks *locks);

#endif
