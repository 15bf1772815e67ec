/* The disk layer beside other programs, damage, kill -9 and many threads. */
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

#include "disk_fixture.h"

/* --- other programs --------------------------------------------------------------------------- */

static const char python_schema[] =
	"CREATE TABLE cache(cache_key TEXT PRIMARY KEY, payload TEXT NOT NULL, expires_at REAL,"
	" updated_at REAL NOT NULL); CREATE INDEX idx_cache_expires ON cache(expires_at);";
static const char python_upsert[] =
	"INSERT INTO cache(cache_key, payload, expires_at, updated_at) VALUES('k', '{\"b\": 2}', "
	"NULL,"
	" 1700000001.25) ON CONFLICT(cache_key) DO UPDATE SET payload = excluded.payload,"
	" expires_at = excluded.expires_at, updated_at = excluded.updated_at";

static void test_an_old_database_is_upgraded_in_place(void **state)
{
	struct fixture *f = *state;
	sqlite3 *db = other_program(f);

	run_sql(db, python_schema);
	run_sql(db,
		"INSERT INTO cache VALUES('k', '{\"gr\xc3\xbc\xc3\x9f\": 1}', NULL, 1700000000.5),"
		"('old', 'x', 1700000000, 1700000000), ('dir/a', 'y', 1767225700.0004, "
		"1700000000)");
	sqlite3_close(db);
	f->conf.size_limit = 1 << 20;
	open_layer(f);
	struct meta meta = stat_of(f, "k");
	assert_int_equal(meta.mode, 0);
	assert_int_equal(meta.version, 0);
	assert_int_equal(meta.ino, 0);
	assert_int_equal(meta.size, 13);
	assert_int_equal(meta.mtime.tv_sec, 1700000000);
	assert_int_equal(meta.mtime.tv_nsec, 500000000);
	expect_text(f, "k", "{\"gr\xc3\xbc\xc3\x9f\": 1}");
	expect_miss(f, "old");
	assert_int_equal(end_ms(stat_of(f, "dir/a").copy), 1767225700001);
	meta.mode = S_IFREG | 0600;
	assert_int_equal(B->touch(f->layer, key_of("k"), &meta, META_MODE), 0);
	meta = stat_of(f, "k");
	assert_int_equal(meta.mode, S_IFREG | 0600);
	assert_int_equal(meta.mtime.tv_sec, 1700000000);
	assert_int_equal(meta.size, 13);
	wait_until(5, is_gone(f, "old"));
}

static void test_another_programs_writes_are_foreign_entries(void **state)
{
	struct fixture *f = *state;

	open_layer(f);
	sqlite3 *db = other_program(f);
	struct meta mine = { .version = 5, .ino = 77 };
	assert_int_equal(set_bytes(f, key_of("k"), "mine", 4, mine), 0);
	run_sql(db, python_upsert);
	struct meta meta = stat_of(f, "k");
	assert_int_equal(meta.version, 0);
	assert_int_equal(meta.mode, S_IFREG | 0644); /* as it was: set_bytes() */
	assert_int_equal(meta.ino, 0);
	assert_int_equal(meta.size, 8);
	assert_int_equal(meta.mtime.tv_nsec, 250000000);
	expect_text(f, "k", "{\"b\": 2}");

	assert_int_equal(set_bytes(f, key_of("k"), "mine", 4, mine), 0);
	assert_int_equal(stat_of(f, "k").version, 5);
	run_sql(db, "INSERT OR REPLACE INTO cache(cache_key, payload, expires_at, updated_at)"
		    " VALUES('k', 'replaced', NULL, 1)");
	assert_int_equal(stat_of(f, "k").version, 0);
	expect_text(f, "k", "replaced");

	assert_int_equal(set_large(f, "k", 1 << 20, 1), 0);
	run_sql(db, python_upsert);
	expect_text(f, "k", "{\"b\": 2}");

	assert_int_equal(set(f, "d/x", "v"), 0);
	run_sql(db, "DELETE FROM cache WHERE cache_key LIKE 'd/%'");
	expect_miss(f, "d/x");
	assert_int_equal(
		ask_sql(db, "SELECT count(*) = (SELECT count(*) FROM cache) FROM cachefs_use"), 1);
	sqlite3_close(db);
}

static void test_a_table_made_anew_by_another_program_is_taken_up(void **state)
{
	struct fixture *f = *state;
	int rc;

	open_layer(f);
	assert_int_equal(set(f, "k", "v"), 0);
	expect_text(f, "k", "v");
	sqlite3 *db = other_program(f);
	run_sql(db, "DROP TABLE cache");
	run_sql(db, python_schema);
	run_sql(db, "INSERT INTO cache VALUES('k', 'new', NULL, 1)");
	sqlite3_close(db);
	wait_until(8, get_text(f, key_of("k"), &rc) &&
			      strcmp(get_text(f, key_of("k"), &rc), "new") == 0);
	assert_int_equal(set(f, "k", "v"), 0);
	expect_text(f, "k", "v");
}

static void *set_later(void *self)
{
	struct fixture *f = self;
	return (void *)(intptr_t)set(f, "k", "after");
}

static void *set_never(void *self)
{
	struct fixture *f = self;
	return (void *)(intptr_t)set(f, "k", "never");
}

static void test_a_locked_database_delays_sets_but_not_gets(void **state)
{
	struct fixture *f = *state;
	pthread_t thread;
	void *rc;

	open_layer(f);
	assert_int_equal(set(f, "k", "before"), 0);
	sqlite3 *db = other_program(f);
	run_sql(db, "BEGIN EXCLUSIVE");
	pthread_create(&thread, NULL, set_later, f);
	int64_t start = time_mono_ms(&time_system);
	poll(NULL, 0, 100);
	expect_text(f, "k", "before");
	assert_true(time_mono_ms(&time_system) - start < 1000);
	run_sql(db, "COMMIT");
	pthread_join(thread, &rc);
	assert_null(rc);
	expect_text(f, "k", "after");

	run_sql(db, "BEGIN IMMEDIATE");
	pthread_create(&thread, NULL, set_never, f);
	poll(NULL, 0, 100); /* it waits */
	pass(f, DISK_BUSY_MS);
	pthread_join(thread, &rc);
	assert_int_equal((intptr_t)rc, -EHOSTDOWN);
	run_sql(db, "ROLLBACK");
	expect_text(f, "k", "after");
	sqlite3_close(db);
}

static void test_a_database_locked_at_the_start_comes_up_later(void **state)
{
	struct fixture *f = *state;
	struct meta meta;

	sqlite3 *db = other_program(f);
	run_sql(db, python_schema);
	run_sql(db, "INSERT INTO cache VALUES('k', 'v', NULL, 1)");
	run_sql(db, "BEGIN EXCLUSIVE");
	open_layer(f);
	assert_int_equal(B->stat(f->layer, key_of("k"), &meta), -EHOSTDOWN);
	assert_int_equal(set(f, "k", "w"), -EHOSTDOWN);
	run_sql(db, "COMMIT");
	pass(f, DISK_RETRY_MS);
	wait_until(10, B->stat(f->layer, key_of("k"), &meta) == 0);
	assert_int_equal(set(f, "k", "w"), 0);
	sqlite3_close(db);
}

/* --- faults ----------------------------------------------------------------------------------- */

static void test_a_damaged_file_is_never_overwritten(void **state)
{
	struct fixture *f = *state;
	static const char text[] = "this is not a database, and somebody wants it back\n";
	char content[sizeof(text)] = "";
	struct meta meta;

	FILE *file = fopen(f->path, "w");
	fputs(text, file);
	fclose(file);
	open_layer(f);
	assert_int_equal(set(f, "k", "v"), -EHOSTDOWN);
	assert_int_equal(B->stat(f->layer, key_of("k"), &meta), -EHOSTDOWN);
	assert_int_equal(B->remove_prefix(f->layer, KEY_ROOT), -EHOSTDOWN);
	close_layer(f);
	file = fopen(f->path, "r");
	assert_int_equal(fread(content, 1, sizeof(content) - 1, file), sizeof(text) - 1);
	fclose(file);
	assert_string_equal(content, text);

	sqlite3 *db = NULL;
	unlink(f->path);
	db = other_program(f);
	run_sql(db, "CREATE TABLE cache(something TEXT)");
	sqlite3_close(db);
	open_layer(f);
	assert_int_equal(set(f, "k", "v"), -EHOSTDOWN);
}

static void test_what_only_the_user_can_mend_is_a_problem(void **state)
{
	struct fixture *f = *state;
	struct problem problem = { 0 };
	char deep[128];

	f->conf.path = f->dir;
	assert_int_equal(B->open(&f->conf, &f->env, &f->layer, &problem), -EINVAL);
	assert_non_null(strstr(problem.message, "is a directory"));
	snprintf(deep, sizeof(deep), "%s/x/y/c.sqlite", f->dir);
	f->conf.path = deep;
	f->conf.ensure_directory = false;
	problem = (struct problem){ 0 };
	assert_int_equal(B->open(&f->conf, &f->env, &f->layer, &problem), -EINVAL);
	assert_non_null(strstr(problem.message, "does not exist"));
	f->conf.ensure_directory = true;
	open_layer(f);
	assert_int_equal(set(f, "k", "v"), 0);
	close_layer(f);
}

static void test_a_removed_file_is_noticed(void **state)
{
	struct fixture *f = *state;
	struct meta meta;

	open_layer(f);
	assert_int_equal(set(f, "k", "v"), 0);
	unlink(f->path);
	assert_int_equal(set(f, "k2", "v2"), 0);
	expect_text(f, "k2", "v2");
	assert_int_equal(B->stat(f->layer, key_of("k"), &meta), -ENOENT);
	close_layer(f);
	open_layer(f);
	expect_text(f, "k2", "v2");
}

static void test_a_wrong_checksum_is_a_miss(void **state)
{
	struct fixture *f = *state;
	int rc;

	open_layer(f);
	assert_int_equal(set(f, "k", "value"), 0);
	sqlite3 *db = other_program(f);
	run_sql(db, "UPDATE cache SET payload = 'vulue', cachefs_stamp = cachefs_stamp + 1");
	sqlite3_close(db);
	get_text(f, key_of("k"), &rc);
	assert_int_equal(rc, -ENOENT);
	assert_int_equal(set(f, "k", "value"), 0);
	expect_text(f, "k", "value");
}

/* Sets keys until it is killed; tells through the pipe which ones were acknowledged. */
static void set_until_killed(struct fixture *f, int fd)
{
	open_layer(f);
	for (int i = 0;; i++) {
		char key[32];
		snprintf(key, sizeof(key), "k%d", i);
		int rc = i % 7 == 3 ? set_large(f, key, 100000, i % 20) : set(f, key, key);
		if (rc != 0 || write(fd, &i, sizeof(i)) != (ssize_t)sizeof(i))
			_exit(1);
	}
}

static void test_acknowledged_sets_survive_kill_9(void **state)
{
	struct fixture *f = *state;

	for (int round = 0; round < 3; round++) {
		int fds[2], last = -1, i;
		assert_int_equal(pipe(fds), 0);
		pid_t pid = fork();
		if (pid == 0) {
			close(fds[0]);
			set_until_killed(f, fds[1]);
		}
		close(fds[1]);
		for (int n = 0;
		     n < 200 + round * 37 && read(fds[0], &i, sizeof(i)) == (ssize_t)sizeof(i); n++)
			last = i;
		kill(pid, SIGKILL);
		while (read(fds[0], &i, sizeof(i)) == (ssize_t)sizeof(i))
			last = i;
		waitpid(pid, NULL, 0);
		close(fds[0]);
		assert_true(last >= 199);
		open_layer(f);
		for (i = 0; i <= last; i++) {
			char key[32];
			snprintf(key, sizeof(key), "k%d", i);
			if (i % 7 == 3)
				expect_large(f, key, 100000, i % 20);
			else
				expect_text(f, key, key);
		}
		close_layer(f);
	}
}

/* --- threads ---------------------------------------------------------------------------------- */

enum { THREADS = 6, ROUNDS = 150 };

struct worker {
	struct fixture *f;
	int number;
};

static void *work(void *self)
{
	struct worker *w = self;
	struct fixture *f = w->f;
	unsigned seed = (unsigned)w->number;
	struct children batch = { 0 };
	char key[32], bytes[3000];

	for (int i = 0; i < ROUNDS; i++) {
		struct value *value = NULL;
		struct meta meta = { 0 };
		int c = rand_r(&seed) % 26;
		memset(bytes, 'a' + c, sizeof(bytes));
		snprintf(key, sizeof(key), "s/%d", rand_r(&seed) % 10);
		assert_int_equal(
			set_bytes(f, key_of(key), bytes, 1000 + (size_t)c, (struct meta){ 0 }), 0);
		snprintf(key, sizeof(key), "s/%d", rand_r(&seed) % 10);
		int rc = B->get(f->layer, key_of(key), &value, &meta);
		assert_true(rc == 0 || rc == -ENOENT);
		if (rc == 0) {
			const char *got = value_bytes(value);
			assert_int_equal(value_size(value), 1000 + (size_t)(got[0] - 'a'));
			assert_int_equal(got[0], got[value_size(value) - 1]);
			value_unref(value);
		}
		snprintf(key, sizeof(key), "own%d/%d", w->number, i);
		assert_int_equal(set(f, key, key), 0);
		rc = i % 10 == 0 ? B->remove(f->layer, key_of("s/3")) : 0;
		assert_true(rc == 0 || rc == -ENOENT);
		rc = i % 25 == 0 ? B->sync(f->layer) : 0;
		assert_int_equal(rc, 0);
		children_clear(&batch);
		assert_int_equal(B->list(f->layer, KEY_ROOT, KEY_ROOT, false, &batch), 0);
		assert_true(batch.count >= 1);
	}
	children_fini(&batch);
	return NULL;
}

static void test_many_threads(void **state)
{
	struct fixture *f = *state;
	struct worker workers[THREADS];
	pthread_t threads[THREADS];

	f->conf.size_limit = 64 << 20;
	open_layer(f);
	for (int i = 0; i < THREADS; i++) {
		workers[i] = (struct worker){ f, i };
		pthread_create(&threads[i], NULL, work, &workers[i]);
	}
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	for (int i = 0; i < THREADS; i++) {
		char key[32];
		snprintf(key, sizeof(key), "own%d/%d", i, ROUNDS - 1);
		expect_text(f, key, key);
	}
}

/* A group commit in which one set is refused leaves the others alone. */
static void *set_or_fail(void *self)
{
	struct worker *w = self;
	char key[32];

	for (int i = 0; i < 60; i++) {
		snprintf(key, sizeof(key), "%d-%d", w->number, i);
		/* the last bytes that fit by the estimate, not by the pages */
		int rc = w->number == 0 ? set_large(w->f, key, 768 * 1024 - 24 * 4096 - 64, 1)
					: set(w->f, key, key);
		assert_true(rc == 0 || (w->number == 0 && rc == -EFBIG));
	}
	return NULL;
}

static void test_a_refused_set_does_not_spoil_the_group(void **state)
{
	struct fixture *f = *state;
	struct worker workers[3];
	pthread_t threads[3];

	f->conf.size_limit = 1 << 20;
	f->conf.inline_limit = 1 << 20;
	open_layer(f);
	for (int i = 0; i < 3; i++) {
		workers[i] = (struct worker){ f, i };
		pthread_create(&threads[i], NULL, set_or_fail, &workers[i]);
	}
	for (int i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	struct layer_usage usage;
	wait_until(5, (B->usage(f->layer, &usage), usage.bytes <= f->conf.size_limit));
	close_layer(f);
	f->conf.vacuum_on_start = true;
	open_layer(f);
	assert_int_equal(set(f, "k", "v"), 0);
	expect_text(f, "k", "v");
}

/* Not asserted: what a point read and a set cost. */
static void test_print_the_cost(void **state)
{
	struct fixture *f = *state;
	enum { N = 2000 };
	char key[32];
	struct timespec start, end;
	struct meta meta;

	f->conf.inline_limit = 1 << 20;
	open_layer(f);
#define MEASURE(what, count, statement)                                                            \
	clock_gettime(CLOCK_MONOTONIC, &start);                                                    \
	for (int i = 0; i < (count); i++) {                                                        \
		snprintf(key, sizeof(key), "dir%d/key%d", i % 10, i);                              \
		statement;                                                                         \
	}                                                                                          \
	clock_gettime(CLOCK_MONOTONIC, &end);                                                      \
	print_message("# %s: %.1f us\n", what,                                                     \
		      ((double)(end.tv_sec - start.tv_sec) * 1e9 +                                 \
		       (double)(end.tv_nsec - start.tv_nsec)) /                                    \
			      1e3 / (count));
	MEASURE("set 4 KiB, new", N, set_large(f, key, 4096, 1));
	MEASURE("set 4 KiB, replaced", N, set_large(f, key, 4096, 2));
	MEASURE("stat", N, B->stat(f->layer, key_of(key), &meta));
	MEASURE("get 4 KiB", N, expect_large(f, key, 4096, 2));
	MEASURE("stat absent", N, (key[0] = 'x', B->stat(f->layer, key_of(key), &meta)));
	MEASURE("list 200 children", 20, list_text(f, key_of("dir1"), 128));
	MEASURE("list 10 directories of 200", 200, list_text(f, KEY_ROOT, 128));
	MEASURE("set 1 MiB inline", 10, set_large(f, key, 1 << 20, 1));
	MEASURE("stat 1 MiB inline", 10, B->stat(f->layer, key_of(key), &meta));
	MEASURE("get 1 MiB inline", 10, expect_large(f, key, 1 << 20, 1));
	MEASURE("set 2 MiB file", 10, set_large(f, key, 2 << 20, 1));
	MEASURE("get 2 MiB file", 10, expect_large(f, key, 2 << 20, 1));
	MEASURE("sync", 10, B->sync(f->layer));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_an_old_database_is_upgraded_in_place),
		T(test_another_programs_writes_are_foreign_entries),
		T(test_a_table_made_anew_by_another_program_is_taken_up),
		T(test_a_locked_database_delays_sets_but_not_gets),
		T(test_a_database_locked_at_the_start_comes_up_later),
		T(test_a_damaged_file_is_never_overwritten),
		T(test_what_only_the_user_can_mend_is_a_problem),
		T(test_a_removed_file_is_noticed),
		T(test_a_wrong_checksum_is_a_miss),
		T(test_acknowledged_sets_survive_kill_9),
		T(test_many_threads),
		T(test_a_refused_set_does_not_spoil_the_group),
		T(test_print_the_cost),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
