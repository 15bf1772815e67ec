/* See emptying.h. */
#include "verbs/emptying.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* Directories that are still to be looked at. */
struct walk {
	struct fs *fs;
	const struct emptier *who;
	bool pending;
	char **dirs; /* keys, terminated, with their sizes */
	size_t *sizes;
	size_t count, capacity;
};

static bool is_in_group(const struct emptier *who, gid_t gid)
{
	bool found = who->gid == gid;

	for (size_t i = 0; i < who->group_count && !found; i++)
		found = who->groups[i] == gid;
	return found;
}

static bool may_write_and_search(const struct emptier *who, const struct meta *dir)
{
	unsigned shift = who->uid == dir->uid ? 6 : is_in_group(who, dir->gid) ? 3 : 0;

	return (dir->mode >> shift & 3u) == 3u;
}

static int walk_add(struct walk *w, struct key dir)
{
	if (w->count == w->capacity) {
		size_t capacity = w->capacity ? w->capacity * 2 : 16;
		void *dirs = realloc(w->dirs, capacity * sizeof(*w->dirs));
		w->dirs = dirs ? dirs : w->dirs;
		void *sizes = dirs ? realloc(w->sizes, capacity * sizeof(*w->sizes)) : NULL;
		if (!sizes)
			return -ENOMEM;
		w->sizes = sizes;
		w->capacity = capacity;
	}
	w->dirs[w->count] = key_copy(dir);
	w->sizes[w->count] = dir.size;
	return w->dirs[w->count++] ? 0 : -ENOMEM;
}

/* Of a child in a sticky directory that is another user's. */
static bool owns(const struct walk *w, struct key key, const struct child *child)
{
	struct meta meta = { 0 };

	meta_copy(&meta, &child->meta);
	if (child->is_dir || child->vague) {
		meta_fini(&meta);
		int rc = child->is_dir ? layered_dir_stat(w->fs->cache, key, &meta)
				       : layered_stat(w->fs->cache, key, &meta);
		if (rc < 0)
			return rc == -ENOENT;
	}
	bool own = (meta.mode == 0 ? w->fs->uid : meta.uid) == w->who->uid;
	meta_fini(&meta);
	return own;
}

static int look_at_children(struct walk *w, struct key dir, bool only_own,
			    const struct children *batch)
{
	struct key_buffer buffer;
	int rc = 0;

	for (size_t i = 0; i < batch->count && rc == 0; i++) {
		const struct child *child = &batch->items[i];
		rc = key_join(&buffer, dir, child->name);
		struct key key = key_make(buffer.bytes, buffer.size);
		if (rc == 0 && only_own && !owns(w, key, child))
			rc = -EPERM;
		if (rc == 0 && child->is_dir)
			rc = walk_add(w, key);
	}
	return rc;
}

static int look_at_directory(struct walk *w, struct key dir, struct children *batch)
{
	struct listing_place at = { .after_is_dir = false };
	struct meta meta = { 0 };
	int rc = layered_dir_stat(w->fs->cache, dir, &meta);

	if (rc < 0)
		return rc == -ENOENT ? 0 : rc;
	if (meta.mode == 0)
		fs_default_owner(w->fs, &meta, S_IFDIR);
	bool allowed = may_write_and_search(w->who, &meta);
	bool only_own = (meta.mode & S_ISVTX) && meta.uid != w->who->uid;
	meta_fini(&meta);
	if (!allowed && w->pending)
		return -EACCES;
	do {
		children_clear(batch);
		rc = layered_list(w->fs->cache, dir, key_make(at.after.bytes, at.after.size),
				  at.after_is_dir, batch);
		if (rc == 0 && batch->count > 0 && !allowed)
			rc = -EACCES;
		if (rc == 0)
			rc = look_at_children(w, dir, only_own, batch);
		if (rc == 0 && !batch->end)
			children_note_place(batch, &at);
	} while (rc == 0 && !batch->end);
	return rc;
}

int emptying_is_allowed(struct fs *fs, struct key dir, const struct emptier *who, bool pending)
{
	struct walk w = { .fs = fs, .who = who, .pending = pending };

	if (who->uid == 0 || who->uid == fs->uid)
		return 0;
	struct children *batch = calloc(1, sizeof(*batch));
	int rc = batch ? walk_add(&w, dir) : -ENOMEM;
	while (rc == 0 && w.count > 0) {
		char *bytes = w.dirs[--w.count];
		rc = look_at_directory(&w, key_make(bytes, w.sizes[w.count]), batch);
		free(bytes);
	}
	while (w.count > 0)
		free(w.dirs[--w.count]);
	free(w.dirs);
	free(w.sizes);
	if (batch)
		children_fini(batch);
	free(batch);
	return rc;
}
