/* See journal.h: opens the journal, and presents it as a layer. */
#include "ledger/journal.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>

#include "ledger/journal_change.h"
#include "ledger/journal_dirs.h"
#include "ledger/journal_find.h"
#include "ledger/journal_list.h"
#include "ledger/journal_store.h"

static const char sql_amounts[] = "SELECT count(*), ifnull(sum(size + length(key)), 0),"
				  " ifnull(max(expires_ms), 0) FROM journal";
static const char sql_newest[] = "SELECT max((SELECT ifnull(max(seq), 0) FROM journal),"
				 " (SELECT ifnull(max(seq), 0) FROM journal_damaged))";
static const char sql_known[] = "SELECT 1 FROM journal WHERE file = ?1 UNION ALL"
				" SELECT 1 FROM journal_damaged WHERE file = ?1 LIMIT 1";
static const char sql_oldest[] = "SELECT queued_ms FROM journal ORDER BY seq LIMIT 1";

/* --- opening ---------------------------------------------------------------------------------- */

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

static int read_amounts(struct journal *j, struct db *db)
{
	sqlite3_stmt *row = db_statement(db, sql_amounts);
	int rc = db_step(db, row);

	if (rc > 0) {
		int64_t entries = sqlite3_column_int64(row, 0);
		journal_room_add(&j->room, entries, 0,
				 sqlite3_column_int64(row, 1) +
					 entries * journal_cost(KEY_ROOT, 0));
		atomic_store(&j->may_hide, sqlite3_column_int64(row, 2) != 0);
	}
	sqlite3_reset(row);
	if (rc < 0)
		return rc;
	row = db_statement(db, sql_newest);
	rc = db_step(db, row);
	if (rc > 0)
		atomic_store(&j->seq, sqlite3_column_int64(row, 0));
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
	journal_room_init(&j->room, time, conf->max_bytes);
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
	journal_room_fini(&j->room);
	free(j);
}

void journal_ending(struct journal *j)
{
	journal_room_ending(&j->room);
}

bool journal_is_empty(struct journal *j)
{
	return journal_room_is_empty(&j->room);
}

bool journal_may_hide(struct journal *j)
{
	return atomic_load(&j->may_hide) && !journal_room_is_empty(&j->room);
}

void journal_stats(struct journal *j, struct journal_stats *stats)
{
	struct db *db = journal_room_is_empty(&j->room) ? NULL : state_read_begin(j->state);
	sqlite3_stmt *row = db ? db_statement(db, sql_oldest) : NULL;

	*stats = (struct journal_stats){
		.active = true,
		.entries = (uint64_t)(atomic_load(&j->room.entries) +
				      atomic_load(&j->room.directories)),
		.bytes = journal_room_bytes(&j->room),
		.max_bytes = j->conf.max_bytes,
		.drained = atomic_load(&j->drained),
		.failures = atomic_load(&j->failures),
		.damaged = atomic_load(&j->damaged),
	};
	if (row && db_step(db, row) > 0) {
		int64_t age = time_steady_ms(j->time) - sqlite3_column_int64(row, 0);
		stats->oldest_ms = age > 0 ? age : 0;
	}
	sqlite3_reset(row);
	state_read_end(j->state, db);
}

/* --- the layer -------------------------------------------------------------------------------- */

static int journal_stat(void *state, struct key key, struct meta *meta)
{
	return journal_look_up(state, key, NULL, meta);
}

static int journal_get(void *state, struct key key, struct value **value, struct meta *meta)
{
	return journal_look_up(state, key, value, meta);
}

static int journal_as_layer(const void *conf, const struct backend_env *env, void **state,
			    struct problem *problem)
{
	(void)env;
	(void)problem;
	*state = *(struct journal *const *)conf;
	return 0;
}

static void journal_layer_close(void *state)
{
	(void)state; /* journal_close() does it */
}

static int journal_sync(void *state)
{
	struct journal *j = state;

	return state_sync(j->state);
}

static int journal_temp_file(void *state)
{
	struct journal *j = state;

	return value_files_temp(state_values(j->state));
}

static void journal_usage(void *state, struct layer_usage *usage)
{
	struct journal_stats stats;

	journal_stats(state, &stats);
	*usage = (struct layer_usage){ .entries = stats.entries,
				       .bytes = stats.bytes,
				       .max_bytes = stats.max_bytes,
				       .path = state_dir(((struct journal *)state)->state) };
}

const struct backend backend_journal = {
	.type = "journal",
	.durable = true,
	.hides_slower = true,
	.open = journal_as_layer,
	.close = journal_layer_close,
	.stat = journal_stat,
	.get = journal_get,
	.set = journal_set,
	.foresee = journal_foresee,
	.touch = journal_touch,
	.remove = journal_remove,
	.remove_prefix = journal_remove_prefix,
	.rename = journal_rename,
	.rename_prefix = journal_rename_prefix,
	.check_rename_prefix = journal_check_rename_prefix,
	.list = journal_list,
	.dir_stat = journal_dir_stat,
	.dir_set = journal_dir_set,
	.dir_remove = journal_dir_remove,
	.sync = journal_sync,
	.temp_file = journal_temp_file,
	.usage = journal_usage,
};
