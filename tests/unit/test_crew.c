/* fs/requests/crew.c, with bytes of a pipe for work: 'x' is done at once, 'w' waits at a gate. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "requests/crew.h"

enum { THREADS_MAX = 3, DEADLINE_MS = 10000 };

struct site {
	struct crew *crew;
	struct request_counts counts;
	int pipe[2];
	atomic_uint done, inside, lost;
	atomic_bool open, stopping;
};

/* 0: there is no more. */
static char take(struct site *s, struct member *m)
{
	char what = 0;
	ssize_t n = -1;

	while (n < 0 && !atomic_load(&s->stopping)) {
		crew_blocks(m, true);
		n = read(s->pipe[0], &what, 1);
		crew_blocks(m, false);
	}
	return n == 1 ? what : 0;
}

static void rest(void *self)
{
	(void)self;
}

static void live(void *self, struct member *m)
{
	struct site *s = self;

	do {
		char what = take(s, m);
		if (what == 0) {
			crew_end(m, atomic_load(&s->stopping) ? 0 : -EIO);
			return;
		}
		if (what == 'w') {
			crew_leave(m);
			crew_leave(m); /* does nothing */
			atomic_fetch_add(&s->inside, 1);
			while (!atomic_load(&s->open))
				sched_yield();
			atomic_fetch_sub(&s->inside, 1);
		}
		atomic_fetch_add(&s->done, 1);
	} while (crew_goes_on(m, rest, s));
}

static unsigned lost(void *self)
{
	return atomic_load(&((struct site *)self)->lost);
}

static int setup(void **state)
{
	struct site *s = calloc(1, sizeof(*s));
	const struct crew_conf conf = { THREADS_MAX, live, lost, s, &s->counts, &time_system };

	*state = s;
	s->crew = crew_new(&conf);
	return pipe(s->pipe) == 0 && crew_start(s->crew) == 0 ? 0 : -1;
}

/* Returns what the crew ended with. */
static int end(struct site *s)
{
	atomic_store(&s->stopping, true);
	atomic_store(&s->open, true);
	crew_dismiss(s->crew);
	assert_true(crew_await(s->crew, DEADLINE_MS));
	int rc = crew_join(s->crew);
	crew_free(s->crew);
	s->crew = NULL;
	return rc;
}

static int teardown(void **state)
{
	struct site *s = *state;

	if (s->crew)
		assert_int_equal(end(s), 0);
	close(s->pipe[0]);
	close(s->pipe[1]);
	free(s);
	return 0;
}

static void give(struct site *s, const char *work)
{
	for (; *work; work++)
		assert_int_equal(write(s->pipe[1], work, 1), 1);
}

static void expect(atomic_uint *counter, unsigned wanted)
{
	struct deadline deadline = deadline_in(&time_system, DEADLINE_MS);

	while (atomic_load(counter) != wanted && deadline_left_ms(&deadline) > 0)
		sched_yield();
	assert_int_equal(atomic_load(counter), wanted);
}

static void one_thread_does_what_does_not_wait(void **state)
{
	struct site *s = *state;

	give(s, "xxxxxxxxxx");
	expect(&s->done, 10);
	assert_int_equal(atomic_load(&s->counts.threads), 1);
	assert_int_equal(atomic_load(&s->counts.handovers), 0);
}

static void work_goes_on_while_a_thread_waits(void **state)
{
	struct site *s = *state;

	for (unsigned round = 1; round <= 20; round++) {
		atomic_store(&s->open, false);
		give(s, "wx");
		expect(&s->inside, 1);
		expect(&s->done, 2 * round - 1);
		atomic_store(&s->open, true);
		expect(&s->done, 2 * round);
		expect(&s->counts.waiting, 0);
	}
	assert_int_equal(atomic_load(&s->counts.threads), 2); /* who stood by was taken again */
	assert_int_equal(atomic_load(&s->counts.handovers), 20);
}

static void work_queues_while_all_wait(void **state)
{
	struct site *s = *state;

	give(s, "www");
	expect(&s->inside, THREADS_MAX);
	give(s, "x");
	while (crew_vacant_since_ms(s->crew) == 0)
		sched_yield();
	assert_int_equal(atomic_load(&s->done), 0);
	crew_was_vacant(s->crew);
	assert_int_equal(crew_vacant_since_ms(s->crew), 0);
	atomic_store(&s->open, true);
	expect(&s->done, THREADS_MAX + 1);
}

static void who_is_lost_is_replaced(void **state)
{
	struct site *s = *state;

	give(s, "wwwx");
	expect(&s->inside, THREADS_MAX);
	crew_appoint(s->crew);
	assert_int_equal(atomic_load(&s->counts.threads), THREADS_MAX);
	atomic_store(&s->lost, 1);
	crew_appoint(s->crew);
	expect(&s->done, 1);
	assert_int_equal(atomic_load(&s->counts.threads), THREADS_MAX + 1);
}

static void the_end_is_told(void **state)
{
	struct site *s = *state;
	struct pollfd look = { .fd = crew_fd(s->crew), .events = POLLIN };

	assert_int_equal(crew_state(s->crew), CREW_WORKS);
	close(s->pipe[1]);
	assert_int_equal(poll(&look, 1, DEADLINE_MS), 1);
	assert_int_equal(crew_state(s->crew), CREW_ENDS);
	assert_int_equal(end(s), -EIO);
}

static void it_always_ends(void **state)
{
	for (unsigned round = 0; round < 200; round++) {
		struct site *s = *state;

		if (round % 3 == 0)
			give(s, "wwx");
		assert_int_equal(end(s), 0);
		teardown(state);
		assert_int_equal(setup(state), 0);
	}
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(one_thread_does_what_does_not_wait),
		CASE(work_goes_on_while_a_thread_waits),
		CASE(work_queues_while_all_wait),
		CASE(who_is_lost_is_replaced),
		CASE(the_end_is_told),
		CASE(it_always_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
