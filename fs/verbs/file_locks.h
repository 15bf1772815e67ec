#ifndef CACHEFS_FILE_LOCKS_H
#define CACHEFS_FILE_LOCKS_H

/*
 * flock and fcntl locks, keyed by a file's identity (st_ino), because one key may be several
 * inodes. The kernel does the work: per locked identity an unlinked shadow file, per owner an open
 * file description of it, flock() or F_OFD_SETLK on that. Thread-safe, RANK_FILE_LOCKS.
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
 * Half of the descriptors that the process may have by now are for locks: one for each file, and
 * one for each owner that holds or waits. Each user but that of the process has a share of them,
 * and of what the kernel and we keep for locks: beyond it is -ENOLCK. Users whose uids end alike
 * have one share.
 */
enum {
	FILE_LOCKS_OWNERS = 4096,   /* of one user; at most half of all */
	FILE_LOCKS_WAITS = 4096,    /* requests of one user that wait */
	FILE_LOCKS_RANGES = 65536,  /* of one user; and of anybody: */
	FILE_LOCKS_OF_OWNER = 4096, /* ranges that one owner has locked in a file, */
	FILE_LOCKS_OF_FILE = 16384, /* and all owners */
};
struct file_locks *file_locks_new(const struct time_source *time); /* NULL: no memory */
void file_locks_free(struct file_locks *locks); /* nobody waits any more: file_locks_end() */

enum file_lock_kind { KIND_FLOCK, KIND_POSIX };
struct file_lock_request {
	enum file_lock_kind kind;
	int operation;     /* of flock, with LOCK_NB */
	struct flock lock; /* of fcntl, for F_OFD_SETLK */
};

/*
 * A request that may wait; it takes no thread meanwhile. Zeroed by the caller but for `answer`, and
 * the caller's again when the request has been answered.
 */
struct file_lock_wait {
	/* Called once, by any thread, if the request did wait: 0 or -errno. The thread holds none
	 * of our locks, and may free the wait. */
	void (*answer)(struct file_lock_wait *wait, int rc);
	/* file_locks' own: */
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
 * flock(2) and fcntl(F_SETLK, F_SETLKW) by `owner` (the kernel's lock owner) on identity ino; wait
 * NULL: not to wait. 0, -EAGAIN (not to wait), -ENOLCK, -EINTR, -EDEADLK (POSIX locks: who is
 * waited for waits for the caller, over up to ten owners and any files), or -EINPROGRESS: it waits,
 * and wait->answer() will be called. Those who wait get it in the order they came.
 * flock locks and POSIX locks do not see each other.
 */
int file_locks_flock(struct file_locks *locks, uint64_t ino, uint64_t owner, uid_t uid,
		     int operation, struct file_lock_wait *wait);
int file_locks_setlk(struct file_locks *locks, uint64_t ino, uint64_t owner, uid_t uid,
		     const struct flock *lock, struct file_lock_wait *wait);

/* fcntl(F_GETLK): lock->l_type F_UNLCK when free, else the conflicting lock (with l_pid of who set
 * it). */
int file_locks_getlk(struct file_locks *locks, uint64_t ino, uint64_t owner, struct flock *lock);

/* Whether anybody has a POSIX lock on it, or waits for one. */
bool file_locks_has_posix(struct file_locks *locks, uint64_t ino);

/* Ends all POSIX locks of owner (FLUSH), or its flock (RELEASE). Nothing happens if it has none. */
void file_locks_end_posix(struct file_locks *locks, uint64_t ino, uint64_t owner);
void file_locks_end_flock(struct file_locks *locks, uint64_t ino, uint64_t owner);

/* Answers -EINTR, in this thread, unless it has been answered; one that has not begun to wait
 * won't. */
void file_locks_interrupt(struct file_locks *locks, struct file_lock_wait *wait);

/* Answers -ENOLCK to those who have waited since that moment or longer (by the clock that never
 * jumps). How many. */
unsigned file_locks_expire(struct file_locks *locks, int64_t since_ms);

/* Answers -ENOLCK to all who wait, and from now on to who would. */
void file_locks_end(struct file_locks *locks);

/* Whether somebody holds a lock of the file, or waits for one. */
bool file_locks_any(struct file_locks *locks, uint64_t ino);

/* How many wait. */
unsigned file_locks_waits(struct file_locks *locks);

#endif
