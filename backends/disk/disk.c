/*
 * The disk layer: entries in an SQLite database that other programs may share. Gets read on
 * connections of their own and never commit. Every change is a job, and one thread at a time
 * writes. See disk/store.h for the modules.
 */
#include "cache.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "disk/get.h"
#include "disk/list.h"
#include "disk/set.h"
#include "disk/store.h"

/* --- opening and closing ---------------------------------------------------------------------- */

static void disk_free(struct disk *d)
{
	disk_watch_fini(d);
	disk_hits_fini(&d->hits);
	value_files_fini(&d->values);
	disk_readers_fini(&d->readers);
	free(d);
}

static int check_values(const struct disk *d, struct problem *problem)
{
	char reason[120];

	if (value_files_check(&d->values, reason, sizeof(reason)) == 0)
		return 0;
	return problem_set(problem, "path",
			   "remove it, give it back to the owner of the database, or choose "
			   "another place for that",
			   "%.300s %s: what others can put there is not trusted", d->values.path,
			   reason);
}

static int disk_open(const void *conf, const struct backend_env *env, void **state,
		     struct problem *problem)
{
	const struct disk_conf *c = conf;

	int rc = disk_conf_check(c, problem);
	if (rc == 0)
		rc = disk_conf_make_directory(c, problem);
	if (rc < 0)
		return rc;
	struct disk *d = calloc(1, sizeof(*d));
	if (!d)
		return -ENOMEM;
	d->conf = c;
	d->env = env;
	atomic_store(&d->page_size, 4096);
	disk_readers_init(&d->readers, env->time);
	disk_hits_init(&d->hits, env->time);
	disk_watch_init(d);
	disk_space_init(d);
	rc = value_files_init(&d->values, c->path);
	if (rc == 0)
		rc = check_values(d, problem);
	if (rc == 0)
		rc = disk_writer_start(d);
	if (rc < 0) {
		disk_free(d);
		return rc;
	}
	*state = d;
	return 0;
}

static void disk_close(void *state)
{
	struct disk *d = state;

	disk_readers_close(d);
	disk_writer_stop(d);
	disk_free(d);
}

static void disk_ending(void *state)
{
	disk_writer_ending(state);
}

static bool disk_catch_up(void *state)
{
	return disk_watch_catch_up(state);
}

/* --- changes ---------------------------------------------------------------------------------- */

static int submit(void *state, struct disk_job job)
{
	job.fd = -1;
	return disk_writer_submit(state, &job);
}

static int disk_touch(void *state, struct key key, const struct meta *meta, unsigned fields)
{
	return submit(state,
		      (struct disk_job){
			      .kind = DISK_JOB_TOUCH, .key = key, .meta = meta, .fields = fields });
}

static int disk_remove(void *state, struct key key)
{
	return submit(state, (struct disk_job){ .kind = DISK_JOB_REMOVE, .key = key });
}

static int disk_remove_prefix(void *state, struct key prefix)
{
	return submit(state, (struct disk_job){ .kind = DISK_JOB_REMOVE_PREFIX, .key = prefix });
}

static int disk_remove_unreachable(void *state)
{
	return submit(state, (struct disk_job){ .kind = DISK_JOB_REMOVE_UNREACHABLE });
}

static int disk_rename(void *state, struct key from, struct key to)
{
	return submit(state, (struct disk_job){ .kind = DISK_JOB_RENAME, .key = from, .to = to });
}

static int disk_rename_prefix(void *state, struct key from, struct key to)
{
	return submit(state,
		      (struct disk_job){ .kind = DISK_JOB_RENAME_BELOW, .key = from, .to = to });
}

static int disk_dir_set(void *state, struct key dir, const struct meta *meta)
{
	return submit(state,
		      (struct disk_job){ .kind = DISK_JOB_DIR_SET, .key = dir, .meta = meta });
}

static int disk_dir_remove(void *state, struct key dir)
{
	return submit(state, (struct disk_job){ .kind = DISK_JOB_DIR_REMOVE, .key = dir });
}

/* --- amounts ---------------------------------------------------------------------------------- */

static void disk_usage(void *state, struct layer_usage *usage)
{
	struct disk *d = state;
	int64_t entries = atomic_load(&d->entries);

	*usage = (struct layer_usage){
		.entries = entries > 0 ? (uint64_t)entries : 0,
		.bytes = atomic_load(&d->used_bytes),
		.max_bytes = d->conf->size_limit,
		.evictions = atomic_load(&d->evictions),
		.expiries = atomic_load(&d->expiries),
		.down = !atomic_load(&d->up),
		.path = d->conf->path,
	};
	lock_take(&d->readers.lock);
	memcpy(usage->trouble, d->trouble, sizeof(usage->trouble));
	lock_release(&d->readers.lock);
	if (!usage->trouble[0])
		free_space_trouble(&d->space.policy, usage->trouble, sizeof(usage->trouble));
}

const struct backend backend_disk = {
	.type = "disk",
	.options = disk_conf_options,
	.conf_size = sizeof(struct disk_conf),
	.durable = true,
	.check = disk_conf_check,
	.places = disk_conf_places,
	.open = disk_open,
	.close = disk_close,
	.ending = disk_ending,
	.stat = disk_stat,
	.get = disk_get,
	.peek = disk_peek,
	.revalidate = disk_revalidate,
	.catch_up = disk_catch_up,
	.set = disk_set,
	.foresee = disk_foresee,
	.touch = disk_touch,
	.remove = disk_remove,
	.remove_prefix = disk_remove_prefix,
	.remove_unreachable = disk_remove_unreachable,
	.rename = disk_rename,
	.rename_prefix = disk_rename_prefix,
	.check_rename_prefix = disk_check_rename_prefix,
	.list = disk_list,
	.dir_stat = disk_dir_stat,
	.dir_set = disk_dir_set,
	.dir_remove = disk_dir_remove,
	.sync = disk_sync,
	.note_hit = disk_note_hit,
	.temp_file = disk_temp_file,
	.free_space = disk_free_space,
	.usage = disk_usage,
};
