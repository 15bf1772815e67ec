/* write_back: what is acknowledged is in the journal until the slower layers have it. */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "stack/afterwards.h"
#include "ledger/journal_row.h"
#include "stack_fixture.h"
#include "base/time_source.h"

enum { MEMORY, DISK, FLUSH_MS = 20000 };

static struct stack_fixture s;

static int setup(void **state)
{
	(void)state;
	stack_setup(&s, 2, WRITE_BACK);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	stack_teardown(&s);
	return 0;
}

/* The slower layer takes nothing and answers nothing. */
static void down(bool is_down)
{
	atomic_store(&s.plans[DISK].down, is_down);
}

static void flush(void)
{
	assert_int_equal(layered_flush(s.cache, KEY_ROOT, FLUSH_MS), 0);
}

static uint64_t entries(void)
{
	struct cache_stats stats;

	assert_int_equal(layered_stats(s.cache, &stats), 0);
	free(stats.layers);
	return stats.journal.entries;
}

/* Closed, opened without what memory had. */
static void forget_memory(void)
{
	stack_reopen(&s);
}

static void expect_disk(const char *key, const char *text)
{
	stack_close(&s);
	char *got = stack_disk_get(&s, DISK, key);
	if (text && got)
		assert_string_equal(got, text);
	else
		assert_true(!text == !got);
	free(got);
}

static void a_set_reaches_the_slower_layer_later(void **state)
{
	(void)state;
	assert_int_equal(stack_set(&s, "k", "v"), 0);
	stack_expect(&s, "k", "v");
	flush();
	assert_int_equal(entries(), 0);
	stack_expect(&s, "k", "v");
	expect_disk("k", "v");
}

static int note_journal(void *self, const char *layer, const struct meta *meta)
{
	bool *found = self;

	(void)meta;
	*found |= strcmp(layer, "journal") == 0;
	return 0;
}

static void a_set_succeeds_while_the_slower_layer_is_down(void **state)
{
	(void)state;
	down(true);
	assert_int_equal(stack_set(&s, "d/k", "v"), 0);
	assert_int_equal(layered_flush(s.cache, KEY_ROOT, 50), -ETIMEDOUT);
	assert_int_equal(layered_flush(s.cache, key_of("elsewhere"), 50), 0);
	assert_int_equal(entries(), 1);
	forget_memory();
	/* The journal is where it is read from now. */
	stack_expect(&s, "d/k", "v");
	char *names = stack_list(&s, "");
	assert_string_equal(names, "d/");
	free(names);
	names = stack_list(&s, "d");
	assert_string_equal(names, "k");
	free(names);
	bool is_holder = false;
	assert_int_equal(layered_visit_holders(s.cache, key_of("d/k"), note_journal, &is_holder),
			 0);
	assert_true(is_holder);
	down(false);
	flush();
	expect_disk("d/k", "v");
}

static void the_newest_of_several_sets_is_what_arrives(void **state)
{
	(void)state;
	down(true);
	assert_int_equal(stack_set(&s, "k", "1"), 0);
	assert_int_equal(stack_set(&s, "k", "2"), 0);
	assert_int_equal(stack_set(&s, "k", "3"), 0);
	assert_int_equal(entries(), 1);
	down(false);
	flush();
	expect_disk("k", "3");
}

static void set_and_die(struct stack_fixture *f)
{
	atomic_store(&f->plans[DISK].down, true);
	if (stack_set(f, "k", "new") != 0 || stack_set(f, "l", "v") != 0)
		_exit(1);
}

static void a_crash_loses_nothing_that_was_acknowledged(void **state)
{
	(void)state;
	assert_int_equal(stack_set(&s, "k", "old"), 0);
	flush();
	stack_crash(&s, set_and_die);
	down(true);
	stack_open(&s);
	stack_expect(&s, "k", "new");
	stack_expect(&s, "l", "v");
	down(false);
	flush();
	expect_disk("k", "new");
}

static void a_removed_entry_does_not_come_back(void **state)
{
	(void)state;
	assert_int_equal(stack_set(&s, "k", "old"), 0);
	flush();
	down(true);
	assert_int_equal(stack_set(&s, "k", "new"), 0);
	assert_int_equal(stack_remove(&s, "k"), 0);
	stack_expect_miss(&s, "k");
	stack_reopen(&s);
	stack_expect_miss(&s, "k");
	down(false);
	stack_wait_told(&s, DISK);
	stack_expect_miss(&s, "k");
	expect_disk("k", NULL);
}

static void a_removed_prefix_does_not_come_back(void **state)
{
	(void)state;
	assert_int_equal(stack_set(&s, "d/old", "v"), 0);
	flush();
	down(true);
	assert_int_equal(stack_set(&s, "d/new", "v"), 0);
	assert_int_equal(stack_set(&s, "da", "v"), 0);
	assert_int_equal(stack_remove_prefix(&s, "d"), 0);
	stack_reopen(&s);
	stack_expect_miss(&s, "d/old");
	stack_expect_miss(&s, "d/new");
	stack_expect(&s, "da", "v");
	down(false);
	stack_wait_told(&s, DISK);
	flush();
	expect_disk("d/old", NULL);
	expect_disk("d/new", NULL);
	expect_disk("da", "v");
}

static void any_removed_prefix_does_not_come_back(void **state)
{
	(void)state;
	assert_int_equal(stack_set(&s, "p:old", "v"), 0);
	flush();
	down(true);
	assert_int_equal(stack_set(&s, "p:new", "v"), 0);
	assert_int_equal(stack_set(&s, "p", "v"), 0);
	assert_int_equal(layered_remove_prefix(s.cache, key_of("p:"), NULL), 0);
	stack_reopen(&s);
	stack_expect_miss(&s, "p:old");
	stack_expect_miss(&s, "p:new");
	stack_expect(&s, "p", "v");
	down(false);
	stack_wait_told(&s, DISK);
	flush();
	assert_int_equal(layered_remove_prefix(s.cache, key_of("p:"), NULL), -ENOENT);
	expect_disk("p:old", NULL);
	expect_disk("p:new", NULL);
	expect_disk("p", "v");
}

static void an_undrained_entry_is_renamed(void **state)
{
	(void)state;
	assert_int_equal(stack_set(&s, "a", "old"), 0);
	assert_int_equal(stack_set(&s, "b", "target"), 0);
	flush();
	down(true);
	assert_int_equal(stack_set(&s, "a", "new"), 0);
	assert_int_equal(stack_rename(&s, "a", "b"), 0);
	stack_expect_miss(&s, "a");
	stack_expect(&s, "b", "new");
	stack_reopen(&s);
	stack_expect_miss(&s, "a");
	stack_expect(&s, "b", "new");
	down(false);
	stack_wait_told(&s, DISK);
	flush();
	expect_disk("a", NULL);
	expect_disk("b", "new");
}

/* A get's answer is out, and its promotion comes after a change that only the journal has. */
static void a_promotion_of_what_the_journal_supersedes_is_dropped(void **state)
{
	(void)state;
	assert_int_equal(stack_set(&s, "k", "old"), 0);
	assert_int_equal(stack_set(&s, "a", "moves"), 0);
	assert_int_equal(stack_set(&s, "b", "old"), 0);
	flush();
	stack_reopen(&s);
	afterwards_collect(true);
	stack_expect(&s, "k", "old");
	stack_expect(&s, "b", "old");
	down(true);
	assert_int_equal(stack_set(&s, "k", "new"), 0);
	assert_int_equal(stack_set(&s, "a", "moves"), 0);
	assert_int_equal(stack_rename(&s, "a", "b"), 0);
	down(false);
	afterwards_run();
	afterwards_collect(false);
	stack_expect(&s, "k", "new");
	stack_expect(&s, "b", "moves");
	flush();
	stack_expect(&s, "k", "new");
	stack_expect(&s, "b", "moves");
}

static void a_drained_entry_is_renamed_over_an_undrained_one(void **state)
{
	(void)state;
	assert_int_equal(stack_set(&s, "a", "moves"), 0);
	flush();
	down(true);
	assert_int_equal(stack_set(&s, "b", "undrained"), 0);
	assert_int_equal(stack_rename(&s, "a", "b"), 0);
	stack_reopen(&s);
	stack_expect_miss(&s, "a");
	stack_expect(&s, "b", "moves");
	down(false);
	stack_wait_told(&s, DISK);
	flush();
	expect_disk("a", NULL);
	expect_disk("b", "moves");
}

static void a_directory_of_undrained_entries_is_renamed(void **state)
{
	(void)state;
	assert_int_equal(stack_set(&s, "d/drained", "v"), 0);
	assert_int_equal(stack_set(&s, "d/k", "old"), 0);
	flush();
	atomic_store(&s.plans[DISK].fail_at, 0);
	down(true);
	assert_int_equal(stack_set(&s, "d/k", "new"), 0);
	assert_int_equal(stack_set(&s, "d/e/f", "v"), 0);
	down(false); /* a directory cannot be moved in a layer that is down */
	assert_int_equal(stack_rename_prefix(&s, "d", "to"), 0);
	stack_reopen(&s);
	stack_expect(&s, "to/k", "new");
	stack_expect(&s, "to/e/f", "v");
	stack_expect(&s, "to/drained", "v");
	stack_expect_miss(&s, "d/k");
	flush();
	expect_disk("to/k", "new");
	expect_disk("d/k", NULL);
}

static void an_expired_entry_does_not_uncover_an_older_one(void **state)
{
	(void)state;
	assert_int_equal(stack_set(&s, "k", "old"), 0);
	flush();
	down(true);
	assert_int_equal(stack_set_ttl(&s, "k", "new", 1), 0);
	forget_memory();
	usleep(5000);
	stack_expect_miss(&s, "k");
	down(false);
	stack_expect_miss(&s, "k");
	flush();
	stack_expect_miss(&s, "k");
	stack_wait_told(&s, DISK);
	expect_disk("k", NULL);
}

static int wait_past_the_expiry(void *self)
{
	const struct timespec *past = self;

	return -clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, past, NULL);
}

static void a_rename_of_what_just_expired_moves_nothing_older(void **state)
{
	struct timespec past;
	const struct layered_hooks hooks = { .prepare = wait_past_the_expiry, .self = &past };

	(void)state;
	assert_int_equal(stack_set(&s, "a", "old"), 0);
	flush();
	down(true);
	assert_int_equal(stack_set_ttl(&s, "a", "new", 500), 0);
	int64_t past_ms = time_wall_ms(&time_system) + 501;
	past = (struct timespec){ past_ms / 1000, past_ms % 1000 * 1000000 };
	down(false);
	assert_int_equal(layered_rename(s.cache, key_of("a"), key_of("b"), &hooks), -ENOENT);
	stack_expect_miss(&s, "a");
	stack_expect_miss(&s, "b");
}

static void a_touch_that_the_journal_cannot_take_loses_nothing(void **state)
{
	struct meta meta = { .mode = 0100600 };

	(void)state;
	assert_int_equal(stack_set(&s, "k", "old"), 0);
	flush();
	down(true);
	assert_int_equal(stack_set(&s, "k", "new"), 0);
	stack_state_exec(&s, STACK_REFUSE("UPDATE ON journal", "a")
				     STACK_REFUSE("DELETE ON journal", "b"));
	down(false);
	assert_int_equal(layered_touch(s.cache, key_of("k"), &meta, META_MODE, NULL), -EIO);
	stack_state_exec(&s, "DROP TRIGGER a; DROP TRIGGER b");
	stack_expect(&s, "k", "new");
	stack_reopen(&s);
	stack_expect(&s, "k", "new");
	flush();
	expect_disk("k", "new");
}

static void a_removal_that_the_journal_cannot_remember_fails(void **state)
{
	(void)state;
	assert_int_equal(stack_set(&s, "k", "old"), 0);
	flush();
	down(true);
	assert_int_equal(stack_set(&s, "k", "new"), 0);
	stack_state_exec(&s, STACK_REFUSE("DELETE ON journal", "a")
				     STACK_REFUSE("INSERT ON tombstones", "b"));
	down(false);
	assert_int_equal(stack_remove(&s, "k"), -EIO);
	stack_state_exec(&s, "DROP TRIGGER a; DROP TRIGGER b");
	int rc = stack_remove(&s, "k");
	assert_true(rc == 0 || rc == -ENOENT);
	flush();
	stack_expect_miss(&s, "k");
	expect_disk("k", NULL);
}

static void what_the_journal_is_to_remove_is_not_drained(void **state)
{
	(void)state;
	down(true);
	assert_int_equal(stack_set(&s, "k", "v"), 0);
	stack_state_exec(&s, STACK_REFUSE("DELETE ON journal", "a"));
	assert_int_equal(stack_remove(&s, "k"), 0);
	stack_expect_miss(&s, "k");
	down(false);
	assert_int_equal(layered_flush(s.cache, KEY_ROOT, 300), -ETIMEDOUT);
	stack_state_exec(&s, "DROP TRIGGER a");
	flush();
	stack_wait_told(&s, DISK);
	stack_expect_miss(&s, "k");
	expect_disk("k", NULL);
}

static void a_touched_entry_arrives_as_it_is_now(void **state)
{
	struct meta meta = { .mode = 0100600 }, now = { 0 };

	(void)state;
	down(true);
	assert_int_equal(stack_set(&s, "k", "v"), 0);
	assert_int_equal(layered_touch(s.cache, key_of("k"), &meta, META_MODE, NULL), 0);
	forget_memory();
	assert_int_equal(layered_stat(s.cache, key_of("k"), &now), 0);
	assert_int_equal(now.mode, 0100600);
	meta_fini(&now);
	down(false);
	flush();
	assert_int_equal(layered_stat(s.cache, key_of("k"), &now), 0);
	assert_int_equal(now.mode, 0100600);
	meta_fini(&now);
}

static void a_full_journal_makes_sets_wait_and_then_fail(void **state)
{
	char key[16];
	int rc = 0, count = 0;

	(void)state;
	stack_close(&s);
	s.conf.journal_max_bytes = 20000;
	stack_open(&s);
	down(true);
	for (; rc == 0 && count < 1000; count++) {
		snprintf(key, sizeof(key), "k%d", count);
		rc = stack_set(&s, key, "v");
	}
	assert_int_equal(rc, -ENOSPC);
	assert_true(count > 10);
	assert_int_equal(entries(), count - 1);
	/* An entry that is there can be set all the same. */
	assert_int_equal(stack_set(&s, "k0", "w"), 0);
	down(false);
	flush();
	assert_int_equal(stack_set(&s, key, "v"), 0);
	flush();
	expect_disk("k0", "w");
}

static void a_value_larger_than_the_journal_is_written_through(void **state)
{
	char *large = calloc(1, 300001);

	(void)state;
	assert_non_null(large);
	memset(large, 'x', 300000);
	stack_close(&s);
	s.conf.journal_max_bytes = 200000;
	stack_open(&s);
	assert_int_equal(stack_set(&s, "k", "small"), 0);
	assert_int_equal(stack_set(&s, "k", large), 0);
	flush();
	assert_int_equal(entries(), 0);
	stack_expect(&s, "k", large);
	expect_disk("k", large);
	free(large);
}

static void large_values_are_files_and_leave_none_behind(void **state)
{
	char *large = calloc(1, 300001), path[200], command[300];

	(void)state;
	assert_non_null(large);
	memset(large, 'x', 300000);
	down(true);
	assert_int_equal(stack_set(&s, "k", large), 0);
	assert_int_equal(stack_set(&s, "l", large), 0);
	assert_int_equal(stack_remove(&s, "l"), 0);
	snprintf(path, sizeof(path), "%s/state.sqlite.values", s.state_dir);
	snprintf(command, sizeof(command), "test $(ls %s | wc -l) = 1", path);
	assert_int_equal(system(command), 0);
	forget_memory();
	stack_expect(&s, "k", large);
	down(false);
	flush();
	snprintf(command, sizeof(command), "test $(ls %s | wc -l) = 0", path);
	assert_int_equal(system(command), 0);
	expect_disk("k", large);
	free(large);
}

static atomic_bool reads;
static atomic_int misses;

static void *read_all_the_time(void *self)
{
	while (atomic_load(&reads)) {
		char *got = stack_get(&s, "k");
		if (!got)
			atomic_fetch_add(&misses, 1);
		free(got);
	}
	return self;
}

/* Its file goes with a set, or once it is drained, between the look at the row and the open. */
static void a_large_value_is_never_a_miss_while_it_changes(void **state)
{
	char *large = calloc(1, 100001);
	pthread_t thread;

	(void)state;
	assert_non_null(large);
	memset(large, 'x', 100000);
	atomic_store(&s.plans[MEMORY].down, true);
	assert_int_equal(stack_set(&s, "k", large), 0);
	atomic_store(&misses, 0);
	atomic_store(&reads, true);
	assert_int_equal(pthread_create(&thread, NULL, read_all_the_time, NULL), 0);
	for (int i = 0; i < 1000; i++)
		assert_int_equal(stack_set(&s, "k", large), 0);
	atomic_store(&reads, false);
	pthread_join(thread, NULL);
	assert_int_equal(atomic_load(&misses), 0);
	free(large);
}

static void a_damaged_row_is_a_miss_and_set_aside(void **state)
{
	(void)state;
	assert_int_equal(stack_set(&s, "k", "old"), 0);
	flush();
	down(true);
	assert_int_equal(stack_set(&s, "k", "new"), 0);
	assert_int_equal(stack_set(&s, "l", "v"), 0);
	stack_close(&s);
	stack_state_exec(&s, "UPDATE journal SET value = 'nex' WHERE key = CAST('k' AS BLOB)");
	stack_open(&s);
	assert_null(stack_get(&s, "k")); /* stat does not look at the value */
	stack_expect(&s, "l", "v");
	down(false);
	flush();
	stack_expect_miss(&s, "k");
	expect_disk("l", "v");
	stack_open(&s);
	assert_int_equal(entries(), 0);
}

static void what_another_strategy_finds_in_the_journal_is_drained(void **state)
{
	(void)state;
	down(true);
	assert_int_equal(stack_set(&s, "k", "v"), 0);
	assert_int_equal(stack_set(&s, "l", "old"), 0);
	stack_close(&s);
	s.conf.write_strategy = WRITE_THROUGH;
	stack_open(&s);
	stack_expect(&s, "k", "v");
	down(false);
	assert_int_equal(stack_set(&s, "l", "new"), 0);
	flush();
	stack_expect(&s, "l", "new");
	expect_disk("k", "v");
	expect_disk("l", "new");
}

static void closing_drains(void **state)
{
	char key[16];

	(void)state;
	for (int i = 0; i < 200; i++) {
		snprintf(key, sizeof(key), "k%d", i);
		assert_int_equal(stack_set(&s, key, "v"), 0);
	}
	stack_close(&s);
	for (int i = 0; i < 200; i += 50) {
		snprintf(key, sizeof(key), "k%d", i);
		expect_disk(key, "v");
	}
	stack_open(&s);
	assert_int_equal(entries(), 0);
}

static int make_dir_of_mode(const char *dir, mode_t mode)
{
	const struct meta meta = { .mode = 0040000 | mode };

	return layered_dir_set(s.cache, key_of(dir), &meta, NULL);
}

static int make_dir(const char *dir)
{
	return make_dir_of_mode(dir, 0755);
}

static void the_root_is_listed_beside_its_own_marker(void **state)
{
	(void)state;
	down(true);
	assert_int_equal(make_dir(""), 0);
	assert_int_equal(make_dir("d"), 0);
	assert_int_equal(stack_set(&s, "k", "v"), 0);
	forget_memory();
	char *names = stack_list(&s, "");
	assert_string_equal(names, "d/ k");
	free(names);
	down(false);
}

static atomic_bool goes_on;
static atomic_int made;

/* Before what is there already and behind it, and a set with each. */
static void *make_more(void *self)
{
	char key[32];

	for (int i = 0; atomic_load(&goes_on); i++) {
		snprintf(key, sizeof(key), "%c%d", i % 2 ? 'a' : 'z', i);
		assert_int_equal(make_dir(key), 0);
		assert_int_equal(stack_set(&s, "k", "v"), 0);
		atomic_fetch_add(&made, 1);
	}
	return self;
}

/* One layer takes it and cannot sync it, another syncs and has not taken it. */
static void a_row_is_kept_until_a_layer_has_it_for_good(void **state)
{
	(void)state;
	stack_teardown(&s);
	stack_setup(&s, 3, WRITE_BACK);
	atomic_store(&s.plans[DISK].unsynced, true);
	atomic_store(&s.plans[DISK + 1].full, true);
	assert_int_equal(make_dir("d"), 0);
	assert_int_equal(stack_set(&s, "k", "v"), 0);
	assert_int_equal(layered_flush(s.cache, key_of("k"), 300), -ETIMEDOUT);
	assert_int_equal(entries(), 1);
	atomic_store(&s.plans[DISK].unsynced, false);
	flush();
	assert_int_equal(entries(), 0);
	expect_disk("k", "v");
}

static struct journal_stats journal_stats_now(void)
{
	struct cache_stats stats;

	assert_int_equal(layered_stats(s.cache, &stats), 0);
	free(stats.layers);
	return stats.journal;
}

static void set_what_one_disk_misses(struct stack_fixture *f)
{
	atomic_store(&f->plans[DISK + 1].down, true);
	stack_state_exec(f, STACK_REFUSE("INSERT ON tombstones", "a"));
	if (stack_set(f, "k", "new") < 0 || make_dir_of_mode("d", 0700) < 0)
		_exit(1);
	/* Until it is drained, or cannot be. */
	while (journal_stats_now().entries > 0 && journal_stats_now().failures < 4)
		usleep(1000);
}

/* The journal's row says it while nothing else does. */
static void a_row_is_kept_until_what_a_layer_missed_is_remembered(void **state)
{
	struct meta meta = { 0 };

	(void)state;
	stack_teardown(&s);
	stack_setup(&s, 3, WRITE_BACK);
	assert_int_equal(stack_set(&s, "k", "old"), 0);
	assert_int_equal(make_dir_of_mode("d", 0755), 0);
	flush();
	stack_crash(&s, set_what_one_disk_misses);
	stack_state_exec(&s, "DROP TRIGGER a");
	atomic_store(&s.plans[DISK].down, true);
	stack_open(&s);
	stack_expect(&s, "k", "new");
	assert_int_equal(layered_dir_stat(s.cache, key_of("d"), &meta), 0);
	assert_int_equal(meta.mode & 07777, 0700);
	meta_fini(&meta);
}

static void a_flush_does_not_wait_for_what_comes_after_it(void **state)
{
	pthread_t thread;
	struct meta meta = { 0 };

	(void)state;
	atomic_store(&goes_on, true);
	atomic_store(&made, 0);
	down(true);
	assert_int_equal(make_dir("m"), 0);
	assert_int_equal(stack_set(&s, "l", "v"), 0);
	assert_int_equal(pthread_create(&thread, NULL, make_more, NULL), 0);
	while (atomic_load(&made) < 10)
		usleep(1000);
	down(false);
	int rc = layered_flush(s.cache, KEY_ROOT, FLUSH_MS);
	int there = layered_layer_dir_stat(s.cache, DISK + 1, key_of("m"), &meta);
	atomic_store(&goes_on, false);
	pthread_join(thread, NULL);
	meta_fini(&meta);
	assert_int_equal(rc, 0);
	assert_int_equal(there, 0);
	flush();
	assert_int_equal(entries(), 0);
	expect_disk("l", "v");
}

static void a_flush_waits_for_directories_of_an_earlier_run(void **state)
{
	(void)state;
	down(true);
	assert_int_equal(make_dir("d"), 0);
	assert_int_equal(make_dir("d/e"), 0);
	stack_reopen(&s);
	assert_int_equal(layered_flush(s.cache, key_of("d"), 50), -ETIMEDOUT);
	assert_int_equal(layered_flush(s.cache, key_of("e"), 50), 0);
	assert_int_equal(stack_rename_prefix(&s, "d", "e"), 0);
	assert_int_equal(layered_flush(s.cache, key_of("e"), 50), -ETIMEDOUT);
	assert_int_equal(layered_flush(s.cache, key_of("d"), 50), 0);
	down(false);
	flush();
	assert_int_equal(entries(), 0);
}

static void no_bit_of_a_head_can_be_flipped(void **state)
{
	struct meta meta = { .size = 3, .mode = 0100644, .version = 7, .ino = 9 }, read = { 0 };
	size_t size = 0;

	(void)state;
	uint8_t *head = journal_row_pack(key_of("k"), NULL, &meta, &size);
	assert_non_null(head);
	assert_int_equal(journal_row_unpack(head, size, key_of("k"), NULL, &read), 0);
	assert_true(meta_same_value(&meta, &read));
	for (size_t i = 0; i < size * 8; i++) {
		head[i / 8] ^= (uint8_t)(1 << i % 8);
		assert_int_equal(journal_row_unpack(head, size, key_of("k"), NULL, &read),
				 -EBADMSG);
		head[i / 8] ^= (uint8_t)(1 << i % 8);
	}
	for (size_t i = 0; i < size; i++)
		assert_int_equal(journal_row_unpack(head, i, key_of("k"), NULL, &read), -EBADMSG);
	assert_int_equal(journal_row_unpack(head, size, key_of("l"), NULL, &read), -EBADMSG);
	assert_int_equal(journal_row_unpack(head, size, key_of("k"), "f", &read), -EBADMSG);
	free(head);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_set_reaches_the_slower_layer_later),
		TEST(a_set_succeeds_while_the_slower_layer_is_down),
		TEST(the_newest_of_several_sets_is_what_arrives),
		TEST(the_root_is_listed_beside_its_own_marker),
		TEST(a_crash_loses_nothing_that_was_acknowledged),
		TEST(a_removed_entry_does_not_come_back),
		TEST(a_removed_prefix_does_not_come_back),
		TEST(any_removed_prefix_does_not_come_back),
		TEST(an_undrained_entry_is_renamed),
		TEST(a_promotion_of_what_the_journal_supersedes_is_dropped),
		TEST(a_drained_entry_is_renamed_over_an_undrained_one),
		TEST(a_directory_of_undrained_entries_is_renamed),
		TEST(an_expired_entry_does_not_uncover_an_older_one),
		TEST(a_rename_of_what_just_expired_moves_nothing_older),
		TEST(a_touch_that_the_journal_cannot_take_loses_nothing),
		TEST(a_removal_that_the_journal_cannot_remember_fails),
		TEST(what_the_journal_is_to_remove_is_not_drained),
		TEST(a_touched_entry_arrives_as_it_is_now),
		TEST(a_full_journal_makes_sets_wait_and_then_fail),
		TEST(a_value_larger_than_the_journal_is_written_through),
		TEST(large_values_are_files_and_leave_none_behind),
		TEST(a_large_value_is_never_a_miss_while_it_changes),
		TEST(a_damaged_row_is_a_miss_and_set_aside),
		TEST(what_another_strategy_finds_in_the_journal_is_drained),
		TEST(closing_drains),
		TEST(a_row_is_kept_until_a_layer_has_it_for_good),
		TEST(a_row_is_kept_until_what_a_layer_missed_is_remembered),
		TEST(a_flush_does_not_wait_for_what_comes_after_it),
		TEST(a_flush_waits_for_directories_of_an_earlier_run),
		cmocka_unit_test(no_bit_of_a_head_can_be_flipped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
