/* A prefix of many keys leaves the journal by steps, and other changes of the state go between. */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "ledger/journal.h"
#include "ledger/journal_queue.h"
#include "ledger/journal_room.h"
#include "ledger/state.h"
#include "base/time_source.h"

enum { ROWS = 4000 };

/* What the rows hold nobody reads here. */
static const char sql_fill[] =
	"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 4000)"
	" INSERT INTO journal(seq, key, size, expires_ms, queued_ms, file, head, value)"
	" SELECT i, CAST(printf('d/%06d', i) AS BLOB), 1, 0, 0, NULL, x'00', x'00' FROM n";
static const char sql_count[] = "SELECT count(*) FROM journal";

static int fill(void *self, struct db *db)
{
	(void)self;
	return db_run(db, db_statement(db, sql_fill));
}

static int count(void *self, struct db *db)
{
	int64_t *rows = self;
	sqlite3_stmt *s = db_statement(db, sql_count);
	int rc = db_step(db, s);

	*rows = sqlite3_column_int64(s, 0);
	sqlite3_reset(s);
	return rc < 0 ? rc : 0;
}

struct removal {
	struct journal *journal;
	atomic_bool done;
	int rc;
};

static void *remove_all(void *self)
{
	struct removal *r = self;

	r->rc = backend_journal.remove_prefix(r->journal, key_of("d/"));
	atomic_store(&r->done, true);
	return NULL;
}

static void other_changes_go_between_the_steps(void **state)
{
	struct journal_conf conf = { .max_bytes = 1 << 30, .wait_ms = 1000 };
	char dir[] = "/tmp/test_journal.XXXXXX", command[64];
	struct problem problem = { 0 };
	struct removal removal = { 0 };
	struct state *s = NULL;
	pthread_t thread;
	int64_t rows = ROWS;
	bool between = false;

	(void)state;
	assert_non_null(mkdtemp(dir));
	assert_int_equal(state_open(dir, &time_system, &s, &problem), 0);
	assert_int_equal(state_change(s, fill, NULL), 0);
	assert_int_equal(journal_open(s, &conf, &time_system, &removal.journal), 0);
	assert_int_equal(pthread_create(&thread, NULL, remove_all, &removal), 0);
	while (!atomic_load(&removal.done)) {
		assert_int_equal(state_change(s, count, &rows), 0);
		between |= rows > 0 && rows < ROWS;
	}
	pthread_join(thread, NULL);
	assert_int_equal(removal.rc, 0);
	assert_true(between);
	assert_int_equal(state_change(s, count, &rows), 0);
	assert_int_equal(rows, 0);
	assert_true(journal_is_empty(removal.journal));
	assert_int_equal(backend_journal.remove_prefix(removal.journal, key_of("d/")), -ENOENT);
	journal_close(removal.journal);
	state_close(s);
	snprintf(command, sizeof(command), "rm -r %s", dir);
	assert_int_equal(system(command), 0);
}

/* --- amounts ---------------------------------------------------------------------------------- */

/* As journal_cost() counts them, whose allowance for a row is the first parameter. */
static const char sql_amounts[] =
	"SELECT count(*), ifnull(sum(size + length(key) + ?1), 0) FROM"
	" (SELECT size, key FROM journal UNION ALL SELECT 0, key FROM directories)";

static void expect_amounts(struct state *s, struct journal *j)
{
	struct journal_stats stats;
	struct db *db = state_read_begin(s);
	sqlite3_stmt *row = db_statement(db, sql_amounts);

	journal_stats(j, &stats);
	sqlite3_bind_int64(row, 1, journal_cost(KEY_ROOT, 0));
	assert_int_equal(db_step(db, row), 1);
	assert_int_equal(stats.entries, sqlite3_column_int64(row, 0));
	assert_int_equal(stats.bytes, sqlite3_column_int64(row, 1));
	sqlite3_reset(row);
	state_read_end(s, db);
}

static void set(struct journal *j, const char *key, size_t size)
{
	struct value *value = value_adopt(calloc(1, size), size);
	struct meta meta = { .size = size, .mode = S_IFREG | 0600 };

	assert_int_equal(value_checksum(value, &meta.checksum), 0);
	assert_int_equal(backend_journal.set(j, key_of(key), value, &meta), 0);
	value_unref(value);
}

static void the_amounts_are_those_of_the_rows(void **state)
{
	const struct backend *b = &backend_journal;
	struct journal_conf conf = { .max_bytes = 1 << 30, .wait_ms = 1000 };
	char dir[] = "/tmp/test_journal.XXXXXX", command[64];
	struct meta meta = { .mode = S_IFDIR | 0700 };
	struct journal_item item = { 0 };
	struct problem problem = { 0 };
	struct journal *j = NULL;
	struct state *s = NULL;

	(void)state;
	assert_non_null(mkdtemp(dir));
	assert_int_equal(state_open(dir, &time_system, &s, &problem), 0);
	assert_int_equal(journal_open(s, &conf, &time_system, &j), 0);
	for (int i = 0; i < 2; i++) {
		set(j, "d/small", 10 + (size_t)i);
		set(j, "d/large", 100000 - (size_t)i);
		set(j, "e/other", 1);
		assert_int_equal(b->dir_set(j, key_of("d"), &meta), 0);
		assert_int_equal(b->dir_set(j, key_of("d/e"), &meta), 0);
		expect_amounts(s, j);
		assert_int_equal(b->touch(j, key_of("d/small"), &meta, META_MODE), 0);
		assert_int_equal(b->rename(j, key_of("d/large"), key_of("e/other")), 0);
		expect_amounts(s, j);
		assert_int_equal(b->rename_prefix(j, key_of("d"), key_of("longer")), 0);
		expect_amounts(s, j);
		journal_close(j);
		assert_int_equal(journal_open(s, &conf, &time_system, &j), 0);
		expect_amounts(s, j);
	}
	assert_int_equal(journal_next(j, 0, &item), 1);
	assert_int_equal(journal_done(j, &item.seq, 1), 0);
	expect_amounts(s, j);
	assert_int_equal(journal_next(j, 0, &item), 1);
	assert_int_equal(journal_set_aside(j, &item), 0);
	expect_amounts(s, j);
	assert_int_equal(b->dir_remove(j, key_of("longer")), 0);
	assert_int_equal(b->remove_prefix(j, KEY_ROOT), 0);
	expect_amounts(s, j);
	assert_true(journal_is_empty(j));
	journal_close(j);
	state_close(s);
	snprintf(command, sizeof(command), "rm -r %s", dir);
	assert_int_equal(system(command), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(other_changes_go_between_the_steps),
		cmocka_unit_test(the_amounts_are_those_of_the_rows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
