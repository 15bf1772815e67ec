#ifndef CACHEFS_LOCK_OWNERS_H
#define CACHEFS_LOCK_OWNERS_H

/*
 * The records of file_locks.c: which files are locked or waited for (identities), who owns locks on
 * them or waits (owners), and how much each user has. An owner has an open file description of its
 * file's shadow file; the kernel is asked through it. file_locks.lock guards everything.
 */

#include "base/lock.h"
#include "base/time_source.h"
#include "verbs/file_locks.h"
#include "verbs/lock_ranges.h"
#include "verbs/shortage.h"

enum { LOCK_BUCKETS = 1024, LOCK_UIDS = 4096 };

TAILQ_HEAD(lock_waits, file_lock_wait);
LIST_HEAD(lock_wait_bucket, file_lock_wait);

/* How much one user has. */
struct lock_user {
	unsigned owners, waits, ranges;
};

struct lock_owner {
	struct lock_owner *next;
	enum file_lock_kind kind;
	uint64_t id;
	int fd;                    /* its own open file description of the shadow file */
	pid_t pid;                 /* who asked last, for getlk */
	bool held;                 /* may hold locks; false: holds none */
	unsigned waits;            /* requests that wait */
	uid_t uid;                 /* who asked first, and is charged */
	struct lock_ranges ranges; /* POSIX: what it holds */
};

struct lock_identity {
	struct lock_identity *next;
	uint64_t ino;
	int shadow_fd;
	struct lock_owner *owners; /* also of requests that only wait */
	struct lock_waits waits;   /* in the order of arrival */
	size_t ranges;             /* locked ranges of all owners */
	bool changed;              /* a lock was released: ask again for waiting requests */
};

/* All file locks of a mount. */
struct file_locks {
	const struct time_source *time;
	struct lock lock;                              /* RANK_FILE_LOCKS */
	struct lock_waits waits;                       /* all of them, in the order of arrival */
	unsigned wait_count;                           /* how many */
	struct lock_wait_bucket waiting[LOCK_BUCKETS]; /* requests for POSIX locks, by owner */
	uid_t uid;                                     /* the process's: no share limits it */
	struct lock_user users[LOCK_UIDS];
	uint64_t descriptors;    /* used by locks */
	uint64_t descriptor_max; /* half of what the process may have */
	bool told_full;          /* the log has said so */
	struct shortage owners;  /* descriptors and memory for identities and owners */
	bool ended;              /* nobody waits any more */
	struct lock_identity *buckets[LOCK_BUCKETS];
};

struct lock_user *lock_user_locked(struct file_locks *locks, uid_t uid);
size_t lock_bucket_number(uint64_t number);

/* The identity of the file; NULL: nobody has a lock on it, or waits for one. */
struct lock_identity *lock_identity_find_locked(struct file_locks *locks, uint64_t ino);
/* Likewise; a missing identity is made. NULL: no memory or no descriptor. */
struct lock_identity *lock_identity_get_locked(struct file_locks *locks, uint64_t ino);
void lock_identity_drop_if_idle_locked(struct file_locks *locks, struct lock_identity *i);

struct lock_owner *lock_owner_find_locked(struct lock_identity *i, enum file_lock_kind kind,
					  uint64_t id);
/* A missing owner is made. NULL: no memory or no descriptor, or the user's share is used up. */
struct lock_owner *lock_owner_get_locked(struct file_locks *locks, struct lock_identity *i,
					 enum file_lock_kind kind, uint64_t id, uid_t uid);
void lock_owner_drop_if_idle_locked(struct file_locks *locks, struct lock_identity *i,
				    struct lock_owner *o);

/* Asks the kernel once for the lock, and notes whether that may let a waiting request through. 0 or
 * -errno; -EAGAIN: the lock of another owner conflicts. */
int lock_owner_try_locked(struct file_locks *locks, struct lock_identity *i, struct lock_owner *o,
			  const struct file_lock_request *r);

/* True if the request locks, false if it unlocks. lock_last_of(): the last byte of the range. */
bool lock_request_locks(const struct file_lock_request *r);
int64_t lock_last_of(const struct flock *lock);

/* Frees all identities and owners; nobody waits any more. */
void lock_owners_free(struct file_locks *locks);

#endif
