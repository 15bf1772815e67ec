/*
 * flock and POSIX locks by identity. Whether two locks conflict, how ranges split and merge and
 * what a conversion does is the kernel's business: each owner has an open file description of a
 * shadow file, and all we do is ask without waiting, and say to those who wait when to ask again.
 *
 * The system calls are made under the lock: none of them waits, and so nobody can unlock between a
 * refusal and the wait that follows it.
 */

#include "file_locks.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../backends/lock.h"
#include "../backends/time_source.h"
#include "../backends/waiting.h"

enum { BUCKETS = 1024, RECHECK_MS = 1000, DEADLOCK_STEPS = 10 };

enum lock_kind { KIND_FLOCK, KIND_POSIX };

/* Everything here is guarded by file_locks.lock. */
struct owner {
	struct owner *next;
	enum lock_kind kind;
	uint64_t id;
	int fd;           /* its own open file description of the shadow file */
	pid_t pid;        /* who asked last, for getlk */
	bool held;        /* may hold locks; false: holds none */
	unsigned callers; /* inside a request */
};

struct identity {
	struct identity *next;
	uint64_t ino;
	int shadow_fd;
	struct owner *owners;
	unsigned callers;       /* inside a request: keeps it from being freed */
	uint64_t changes;       /* +1 for whatever may let a waiter through */
	pthread_cond_t changed; /* changes moved, or file_locks.wakes */
};

struct file_locks {
	struct lock lock; /* RANK_FILE_LOCKS */
	uint64_t wakes;   /* +1 per file_locks_wake */
	struct waiter *waiters;
	struct identity *buckets[BUCKETS];
};

struct file_locks *file_locks_new(void)
{
	struct file_locks *locks = calloc(1, sizeof(*locks));
	if (locks != NULL)
		lock_init(&locks->lock, RANK_FILE_LOCKS);
	return locks;
}

static struct identity **bucket_of(struct file_locks *locks, uint64_t ino)
{
	return &locks->buckets[(ino * 0x9e3779b97f4a7c15u) >> 54];
}

static struct identity *identity_find_locked(struct file_locks *locks, uint64_t ino)
{
	struct identity *i = *bucket_of(locks, ino);
	while (i != NULL && i->ino != ino)
		i = i->next;
	return i;
}

static struct identity *identity_get_locked(struct file_locks *locks, uint64_t ino)
{
	struct identity *i = identity_find_locked(locks, ino);
	if (i != NULL)
		return i;
	i = calloc(1, sizeof(*i));
	if (i == NULL)
		return NULL;
	i->ino = ino;
	i->shadow_fd = memfd_create("cachefs-lock", MFD_CLOEXEC);
	if (i->shadow_fd < 0) {
		free(i);
		return NULL;
	}
	condition_init(&i->changed);
	i->next = *bucket_of(locks, ino);
	*bucket_of(locks, ino) = i;
	return i;
}

static void identity_free(struct identity *i)
{
	assert(i->owners == NULL && i->callers == 0);
	close(i->shadow_fd);
	pthread_cond_destroy(&i->changed);
	free(i);
}

static void identity_drop_if_idle_locked(struct file_locks *locks, struct identity *i)
{
	if (i->owners != NULL || i->callers != 0)
		return;
	struct identity **at = bucket_of(locks, i->ino);
	while (*at != i)
		at = &(*at)->next;
	*at = i->next;
	identity_free(i);
}

static void identity_changed_locked(struct identity *i)
{
	i->changes++;
	pthread_cond_broadcast(&i->changed);
}

static struct owner *owner_find(struct identity *i, enum lock_kind kind, uint64_t id)
{
	struct owner *o = i->owners;
	while (o != NULL && (o->id != id || o->kind != kind))
		o = o->next;
	return o;
}

static struct owner *owner_get(struct identity *i, enum lock_kind kind, uint64_t id)
{
	struct owner *o = owner_find(i, kind, id);
	if (o != NULL)
		return o;
	o = calloc(1, sizeof(*o));
	if (o == NULL)
		return NULL;
	char path[64];
	snprintf(path, sizeof(path), "/proc/self/fd/%d", i->shadow_fd);
	o->kind = kind;
	o->id = id;
	o->fd = open(path, O_RDWR | O_CLOEXEC);
	if (o->fd < 0) {
		free(o);
		return NULL;
	}
	o->next = i->owners;
	i->owners = o;
	return o;
}

static void owner_drop_if_idle(struct identity *i, struct owner *o)
{
	if (o->held || o->callers != 0)
		return;
	struct owner **at = &i->owners;
	while (*at != o)
		at = &(*at)->next;
	*at = o->next;
	close(o->fd);
	free(o);
}

void file_locks_free(struct file_locks *locks)
{
	if (locks == NULL)
		return;
	for (size_t b = 0; b < BUCKETS; b++) {
		while (locks->buckets[b] != NULL) {
			struct identity *i = locks->buckets[b];
			locks->buckets[b] = i->next;
			while (i->owners != NULL) {
				i->owners->held = false;
				owner_drop_if_idle(i, i->owners);
			}
			identity_free(i);
		}
	}
	lock_fini(&locks->lock);
	free(locks);
}

/* One request: either kind. */
struct request {
	enum lock_kind kind;
	int operation;     /* of flock, with LOCK_NB */
	struct flock lock; /* of fcntl, for F_OFD_SETLK */
};

/* A request that waits, on its thread's stack. */
struct waiter {
	struct waiter *next;
	struct identity *identity;
	struct owner *owner;
	const struct request *request;
};

static bool request_unlocks_all(const struct request *r)
{
	if (r->kind == KIND_FLOCK)
		return (r->operation & LOCK_UN) != 0;
	return r->lock.l_type == F_UNLCK && r->lock.l_start == 0 && r->lock.l_len == 0;
}

static bool request_locks(const struct request *r)
{
	if (r->kind == KIND_FLOCK)
		return (r->operation & LOCK_UN) == 0;
	return r->lock.l_type != F_UNLCK;
}

static int owner_ask(struct owner *o, const struct request *r)
{
	int rc;
	if (r->kind == KIND_FLOCK) {
		rc = flock(o->fd, r->operation);
	} else {
		struct flock lock = r->lock;
		rc = fcntl(o->fd, F_OFD_SETLK, &lock);
	}
	if (rc == 0)
		return 0;
	return errno == EACCES ? -EAGAIN : -errno;
}

/* Asks once, and tells those who wait if that may have let one through. 0 or -errno. */
static int owner_try_locked(struct identity *i, struct owner *o, const struct request *r)
{
	bool held = o->held;
	bool lost = false;
	int rc = owner_ask(o, r);
	if (rc == 0) {
		lost = held; /* unlocked or downgraded, perhaps */
		o->held = request_locks(r) || (held && !request_unlocks_all(r));
	} else if (r->kind == KIND_FLOCK && rc == -EAGAIN) {
		lost = held; /* a refused conversion has lost the old lock: flock(2) */
		o->held = false;
	}
	if (lost)
		identity_changed_locked(i);
	return rc;
}

/* "lock:\t1: OFDLCK ADVISORY  WRITE -1 00:01:1027 10 19" or "... 0 EOF" starts at `start`? */
static bool fdinfo_line_starts_at(const char *line, off_t start)
{
	long long from;
	return strncmp(line, "lock:", 5) == 0 &&
	       sscanf(line, "lock: %*d: OFDLCK %*s %*s %*d %*s %lld", &from) == 1 && from == start;
}

/* Whether this description holds a lock that starts there: the kernel doesn't say whose it is. */
static bool owner_holds_at(const struct owner *o, off_t start)
{
	char path[64];
	char line[256];
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", o->fd);
	FILE *info = fopen(path, "re");
	if (info == NULL)
		return false;
	bool found = false;
	while (!found && fgets(line, sizeof(line), info) != NULL)
		found = fdinfo_line_starts_at(line, start);
	fclose(info);
	return found;
}

static const struct owner *holder_locked(const struct identity *i, uint64_t asker, off_t start)
{
	const struct owner *o = i->owners;
	while (o != NULL &&
	       !(o->kind == KIND_POSIX && o->held && o->id != asker && owner_holds_at(o, start)))
		o = o->next;
	return o;
}

/* Whose lock is in the way of a request; NULL: nobody's, now. */
static const struct owner *blocker_locked(const struct waiter *w)
{
	struct flock lock = w->request->lock;
	if (fcntl(w->owner->fd, F_OFD_GETLK, &lock) != 0 || lock.l_type == F_UNLCK)
		return NULL;
	return holder_locked(w->identity, w->owner->id, lock.l_start);
}

static const struct waiter *wait_of_locked(const struct file_locks *locks, uint64_t owner)
{
	const struct waiter *w = locks->waiters;
	while (w != NULL && (w->owner->id != owner || w->owner->kind != KIND_POSIX))
		w = w->next;
	return w;
}

/* Whether one waits, by way of others, for an owner that waits for one: fcntl(2), as Linux does it.
 * flock(2) has no such answer. */
static bool would_deadlock_locked(const struct file_locks *locks, const struct waiter *asker)
{
	const struct waiter *w = asker;
	for (int steps = 0; w != NULL && steps < DEADLOCK_STEPS; steps++) {
		const struct owner *blocker = blocker_locked(w);
		if (blocker == NULL)
			return false;
		if (blocker->id == asker->owner->id)
			return true;
		w = wait_of_locked(locks, blocker->id);
	}
	return false;
}

static void waiter_remove_locked(struct file_locks *locks, const struct waiter *w)
{
	struct waiter **at = &locks->waiters;
	while (*at != w)
		at = &(*at)->next;
	*at = w->next;
}

static bool wait_is_interrupted(const struct file_lock_wait *wait)
{
	return wait->interrupted != NULL && wait->interrupted(wait->self);
}

static int owner_wait_locked(struct file_locks *locks, const struct waiter *w,
			     const struct file_lock_wait *wait)
{
	struct identity *i = w->identity;
	bool handed_over = false;
	for (;;) {
		uint64_t wakes = locks->wakes;
		int rc = owner_try_locked(i, w->owner, w->request);
		if (rc != -EAGAIN)
			return rc;
		if (w->request->kind == KIND_POSIX && would_deadlock_locked(locks, w))
			return -EDEADLK;
		uint64_t changes = i->changes;

		lock_release(&locks->lock);
		if (!handed_over)
			waiting_begin();
		handed_over = true;
		bool interrupted = wait_is_interrupted(wait);
		lock_take(&locks->lock);
		if (interrupted)
			return -EINTR;

		struct timespec deadline = time_deadline(RECHECK_MS);
		if (i->changes == changes && locks->wakes == wakes)
			condition_wait_until(&i->changed, &locks->lock, &deadline);
	}
}

static int owner_ask_and_wait_locked(struct file_locks *locks, struct identity *i, struct owner *o,
				     const struct request *r, const struct file_lock_wait *wait)
{
	int rc = owner_try_locked(i, o, r);
	if (rc != -EAGAIN || wait == NULL || !wait->wait)
		return rc;
	struct waiter w = { .next = locks->waiters, .identity = i, .owner = o, .request = r };
	locks->waiters = &w;
	rc = owner_wait_locked(locks, &w, wait);
	waiter_remove_locked(locks, &w);
	return rc;
}

static int request_run_locked(struct file_locks *locks, uint64_t ino, uint64_t id, pid_t pid,
			      const struct request *r, const struct file_lock_wait *wait)
{
	struct identity *i = request_locks(r) ? identity_get_locked(locks, ino)
					      : identity_find_locked(locks, ino);
	if (i == NULL)
		return request_locks(r) ? -ENOLCK : 0;
	struct owner *o = owner_get(i, r->kind, id);
	int rc = -ENOLCK;
	if (o != NULL) {
		if (pid != 0) /* an unlock does not say */
			o->pid = pid;
		o->callers++;
		i->callers++;
		rc = owner_ask_and_wait_locked(locks, i, o, r, wait);
		i->callers--;
		o->callers--;
		owner_drop_if_idle(i, o);
	}
	identity_drop_if_idle_locked(locks, i);
	return rc;
}

int file_locks_flock(struct file_locks *locks, uint64_t ino, uint64_t owner, int operation,
		     const struct file_lock_wait *wait)
{
	struct request r = { .kind = KIND_FLOCK, .operation = operation | LOCK_NB };
	lock_take(&locks->lock);
	int rc = request_run_locked(locks, ino, owner, 0, &r, wait);
	lock_release(&locks->lock);
	return rc;
}

int file_locks_setlk(struct file_locks *locks, uint64_t ino, uint64_t owner,
		     const struct flock *lock, const struct file_lock_wait *wait)
{
	struct request r = { .kind = KIND_POSIX, .lock = *lock };
	r.lock.l_pid = 0; /* F_OFD_SETLK wants it so */
	r.lock.l_whence = SEEK_SET;
	lock_take(&locks->lock);
	int rc = request_run_locked(locks, ino, owner, lock->l_pid, &r, wait);
	lock_release(&locks->lock);
	return rc;
}

static int getlk_locked(struct file_locks *locks, uint64_t ino, uint64_t id, struct flock *lock)
{
	struct identity *i = identity_find_locked(locks, ino);
	if (i == NULL) {
		lock->l_type = F_UNLCK;
		return 0;
	}
	struct owner *o = owner_get(i, KIND_POSIX, id);
	if (o == NULL)
		return -ENOLCK;
	lock->l_pid = 0;
	lock->l_whence = SEEK_SET;
	int rc = fcntl(o->fd, F_OFD_GETLK, lock) == 0 ? 0 : -errno;
	if (rc == 0 && lock->l_type != F_UNLCK) {
		const struct owner *holder = holder_locked(i, id, lock->l_start);
		lock->l_pid = holder != NULL ? holder->pid : 0;
	}
	owner_drop_if_idle(i, o);
	return rc;
}

int file_locks_getlk(struct file_locks *locks, uint64_t ino, uint64_t owner, struct flock *lock)
{
	lock_take(&locks->lock);
	int rc = getlk_locked(locks, ino, owner, lock);
	lock_release(&locks->lock);
	return rc;
}

/* A waiting request of the same owner keeps the description; all it holds goes now. */
static void end_all(struct file_locks *locks, uint64_t ino, uint64_t id, const struct request *r)
{
	lock_take(&locks->lock);
	struct identity *i = identity_find_locked(locks, ino);
	struct owner *o = i == NULL ? NULL : owner_find(i, r->kind, id);
	if (o != NULL) {
		owner_try_locked(i, o, r);
		o->held = false;
		owner_drop_if_idle(i, o);
		identity_drop_if_idle_locked(locks, i);
	}
	lock_release(&locks->lock);
}

void file_locks_end_posix(struct file_locks *locks, uint64_t ino, uint64_t owner)
{
	end_all(locks, ino, owner,
		&(struct request){ .kind = KIND_POSIX, .lock = { .l_type = F_UNLCK } });
}

void file_locks_end_flock(struct file_locks *locks, uint64_t ino, uint64_t owner)
{
	end_all(locks, ino, owner, &(struct request){ .kind = KIND_FLOCK, .operation = LOCK_UN });
}

void file_locks_wake(struct file_locks *locks)
{
	lock_take(&locks->lock);
	locks->wakes++;
	for (size_t b = 0; b < BUCKETS; b++) {
		for (struct identity *i = locks->buckets[b]; i != NULL; i = i->next)
			pthread_cond_broadcast(&i->changed);
	}
	lock_release(&locks->lock);
}
