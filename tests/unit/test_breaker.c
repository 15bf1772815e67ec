/* The breaker of kit/breaker.h, by a clock that only the tests move: none of them sleeps. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/log.h"
#include "kit/breaker.h"

static atomic_int_fast64_t now_ms;

static int64_t clock_ms(void *self)
{
	(void)self;
	return atomic_load(&now_ms);
}

static const struct time_source the_clock = { clock_ms, clock_ms, clock_ms, NULL };

static struct breaker breaker;

static int set_up(void **state)
{
	(void)state;
	atomic_store(&now_ms, 1000);
	breaker_init(&breaker, "test", "layer", &the_clock);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	breaker_fini(&breaker);
	return 0;
}

static void expect_state(enum breaker_state want, const char *want_reason)
{
	char reason[BREAKER_REASON];

	assert_int_equal(breaker_state(&breaker, reason), want);
	assert_int_equal(breaker_is(&breaker), want);
	assert_string_equal(reason, want_reason);
}

/* A probe is due in so many ms; then it is made. */
static void probe_fails_after(int64_t due_ms)
{
	assert_int_equal(breaker_probe_due(&breaker), due_ms);
	atomic_fetch_add(&now_ms, due_ms);
	assert_int_equal(breaker_probe_due(&breaker), 0);
	breaker_probe_begin(&breaker);
	breaker_probe_failed(&breaker, "no answer");
}

static void probe_succeeds(void)
{
	int64_t due_ms = breaker_probe_due(&breaker);

	assert_true(due_ms >= 0);
	atomic_fetch_add(&now_ms, due_ms);
	breaker_probe_begin(&breaker);
	assert_true(breaker_probe_succeeded(&breaker));
	assert_int_equal(breaker_probe_due(&breaker), -1);
}

/* A call goes out, as it has to, and finds the store away. */
static void call_fails(void)
{
	unsigned round;

	assert_true(breaker_enter(&breaker, 0, &round));
	assert_true(breaker_fail(&breaker, round, "timed out"));
}

static void it_is_unknown_until_a_probe_has_ended(void **state)
{
	unsigned round;

	(void)state;
	expect_state(BREAKER_UNKNOWN, "");
	assert_false(breaker_enter(&breaker, atomic_load(&now_ms), &round));
	probe_succeeds();
	expect_state(BREAKER_UP, "");
	assert_true(breaker_enter(&breaker, 0, &round));
}

static void a_call_that_fails_opens_it(void **state)
{
	unsigned round;

	(void)state;
	probe_succeeds();
	call_fails();
	expect_state(BREAKER_DOWN, "timed out");
	assert_false(breaker_enter(&breaker, atomic_load(&now_ms) + 1000, &round));
	assert_int_equal(breaker_probe_due(&breaker), 100);
	probe_succeeds();
	expect_state(BREAKER_UP, "");
}

static void what_an_earlier_round_found_is_no_news(void **state)
{
	unsigned round;

	(void)state;
	probe_succeeds();
	assert_true(breaker_enter(&breaker, 0, &round));
	call_fails();
	probe_succeeds();
	assert_false(breaker_fail(&breaker, round, "late"));
	expect_state(BREAKER_UP, "");
}

static void each_failed_probe_doubles_the_pause_up_to_ten_seconds(void **state)
{
	(void)state;
	probe_fails_after(0);
	for (int64_t pause_ms = 100; pause_ms < 10000; pause_ms *= 2)
		probe_fails_after(pause_ms);
	probe_fails_after(10000);
	probe_fails_after(10000);
}

static void a_store_that_was_up_for_a_moment_is_probed_as_if_it_was_not(void **state)
{
	(void)state;
	probe_fails_after(0);
	probe_fails_after(100);
	probe_succeeds(); /* after 200 ms */
	atomic_fetch_add(&now_ms, 9999);
	call_fails();
	assert_int_equal(breaker_probe_due(&breaker), 400);
	probe_succeeds();
	atomic_fetch_add(&now_ms, 10000);
	call_fails();
	assert_int_equal(breaker_probe_due(&breaker), 100);
}

static void a_call_that_fails_meanwhile_makes_a_probe_worth_nothing(void **state)
{
	unsigned round;

	(void)state;
	probe_succeeds();
	assert_true(breaker_enter(&breaker, 0, &round));
	call_fails();
	breaker_probe_begin(&breaker);
	assert_false(breaker_fail(&breaker, round, "a write was given up"));
	assert_false(breaker_probe_succeeded(&breaker));
	expect_state(BREAKER_DOWN, "timed out");
	assert_int_equal(breaker_probe_due(&breaker), 0);
	probe_succeeds();
}

/* --- threads that wait ------------------------------------------------------------------------ */

struct waiter {
	pthread_t thread;
	int64_t patience_ms;
	bool entered;
};

static void *waiter_run(void *argument)
{
	struct waiter *w = argument;
	unsigned round;

	w->entered = breaker_enter(&breaker, w->patience_ms, &round);
	return NULL;
}

static void waiter_start(struct waiter *w, int64_t patience_ms)
{
	w->patience_ms = atomic_load(&now_ms) + patience_ms;
	assert_int_equal(pthread_create(&w->thread, NULL, waiter_run, w), 0);
}

static bool waiter_entered(struct waiter *w)
{
	assert_int_equal(pthread_join(w->thread, NULL), 0);
	return w->entered;
}

static void a_call_waits_for_the_first_probe_as_long_as_its_patience(void **state)
{
	struct waiter patient, hasty;

	(void)state;
	waiter_start(&patient, 1000);
	waiter_start(&hasty, 500);
	atomic_fetch_add(&now_ms, 500);
	assert_false(waiter_entered(&hasty));
	probe_succeeds();
	assert_true(waiter_entered(&patient));
}

static void *prober_run(void *argument)
{
	(void)argument;
	return breaker_pause(&breaker, 3600 * 1000) ? &breaker : NULL;
}

static bool prober_goes_on(pthread_t thread)
{
	void *result;

	assert_int_equal(pthread_join(thread, &result), 0);
	return result != NULL;
}

static void the_prober_wakes_up_when_a_call_fails_and_when_it_is_to_end(void **state)
{
	pthread_t thread;

	(void)state;
	assert_true(breaker_pause(&breaker, 0));
	probe_succeeds();
	assert_int_equal(pthread_create(&thread, NULL, prober_run, NULL), 0);
	call_fails();
	assert_true(prober_goes_on(thread));

	/* It was away from its pause: told at the next one, once. */
	probe_succeeds();
	call_fails();
	assert_true(breaker_pause(&breaker, 3600 * 1000));
	assert_int_equal(pthread_create(&thread, NULL, prober_run, NULL), 0);
	breaker_stop(&breaker);
	assert_false(prober_goes_on(thread));
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(it_is_unknown_until_a_probe_has_ended),
		CASE(a_call_that_fails_opens_it),
		CASE(what_an_earlier_round_found_is_no_news),
		CASE(each_failed_probe_doubles_the_pause_up_to_ten_seconds),
		CASE(a_store_that_was_up_for_a_moment_is_probed_as_if_it_was_not),
		CASE(a_call_that_fails_meanwhile_makes_a_probe_worth_nothing),
		CASE(a_call_waits_for_the_first_probe_as_long_as_its_patience),
		CASE(the_prober_wakes_up_when_a_call_fails_and_when_it_is_to_end),
	};

	log_set_level(LOG_LEVEL_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
