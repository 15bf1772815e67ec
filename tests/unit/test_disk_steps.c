/* Long jobs of the disk layer go by steps: others go between them, and a crash or a failure in the
 * middle leaves nothing half done. */
#include "disk_fixture.h"

#include <sched.h>

enum { MANY = 20000 };

/* Rows of `rows` keys PREFIX/000001, ..., as another program writes them. */
static void fill(sqlite3 *db, const char *prefix, int rows)
{
	char sql[400];

	snprintf(sql, sizeof(sql),
		 "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d)"
		 " INSERT INTO cache(cache_key, payload, updated_at)"
		 " SELECT printf('%s/%%06d', i), 'value ' || i, 1767225600 FROM n",
		 rows, prefix);
	run_sql(db, sql);
}

static int64_t rows_below(sqlite3 *db, const char *prefix)
{
	char sql[200];

	snprintf(sql, sizeof(sql),
		 "SELECT count(*) FROM cache WHERE cache_key >= '%s/' AND cache_key < '%s0'",
		 prefix, prefix);
	return ask_sql(db, sql);
}

/* A long job in a thread of its own. */
struct job {
	struct fixture *f;
	const char *from, *to; /* to NULL: a removal */
	pthread_t thread;
	atomic_bool done;
	int rc;
	atomic_int *sets;
	int sets_before_the_end;
};

static void *run_job(void *self)
{
	struct job *job = self;

	job->rc = job->to ? B->rename_prefix(job->f->layer, key_of(job->from), key_of(job->to))
			  : B->remove_prefix(job->f->layer, key_of(job->from));
	if (job->sets)
		job->sets_before_the_end = atomic_load(job->sets);
	atomic_store(&job->done, true);
	return NULL;
}

static void job_start(struct job *job)
{
	assert_int_equal(pthread_create(&job->thread, NULL, run_job, job), 0);
}

/* Another program's lock, as soon as it is to be had. */
static void take_the_lock(sqlite3 *db)
{
	int rc;

	sqlite3_busy_timeout(db, 0);
	while ((rc = sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL)) == SQLITE_BUSY)
		sched_yield();
	assert_int_equal(rc, SQLITE_OK);
	sqlite3_busy_timeout(db, 60 * 1000);
}

static bool has_begun(sqlite3 *db, const char *prefix)
{
	char sql[100];

	snprintf(sql, sizeof(sql),
		 "SELECT NOT EXISTS(SELECT 1 FROM cache WHERE cache_key = '%s/000001')", prefix);
	return ask_sql(db, sql) == 1;
}

/* Returns, with the lock, when a part of the rows has left the prefix: how many are left. */
static int64_t stop_in_the_middle(sqlite3 *db, const char *prefix)
{
	take_the_lock(db);
	while (!has_begun(db, prefix)) {
		run_sql(db, "COMMIT");
		poll(NULL, 0, 1);
		take_the_lock(db);
	}
	return rows_below(db, prefix);
}

static void test_another_program_writes_in_the_middle_of_a_removal(void **state)
{
	struct fixture *f = *state;
	struct job job = { .f = f, .from = "d/" };

	open_layer(f);
	sqlite3 *db = other_program(f);
	fill(db, "d", MANY);
	job_start(&job);
	int64_t left = stop_in_the_middle(db, "d");
	run_sql(db, "INSERT INTO cache(cache_key, payload, updated_at) VALUES('other', 'v', 1)");
	run_sql(db, "COMMIT");
	assert_true(left > 0);
	pthread_join(job.thread, NULL);
	assert_int_equal(job.rc, 0);
	assert_int_equal(rows_below(db, "d"), 0);
	expect_text(f, "other", "v");
	assert_int_equal(B->remove_prefix(f->layer, key_of("d/")), -ENOENT);
	sqlite3_close(db);
}

static void test_sets_go_between_the_steps_of_a_removal(void **state)
{
	struct fixture *f = *state;
	atomic_int sets = 0;
	struct job job = { .f = f, .from = "d/", .sets = &sets };

	open_layer(f);
	sqlite3 *db = other_program(f);
	fill(db, "d", MANY);
	job_start(&job);
	while (!atomic_load(&job.done)) {
		assert_int_equal(set(f, "k", "v"), 0);
		assert_int_equal(B->remove(f->layer, key_of("k")), 0);
		atomic_fetch_add(&sets, 1);
	}
	pthread_join(job.thread, NULL);
	assert_int_equal(job.rc, 0);
	assert_true(job.sets_before_the_end >= 5);
	sqlite3_close(db);
}

static void test_long_removals_go_side_by_side(void **state)
{
	struct fixture *f = *state;
	struct job jobs[] = { { .f = f, .from = "a/" },
			      { .f = f, .from = "b/" },
			      { .f = f, .from = "c/", .to = NULL },
			      { .f = f, .from = "e", .to = "g" } };
	struct layer_usage usage;

	open_layer(f);
	sqlite3 *db = other_program(f);
	fill(db, "a", 3000);
	fill(db, "b", 3000);
	fill(db, "c", 3000);
	fill(db, "e", 3000);
	for (size_t i = 0; i < 4; i++)
		job_start(&jobs[i]);
	for (size_t i = 0; i < 4; i++) {
		pthread_join(jobs[i].thread, NULL);
		assert_int_equal(jobs[i].rc, 0);
	}
	assert_int_equal(ask_sql(db, "SELECT count(*) FROM cache"), 3000);
	assert_int_equal(rows_below(db, "g"), 3000);
	sqlite3_close(db);
	close_layer(f);
	open_layer(f);
	B->usage(f->layer, &usage);
	assert_int_equal(usage.entries, 3000);
}

/* The log of changes is cut meanwhile; that tells nothing of other programs. */
static void test_a_long_job_of_ours_is_no_change_by_others(void **state)
{
	struct fixture *f = *state;

	open_layer(f);
	sqlite3 *db = other_program(f);
	fill(db, "d", 5000);
	assert_true(B->catch_up(f->layer));
	assert_string_equal(f->gone, ";"); /* nobody knows which */
	f->gone[0] = '\0';
	assert_int_equal(B->rename_prefix(f->layer, key_of("d"), key_of("e")), 0);
	assert_true(B->catch_up(f->layer));
	assert_int_equal(B->remove_prefix(f->layer, key_of("e/")), 0);
	assert_int_equal(set(f, "k", "v"), 0);
	assert_true(B->catch_up(f->layer));
	assert_string_equal(f->gone, "");
	fill(db, "d", 5000);
	assert_true(B->catch_up(f->layer));
	assert_string_equal(f->gone, ";");
	sqlite3_close(db);
}

static void test_the_files_of_a_prefix_go_with_it(void **state)
{
	struct fixture *f = *state;
	char key[32];

	open_layer(f);
	for (int i = 0; i < 100; i++) {
		snprintf(key, sizeof(key), "d/%d", i);
		assert_int_equal(set_large(f, key, 70000, i), 0);
	}
	assert_int_equal(set_large(f, "e", 70000, 7), 0);
	assert_int_equal(B->remove_prefix(f->layer, key_of("d/")), 0);
	assert_int_equal(value_files(f), 1);
	expect_large(f, "e", 70000, 7);
}

static void test_unreachable_keys_go_by_steps(void **state)
{
	struct fixture *f = *state;

	open_layer(f);
	sqlite3 *db = other_program(f);
	fill(db, "d", MANY);
	run_sql(db, "UPDATE cache SET cache_key = CAST(cache_key AS BLOB) WHERE rowid % 3 = 0");
	int64_t reachable = ask_sql(db, "SELECT count(*) FROM cache WHERE rowid % 3 <> 0");
	assert_int_equal(B->remove_unreachable(f->layer), 0);
	assert_int_equal(ask_sql(db, "SELECT count(*) FROM cache"), reachable);
	assert_int_equal(B->remove_unreachable(f->layer), -ENOENT);
	sqlite3_close(db);
}

static void *run_open(void *self)
{
	struct job *job = self;

	open_layer(job->f);
	return NULL;
}

/* Of an old database: the rows whose use has been noted. */
static int64_t rows_upgraded(sqlite3 *db)
{
	return ask_sql(db, "SELECT count(*) FROM sqlite_schema WHERE name = 'cachefs_use'") > 0
		       ? ask_sql(db, "SELECT count(*) FROM cachefs_use")
		       : 0;
}

static void test_an_upgrade_lets_other_programs_write(void **state)
{
	struct fixture *f = *state;
	struct job job = { .f = f };
	struct layer_usage usage;

	sqlite3 *db = other_program(f);
	run_sql(db, "PRAGMA journal_mode = WAL;"
		    "CREATE TABLE cache(cache_key TEXT PRIMARY KEY, payload TEXT NOT NULL,"
		    " expires_at REAL, updated_at REAL NOT NULL)");
	fill(db, "d", MANY);
	assert_int_equal(pthread_create(&job.thread, NULL, run_open, &job), 0);
	take_the_lock(db);
	while (rows_upgraded(db) == 0) {
		run_sql(db, "COMMIT");
		poll(NULL, 0, 1);
		take_the_lock(db);
	}
	int64_t upgraded = rows_upgraded(db);
	run_sql(db, "INSERT INTO cache(cache_key, payload, updated_at) VALUES('new', 'v', 1)");
	run_sql(db, "COMMIT");
	assert_true(upgraded < MANY);
	pthread_join(job.thread, NULL);
	assert_int_equal(rows_upgraded(db), MANY + 1);
	B->usage(f->layer, &usage);
	assert_int_equal(usage.entries, MANY + 1);
	expect_text(f, "new", "v");
	sqlite3_close(db);
}

/* --- renames ---------------------------------------------------------------------------------- */

static void copy_file(const char *from, const char *to)
{
	char buffer[65536];
	FILE *in = fopen(from, "rb"), *out = fopen(to, "wb");
	size_t n;

	assert_non_null(in);
	assert_non_null(out);
	while ((n = fread(buffer, 1, sizeof(buffer), in)) > 0)
		assert_int_equal(fwrite(buffer, 1, n, out), n);
	fclose(in);
	assert_int_equal(fclose(out), 0);
}

/* The database as a crash leaves it now: nobody writes. */
static void copy_database(struct fixture *f, const char *to)
{
	char from_wal[160], to_wal[160];

	snprintf(from_wal, sizeof(from_wal), "%s-wal", f->path);
	snprintf(to_wal, sizeof(to_wal), "%s-wal", to);
	copy_file(f->path, to);
	copy_file(from_wal, to_wal);
}

static void test_a_rename_that_a_crash_interrupts_is_finished(void **state)
{
	struct fixture *f = *state;
	struct job job = { .f = f, .from = "d", .to = "e" };
	char crashed[128];

	snprintf(crashed, sizeof(crashed), "%s/crashed.sqlite", f->dir);
	open_layer(f);
	sqlite3 *db = other_program(f);
	fill(db, "d", MANY);
	job_start(&job);
	int64_t left = stop_in_the_middle(db, "d");
	copy_database(f, crashed);
	run_sql(db, "COMMIT");
	assert_true(left > 0);
	pthread_join(job.thread, NULL);
	assert_int_equal(job.rc, 0);
	assert_int_equal(rows_below(db, "e"), MANY);
	assert_int_equal(ask_sql(db, "SELECT count(*) FROM cachefs_settings"
				     " WHERE name LIKE 'move:%'"),
			 0);
	sqlite3_close(db);
	close_layer(f);

	f->conf.path = crashed;
	open_layer(f);
	expect_text(f, "e/000001", "value 1");
	expect_text(f, "e/020000", "value 20000");
	expect_miss(f, "d/000001");
	expect_miss(f, "d/020000");
	db = other_program(f);
	assert_int_equal(rows_below(db, "e"), MANY);
	assert_int_equal(ask_sql(db, "SELECT count(*) FROM cachefs_settings"
				     " WHERE name LIKE 'move:%'"),
			 0);
	sqlite3_close(db);
}

static void test_what_a_rename_that_fails_has_moved_goes_back(void **state)
{
	struct fixture *f = *state;
	char sql[256];

	open_layer(f);
	sqlite3 *db = other_program(f);
	fill(db, "d", 5000);
	snprintf(sql, sizeof(sql),
		 "UPDATE cache SET cache_key = 'd/z' || hex(zeroblob(%d))"
		 " WHERE cache_key = 'd/005000'",
		 (KEY_MAX - 3) / 2);
	run_sql(db, sql);
	assert_int_equal(B->rename_prefix(f->layer, key_of("d"), key_of("longer")), -ENAMETOOLONG);
	assert_int_equal(rows_below(db, "d"), 5000);
	assert_int_equal(rows_below(db, "longer"), 0);
	assert_int_equal(ask_sql(db, "SELECT count(*) FROM cachefs_settings"
				     " WHERE name LIKE 'move:%'"),
			 0);
	sqlite3_close(db);
}

static void test_a_note_of_a_rename_that_is_damaged_goes(void **state)
{
	struct fixture *f = *state;

	open_layer(f);
	assert_int_equal(set(f, "d/k", "v"), 0);
	sqlite3 *db = other_program(f);
	run_sql(db, "INSERT INTO cachefs_settings VALUES('move:', 'x')");
	run_sql(db, "INSERT INTO cachefs_settings VALUES('move:0000000000000001', x'0001')");
	run_sql(db, "INSERT INTO cachefs_settings VALUES('move:0000000000000002', x'ffff6465')");
	run_sql(db, "INSERT INTO cachefs_settings VALUES('move:0000000000000003', NULL)");
	run_sql(db, "INSERT INTO cachefs_settings VALUES('move:3', x'00016465')");
	run_sql(db,
		"INSERT INTO cachefs_settings VALUES('move:0000000000000004', x'000164642f65')");
	sqlite3_close(db);
	close_layer(f);
	open_layer(f);
	expect_text(f, "d/k", "v");
	db = other_program(f);
	assert_int_equal(ask_sql(db, "SELECT count(*) FROM cachefs_settings"
				     " WHERE name LIKE 'move:%'"),
			 0);
	sqlite3_close(db);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_another_program_writes_in_the_middle_of_a_removal),
		T(test_sets_go_between_the_steps_of_a_removal),
		T(test_long_removals_go_side_by_side),
		T(test_a_long_job_of_ours_is_no_change_by_others),
		T(test_the_files_of_a_prefix_go_with_it),
		T(test_unreachable_keys_go_by_steps),
		T(test_an_upgrade_lets_other_programs_write),
		T(test_a_rename_that_a_crash_interrupts_is_finished),
		T(test_what_a_rename_that_fails_has_moved_goes_back),
		T(test_a_note_of_a_rename_that_is_damaged_goes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
