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

struct file_locks;

struct file_locks *file_locks_new(void);
void file_locks_free(struct file_locks *locks);

/*
 * flock(2) and fcntl(F_SETLK, F_SETLKW) by `owner` (the kernel's lock owner) on identity ino.
 * A caller that has to wait calls waiting_begin(), then waits until an unlock lets it through or
 * interrupted(self) is true (-EINTR). 0, -EAGAIN (not to wait), -ENOLCK, -EINTR, -EDEADLK (POSIX
 * locks: who is waited for waits for the caller, over up to ten owners and any files).
 * flock locks and POSIX locks do not see each other.
 */
struct file_lock_wait {
	bool wait;
	bool (*interrupted)(void *self);
	void *self;
};
int file_locks_flock(struct file_locks *locks, uint64_t ino, uint64_t owner, int operation,
		     const struct file_lock_wait *wait);
int file_locks_setlk(struct file_locks *locks, uint64_t ino, uint64_t owner,
		     const struct flock *lock, const struct file_lock_wait *wait);

/* fcntl(F_GETLK): lock->l_type F_UNLCK when free, else the conflicting lock (with l_pid of who set
 * it). */
int file_locks_getlk(struct file_locks *locks, uint64_t ino, uint64_t owner, struct flock *lock);

/* Ends all POSIX locks of owner (FLUSH), or its flock (RELEASE). Nothing happens if it has none. */
void file_locks_end_posix(struct file_locks *locks, uint64_t ino, uint64_t owner);
void file_locks_end_flock(struct file_locks *locks, uint64_t ino, uint64_t owner);

/* Makes every waiter look at interrupted() again. */
void file_locks_wake(struct file_locks *locks);

#endif
