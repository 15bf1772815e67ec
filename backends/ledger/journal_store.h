#ifndef CACHEFS_JOURNAL_STORE_H
#define CACHEFS_JOURNAL_STORE_H

/* What the two parts of the journal share: journal.c, the layer, and journal_queue.c, the drain's
 * end and the amounts. */

#include <stdatomic.h>

#include "ledger/journal.h"
#include "base/lock.h"

struct journal {
	struct state *state;
	struct journal_conf conf;
	const struct time_source *time;
	atomic_int_fast64_t seq;         /* the last number given out */
	atomic_int_fast64_t entries;     /* also read without the lock */
	atomic_int_fast64_t directories; /* markers */
	atomic_bool may_hide;            /* a row has an expiry, or is damaged */
	atomic_bool disk_full;           /* and the log said so */
	atomic_bool ending;              /* nobody waits for room */
	atomic_uint_fast64_t drained, failures, damaged;
	struct lock lock; /* RANK_LAYER; guards: */
	pthread_cond_t room;
	int64_t bytes;
};

/* Names of files to unlink. */
struct journal_files {
	char (*names)[VALUE_FILE_NAME];
	size_t count, capacity;
};
int journal_files_add(struct journal_files *files, const char *name);
void journal_files_remove(struct journal_files *files, struct value_files *values);
void journal_files_fini(struct journal_files *files);

/* --- markers of directories: journal_dirs.c ----------------------------------------------------
 */

/* What a change comes to, for journal_account_directories() once it is committed. */
struct journal_dirs {
	struct journal *journal; /* gives the numbers */
	int64_t count, bytes;
};
void journal_account_directories(struct journal *j, int64_t count, int64_t bytes);

/* Counts what there is, and goes on with the numbers from there. */
int journal_dirs_open(struct journal *j, struct db *db);

/* The marker's metadata and number, from the head in that column. 0, -EBADMSG or -ENOMEM. */
int journal_read_marker(sqlite3_stmt *row, int column, struct key key, struct meta *meta,
			int64_t *seq);

/* Whether a marker at or below prefix has a number up to seq; also if that cannot be told. */
bool journal_owes_marker(struct db *db, struct key prefix, int64_t seq);

/* Moves the markers of `from` and all below it, or (`to` the root) deletes those that begin with
 * the prefix `from`; within a change of the state. 1: there were some, 0 or -errno. */
int journal_dirs_change(struct db *db, struct key from, struct key to, struct journal_dirs *change);

int journal_find_marker(struct journal *j, struct key dir, struct meta *meta);
int journal_dir_set(void *state, struct key dir, const struct meta *meta);
int journal_dir_remove(void *state, struct key dir);

/* --- amounts ---------------------------------------------------------------------------------- */

uint64_t journal_cost(struct key key, uint64_t size);
int64_t journal_new_seq(struct journal *j);

/* Waits until a value of this size fits, by the limit. -EFBIG: never; -ENOSPC: not
 * in time. await(): some time of that; false: it is over. */
int journal_wait_for_room(struct journal *j, struct key key, uint64_t size,
			  const struct deadline *deadline);
int journal_foresee(void *state, struct key key, uint64_t size); /* the backend's */
bool journal_await_room(struct journal *j, const struct deadline *deadline);
void journal_account(struct journal *j, int64_t entries, int64_t bytes);
void journal_note_full(struct journal *j); /* its disk: the log says so, once */

/* As journal_load(), expired or not; value NULL: metadata only. -ENOENT: no row. */
int journal_find(struct journal *j, struct key key, int64_t *seq, struct value **value,
		 struct meta *meta);

#endif
