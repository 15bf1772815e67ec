/*
 * The notifier: a queue of names, and the thread that notifies the kernel of each name.
 *
 * Every queued name gets a number; `settled` is the number up to which the kernel has been
 * notified. A bump of the mount's epoch takes no lock in the kernel and covers all names queued
 * before it. So the bump goes before the names, and a thread that waits in notifier_flush() does
 * the bump itself: the notifier's own thread may be stuck in a name whose directory somebody holds.
 */

#include "verbs/notifier.h"

#include <assert.h>
#include <errno.h>
#include <linux/fuse.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/lock.h"
#include "base/log.h"
#include "base/time_source.h"

enum { QUEUE_MAX = 4096, NOTIFY_INC_EPOCH = 8 };

struct entry {
	struct entry *next;
	uint64_t number;
	uint64_t parent;
	size_t name_size;
	char name[];
};

struct notifier {
	struct fuse_session *se;
	const struct time_source *time;
	pthread_t thread;
	struct lock lock;          /* RANK_NOTIFIER; guards what follows */
	pthread_cond_t work;       /* for the thread */
	pthread_cond_t progress;   /* settled or epochs_told moved */
	struct entry *head, *tail; /* not yet told, in rising numbers */
	uint64_t last;             /* the number given last */
	uint64_t settled;
	uint64_t epochs_asked, epochs_begun, epochs_told; /* bumps: rising in this order */
	bool stopping;
	struct notifier_stats stats;
};

static void entries_free(struct entry *e)
{
	while (e != NULL) {
		struct entry *next = e->next;
		free(e);
		e = next;
	}
}

static void settle_locked(struct notifier *n, uint64_t number)
{
	assert(lock_is_held(&n->lock));
	assert(number <= n->last);
	if (number > n->settled)
		n->settled = number;
	pthread_cond_broadcast(&n->progress);
}

/* Takes out what is numbered up to `number`; the caller frees it outside the lock. */
static struct entry *take_upto_locked(struct notifier *n, uint64_t number)
{
	struct entry *taken = n->head;
	struct entry **at = &n->head;
	struct entry *before = NULL;

	assert(lock_is_held(&n->lock));
	while (*at != NULL && (*at)->number <= number) {
		before = *at;
		at = &before->next;
		n->stats.queued--;
	}
	if (before == NULL)
		return NULL;
	n->head = before->next;
	if (n->head == NULL)
		n->tail = NULL;
	before->next = NULL;
	return taken;
}

/* ---- telling the kernel: no lock held ---- */

static int tell_epoch(struct notifier *n)
{
	struct fuse_out_header header = { .len = sizeof(header), .error = NOTIFY_INC_EPOCH };
	if (write(fuse_session_fd(n->se), &header, sizeof(header)) == (ssize_t)sizeof(header))
		return 0;
	return -errno;
}

/* Counts one notification's outcome. The kernel not knowing the name is as good as success. */
static void count_locked(struct notifier *n, uint64_t *counter, int rc)
{
	assert(lock_is_held(&n->lock));
	if (rc == 0 || rc == -ENOENT)
		++*counter;
	else
		n->stats.errors++;
}

static bool epoch_is_due_locked(const struct notifier *n)
{
	assert(lock_is_held(&n->lock));
	assert(n->epochs_told <= n->epochs_begun && n->epochs_begun <= n->epochs_asked);
	return n->epochs_asked > n->epochs_begun;
}

static void epoch_unknown_locked(struct notifier *n)
{
	assert(lock_is_held(&n->lock));
	if (n->stats.epoch_supported)
		log_info("the kernel has no FUSE_NOTIFY_INC_EPOCH (6.16): what it knows of many "
			 "names at once is renewed as timeouts pass");
	n->stats.epoch_supported = false;
}

/* Releases the lock meanwhile, not for long. */
static void bump_epoch_locked(struct notifier *n)
{
	uint64_t covers = n->last;
	uint64_t asked = n->epochs_asked;
	struct entry *told = NULL;
	n->epochs_begun = asked;
	lock_release(&n->lock);
	int rc = tell_epoch(n);
	lock_take(&n->lock);
	if (rc == -EINVAL)
		epoch_unknown_locked(n); /* names in the queue are told one by one */
	else
		count_locked(n, &n->stats.epochs, rc);
	if (rc == 0) {
		told = take_upto_locked(n, covers);
		settle_locked(n, covers);
	}
	if (asked > n->epochs_told)
		n->epochs_told = asked;
	pthread_cond_broadcast(&n->progress);
	lock_release(&n->lock);
	entries_free(told);
	lock_take(&n->lock);
}

/* Releases the lock meanwhile; this may take as long as somebody holds the directory. */
static void tell_head_locked(struct notifier *n)
{
	struct entry *e = take_upto_locked(n, n->head->number);
	uint64_t number = e->number;

	assert(e->next == NULL);
	lock_release(&n->lock);
	int rc = fuse_lowlevel_notify_inval_entry(n->se, e->parent, e->name, e->name_size);
	free(e);
	lock_take(&n->lock);
	count_locked(n, &n->stats.entries, rc);
	settle_locked(n, number);
}

static void *notifier_main(void *arg)
{
	struct notifier *n = arg;
	lock_take(&n->lock);
	while (!n->stopping) {
		if (epoch_is_due_locked(n))
			bump_epoch_locked(n);
		else if (n->head != NULL)
			tell_head_locked(n);
		else
			condition_wait(&n->work, &n->lock);
	}
	lock_release(&n->lock);
	return NULL;
}

/* ---- what others call ---- */

static int thread_start(struct notifier *n)
{
	sigset_t all; /* but those of a fault: they go to other threads */
	sigset_t before;
	sigfillset(&all);
	sigdelset(&all, SIGSEGV);
	sigdelset(&all, SIGBUS);
	sigdelset(&all, SIGABRT);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int error = pthread_create(&n->thread, NULL, notifier_main, n);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return -error;
}

static void notifier_destroy(struct notifier *n)
{
	entries_free(n->head);
	pthread_cond_destroy(&n->work);
	pthread_cond_destroy(&n->progress);
	lock_fini(&n->lock);
	free(n);
}

struct notifier *notifier_new(struct fuse_session *se, const struct time_source *time)
{
	struct notifier *n = calloc(1, sizeof(*n));
	if (n == NULL)
		return NULL;
	n->se = se;
	n->time = time;
	n->stats.epoch_supported = true; /* until the kernel says no */
	lock_init(&n->lock, RANK_NOTIFIER);
	condition_init(&n->work);
	condition_init(&n->progress);
	if (thread_start(n) < 0) {
		notifier_destroy(n);
		return NULL;
	}
	return n;
}

void notifier_free(struct notifier *n)
{
	if (n == NULL)
		return;
	lock_take(&n->lock);
	n->stopping = true;
	pthread_cond_broadcast(&n->work);
	pthread_cond_broadcast(&n->progress);
	lock_release(&n->lock);
	pthread_join(n->thread, NULL);
	notifier_destroy(n);
}

static void ask_epoch_locked(struct notifier *n)
{
	assert(lock_is_held(&n->lock));
	if (n->stopping || !n->stats.epoch_supported)
		return;
	n->epochs_asked++;
	pthread_cond_signal(&n->work);
	pthread_cond_broadcast(&n->progress); /* a flush makes it, the thread being stuck */
}

void notifier_inval_all(struct notifier *n)
{
	lock_take(&n->lock);
	ask_epoch_locked(n);
	lock_release(&n->lock);
}

static struct entry *entry_new(uint64_t parent, const char *name, size_t name_size)
{
	struct entry *e = malloc(sizeof(*e) + name_size + 1);
	if (e == NULL)
		return NULL;
	e->next = NULL;
	e->parent = parent;
	e->name_size = name_size;
	memcpy(e->name, name, name_size);
	e->name[name_size] = '\0';
	return e;
}

static bool is_last_queued_locked(const struct notifier *n, const struct entry *e)
{
	const struct entry *t = n->tail;
	assert(lock_is_held(&n->lock));
	return t != NULL && t->parent == e->parent && t->name_size == e->name_size &&
	       memcmp(t->name, e->name, e->name_size) == 0;
}

/* True: queued, e is the queue's. */
static bool entry_queue_locked(struct notifier *n, struct entry *e)
{
	assert(lock_is_held(&n->lock));
	assert((n->head == NULL) == (n->stats.queued == 0));
	if (n->stopping || is_last_queued_locked(n, e))
		return false;
	if (n->stats.queued >= QUEUE_MAX) {
		n->stats.overflows++;
		ask_epoch_locked(n);
		return false;
	}
	e->number = ++n->last;
	if (n->tail != NULL)
		n->tail->next = e;
	else
		n->head = e;
	n->tail = e;
	n->stats.queued++;
	pthread_cond_signal(&n->work);
	return true;
}

void notifier_inval_entry(struct notifier *n, uint64_t parent, const char *name, size_t name_size)
{
	struct entry *e = entry_new(parent, name, name_size);
	if (e == NULL) {
		notifier_inval_all(n);
		return;
	}
	lock_take(&n->lock);
	bool queued = entry_queue_locked(n, e);
	lock_release(&n->lock);
	if (!queued)
		free(e);
}

static bool flush_locked(struct notifier *n, const struct deadline *deadline)
{
	uint64_t last = n->last;
	uint64_t asked = n->epochs_asked;
	bool in_time = true;
	assert(lock_is_held(&n->lock));
	while (!n->stopping && (n->settled < last || n->epochs_told < asked)) {
		if (!in_time)
			return false;
		if (epoch_is_due_locked(n)) {
			bump_epoch_locked(n);
			continue;
		}
		in_time = condition_wait_until(&n->progress, &n->lock, deadline);
		if (!in_time)
			ask_epoch_locked(n);
		if (!in_time && epoch_is_due_locked(n))
			bump_epoch_locked(n);
	}
	return n->settled >= last && n->epochs_told >= asked;
}

bool notifier_flush(struct notifier *n, int64_t wait_ms)
{
	assert(lock_none_held());
	struct deadline deadline = deadline_in(n->time, wait_ms);
	lock_take(&n->lock);
	bool done = flush_locked(n, &deadline);
	lock_release(&n->lock);
	return done;
}

void notifier_store(struct notifier *n, uint64_t ino, const void *bytes, size_t size)
{
	struct fuse_bufvec buffer = FUSE_BUFVEC_INIT(size);

	assert(lock_none_held());
	buffer.buf[0].mem = (void *)(uintptr_t)bytes;
	fuse_lowlevel_notify_store(n->se, ino, 0, &buffer, 0);
}

void notifier_stats(struct notifier *n, struct notifier_stats *stats)
{
	lock_take(&n->lock);
	*stats = n->stats;
	lock_release(&n->lock);
}
