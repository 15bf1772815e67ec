/* The journal as a queue, and its amounts. See journal.h. */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ledger/journal_store.h"
#include "base/log.h"
#include "base/waiting.h"

enum { DISK_POLL_MS = 100 }; /* nobody tells when other programs free space */

static const char sql_amounts[] = "SELECT count(*), ifnull(sum(size + length(key)), 0),"
				  " ifnull(max(expires_ms), 0) FROM journal";
static const char sql_newest[] = "SELECT max((SELECT ifnull(max(seq), 0) FROM journal),"
				 " (SELECT ifnull(max(seq), 0) FROM journal_damaged))";
static const char sql_known[] = "SELECT 1 FROM journal WHERE file = ?1 UNION ALL"
				" SELECT 1 FROM journal_damaged WHERE file = ?1 LIMIT 1";
static const char sql_next[] =
	"SELECT seq, size, key FROM journal WHERE seq > ?1 ORDER BY seq LIMIT 1";
static const char sql_row[] = "SELECT size, file, key FROM journal WHERE seq = ?1";
static const char sql_delete[] = "DELETE FROM journal WHERE seq = ?1";
static const char sql_aside[] =
	"INSERT OR REPLACE INTO journal_damaged(seq, key, file, head, value)"
	" SELECT seq, key, file, head, value FROM journal WHERE seq = ?1";
static const char sql_owes[] = "SELECT 1 FROM journal WHERE seq <= ?1 AND (key = ?2 OR"
			       " (key >= ?3 AND key < ?4)) LIMIT 1";
static const char sql_oldest[] = "SELECT queued_ms FROM journal ORDER BY seq LIMIT 1";

/* --- files ------------------------------------------------------------------------------------ */

int journal_files_add(struct journal_files *files, const char *name)
{
	if (files->count == files->capacity) {
		size_t capacity = files->capacity ? files->capacity * 2 : 8;
		void *names = realloc(files->names, capacity * sizeof(*files->names));
		if (!names)
			return -ENOMEM;
		files->names = names;
		files->capacity = capacity;
	}
	char *to = files->names[files->count++];
	strncpy(to, name, VALUE_FILE_NAME - 1);
	to[VALUE_FILE_NAME - 1] = '\0';
	return 0;
}

void journal_files_remove(struct journal_files *files, struct value_files *values)
{
	for (size_t i = 0; i < files->count; i++)
		if (value_files_is_name(files->names[i]))
			value_files_remove(values, files->names[i]);
}

void journal_files_fini(struct journal_files *files)
{
	free(files->names);
	*files = (struct journal_files){ 0 };
}

/* Files of sets that were never committed. */
static void sweep(struct journal *j, struct db *db)
{
	struct value_files *values = state_values(j->state);
	sqlite3_stmt *known = db_statement(db, sql_known);
	DIR *dir = known ? value_files_list(values) : NULL;

	for (struct dirent *e = dir ? readdir(dir) : NULL; e; e = readdir(dir)) {
		if (!value_files_is_name(e->d_name))
			continue;
		sqlite3_bind_text(known, 1, e->d_name, -1, SQLITE_TRANSIENT);
		if (db_step(db, known) == 0)
			value_files_remove(values, e->d_name);
		sqlite3_reset(known);
	}
	if (dir)
		closedir(dir);
}

/* --- opening ---------------------------------------------------------------------------------- */

static int read_amounts(struct journal *j, struct db *db)
{
	sqlite3_stmt *row = db_statement(db, sql_amounts);
	int rc = db_step(db, row);

	if (rc > 0) {
		int64_t entries = sqlite3_column_int64(row, 0);
		j->bytes = sqlite3_column_int64(row, 1) +
			   entries * (int64_t)journal_cost(KEY_ROOT, 0);
		atomic_store(&j->entries, entries);
		atomic_store(&j->may_hide, sqlite3_column_int64(row, 2) != 0);
	}
	if (row)
		sqlite3_reset(row);
	if (rc < 0)
		return rc;
	row = db_statement(db, sql_newest);
	rc = db_step(db, row);
	if (rc > 0)
		atomic_store(&j->seq, sqlite3_column_int64(row, 0));
	if (row)
		sqlite3_reset(row);
	return rc < 0 ? rc : 0;
}

int journal_open(struct state *state, const struct journal_conf *conf,
		 const struct time_source *time, struct journal **journal)
{
	struct journal *j = calloc(1, sizeof(*j));
	struct db *db = state_read_begin(state);

	if (!j || !db) {
		free(j);
		state_read_end(state, db);
		return -ENOMEM;
	}
	j->state = state;
	j->conf = *conf;
	j->time = time;
	lock_init(&j->lock, RANK_LAYER);
	condition_init(&j->room);
	int rc = read_amounts(j, db);
	if (rc == 0)
		rc = journal_dirs_open(j, db);
	if (rc == 0)
		sweep(j, db);
	state_read_end(state, db);
	if (rc < 0) {
		journal_close(j);
		return rc;
	}
	*journal = j;
	return 0;
}

void journal_close(struct journal *j)
{
	pthread_cond_destroy(&j->room);
	lock_fini(&j->lock);
	free(j);
}

/* --- amounts ---------------------------------------------------------------------------------- */

int64_t journal_new_seq(struct journal *j)
{
	return atomic_fetch_add(&j->seq, 1) + 1;
}

int64_t journal_newest(struct journal *j)
{
	return atomic_load(&j->seq);
}

bool journal_is_empty(struct journal *j)
{
	return atomic_load(&j->entries) == 0 && atomic_load(&j->directories) == 0;
}

bool journal_may_hide(struct journal *j)
{
	return atomic_load(&j->may_hide) && !journal_is_empty(j);
}

void journal_account(struct journal *j, int64_t entries, int64_t bytes)
{
	lock_take(&j->lock);
	atomic_fetch_add(&j->entries, entries);
	j->bytes += bytes;
	if (bytes < 0)
		pthread_cond_broadcast(&j->room);
	lock_release(&j->lock);
}

/* What a set of this key gives back: the row that it supersedes. */
static int64_t cost_of_row(struct journal *j, struct key key)
{
	struct meta meta = { 0 };
	int64_t seq = 0, cost = 0;

	if (journal_find(j, key, &seq, NULL, &meta) == 0)
		cost = (int64_t)journal_cost(key, meta.size);
	meta_fini(&meta);
	return cost;
}

void journal_note_full(struct journal *j)
{
	if (!atomic_exchange(&j->disk_full, true))
		log_warning("journal: no space left on the disk of %s; sets wait for it, then fail",
			    state_dir(j->state));
}

/* need: what it takes of the limit. */
static bool has_room(struct journal *j, int64_t need)
{
	lock_take(&j->lock);
	bool fits = j->bytes + need <= (int64_t)j->conf.max_bytes;
	lock_release(&j->lock);
	return fits;
}

void journal_ending(struct journal *j)
{
	lock_take(&j->lock);
	atomic_store(&j->ending, true);
	pthread_cond_broadcast(&j->room);
	lock_release(&j->lock);
}

bool journal_await_room(struct journal *j, const struct deadline *deadline)
{
	struct deadline poll = deadline_in(&time_system, DISK_POLL_MS);
	bool sooner = poll.at_ms < deadline->at_ms;

	lock_take(&j->lock);
	bool ending = atomic_load(&j->ending);
	bool in_time = !ending &&
		       condition_wait_until(&j->room, &j->lock, sooner ? &poll : deadline);
	lock_release(&j->lock);
	return !ending && (in_time || sooner);
}

int journal_wait_for_room(struct journal *j, struct key key, uint64_t size,
			  const struct deadline *deadline)
{
	int64_t need = (int64_t)journal_cost(key, size);

	if (need > (int64_t)j->conf.max_bytes)
		return -EFBIG;
	if (has_room(j, need))
		return 0;
	need -= cost_of_row(j, key);
	while (!has_room(j, need))
		if (!journal_await_room(j, deadline))
			return has_room(j, need) ? 0 : -ENOSPC;
	return 0;
}

/* As far as it is known: the last set found no space, and there is none now. */
static bool disk_takes(struct journal *j, uint64_t size)
{
	return !atomic_load(&j->disk_full) || state_has_room(j->state, size);
}

int journal_foresee(void *state, struct key key, uint64_t size)
{
	struct journal *j = state;
	int64_t need = (int64_t)journal_cost(key, size);

	if (need > (int64_t)j->conf.max_bytes)
		return -EFBIG;
	if (has_room(j, need) && disk_takes(j, size))
		return 0;
	if (key.size == 0)
		return -ENOSPC;
	waiting_begin();
	struct deadline deadline = deadline_in(&time_system, waiting_at_most(j->conf.wait_ms));
	int rc = journal_wait_for_room(j, key, size, &deadline);
	while (rc == 0 && !disk_takes(j, size))
		if (!journal_await_room(j, &deadline))
			return disk_takes(j, size) ? 0 : -ENOSPC;
	return rc;
}

void journal_count_failure(struct journal *j)
{
	atomic_fetch_add(&j->failures, 1);
}

void journal_stats(struct journal *j, struct journal_stats *stats)
{
	struct db *db = journal_is_empty(j) ? NULL : state_read_begin(j->state);
	sqlite3_stmt *row = db ? db_statement(db, sql_oldest) : NULL;

	*stats = (struct journal_stats){
		.active = true,
		.entries = (uint64_t)(atomic_load(&j->entries) + atomic_load(&j->directories)),
		.max_bytes = j->conf.max_bytes,
		.drained = atomic_load(&j->drained),
		.failures = atomic_load(&j->failures),
		.damaged = atomic_load(&j->damaged),
	};
	if (row && db_step(db, row) > 0) {
		int64_t age = time_steady_ms(j->time) - sqlite3_column_int64(row, 0);
		stats->oldest_ms = age > 0 ? age : 0;
	}
	if (row)
		sqlite3_reset(row);
	state_read_end(j->state, db);
	lock_take(&j->lock);
	stats->bytes = j->bytes > 0 ? (uint64_t)j->bytes : 0;
	lock_release(&j->lock);
}

/* --- the queue -------------------------------------------------------------------------------- */

/* 1, 0: there is none, or -errno. The key's size is 0 if it is not valid. */
static int read_next(struct journal *j, int64_t after, struct journal_item *item)
{
	struct db *db = state_read_begin(j->state);
	sqlite3_stmt *row = db ? db_statement(db, sql_next) : NULL;

	if (row)
		sqlite3_bind_int64(row, 1, after);
	int rc = row ? db_step(db, row) : -EIO;
	if (rc > 0) {
		struct key key = state_column_key(row, 2);
		item->seq = sqlite3_column_int64(row, 0);
		item->size = (uint64_t)sqlite3_column_int64(row, 1);
		item->key.size = key_is_valid(key) ? key.size : 0;
		memcpy(item->key.bytes, key.bytes, item->key.size);
	}
	if (rc > 0 && item->seq <= after)
		rc = -EIO; /* a damaged table leads back */
	if (row)
		sqlite3_reset(row);
	state_read_end(j->state, db);
	return rc;
}

int journal_next(struct journal *j, int64_t after, struct journal_item *item)
{
	int rc = 0;

	while (!journal_is_empty(j) && (rc = read_next(j, after, item)) > 0) {
		if (item->key.size > 0)
			return 1;
		rc = journal_set_aside(j, item);
		if (rc < 0)
			break;
		after = item->seq;
	}
	return rc;
}

int journal_load(struct journal *j, const struct journal_item *item, struct value **value,
		 struct meta *meta)
{
	int64_t seq = 0;
	int rc = journal_find(j, key_make(item->key.bytes, item->key.size), &seq, value, meta);

	if (rc == -ENOENT || (seq != 0 && seq != item->seq)) {
		if (rc == 0) {
			value_unref(*value);
			meta_fini(meta);
		}
		return -ESTALE;
	}
	if (rc == 0 && meta_is_expired(meta, time_instant(j->time))) {
		value_unref(*value);
		meta_fini(meta);
		return -ENODATA;
	}
	if (rc == 0) /* once the layers have it, the row goes and the file with it */
		value_offer_file(*value);
	return rc == -EBADF ? -EBADMSG : rc; /* its file is none of ours */
}

struct taking {
	struct journal *journal;
	const int64_t *seqs;
	size_t count;
	bool aside;
	int64_t entries, bytes;
	struct journal_files files;
};

static int take_row(struct taking *t, struct db *db, sqlite3_stmt *row, int64_t seq)
{
	const char *file = (const char *)sqlite3_column_text(row, 1);

	if (file && !t->aside && journal_files_add(&t->files, file) < 0)
		return -ENOMEM;
	t->entries--;
	t->bytes -= (int64_t)journal_cost(state_column_key(row, 2),
					  (uint64_t)sqlite3_column_int64(row, 0));
	sqlite3_stmt *aside = t->aside ? db_statement(db, sql_aside) : NULL;
	if (aside)
		sqlite3_bind_int64(aside, 1, seq);
	int rc = t->aside ? db_run(db, aside) : 0;
	sqlite3_stmt *remove = db_statement(db, sql_delete);
	if (remove)
		sqlite3_bind_int64(remove, 1, seq);
	return rc < 0 ? rc : db_run(db, remove);
}

static int apply_take(void *self, struct db *db)
{
	struct taking *t = self;
	sqlite3_stmt *row = db_statement(db, sql_row);
	int rc = 0;

	t->entries = t->bytes = 0;
	if (!row)
		return -EIO;
	for (size_t i = 0; i < t->count && rc == 0; i++) {
		sqlite3_bind_int64(row, 1, t->seqs[i]);
		rc = db_step(db, row);
		if (rc > 0)
			rc = take_row(t, db, row, t->seqs[i]);
		sqlite3_reset(row);
	}
	return rc;
}

static int take(struct taking *t)
{
	struct journal *j = t->journal;
	int rc = state_change(j->state, apply_take, t);

	if (rc == 0) {
		journal_account(j, t->entries, t->bytes);
		journal_files_remove(&t->files, state_values(j->state));
	}
	journal_files_fini(&t->files);
	return rc;
}

int journal_done(struct journal *j, const int64_t *seqs, size_t count)
{
	struct taking t = { .journal = j, .seqs = seqs, .count = count };
	int rc = take(&t);

	if (rc == 0)
		atomic_fetch_add(&j->drained, (uint64_t)-t.entries);
	return rc;
}

int journal_set_aside(struct journal *j, const struct journal_item *item)
{
	struct taking t = { .journal = j, .seqs = &item->seq, .count = 1, .aside = true };
	int rc = take(&t);

	if (rc == 0) {
		atomic_fetch_add(&j->damaged, 1);
		log_error("journal: row %lld is damaged and was set aside; its key is a miss",
			  (long long)item->seq);
	}
	return rc;
}

bool journal_owes(struct journal *j, struct key prefix, int64_t seq)
{
	struct state_range range;
	bool owes = true;

	if (journal_is_empty(j))
		return false;
	struct db *db = state_read_begin(j->state);
	sqlite3_stmt *row = db ? db_statement(db, sql_owes) : NULL;
	if (row) {
		sqlite3_bind_int64(row, 1, seq);
		state_bind_key(row, 2, prefix);
		state_bind_range(row, 3, prefix, &range);
		owes = db_step(db, row) != 0;
		sqlite3_reset(row);
	}
	if (!owes && atomic_load(&j->directories) > 0)
		owes = journal_owes_marker(db, prefix, seq);
	state_read_end(j->state, db);
	return owes;
}
