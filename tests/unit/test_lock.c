/* Locks that know their rank, and waits by a clock of the test's own. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/lock.h"
#include "base/time_source.h"

static _Atomic int64_t now_ms;

static int64_t clock_ms(void *self)
{
	(void)self;
	return atomic_load(&now_ms);
}

static const struct time_source hand = { .wall_ms = clock_ms,
					 .steady_ms = clock_ms,
					 .mono_ms = clock_ms };

struct waiter {
	struct lock lock;
	pthread_cond_t called;
	bool signalled;
	atomic_bool done;
	int64_t at_ms;
};

static void *wait_an_hour(void *self)
{
	struct waiter *w = self;
	struct deadline deadline = deadline_in(&hand, 3600 * 1000);

	lock_take(&w->lock);
	w->signalled = condition_wait_until(&w->called, &w->lock, &deadline);
	lock_release(&w->lock);
	w->at_ms = atomic_load(&now_ms);
	atomic_store(&w->done, true);
	return NULL;
}

static void test_a_wait_ends_by_the_clock_that_its_deadline_names(void **state)
{
	struct waiter w = { 0 };
	pthread_t thread;

	(void)state;
	lock_init(&w.lock, RANK_LAYER);
	condition_init(&w.called);
	assert_int_equal(pthread_create(&thread, NULL, wait_an_hour, &w), 0);
	while (!atomic_load(&w.done))
		atomic_fetch_add(&now_ms, 60 * 1000);
	pthread_join(thread, NULL);
	assert_false(w.signalled);
	assert_true(w.at_ms >= 3600 * 1000);
	pthread_cond_destroy(&w.called);
	lock_fini(&w.lock);
}

static void test_what_a_thread_holds_is_known(void **state)
{
	struct lock inodes, layer;

	(void)state;
	lock_init(&inodes, RANK_INODES);
	lock_init(&layer, RANK_LAYER);
	assert_true(lock_none_held());
	lock_take(&inodes);
	assert_true(lock_is_held(&inodes));
	assert_false(lock_is_held(&layer));
	lock_take(&layer);
	assert_true(lock_is_held(&layer));
	lock_release(&inodes);
	assert_false(lock_is_held(&inodes));
	lock_release(&layer);
	assert_true(lock_none_held());
	lock_fini(&inodes);
	lock_fini(&layer);
}

/* What a process says that takes the locks of the layer and of the inode table in that order. */
static void take_in_falling_order(char *said, size_t size)
{
	int fds[2], status = 0;
	size_t used = 0;
	ssize_t n;

	assert_int_equal(pipe(fds), 0);
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		struct lock inodes, layer;
		signal(SIGABRT, SIG_DFL);
		dup2(fds[1], STDERR_FILENO);
		lock_init(&inodes, RANK_INODES);
		lock_init(&layer, RANK_LAYER);
		lock_take(&layer);
		lock_take(&inodes);
		_exit(0);
	}
	close(fds[1]);
	while (used + 1 < size && (n = read(fds[0], said + used, size - used - 1)) > 0)
		used += (size_t)n;
	said[used] = '\0';
	close(fds[0]);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGABRT);
}

static void test_a_violation_of_the_order_names_both_locks(void **state)
{
	char said[1000];

	(void)state;
#ifdef NDEBUG
	skip();
#endif
	take_in_falling_order(said, sizeof(said));
	assert_non_null(
		strstr(said, "takes the lock of the inode table while it holds that of a layer\n"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_wait_ends_by_the_clock_that_its_deadline_names),
		cmocka_unit_test(test_what_a_thread_holds_is_known),
		cmocka_unit_test(test_a_violation_of_the_order_names_both_locks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
