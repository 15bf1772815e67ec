/* What a store that came back with older data holds of before what it had acknowledged. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "redis/rollback.h"
#include "base/time_source.h"

static struct rollback b;

static int setup(void **state)
{
	(void)state;
	return rollback_init(&b);
}

static int teardown(void **state)
{
	(void)state;
	rollback_fini(&b);
	return 0;
}

/* An entry's metadata: a version, and when it was made, in seconds from now. */
static struct meta made(uint64_t version, int when)
{
	struct meta meta = { .version = version, .ctime = time_now(), .created_ms = 1000 };

	meta.ctime.tv_sec += when;
	return meta;
}

static bool is_old(const char *key, struct meta meta)
{
	return rollback_is_old(&b, key_of(key), &meta);
}

static void set(const char *key, struct meta meta)
{
	rollback_note(&b, rollback_begin(&b), key_of(key), &meta);
}

static void what_was_set_is_believed_and_what_was_before_is_not(void **state)
{
	struct meta now = made(5, -1);

	(void)state;
	set("k", now);
	assert_false(is_old("k", made(4, -10))); /* the store is what it was */
	rollback_suspect(&b);
	assert_false(is_old("k", now));
	assert_true(is_old("k", made(4, -10)));
	assert_true(is_old("k", made(5, -10))); /* before a change of its metadata */
	assert_false(is_old("other", made(4, -10)));
}

static void what_others_made_of_it_is_believed(void **state)
{
	struct meta again = made(1, 10), older_life = made(9, -10);

	(void)state;
	older_life.created_ms = 500;
	set("k", made(5, -1));
	rollback_suspect(&b);
	assert_false(is_old("k", made(6, -10))); /* by a host whose clock is behind */
	assert_false(is_old("k", again));        /* removed and set again */
	rollback_note_cleared(&b, rollback_begin(&b), key_of("d/"));
	set("d/k", made(5, 1));
	rollback_suspect(&b);
	assert_false(is_old("d/k", made(6, -10)));
	assert_true(is_old("k", older_life));
}

static void what_was_removed_does_not_come_back(void **state)
{
	(void)state;
	rollback_note_gone(&b, rollback_begin(&b), key_of("k"));
	set("d/k", made(1, -1));
	rollback_note_cleared(&b, rollback_begin(&b), key_of("d/"));
	rollback_suspect(&b);
	assert_true(is_old("k", made(7, -10)));
	assert_false(is_old("k", made(1, 10)));
	assert_true(is_old("d/k", made(1, -1)));
	assert_true(is_old("d/", made(0, -10))); /* its marker */
	assert_false(is_old("d/new", made(1, 10)));
	assert_false(is_old("dd", made(1, -10)));
}

static void what_is_moved_into_a_removed_directory_is_believed(void **state)
{
	struct meta moved = made(3, -10);

	(void)state;
	rollback_note_cleared(&b, rollback_begin(&b), key_of("d/"));
	rollback_note_cleared(&b, rollback_begin(&b), key_of("e/"));
	set("d/k", moved);
	rollback_note_filled(&b, key_of("e/sub/"));
	rollback_suspect(&b);
	assert_false(is_old("d/k", moved));
	assert_false(is_old("d/crowded-out", moved));
	assert_false(is_old("e/sub/k", moved));
}

static void what_was_acknowledged_by_the_store_as_it_is_now_is_not_doubted(void **state)
{
	(void)state;
	rollback_suspect(&b);
	set("k", made(5, -1));
	rollback_note_cleared(&b, rollback_begin(&b), key_of("d/"));
	assert_false(is_old("k", made(4, -10)));
	assert_false(is_old("d/k", made(4, -10)));
	rollback_suspect(&b);
	assert_true(is_old("k", made(4, -10)));
	assert_true(is_old("d/k", made(4, -10)));
}

static void more_prefixes_than_are_kept_are_believed_the_eldest_first(void **state)
{
	(void)state;
	rollback_note_cleared(&b, rollback_begin(&b), key_of("first/"));
	for (int i = 0; i < ROLLBACK_PREFIXES; i++)
		rollback_note_cleared(&b, rollback_begin(&b), key_of("last/"));
	rollback_suspect(&b);
	assert_false(is_old("first/k", made(1, -10)));
	assert_true(is_old("last/k", made(1, -10)));
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(what_was_set_is_believed_and_what_was_before_is_not),
		CASE(what_others_made_of_it_is_believed),
		CASE(what_was_removed_does_not_come_back),
		CASE(what_is_moved_into_a_removed_directory_is_believed),
		CASE(what_was_acknowledged_by_the_store_as_it_is_now_is_not_doubted),
		CASE(more_prefixes_than_are_kept_are_believed_the_eldest_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
