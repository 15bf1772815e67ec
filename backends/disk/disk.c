/*
 * The disk layer: entries in an SQLite database that other programs may share. Gets read on
 * connections of their own and never commit; everything that writes is a job for the one writer
 * thread. See disk/store.h for the parts.
 */
#include "disk/disk.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "disk/amounts.h"
#include "disk/row.h"
#include "disk/store.h"
#include "base/log.h"
#include "base/waiting.h"

enum {
	FILE_TRIES =
		64, /* a row may be replaced, and its file removed, before the file is opened */
	FREE_TRIES = 8,  /* another program may take what was freed */
	HITS_TRIES = 64, /* a transaction may end between the row and the hits beside it */
};

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
	disk_readers_init(&d->readers);
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

/* --- gets ------------------------------------------------------------------------------------- */

static sqlite3_stmt *bind_lookup(struct disk *d, struct db *db, enum disk_statement id,
				 struct key key)
{
	sqlite3_stmt *s = disk_statement(db, id);

	if (s) {
		disk_bind_key(s, 1, key);
		disk_bind_instant(s, 2, time_instant(d->env->time));
	}
	return s;
}

static void take_meta(struct disk_lookup *lookup, sqlite3_stmt *s)
{
	disk_row_meta(s, &lookup->meta);
	lookup->used = disk_row_used(s);
}

static int read_stat(struct disk *d, struct db *db, struct disk_lookup *lookup)
{
	sqlite3_stmt *s = bind_lookup(d, db, DISK_STAT, lookup->key);

	lookup->settled = disk_hits_settled(&d->hits);
	int rc = db_step(db, s);
	if (rc > 0)
		take_meta(lookup, s);
	if (s)
		sqlite3_reset(s);
	return rc > 0 ? 0 : rc < 0 ? rc : -ENOENT;
}

/*
 * Adds the hits that are not in the row. If they came into it meanwhile, it is read again; an error
 * of that leaves what the row said at first.
 */
static int complete_hits(struct disk *d, struct disk_lookup *lookup)
{
	struct disk_lookup again = { .key = lookup->key };

	for (int i = 0; i < HITS_TRIES; i++) {
		if (disk_hits_add(&d->hits, lookup->key, lookup->used, lookup->settled,
				  &lookup->meta))
			break;
		int rc = disk_read(d, read_stat, &again);
		if (rc < 0)
			return rc;
		lookup->meta.hits = again.meta.hits;
		lookup->meta.hit_ms = again.meta.hit_ms;
		lookup->used = again.used;
		lookup->settled = again.settled;
		meta_fini(&again.meta);
	}
	return 0;
}

static int disk_stat(void *state, struct key key, struct meta *meta)
{
	struct disk *d = state;
	struct disk_lookup lookup = { .key = key };

	int rc = disk_read(d, read_stat, &lookup);
	if (rc < 0)
		return rc;
	rc = complete_hits(d, &lookup);
	if (rc < 0)
		meta_fini(&lookup.meta);
	else
		*meta = lookup.meta;
	return rc;
}

static int disk_revalidate(void *state, struct key key, const struct meta *copy)
{
	struct meta meta;
	int rc = disk_stat(state, key, &meta);

	if (rc < 0)
		return rc;
	bool same = meta_is_copy(copy, &meta);
	meta_fini(&meta);
	return same ? 0 : -ESTALE;
}

static bool disk_catch_up(void *state)
{
	return disk_watch_catch_up(state);
}

/* Straight into the value's own memory; the statement that found the row keeps it as it was. */
static int load_large(struct db *db, int64_t id, uint64_t size, struct value **value)
{
	sqlite3_blob *blob = NULL;

	waiting_begin();
	if (sqlite3_blob_open(db->handle, "main", "cache", "payload", id, 0, &blob) != SQLITE_OK)
		return db_errno(db);
	int rc = 0;
	void *bytes = NULL;
	if ((uint64_t)sqlite3_blob_bytes(blob) != size)
		rc = -EBADMSG;
	if (rc == 0 && !(bytes = malloc((size_t)size)))
		rc = -ENOMEM;
	if (rc == 0 && sqlite3_blob_read(blob, bytes, (int)size, 0) != SQLITE_OK)
		rc = db_errno(db);
	sqlite3_blob_close(blob);
	if (rc < 0) {
		free(bytes);
		return rc;
	}
	*value = value_adopt(bytes, (size_t)size);
	return *value ? 0 : -ENOMEM;
}

static int load_value(struct db *db, sqlite3_stmt *s, struct disk_lookup *lookup)
{
	const char *file = (const char *)sqlite3_column_text(s, DISK_COLUMN_FILE);

	if (file) {
		strncpy(lookup->file, file, sizeof(lookup->file) - 1);
		return 0;
	}
	if (sqlite3_column_type(s, DISK_COLUMN_EXTRA) == SQLITE_NULL)
		return load_large(db, sqlite3_column_int64(s, DISK_COLUMN_ROWID), lookup->meta.size,
				  &lookup->value);
	struct key payload = disk_column_key(s, DISK_COLUMN_EXTRA);
	if (payload.size != lookup->meta.size)
		return -EBADMSG;
	lookup->value = value_copy(payload.bytes, payload.size);
	return lookup->value ? 0 : -ENOMEM;
}

static int read_get(struct disk *d, struct db *db, struct disk_lookup *lookup)
{
	sqlite3_stmt *s = bind_lookup(d, db, DISK_GET, lookup->key);

	if (s)
		sqlite3_bind_int64(s, 5, DISK_LARGE);
	lookup->settled = disk_hits_settled(&d->hits);
	int rc = db_step(db, s);
	if (rc > 0) {
		take_meta(lookup, s);
		rc = load_value(db, s, lookup);
		if (rc < 0)
			meta_fini(&lookup->meta);
	} else if (rc == 0) {
		rc = -ENOENT;
	}
	if (s)
		sqlite3_reset(s);
	return rc;
}

/* Said once, not at every get. */
static void complain(struct disk *d, struct key key, const char *what, const char *then)
{
	uint64_t hash = key_hash(key);

	if (atomic_exchange(&d->damaged, hash) != hash)
		log_error("disk: layer \"%s\": %s of \"%.*s\" in %s%s", d->env->layer_name, what,
			  (int)key.size, key.bytes, d->conf->path, then);
}

/* A value that is not what was stored is a miss. */
static int damaged(struct disk *d, struct key key, const char *what)
{
	complain(d, key, what, "; treated as a miss, set or remove it");
	return -ENOENT;
}

/* Its file is there, and cannot be opened: no miss. What the daemon is short of, the gate says. */
static int unreadable(struct disk *d, struct key key, int rc)
{
	if (rc == -EBADF)
		complain(d, key, "no regular file in the place of the file", ".values: damaged");
	else if (rc == -EACCES)
		complain(d, key, "no permission to read the file", ".values");
	return rc == -EBADF ? -EIO : rc;
}

static int verify(struct disk *d, struct key key, struct value *value, const struct meta *meta)
{
	uint64_t checksum = 0, offset;
	int fd = value_fd(value, &offset);

	if (meta->version == 0 || (fd >= 0 && value_files_is_verified(&d->values, fd)))
		return 0;
	if (fd >= 0)
		waiting_begin(); /* all of it is read, once until the file changes */
	int rc = value_checksum(value, &checksum);
	if (rc < 0)
		return rc;
	if (checksum != meta->checksum)
		return damaged(d, key, "wrong checksum");
	if (fd >= 0)
		value_files_note_verified(&d->values, fd);
	return 0;
}

/* Reads the row; for a large value opens the file that it names. */
static int find_value(struct disk *d, struct disk_lookup *lookup)
{
	int fd = -1;

	for (int i = 0; i < FILE_TRIES; i++) {
		int rc = disk_read(d, read_get, lookup);
		if (rc == -EBADMSG)
			return damaged(d, lookup->key, "wrong size");
		if (rc < 0 || lookup->value)
			return rc;
		fd = value_files_open(&d->values, lookup->file, lookup->meta.size);
		if (fd >= 0)
			break;
		meta_fini(&lookup->meta);
		if (fd != -ENOENT)
			return unreadable(d, lookup->key, fd);
	}
	if (fd < 0)
		return damaged(d, lookup->key, "missing file");
	lookup->value = value_from_file(fd, 0, lookup->meta.size);
	if (lookup->value)
		return 0;
	meta_fini(&lookup->meta);
	return -ENOMEM;
}

static void disk_note_hit(void *state, struct key key)
{
	struct disk *d = state;

	if (disk_hits_note(&d->hits, key))
		disk_queue_nudge(&d->queue);
}

/* The stored value, verified. */
static int load(struct disk *d, struct key key, bool is_hit, struct value **value,
		struct meta *meta)
{
	struct disk_lookup lookup = { .key = key };

	int rc = find_value(d, &lookup);
	if (rc < 0)
		return rc;
	rc = verify(d, key, lookup.value, &lookup.meta);
	if (rc < 0) {
		value_unref(lookup.value);
		meta_fini(&lookup.meta);
		return rc;
	}
	if (is_hit)
		disk_note_hit(d, key);
	complete_hits(d, &lookup); /* the value is what was asked for */
	*value = lookup.value;
	*meta = lookup.meta;
	return 0;
}

static int disk_get(void *state, struct key key, struct value **value, struct meta *meta)
{
	int rc = load(state, key, true, value, meta);

	if (rc == 0)
		meta->hit_ms = time_wall_ms(((struct disk *)state)->env->time);
	return rc;
}

static int disk_peek(void *state, struct key key, struct value **value, struct meta *meta)
{
	return load(state, key, false, value, meta);
}

/* --- sets ------------------------------------------------------------------------------------- */

/* Puts the value into the job as heap bytes. *loaded: what to free, if it lay in a file. */
static int job_inline(struct disk_job *job, struct value *value, void **loaded)
{
	job->bytes = value_bytes(value);
	if (job->bytes || job->size == 0)
		return 0;
	waiting_begin();
	char *bytes = *loaded = malloc((size_t)job->size);
	if (!bytes)
		return -ENOMEM;
	job->bytes = bytes;
	for (uint64_t done = 0; done < job->size;) {
		ssize_t n = value_read(value, bytes + done, (size_t)(job->size - done), done);
		if (n <= 0)
			return n < 0 ? (int)n : -EIO;
		done += (uint64_t)n;
	}
	return 0;
}

/* Evicts until the file system has so many bytes, for the key's new value. 0 or -errno. */
static int disk_free_space(void *state, struct key key, uint64_t bytes)
{
	struct disk_job job = { .kind = DISK_JOB_FREE, .key = key, .size = bytes, .fd = -1 };

	return disk_writer_submit(state, &job);
}

/* A copy of the value in an unnamed file: an fd or -errno. */
static int copy_to_file(struct disk *d, struct key key, struct value *value)
{
	int fd, tries = 0;

	do
		fd = value_files_copy(&d->values, value);
	while (fd == -ENOSPC && ++tries < FREE_TRIES &&
	       disk_free_space(d, key, value_size(value)) == 0);
	return fd;
}

/* Stores the value in a file of its own; the job borrows *copy, an fd to be closed. */
static int set_in_file(struct disk *d, struct disk_job *job, struct value *value, int *copy)
{
	uint64_t offset;

	waiting_begin();
	if (value_files_can_adopt(&d->values, value)) {
		job->fd = value_fd(value, &offset);
		int rc = disk_writer_submit(d, job);
		if (rc == 0) /* its checksum was taken from these bytes */
			value_files_note_verified(&d->values, job->fd);
		if (rc != -EXDEV)
			return rc;
	}
	*copy = copy_to_file(d, job->key, value);
	if (*copy < 0)
		return *copy;
	job->fd = *copy;
	int rc = disk_writer_submit(d, job);
	return rc == -EXDEV ? -EIO : rc;
}

static int set_inline(struct disk *d, struct disk_job *job, struct value *value)
{
	void *loaded = NULL;

	job->fd = -1;
	int rc = job_inline(job, value, &loaded);
	if (rc == 0)
		rc = disk_writer_submit(d, job);
	free(loaded);
	return rc;
}

static int disk_set(void *state, struct key key, struct value *value, const struct meta *meta)
{
	struct disk *d = state;
	struct disk_job job = { .kind = DISK_JOB_SET, .key = key, .meta = meta, .fd = -1 };
	int copy = -1;

	job.size = value_size(value);
	if (!atomic_load(&d->up))
		return -EHOSTDOWN;
	if (d->conf->size_limit > 0 && job.size > d->conf->size_limit)
		return -EFBIG;
	if (job.size <= atomic_load(&d->inline_limit))
		return set_inline(d, &job, value);
	int rc = set_in_file(d, &job, value, &copy);
	if (copy >= 0)
		close(copy);
	/* No O_TMPFILE on this file system; no room for a file. */
	if (copy == -EOPNOTSUPP || copy == -EISDIR || rc == -EOPNOTSUPP)
		return set_inline(d, &job, value);
	return rc;
}

static int disk_foresee(void *state, struct key key, uint64_t size)
{
	struct disk *d = state;

	(void)key;
	if (!atomic_load(&d->up))
		return -EHOSTDOWN;
	if (d->conf->size_limit > 0 && size > d->conf->size_limit)
		return -EFBIG;
	if (size <= d->conf->inline_limit) /* so small that looking would cost more than it saves */
		return 0;
	if (size > disk_file_system_size(d))
		return -EFBIG;
	return size > disk_file_system_free(d) + atomic_load(&d->used_bytes) ? -ENOSPC : 0;
}

static int disk_temp_file(void *state)
{
	struct disk *d = state;

	return value_files_temp(&d->values);
}

/* --- other changes ---------------------------------------------------------------------------- */

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

/* Whether the keys of a range have at most `longest` bytes: 0 or -ENAMETOOLONG. */
static int check_longest(struct db *db, enum disk_statement id, const struct disk_range *range,
			 enum disk_key_type type, int64_t longest)
{
	sqlite3_stmt *s = disk_statement(db, id);

	if (s)
		disk_range_bind(s, range, type);
	int rc = db_step(db, s);
	if (rc > 0)
		rc = sqlite3_column_int64(s, 0) > longest ? -ENAMETOOLONG : 0;
	if (s)
		sqlite3_reset(s);
	return rc;
}

static int check_lengths(struct disk *d, struct db *db, struct disk_lookup *lookup)
{
	int64_t longest = KEY_MAX - (int64_t)lookup->to.size + (int64_t)lookup->key.size;
	struct disk_range range;
	int rc = 0;

	(void)d;
	disk_range_below(&range, lookup->key);
	for (int type = DISK_KEYS_TEXT; type <= DISK_KEYS_BLOB && rc == 0; type++) {
		rc = check_longest(db, DISK_LONGEST_BELOW, &range, (enum disk_key_type)type,
				   longest);
		if (rc == 0) /* a marker's key has a slash more */
			rc = check_longest(db, DISK_DIRS_LONGEST_BELOW, &range,
					   (enum disk_key_type)type, longest + 1);
	}
	return rc;
}

static int disk_check_rename_prefix(void *state, struct key from, struct key to)
{
	struct disk_lookup lookup = { .key = from, .to = to };

	return to.size <= from.size ? 0 : disk_read(state, check_lengths, &lookup);
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

/* Files first: a row on disk must not point to bytes that are not. */
static int disk_sync(void *state)
{
	struct disk *d = state;

	waiting_begin();
	int rc = value_files_sync(&d->values);
	return rc < 0 ? rc : submit(d, (struct disk_job){ .kind = DISK_JOB_SYNC });
}

/* --- directories ------------------------------------------------------------------------------ */

static int read_children(struct disk *d, struct db *db, struct disk_lookup *lookup)
{
	children_clear(lookup->batch);
	return disk_list_children(d, db, lookup->key, lookup->after, lookup->after_is_dir,
				  lookup->batch);
}

static int disk_list(void *state, struct key dir, struct key after, bool after_is_dir,
		     struct children *batch)
{
	struct disk_lookup lookup = {
		.key = dir, .after = after, .after_is_dir = after_is_dir, .batch = batch
	};

	int rc = disk_read(state, read_children, &lookup);
	if (rc < 0)
		children_clear(batch);
	return rc;
}

/* 1: there is a live key, or a marker, below the directory. */
static int any_below(struct disk *d, struct db *db, enum disk_statement id,
		     const struct disk_range *range, enum disk_key_type type)
{
	sqlite3_stmt *s = disk_statement(db, id);

	if (s) {
		disk_range_bind(s, range, type);
		if (id == DISK_BELOW)
			disk_bind_instant(s, 3, time_instant(d->env->time));
	}
	int rc = db_step(db, s);
	if (s)
		sqlite3_reset(s);
	return rc;
}

static int read_marker(struct db *db, struct key dir, struct meta *meta)
{
	struct key_buffer marker;
	sqlite3_stmt *s = disk_statement(db, DISK_DIR_STAT);

	disk_marker_key(dir, &marker);
	if (s)
		disk_bind_key(s, 1, key_make(marker.bytes, marker.size));
	int rc = db_step(db, s);
	if (rc > 0)
		disk_row_dir_meta(s, meta);
	if (s)
		sqlite3_reset(s);
	return rc;
}

static int read_dir(struct disk *d, struct db *db, struct disk_lookup *lookup)
{
	struct disk_range range;
	int rc = read_marker(db, lookup->key, &lookup->meta);

	disk_range_below(&range, lookup->key);
	for (int type = DISK_KEYS_TEXT; type <= DISK_KEYS_BLOB && rc == 0; type++) {
		rc = any_below(d, db, DISK_BELOW, &range, (enum disk_key_type)type);
		if (rc == 0)
			rc = any_below(d, db, DISK_DIRS_BELOW, &range, (enum disk_key_type)type);
	}
	return rc > 0 ? 0 : rc < 0 ? rc : -ENOENT;
}

static int disk_dir_stat(void *state, struct key dir, struct meta *meta)
{
	struct disk_lookup lookup = { .key = dir };

	int rc = disk_read(state, read_dir, &lookup);
	if (rc == 0)
		*meta = lookup.meta;
	return rc;
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
		free_space_trouble(&d->writer.space, usage->trouble, sizeof(usage->trouble));
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
