/* See control.h. */
#include "control.h"

#include <string.h>
#include <sys/stat.h>

#include "fs_state.h"
#include "lookup.h"
#include "stats.h"

static const char cachedir_tag[] =
	"Signature: 8a477f597d28d172789f06886806bc55\n"
	"# This directory is a cache mounted by cachefs.\n"
	"# For information about cache directory tags, see https://bford.info/cachedir/\n";

static const struct {
	const char *name;
	bool in_root;
	uint32_t mode;
} files[CONTROL_FILES] = {
	[CONTROL_DIR] = { ".cachefs", true, S_IFDIR | 0555 },
	[CONTROL_METRICS] = { "metrics", false, S_IFREG | 0444 },
	[CONTROL_STATS] = { "stats.json", false, S_IFREG | 0444 },
	[CONTROL_CONFIG] = { "config.json", false, S_IFREG | 0444 },
	[CONTROL_TAG] = { "CACHEDIR.TAG", true, S_IFREG | 0644 },
};

int control_find(struct fs *fs, const struct inode *dir, struct key name)
{
	bool is_root = dir == &fs->inodes.root;

	if (!is_root && (dir->kind != INODE_VIRTUAL || dir->virtual_file != CONTROL_DIR))
		return -1;
	for (int i = 0; i < CONTROL_FILES; i++)
		if (files[i].in_root == is_root && key_equal(key_of(files[i].name), name))
			return i;
	return -1;
}

bool control_is_reserved(struct fs *fs, const struct inode *dir, struct key name)
{
	return dir->kind == INODE_VIRTUAL || control_find(fs, dir, name) >= 0;
}

int control_at(size_t i, const char **name)
{
	static const int listed[] = { CONTROL_CONFIG, CONTROL_METRICS, CONTROL_STATS };

	if (i >= sizeof(listed) / sizeof(listed[0]))
		return -1;
	*name = files[listed[i]].name;
	return listed[i];
}

void control_attributes(struct fs *fs, int file, struct attributes *out)
{
	out->meta.mode = files[file].mode;
	out->meta.uid = fs->uid;
	out->meta.gid = fs->gid;
	out->meta.size = file == CONTROL_TAG ? sizeof(cachedir_tag) - 1 : 0;
	out->ino = (uint64_t)file + 2;
	out->nlink = 1;
}

struct value *control_text(struct fs *fs, int file)
{
	switch (file) {
	case CONTROL_STATS:
		return stats_json_text(fs);
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
