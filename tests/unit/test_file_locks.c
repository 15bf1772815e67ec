/*
 * fs/verbs/file_locks.c: who excludes whom, and that nobody waits longer than he must.
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
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/time_source.h"
#include "verbs/file_locks.h"

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
	*state = file_locks_new(&time_system);
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
	return file_locks_setlk(locks, INO, owner, getuid(), &lock, NULL);
}

static int flock_try(struct file_locks *locks, uint64_t owner, int operation)
{
	return file_locks_flock(locks, INO, owner, getuid(), operation, NULL);
}

/* A request that waits for a lock. */
struct waiter {
	struct file_lock_wait wait; /* first: what answer() is given */
	atomic_bool done;
	int rc;
	unsigned turn; /* the how manieth was answered */
};
static unsigned turns_taken;

static void waiter_answer(struct file_lock_wait *wait, int rc)
{
	struct waiter *w = (struct waiter *)wait;
	w->rc = rc;
	w->turn = ++turns_taken;
	assert_false(atomic_exchange(&w->done, true)); /* once */
}

/* operation: of flock; 0: POSIX, exclusive, all of it */
static int waiter_ask(struct waiter *w, struct file_locks *locks, uint64_t owner, int operation)
{
	struct flock all = { .l_type = F_WRLCK, .l_pid = (pid_t)(1000 + owner) };
	w->wait.answer = waiter_answer;
	return operation != 0 ? file_locks_flock(locks, INO, owner, getuid(), operation, &w->wait)
			      : file_locks_setlk(locks, INO, owner, getuid(), &all, &w->wait);
}

static void waiter_start(struct waiter *w, struct file_locks *locks, uint64_t owner, int operation)
{
	*w = (struct waiter){ .rc = 1 };
	assert_int_equal(waiter_ask(w, locks, owner, operation), -EINPROGRESS);
	assert_false(atomic_load(&w->done));
}

/* What it was answered, by now. */
static int waiter_answered(struct waiter *w)
{
	assert_true(atomic_load(&w->done));
	return w->rc;
}

static void test_an_exclusive_flock_excludes_other_owners(void **state)
{
	assert_int_equal(flock_try(*state, 1, LOCK_EX), 0);
	assert_int_equal(flock_try(*state, 2, LOCK_EX), -EAGAIN);
	assert_int_equal(flock_try(*state, 2, LOCK_SH), -EAGAIN);
	assert_int_equal(flock_try(*state, 1, LOCK_EX), 0);
	assert_int_equal(file_locks_flock(*state, INO + 1, 2, getuid(), LOCK_EX, NULL), 0);
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
	assert_int_equal(waiter_answered(&w), 0);
	assert_int_equal(flock_try(*state, 1, LOCK_EX), -EAGAIN);
}

static void test_a_downgrade_lets_a_waiter_through(void **state)
{
	struct waiter w;
	assert_int_equal(flock_try(*state, 1, LOCK_EX), 0);
	waiter_start(&w, *state, 2, LOCK_SH);
	assert_int_equal(flock_try(*state, 1, LOCK_SH), 0);
	assert_int_equal(waiter_answered(&w), 0);
}

static void test_a_waiting_upgrade_gets_through_when_the_other_reader_ends(void **state)
{
	struct waiter w;
	assert_int_equal(flock_try(*state, 1, LOCK_SH), 0);
	assert_int_equal(flock_try(*state, 2, LOCK_SH), 0);
	waiter_start(&w, *state, 2, LOCK_EX);
	file_locks_end_flock(*state, INO, 1);
	assert_int_equal(waiter_answered(&w), 0);
	assert_int_equal(flock_try(*state, 1, LOCK_SH), -EAGAIN);
}

static void test_end_posix_lets_a_waiter_through(void **state)
{
	struct waiter w;
	assert_int_equal(posix_try(*state, 1, F_WRLCK, 50, 10), 0);
	assert_int_equal(posix_try(*state, 1, F_RDLCK, 0, 10), 0);
	waiter_start(&w, *state, 2, 0);
	assert_int_equal(posix_try(*state, 1, F_UNLCK, 50, 10), 0);
	assert_false(atomic_load(&w.done));
	file_locks_end_posix(*state, INO, 1);
	assert_int_equal(waiter_answered(&w), 0);
	assert_int_equal(posix_try(*state, 1, F_RDLCK, 0, 1), -EAGAIN);
}

static void test_an_interrupted_wait_ends(void **state)
{
	struct waiter w;
	assert_int_equal(posix_try(*state, 1, F_WRLCK, 0, 0), 0);
	waiter_start(&w, *state, 2, 0);
	file_locks_interrupt(*state, &w.wait);
	assert_int_equal(waiter_answered(&w), -EINTR);
	file_locks_end_posix(*state, INO, 1);
	assert_int_equal(posix_try(*state, 3, F_WRLCK, 0, 0), 0);
}

static void test_what_was_interrupted_before_it_waits_does_not_wait(void **state)
{
	struct waiter w = { .rc = 1 };
	assert_int_equal(flock_try(*state, 1, LOCK_EX), 0);
	file_locks_interrupt(*state, &w.wait);
	assert_int_equal(waiter_ask(&w, *state, 2, LOCK_EX), -EINTR);
	assert_false(atomic_load(&w.done));
	assert_int_equal(file_locks_waits(*state), 0);
}

static void test_an_interrupt_that_comes_after_the_answer_is_nothing(void **state)
{
	struct waiter w;
	assert_int_equal(flock_try(*state, 1, LOCK_EX), 0);
	waiter_start(&w, *state, 2, LOCK_EX);
	file_locks_end_flock(*state, INO, 1);
	file_locks_interrupt(*state, &w.wait);
	assert_int_equal(waiter_answered(&w), 0);
	assert_int_equal(flock_try(*state, 1, LOCK_EX), -EAGAIN);
}

static void take_turns(struct file_locks *locks, int operation)
{
	enum { COUNT = 200 };
	static struct waiter waiters[COUNT];
	turns_taken = 0;
	assert_int_equal(
		operation ? flock_try(locks, 1, LOCK_EX) : posix_try(locks, 1, F_WRLCK, 0, 0), 0);
	for (unsigned i = 0; i < COUNT; i++)
		waiter_start(&waiters[i], locks, 2 + i, operation);
	assert_int_equal(file_locks_waits(locks), COUNT);
	for (unsigned i = 0; i < COUNT; i++) {
		assert_int_equal(turns_taken, i);
		if (operation)
			file_locks_end_flock(locks, INO, 1 + i);
		else
			file_locks_end_posix(locks, INO, 1 + i);
		assert_int_equal(waiter_answered(&waiters[i]), 0);
		assert_int_equal(waiters[i].turn, i + 1);
	}
	assert_int_equal(file_locks_waits(locks), 0);
}

static void test_those_who_wait_get_it_in_the_order_they_came(void **state)
{
	take_turns(*state, LOCK_EX);
	take_turns(*state, 0);
}

static void test_all_who_share_get_it_at_once(void **state)
{
	struct waiter readers[3], writer;
	assert_int_equal(flock_try(*state, 1, LOCK_EX), 0);
	waiter_start(&readers[0], *state, 2, LOCK_SH);
	waiter_start(&writer, *state, 3, LOCK_EX);
	waiter_start(&readers[1], *state, 4, LOCK_SH);
	waiter_start(&readers[2], *state, 5, LOCK_SH);
	file_locks_end_flock(*state, INO, 1);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(waiter_answered(&readers[i]), 0);
	assert_false(atomic_load(&writer.done));
	file_locks_end_flock(*state, INO, 2);
	file_locks_end_flock(*state, INO, 4);
	assert_false(atomic_load(&writer.done));
	file_locks_end_flock(*state, INO, 5);
	assert_int_equal(waiter_answered(&writer), 0);
}

/* As on a local disk: it has given up what it held, and comes after those who came before. */
static void test_a_conversion_that_waits_is_in_nobodys_way(void **state)
{
	struct waiter w, converting;
	assert_int_equal(flock_try(*state, 1, LOCK_SH), 0);
	assert_int_equal(flock_try(*state, 2, LOCK_SH), 0);
	waiter_start(&w, *state, 3, LOCK_EX);
	waiter_start(&converting, *state, 1, LOCK_EX);
	file_locks_end_flock(*state, INO, 2);
	assert_int_equal(waiter_answered(&w), 0);
	file_locks_end_flock(*state, INO, 3);
	assert_int_equal(waiter_answered(&converting), 0);
}

/* 1 waits for 3 and for 2, of which the kernel names one; 2 waits for 1. */
static void test_a_deadlock_that_an_unlock_brings_to_light_is_told(void **state)
{
	struct waiter a, b;
	struct flock from_0 = { .l_type = F_WRLCK, .l_len = 20 };
	struct flock at_100 = { .l_type = F_WRLCK, .l_start = 100, .l_len = 1 };
	a = b = (struct waiter){ .wait = { .answer = waiter_answer } };
	assert_int_equal(posix_try(*state, 1, F_WRLCK, 100, 1), 0);
	assert_int_equal(posix_try(*state, 3, F_WRLCK, 0, 10), 0);
	assert_int_equal(posix_try(*state, 2, F_WRLCK, 10, 10), 0);
	assert_int_equal(file_locks_setlk(*state, INO, 1, getuid(), &from_0, &a.wait),
			 -EINPROGRESS);
	assert_int_equal(file_locks_setlk(*state, INO, 2, getuid(), &at_100, &b.wait),
			 -EINPROGRESS);
	file_locks_end_posix(*state, INO, 3);
	assert_int_equal(waiter_answered(&a), -EDEADLK);
	assert_false(atomic_load(&b.done));
	file_locks_end_posix(*state, INO, 1);
	assert_int_equal(waiter_answered(&b), 0);
}

static void test_who_has_waited_too_long_is_refused(void **state)
{
	struct waiter old, young;
	assert_int_equal(flock_try(*state, 1, LOCK_EX), 0);
	waiter_start(&old, *state, 2, LOCK_EX);
	waiter_start(&young, *state, 3, LOCK_EX);
	young.wait.since_ms = old.wait.since_ms + 10;
	assert_int_equal(file_locks_expire(*state, old.wait.since_ms - 1), 0);
	assert_int_equal(file_locks_expire(*state, old.wait.since_ms), 1);
	assert_int_equal(waiter_answered(&old), -ENOLCK);
	file_locks_end_flock(*state, INO, 1);
	assert_int_equal(waiter_answered(&young), 0);
}

static void test_at_the_end_all_are_refused_and_nobody_waits_any_more(void **state)
{
	struct waiter waiters[3], late = { .rc = 1 };
	assert_int_equal(flock_try(*state, 1, LOCK_EX), 0);
	assert_int_equal(posix_try(*state, 1, F_WRLCK, 0, 0), 0);
	for (unsigned i = 0; i < 3; i++)
		waiter_start(&waiters[i], *state, 2 + i, i == 0 ? 0 : LOCK_EX);
	file_locks_end(*state);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(waiter_answered(&waiters[i]), -ENOLCK);
	assert_int_equal(waiter_ask(&late, *state, 9, LOCK_SH), -ENOLCK);
	assert_int_equal(flock_try(*state, 9, LOCK_SH), -EAGAIN);
}

/* What locks take of the descriptors has a bound, whoever takes them. */
static void test_locks_leave_half_of_the_descriptors(void **state)
{
	enum { LIMIT = 64 };
	struct rlimit before, few;
	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	few = before;
	few.rlim_cur = LIMIT;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	struct file_locks *locks = file_locks_new(&time_system);
	setrlimit(RLIMIT_NOFILE, &before);
	assert_non_null(locks);
	uint64_t owner = 1;
	while (flock_try(locks, owner, LOCK_SH) == 0)
		owner++;
	assert_int_equal(owner, LIMIT / 2); /* one is the file's */
	assert_int_equal(flock_try(locks, owner, LOCK_SH), -ENOLCK);
	assert_int_equal(flock_try(locks, owner, LOCK_UN), 0);
	file_locks_end_flock(locks, INO, 1);
	assert_int_equal(flock_try(locks, owner, LOCK_SH), 0);
	file_locks_free(locks);
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

static void crowd_answer(struct file_lock_wait *wait, int rc)
{
	struct waiter *w = (struct waiter *)wait;
	w->rc = rc;
	atomic_store(&w->done, true);
}

static int crowd_wait(struct crowd *c)
{
	struct waiter w = { .wait = { .answer = crowd_answer } };
	struct flock lock = { .l_type = F_WRLCK };
	int rc = c->posix ? file_locks_setlk(c->locks, INO, c->owner, getuid(), &lock, &w.wait)
			  : file_locks_flock(c->locks, INO, c->owner, getuid(), LOCK_EX, &w.wait);
	while (rc == -EINPROGRESS && !atomic_load(&w.done))
		sched_yield();
	return rc == -EINPROGRESS ? w.rc : rc;
}

static void *crowd_main(void *self)
{
	struct crowd *c = self;
	for (int turn = 0; turn < 200; turn++) {
		int rc = crowd_wait(c);
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

/* One who is not the process's own user has a share; others wait on. */
static void a_user_has_a_share_of_the_waits(void **state)
{
	const uid_t stranger = getuid() + 1;
	struct flock all = { .l_type = F_WRLCK };
	struct waiter *w = calloc(FILE_LOCKS_WAITS + 1, sizeof(*w));
	struct waiter other;

	assert_int_equal(posix_try(*state, 1, F_WRLCK, 0, 0), 0);
	for (int i = 0; i < FILE_LOCKS_WAITS; i++) {
		w[i].wait.answer = waiter_answer;
		assert_int_equal(file_locks_setlk(*state, INO, 2, stranger, &all, &w[i].wait),
				 -EINPROGRESS);
	}
	assert_int_equal(
		file_locks_setlk(*state, INO, 2, stranger, &all, &w[FILE_LOCKS_WAITS].wait),
		-ENOLCK);
	waiter_start(&other, *state, 3, 0);
	file_locks_end(*state);
	assert_int_equal(waiter_answered(&other), -ENOLCK);
	free(w);
}

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
		CASE(test_what_was_interrupted_before_it_waits_does_not_wait),
		CASE(test_an_interrupt_that_comes_after_the_answer_is_nothing),
		CASE(test_those_who_wait_get_it_in_the_order_they_came),
		CASE(test_all_who_share_get_it_at_once),
		CASE(test_a_conversion_that_waits_is_in_nobodys_way),
		CASE(test_a_deadlock_that_an_unlock_brings_to_light_is_told),
		CASE(test_who_has_waited_too_long_is_refused),
		CASE(test_at_the_end_all_are_refused_and_nobody_waits_any_more),
		CASE(test_locks_leave_half_of_the_descriptors),
		CASE(test_ending_what_was_never_locked_is_nothing),
		CASE(test_descriptors_go_with_the_locks),
		CASE(test_a_crowd_of_flockers_takes_turns),
		CASE(test_a_crowd_of_posix_lockers_takes_turns),
		CASE(a_user_has_a_share_of_the_waits),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
