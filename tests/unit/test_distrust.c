/* What a layer has missed is not believed, survives a restart, and is told when it answers. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "ledger/debts.h"
#include "stack/teller.h"
#include "stack_fixture.h"

enum { MEMORY, NEAR, FAR };

static struct stack_fixture s;

static int setup(void **state)
{
	(void)state;
	stack_setup(&s, 3, WRITE_THROUGH);
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

static void expect_disk(size_t layer, const char *key, const char *text)
{
	char *got = stack_disk_get(&s, layer, key);

	if (text && got)
		assert_string_equal(got, text);
	else
		assert_true(!text == !got);
	free(got);
}

static void a_set_that_a_layer_missed_hides_its_old_copy(void **state)
{
	(void)state;
	assert_int_equal(stack_set(&s, "k", "old"), 0);
	down(NEAR, true);
	assert_int_equal(stack_set(&s, "k", "new"), 0);
	down(NEAR, false);
	stack_expect(&s, "k", "new");
	stack_wait_told(&s, NEAR);
	stack_expect(&s, "k", "new");
	stack_close(&s);
	expect_disk(NEAR, "k", NULL);
	expect_disk(FAR, "k", "new");
}

static void what_was_missed_survives_a_restart(void **state)
{
	(void)state;
	assert_int_equal(stack_set(&s, "k", "old"), 0);
	down(NEAR, true);
	assert_int_equal(stack_set(&s, "k", "new"), 0);
	stack_reopen(&s);
	stack_expect(&s, "k", "new");
	down(NEAR, false);
	stack_wait_told(&s, NEAR);
	stack_close(&s);
	expect_disk(NEAR, "k", NULL);
}

/* Power loss must not make the old copy believed again. */
static void a_sync_takes_along_what_was_missed(void **state)
{
	(void)state;
	assert_int_equal(layered_sync(s.cache), 0);
	assert_true(state_is_synced(s.cache->state));
	down(NEAR, true);
	assert_int_equal(stack_set(&s, "k", "new"), 0);
	assert_false(state_is_synced(s.cache->state));
	assert_int_equal(layered_sync(s.cache), 0);
	assert_true(state_is_synced(s.cache->state));
}

static int set_dir(mode_t mode)
{
	const struct meta meta = { .mode = 0040000 | mode };

	return layered_dir_set(s.cache, key_of("d"), &meta, NULL);
}

static void expect_dir(mode_t mode)
{
	struct children *batch = calloc(1, sizeof(*batch));
	struct meta meta = { 0 };

	assert_non_null(batch);
	assert_int_equal(layered_dir_stat(s.cache, key_of("d"), &meta), 0);
	assert_int_equal(meta.mode, 0040000 | mode);
	meta_fini(&meta);
	assert_int_equal(layered_list(s.cache, KEY_ROOT, KEY_ROOT, false, batch), 0);
	assert_int_equal(batch->count, 1);
	assert_int_equal(batch->items[0].meta.mode, 0040000 | mode);
	children_fini(batch);
	free(batch);
}

static void a_directory_shows_what_a_layer_missed_of_it(void **state)
{
	(void)state;
	assert_int_equal(set_dir(0700), 0);
	assert_int_equal(stack_set(&s, "d/k", "v"), 0);
	down(NEAR, true);
	assert_int_equal(set_dir(0750), 0);
	stack_reopen(&s);
	down(NEAR, false);
	expect_dir(0750);
	stack_wait_told(&s, NEAR);
	expect_dir(0750);
	stack_reopen(&s);
	expect_dir(0750);
	stack_expect(&s, "d/k", "v");
	assert_int_equal(set_dir(0711), 0);
	down(FAR, true);
	expect_dir(0711);
}

static void remove_while_down(struct stack_fixture *f)
{
	down(NEAR, true);
	if (stack_remove(f, "k") != 0 || stack_remove_prefix(f, "d") != 0)
		_exit(1);
}

static void what_was_missed_survives_a_crash(void **state)
{
	(void)state;
	assert_int_equal(stack_set(&s, "k", "v"), 0);
	assert_int_equal(stack_set(&s, "d/a", "v"), 0);
	stack_crash(&s, remove_while_down);
	expect_disk(NEAR, "k", "v");
	expect_disk(NEAR, "d/a", "v");
	down(NEAR, true);
	stack_open(&s);
	down(NEAR, false);
	stack_expect_miss(&s, "k");
	stack_expect_miss(&s, "d/a");
	stack_wait_told(&s, NEAR);
	stack_expect_miss(&s, "k");
	stack_close(&s);
	expect_disk(NEAR, "k", NULL);
	expect_disk(NEAR, "d/a", NULL);
}

static void a_prefix_removed_while_a_layer_is_down_stays_away(void **state)
{
	(void)state;
	assert_int_equal(stack_set(&s, "d/e/a", "v"), 0);
	assert_int_equal(stack_set(&s, "da", "v"), 0);
	down(FAR, true);
	assert_int_equal(stack_remove_prefix(&s, "d"), 0);
	stack_expect_miss(&s, "d/e/a");
	char *names = stack_list(&s, "");
	assert_string_equal(names, "da");
	free(names);
	/* The other layer takes what is set there anew. */
	assert_int_equal(stack_set(&s, "d/e/a", "new"), 0);
	down(FAR, false);
	stack_wait_told(&s, FAR);
	stack_expect(&s, "d/e/a", "new");
	stack_expect(&s, "da", "v");
	stack_close(&s);
	expect_disk(FAR, "d/e/a", NULL);
	expect_disk(FAR, "da", "v");
	expect_disk(NEAR, "d/e/a", "new");
}

static void set_prefixed(void)
{
	static const char *const keys[] = {
		"p:a", "p:b/c", "p", "pq", "d/pre", "d/prefix/k", "d/q"
	};

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		assert_int_equal(stack_set(&s, keys[i], "v"), 0);
}

static void expect_without_prefixes(void)
{
	stack_expect_miss(&s, "p:a");
	stack_expect_miss(&s, "p:b/c");
	stack_expect_miss(&s, "d/pre");
	stack_expect_miss(&s, "d/prefix/k");
	stack_expect(&s, "p", "v");
	stack_expect(&s, "pq", "v");
	stack_expect(&s, "d/q", "v");
}

static void any_prefix_removed_while_a_layer_is_down_stays_away(void **state)
{
	(void)state;
	set_prefixed();
	down(FAR, true);
	assert_int_equal(layered_remove_prefix(s.cache, key_of("p:"), NULL), 0);
	assert_int_equal(layered_remove_prefix(s.cache, key_of("d/pre"), NULL), 0);
	expect_without_prefixes();
	stack_reopen(&s);
	expect_without_prefixes();
	assert_int_equal(stack_set(&s, "p:a", "new"), 0);
	down(NEAR, true);
	down(FAR, false);
	stack_wait_told(&s, FAR);
	stack_reopen(&s);
	down(NEAR, false);
	stack_expect(&s, "p:a", "new");
	stack_close(&s);
	expect_disk(FAR, "p:a", NULL);
	expect_disk(FAR, "p:b/c", NULL);
	expect_disk(FAR, "d/pre", NULL);
	expect_disk(FAR, "d/prefix/k", NULL);
	expect_disk(FAR, "p", "v");
	expect_disk(FAR, "pq", "v");
	expect_disk(FAR, "d/q", "v");
}

/* The rows of the state, "kind:key kind:key"; run() is SQL that changes it first. */
static void expect_tombstones(const char *run, const char *rows)
{
	char path[256], got[256] = "";
	sqlite3_stmt *row;
	sqlite3 *db;

	snprintf(path, sizeof(path), "%s/state.sqlite", s.state_dir);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, run, NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(db,
					    "SELECT ifnull(group_concat(kind || ':' || CAST(key AS "
					    "TEXT), ' '), '') FROM (SELECT * FROM tombstones ORDER "
					    "BY kind, key)",
					    -1, &row, NULL),
			 SQLITE_OK);
	assert_int_equal(sqlite3_step(row), SQLITE_ROW);
	snprintf(got, sizeof(got), "%s", (const char *)sqlite3_column_text(row, 0));
	sqlite3_finalize(row);
	sqlite3_close(db);
	assert_string_equal(got, rows);
}

/* As versions wrote it that knew of no other prefixes than directories. */
static void a_directory_is_remembered_as_it_always_was(void **state)
{
	(void)state;
	assert_int_equal(stack_set(&s, "d/a", "v"), 0);
	assert_int_equal(stack_set(&s, "da", "v"), 0);
	down(FAR, true);
	assert_int_equal(stack_remove_prefix(&s, "e"), 0);
	stack_close(&s);
	expect_tombstones("", "1:e");
	expect_tombstones("UPDATE tombstones SET key = x'64'", "1:d");
	down(NEAR, true);
	down(FAR, false);
	stack_open(&s);
	stack_expect_miss(&s, "d/a");
	stack_expect(&s, "da", "v");
	stack_wait_told(&s, FAR);
	stack_close(&s);
	expect_tombstones("", "");
	expect_disk(FAR, "d/a", NULL);
	expect_disk(FAR, "da", "v");
}

static void a_wider_prefix_takes_the_place_of_what_lies_within(void **state)
{
	(void)state;
	set_prefixed();
	down(FAR, true);
	assert_int_equal(stack_remove(&s, "p:a"), 0);
	assert_int_equal(stack_remove(&s, "pq"), 0);
	assert_int_equal(stack_remove_prefix(&s, "p:b"), 0);
	assert_int_equal(layered_remove_prefix(s.cache, key_of("p:"), NULL), 0);
	assert_int_equal(stack_remove_prefix(&s, "d/prefix"), 0);
	assert_int_equal(layered_remove_prefix(s.cache, key_of("d/pre"), NULL), 0);
	stack_close(&s);
	expect_tombstones("", "0:pq 3:d/pre 3:p:");
	stack_open(&s);
	assert_int_equal(layered_remove_prefix(s.cache, key_of("p"), NULL), 0);
	assert_int_equal(stack_remove_prefix(&s, "d"), 0);
	stack_close(&s);
	expect_tombstones("", "1:d 3:p");
	down(FAR, false);
	stack_open(&s);
	stack_wait_told(&s, FAR);
	stack_close(&s);
	expect_tombstones("", "");
	expect_disk(FAR, "p", NULL);
	expect_disk(FAR, "d/q", NULL);
}

static void a_layer_that_takes_a_set_is_trusted_for_the_key_for_good(void **state)
{
	(void)state;
	assert_int_equal(stack_set(&s, "k", "old"), 0);
	down(FAR, true);
	assert_int_equal(stack_set(&s, "k", "new"), 0);
	/* Told by a set before anybody else tells it. */
	down(FAR, false);
	assert_int_equal(stack_set(&s, "k", "newest"), 0);
	stack_wait_told(&s, FAR);
	stack_reopen(&s);
	stack_close(&s);
	expect_disk(FAR, "k", "newest");
	expect_disk(NEAR, "k", "newest");
}

static char *far_get(const char *key)
{
	struct value *value = NULL;
	struct meta meta = { 0 };
	char *text = NULL;

	if (layered_layer_get(s.cache, FAR, key_of(key), &value, &meta) == 0) {
		text = strndup((const char *)value_bytes(value), (size_t)value_size(value));
		value_unref(value);
		meta_fini(&meta);
	}
	return text;
}

/* The teller has seen what there is to tell, and is about to. */
static void what_is_set_before_the_layer_is_told_stays(void **state)
{
	struct debt debt;
	struct meta meta = { 0 };

	(void)state;
	assert_int_equal(set_dir(0700), 0);
	teller_stop(s.cache);
	for (int marker = 0; marker < 2; marker++) {
		down(FAR, true);
		assert_int_equal(marker ? set_dir(0750) : stack_set(&s, "k", "missed"), 0);
		down(FAR, false);
		assert_true(layer_first_debt(s.cache->layers[FAR], &debt));
		assert_int_equal(marker ? set_dir(0711) : stack_set(&s, "k", "new"), 0);
		assert_int_equal(layer_tell(s.cache->layers[FAR], &debt), 0);
		assert_false(layer_first_debt(s.cache->layers[FAR], &debt));
	}
	char *got = far_get("k");
	assert_non_null(got);
	assert_string_equal(got, "new");
	free(got);
	assert_int_equal(layered_layer_dir_stat(s.cache, FAR, key_of("d"), &meta), 0);
	assert_int_equal(meta.mode, 0040711);
	meta_fini(&meta);
}

/* It may have been written down only after the prefix was forgotten. */
static void what_is_missed_while_a_prefix_is_removed_outlives_it(void **state)
{
	struct debts *d = debts_new();
	struct debt t = { .kind = DEBT_PREFIX };

	(void)state;
	assert_non_null(d);
	t.key.size = 1;
	t.key.bytes[0] = 'd';
	assert_int_equal(debts_add(d, key_of("d"), DEBT_PREFIX), -ENOTSUP);
	assert_int_equal(debts_begin(d, &t), 0);
	assert_int_equal(debts_add(d, key_of("d/k"), DEBT_KEY), -ENOTSUP);
	assert_int_equal(debts_end(d, &t, true), 0);
	assert_int_equal(debts_owed(d, DEBTS_OF_DIR, key_of("d")), 0);
	assert_int_equal(debts_owed(d, DEBTS_OF_KEY, key_of("d/k")), OWES_REMOVAL);
	debts_free(d);
}

static void put(struct key_buffer *buffer, const char *text)
{
	buffer->size = strlen(text);
	memcpy(buffer->bytes, text, buffer->size);
}

/* Tombstones say what they say of the keys as they are then. */
static void a_move_is_told_first(void **state)
{
	struct debts *d = debts_new();
	struct debt debt, late = { .kind = DEBT_KEY };

	(void)state;
	assert_non_null(d);
	debts_add(d, key_of("p"), DEBT_PREFIX);
	debts_add(d, key_of("m"), DEBT_MARKER);
	debts_add(d, key_of("b/k"), DEBT_KEY);
	assert_int_equal(debts_add_move(d, 1, key_of("a"), key_of("b"), false), 0);
	assert_int_equal(debts_count(d), 4);
	assert_int_equal(debts_owed(d, DEBTS_OF_KEY, key_of("a/k")), OWES_MOVE | OWES_FOLLOWING);
	assert_int_equal(debts_owed(d, DEBTS_OF_KEY, key_of("b/k")), OWES_MOVE | OWES_REMOVAL);
	put(&late.key, "b/k");
	assert_int_equal(debts_begin(d, &late), -EAGAIN);
	assert_true(debts_first(d, &debt));
	assert_int_equal(debt.kind, DEBT_MOVE);
	debts_free(d);
}

static void keys_are_told_before_markers_and_those_before_prefixes(void **state)
{
	static const enum debt_kind order[] = { DEBT_KEY, DEBT_MARKER, DEBT_PREFIX };
	static const char *const keys[] = { "z", "m", "a" };
	struct debts *d = debts_new();
	struct debt debt;

	(void)state;
	assert_non_null(d);
	for (int i = 2; i >= 0; i--)
		assert_int_equal(debts_add(d, key_of(keys[i]), order[i]), -ENOTSUP);
	for (int i = 0; i < 3; i++) {
		assert_true(debts_first(d, &debt));
		assert_int_equal(debt.kind, order[i]);
		assert_int_equal(debts_begin(d, &debt), 0);
		assert_int_equal(debts_end(d, &debt, true), 0);
	}
	assert_false(debts_first(d, &debt));
	debts_free(d);
}

static void a_tombstone_that_was_forgotten_meanwhile_is_not_told(void **state)
{
	struct debts *d = debts_new();
	struct debt debt;

	(void)state;
	assert_non_null(d);
	debts_add(d, key_of("k"), DEBT_KEY);
	assert_true(debts_first(d, &debt));
	assert_int_equal(debts_forget(d, key_of("k"), DEBT_KEY), 0);
	assert_int_equal(debts_begin(d, &debt), -ENOENT);
	assert_int_equal(debts_count(d), 0);
	debts_free(d);
}

static void all_layers_down_a_remove_is_remembered(void **state)
{
	(void)state;
	assert_int_equal(stack_set(&s, "k", "v"), 0);
	down(NEAR, true);
	down(FAR, true);
	assert_int_equal(stack_remove(&s, "k"), 0);
	stack_expect_miss(&s, "k");
	down(NEAR, false);
	down(FAR, false);
	stack_wait_told(&s, NEAR);
	stack_wait_told(&s, FAR);
	stack_expect_miss(&s, "k");
}

static bool far_is_distrusted(void)
{
	struct cache_stats stats;

	assert_int_equal(layered_stats(s.cache, &stats), 0);
	bool distrusted = stats.layers[FAR].distrusted;
	free(stats.layers);
	return distrusted;
}

static void many_removals_that_a_layer_missed_leave_the_rest_of_it_alone(void **state)
{
	char key[32];

	(void)state;
	assert_int_equal(stack_set(&s, "kept", "v"), 0);
	assert_int_equal(stack_set(&s, "d299/k", "v"), 0);
	down(FAR, true);
	for (int i = 0; i < 300; i++) {
		snprintf(key, sizeof(key), "d%d", i);
		assert_int_equal(stack_remove_prefix(&s, key), 0);
	}
	assert_false(far_is_distrusted());
	stack_reopen(&s);
	down(FAR, false);
	stack_wait_told(&s, FAR);
	stack_close(&s);
	expect_disk(FAR, "kept", "v");
	expect_disk(FAR, "d299/k", NULL);
}

static void past_the_bound_a_removal_is_refused_and_nothing_else_is_hidden(void **state)
{
	struct layer *far = s.cache->layers[FAR];
	char key[32];

	(void)state;
	assert_int_equal(stack_set(&s, "kept", "v"), 0);
	assert_int_equal(stack_set(&s, "over/k", "v"), 0);
	down(FAR, true);
	for (int i = 0; i < DEBTS_PREFIXES_MAX; i++) {
		snprintf(key, sizeof(key), "d%d/", i);
		assert_int_equal(layer_distrust(far, key_of(key), DEBT_PREFIX), 0);
	}
	assert_int_equal(stack_remove_prefix(&s, "over"), -ENOSPC);
	stack_expect(&s, "over/k", "v");
	assert_int_equal(stack_remove_prefix(&s, "d7"), 0); /* needs no room */
	assert_int_equal(stack_remove_prefix(&s, "d7/e"), 0);
	assert_int_equal(stack_set(&s, "k", "v"), 0); /* is no removal */
	assert_false(far_is_distrusted());
	assert_true(layer_trusts(far, key_of("over/k")));
	assert_true(layer_trusts(far, key_of("kept")));
	assert_false(layer_trusts(far, key_of("k")));
}

static void without_state_a_remove_that_fails_is_an_error(void **state)
{
	(void)state;
	assert_int_equal(stack_set(&s, "d/k", "v"), 0);
	stack_close(&s);
	s.conf.state_dir = NULL;
	stack_open(&s);
	down(NEAR, true);
	assert_int_not_equal(stack_remove_prefix(&s, "d"), 0);
	down(NEAR, false);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_set_that_a_layer_missed_hides_its_old_copy),
		TEST(what_was_missed_survives_a_restart),
		TEST(a_sync_takes_along_what_was_missed),
		TEST(a_directory_shows_what_a_layer_missed_of_it),
		TEST(what_was_missed_survives_a_crash),
		TEST(a_prefix_removed_while_a_layer_is_down_stays_away),
		TEST(any_prefix_removed_while_a_layer_is_down_stays_away),
		TEST(a_directory_is_remembered_as_it_always_was),
		TEST(a_wider_prefix_takes_the_place_of_what_lies_within),
		TEST(a_layer_that_takes_a_set_is_trusted_for_the_key_for_good),
		TEST(what_is_set_before_the_layer_is_told_stays),
		cmocka_unit_test(what_is_missed_while_a_prefix_is_removed_outlives_it),
		cmocka_unit_test(a_move_is_told_first),
		cmocka_unit_test(keys_are_told_before_markers_and_those_before_prefixes),
		cmocka_unit_test(a_tombstone_that_was_forgotten_meanwhile_is_not_told),
		TEST(all_layers_down_a_remove_is_remembered),
		TEST(many_removals_that_a_layer_missed_leave_the_rest_of_it_alone),
		TEST(past_the_bound_a_removal_is_refused_and_nothing_else_is_hidden),
		TEST(without_state_a_remove_that_fails_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
