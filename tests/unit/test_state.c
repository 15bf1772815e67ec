/* What a cache remembers over a restart: the group commit. */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "ledger/state.h"

struct committer {
	struct state *state;
	int (*apply)(void *self, struct db *db);
	const char *key;
	pthread_t thread;
	atomic_int tid; /* 0: it has not begun yet */
	int rc;
};

static atomic_bool leads, all_wait;

/* Leads while the others queue. */
static int apply_slowly(void *self, struct db *db)
{
	(void)self;
	(void)db;
	atomic_store(&leads, true);
	while (!atomic_load(&all_wait))
		usleep(1000);
	return 0;
}

/* As SQLite does when its disk is full in the middle of a transaction. */
static int apply_roll_back(void *self, struct db *db)
{
	(void)self;
	db_run(db, db_statement(db, "ROLLBACK"));
	return -ENOSPC;
}

static int apply_tombstone(void *self, struct db *db)
{
	const struct committer *c = self;
	sqlite3_stmt *row = db_statement(
		db, "INSERT INTO tombstones(layer, kind, key) VALUES('test', 0, ?1)");

	state_bind_key(row, 1, key_of(c->key));
	return db_run(db, row);
}

static void *commit_it(void *self)
{
	struct committer *c = self;

	atomic_store(&c->tid, gettid());
	c->rc = state_change(c->state, c->apply, c);
	return NULL;
}

/* Whether it sleeps: there is nothing to sleep for but its turn. */
static bool is_waiting(struct committer *c)
{
	char path[64], state = 0;
	int tid = atomic_load(&c->tid);

	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", tid);
	FILE *stat = tid > 0 ? fopen(path, "re") : NULL;
	if (!stat)
		return false;
	int got = fscanf(stat, "%*d (%*[^)]) %c", &state);
	fclose(stat);
	return got == 1 && state == 'S';
}

static int count_tombstones(struct state *s)
{
	struct db *db = state_read_begin(s);
	sqlite3_stmt *row = db_statement(db, "SELECT count(*) FROM tombstones");

	assert_int_equal(db_step(db, row), 1);
	int count = sqlite3_column_int(row, 0);
	sqlite3_reset(row);
	state_read_end(s, db);
	return count;
}

static void what_fails_with_its_transaction_has_not_happened(void **state)
{
	struct committer all[] = { { .apply = apply_slowly },
				   { .apply = apply_tombstone, .key = "before" },
				   { .apply = apply_roll_back },
				   { .apply = apply_tombstone, .key = "after" } };
	char dir[] = "/tmp/cachefs-state.XXXXXX", command[64];
	struct problem problem = { 0 };
	struct state *s = NULL;
	int done = 0;

	(void)state;
	assert_non_null(mkdtemp(dir));
	assert_int_equal(state_open(dir, &time_system, &s, &problem), 0);
	for (int i = 0; i < 4; i++) {
		all[i].state = s;
		assert_int_equal(pthread_create(&all[i].thread, NULL, commit_it, &all[i]), 0);
		while (!(i == 0 ? atomic_load(&leads) : is_waiting(&all[i])))
			usleep(1000); /* they queue in this order */
	}
	atomic_store(&all_wait, true);
	for (int i = 0; i < 4; i++) {
		pthread_join(all[i].thread, NULL);
		done += i % 2 && all[i].rc == 0;
	}
	assert_int_equal(all[0].rc, 0);
	assert_int_equal(all[2].rc, -ENOSPC);
	assert_int_equal(count_tombstones(s), done);
	all[1].key = "later";
	assert_int_equal(state_change(s, apply_tombstone, &all[1]), 0);
	assert_int_equal(count_tombstones(s), done + 1);
	state_close(s);
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	assert_int_equal(system(command), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_fails_with_its_transaction_has_not_happened),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
