/* The queue of the disk layer, without a database, by a clock of the test's own. */
#include "disk_fixture.h"

static _Atomic int64_t now_ms;

static int64_t clock_ms(void *self)
{
	(void)self;
	return atomic_load(&now_ms);
}

static const struct time_source hand = { clock_ms, clock_ms, clock_ms, NULL };

enum { SILENCE_MS = 1000 };

struct callers {
	struct disk_queue queue;
	atomic_uint_fast64_t life;
	struct disk_job jobs[3];
	pthread_t threads[3];
	size_t next; /* who is started */
};

static int setup_queue(void **state)
{
	struct callers *c = calloc(1, sizeof(*c));

	atomic_store(&now_ms, 1000);
	disk_queue_init(&c->queue, &hand, &c->life);
	*state = c;
	return 0;
}

static int teardown_queue(void **state)
{
	struct callers *c = *state;

	disk_queue_fini(&c->queue);
	free(c);
	return 0;
}

static void *call(void *self)
{
	struct callers *c = self;
	struct disk_job *job = &c->jobs[c->next];

	disk_queue_enter(job);
	c->next++;
	disk_queue_leave(&c->queue, job, false, SILENCE_MS);
	return NULL;
}

static struct disk_job *last_that_waits(struct callers *c)
{
	lock_take(&c->queue.lock);
	struct disk_job *last = c->queue.waiting.last;
	lock_release(&c->queue.lock);
	return last;
}

/* Until they wait in the queue, one after the other. */
static void call_all(struct callers *c)
{
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(pthread_create(&c->threads[i], NULL, call, c), 0);
		wait_until(10, last_that_waits(c) == &c->jobs[i]);
	}
}

static void join_all(struct callers *c)
{
	for (size_t i = 0; i < 3; i++)
		pthread_join(c->threads[i], NULL);
}

static void test_one_thread_at_a_time_owns_the_connection(void **state)
{
	struct callers *c = *state;

	assert_true(disk_queue_is_owner(&c->queue));
	assert_false(disk_queue_own(&c->queue));
	disk_queue_disown(&c->queue, false);
	assert_false(disk_queue_is_owner(&c->queue));
	assert_true(disk_queue_own(&c->queue));
	disk_queue_disown(&c->queue, true); /* the writer thread is to come first */
	assert_false(disk_queue_own(&c->queue));
	assert_true(disk_queue_take(&c->queue, INT64_MAX, UINT64_MAX).nudged);
	assert_true(disk_queue_is_owner(&c->queue));
}

static void test_jobs_are_taken_in_order_as_the_log_has_room(void **state)
{
	struct callers *c = *state;
	struct disk_turn turn;

	for (size_t i = 0; i < 3; i++)
		c->jobs[i].log_bytes = 10;
	call_all(c);
	disk_queue_disown(&c->queue, false);
	turn = disk_queue_take(&c->queue, INT64_MAX, 20);
	assert_ptr_equal(turn.jobs, &c->jobs[0]);
	assert_ptr_equal(turn.jobs->next, &c->jobs[1]);
	assert_null(turn.jobs->next->next);
	disk_queue_finish(&c->queue, turn.jobs);
	disk_queue_disown(&c->queue, false);
	turn = disk_queue_take(&c->queue, INT64_MAX, 5); /* the first always has room */
	assert_ptr_equal(turn.jobs, &c->jobs[2]);
	disk_queue_finish(&c->queue, turn.jobs);
	join_all(c);
}

static void test_a_job_that_goes_on_rests_first(void **state)
{
	struct callers *c = *state;
	struct disk_turn turn;

	call_all(c);
	disk_queue_disown(&c->queue, false);
	turn = disk_queue_take(&c->queue, INT64_MAX, UINT64_MAX);
	c->jobs[0].more = true;
	disk_queue_finish(&c->queue, turn.jobs);
	disk_queue_rest(&c->queue, atomic_load(&now_ms) + 20);
	disk_queue_disown(&c->queue, false);
	turn = disk_queue_take(&c->queue, atomic_load(&now_ms), UINT64_MAX); /* upkeep is due */
	assert_null(turn.jobs);
	disk_queue_disown(&c->queue, false);
	atomic_fetch_add(&now_ms, 20);
	turn = disk_queue_take(&c->queue, INT64_MAX, UINT64_MAX);
	assert_true(turn.goes_on);
	assert_ptr_equal(turn.jobs, &c->jobs[0]);
	disk_queue_finish(&c->queue, turn.jobs);
	join_all(c);
}

static void test_a_job_ends_when_the_owner_shows_no_life(void **state)
{
	struct callers *c = *state;

	call_all(c);
	atomic_fetch_add(&c->life, 1); /* it did something since they came, */
	atomic_fetch_add(&now_ms, SILENCE_MS);
	poll(NULL, 0, 20);
	assert_ptr_equal(last_that_waits(c), &c->jobs[2]); /* so they wait on */
	wait_until(10, (atomic_fetch_add(&now_ms, SILENCE_MS), !last_that_waits(c)));
	join_all(c);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(c->jobs[i].rc, -EHOSTDOWN);
}

#define Q(name) cmocka_unit_test_setup_teardown(name, setup_queue, teardown_queue)

int main(void)
{
	const struct CMUnitTest tests[] = {
		Q(test_one_thread_at_a_time_owns_the_connection),
		Q(test_jobs_are_taken_in_order_as_the_log_has_room),
		Q(test_a_job_that_goes_on_rests_first),
		Q(test_a_job_ends_when_the_owner_shows_no_life),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
