/* The teller and the drain pause by the cache's clock: here it stands still, and a pause is over
 * when the test says so. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "stack_fixture.h"

enum {
	MEMORY,
	NEAR,
	FAR,
	TRIES = 20,       /* with all their pauses more than half a minute */
	LONGEST_MS = 5000 /* no pause is longer */
};

static struct stack_fixture s;

static int setup(void **state)
{
	(void)state;
	stack_setup(&s, 3, WRITE_THROUGH);
	stack_stop_clock(&s);
	return 0;
}

static int setup_write_back(void **state)
{
	(void)state;
	stack_setup(&s, 3, WRITE_BACK);
	stack_stop_clock(&s);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	stack_teardown(&s);
	return 0;
}

static uint64_t errors_of(size_t layer)
{
	struct cache_stats stats;
	uint64_t errors = 0;

	assert_int_equal(layered_stats(s.cache, &stats), 0);
	for (size_t i = 0; i < stats.layer_count; i++)
		if (stats.layers[i].name == s.specs[layer].name)
			errors = stats.layers[i].errors;
	free(stats.layers);
	return errors;
}

/* A try fails, and another comes for each pause that is over. */
static void expect_tries(size_t layer)
{
	for (int i = 0; i < TRIES; i++) {
		uint64_t before = errors_of(layer);
		while (errors_of(layer) == before) {
			stack_advance(&s, LONGEST_MS);
			usleep(100);
		}
	}
}

static void the_teller_tries_again_when_its_pause_is_over(void **state)
{
	(void)state;
	assert_int_equal(stack_set(&s, "k", "old"), 0);
	atomic_store(&s.plans[FAR].down, true);
	assert_int_equal(stack_set(&s, "k", "new"), 0);
	expect_tries(FAR);
	atomic_store(&s.plans[FAR].down, false);
	stack_wait_told(&s, FAR);
	stack_close(&s);
	assert_null(stack_disk_get(&s, FAR, "k"));
}

static void the_drain_tries_again_when_its_pause_is_over(void **state)
{
	(void)state;
	atomic_store(&s.plans[NEAR].down, true);
	atomic_store(&s.plans[FAR].down, true);
	assert_int_equal(stack_set(&s, "k", "v"), 0);
	expect_tries(FAR);
	atomic_store(&s.plans[NEAR].down, false);
	atomic_store(&s.plans[FAR].down, false);
	assert_int_equal(layered_flush(s.cache, KEY_ROOT, LONGEST_MS), 0);
	stack_close(&s);
	char *got = stack_disk_get(&s, FAR, "k");
	assert_string_equal(got, "v");
	free(got);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_teller_tries_again_when_its_pause_is_over,
						setup, teardown),
		cmocka_unit_test_setup_teardown(the_drain_tries_again_when_its_pause_is_over,
						setup_write_back, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
