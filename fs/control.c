/* See control.h. */
#include "control.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cjson/cJSON.h>

#include "fs_state.h"
#include "lookup.h"

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
	static const int listed[] = { CONTROL_CONFIG, CONTROL_STATS };

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

static void add_number(cJSON *object, const char *name, uint64_t number)
{
	cJSON_AddNumberToObject(object, name, (double)number);
}

static void add_layer(cJSON *array, const struct layer_stats *l)
{
	cJSON *o = cJSON_CreateObject();

	cJSON_AddStringToObject(o, "name", l->name);
	cJSON_AddStringToObject(o, "type", l->type);
	add_number(o, "gets", l->gets);
	add_number(o, "hits", l->hits);
	add_number(o, "misses", l->misses);
	add_number(o, "sets", l->sets);
	add_number(o, "invalidations", l->removes);
	add_number(o, "errors", l->errors);
	add_number(o, "promotions", l->promotions);
	add_number(o, "evictions", l->usage.evictions);
	add_number(o, "expiries", l->usage.expiries);
	add_number(o, "entries", l->usage.entries);
	add_number(o, "bytes", l->usage.bytes);
	if (l->usage.max_entries)
		add_number(o, "max_entries", l->usage.max_entries);
	if (l->usage.max_bytes)
		add_number(o, "max_bytes", l->usage.max_bytes);
	cJSON_AddItemToArray(array, o);
}

static void add_fuse(struct fs *fs, cJSON *root)
{
	cJSON *o = cJSON_AddObjectToObject(root, "fuse");
	struct loop_stats loop;
	struct notifier_stats notifier;

	inodes_lock(&fs->inodes);
	uint64_t inodes = fs->inodes.inode_count, names = fs->inodes.name_count;
	uint64_t pending = atomic_load(&fs->inodes.copies.bytes);
	inodes_unlock(&fs->inodes);
	add_number(o, "inodes", inodes);
	add_number(o, "names", names);
	add_number(o, "pending_bytes", pending);
	add_number(o, "opens_retried", atomic_load(&fs->opens_stale));
	add_number(o, "killed_writers", atomic_load(&fs->killed_writers));
	if (fs->loop) {
		loop_stats(fs->loop, &loop);
		add_number(o, "requests", loop.requests);
		add_number(o, "handovers", loop.handovers);
		add_number(o, "threads", loop.threads);
		add_number(o, "waiting", loop.waiting);
	}
	if (fs->notifier) {
		notifier_stats(fs->notifier, &notifier);
		add_number(o, "notifications", notifier.entries);
		add_number(o, "epochs", notifier.epochs);
		cJSON_AddBoolToObject(o, "epoch_supported", notifier.epoch_supported);
	}
}

static cJSON *stats_json(struct fs *fs)
{
	struct cache_stats stats;
	cJSON *root = cJSON_CreateObject();

	if (layered_stats(fs->cache, &stats) < 0) {
		cJSON_Delete(root);
		return NULL;
	}
	add_number(root, "gets", stats.gets);
	add_number(root, "hits", stats.hits);
	add_number(root, "misses", stats.misses);
	add_number(root, "sets", stats.sets);
	add_number(root, "failed_sets", stats.failed_sets);
	add_number(root, "invalidations", stats.invalidations);
	cJSON *layers = cJSON_AddArrayToObject(root, "layers");
	for (size_t i = 0; i < stats.layer_count; i++)
		add_layer(layers, &stats.layers[i]);
	free(stats.layers);
	add_fuse(fs, root);
	return root;
}

static struct value *json_text(cJSON *json)
{
	char *text = json ? cJSON_Print(json) : NULL;
	struct value *value = NULL;

	cJSON_Delete(json);
	if (!text)
		return NULL;
	size_t size = strlen(text);
	char *line = realloc(text, size + 2);
	if (!line) {
		free(text);
		return NULL;
	}
	memcpy(line + size, "\n", 2);
	value = value_adopt(line, size + 1);
	return value;
}

struct value *control_text(struct fs *fs, int file)
{
	switch (file) {
	case CONTROL_STATS:
		return json_text(stats_json(fs));
	case CONTROL_CONFIG:
		return json_text(config_to_json(fs->config));
	case CONTROL_TAG:
		return value_copy(cachedir_tag, sizeof(cachedir_tag) - 1);
	default:
		return NULL;
	}
}
