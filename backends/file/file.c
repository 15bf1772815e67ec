/* Type "file": one human-readable JSON file per entry (file/entry.h), evicts the oldest first.
 * Durable. Has the options, and opens and closes a layer; file/layer.h has the map. */
#include "cache.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "file/directory.h"
#include "file/dirs.h"
#include "file/keys.h"
#include "file/layer.h"
#include "file/lists.h"
#include "file/move.h"
#include "file/watch.h"
#include "base/log.h"
#include "base/waiting.h"

static const struct option_spec file_options[] = {
	{ .name = "directory",
	  .type = OPT_PATH,
	  .offset = offsetof(struct file_conf, directory),
	  .def = "\".cache/accuralai-file\"",
	  .doc = "where the files are" },
	{ .name = "max_files",
	  .type = OPT_COUNT,
	  .offset = offsetof(struct file_conf, max_files),
	  .def = "null",
	  .min = 1,
	  .nullable = true,
	  .doc = "the most entries it holds; above it the oldest go" },
	{ .name = "file_extension",
	  .type = OPT_STRING,
	  .offset = offsetof(struct file_conf, file_extension),
	  .def = "\".json\"",
	  .doc = "how the names of entries' files end" },
	{ .name = "ensure_directory",
	  .type = OPT_BOOL,
	  .offset = offsetof(struct file_conf, ensure_directory),
	  .def = "true",
	  .doc = "make the directory if it is missing" },
	{ .name = "mode",
	  .type = OPT_MODE,
	  .offset = offsetof(struct file_conf, mode),
	  .def = "null",
	  .min = 0600,
	  .max = 0666,
	  .nullable = true,
	  .doc = "the mode of the files that are made, for sharing them with other users; null: "
		 "\"0600\"" },
	FREE_SPACE_OPTION(offsetof(struct file_conf, min_free)),
	{ 0 },
};

static int file_check(const void *conf, struct problem *problem)
{
	const struct file_conf *c = conf;
	struct stat st;

	if (strlen(c->file_extension) > 32 || strchr(c->file_extension, '/'))
		return problem_set(problem, "file_extension", "for example \".json\"",
				   "not an ending for a file's name");
	if (stat(c->directory, &st) == 0 && !S_ISDIR(st.st_mode))
		return problem_set(problem, "directory", "name a directory",
				   "%.300s is not a directory", c->directory);
	if (!c->ensure_directory && stat(c->directory, &st) < 0)
		return problem_set(problem, "directory",
				   "create it, or set \"ensure_directory\": true",
				   "%.300s does not exist", c->directory);
	return 0;
}

static size_t file_places(const void *conf, struct store_place places[STORE_PLACES_MAX])
{
	const struct file_conf *c = conf;

	places[0] = (struct store_place){ .option = "directory", .prefix = "" };
	snprintf(places[0].path, sizeof(places[0].path), "%s", c->directory);
	return 1;
}

/* Before the layer answers anything. */
static void finish_earlier(struct file_layer *f, bool complete)
{
	file_hits_load(f);
	/* What the index does not know of would not be moved. */
	if (complete && file_move_finish(f) < 0)
		log_error("file: layer \"%s\": a rename of a directory that had begun earlier is "
			  "still half done",
			  f->env->layer_name);
}

static int file_open(const void *conf, const struct backend_env *env, void **state,
		     struct problem *problem)
{
	const struct file_conf *c = conf;
	struct file_layer *f;
	int rc = file_check(c, problem);

	if (rc < 0)
		return rc;
	rc = c->ensure_directory ? file_directory_make(c) : 0;
	if (rc < 0)
		return problem_set(problem, "directory", NULL, "cannot make %.300s: %s",
				   c->directory, strerror(-rc));
	rc = file_layer_new(c, env, &f);
	if (rc == 0 && (rc = file_watch_start(f, finish_earlier)) < 0)
		file_layer_free(f);
	if (rc < 0)
		return problem_set(problem, "directory", NULL, "cannot open %.300s: %s",
				   c->directory, strerror(-rc));
	*state = f;
	return 0;
}

static void file_close(void *state)
{
	file_watch_stop(state);
	file_hits_store(state);
	file_layer_free(state);
}

/* Not every file system tells what another machine does: so the file itself is looked at too. */
static bool file_catch_up(void *state)
{
	file_watch_catch_up(state);
	return false;
}

static int file_sync(void *state)
{
	struct file_layer *f = state;

	waiting_begin();
	return unsynced_sync(&f->unsynced, f->conf->directory, f->env->time);
}

static void file_usage(void *state, struct layer_usage *usage)
{
	struct file_layer *f = state;

	lock_take(&f->lock);
	*usage = (struct layer_usage){
		.entries = f->entries.count,
		.bytes = f->bytes,
		.max_entries = f->conf->max_files,
		.evictions = f->evictions,
		.expiries = f->expiries,
		.path = f->conf->directory,
	};
	lock_release(&f->lock);
	free_space_trouble(&f->space, usage->trouble, sizeof(usage->trouble));
}

const struct backend backend_file = {
	.type = "file",
	.options = file_options,
	.conf_size = sizeof(struct file_conf),
	.durable = true,
	.check = file_check,
	.places = file_places,
	.open = file_open,
	.close = file_close,
	.stat = file_stat,
	.get = file_get,
	.peek = file_peek,
	.revalidate = file_revalidate,
	.catch_up = file_catch_up,
	.set = file_set,
	.foresee = file_foresee,
	.touch = file_touch,
	.remove = file_remove,
	.remove_prefix = file_remove_prefix,
	.rename = file_rename,
	.rename_prefix = file_rename_prefix,
	.check_rename_prefix = file_check_rename_prefix,
	.list = file_list,
	.dir_stat = file_dir_stat,
	.dir_set = file_dir_set,
	.dir_remove = file_dir_remove,
	.sync = file_sync,
	.note_hit = file_note_hit,
	.usage = file_usage,
};
