/* Gets. See disk/get.h. */
#include "disk/get.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "disk/row.h"
#include "disk/store.h"
#include "base/log.h"
#include "base/waiting.h"

enum {
	LARGE = 256 * 1024, /* loading more bytes than this counts as waiting */
	FILE_TRIES = 64,    /* a row may be replaced, and its file removed, before it is opened */
	HITS_TRIES = 64,    /* a transaction may end between the row and the hits beside it */
};

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

int disk_stat(void *state, struct key key, struct meta *meta)
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

int disk_revalidate(void *state, struct key key, const struct meta *copy)
{
	struct meta meta;
	int rc = disk_stat(state, key, &meta);

	if (rc < 0)
		return rc;
	bool same = meta_is_copy(copy, &meta);
	meta_fini(&meta);
	return same ? 0 : -ESTALE;
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
		sqlite3_bind_int64(s, 5, LARGE);
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

void disk_note_hit(void *state, struct key key)
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
	assert(value_size(lookup.value) == lookup.meta.size);
	if (is_hit)
		disk_note_hit(d, key);
	complete_hits(d, &lookup); /* the value is what was asked for */
	*value = lookup.value;
	*meta = lookup.meta;
	return 0;
}

int disk_get(void *state, struct key key, struct value **value, struct meta *meta)
{
	int rc = load(state, key, true, value, meta);

	if (rc == 0)
		meta->hit_ms = time_wall_ms(((struct disk *)state)->env->time);
	return rc;
}

int disk_peek(void *state, struct key key, struct value **value, struct meta *meta)
{
	return load(state, key, false, value, meta);
}
