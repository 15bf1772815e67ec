/* See journal_queue.h. */
#include "ledger/journal_queue.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "ledger/journal_dirs.h"
#include "ledger/journal_effect.h"
#include "ledger/journal_find.h"
#include "ledger/journal_store.h"

static const char sql_next[] =
	"SELECT seq, size, key FROM journal WHERE seq > ?1 ORDER BY seq LIMIT 1";
static const char sql_row[] = "SELECT size, file, key FROM journal WHERE seq = ?1";
static const char sql_delete[] = "DELETE FROM journal WHERE seq = ?1";
static const char sql_aside[] =
	"INSERT OR REPLACE INTO journal_damaged(seq, key, file, head, value)"
	" SELECT seq, key, file, head, value FROM journal WHERE seq = ?1";
static const char sql_owes[] = "SELECT 1 FROM journal WHERE seq <= ?1 AND (key = ?2 OR"
			       " (key >= ?3 AND key < ?4)) LIMIT 1";

int64_t journal_newest(struct journal *j)
{
	return atomic_load(&j->seq);
}

void journal_count_failure(struct journal *j)
{
	atomic_fetch_add(&j->failures, 1);
}

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
	sqlite3_reset(row);
	state_read_end(j->state, db);
	return rc;
}

int journal_next(struct journal *j, int64_t after, struct journal_item *item)
{
	int rc = 0;

	while (!journal_room_is_empty(&j->room) && (rc = read_next(j, after, item)) > 0) {
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
	const int64_t *seqs;
	size_t count;
	bool aside;
	struct journal_effect effect;
};

static int take_row(struct taking *t, struct db *db, sqlite3_stmt *row, int64_t seq)
{
	const char *file = journal_file_of(row, 1);

	if (file && !t->aside && journal_effect_unlink(&t->effect, file) < 0)
		return -ENOMEM;
	t->effect.entries--;
	t->effect.bytes -= journal_cost(state_column_key(row, 2),
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

	journal_effect_reset(&t->effect);
	if (!row)
		return -EIO;
	for (size_t i = 0; i < t->count && rc == 0; i++) {
		assert(i == 0 || t->seqs[i - 1] < t->seqs[i]);
		sqlite3_bind_int64(row, 1, t->seqs[i]);
		rc = db_step(db, row);
		if (rc > 0)
			rc = take_row(t, db, row, t->seqs[i]);
		sqlite3_reset(row);
	}
	return rc;
}

int journal_done(struct journal *j, const int64_t *seqs, size_t count)
{
	struct taking t = { .seqs = seqs, .count = count };
	int rc = journal_commit(j, apply_take, &t, false, &t.effect);

	if (rc == 0)
		atomic_fetch_add(&j->drained, (uint64_t)-t.effect.entries);
	return rc;
}

int journal_set_aside(struct journal *j, const struct journal_item *item)
{
	struct taking t = { .seqs = &item->seq, .count = 1, .aside = true };
	int rc = journal_commit(j, apply_take, &t, false, &t.effect);

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

	if (journal_room_is_empty(&j->room))
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
	if (!owes && atomic_load(&j->room.directories) > 0)
		owes = journal_owes_marker(db, prefix, seq);
	state_read_end(j->state, db);
	return owes;
}
