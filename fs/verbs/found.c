/* See found.h. */
#include "verbs/found.h"

#include <errno.h>
#include <sys/stat.h>

/* How long what was found to be an entry and no directory is not asked whether it is one by now:
 * only another program can make keys below an entry. */
enum { FILE_MS = 5000 };

static int find_unlocked(struct finding *f, bool is_file, enum found *found, struct meta *meta)
{
	struct key key = key_make(f->key.bytes, f->key.size);
	struct meta marker = { 0 };
	int entry = layered_stat(f->fs->cache, key, meta);

	*found = entry == 0 ? FOUND_ENTRY : FOUND_NOTHING;
	if (entry < 0 && entry != -ENOENT)
		return entry;
	if ((entry == 0 && is_file) || f->name->is_own || !key_can_hold(key))
		return 0;
	int directory = layered_dir_stat(f->fs->cache, key, &marker);
	if (directory < 0)
		return entry == 0 || directory == -ENOENT ? 0 : directory;
	if (entry == 0)
		meta_fini(meta);
	*meta = marker;
	*found = FOUND_DIRECTORY;
	return 0;
}

/* Whether an entry of that name needs no second look. */
static bool is_file_locked(const struct finding *f)
{
	return f->name->version && !f->name->subdir &&
	       f->name->file_until_ms > time_mono_ms(f->fs->time);
}

int found_locked(struct finding *f, enum found *found, struct meta *meta)
{
	for (;;) {
		uint64_t at = f->t->clock, moves = f->t->moves;
		int rc = name_key_locked(f->t, f->name, &f->key);
		if (rc < 0)
			return rc;
		bool is_file = is_file_locked(f);
		inodes_unlock(f->t);
		rc = find_unlocked(f, is_file, found, meta);
		inodes_lock(f->t);
		if (rc < 0)
			return rc;
		if (*found == FOUND_ENTRY && !is_file)
			f->name->file_until_ms = time_mono_ms(f->fs->time) + FILE_MS;
		bool settled = f->name->changed_at <= at && f->t->moves == moves;
		bool in_part = *found == FOUND_NOTHING ||
			       (*found == FOUND_DIRECTORY && meta->mode == 0);
		if (settled && !(in_part && inode_wait_for_move_locked(f->t, f->name->dir)))
			return 0;
		inodes_bury_meta_locked(f->t, meta);
	}
}

uint32_t found_type(const struct meta *meta)
{
	return meta->mode ? meta->mode & S_IFMT : S_IFREG;
}
