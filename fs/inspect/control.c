/* See control.h. */
#include "inspect/control.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "verbs/fs_state.h"
#include "inspect/control_layers.h"
#include "inodes/key_escape.h"
#include "verbs/attributes.h"
#include "inspect/stats.h"

static const char cachedir_tag[] =
	"Signature: 8a477f597d28d172789f06886806bc55\n"
	"# This directory is a cache mounted by cachefs.\n"
	"# For information about cache directory tags, see https://bford.info/cachedir/\n";

enum { ROOT_FILE = 1, GENERATED = 2 };

static const struct {
	const char *name;
	unsigned flags;
	uint32_t mode;
} files[CONTROL_FILES] = {
	[CONTROL_DIR] = { ".cachefs", ROOT_FILE, S_IFDIR | 0555 },
	[CONTROL_STATS] = { "stats.json", GENERATED, S_IFREG | 0444 },
	[CONTROL_METRICS] = { "metrics", GENERATED, S_IFREG | 0444 },
	[CONTROL_CONFIG] = { "config.json", GENERATED, S_IFREG | 0400 },
	[CONTROL_COMMANDS] = { "control", 0, S_IFREG | 0200 },
	/* Not for others: it would show them what lies in directories closed to them. */
	[CONTROL_LAYERS] = { "layers", 0, S_IFDIR | 0500 },
	[CONTROL_TAG] = { "CACHEDIR.TAG", ROOT_FILE, S_IFREG | 0644 },
};

int control_make_files(struct fs *fs)
{
	struct inodes *t = &fs->inodes;
	struct inode **made = calloc(CONTROL_FILES, sizeof(struct inode *));
	int rc = made ? 0 : -ENOMEM;

	inodes_lock(t);
	for (int i = 0; i < CONTROL_FILES && rc == 0; i++) {
		made[i] = inode_new_virtual_locked(t, &control_view, i, NULL);
		if (made[i])
			inode_pin_locked(made[i]);
		else
			rc = -ENOMEM;
	}
	inodes_unlock(t);
	assert(fs->virtual_files == NULL);
	fs->virtual_files = made;
	return rc;
}

int control_find(struct fs *fs, const struct inode *dir, struct key name)
{
	bool is_root = dir == &fs->inodes.root;

	if (!is_root && (dir->kind != INODE_VIRTUAL || dir->virtual_file != CONTROL_DIR))
		return -1;
	for (int i = 0; i < CONTROL_FILES; i++)
		if (!!(files[i].flags & ROOT_FILE) == is_root &&
		    key_equal(key_of(files[i].name), name))
			return i;
	return -1;
}

bool control_is_reserved(struct fs *fs, const struct inode *dir, struct key name)
{
	return dir->kind == INODE_VIRTUAL || control_find(fs, dir, name) >= 0;
}

bool control_child(struct fs *fs, const struct inode *dir, size_t i, struct escape_text *name,
		   uint32_t *mode)
{
	if (dir->virtual_file == CONTROL_LAYERS) {
		*mode = S_IFDIR;
		return layer_view_name(fs, i, name);
	}
	for (int file = 0; file < CONTROL_FILES; file++) {
		if ((files[file].flags & ROOT_FILE) || i-- > 0)
			continue;
		key_escape_text(key_of(files[file].name), name);
		*mode = files[file].mode;
		return true;
	}
	return false;
}

static void control_attributes_locked(struct fs *fs, struct inode *inode, pid_t tid,
				      struct attributes *out)
{
	int file = inode->virtual_file;

	(void)tid;
	assert(lock_is_held(&fs->inodes.lock));
	assert(file >= 0 && file < CONTROL_FILES);
	out->nlink = 1;
	out->meta.mode = files[file].mode;
	out->meta.uid = fs->uid;
	out->meta.gid = fs->gid;
	if (file == CONTROL_TAG)
		out->meta.size = sizeof(cachedir_tag) - 1;
	if (files[file].flags & GENERATED) /* of the text that was made last */
		out->attr_timeout_ms = 0;
	out->ino = (uint64_t)file + 2;
	attributes_of_undated(fs, &out->meta);
}

/* A generated file tells its size as of now, unless somebody has it open, whose text it is that
 * counts. */
static int control_attributes(struct fs *fs, struct inode *inode, pid_t tid, struct attributes *out)
{
	struct inodes *t = &fs->inodes;
	bool generated = files[inode->virtual_file].flags & GENERATED;
	struct value *text = generated ? control_text(fs, inode->virtual_file, CONTROL_OWNER)
				       : NULL;

	inodes_lock(t);
	if (text && inode->readers == 0)
		inode->meta.size = value_size(text);
	attributes_of_locked(fs, inode, tid, out);
	inodes_unlock(t);
	value_unref(text);
	return 0;
}

/* Those in `.cachefs` are found by control_find(). */
static int control_lookup(struct fs *fs, struct inode *dir, struct key name, pid_t tid,
			  struct attributes *out)
{
	return dir->virtual_file == CONTROL_LAYERS ? layer_view.lookup(fs, dir, name, tid, out)
						   : -ENOENT;
}

const struct view control_view = { .attributes = control_attributes,
				   .attributes_locked = control_attributes_locked,
				   .lookup = control_lookup };

struct value *control_text(struct fs *fs, int file, enum control_reader reader)
{
	switch (file) {
	case CONTROL_STATS:
		return stats_json_text(fs, reader == CONTROL_OWNER);
	case CONTROL_METRICS:
		return stats_metrics_text(fs);
	case CONTROL_CONFIG:
		return stats_text_of(config_to_json(fs->config));
	case CONTROL_TAG:
		return value_copy(cachedir_tag, sizeof(cachedir_tag) - 1);
	default:
		return NULL;
	}
}
