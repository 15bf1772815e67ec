#ifndef CACHEFS_LOCK_OWNERS_H
#define CACHEFS_LOCK_OWNERS_H

/*
 * The books of file_locks.c: which files are locked or waited for (identities), who owns locks of
 * them or waits (owners), and what each user has. An owner has an open file description of its
 * file's shadow, by which the kernel is asked. Everything is guarded by file_locks.lock.
 */

#include "base/lock.h"
#include "base/time_source.h"
#include "verbs/file_locks.h"
#include "verbs/lock_ranges.h"
#include "verbs/shortage.h"

enum { LOCK_BUCKETS = 1024, LOCK_UIDS = 4096 };

TAILQ_HEAD(lock_waits, file_lock_wait);
LIST_HEAD(lock_wait_bucket, file_lock_wait);

/* What one user has. */
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
	struct lock_owner *owners; /* who waits is one */
	struct lock_waits waits;   /* in the order of arrival */
	size_t ranges;             /* that are locked, of all owners */
	bool changed;              /* something was given up: those who wait are to be asked for */
};

/* All of a mount. */
struct file_locks {
	const struct time_source *time;
	struct lock lock;                              /* RANK_FILE_LOCKS */
	struct lock_waits waits;                       /* all of them, in the order of arrival */
	unsigned wait_count;                           /* how many */
	struct lock_wait_bucket waiting[LOCK_BUCKETS]; /* those for POSIX locks, by owner */
	uid_t uid;                                     /* the process's: it has no share */
	struct lock_user users[LOCK_UIDS];
	uint64_t descriptors;    /* that locks take */
	uint64_t descriptor_max; /* half of what the process may have */
	bool told_full;          /* said so in the log */
	struct shortage owners;  /* descriptors and memory for identities and owners */
	bool ended;              /* nobody waits any more */
	struct lock_identity *buckets[LOCK_BUCKETS];
};

struct lock_user *lock_user_locked(struct file_locks *locks, uid_t uid);
size_t lock_bucket_number(uint64_t number);

/* The file's; NULL: nobody has a lock of it, or waits. */
struct lock_identity *lock_identity_find_locked(struct file_locks *locks, uint64_t ino);
/* Made if there is none. NULL: no memory or descriptor. */
struct lock_identity *lock_identity_get_locked(struct file_locks *locks, uint64_t ino);
void lock_identity_drop_if_idle_locked(struct file_locks *locks, struct lock_identity *i);

struct lock_owner *lock_owner_find_locked(struct lock_identity *i, enum file_lock_kind kind,
					  uint64_t id);
/* Made if there is none. NULL: no memory or descriptor, or the user has its share. */
struct lock_owner *lock_owner_get_locked(struct file_locks *locks, struct lock_identity *i,
					 enum file_lock_kind kind, uint64_t id, uid_t uid);
void lock_owner_drop_if_idle_locked(struct file_locks *locks, struct lock_identity *i,
				    struct lock_owner *o);

/* Asks the kernel once, and notes whether that may have let through one who waits. 0 or -errno;
 * -EAGAIN: another one's lock is in the way. */
int lock_owner_try_locked(struct file_locks *locks, struct lock_identity *i, struct lock_owner *o,
			  const struct file_lock_request *r);

/* Whether it locks: it does not unlock. The last byte it names. */
bool lock_request_locks(const struct file_lock_request *r);
int64_t lock_last_of(const struct flock *lock);

/* All identities and owners; nobody waits. */
void lock_owners_free(struct file_locks *locks);

#endif
