/*
 * flock and POSIX locks by identity. Whether two locks conflict, how ranges split and merge and
 * what a conversion does is the kernel's business: each owner has an open file description of a
 * shadow file, and all we do is ask without waiting. A request that has to wait is kept, and asked
 * for again, in the order of arrival, by whoever has unlocked something of that file.
 *
 * The system calls are made under the lock: none of them waits, and so nobody can unlock between a
 * refusal and the wait that follows it, and nobody who comes later gets in between an unlock and
 * the one who waits for it. Those who are through are answered when the lock has been released.
 */

#include "verbs/file_locks.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/lock.h"
#include "base/log.h"
#include "base/time_source.h"
#include "verbs/lock_ranges.h"
#include "verbs/shortage.h"

enum { BUCKETS = 1024, DEADLOCK_STEPS = 10, UIDS = 4096 };

TAILQ_HEAD(waits, file_lock_wait);
LIST_HEAD(wait_bucket, file_lock_wait);

/* What one user has. */
struct user {
	unsigned owners, waits, ranges;
};

/* Everything here is guarded by file_locks.lock. */
struct owner {
	struct owner *next;
	enum file_lock_kind kind;
	uint64_t id;
	int fd;         /* its own open file description of the shadow file */
	pid_t pid;      /* who asked last, for getlk */
	bool held;      /* may hold locks; false: holds none */
	unsigned waits; /* requests that wait */
	uid_t uid;      /* who asked first, and is charged */
	struct lock_ranges ranges; /* POSIX: what it holds */
};

struct identity {
	struct identity *next;
	uint64_t ino;
	int shadow_fd;
	struct owner *owners; /* who waits is one */
	struct waits waits;   /* in the order of arrival */
	size_t ranges;        /* that are locked, of all owners */
	bool changed;         /* something was given up: those who wait are to be asked for */
};

struct file_locks {
	struct lock lock;        /* RANK_FILE_LOCKS */
	struct waits waits;      /* all of them, in the order of arrival */
	unsigned wait_count;     /* how many */
	struct wait_bucket waiting[BUCKETS]; /* those for POSIX locks, by owner */
	uid_t uid;                           /* the process's: it has no share */
	struct user users[UIDS];
	uint64_t descriptors;    /* that locks take */
	uint64_t descriptor_max; /* half of what the process may have */
	bool told_full;          /* said so in the log */
	struct shortage owners;  /* descriptors and memory for identities and owners */
	bool ended;              /* nobody waits any more */
	struct identity *buckets[BUCKETS];
};

static uint64_t half_of_the_descriptors(void)
{
	struct rlimit limit;
	return getrlimit(RLIMIT_NOFILE, &limit) == 0 ? limit.rlim_cur / 2 : 512;
}

struct file_locks *file_locks_new(void)
{
	struct file_locks *locks = calloc(1, sizeof(*locks));
	if (locks == NULL)
		return NULL;
	lock_init(&locks->lock, RANK_FILE_LOCKS);
	TAILQ_INIT(&locks->waits);
	locks->uid = getuid();
	locks->descriptor_max = half_of_the_descriptors();
	return locks;
}

/* An owner's description or a file's shadow. False: locks have all the descriptors they may have.
 */
static bool descriptor_take_locked(struct file_locks *locks)
{
	if (locks->descriptors < locks->descriptor_max) {
		locks->descriptors++;
		return true;
	}
	if (!locks->told_full)
		log_warning(
			"locks take %llu descriptors, half of what the daemon may have; further "
			"ones are refused with ENOLCK",
			(unsigned long long)locks->descriptors);
	locks->told_full = true;
	return false;
}

static struct user *user_locked(struct file_locks *locks, uid_t uid)
{
	return &locks->users[uid % UIDS];
}

/* Whether that user may have one owner more: it takes two descriptors with a file of its own. */
static bool user_may_own_locked(struct file_locks *locks, uid_t uid)
{
	uint64_t quarter = locks->descriptor_max / 4;

	return uid == locks->uid ||
	       user_locked(locks, uid)->owners <
		       (quarter < FILE_LOCKS_OWNERS ? quarter : FILE_LOCKS_OWNERS);
}

static void descriptor_give_back_locked(struct file_locks *locks, int fd)
{
	if (fd >= 0)
		close(fd);
	locks->descriptors--;
}

/* No identity or no owner, by errno: to the program that is ENOLCK, as for any other reason. rc 0:
 * there is an owner, for which both were needed. */
static void note_owner_locked(struct file_locks *locks, int rc)
{
	shortage_note(&locks->owners, "make a lock", rc);
}

static size_t bucket_number(uint64_t number)
{
	return (number * 0x9e3779b97f4a7c15u) >> 54;
}

static struct identity **bucket_of(struct file_locks *locks, uint64_t ino)
{
	return &locks->buckets[bucket_number(ino)];
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
	if (!descriptor_take_locked(locks))
		return NULL;
	i = calloc(1, sizeof(*i));
	int fd = i != NULL ? memfd_create("cachefs-lock", MFD_CLOEXEC) : -1;
	if (fd < 0) {
		note_owner_locked(locks, -errno);
		descriptor_give_back_locked(locks, fd);
		free(i);
		return NULL;
	}
	i->ino = ino;
	i->shadow_fd = fd;
	TAILQ_INIT(&i->waits);
	i->next = *bucket_of(locks, ino);
	*bucket_of(locks, ino) = i;
	return i;
}

static void identity_free_locked(struct file_locks *locks, struct identity *i)
{
	assert(i->owners == NULL && TAILQ_EMPTY(&i->waits));
	descriptor_give_back_locked(locks, i->shadow_fd);
	free(i);
}

static void identity_drop_if_idle_locked(struct file_locks *locks, struct identity *i)
{
	if (i->owners != NULL)
		return;
	struct identity **at = bucket_of(locks, i->ino);
	while (*at != i)
		at = &(*at)->next;
	*at = i->next;
	identity_free_locked(locks, i);
}

static struct owner *owner_find(struct identity *i, enum file_lock_kind kind, uint64_t id)
{
	struct owner *o = i->owners;
	while (o != NULL && (o->id != id || o->kind != kind))
		o = o->next;
	return o;
}

static struct owner *owner_get_locked(struct file_locks *locks, struct identity *i,
				      enum file_lock_kind kind, uint64_t id, uid_t uid)
{
	struct owner *o = owner_find(i, kind, id);
	if (o != NULL || !user_may_own_locked(locks, uid) || !descriptor_take_locked(locks))
		return o;
	char path[64];
	snprintf(path, sizeof(path), "/proc/self/fd/%d", i->shadow_fd);
	o = calloc(1, sizeof(*o));
	int fd = o != NULL ? open(path, O_RDWR | O_CLOEXEC) : -1;
	note_owner_locked(locks, fd < 0 ? -errno : 0);
	if (fd < 0) {
		descriptor_give_back_locked(locks, fd);
		free(o);
		return NULL;
	}
	o->kind = kind;
	o->id = id;
	o->fd = fd;
	o->uid = uid;
	user_locked(locks, uid)->owners++;
	o->next = i->owners;
	i->owners = o;
	return o;
}

/* Of what the owner holds. */
static void note_ranges_locked(struct file_locks *locks, struct identity *i, const struct owner *o,
			       size_t before, size_t now)
{
	struct user *u = user_locked(locks, o->uid);
	u->ranges = (unsigned)(u->ranges + now - before);
	i->ranges = i->ranges + now - before;
}

static void owner_drop_if_idle_locked(struct file_locks *locks, struct identity *i, struct owner *o)
{
	if (o->held || o->waits != 0)
		return;
	struct owner **at = &i->owners;
	while (*at != o)
		at = &(*at)->next;
	*at = o->next;
	user_locked(locks, o->uid)->owners--;
	note_ranges_locked(locks, i, o, o->ranges.count, 0);
	lock_ranges_fini(&o->ranges);
	descriptor_give_back_locked(locks, o->fd);
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
				owner_drop_if_idle_locked(locks, i, i->owners);
			}
			identity_free_locked(locks, i);
		}
	}
	lock_fini(&locks->lock);
	free(locks);
}

static bool request_locks(const struct file_lock_request *r)
{
	if (r->kind == KIND_FLOCK)
		return (r->operation & LOCK_UN) == 0;
	return r->lock.l_type != F_UNLCK;
}

static int owner_ask(struct owner *o, const struct file_lock_request *r)
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

static int64_t last_of(const struct flock *lock)
{
	return lock->l_len == 0 ? INT64_MAX : (int64_t)lock->l_start + lock->l_len - 1;
}

/* Room to note what is about to be locked. 0 or -ENOLCK. */
static int ranges_admit_locked(struct file_locks *locks, const struct identity *i, struct owner *o,
			       const struct file_lock_request *r)
{
	if (r->kind != KIND_POSIX)
		return 0;
	bool more = r->lock.l_type != F_UNLCK;
	if (more && (o->ranges.count >= FILE_LOCKS_OF_OWNER || i->ranges >= FILE_LOCKS_OF_FILE ||
		     (o->uid != locks->uid &&
		      user_locked(locks, o->uid)->ranges >= FILE_LOCKS_RANGES)))
		return -ENOLCK;
	return lock_ranges_reserve(&o->ranges) < 0 ? -ENOLCK : 0;
}

/* Asks once, and notes whether that may have let through one who waits. 0 or -errno. */
static int owner_try_locked(struct file_locks *locks, struct identity *i, struct owner *o,
			    const struct file_lock_request *r)
{
	bool held = o->held;
	bool lost = false;
	int rc = ranges_admit_locked(locks, i, o, r);
	if (rc < 0)
		return rc;
	rc = owner_ask(o, r);
	if (rc == 0 && r->kind == KIND_POSIX) {
		size_t before = o->ranges.count;
		lock_ranges_set(&o->ranges, r->lock.l_start, last_of(&r->lock), r->lock.l_type);
		note_ranges_locked(locks, i, o, before, o->ranges.count);
	}
	if (rc == 0) {
		lost = held; /* unlocked or downgraded, perhaps */
		o->held = r->kind == KIND_POSIX ? o->ranges.count > 0 : request_locks(r);
	} else if (r->kind == KIND_FLOCK && rc == -EAGAIN) {
		lost = held; /* a refused conversion has lost the old lock: flock(2) */
		o->held = false;
	}
	i->changed = i->changed || lost;
	return rc;
}

/* Whose lock that is. */
static const struct owner *holder_locked(const struct identity *i, uint64_t asker, off_t start)
{
	const struct owner *o = i->owners;
	while (o != NULL && !(o->kind == KIND_POSIX && o->id != asker &&
			      lock_ranges_cover(&o->ranges, start)))
		o = o->next;
	return o;
}

/* ---- who waits ---- */

/* Whose lock is in the way of a request; NULL: nobody's, now. */
static const struct owner *blocker_locked(const struct file_lock_wait *w)
{
	struct flock lock = w->request.lock;
	if (fcntl(w->owner->fd, F_OFD_GETLK, &lock) != 0 || lock.l_type == F_UNLCK)
		return NULL;
	return holder_locked(w->identity, w->owner->id, lock.l_start);
}

static const struct file_lock_wait *wait_of_locked(const struct file_locks *locks, uint64_t owner)
{
	const struct file_lock_wait *w = LIST_FIRST(&locks->waiting[bucket_number(owner)]);
	while (w != NULL && w->owner->id != owner)
		w = LIST_NEXT(w, in_bucket);
	return w;
}

/* Whether one waits, by way of others, for an owner that waits for one: fcntl(2), as Linux does it.
 * flock(2) has no such answer. */
static bool would_deadlock_locked(const struct file_locks *locks,
				  const struct file_lock_wait *asker)
{
	const struct file_lock_wait *w = asker;
	if (asker->request.kind != KIND_POSIX)
		return false;
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

/* Whether one who holds something here waits for something: what a circle needs. It is looked for
 * once, for a thousand who wait for one that does not. */
static bool a_holder_waits_locked(const struct file_locks *locks, const struct identity *i)
{
	const struct owner *o = i->owners;
	while (o != NULL &&
	       !(o->kind == KIND_POSIX && o->held && wait_of_locked(locks, o->id) != NULL))
		o = o->next;
	return o != NULL;
}

static void wait_begin_locked(struct file_locks *locks, struct file_lock_wait *w)
{
	w->since_ms = time_mono_ms(&time_system);
	w->state = FILE_LOCK_WAITS;
	w->owner->waits++;
	TAILQ_INSERT_TAIL(&w->identity->waits, w, in_identity);
	TAILQ_INSERT_TAIL(&locks->waits, w, in_all);
	if (w->owner->kind == KIND_POSIX)
		LIST_INSERT_HEAD(&locks->waiting[bucket_number(w->owner->id)], w, in_bucket);
	user_locked(locks, w->owner->uid)->waits++;
	locks->wait_count++;
}

/* Adds it to those who are to be answered when the lock has been released. */
static void wait_end_locked(struct file_locks *locks, struct file_lock_wait *w, int rc,
			    struct waits *answers)
{
	struct identity *i = w->identity;
	TAILQ_REMOVE(&i->waits, w, in_identity);
	TAILQ_REMOVE(&locks->waits, w, in_all);
	if (w->owner->kind == KIND_POSIX)
		LIST_REMOVE(w, in_bucket);
	user_locked(locks, w->owner->uid)->waits--;
	locks->wait_count--;
	w->rc = rc;
	w->state = FILE_LOCK_ANSWERED;
	TAILQ_INSERT_TAIL(answers, w, in_all);
	w->owner->waits--;
	owner_drop_if_idle_locked(locks, i, w->owner);
}

/* Asks for all who wait here. Whoever takes a flock for himself leaves nothing for the others. */
static void identity_ask_locked(struct file_locks *locks, struct identity *i, struct waits *answers)
{
	bool flock_is_taken = false;
	bool circles = a_holder_waits_locked(locks, i);
	struct file_lock_wait *next;
	for (struct file_lock_wait *w = TAILQ_FIRST(&i->waits); w != NULL; w = next) {
		const struct file_lock_request *r = &w->request;
		next = TAILQ_NEXT(w, in_identity);
		if (r->kind == KIND_FLOCK && flock_is_taken)
			continue;
		int rc = owner_try_locked(locks, i, w->owner, r);
		if (rc == -EAGAIN && circles && would_deadlock_locked(locks, w))
			rc = -EDEADLK;
		if (rc == 0 && r->kind == KIND_FLOCK)
			flock_is_taken = (r->operation & LOCK_EX) != 0;
		if (rc != -EAGAIN)
			wait_end_locked(locks, w, rc, answers);
	}
}

/* After a request: those whom it has let through, and then whom they have. */
static void identity_settle_locked(struct file_locks *locks, struct identity *i,
				   struct waits *answers)
{
	while (i->changed) {
		i->changed = false;
		identity_ask_locked(locks, i, answers);
	}
	identity_drop_if_idle_locked(locks, i);
}

static void answer_all(struct waits *answers)
{
	struct file_lock_wait *next;
	for (struct file_lock_wait *w = TAILQ_FIRST(answers); w != NULL; w = next) {
		next = TAILQ_NEXT(w, in_all);
		w->answer(w, w->rc);
	}
}

/* ---- requests ---- */

/* What a wait is refused with; 0: it is one now. */
static int wait_or_refuse_locked(struct file_locks *locks, struct file_lock_wait *w)
{
	if (w->state == FILE_LOCK_INTERRUPTED)
		return -EINTR;
	bool has_share = w->owner->uid != locks->uid;
	if (locks->ended || (has_share && user_locked(locks, w->owner->uid)->waits >=
						  FILE_LOCKS_WAITS))
		return -ENOLCK;
	if (would_deadlock_locked(locks, w))
		return -EDEADLK;
	wait_begin_locked(locks, w);
	return -EINPROGRESS;
}

static int request_run_locked(struct file_locks *locks, uint64_t ino, uint64_t id, uid_t uid,
			      pid_t pid, const struct file_lock_request *r, struct file_lock_wait *wait,
			      struct waits *answers)
{
	struct identity *i = request_locks(r) ? identity_get_locked(locks, ino)
					      : identity_find_locked(locks, ino);
	struct owner *o = NULL;
	int rc = request_locks(r) ? -ENOLCK : 0;
	if (i == NULL)
		return rc;
	o = request_locks(r) ? owner_get_locked(locks, i, r->kind, id, uid) : owner_find(i, r->kind, id);
	if (o != NULL) {
		if (pid != 0) /* an unlock does not say */
			o->pid = pid;
		rc = owner_try_locked(locks, i, o, r);
		if (rc == -EAGAIN && wait != NULL) {
			wait->identity = i;
			wait->owner = o;
			wait->request = *r;
			rc = wait_or_refuse_locked(locks, wait);
		}
		owner_drop_if_idle_locked(locks, i, o);
	}
	identity_settle_locked(locks, i, answers);
	return rc;
}

static int request_run(struct file_locks *locks, uint64_t ino, uint64_t id, uid_t uid, pid_t pid,
		       const struct file_lock_request *r, struct file_lock_wait *wait)
{
	struct waits answers = TAILQ_HEAD_INITIALIZER(answers);
	lock_take(&locks->lock);
	int rc = request_run_locked(locks, ino, id, uid, pid, r, wait, &answers);
	lock_release(&locks->lock);
	answer_all(&answers);
	return rc;
}

int file_locks_flock(struct file_locks *locks, uint64_t ino, uint64_t owner, uid_t uid,
		     int operation, struct file_lock_wait *wait)
{
	struct file_lock_request r = { .kind = KIND_FLOCK, .operation = operation | LOCK_NB };
	return request_run(locks, ino, owner, uid, 0, &r, wait);
}

int file_locks_setlk(struct file_locks *locks, uint64_t ino, uint64_t owner, uid_t uid,
		     const struct flock *lock, struct file_lock_wait *wait)
{
	struct file_lock_request r = { .kind = KIND_POSIX, .lock = *lock };
	r.lock.l_pid = 0; /* F_OFD_SETLK wants it so */
	r.lock.l_whence = SEEK_SET;
	return request_run(locks, ino, owner, uid, lock->l_pid, &r, wait);
}

int file_locks_getlk(struct file_locks *locks, uint64_t ino, uint64_t owner, struct flock *lock)
{
	const struct lock_range *found = NULL;
	lock_take(&locks->lock);
	const struct identity *i = identity_find_locked(locks, ino);
	const struct owner *o = i != NULL ? i->owners : NULL;
	while (o != NULL) {
		if (o->kind == KIND_POSIX && o->id != owner)
			found = lock_ranges_conflict(&o->ranges, lock->l_start, last_of(lock),
						     lock->l_type);
		if (found != NULL)
			break;
		o = o->next;
	}
	lock->l_type = F_UNLCK;
	if (found != NULL)
		*lock = (struct flock){
			.l_type = found->type,
			.l_whence = SEEK_SET,
			.l_start = found->start,
			.l_len = found->last == INT64_MAX ? 0 : found->last - found->start + 1,
			.l_pid = o->pid,
		};
	lock_release(&locks->lock);
	return 0;
}

bool file_locks_has_posix(struct file_locks *locks, uint64_t ino)
{
	lock_take(&locks->lock);
	const struct identity *i = identity_find_locked(locks, ino);
	const struct owner *o = i != NULL ? i->owners : NULL;
	while (o != NULL && o->kind != KIND_POSIX)
		o = o->next;
	lock_release(&locks->lock);
	return o != NULL;
}

/* A waiting request of the same owner keeps the description; all it holds goes now. */
static void end_all(struct file_locks *locks, uint64_t ino, uint64_t id,
		    const struct file_lock_request *r)
{
	struct waits answers = TAILQ_HEAD_INITIALIZER(answers);
	lock_take(&locks->lock);
	struct identity *i = identity_find_locked(locks, ino);
	struct owner *o = i == NULL ? NULL : owner_find(i, r->kind, id);
	if (o != NULL) {
		owner_try_locked(locks, i, o, r);
		o->held = false;
		owner_drop_if_idle_locked(locks, i, o);
		identity_settle_locked(locks, i, &answers);
	}
	lock_release(&locks->lock);
	answer_all(&answers);
}

void file_locks_end_posix(struct file_locks *locks, uint64_t ino, uint64_t owner)
{
	end_all(locks, ino, owner,
		&(struct file_lock_request){ .kind = KIND_POSIX, .lock = { .l_type = F_UNLCK } });
}

void file_locks_end_flock(struct file_locks *locks, uint64_t ino, uint64_t owner)
{
	end_all(locks, ino, owner,
		&(struct file_lock_request){ .kind = KIND_FLOCK, .operation = LOCK_UN });
}

/* ---- waits that end without a lock ---- */

static void give_up_locked(struct file_locks *locks, struct file_lock_wait *w, int rc,
			   struct waits *answers)
{
	struct identity *i = w->identity;
	wait_end_locked(locks, w, rc, answers);
	identity_drop_if_idle_locked(locks, i);
}

void file_locks_interrupt(struct file_locks *locks, struct file_lock_wait *wait)
{
	struct waits answers = TAILQ_HEAD_INITIALIZER(answers);
	lock_take(&locks->lock);
	if (wait->state == FILE_LOCK_WAITS)
		give_up_locked(locks, wait, -EINTR, &answers);
	else if (wait->state == FILE_LOCK_NEW)
		wait->state = FILE_LOCK_INTERRUPTED;
	lock_release(&locks->lock);
	answer_all(&answers);
}

unsigned file_locks_expire(struct file_locks *locks, int64_t since_ms)
{
	struct waits answers = TAILQ_HEAD_INITIALIZER(answers);
	struct file_lock_wait *w;
	unsigned count = 0;
	lock_take(&locks->lock);
	while ((w = TAILQ_FIRST(&locks->waits)) != NULL && w->since_ms <= since_ms) {
		give_up_locked(locks, w, -ENOLCK, &answers);
		count++;
	}
	lock_release(&locks->lock);
	answer_all(&answers);
	return count;
}

void file_locks_end(struct file_locks *locks)
{
	lock_take(&locks->lock);
	locks->ended = true;
	lock_release(&locks->lock);
	file_locks_expire(locks, INT64_MAX);
}

bool file_locks_any(struct file_locks *locks, uint64_t ino)
{
	lock_take(&locks->lock);
	bool any = identity_find_locked(locks, ino) != NULL;
	lock_release(&locks->lock);
	return any;
}

unsigned file_locks_waits(struct file_locks *locks)
{
	lock_take(&locks->lock);
	unsigned count = locks->wait_count;
	lock_release(&locks->lock);
	return count;
}
