/* A listing of the stack says all names, or that nobody can tell. */
#include <errno.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "base/log.h"
#include "stack_fixture.h"

enum { MEMORY, DISK };

static struct stack_fixture s;

static int setup(void **state)
{
	(void)state;
	stack_setup(&s, 2, WRITE_THROUGH);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	stack_teardown(&s);
	return 0;
}

/* Every call of the disk fails so from now on; 0: none does. */
static void disk_fails(int error)
{
	struct fault_plan *p = &s.plans[DISK];

	atomic_store(&p->error, error);
	atomic_store(&p->more, 1000);
	atomic_store(&p->fail_at, error != 0 ? atomic_load(&p->calls) + 1 : 0);
}

static int list(struct key dir)
{
	struct children batch = { 0 };
	int rc = layered_list(s.cache, dir, KEY_ROOT, false, &batch);

	children_fini(&batch);
	return rc;
}

static void what_the_daemon_is_short_of_makes_no_listing_short(void **state)
{
	static const int errors[] = { -EMFILE, -ENFILE, -ENOMEM };
	struct meta meta = { 0 };

	(void)state;
	assert_int_equal(stack_set(&s, "d/k", "v"), 0);
	stack_reopen(&s); /* memory has nothing of it */
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		disk_fails(errors[i]);
		assert_int_equal(list(key_of("d")), errors[i]);
		assert_int_equal(layered_dir_stat(s.cache, key_of("d"), &meta), errors[i]);
		assert_true(layered_dir_is_empty(s.cache, key_of("d")) < 0);
	}
	disk_fails(0);
	assert_int_equal(list(key_of("d")), 0);
	assert_int_equal(layered_dir_stat(s.cache, key_of("d"), &meta), 0);
	meta_fini(&meta);
}

static void a_layer_that_is_away_is_listed_past(void **state)
{
	(void)state;
	assert_int_equal(stack_set(&s, "d/k", "v"), 0);
	disk_fails(-EHOSTDOWN);
	char *names = stack_list(&s, "d");
	assert_string_equal(names, "k"); /* of memory */
	free(names);
	disk_fails(0);
}

/* The layers themselves, for the fault layers do not tell what other programs do. */
static void without_faults(void)
{
	stack_close(&s);
	for (size_t i = 0; i < s.conf.layer_count; i++) {
		s.specs[i].backend = s.faults[i].below;
		s.specs[i].conf = s.faults[i].below_conf;
	}
	stack_open(&s);
}

static int another_program_removes_all(void *self)
{
	char path[128];
	sqlite3 *db = NULL;

	(void)self;
	snprintf(path, sizeof(path), "%s/1.sqlite", s.dir);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	sqlite3_busy_timeout(db, 60 * 1000);
	assert_int_equal(sqlite3_exec(db, "DELETE FROM cache", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
	return 0;
}

/* It goes after the rename has looked for it, and before the disk moves it. */
static void a_rename_of_what_another_program_removed_leaves_no_ghost(void **state)
{
	const struct layered_hooks hooks = { another_program_removes_all, NULL, NULL };

	(void)state;
	without_faults();
	assert_int_equal(stack_set(&s, "from", "v"), 0);
	layered_rename(s.cache, key_of("from"), key_of("to"), &hooks);
	stack_expect_miss(&s, "from");
	stack_expect_miss(&s, "to");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_the_daemon_is_short_of_makes_no_listing_short,
						setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_rename_of_what_another_program_removed_leaves_no_ghost, setup, teardown),
		cmocka_unit_test_setup_teardown(a_layer_that_is_away_is_listed_past, setup,
						teardown),
	};

	log_set_level(LOG_LEVEL_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
