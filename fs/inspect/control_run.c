/* See control_run.h. */
#include "inspect/control_run.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "kit/marker.h"
#include "base/waiting.h"
#include "inspect/control_command.h"
#include "verbs/directory.h"
#include "inodes/key_escape.h"
#include "verbs/lookup.h"
#include "verbs/rename.h"

enum {
	NOTIFY_WAIT_MS = 1000,
	NOBODY = -1, /* a thread that has no tickets */
};

/* --- flush ------------------------------------------------------------------------------------ */

static bool is_publishing_locked(const struct fs *fs, struct key prefix)
{
	struct key_buffer key;

	assert(lock_is_held(&fs->inodes.lock));
	for (const struct handle *h = fs->handles; h; h = h->next) {
		if (!h->publishes_last || inode_key_locked(&fs->inodes, h->inode, &key) < 0)
			continue;
		struct key k = key_make(key.bytes, key.size);
		if (key_equal(k, prefix) || key_is_below(k, prefix))
			return true;
	}
	return false;
}

/* What is closed and not yet stored, then what write_back owes, then what is not yet on disk. */
static int flush(struct fs *fs, struct key prefix)
{
	struct inodes *t = &fs->inodes;
	struct deadline deadline = deadline_in(fs->time,
					       waiting_at_most(fs->conf->publish_timeout_ms));

	waiting_begin();
	inodes_lock(t);
	bool waits = is_publishing_locked(fs, prefix);
	while (waits && !fs->ending && inodes_wait_locked(t, &deadline))
		waits = is_publishing_locked(fs, prefix);
	inodes_unlock(t);
	if (waits)
		return -ETIMEDOUT;
	int rc = layered_flush(fs->cache, prefix, deadline_left_ms(&deadline));
	return rc < 0 ? rc : layered_sync(fs->cache);
}

/* --- invalidate ------------------------------------------------------------------------------- */

/* What a name leads to, with a lookup to be given back; NULL: nothing. */
static struct inode *look(struct fs *fs, struct inode *dir, struct key name)
{
	struct attributes a;

	if (lookup(fs, dir, name, NOBODY, &a) < 0)
		return NULL;
	meta_fini(&a.meta);
	return a.inode;
}

static void give_back(struct fs *fs, struct inode *inode)
{
	inodes_lock(&fs->inodes);
	inode_forget_locked(&fs->inodes, inode, 1); /* nothing happens to the root */
	inodes_unlock(&fs->inodes);
}

/* The directory that holds the key, likewise. */
static struct inode *look_for_parent(struct fs *fs, struct key key)
{
	struct inode *dir = &fs->inodes.root;

	for (const char *slash; dir && (slash = memchr(key.bytes, '/', key.size));) {
		size_t size = (size_t)(slash - key.bytes);
		struct inode *next = look(fs, dir, key_make(key.bytes, size));
		give_back(fs, dir);
		if (next && next->kind != INODE_DIR) {
			give_back(fs, next);
			next = NULL;
		}
		dir = next;
		key = key_make(slash + 1, key.size - size - 1);
	}
	return dir;
}

/* The kernel did not ask for this, so it has to be told. */
static void tell_kernel(struct fs *fs, struct inode *dir, struct key name)
{
	notifier_inval_entry(fs->notifier, inode_id(&fs->inodes, dir), name.bytes, name.size);
}

/* The entry of that name, and all below it. */
static int invalidate_child(struct fs *fs, struct inode *dir, struct key name)
{
	struct inode *found = look(fs, dir, name);

	if (!found)
		return -ENOENT;
	bool is_dir = found->kind == INODE_DIR;
	int rc = is_dir ? directory_invalidate(fs, dir, name) : unlink_entry(fs, dir, name);
	if (rc == 0)
		tell_kernel(fs, dir, name);
	/* Till now it kept the name, which may be an escape that had to be looked up. */
	give_back(fs, found);
	return rc == -ENOENT ? 0 : rc;
}

/* All children of the root in a batch. */
static int invalidate_batch(struct fs *fs, const struct children *batch)
{
	struct escape_text text;
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < batch->count; i++) {
		key_escape_encode(batch->items[i].name, true, false, &text);
		rc = invalidate_child(fs, &fs->inodes.root, key_make(text.bytes, text.size));
		rc = rc == -ENOENT ? 0 : rc; /* its time was over */
	}
	return rc;
}

/* Temporary files are in no layer. The root's child that is one, or leads to it; how many there
 * are. */
static uint64_t find_scratch(struct fs *fs, struct escape_text *child)
{
	struct inodes *t = &fs->inodes;

	inodes_lock(t);
	const struct inode *file = TAILQ_FIRST(&t->resting);
	if (!file)
		file = TAILQ_FIRST(&t->restless);
	const struct name *n = file ? file->name : NULL;
	while (n && n->dir->name)
		n = n->dir->name;
	child->size = n ? n->size : 0;
	if (n)
		memcpy(child->bytes, n->text, n->size);
	uint64_t count = n ? t->scratch_count : 0;
	inodes_unlock(t);
	return count;
}

static int invalidate_scratch(struct fs *fs, bool *found)
{
	struct escape_text child;
	uint64_t tries = find_scratch(fs, &child);
	int rc = 0;

	for (; rc == 0 && tries > 0 && find_scratch(fs, &child) > 0; tries--) {
		rc = invalidate_child(fs, &fs->inodes.root, key_make(child.bytes, child.size));
		*found |= rc == 0;
		rc = rc == -ENOENT ? 0 : rc; /* its time was over */
	}
	return rc;
}

/* Whether one could not be asked for what it has. */
static bool is_a_layer_down(struct fs *fs)
{
	struct cache_stats stats;
	bool down = false;

	if (layered_stats(fs->cache, &stats) < 0)
		return true;
	for (size_t i = 0; i < stats.layer_count; i++)
		down |= stats.layers[i].usage.down;
	free(stats.layers);
	return down;
}

/* Everything: child by child. */
static int invalidate_all(struct fs *fs)
{
	struct children *batch = calloc(1, sizeof(*batch));
	struct listing_place at = { .after_is_dir = false };
	bool found = false;
	int rc = batch ? 0 : -ENOMEM;

	while (rc == 0 && !batch->end) {
		children_clear(batch);
		rc = layered_list(fs->cache, KEY_ROOT, key_make(at.after.bytes, at.after.size),
				  at.after_is_dir, batch);
		if (rc == 0)
			rc = invalidate_batch(fs, batch);
		found |= rc == 0 && batch->count > 0;
		if (rc == 0 && !batch->end)
			children_note_place(batch, &at);
	}
	if (batch)
		children_fini(batch);
	free(batch);
	if (rc == 0)
		rc = invalidate_scratch(fs, &found);
	return rc == 0 && !found && !is_a_layer_down(fs) ? -ENOENT : rc;
}

static int invalidate_path(struct fs *fs, struct key path)
{
	struct inode *dir = look_for_parent(fs, path);
	struct key parent = key_parent(path);

	if (!dir)
		return -ENOENT;
	int rc = invalidate_child(fs, dir, parent.size ? key_relative(path, parent) : path);
	give_back(fs, dir);
	return rc;
}

/* What no path leads to: a layer that cannot be asked now may have it, and is told later. */
static int invalidate_unseen(struct fs *fs, struct key key)
{
	struct key_buffer below;
	int rc = layered_remove_prefix(fs->cache, marker_key(&below, key), NULL);

	if (rc < 0 && rc != -ENOENT)
		return rc;
	int own = layered_remove(fs->cache, key, NULL);
	return own == -ENOENT ? rc : own;
}

/* What no name leads to. A layer that is away is not told of it later. */
static int invalidate_nameless(struct fs *fs)
{
	int rc = layered_remove_unreachable(fs->cache);

	if (rc == -EHOSTDOWN)
		log_warning(".cachefs/control: invalidate: a layer is away; entries of other "
			    "programs whose keys have no name here stay in it");
	return rc == -EHOSTDOWN ? 0 : rc;
}

static int invalidate(struct fs *fs, struct key prefix)
{
	int rc = prefix.size == 0 ? invalidate_all(fs) : invalidate_path(fs, prefix);

	if (rc == -ENOENT && prefix.size > 0) {
		rc = invalidate_unseen(fs, prefix);
	} else if (prefix.size == 0 && (rc == 0 || rc == -ENOENT)) {
		int nameless = invalidate_nameless(fs);
		rc = nameless != -ENOENT ? nameless : rc;
	}
	waiting_begin();
	notifier_flush(fs->notifier, NOTIFY_WAIT_MS);
	return rc;
}

static int invalidate_prefix(struct fs *fs, struct key prefix)
{
	int rc = directory_invalidate_prefix(fs, prefix);

	waiting_begin();
	notifier_flush(fs->notifier, NOTIFY_WAIT_MS);
	return rc;
}

/* --- a line ----------------------------------------------------------------------------------- */

static int run(void *self, const char *line, size_t size)
{
	struct fs *fs = self;
	struct command command;
	struct problem problem = { 0 };
	char text[sizeof(problem) + 8];

	if (command_parse(line, size, &command, &problem) < 0) {
		log_warning("%s", problem_text(&problem, text, sizeof(text)));
		return -EINVAL;
	}
	switch (command.kind) {
	case COMMAND_FLUSH:
		return flush(fs, command.prefix);
	case COMMAND_INVALIDATE:
		return invalidate(fs, command.prefix);
	case COMMAND_INVALIDATE_PREFIX:
		return invalidate_prefix(fs, command.prefix);
	case COMMAND_LOG:
		log_set_level(command.level);
		return 0;
	case COMMAND_NONE:
	default:
		return 0;
	}
}

int control_open(struct fs *fs, struct inode *inode, struct handle **handle)
{
	return handle_open_commands(fs, inode, command_lines_new(), command_lines_free, handle);
}

int control_write(struct fs *fs, struct handle *h, const char *bytes, size_t size)
{
	int rc = command_lines_feed(h->commands, bytes, size, run, fs);

	if (rc == -EMSGSIZE) {
		log_warning(".cachefs/control: a line is too long to be a command");
		return -EINVAL;
	}
	if (rc < 0 && rc != -EINVAL && rc != -ENOENT)
		log_warning(".cachefs/control: a command failed: %s", strerror(-rc));
	return rc;
}
