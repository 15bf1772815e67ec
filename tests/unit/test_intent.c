/* Rename of a directory over several layers: finished after a crash at any step, and by a layer
 * that was away; nothing is lost and nothing is under both names. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "stack_fixture.h"

enum { MEMORY, NEAR, FAR, KEYS = 6 };

static struct stack_fixture s;

static int setup(void **state)
{
	(void)state;
	stack_setup(&s, 3, WRITE_THROUGH);
	return 0;
}

static int setup_write_back(void **state)
{
	(void)state;
	stack_setup(&s, 3, WRITE_BACK);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	stack_teardown(&s);
	return 0;
}

static void down(size_t layer, bool is_down)
{
	atomic_store(&s.plans[layer].down, is_down);
}

/* The n-th call of a layer from now on fails: before or after it has changed the layer. */
static void fail_at(size_t layer, int n, int error, bool applied)
{
	atomic_store(&s.plans[layer].hit, false);
	atomic_store(&s.plans[layer].calls, 0);
	atomic_store(&s.plans[layer].error, error);
	atomic_store(&s.plans[layer].applied, applied);
	atomic_store(&s.plans[layer].fail_at, n);
}

static void disarm(void)
{
	for (size_t i = 0; i < STACK_LAYERS; i++) {
		atomic_store(&s.plans[i].fail_at, 0);
		atomic_store(&s.plans[i].crash, false);
	}
}

static void key_at(char *key, const char *dir, int i)
{
	sprintf(key, i % 3 ? "%s/k%d" : "%s/sub/k%d", dir, i);
}

static void fill(const char *dir)
{
	char key[64], text[16];

	for (int i = 0; i < KEYS; i++) {
		key_at(key, dir, i);
		sprintf(text, "v%d", i);
		assert_int_equal(stack_set(&s, key, text), 0);
	}
	assert_int_equal(stack_set(&s, dir, "own"), 0);
}

/* All of it is below dir, and nothing below other. */
static void expect_below(const char *dir, const char *other)
{
	char key[64], text[16];

	for (int i = 0; i < KEYS; i++) {
		key_at(key, dir, i);
		sprintf(text, "v%d", i);
		stack_expect(&s, key, text);
		key_at(key, other, i);
		stack_expect_miss(&s, key);
	}
	stack_expect(&s, dir, "own");
	stack_expect_miss(&s, other);
	char *names = stack_list(&s, other);
	assert_string_equal(names, "");
	free(names);
	struct meta meta = { 0 };
	assert_int_equal(layered_dir_stat(s.cache, key_of(other), &meta), -ENOENT);
}

/* The same of what one disk holds. */
static void expect_disk_below(size_t layer, const char *dir, const char *other)
{
	char key[64], text[16];

	for (int i = 0; i < KEYS; i++) {
		key_at(key, dir, i);
		sprintf(text, "v%d", i);
		char *got = stack_disk_get(&s, layer, key);
		assert_non_null(got);
		assert_string_equal(got, text);
		free(got);
		key_at(key, other, i);
		assert_null(stack_disk_get(&s, layer, key));
	}
}

static const char *where(void)
{
	char *got = stack_get(&s, "a");

	free(got);
	return got ? "a" : "b";
}

/* --- crashes ---------------------------------------------------------------------------------- */

static void rename_a_to_b(struct stack_fixture *f)
{
	stack_rename_prefix(f, "a", "b");
}

static struct {
	size_t layer;
	int call;
	bool applied;
} crash;

static void rename_until_crash(struct stack_fixture *f)
{
	fail_at(crash.layer, crash.call, -EIO, crash.applied);
	atomic_store(&f->plans[crash.layer].crash, true);
	/* What the child did is known by its files: it says whether it came to the call. */
	if (stack_rename_prefix(f, "a", "b") == 0 && !atomic_load(&f->plans[crash.layer].hit)) {
		char path[96];
		snprintf(path, sizeof(path), "%s/survived", f->dir);
		fclose(fopen(path, "w"));
	}
}

static bool survived(void)
{
	char path[96];

	snprintf(path, sizeof(path), "%s/survived", s.dir);
	return unlink(path) == 0;
}

/* Crashes at every call that a layer gets, before and after it is carried out. */
static void crash_everywhere(void)
{
	int crashes = 0;

	fill("a");
	for (crash.layer = NEAR; crash.layer <= FAR; crash.layer++)
		for (crash.call = 1, crash.applied = false;;) {
			stack_crash(&s, rename_until_crash);
			stack_open(&s);
			disarm();
			bool over = survived();
			/* A crash before the intent was recorded: it has not happened. */
			const char *dir = where();
			expect_below(dir, strcmp(dir, "a") == 0 ? "b" : "a");
			assert_int_equal(layered_flush(s.cache, KEY_ROOT, 20000), 0);
			stack_wait_told(&s, NEAR);
			stack_wait_told(&s, FAR);
			stack_close(&s);
			expect_disk_below(NEAR, dir, strcmp(dir, "a") == 0 ? "b" : "a");
			expect_disk_below(FAR, dir, strcmp(dir, "a") == 0 ? "b" : "a");
			stack_open(&s);
			if (strcmp(dir, "b") == 0)
				assert_int_equal(stack_rename_prefix(&s, "b", "a"), 0);
			if (over)
				break;
			crashes++;
			crash.call += crash.applied;
			crash.applied = !crash.applied;
		}
	assert_true(crashes >= 4);
}

static void a_crash_at_any_step_is_made_good_at_the_next_start(void **state)
{
	(void)state;
	crash_everywhere();
}

static void the_same_with_a_journal(void **state)
{
	(void)state;
	crash_everywhere();
}

static void undrained_sets_move_through_a_crash(void **state)
{
	(void)state;
	fill("a");
	assert_int_equal(layered_flush(s.cache, KEY_ROOT, 20000), 0);
	down(NEAR, true);
	down(FAR, true);
	assert_int_equal(stack_set(&s, "a/k1", "newer"), 0);
	assert_int_equal(stack_set(&s, "a/only", "journal"), 0);
	stack_crash(&s, rename_a_to_b);
	stack_open(&s);
	stack_expect(&s, "b/k1", "newer");
	stack_expect(&s, "b/only", "journal");
	stack_expect_miss(&s, "a/only");
	down(NEAR, false);
	down(FAR, false);
	assert_int_equal(layered_flush(s.cache, KEY_ROOT, 20000), 0);
	stack_wait_told(&s, NEAR); /* also of what the drain could not write */
	stack_wait_told(&s, FAR);
	stack_close(&s);
	for (size_t layer = NEAR; layer <= FAR; layer++) {
		char *got = stack_disk_get(&s, layer, "b/k1");
		assert_true(!got || strcmp(got, "newer") == 0); /* not yet there: without it */
		free(got);
		got = stack_disk_get(&s, layer, "b/k2");
		assert_string_equal(got, "v2");
		free(got);
		assert_null(stack_disk_get(&s, layer, "a/k1"));
	}
	stack_open(&s);
}

/* The drain writes to one disk while the other has still to catch up with the rename. */
static void what_the_drain_could_not_write_is_dropped_once_it_has_moved(void **state)
{
	(void)state;
	for (size_t late = NEAR; late <= FAR; late++) {
		fill("a");
		assert_int_equal(layered_flush(s.cache, KEY_ROOT, 20000), 0);
		down(NEAR, true);
		down(FAR, true);
		assert_int_equal(stack_set(&s, "a/k1", "newer"), 0);
		assert_int_equal(stack_rename_prefix(&s, "a", "b"), 0);
		down(late == NEAR ? FAR : NEAR, false);
		assert_int_equal(layered_flush(s.cache, KEY_ROOT, 20000), 0);
		stack_reopen(&s);
		down(late, false);
		stack_wait_told(&s, late);
		stack_close(&s);
		assert_null(stack_disk_get(&s, late, "a/k1"));
		assert_null(stack_disk_get(&s, late, "b/k1"));
		char *got = stack_disk_get(&s, late, "b/k2");
		assert_string_equal(got, "v2");
		free(got);
		stack_open(&s);
		stack_expect(&s, "b/k1", "newer");
		assert_int_equal(stack_remove_prefix(&s, "b"), 0);
		assert_int_equal(stack_remove(&s, "b"), 0);
	}
}

/* --- a layer that is away --------------------------------------------------------------------- */

static void a_layer_that_was_away_catches_up(void **state)
{
	(void)state;
	for (size_t layer = NEAR; layer <= FAR; layer++) {
		fill("a");
		down(layer, true);
		assert_int_equal(stack_rename_prefix(&s, "a", "b"), 0);
		expect_below("b", "a");
		down(layer, false);
		stack_wait_told(&s, layer);
		expect_below("b", "a");
		stack_close(&s);
		expect_disk_below(NEAR, "b", "a");
		expect_disk_below(FAR, "b", "a");
		stack_open(&s);
		assert_int_equal(stack_remove_prefix(&s, "b"), 0);
		assert_int_equal(stack_remove(&s, "b"), 0);
	}
}

static void what_only_the_layer_that_is_away_holds_is_not_lost(void **state)
{
	(void)state;
	down(FAR, true);
	assert_int_equal(stack_set(&s, "a/other", "v"), 0);
	down(FAR, false);
	stack_wait_told(&s, FAR);
	down(NEAR, true);
	assert_int_equal(stack_set(&s, "a/only", "far"), 0);
	down(NEAR, false);
	stack_wait_told(&s, NEAR);
	stack_reopen(&s); /* the memory layer has it no more */
	down(FAR, true);
	assert_int_equal(stack_rename_prefix(&s, "a", "b"), 0);
	stack_expect_miss(&s, "a/only");
	stack_reopen(&s);
	down(FAR, false);
	stack_wait_told(&s, FAR);
	stack_expect(&s, "b/only", "far");
	stack_expect_miss(&s, "a/only");
	stack_expect(&s, "b/other", "v");
}

static void changes_made_meanwhile_win_over_what_moves_late(void **state)
{
	(void)state;
	fill("a");
	down(FAR, true);
	assert_int_equal(stack_rename_prefix(&s, "a", "b"), 0);
	assert_int_equal(stack_set(&s, "b/k1", "set after"), 0);
	assert_int_equal(stack_remove(&s, "b/k2"), 0);
	assert_int_equal(stack_rename(&s, "b/k4", "b/renamed"), 0);
	assert_int_equal(stack_set(&s, "a/k1", "a new one"), 0);
	assert_int_equal(stack_rename_prefix(&s, "b/sub", "c"), 0);
	for (int i = 0; i < 2; i++) {
		stack_expect(&s, "b/k1", "set after");
		stack_expect_miss(&s, "b/k2");
		stack_expect_miss(&s, "b/k4");
		stack_expect(&s, "b/renamed", "v4");
		stack_expect(&s, "a/k1", "a new one");
		stack_expect(&s, "c/k3", "v3");
		stack_expect_miss(&s, "b/sub/k3");
		stack_expect(&s, "b/k5", "v5");
		down(FAR, false);
		stack_wait_told(&s, FAR);
	}
	down(NEAR, true); /* what the far one has by now */
	stack_reopen(&s);
	stack_expect(&s, "b/k5", "v5");
	stack_expect(&s, "c/k3", "v3");
	stack_expect_miss(&s, "b/k2");
	stack_expect_miss(&s, "b/k4");
	stack_expect_miss(&s, "b/sub/k3");
	down(NEAR, false);
}

static void renames_that_follow_each_other_are_caught_up_with_in_order(void **state)
{
	(void)state;
	fill("a");
	down(FAR, true);
	assert_int_equal(stack_rename_prefix(&s, "a", "x"), 0);
	assert_int_equal(stack_rename_prefix(&s, "x", "a"), 0);
	assert_int_equal(stack_rename_prefix(&s, "a", "b"), 0);
	stack_reopen(&s);
	expect_below("b", "a");
	down(FAR, false);
	stack_wait_told(&s, FAR);
	stack_close(&s);
	expect_disk_below(FAR, "b", "a");
	stack_open(&s);
}

/* The teller is about another key when a layer misses the rename and a set of what has moved. */
static void what_moves_late_is_older_than_what_was_missed_since(void **state)
{
	(void)state;
	fill("a");
	assert_int_equal(stack_set(&s, "x", "old"), 0);
	down(FAR, true);
	assert_int_equal(stack_set(&s, "x", "new"), 0);
	atomic_store(&s.plans[FAR].hold, true);
	down(FAR, false);
	while (!atomic_load(&s.plans[FAR].held))
		usleep(1000);
	down(FAR, true);
	assert_int_equal(stack_rename_prefix(&s, "a", "b"), 0);
	assert_int_equal(stack_set(&s, "b/k1", "newer"), 0);
	down(FAR, false);
	atomic_store(&s.plans[FAR].hold, false);
	stack_wait_told(&s, FAR);
	stack_close(&s);
	assert_null(stack_disk_get(&s, FAR, "b/k1"));
	char *got = stack_disk_get(&s, FAR, "b/k2");
	assert_string_equal(got, "v2");
	free(got);
	stack_open(&s);
	stack_expect(&s, "b/k1", "newer");
}

/* The far disk missed a set, and is away; the near one ends the process before it moves anything.
 */
static void rename_until_near_crashes(struct stack_fixture *f)
{
	fail_at(NEAR, 1, -EIO, false);
	atomic_store(&f->plans[NEAR].crash, true);
	stack_rename_prefix(f, "a", "b");
}

static void what_was_missed_before_a_crash_is_not_moved(void **state)
{
	(void)state;
	for (int whole = 0; whole < 2; whole++) {
		fill("a");
		down(FAR, true);
		if (whole)
			assert_int_equal(stack_remove_prefix(&s, "a"), 0);
		assert_int_equal(stack_set(&s, "a/k1", "newer"), 0);
		stack_crash(&s, rename_until_near_crashes);
		disarm();
		stack_open(&s);
		stack_expect(&s, "b/k1", "newer");
		down(FAR, false);
		stack_wait_told(&s, FAR);
		stack_expect(&s, "b/k1", "newer");
		stack_close(&s);
		assert_null(stack_disk_get(&s, FAR, "b/k1"));
		assert_null(stack_disk_get(&s, FAR, "a/k2"));
		if (whole)
			assert_null(stack_disk_get(&s, FAR, "b/k2"));
		stack_open(&s);
		assert_int_equal(stack_remove_prefix(&s, "b"), 0);
		assert_int_equal(stack_remove(&s, "b"), 0);
		assert_int_equal(stack_remove(&s, "a"), -ENOENT);
	}
}

/* The far disk catches up, and the state cannot be told so. */
static void catch_up_then_set_in_the_old_place(struct stack_fixture *f)
{
	struct meta meta = { 0 };

	if (stack_rename_prefix(f, "a", "b") < 0)
		_exit(1);
	stack_state_exec(f, STACK_REFUSE("DELETE ON intents", "r"));
	down(FAR, false);
	while (layered_layer_stat(f->cache, FAR, key_of("b/k1"), &meta) < 0)
		usleep(1000);
	if (stack_set(f, "a/k1", "a new one") < 0)
		_exit(1);
}

/* No disk's intent can be taken out. */
static void move_then_set_in_the_old_place(struct stack_fixture *f)
{
	stack_state_exec(f, STACK_REFUSE("DELETE ON intents", "r"));
	if (stack_rename_prefix(f, "a", "b") < 0)
		_exit(1);
	stack_set(f, "a/k1", "a new one"); /* taken or refused */
}

static void what_is_set_where_a_directory_was_does_not_follow_it(void **state)
{
	void (*const bodies[])(struct stack_fixture * f) = { catch_up_then_set_in_the_old_place,
							     move_then_set_in_the_old_place };

	(void)state;
	for (int i = 0; i < 2; i++) {
		fill("a");
		down(FAR, i == 0);
		stack_crash(&s, bodies[i]);
		down(FAR, false);
		stack_state_exec(&s, "DROP TRIGGER r");
		stack_open(&s);
		stack_wait_told(&s, NEAR);
		stack_wait_told(&s, FAR);
		stack_expect(&s, "b/k1", "v1");
		stack_close(&s);
		for (size_t layer = NEAR; layer <= FAR; layer++) {
			char *got = stack_disk_get(&s, layer, "b/k1");
			assert_string_equal(got, "v1");
			free(got);
		}
		stack_open(&s);
		if (i == 0)
			stack_expect(&s, "a/k1", "a new one");
		assert_int_equal(stack_remove_prefix(&s, "a"), 0);
		assert_int_equal(stack_remove_prefix(&s, "b"), 0);
	}
}

/* --- failures --------------------------------------------------------------------------------- */

static void an_answer_that_was_lost_moves_nothing_twice(void **state)
{
	(void)state;
	for (int applied = 0; applied < 2; applied++)
		for (int call = 1; call <= 3; call++)
			for (size_t layer = NEAR; layer <= FAR; layer++) {
				fill("a");
				fail_at(layer, call, -EIO, applied == 1);
				assert_int_equal(stack_rename_prefix(&s, "a", "b"), 0);
				disarm();
				stack_wait_told(&s, layer);
				expect_below("b", "a");
				stack_close(&s);
				expect_disk_below(layer, "b", "a");
				stack_open(&s);
				assert_int_equal(stack_remove_prefix(&s, "b"), 0);
				assert_int_equal(stack_remove(&s, "b"), 0);
			}
}

static void with_all_layers_away_nothing_has_happened(void **state)
{
	(void)state;
	fill("a");
	down(NEAR, true);
	down(FAR, true);
	assert_int_equal(stack_rename_prefix(&s, "a", "b"), -EIO);
	down(NEAR, false);
	down(FAR, false);
	stack_wait_told(&s, NEAR);
	stack_wait_told(&s, FAR);
	expect_below("a", "b");
	stack_close(&s);
	expect_disk_below(NEAR, "a", "b");
	expect_disk_below(FAR, "a", "b");
	stack_open(&s);
}

static void when_every_layer_fails_half_way_they_move_back(void **state)
{
	(void)state;
	fill("a");
	fail_at(NEAR, 1, -EIO, true);
	fail_at(FAR, 1, -EIO, true);
	assert_int_equal(stack_rename_prefix(&s, "a", "b"), -EIO);
	disarm();
	stack_wait_told(&s, NEAR);
	stack_wait_told(&s, FAR);
	expect_below("a", "b");
	stack_close(&s);
	expect_disk_below(NEAR, "a", "b");
	expect_disk_below(FAR, "a", "b");
	stack_open(&s);
}

/* dir + enough of "d/" for a key of `size` bytes. */
static char *long_key(const char *dir, size_t size)
{
	char *key = malloc(size + 1);
	size_t used = strlen(dir);

	assert_non_null(key);
	memcpy(key, dir, used);
	for (size_t i = used; i < size; i++)
		key[i] = i % 200 == used % 200 ? '/' : 'd';
	key[size] = '\0';
	return key;
}

static void a_key_that_would_be_too_long_in_one_layer_moves_nothing_in_any(void **state)
{
	(void)state;
	char *key = long_key("a", KEY_MAX);

	fill("a");
	down(FAR, true);
	assert_int_equal(stack_set(&s, key, "long"), 0);
	down(FAR, false);
	stack_wait_told(&s, FAR);
	assert_int_equal(stack_rename_prefix(&s, "a", "longer"), -ENAMETOOLONG);
	expect_below("a", "longer");
	stack_expect(&s, key, "long");
	assert_int_equal(stack_rename_prefix(&s, "a", "b"), 0);
	free(key);
}

static void the_journal_is_asked_too(void **state)
{
	(void)state;
	char *key = long_key("a", KEY_MAX);

	fill("a");
	down(NEAR, true);
	down(FAR, true);
	assert_int_equal(stack_set(&s, key, "long"), 0);
	assert_int_equal(stack_rename_prefix(&s, "a", "longer"), -ENAMETOOLONG);
	down(NEAR, false);
	down(FAR, false);
	expect_below("a", "longer");
	stack_expect(&s, key, "long");
	free(key);
}

static void what_expired_undrained_at_the_target_hides_nothing(void **state)
{
	(void)state;
	fill("a");
	assert_int_equal(stack_set(&s, "b/k1", "old"), 0);
	assert_int_equal(layered_flush(s.cache, KEY_ROOT, 20000), 0);
	down(NEAR, true);
	down(FAR, true);
	assert_int_equal(stack_set_ttl(&s, "b/k1", "short", 30), 0);
	while (1) {
		char *got = stack_get(&s, "b/k1");
		free(got);
		if (!got)
			break;
		usleep(5000);
	}
	assert_int_equal(stack_rename_prefix(&s, "a", "b"), 0);
	down(NEAR, false);
	down(FAR, false);
	assert_int_equal(layered_flush(s.cache, KEY_ROOT, 20000), 0);
	stack_wait_told(&s, NEAR); /* also of what the drain could not write */
	stack_wait_told(&s, FAR);
	expect_below("b", "a");
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
#define JOURNAL_CASE(name) cmocka_unit_test_setup_teardown(name, setup_write_back, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_crash_at_any_step_is_made_good_at_the_next_start),
		JOURNAL_CASE(the_same_with_a_journal),
		JOURNAL_CASE(undrained_sets_move_through_a_crash),
		JOURNAL_CASE(what_the_drain_could_not_write_is_dropped_once_it_has_moved),
		CASE(a_layer_that_was_away_catches_up),
		CASE(what_only_the_layer_that_is_away_holds_is_not_lost),
		CASE(changes_made_meanwhile_win_over_what_moves_late),
		CASE(renames_that_follow_each_other_are_caught_up_with_in_order),
		CASE(what_moves_late_is_older_than_what_was_missed_since),
		CASE(what_was_missed_before_a_crash_is_not_moved),
		CASE(what_is_set_where_a_directory_was_does_not_follow_it),
		CASE(an_answer_that_was_lost_moves_nothing_twice),
		CASE(with_all_layers_away_nothing_has_happened),
		CASE(when_every_layer_fails_half_way_they_move_back),
		CASE(a_key_that_would_be_too_long_in_one_layer_moves_nothing_in_any),
		JOURNAL_CASE(the_journal_is_asked_too),
		JOURNAL_CASE(what_expired_undrained_at_the_target_hides_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
