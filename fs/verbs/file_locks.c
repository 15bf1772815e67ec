/*
 * flock and POSIX locks by identity. The kernel decides whether two locks conflict, how ranges
 * split and merge, and what a conversion does: each owner has an open file description of a shadow
 * file, and we only ask without waiting. A request that has to wait is kept. Whoever unlocks
 * something of that file asks again for the waiting requests, in the order of their arrival.
 *
 * The system calls are made under the lock; none of them waits. So nobody can unlock between a
 * refusal and the wait that follows it, and no later request gets in between an unlock and the
 * request that waits for it. Requests that got their lock are answered after the lock has been
 * released.
 */

#include "verbs/file_locks.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "verbs/lock_owners.h"

enum { DEADLOCK_STEPS = 10 };

static uint64_t half_of_the_descriptors(void)
{
	struct rlimit limit;
	return getrlimit(RLIMIT_NOFILE, &limit) == 0 ? limit.rlim_cur / 2 : 512;
}

struct file_locks *file_locks_new(const struct time_source *time)
{
	struct file_locks *locks = calloc(1, sizeof(*locks));
	if (locks == NULL)
		return NULL;
	lock_init(&locks->lock, RANK_FILE_LOCKS);
	TAILQ_INIT(&locks->waits);
	locks->time = time;
	locks->uid = getuid();
	locks->descriptor_max = half_of_the_descriptors();
	return locks;
}

void file_locks_free(struct file_locks *locks)
{
	if (locks == NULL)
		return;
	lock_take(&locks->lock);
	assert(locks->wait_count == 0);
	lock_owners_free(locks);
	lock_release(&locks->lock);
	lock_fini(&locks->lock);
	free(locks);
}

/* Whose lock that is. */
static const struct lock_owner *holder_locked(const struct lock_identity *i, uint64_t asker,
					      off_t start)
{
	const struct lock_owner *o = i->owners;
	while (o != NULL &&
	       !(o->kind == KIND_POSIX && o->id != asker && lock_ranges_cover(&o->ranges, start)))
		o = o->next;
	return o;
}

/* ---- who waits ---- */

/* Whose lock is in the way of a request; NULL: nobody's, now. */
static const struct lock_owner *blocker_locked(const struct file_lock_wait *w)
{
	struct flock lock = w->request.lock;
	if (fcntl(w->owner->fd, F_OFD_GETLK, &lock) != 0 || lock.l_type == F_UNLCK)
		return NULL;
	return holder_locked(w->identity, w->owner->id, lock.l_start);
}

static const struct file_lock_wait *wait_of_locked(const struct file_locks *locks, uint64_t owner)
{
	assert(lock_is_held(&locks->lock));
	const struct file_lock_wait *w = LIST_FIRST(&locks->waiting[lock_bucket_number(owner)]);
	while (w != NULL && w->owner->id != owner)
		w = LIST_NEXT(w, in_bucket);
	return w;
}

/* Whether one waits, by way of others, for an owner that waits for one: fcntl(2), as Linux does it.
 * flock(2) has no such answer. */
static bool would_deadlock_locked(const struct file_locks *locks,
				  const struct file_lock_wait *asker)
{
	assert(lock_is_held(&locks->lock));
	const struct file_lock_wait *w = asker;
	if (asker->request.kind != KIND_POSIX)
		return false;
	for (int steps = 0; w != NULL && steps < DEADLOCK_STEPS; steps++) {
		const struct lock_owner *blocker = blocker_locked(w);
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
static bool a_holder_waits_locked(const struct file_locks *locks, const struct lock_identity *i)
{
	assert(lock_is_held(&locks->lock));
	const struct lock_owner *o = i->owners;
	while (o != NULL &&
	       !(o->kind == KIND_POSIX && o->held && wait_of_locked(locks, o->id) != NULL))
		o = o->next;
	return o != NULL;
}

static void wait_begin_locked(struct file_locks *locks, struct file_lock_wait *w)
{
	assert(lock_is_held(&locks->lock));
	w->since_ms = time_mono_ms(locks->time);
	w->state = FILE_LOCK_WAITS;
	w->owner->waits++;
	TAILQ_INSERT_TAIL(&w->identity->waits, w, in_identity);
	TAILQ_INSERT_TAIL(&locks->waits, w, in_all);
	if (w->owner->kind == KIND_POSIX)
		LIST_INSERT_HEAD(&locks->waiting[lock_bucket_number(w->owner->id)], w, in_bucket);
	lock_user_locked(locks, w->owner->uid)->waits++;
	locks->wait_count++;
}

/* Adds it to those who are to be answered when the lock has been released. */
static void wait_end_locked(struct file_locks *locks, struct file_lock_wait *w, int rc,
			    struct lock_waits *answers)
{
	assert(lock_is_held(&locks->lock));
	struct lock_identity *i = w->identity;
	TAILQ_REMOVE(&i->waits, w, in_identity);
	TAILQ_REMOVE(&locks->waits, w, in_all);
	if (w->owner->kind == KIND_POSIX)
		LIST_REMOVE(w, in_bucket);
	lock_user_locked(locks, w->owner->uid)->waits--;
	assert(locks->wait_count > 0 && w->state == FILE_LOCK_WAITS);
	locks->wait_count--;
	w->rc = rc;
	w->state = FILE_LOCK_ANSWERED;
	TAILQ_INSERT_TAIL(answers, w, in_all);
	w->owner->waits--;
	lock_owner_drop_if_idle_locked(locks, i, w->owner);
}

/* Asks for all who wait here. Whoever takes a flock for himself leaves nothing for the others. */
static void identity_ask_locked(struct file_locks *locks, struct lock_identity *i,
				struct lock_waits *answers)
{
	assert(lock_is_held(&locks->lock));
	bool flock_is_taken = false;
	bool circles = a_holder_waits_locked(locks, i);
	struct file_lock_wait *next;
	for (struct file_lock_wait *w = TAILQ_FIRST(&i->waits); w != NULL; w = next) {
		const struct file_lock_request *r = &w->request;
		next = TAILQ_NEXT(w, in_identity);
		if (r->kind == KIND_FLOCK && flock_is_taken)
			continue;
		int rc = lock_owner_try_locked(locks, i, w->owner, r);
		if (rc == -EAGAIN && circles && would_deadlock_locked(locks, w))
			rc = -EDEADLK;
		if (rc == 0 && r->kind == KIND_FLOCK)
			flock_is_taken = (r->operation & LOCK_EX) != 0;
		if (rc != -EAGAIN)
			wait_end_locked(locks, w, rc, answers);
	}
}

/* After a request: those whom it has let through, and then whom they have. */
static void identity_settle_locked(struct file_locks *locks, struct lock_identity *i,
				   struct lock_waits *answers)
{
	assert(lock_is_held(&locks->lock));
	while (i->changed) {
		i->changed = false;
		identity_ask_locked(locks, i, answers);
	}
	lock_identity_drop_if_idle_locked(locks, i);
}

static void answer_all(struct lock_waits *answers)
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
	assert(lock_is_held(&locks->lock));
	if (w->state == FILE_LOCK_INTERRUPTED)
		return -EINTR;
	bool has_share = w->owner->uid != locks->uid;
	if (locks->ended ||
	    (has_share && lock_user_locked(locks, w->owner->uid)->waits >= FILE_LOCKS_WAITS))
		return -ENOLCK;
	if (would_deadlock_locked(locks, w))
		return -EDEADLK;
	wait_begin_locked(locks, w);
	return -EINPROGRESS;
}

static int request_run_locked(struct file_locks *locks, uint64_t ino, uint64_t id, uid_t uid,
			      pid_t pid, const struct file_lock_request *r,
			      struct file_lock_wait *wait, struct lock_waits *answers)
{
	assert(lock_is_held(&locks->lock));
	struct lock_identity *i = lock_request_locks(r) ? lock_identity_get_locked(locks, ino)
							: lock_identity_find_locked(locks, ino);
	struct lock_owner *o = NULL;
	int rc = lock_request_locks(r) ? -ENOLCK : 0;
	if (i == NULL)
		return rc;
	o = lock_request_locks(r) ? lock_owner_get_locked(locks, i, r->kind, id, uid)
				  : lock_owner_find_locked(i, r->kind, id);
	if (o != NULL) {
		if (pid != 0) /* an unlock does not say */
			o->pid = pid;
		rc = lock_owner_try_locked(locks, i, o, r);
		if (rc == -EAGAIN && wait != NULL) {
			wait->identity = i;
			wait->owner = o;
			wait->request = *r;
			rc = wait_or_refuse_locked(locks, wait);
		}
		lock_owner_drop_if_idle_locked(locks, i, o);
	}
	identity_settle_locked(locks, i, answers);
	return rc;
}

static int request_run(struct file_locks *locks, uint64_t ino, uint64_t id, uid_t uid, pid_t pid,
		       const struct file_lock_request *r, struct file_lock_wait *wait)
{
	struct lock_waits answers = TAILQ_HEAD_INITIALIZER(answers);
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
	const struct lock_identity *i = lock_identity_find_locked(locks, ino);
	const struct lock_owner *o = i != NULL ? i->owners : NULL;
	while (o != NULL) {
		if (o->kind == KIND_POSIX && o->id != owner)
			found = lock_ranges_conflict(&o->ranges, lock->l_start, lock_last_of(lock),
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
	const struct lock_identity *i = lock_identity_find_locked(locks, ino);
	const struct lock_owner *o = i != NULL ? i->owners : NULL;
	while (o != NULL && o->kind != KIND_POSIX)
		o = o->next;
	lock_release(&locks->lock);
	return o != NULL;
}

/* A waiting request of the same owner keeps the description; all it holds goes now. */
static void end_all(struct file_locks *locks, uint64_t ino, uint64_t id,
		    const struct file_lock_request *r)
{
	struct lock_waits answers = TAILQ_HEAD_INITIALIZER(answers);
	lock_take(&locks->lock);
	struct lock_identity *i = lock_identity_find_locked(locks, ino);
	struct lock_owner *o = i == NULL ? NULL : lock_owner_find_locked(i, r->kind, id);
	if (o != NULL) {
		lock_owner_try_locked(locks, i, o, r);
		o->held = false;
		lock_owner_drop_if_idle_locked(locks, i, o);
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
			   struct lock_waits *answers)
{
	assert(lock_is_held(&locks->lock));
	struct lock_identity *i = w->identity;
	wait_end_locked(locks, w, rc, answers);
	lock_identity_drop_if_idle_locked(locks, i);
}

void file_locks_interrupt(struct file_locks *locks, struct file_lock_wait *wait)
{
	struct lock_waits answers = TAILQ_HEAD_INITIALIZER(answers);
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
	struct lock_waits answers = TAILQ_HEAD_INITIALIZER(answers);
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
	bool any = lock_identity_find_locked(locks, ino) != NULL;
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
