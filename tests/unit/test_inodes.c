/*
 * fs/inodes/: the states of files, how long names and inodes live, tickets, and the one loop of
 * key, unlock, ask, lock, has it moved? By a clock of the test's own, so nothing sleeps.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/time_source.h"
#include "inodes/inode_state.h"
#include "inodes/name_read.h"
#include "inodes/ticket.h"

enum { TID = 7 };

static int64_t now_ms;

static int64_t clock_ms(void *self)
{
	(void)self;
	return now_ms;
}

static const struct time_source test_time = { .wall_ms = clock_ms,
					      .steady_ms = clock_ms,
					      .mono_ms = clock_ms };

static int setup(void **state)
{
	struct inodes *t = calloc(1, sizeof(*t));

	now_ms = 1000000;
	*state = t;
	return t ? inodes_init(t, 4096, &test_time, NULL, NULL) : -1;
}

/* Nothing is left that nobody holds. */
static int teardown(void **state)
{
	struct inodes *t = *state;

	tickets_fini(t);
	inodes_fini(t);
	free(t);
	return 0;
}

static struct name *get_name(struct inodes *t, const char *text)
{
	struct name *name = name_get_locked(t, &t->root, key_of(text));

	assert_non_null(name);
	return name;
}

static struct inode *version_of(struct inodes *t, struct name *name, uint64_t version)
{
	const struct meta meta = { .mode = S_IFREG | 0644, .ino = 42, .version = version };
	struct inode *inode = name_version_locked(t, name, &meta);

	assert_non_null(inode);
	inode_pin_locked(inode);
	return inode;
}

/* The version, taken over by one who has set it anew. */
static struct inode *taken_over(struct inodes *t, struct name *name)
{
	struct inode *inode = version_of(t, name, 1);

	inode_take_over_locked(t, inode, NULL, TID);
	assert_int_equal(inode->state, INODE_PRIVATE);
	assert_ptr_equal(name_pending_locked(name), inode);
	return inode;
}

static void publish_it(struct inode *inode)
{
	inode->content.fresh = inode->content.dirty = false;
	inode->published = true;
	inode->name->holder = inode;
}

static void what_is_set_again_is_another_version(void **state)
{
	struct inodes *t = *state;

	inodes_lock(t);
	struct name *name = get_name(t, "k");
	struct inode *old = version_of(t, name, 1), *same = version_of(t, name, 1);
	struct inode *new = version_of(t, name, 2);
	assert_ptr_equal(old, same);
	assert_ptr_not_equal(old, new);
	assert_int_equal(old->state, INODE_STALE);
	assert_ptr_equal(name->version, new);
	inode_unpin_locked(t, old);
	inode_unpin_locked(t, same);
	inode_unpin_locked(t, new);
	name_put_locked(t, name);
	assert_int_equal(t->name_count, 0);
	assert_int_equal(t->inode_count, 0);
	inodes_unlock(t);
}

static void a_private_inode_becomes_the_version_it_has_published(void **state)
{
	struct inodes *t = *state;

	inodes_lock(t);
	struct name *name = get_name(t, "k");
	struct inode *inode = taken_over(t, name);
	publish_it(inode);
	inode_settle_locked(t, inode);
	assert_int_equal(inode->state, INODE_VERSION);
	assert_ptr_equal(name->version, inode);
	assert_null(name->holder);
	inode_unpin_locked(t, inode);
	name_put_locked(t, name);
	inodes_unlock(t);
}

static void but_not_if_its_size_was_told_to_another(void **state)
{
	struct inodes *t = *state;

	inodes_lock(t);
	struct name *name = get_name(t, "k");
	struct inode *inode = taken_over(t, name);
	publish_it(inode);
	inode->size_told = true;
	inode_settle_locked(t, inode);
	assert_int_equal(inode->state, INODE_STALE);
	assert_null(name->version);
	inode_unpin_locked(t, inode);
	name_put_locked(t, name);
	inodes_unlock(t);
}

static void an_unlinked_file_has_no_name_and_goes_on(void **state)
{
	struct inodes *t = *state;

	inodes_lock(t);
	struct name *name = get_name(t, "k");
	struct inode *inode = taken_over(t, name);
	inode_detach_locked(t, inode);
	assert_null(inode->name);
	assert_null(name_pending_locked(name));
	assert_int_equal(inode->state, INODE_PRIVATE);
	inode_settle_locked(t, inode);
	assert_int_equal(inode->state, INODE_STALE);
	inode_unpin_locked(t, inode);
	name_put_locked(t, name);
	assert_int_equal(t->name_count, 0);
	inodes_unlock(t);
}

static void a_scratch_file_stays_until_its_end(void **state)
{
	struct inodes *t = *state;

	inodes_lock(t);
	struct name *name = get_name(t, "k.tmp");
	struct inode *inode = taken_over(t, name);
	t->root.default_end = end_make(END_STEADY, 5000);
	inode_make_scratch_locked(t, inode);
	inode_settle_locked(t, inode);
	inode_unpin_locked(t, inode);
	name_put_locked(t, name);
	assert_int_equal(inode->state, INODE_SCRATCH); /* it has a pin of its own */
	assert_int_equal(t->scratch_count, 1);
	assert_false(inode->scratch.rests); /* it is empty */
	inode->meta.size = 1;
	inode_rest_locked(t, inode);
	assert_ptr_equal(TAILQ_FIRST(&t->resting), inode);
	assert_int_equal(inode->scratch.rests_ms, now_ms);
	now_ms += 4999;
	assert_false(inode_scratch_is_over_locked(inode));
	assert_ptr_equal(name_pending_locked(name), inode);
	now_ms += 1;
	assert_true(inode_scratch_is_over_locked(inode));
	assert_null(name_pending_locked(name));
	inode_detach_locked(t, inode);
	assert_int_equal(t->scratch_count, 0);
	assert_int_equal(t->inode_count, 0);
	inodes_unlock(t);
}

static void a_name_takes_its_files_along(void **state)
{
	struct inodes *t = *state;

	inodes_lock(t);
	struct name *from = get_name(t, "a"), *to = get_name(t, "b");
	struct inode *moved = taken_over(t, from), *replaced = version_of(t, to, 9);
	publish_it(moved);
	name_move_files_locked(t, from, to, true);
	assert_ptr_equal(to->holder, moved);
	assert_ptr_equal(moved->name, to);
	assert_null(replaced->name);
	assert_null(from->privates);
	inode_settle_locked(t, moved);
	assert_ptr_equal(to->version, moved);
	inode_unpin_locked(t, moved);
	inode_unpin_locked(t, replaced);
	name_put_locked(t, from);
	name_put_locked(t, to);
	assert_int_equal(t->name_count, 0);
	inodes_unlock(t);
}

static void a_ticket_ends_of_age(void **state)
{
	struct inodes *t = *state;

	inodes_lock(t);
	struct name *name = get_name(t, "k");
	struct inode *inode = version_of(t, name, 1);
	ticket_issue_locked(t, TID, TICKET_READ, inode, NULL, NULL, 0, now_ms);
	struct ticket *ticket = ticket_for_lookup_locked(t, TID, name, now_ms);
	assert_non_null(ticket);
	ticket_promise_locked(ticket, inode);
	assert_int_equal(inode->tickets, 1);
	assert_null(ticket_for_lookup_locked(t, TID + 1, name, now_ms));
	assert_ptr_equal(ticket_for_inode_locked(t, TID, inode, now_ms + 1000), ticket);
	assert_null(ticket_for_inode_locked(t, TID, inode, now_ms + 10000));
	assert_int_equal(inode->tickets, 0);
	inode_unpin_locked(t, inode);
	name_put_locked(t, name);
	assert_int_equal(t->name_count, 0);
	inodes_unlock(t);
}

/* What a read finds: at first that the name changes meanwhile. */
struct asking {
	struct inodes *t;
	struct name *name;
	unsigned asked;
	int rc;
};

static int ask(void *self, struct key key)
{
	struct asking *a = self;

	assert_true(lock_none_held());
	assert_true(key_equal(key, key_of("k")));
	if (a->asked++ == 0) {
		inodes_lock(a->t);
		name_touch_locked(a->t, a->name);
		inodes_unlock(a->t);
	}
	return a->rc;
}

static unsigned read_name(struct inodes *t, bool settled, int rc)
{
	struct key_buffer key;

	inodes_lock(t);
	struct asking a = { .t = t, .name = get_name(t, "k"), .rc = rc };
	struct name_read read = {
		.t = t, .name = a.name, .settled = settled, .ask = ask, .self = &a, .key = &key
	};
	assert_int_equal(name_read_locked(&read), rc == NAME_READ_PART ? 0 : rc);
	name_put_locked(t, a.name);
	inodes_unlock(t);
	return a.asked;
}

static void a_read_goes_on_until_its_name_is_settled(void **state)
{
	assert_int_equal(read_name(*state, true, 0), 2);
	assert_int_equal(read_name(*state, true, -ENOENT), 2);
	assert_int_equal(read_name(*state, true, NAME_READ_PART), 2);
	assert_int_equal(read_name(*state, false, 0), 1);
	assert_int_equal(read_name(*state, false, -ENOENT), 1); /* it has the same key */
	assert_int_equal(read_name(*state, true, -EIO), 1);
}

/* The directory gets another name while it is asked below it. */
static int ask_below(void *self, struct key key)
{
	struct asking *a = self;

	if (a->asked++ > 0) {
		assert_true(key_equal(key, key_of("new/k")));
		return 0;
	}
	assert_true(key_equal(key, key_of("old/k")));
	inodes_lock(a->t);
	struct name *to = get_name(a->t, "new"), *from = a->name->dir->name;
	to->subdir = from->subdir;
	from->subdir = NULL;
	inode_rename_locked(a->t, to->subdir, to);
	name_put_locked(a->t, to);
	inodes_unlock(a->t);
	return -ENOENT;
}

static void what_a_read_misses_in_a_renamed_directory_is_looked_for_again(void **state)
{
	struct inodes *t = *state;
	struct key_buffer key;

	inodes_lock(t);
	struct name *old = get_name(t, "old");
	struct inode *dir = inode_new_dir_locked(t, old);
	assert_non_null(dir);
	struct asking a = { .t = t, .name = name_get_locked(t, dir, key_of("k")) };
	name_put_locked(t, old);
	struct name_read read = {
		.t = t, .name = a.name, .ask = ask_below, .self = &a, .key = &key
	};
	assert_int_equal(name_read_locked(&read), 0);
	assert_int_equal(a.asked, 2);
	name_put_locked(t, a.name);
	assert_int_equal(t->name_count, 0);
	assert_int_equal(t->inode_count, 0);
	inodes_unlock(t);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(what_is_set_again_is_another_version),
		TEST(a_private_inode_becomes_the_version_it_has_published),
		TEST(but_not_if_its_size_was_told_to_another),
		TEST(an_unlinked_file_has_no_name_and_goes_on),
		TEST(a_scratch_file_stays_until_its_end),
		TEST(a_name_takes_its_files_along),
		TEST(a_ticket_ends_of_age),
		TEST(a_read_goes_on_until_its_name_is_settled),
		TEST(what_a_read_misses_in_a_renamed_directory_is_looked_for_again),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
