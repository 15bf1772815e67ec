/* See scratch_rest.h. */
#include "verbs/scratch_rest.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <string.h>

#include "base/log.h"
#include "inodes/saved.h"
#include "verbs/scratch_expire.h"
#include "verbs/scratch_saved.h"
#include "verbs/scratch_store.h"

enum {
	EXPIRE_MS = 2000, /* between two looks for files whose time is over */
	IDLE_MS = 60 * 1000,
};

static int64_t until_next_ms(const struct fs *fs)
{
	const struct inode *first = TAILQ_FIRST(&fs->inodes.resting);
	bool idle = fs->inodes.scratch_count == 0 && atomic_load(&fs->rest.left_bytes) == 0;
	int64_t most_ms = idle ? IDLE_MS : EXPIRE_MS;

	if (!first)
		return most_ms;
	int64_t ms = first->scratch.rests_ms + fs->conf->scratch_publish_ms -
		     time_mono_ms(fs->time);
	return ms < 0 ? 0 : ms < most_ms ? ms : most_ms;
}

/* What could not be stored at the start is tried again. */
static bool is_to_restore(struct fs *fs, int64_t before_ms)
{
	int64_t pause_ms = fs->conf->scratch_publish_ms;

	pause_ms = pause_ms > EXPIRE_MS ? pause_ms : EXPIRE_MS;
	return atomic_load(&fs->rest.left_bytes) > 0 &&
	       time_mono_ms(fs->time) - before_ms >= pause_ms;
}

static void *run(void *self)
{
	struct fs *fs = self;
	struct inodes *t = &fs->inodes;
	int64_t expired_ms = 0, restored_ms = time_mono_ms(fs->time);

	inodes_lock(t);
	while (!fs->rest.ends) {
		struct inode *inode = scratch_oldest_locked(fs, fs->conf->scratch_publish_ms);
		if (inode) {
			scratch_store_locked(fs, inode, false);
		} else if (time_mono_ms(fs->time) - expired_ms >= EXPIRE_MS) {
			while (scratch_expire_some_locked(fs) == SCRATCH_EXPIRE_BATCH &&
			       !fs->rest.ends)
				;
			inodes_unlock(t);
			scratch_save_moved(fs);
			inodes_lock(t);
			if (working_copies_left(&t->copies) > t->copies.max_bytes / 2)
				atomic_store(&fs->rest.told_no_room, false);
			expired_ms = time_mono_ms(fs->time);
		} else if (is_to_restore(fs, restored_ms)) {
			inodes_unlock(t);
			scratch_saved_restore(fs);
			inodes_lock(t);
			restored_ms = time_mono_ms(fs->time);
		} else {
			struct deadline deadline = deadline_in(fs->time, until_next_ms(fs));
			condition_wait_until(&t->rest_begins, &t->lock, &deadline);
		}
	}
	inodes_unlock(t);
	return NULL;
}

int scratch_rest_start(struct fs *fs)
{
	int rc = pthread_create(&fs->rest.thread, NULL, run, fs);

	fs->rest.runs = rc == 0;
	return -rc;
}

/* --- the end ---------------------------------------------------------------------------------- */

static void stop(struct fs *fs)
{
	if (!fs->rest.runs)
		return;
	inodes_lock(&fs->inodes);
	fs->rest.ends = true;
	pthread_cond_signal(&fs->inodes.rest_begins);
	inodes_unlock(&fs->inodes);
	pthread_join(fs->rest.thread, NULL);
	fs->rest.runs = false;
}

/* The next that is not empty, or was not, of those that are left; NULL: none. */
static struct inode *left_locked(struct inodes *t)
{
	struct scratch_files *lists[] = { &t->resting, &t->restless };

	assert(lock_is_held(&t->lock));
	for (size_t i = 0; i < 2; i++)
		while (!TAILQ_EMPTY(lists[i])) {
			struct inode *inode = TAILQ_FIRST(lists[i]);
			if ((inode->meta.size > 0 || inode->scratch.has_copy) &&
			    !scratch_is_expired_locked(inode))
				return inode;
			inode_detach_locked(t, inode);
		}
	return NULL;
}

/* The layers may have evicted their copy. */
static int store_at_end(struct fs *fs, const struct scratch_storing *s, bool give_up)
{
	inodes_lock(&fs->inodes);
	bool empty = s->inode->meta.size == 0;
	inode_note_unstored_locked(s->inode);
	inodes_unlock(&fs->inodes);
	if (empty)
		return scratch_withdraw(fs, s->inode);
	return give_up ? -ETIMEDOUT : scratch_store(fs, s, PUBLISH_AT_END);
}

/* What no layer takes is left for the next start, as if it had been synced. */
static void keep_at_end(struct fs *fs, const struct scratch_storing *s, int failure)
{
	int rc = fs->conf->state_dir ? scratch_save(fs, s->inode) : -ENOENT;

	inodes_lock(&fs->inodes);
	bool kept = rc == 0 && s->inode->scratch.saved;
	if (kept)
		saved_keep(s->inode->scratch.saved);
	inodes_unlock(&fs->inodes);
	int size = scratch_name_shown(s->name);
	if (kept)
		log_warning("\"%.*s\" cannot be stored at the end of the daemon (%s): it is kept "
			    "in %s/scratch, for the next start",
			    size, s->name->text, strerror(-failure), fs->conf->state_dir);
	else
		log_error("\"%.*s\" is lost with the end of the daemon, for it cannot be stored: "
			  "%s",
			  size, s->name->text, strerror(-failure));
}

void scratch_rest_end(struct fs *fs)
{
	struct inodes *t = &fs->inodes;
	int64_t stored_ms = time_mono_ms(fs->time);
	struct inode *inode;

	stop(fs);
	inodes_lock(t);
	while ((inode = left_locked(t))) {
		struct scratch_storing s = scratch_begin_locked(t, inode);
		inodes_unlock(t);
		int64_t since_ms = time_mono_ms(fs->time) - stored_ms;
		int rc = store_at_end(fs, &s, since_ms > fs->conf->drain_timeout_ms);
		if (rc == 0)
			stored_ms = time_mono_ms(fs->time);
		else
			keep_at_end(fs, &s, rc);
		inodes_lock(t);
		if (inode_is_scratch(inode))
			inode_detach_locked(t, inode);
		scratch_stored_locked(fs, &s);
	}
	inodes_unlock(t);
}
