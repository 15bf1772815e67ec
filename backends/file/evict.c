/* Removal and eviction of entries. See file/evict.h. */
#include "file/evict.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "file/index.h"
#include "file/turn.h"

enum {
	BLOCK = 4096, /* what the smallest file takes */
	EXPIRE_STEPS = 64,
};

int file_remove_files(struct file_layer *f, struct key key, const char *name)
{
	char names[2][FILE_NAME_SIZE];
	int rc = 0;

	/* An older one, from when the other name was another key's, would come to light. */
	for (int i = file_names(f->conf, key, names[0], names[1]) ? 0 : 1; i < 2 && rc == 0; i++)
		if (strcmp(names[i], name) != 0 && file_holds(f, names[i], key))
			rc = file_remove_file(f, names[i]);
	return rc < 0 ? rc : file_remove_file(f, name);
}

int file_drop(struct file_layer *f, struct key key, enum file_reason reason)
{
	char name[FILE_NAME_SIZE];

	assert(file_may_change(f));
	lock_take(&f->lock);
	const struct entry *file = file_of_key_locked(f, key);
	if (file)
		file_record_name(file, name);
	lock_release(&f->lock);
	if (!file)
		return -ENOENT;
	int rc = file_remove_files(f, key, name);
	if (rc < 0 && reason == FILE_EXPIRED) {
		file_forget(f, name); /* nobody waits for it to go; who asks for it finds it */
		rc = 0;
	}
	if (rc < 0 || reason == FILE_REMOVED)
		return rc;
	lock_take(&f->lock);
	f->evictions += reason == FILE_EVICTED;
	f->expiries += reason == FILE_EXPIRED;
	lock_release(&f->lock);
	f->env->gone(f->env->self, key);
	return 0;
}

void file_expire(struct file_layer *f)
{
	struct key_buffer key;

	for (int i = 0; i < EXPIRE_STEPS; i++) {
		struct instant now = time_instant(f->env->time);
		lock_take(&f->lock);
		struct entry *due = entries_due(&f->entries, now);
		if (due)
			key_keep(&key, due->key);
		lock_release(&f->lock);
		if (!due || file_drop(f, key_kept(&key), FILE_EXPIRED) < 0)
			return;
	}
}

/* --- who goes --------------------------------------------------------------------------------- */

/* Evicts the oldest entry but this one (KEY_ROOT: none), if there are at least so many. What its
 * file was long comes out. -ENOENT: there is none to evict. */
static int evict_oldest(struct file_layer *f, struct key kept, uint64_t at_least, uint64_t *bytes)
{
	struct key_buffer key;

	lock_take(&f->lock);
	struct entry *except = kept.size > 0 ? entries_find(&f->entries, kept) : NULL;
	struct entry *oldest = NULL;
	if (f->entries.count >= at_least)
		oldest = entries_victim(&f->entries, except, time_instant(f->env->time));
	*bytes = f->bytes;
	if (oldest)
		key_keep(&key, oldest->key);
	lock_release(&f->lock);
	int rc = oldest ? file_drop(f, key_kept(&key), FILE_EVICTED) : -ENOENT;
	lock_take(&f->lock);
	*bytes = *bytes > f->bytes ? *bytes - f->bytes : 0;
	lock_release(&f->lock);
	return rc;
}

int file_make_room(struct file_layer *f, uint64_t more)
{
	uint64_t most = f->conf->max_files, ignored;
	int rc = 0;

	while (most > 0 && rc == 0)
		rc = evict_oldest(f, KEY_ROOT, most < more ? 1 : most - more + 1, &ignored);
	return rc == -ENOENT ? 0 : rc;
}

/* --- on the disk ------------------------------------------------------------------------------ */

/* What the entries take there, at most. */
static uint64_t held(struct file_layer *f)
{
	lock_take(&f->lock);
	uint64_t bytes = f->bytes + f->entries.count * BLOCK;
	lock_release(&f->lock);
	return bytes;
}

static bool run_round(struct file_layer *f, struct space_round *r, struct key kept)
{
	uint64_t bytes;
	bool any = false;

	while (space_round_goes_on(r, held(f), 0) && evict_oldest(f, kept, 1, &bytes) == 0) {
		space_round_evicted(r, 1, bytes);
		any = true;
	}
	return any;
}

bool file_may_fit(struct file_layer *f, uint64_t size)
{
	uint64_t room = free_space_bytes(&f->space);

	return room > size + BLOCK || room + held(f) >= size + BLOCK;
}

bool file_make_space(struct file_layer *f, uint64_t size, struct key kept)
{
	struct space_round r = free_space_need(&f->space, size, held(f));

	return !atomic_load(&f->stopping) && run_round(f, &r, kept);
}

void file_keep_free(struct file_layer *f, struct key kept)
{
	struct space_round r = free_space_keep(&f->space);

	run_round(f, &r, kept);
}
