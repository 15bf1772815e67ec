/*
 * fs/file_locks.c: who excludes whom, and that nobody waits longer than he must.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "../../backends/time_source.h"
#include "../../fs/file_locks.h"

enum { INO = 7, DEADLINE_MS = 10000 };

static unsigned open_descriptors(void)
{
	unsigned count = 0;
	DIR *dir = opendir("/proc/self/fd");
	assert_non_null(dir);
	while (readdir(dir) != NULL)
		count++;
	closedir(dir);
	return count;
}

static int setup(void **state)
{
	*state = file_locks_new();
	return *state == NULL;
}

static int teardown(void **state)
{
	file_locks_free(*state);
	return 0;
}

static int posix_try(struct file_locks *locks, uint64_t owner, short type, off_t start,
		     off_t length)
{
	struct flock lock = {
		.l_type = type, .l_start = start, .l_len = length, .l_pid = (pid_t)(1000 + owner)
	};
	return file_locks_setlk(locks, INO, owner, &lock, NULL);
}

static int flock_try(struct file_locks *locks, uint64_t owner, int operation)
{
	return file_locks_flock(locks, INO, owner, operation, NULL);
}

/* A thread that waits for a lock. */
struct waiter {
	struct file_locks *locks;
	uint64_t owner;
	int operation;     /* of flock; 0: POSIX, exclusive, all of it */
	atomic_bool asked; /* it looked whether it was interrupted: it is about to wait */
	atomic_bool interrupt;
	atomic_bool done;
	int rc;
	pthread_t thread;
};

static bool waiter_interrupted(void *self)
{
	struct waiter *w = self;
	atomic_store(&w->asked, true);
	return atomic_load(&w->interrupt);
}

static void *waiter_main(void *self)
{
	struct waiter *w = self;
	struct file_lock_wait wait = { true, waiter_interrupted, w };
	struct flock all = { .l_type = F_WRLCK, .l_pid = (pid_t)(1000 + w->owner) };
	if (w->operation != 0)
		w->rc = file_locks_flock(w->locks, INO, w->owner, w->operation, &wait);
	else
		w->rc = file_locks_setlk(w->locks, INO, w->owner, &all, &wait);
	atomic_store(&w->done, true);
	return NULL;
}

static void waiter_start(struct waiter *w, struct file_locks *locks, uint64_t owner, int operation)
{
	*w = (struct waiter){ .locks = locks, .owner = owner, .operation = operation };
	assert_int_equal(pthread_create(&w->thread, NULL, waiter_main, w), 0);
	int64_t end = time_mono_ms(&time_system) + DEADLINE_MS;
	while (!atomic_load(&w->asked) && time_mono_ms(&time_system) < end)
		sched_yield();
	assert_true(atomic_load(&w->asked));
	assert_false(atomic_load(&w->done));
}

/* What it returned; fails if that took as long as the fallback's re-check. */
static int waiter_join(struct waiter *w)
{
	int64_t begin = time_mono_ms(&time_system);
	pthread_join(w->thread, NULL);
	assert_true(time_mono_ms(&time_system) - begin < 900);
	return w->rc;
}

static void test_an_exclusive_flock_excludes_other_owners(void **state)
{
	assert_int_equal(flock_try(*state, 1, LOCK_EX), 0);
	assert_int_equal(flock_try(*state, 2, LOCK_EX), -EAGAIN);
	assert_int_equal(flock_try(*state, 2, LOCK_SH), -EAGAIN);
	assert_int_equal(flock_try(*state, 1, LOCK_EX), 0);
	assert_int_equal(file_locks_flock(*state, INO + 1, 2, LOCK_EX, NULL), 0);
	assert_int_equal(flock_try(*state, 1, LOCK_UN), 0);
	assert_int_equal(flock_try(*state, 2, LOCK_EX), 0);
}

static void test_shared_flocks_exclude_only_exclusive_ones(void **state)
{
	assert_int_equal(flock_try(*state, 1, LOCK_SH), 0);
	assert_int_equal(flock_try(*state, 2, LOCK_SH), 0);
	assert_int_equal(flock_try(*state, 3, LOCK_EX), -EAGAIN);
	file_locks_end_flock(*state, INO, 1);
	assert_int_equal(flock_try(*state, 3, LOCK_EX), -EAGAIN);
	assert_int_equal(flock_try(*state, 2, LOCK_EX), 0); /* upgrade: now alone */
	assert_int_equal(flock_try(*state, 3, LOCK_SH), -EAGAIN);
	assert_int_equal(flock_try(*state, 2, LOCK_SH), 0); /* downgrade */
	assert_int_equal(flock_try(*state, 3, LOCK_SH), 0);
}

static void test_posix_locks_exclude_by_range(void **state)
{
	assert_int_equal(posix_try(*state, 1, F_WRLCK, 0, 10), 0);
	assert_int_equal(posix_try(*state, 2, F_WRLCK, 10, 10), 0);
	assert_int_equal(posix_try(*state, 2, F_WRLCK, 9, 1), -EAGAIN);
	assert_int_equal(posix_try(*state, 2, F_RDLCK, 0, 0), -EAGAIN);
	assert_int_equal(posix_try(*state, 1, F_UNLCK, 5, 5), 0);
	assert_int_equal(posix_try(*state, 2, F_WRLCK, 5, 5), 0);
	assert_int_equal(posix_try(*state, 2, F_WRLCK, 4, 1), -EAGAIN);
	assert_int_equal(posix_try(*state, 1, F_RDLCK, 0, 5), 0);
	assert_int_equal(posix_try(*state, 3, F_RDLCK, 0, 5), 0);
	assert_int_equal(posix_try(*state, 1, F_WRLCK, 0, 5), -EAGAIN);
}

static void test_flock_and_posix_locks_do_not_see_each_other(void **state)
{
	assert_int_equal(flock_try(*state, 1, LOCK_EX), 0);
	assert_int_equal(posix_try(*state, 2, F_WRLCK, 0, 0), 0);
	file_locks_end_posix(*state, INO, 1);
	assert_int_equal(flock_try(*state, 2, LOCK_EX), -EAGAIN);
}

static void test_getlk_says_who_holds_what(void **state)
{
	struct flock lock = { .l_type = F_WRLCK };
	assert_int_equal(file_locks_getlk(*state, INO, 3, &lock), 0);
	assert_int_equal(lock.l_type, F_UNLCK);
	assert_int_equal(posix_try(*state, 1, F_WRLCK, 100, 50), 0);
	assert_int_equal(posix_try(*state, 2, F_RDLCK, 200, 0), 0);

	lock = (struct flock){ .l_type = F_RDLCK, .l_start = 120, .l_len = 1 };
	assert_int_equal(file_locks_getlk(*state, INO, 3, &lock), 0);
	assert_int_equal(lock.l_type, F_WRLCK);
	assert_int_equal(lock.l_start, 100);
	assert_int_equal(lock.l_len, 50);
	assert_int_equal(lock.l_pid, 1001);

	lock = (struct flock){ .l_type = F_WRLCK, .l_start = 300 };
	assert_int_equal(file_locks_getlk(*state, INO, 3, &lock), 0);
	assert_int_equal(lock.l_type, F_RDLCK);
	assert_int_equal(lock.l_start, 200);
	assert_int_equal(lock.l_len, 0);
	assert_int_equal(lock.l_pid, 1002);

	lock = (struct flock){ .l_type = F_WRLCK, .l_start = 120, .l_len = 1 };
	assert_int_equal(file_locks_getlk(*state, INO, 1, &lock), 0);
	assert_int_equal(lock.l_type, F_UNLCK); /* its own is in nobody's way */
}

static void test_an_unlock_lets_a_waiter_through(void **state)
{
	struct waiter w;
	assert_int_equal(flock_try(*state, 1, LOCK_EX), 0);
	waiter_start(&w, *state, 2, LOCK_EX);
	assert_int_equal(flock_try(*state, 1, LOCK_UN), 0);
	assert_int_equal(waiter_join(&w), 0);
	assert_int_equal(flock_try(*state, 1, LOCK_EX), -EAGAIN);
}

static void test_a_downgrade_lets_a_waiter_through(void **state)
{
	struct waiter w;
	assert_int_equal(flock_try(*state, 1, LOCK_EX), 0);
	waiter_start(&w, *state, 2, LOCK_SH);
	assert_int_equal(flock_try(*state, 1, LOCK_SH), 0);
	assert_int_equal(waiter_join(&w), 0);
}

static void test_a_waiting_upgrade_gets_through_when_the_other_reader_ends(void **state)
{
	struct waiter w;
	assert_int_equal(flock_try(*state, 1, LOCK_SH), 0);
	assert_int_equal(flock_try(*state, 2, LOCK_SH), 0);
	waiter_start(&w, *state, 2, LOCK_EX);
	file_locks_end_flock(*state, INO, 1);
	assert_int_equal(waiter_join(&w), 0);
	assert_int_equal(flock_try(*state, 1, LOCK_SH), -EAGAIN);
}

static void test_end_posix_lets_a_waiter_through(void **state)
{
	struct waiter w;
	assert_int_equal(posix_try(*state, 1, F_WRLCK, 50, 10), 0);
	assert_int_equal(posix_try(*state, 1, F_RDLCK, 0, 10), 0);
	waiter_start(&w, *state, 2, 0);
	assert_int_equal(posix_try(*state, 1, F_UNLCK, 50, 10), 0); /* not yet */
	file_locks_end_posix(*state, INO, 1);
	assert_int_equal(waiter_join(&w), 0);
	assert_int_equal(posix_try(*state, 1, F_RDLCK, 0, 1), -EAGAIN);
}

static void test_an_interrupted_wait_ends(void **state)
{
	struct waiter w;
	assert_int_equal(posix_try(*state, 1, F_WRLCK, 0, 0), 0);
	waiter_start(&w, *state, 2, 0);
	atomic_store(&w.interrupt, true);
	file_locks_wake(*state);
	assert_int_equal(waiter_join(&w), -EINTR);
	file_locks_end_posix(*state, INO, 1);
	assert_int_equal(posix_try(*state, 3, F_WRLCK, 0, 0), 0);
}

static void test_ending_what_was_never_locked_is_nothing(void **state)
{
	file_locks_end_posix(*state, INO, 1);
	file_locks_end_flock(*state, INO, 1);
	assert_int_equal(flock_try(*state, 1, LOCK_UN), 0);
	assert_int_equal(posix_try(*state, 1, F_UNLCK, 3, 4), 0);
}

static void test_descriptors_go_with_the_locks(void **state)
{
	unsigned before = open_descriptors();
	struct flock lock = { .l_type = F_WRLCK };
	for (uint64_t owner = 1; owner < 20; owner++) {
		assert_int_equal(posix_try(*state, owner, F_RDLCK, 0, 0), 0);
		assert_int_equal(flock_try(*state, owner, LOCK_SH), 0);
		assert_int_equal(flock_try(*state, owner + 100, LOCK_EX), -EAGAIN);
	}
	assert_int_equal(file_locks_getlk(*state, INO, 50, &lock), 0);
	for (uint64_t owner = 1; owner < 20; owner++) {
		assert_int_equal(posix_try(*state, owner, F_UNLCK, 0, 0), 0);
		file_locks_end_flock(*state, INO, owner);
	}
	assert_int_equal(open_descriptors(), before);
}

/* Many owners take turns; `inside` proves that they exclude each other. */
struct crowd {
	struct file_locks *locks;
	uint64_t owner;
	bool posix;
	atomic_uint *inside;
	unsigned *turns; /* guarded by the lock under test */
};

static bool never(void *self)
{
	(void)self;
	return false;
}

static void *crowd_main(void *self)
{
	struct crowd *c = self;
	struct file_lock_wait wait = { true, never, NULL };
	struct flock lock = { .l_type = F_WRLCK };
	for (int turn = 0; turn < 200; turn++) {
		int rc = c->posix ? file_locks_setlk(c->locks, INO, c->owner, &lock, &wait)
				  : file_locks_flock(c->locks, INO, c->owner, LOCK_EX, &wait);
		if (rc != 0 || atomic_fetch_add(c->inside, 1) != 0)
			return c;
		++*c->turns;
		atomic_fetch_sub(c->inside, 1);
		if (c->posix)
			file_locks_end_posix(c->locks, INO, c->owner);
		else
			file_locks_end_flock(c->locks, INO, c->owner);
	}
	return NULL;
}

static void run_crowd(struct file_locks *locks, bool posix)
{
	enum { MEMBERS = 8 };
	atomic_uint inside = 0;
	unsigned turns = 0;
	pthread_t threads[MEMBERS];
	struct crowd members[MEMBERS];
	int64_t begin = time_mono_ms(&time_system);
	for (unsigned m = 0; m < MEMBERS; m++) {
		members[m] = (struct crowd){ locks, m + 1, posix, &inside, &turns };
		assert_int_equal(pthread_create(&threads[m], NULL, crowd_main, &members[m]), 0);
	}
	for (unsigned m = 0; m < MEMBERS; m++) {
		void *failed = NULL;
		pthread_join(threads[m], &failed);
		assert_null(failed);
	}
	assert_int_equal(turns, MEMBERS * 200);
	assert_true(time_mono_ms(&time_system) - begin < DEADLINE_MS);
}

static void test_a_crowd_of_flockers_takes_turns(void **state)
{
	run_crowd(*state, false);
}

static void test_a_crowd_of_posix_lockers_takes_turns(void **state)
{
	run_crowd(*state, true);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_an_exclusive_flock_excludes_other_owners),
		CASE(test_shared_flocks_exclude_only_exclusive_ones),
		CASE(test_posix_locks_exclude_by_range),
		CASE(test_flock_and_posix_locks_do_not_see_each_other),
		CASE(test_getlk_says_who_holds_what),
		CASE(test_an_unlock_lets_a_waiter_through),
		CASE(test_a_downgrade_lets_a_waiter_through),
		CASE(test_a_waiting_upgrade_gets_through_when_the_other_reader_ends),
		CASE(test_end_posix_lets_a_waiter_through),
		CASE(test_an_interrupted_wait_ends),
		CASE(test_ending_what_was_never_locked_is_nothing),
		CASE(test_descriptors_go_with_the_locks),
		CASE(test_a_crowd_of_flockers_takes_turns),
		CASE(test_a_crowd_of_posix_lockers_takes_turns),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
