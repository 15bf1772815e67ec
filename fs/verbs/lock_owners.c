/* See lock_owners.h. */
#include "verbs/lock_owners.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/log.h"

/* An owner's description or a file's shadow. False: locks have all the descriptors they may have.
 */
static bool descriptor_take_locked(struct file_locks *locks)
{
	assert(lock_is_held(&locks->lock));
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

struct lock_user *lock_user_locked(struct file_locks *locks, uid_t uid)
{
	assert(lock_is_held(&locks->lock));
	return &locks->users[uid % LOCK_UIDS];
}

/* Whether that user may have one owner more: it takes two descriptors with a file of its own. */
static bool user_may_own_locked(struct file_locks *locks, uid_t uid)
{
	uint64_t quarter = locks->descriptor_max / 4;

	assert(lock_is_held(&locks->lock));
	return uid == locks->uid ||
	       lock_user_locked(locks, uid)->owners <
		       (quarter < FILE_LOCKS_OWNERS ? quarter : FILE_LOCKS_OWNERS);
}

static void descriptor_give_back_locked(struct file_locks *locks, int fd)
{
	assert(lock_is_held(&locks->lock));
	if (fd >= 0)
		close(fd);
	assert(locks->descriptors > 0);
	locks->descriptors--;
}

/* No identity or no owner, by errno: to the program that is ENOLCK, as for any other reason. rc 0:
 * there is an owner, for which both were needed. */
static void note_owner_locked(struct file_locks *locks, int rc)
{
	assert(lock_is_held(&locks->lock));
	shortage_note(&locks->owners, locks->time, "make a lock", rc);
}

size_t lock_bucket_number(uint64_t number)
{
	return (number * 0x9e3779b97f4a7c15u) >> 54;
}

static struct lock_identity **bucket_of(struct file_locks *locks, uint64_t ino)
{
	return &locks->buckets[lock_bucket_number(ino)];
}

struct lock_identity *lock_identity_find_locked(struct file_locks *locks, uint64_t ino)
{
	assert(lock_is_held(&locks->lock));
	struct lock_identity *i = *bucket_of(locks, ino);
	while (i != NULL && i->ino != ino)
		i = i->next;
	return i;
}

struct lock_identity *lock_identity_get_locked(struct file_locks *locks, uint64_t ino)
{
	assert(lock_is_held(&locks->lock));
	struct lock_identity *i = lock_identity_find_locked(locks, ino);
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

static void identity_free_locked(struct file_locks *locks, struct lock_identity *i)
{
	assert(lock_is_held(&locks->lock));
	assert(i->owners == NULL && TAILQ_EMPTY(&i->waits));
	descriptor_give_back_locked(locks, i->shadow_fd);
	free(i);
}

void lock_identity_drop_if_idle_locked(struct file_locks *locks, struct lock_identity *i)
{
	assert(lock_is_held(&locks->lock));
	if (i->owners != NULL)
		return;
	struct lock_identity **at = bucket_of(locks, i->ino);
	while (*at != i)
		at = &(*at)->next;
	*at = i->next;
	identity_free_locked(locks, i);
}

struct lock_owner *lock_owner_find_locked(struct lock_identity *i, enum file_lock_kind kind,
					  uint64_t id)
{
	struct lock_owner *o = i->owners;
	while (o != NULL && (o->id != id || o->kind != kind))
		o = o->next;
	return o;
}

struct lock_owner *lock_owner_get_locked(struct file_locks *locks, struct lock_identity *i,
					 enum file_lock_kind kind, uint64_t id, uid_t uid)
{
	assert(lock_is_held(&locks->lock));
	struct lock_owner *o = lock_owner_find_locked(i, kind, id);
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
	lock_user_locked(locks, uid)->owners++;
	o->next = i->owners;
	i->owners = o;
	return o;
}

/* Of what the owner holds. */
static void note_ranges_locked(struct file_locks *locks, struct lock_identity *i,
			       const struct lock_owner *o, size_t before, size_t now)
{
	assert(lock_is_held(&locks->lock));
	struct lock_user *u = lock_user_locked(locks, o->uid);
	u->ranges = (unsigned)(u->ranges + now - before);
	i->ranges = i->ranges + now - before;
}

void lock_owner_drop_if_idle_locked(struct file_locks *locks, struct lock_identity *i,
				    struct lock_owner *o)
{
	assert(lock_is_held(&locks->lock));
	if (o->held || o->waits != 0)
		return;
	struct lock_owner **at = &i->owners;
	while (*at != o)
		at = &(*at)->next;
	*at = o->next;
	assert(lock_user_locked(locks, o->uid)->owners > 0);
	lock_user_locked(locks, o->uid)->owners--;
	note_ranges_locked(locks, i, o, o->ranges.count, 0);
	lock_ranges_fini(&o->ranges);
	descriptor_give_back_locked(locks, o->fd);
	free(o);
}

void lock_owners_free(struct file_locks *locks)
{
	for (size_t b = 0; b < LOCK_BUCKETS; b++) {
		while (locks->buckets[b] != NULL) {
			struct lock_identity *i = locks->buckets[b];
			locks->buckets[b] = i->next;
			while (i->owners != NULL) {
				i->owners->held = false;
				lock_owner_drop_if_idle_locked(locks, i, i->owners);
			}
			identity_free_locked(locks, i);
		}
	}
}

bool lock_request_locks(const struct file_lock_request *r)
{
	if (r->kind == KIND_FLOCK)
		return (r->operation & LOCK_UN) == 0;
	return r->lock.l_type != F_UNLCK;
}

static int owner_ask(struct lock_owner *o, const struct file_lock_request *r)
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

int64_t lock_last_of(const struct flock *lock)
{
	return lock->l_len == 0 ? INT64_MAX : (int64_t)lock->l_start + lock->l_len - 1;
}

/* Room to note what is about to be locked. 0 or -ENOLCK. */
static int ranges_admit_locked(struct file_locks *locks, const struct lock_identity *i,
			       struct lock_owner *o, const struct file_lock_request *r)
{
	assert(lock_is_held(&locks->lock));
	if (r->kind != KIND_POSIX)
		return 0;
	bool more = r->lock.l_type != F_UNLCK;
	if (more && (o->ranges.count >= FILE_LOCKS_OF_OWNER || i->ranges >= FILE_LOCKS_OF_FILE ||
		     (o->uid != locks->uid &&
		      lock_user_locked(locks, o->uid)->ranges >= FILE_LOCKS_RANGES)))
		return -ENOLCK;
	return lock_ranges_reserve(&o->ranges) < 0 ? -ENOLCK : 0;
}

int lock_owner_try_locked(struct file_locks *locks, struct lock_identity *i, struct lock_owner *o,
			  const struct file_lock_request *r)
{
	assert(lock_is_held(&locks->lock));
	bool held = o->held;
	bool lost = false;
	int rc = ranges_admit_locked(locks, i, o, r);
	if (rc < 0)
		return rc;
	rc = owner_ask(o, r);
	if (rc == 0 && r->kind == KIND_POSIX) {
		size_t before = o->ranges.count;
		lock_ranges_set(&o->ranges, r->lock.l_start, lock_last_of(&r->lock),
				r->lock.l_type);
		note_ranges_locked(locks, i, o, before, o->ranges.count);
	}
	if (rc == 0) {
		lost = held; /* unlocked or downgraded, perhaps */
		o->held = r->kind == KIND_POSIX ? o->ranges.count > 0 : lock_request_locks(r);
	} else if (r->kind == KIND_FLOCK && rc == -EAGAIN) {
		lost = held; /* a refused conversion has lost the old lock: flock(2) */
		o->held = false;
	}
	i->changed = i->changed || lost;
	return rc;
}
