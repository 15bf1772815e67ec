/* Type "file": who goes when there is no room, by max_files or on the disk. See file/store.h. */
#include <errno.h>
#include <string.h>

#include "file/store.h"

enum { BLOCK = 4096 }; /* what the smallest file takes */

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
	if (oldest) {
		key.size = oldest->key.size;
		memcpy(key.bytes, oldest->key.bytes, key.size);
	}
	lock_release(&f->lock);
	int rc = oldest ? file_drop(f, key_make(key.bytes, key.size), FILE_EVICTED) : -ENOENT;
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
