/*
 * Changes of very many rows: the removal of a prefix, the rename of a directory. They run in steps.
 * Each step is a short transaction; other jobs and other programs write between the steps. A step
 * starts at the first row that is left in the range. If the daemon dies during a removal, some rows
 * stay; nobody has been told that they are removed. A rename must not end half done. So the first
 * step of a rename that needs several records it in the database, and the daemon that opens the
 * database next finishes the rename.
 */
#include "disk/range.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "disk/row.h"
#include "disk/entry.h"
#include "disk/store.h"
#include "base/log.h"

enum {
	SCAN_ROWS = 4096, /* looked at in one step */
	SCAN_FOUND = 64,
	NOTE_NAME = 24, /* "move:" and 16 digits */
};

/* --- the first row of a range ----------------------------------------------------------------- */

/* Removes or moves the row that the statement stands at, and resets it. */
typedef int change_row(struct disk_txn *txn, const struct disk_job *job, enum disk_statement list,
		       sqlite3_stmt *row);

/* Whether a row lies in the range by the bytes of its key: of a damaged index anything may come. */
static bool is_in_range(sqlite3_stmt *row, const struct disk_range *range)
{
	return key_begins(disk_column_key(row, 0), key_make(range->first.bytes, range->first.size));
}

/* 1: there was one; 0: there is none. What is changed leaves the range. */
static int change_first(struct disk_txn *txn, const struct disk_job *job, enum disk_statement list,
			const struct disk_range *range, enum disk_key_type type, change_row *change)
{
	sqlite3_stmt *row = disk_statement(txn->db, list);

	if (row)
		disk_range_bind(row, range, type);
	int rc = db_step(txn->db, row);
	if (rc > 0 && !is_in_range(row, range))
		rc = -EUCLEAN;
	if (rc > 0) {
		rc = change(txn, job, list, row);
		rc = rc < 0 ? rc : 1;
	}
	sqlite3_reset(row);
	return rc;
}

/* Until the range is empty, or the time of the transaction is over. */
static int change_range(struct disk_txn *txn, struct disk_job *job, const struct disk_range *range,
			change_row *change)
{
	static const enum disk_statement lists[] = { DISK_KEYS_BELOW, DISK_DIRS_KEYS_BELOW };
	int rc = 0;

	for (int type = DISK_KEYS_TEXT; type <= DISK_KEYS_BLOB; type++)
		for (int i = 0; i < 2; i++)
			while ((rc = change_first(txn, job, lists[i], range,
						  (enum disk_key_type)type, change)) != 0) {
				if (rc < 0)
					return rc;
				job->progress.found = true;
				job->more = !disk_txn_has_time(txn);
				if (job->more)
					return 0;
			}
	return 0;
}

/* --- removal ---------------------------------------------------------------------------------- */

/* The file of the row, by the index of those that have one. */
static int find_file(struct disk_txn *txn, sqlite3_stmt *row, char file[VALUE_FILE_NAME],
		     uint64_t *size)
{
	sqlite3_stmt *s = disk_statement(txn->db, DISK_FILE_OF);

	file[0] = '\0';
	if (s)
		sqlite3_bind_value(s, 1, sqlite3_column_value(row, 0));
	int rc = db_step(txn->db, s);
	if (rc > 0) {
		disk_column_file(s, 0, file);
		*size = (uint64_t)sqlite3_column_int64(s, 1);
	}
	sqlite3_reset(s);
	return rc < 0 ? rc : 0;
}

static int remove_marker(struct disk_txn *txn, sqlite3_stmt *row)
{
	sqlite3_stmt *s = disk_statement(txn->db, DISK_DIR_DELETE);

	if (s)
		sqlite3_bind_value(s, 1, sqlite3_column_value(row, 0));
	sqlite3_reset(row);
	return disk_txn_change_found(txn, s);
}

static int remove_row(struct disk_txn *txn, const struct disk_job *job, enum disk_statement list,
		      sqlite3_stmt *row)
{
	char file[VALUE_FILE_NAME];
	uint64_t size = 0;

	(void)job;
	if (list == DISK_DIRS_KEYS_BELOW)
		return remove_marker(txn, row);
	int64_t id = sqlite3_column_int64(row, 1);
	int rc = find_file(txn, row, file, &size);
	sqlite3_reset(row);
	return rc < 0 ? rc : disk_entry_delete(txn, id, file, size);
}

int disk_range_remove(struct disk_txn *txn, struct disk_job *job)
{
	struct disk_range range;

	disk_range_prefix(&range, job->key);
	int rc = change_range(txn, job, &range, remove_row);
	return rc == 0 && !job->more && !job->progress.found ? -ENOENT : rc;
}

/* Rows from progress.position on whose key no call can name. 1: all have been looked at. */
static int find_unreachable(struct disk_txn *txn, struct disk_job *job, int64_t ids[SCAN_FOUND],
			    int *count)
{
	sqlite3_stmt *s = disk_statement(txn->db, DISK_ALL_KEYS);
	int rc = 1, rows = 0;

	*count = 0;
	if (s)
		sqlite3_bind_int64(s, 1, job->progress.position);
	while (rows++ < SCAN_ROWS && *count < SCAN_FOUND && (rc = db_step(txn->db, s)) > 0) {
		int64_t id = sqlite3_column_int64(s, 1);
		if (!disk_column_key_is_ours(s, 0))
			ids[(*count)++] = id;
		if (id == INT64_MAX) {
			rc = 0;
			break;
		}
		job->progress.position = id + 1;
	}
	sqlite3_reset(s);
	return rc < 0 ? rc : rc == 0;
}

/* They are another program's: no file is theirs. */
int disk_range_remove_unreachable(struct disk_txn *txn, struct disk_job *job)
{
	int64_t ids[SCAN_FOUND];
	int count;

	if (!job->progress.begun)
		job->progress.position = INT64_MIN;
	job->progress.begun = true;
	int all = find_unreachable(txn, job, ids, &count);
	int rc = all < 0 ? all : 0;
	for (int i = 0; i < count && rc == 0; i++)
		rc = disk_entry_delete(txn, ids[i], "", 0);
	job->progress.found |= count > 0;
	job->more = rc == 0 && !all;
	return rc == 0 && !job->more && !job->progress.found ? -ENOENT : rc;
}

/* --- rename ----------------------------------------------------------------------------------- */

static int move_marker(struct disk_txn *txn, struct key from, struct key to)
{
	sqlite3_stmt *s = disk_statement(txn->db, DISK_DIR_MOVE);

	if (s) {
		disk_bind_key(s, 1, from);
		disk_bind_key(s, 2, to);
	}
	return disk_txn_change_found(txn, s);
}

/* One name below the source to the same place below the target. */
static int move_row(struct disk_txn *txn, const struct disk_job *job, enum disk_statement list,
		    sqlite3_stmt *row)
{
	struct key key = disk_column_key(row, 0), from = job->key, to = job->to;
	struct key_buffer source, target;
	bool marker = list == DISK_DIRS_KEYS_BELOW;
	int64_t id = sqlite3_column_int64(row, 1);
	size_t size = key.size - from.size + to.size, most = KEY_MAX + (marker ? 1u : 0u);

	if (size > most || key.size > most)
		return -ENAMETOOLONG;
	memcpy(source.bytes, key.bytes, key.size);
	memcpy(target.bytes, to.bytes, to.size);
	memcpy(target.bytes + to.size, key.bytes + from.size, key.size - from.size);
	key.bytes = source.bytes;
	sqlite3_reset(row);
	if (marker)
		return move_marker(txn, key, key_make(target.bytes, size));
	return disk_entry_move(txn, id, key, key_make(target.bytes, size));
}

static void note_name(const struct disk_job *job, char name[NOTE_NAME])
{
	snprintf(name, NOTE_NAME, "move:%016llx", (unsigned long long)job->progress.position);
}

/* The size of the source in two bytes, the source, the target. */
static int note_move(struct disk_txn *txn, struct disk_job *job)
{
	struct key from = job->key, to = job->to;
	char name[NOTE_NAME], keys[2 + 2 * KEY_MAX];
	sqlite3_stmt *s = disk_statement(txn->db, DISK_NOTE_MOVE);

	if (!job->progress.begun)
		sqlite3_randomness(sizeof(job->progress.position), &job->progress.position);
	job->progress.begun = true;
	note_name(job, name);
	keys[0] = (char)(from.size >> 8);
	keys[1] = (char)(from.size & 0xff);
	memcpy(keys + 2, from.bytes, from.size);
	memcpy(keys + 2 + from.size, to.bytes, to.size);
	if (s) {
		sqlite3_bind_text(s, 1, name, -1, SQLITE_TRANSIENT);
		sqlite3_bind_blob(s, 2, keys, (int)(2 + from.size + to.size), SQLITE_TRANSIENT);
	}
	return db_run(txn->db, s);
}

static int forget_move(struct disk_txn *txn, const char *name)
{
	sqlite3_stmt *s = disk_statement(txn->db, DISK_FORGET_MOVE);

	if (s)
		sqlite3_bind_text(s, 1, name, -1, SQLITE_TRANSIENT);
	return db_run(txn->db, s);
}

static bool can_be_moved(struct key from, struct key to)
{
	return from.size > 0 && to.size > 0 && from.size <= KEY_MAX && to.size <= KEY_MAX &&
	       !key_equal(from, to) && !key_is_below(to, from) && !key_is_below(from, to);
}

/* The target is not cleared first: what lies there may have been moved by a run whose answer was
 * lost, or by a step. */
int disk_range_rename(struct disk_txn *txn, struct disk_job *job)
{
	char name[NOTE_NAME];
	struct disk_range range;

	if (key_equal(job->key, job->to))
		return 0;
	if (!can_be_moved(job->key, job->to))
		return -EINVAL;
	disk_range_below(&range, job->key);
	int rc = change_range(txn, job, &range, move_row);
	if (rc < 0)
		return rc;
	if (job->more)
		return note_move(txn, job);
	note_name(job, name);
	return job->progress.begun ? forget_move(txn, name) : 0;
}

bool disk_range_turn_back(struct disk_job *job)
{
	struct key from = job->key;

	assert(job->rc < 0);
	if (job->kind != DISK_JOB_RENAME_BELOW || !job->progress.begun || job->failure < 0)
		return false;
	job->failure = job->rc;
	job->key = job->to;
	job->to = from;
	return true;
}

/* --- renames that a daemon that died has begun -------------------------------------------------
 */

struct noted_move {
	char name[NOTE_NAME];
	struct key_buffer from, to;
};

/* 1: one; without keys if it is damaged. */
static int find_noted(struct db *db, struct noted_move *m)
{
	sqlite3_stmt *s = disk_statement(db, DISK_NOTED_MOVE);
	int rc = db_step(db, s);

	m->from.size = m->to.size = 0;
	if (rc > 0) {
		struct key name = disk_column_key(s, 0), keys = disk_column_key(s, 1);
		const uint8_t *bytes = (const uint8_t *)keys.bytes;
		size_t size = keys.size > 2 ? (size_t)(bytes[0] << 8 | bytes[1]) : 0;
		snprintf(m->name, sizeof(m->name), "%.*s", (int)name.size, name.bytes);
		if (size > 0 && size <= KEY_MAX && size < keys.size - 2 &&
		    keys.size - 2 - size <= KEY_MAX) {
			m->from.size = size;
			memcpy(m->from.bytes, keys.bytes + 2, size);
			m->to.size = keys.size - 2 - size;
			memcpy(m->to.bytes, keys.bytes + 2 + size, m->to.size);
		}
	}
	sqlite3_reset(s);
	return rc;
}

/* A step of it. Its note goes with the last, or if it says nothing that can be done. */
static int finish_step(struct disk_txn *txn, const struct noted_move *m)
{
	struct disk_job job = { .kind = DISK_JOB_RENAME_BELOW,
				.key = key_make(m->from.bytes, m->from.size),
				.to = key_make(m->to.bytes, m->to.size),
				.progress = { .begun = true } };
	char name[NOTE_NAME];

	job.progress.position = (int64_t)strtoull(m->name + strcspn(m->name, ":") + 1, NULL, 16);
	note_name(&job, name);
	if (strcmp(name, m->name) != 0 || !can_be_moved(job.key, job.to))
		return forget_move(txn, m->name);
	int rc = disk_range_rename(txn, &job);
	return rc == -ENAMETOOLONG ? forget_move(txn, m->name) : rc;
}

static int finish_in_transaction(struct disk *d, const struct noted_move *m)
{
	struct disk_txn txn;
	int rc = disk_txn_begin(&txn, d);

	return rc < 0 ? rc : disk_txn_end(&txn, finish_step(&txn, m));
}

void disk_range_finish_renames(struct disk *d)
{
	struct noted_move m;
	int rc, steps = 0;

	while ((rc = find_noted(disk_db(d), &m)) > 0) {
		if (steps++ == 0)
			log_info("disk: layer \"%s\": finishing the rename of a directory that "
				 "had begun in an earlier run",
				 d->env->layer_name);
		rc = finish_in_transaction(d, &m);
		if (rc < 0)
			break;
	}
	if (rc < 0)
		log_error("disk: layer \"%s\": the rename of a directory that had begun in an "
			  "earlier run cannot be finished now: %s; the next start tries again",
			  d->env->layer_name, strerror(-rc));
}
