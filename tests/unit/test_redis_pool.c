/* The connections of a layer (redis/pool.h), none of which leads anywhere, by a clock of our own.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>

#include "base/log.h"
#include "redis/pool.h"

enum { PLACES = 2 };

static atomic_int_fast64_t now_ms;

static int64_t clock_ms(void *self)
{
	(void)self;
	return atomic_load(&now_ms);
}

static const struct time_source the_clock = { clock_ms, clock_ms, clock_ms, NULL };

static struct breaker breaker;
static struct redis_pool pool;

static int set_up(void **state)
{
	(void)state;
	atomic_store(&now_ms, 1000);
	breaker_init(&breaker, "test", "layer", &the_clock);
	breaker_probe_begin(&breaker);
	breaker_probe_succeeded(&breaker);
	return redis_pool_init(&pool, PLACES, &breaker);
}

static int tear_down(void **state)
{
	(void)state;
	redis_pool_fini(&pool);
	breaker_fini(&breaker);
	return 0;
}

static struct redis_link *make_link(void)
{
	struct redis_link *link = calloc(1, sizeof(*link));

	assert_non_null(link);
	link->fd = -1;
	return link;
}

/* A place without waiting. */
static int take(struct redis_link **link)
{
	struct deadline now = { &the_clock, 0 };

	return redis_pool_take(&pool, &now, link);
}

static void there_are_so_many_places_and_no_more(void **state)
{
	struct redis_link *link;

	(void)state;
	for (int i = 0; i < PLACES; i++) {
		assert_int_equal(take(&link), 0);
		assert_null(link);
	}
	assert_int_equal(take(&link), -EAGAIN);
	redis_pool_leave(&pool, NULL);
	assert_int_equal(take(&link), 0);
	for (int i = 0; i < PLACES; i++)
		redis_pool_leave(&pool, NULL);
}

static void a_link_that_was_given_back_is_taken_again(void **state)
{
	struct redis_link *link, *made = make_link();

	(void)state;
	assert_int_equal(take(&link), 0);
	redis_pool_add(&pool, made);
	assert_int_equal(take(&link), 0);
	assert_ptr_equal(link, made);
	redis_pool_leave(&pool, link);
}

static void a_link_from_outside_is_kept_while_there_is_a_place(void **state)
{
	struct redis_link *first = make_link(), *link;

	(void)state;
	redis_pool_offer(&pool, first);
	redis_pool_offer(&pool, make_link());
	redis_pool_offer(&pool, make_link()); /* freed */
	assert_int_equal(take(&link), 0);
	assert_ptr_not_equal(link, first);
	redis_pool_leave(&pool, link);
	assert_int_equal(take(&link), 0);
	assert_ptr_equal(link, first);
	redis_pool_leave(&pool, link);
	assert_int_equal(take(&link), 0);
	assert_null(link);
	redis_pool_leave(&pool, NULL);
}

static void lost_connections_are_ended_in_order_and_end_with_their_server(void **state)
{
	(void)state;
	assert_int_equal(redis_pool_first_lost(&pool, "one"), 0);
	redis_pool_note_lost(&pool, 0); /* has no name */
	redis_pool_note_lost(&pool, 7);
	redis_pool_note_lost(&pool, 5);
	assert_int_equal(redis_pool_first_lost(&pool, "one"), 7);
	assert_int_equal(redis_pool_first_lost(&pool, "one"), 7);
	redis_pool_forget_lost(&pool);
	assert_int_equal(redis_pool_first_lost(&pool, "one"), 5);
	assert_int_equal(redis_pool_first_lost(&pool, "another"), 0);
	for (int i = 0; i < 3 * PLACES; i++)
		redis_pool_note_lost(&pool, 1 + i); /* more than it has room for */
	assert_int_equal(redis_pool_first_lost(&pool, "another"), 1);
}

/* --- threads that wait ------------------------------------------------------------------------ */

struct waiter {
	pthread_t thread;
	struct deadline deadline;
	struct redis_link *link;
	int rc;
};

static void *waiter_run(void *argument)
{
	struct waiter *w = argument;

	w->rc = redis_pool_take(&pool, &w->deadline, &w->link);
	return NULL;
}

/* All places are busy. */
static void waiter_start(struct waiter *w)
{
	for (int i = 0; i < PLACES; i++)
		assert_int_equal(take(&w->link), 0);
	w->deadline = deadline_in(&the_clock, 500);
	assert_int_equal(pthread_create(&w->thread, NULL, waiter_run, w), 0);
}

static void waiter_end(struct waiter *w, int want_rc)
{
	assert_int_equal(pthread_join(w->thread, NULL), 0);
	assert_int_equal(w->rc, want_rc);
	for (int i = 0; i < PLACES; i++)
		redis_pool_leave(&pool, i == 0 ? w->link : NULL);
}

static void who_waits_gets_the_link_that_comes_back(void **state)
{
	struct redis_link *made = make_link();
	struct waiter w;

	(void)state;
	waiter_start(&w);
	redis_pool_add(&pool, made);
	waiter_end(&w, 0);
}

static void who_waits_gives_up_at_the_deadline(void **state)
{
	struct waiter w;

	(void)state;
	waiter_start(&w);
	atomic_fetch_add(&now_ms, 500);
	waiter_end(&w, -EAGAIN);
}

static void nobody_waits_for_a_server_that_is_away(void **state)
{
	unsigned round;
	struct waiter w;

	(void)state;
	waiter_start(&w);
	assert_true(breaker_enter(&breaker, 0, &round));
	assert_true(breaker_fail(&breaker, round, "timed out"));
	redis_pool_give_up(&pool);
	waiter_end(&w, -EAGAIN);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(there_are_so_many_places_and_no_more),
		CASE(a_link_that_was_given_back_is_taken_again),
		CASE(a_link_from_outside_is_kept_while_there_is_a_place),
		CASE(lost_connections_are_ended_in_order_and_end_with_their_server),
		CASE(who_waits_gets_the_link_that_comes_back),
		CASE(who_waits_gives_up_at_the_deadline),
		CASE(nobody_waits_for_a_server_that_is_away),
	};

	log_set_level(LOG_LEVEL_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
