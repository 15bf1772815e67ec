/* The store of entries against a plain array, under random changes: every index says the same. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kit/entries.h"
#include "kit/entries_dirs.h"

enum { KEYS = 3000, CHANGES = 60000 };

/* What the store should hold: by number, in key order. */
struct model {
	struct entry *entry;
	int64_t expires_ms;
	uint64_t used; /* when it was last put or hit */
};

static struct end end_of(int64_t expires_ms)
{
	return expires_ms != 0 ? end_make(END_MOMENT, expires_ms) : end_none();
}

static struct instant at(int64_t ms)
{
	return (struct instant){ ms, ms };
}

static struct key key_number(char *text, int i)
{
	snprintf(text, 32, "d/%06d", i);
	return key_of(text);
}

static void expect_same(const struct entries *s, const struct model *models, uint64_t clock)
{
	const struct entry *e = s->first[0];
	int64_t soonest = INT64_MAX;
	uint64_t oldest = clock + 1, bytes = 0;
	size_t count = 0;
	char text[32];

	for (int i = 0; i < KEYS; i++) {
		const struct model *m = &models[i];
		struct key key = key_number(text, i);
		assert_ptr_equal(entries_find(s, key), m->entry);
		assert_ptr_equal(entries_seek(s, key), e);
		if (!m->entry)
			continue;
		assert_ptr_equal(e, m->entry);
		e = entries_next(e);
		count++;
		bytes += entry_charge(m->entry);
		oldest = m->used < oldest ? m->used : oldest;
		if (m->expires_ms && m->expires_ms < soonest)
			soonest = m->expires_ms;
	}
	assert_null(e);
	assert_int_equal(s->count, count);
	assert_int_equal(s->bytes, bytes);
	if (soonest == INT64_MAX) {
		assert_null(entries_due(s, at(INT64_MAX)));
	} else {
		assert_int_equal(end_ms(entries_due(s, at(INT64_MAX))->meta.copy), soonest);
		assert_null(entries_due(s, at(soonest - 1)));
	}
	if (count > 0)
		for (int i = 0; i < KEYS; i++)
			if (models[i].entry && models[i].used == oldest)
				assert_ptr_equal(entries_victim(s, NULL, at(0)), models[i].entry);
}

static void put_one(struct entries *s, struct model *m, struct key key, int64_t expires_ms)
{
	struct meta meta = { .copy = end_of(expires_ms) };
	struct value *value = value_copy(key.bytes, key.size);

	if (m->entry) {
		entries_take(s, m->entry);
		entry_free(m->entry);
	}
	m->entry = entry_new(key, value, &meta);
	m->expires_ms = expires_ms;
	value_unref(value);
	assert_true(entries_reserve(s));
	entries_put(s, m->entry);
}

static void take_one(struct entries *s, struct model *m)
{
	if (!m->entry)
		return;
	entries_take(s, m->entry);
	entry_free(m->entry);
	m->entry = NULL;
}

static void move_one(struct entries *s, struct model *from, struct model *to, struct key key)
{
	if (!from->entry || to->entry)
		return;
	struct entry *e = entry_new(key, NULL, NULL);
	entries_move(s, from->entry, e);
	entry_free(from->entry);
	*to = *from;
	to->entry = e;
	from->entry = NULL;
	assert_non_null(e->value);
}

static void update_one(struct entries *s, struct model *m, int64_t expires_ms)
{
	struct meta meta = { .copy = end_of(expires_ms) };
	struct xattrs *old;

	if (!m->entry)
		return;
	size_t size = (size_t)expires_ms % 6;
	if (expires_ms % 3 == 0)
		assert_int_equal(xattrs_with(NULL, "user.a", "12345", size, &meta.xattrs), 0);
	entries_update(s, m->entry, &meta, META_EXPIRY | META_XATTRS, &old);
	xattrs_unref(old);
	xattrs_unref(meta.xattrs);
	m->expires_ms = expires_ms;
}

static void all_indexes_agree_under_random_changes(void **state)
{
	static struct model models[KEYS];
	struct entries s;
	unsigned seed = 42;
	char text[32];

	(void)state;
	assert_int_equal(entries_init(&s, &entries_lru), 0);
	for (uint64_t clock = 1; clock <= CHANGES; clock++) {
		int i = rand_r(&seed) % KEYS, j = rand_r(&seed) % KEYS, action = rand_r(&seed) % 10;
		int64_t expires_ms = rand_r(&seed) % 2 ? 0 : rand_r(&seed) % 1000;
		struct model *m = &models[i];
		bool shrinks = clock / 10000 % 2; /* grows and shrinks in turn */
		if (action < (shrinks ? 2 : 5)) {
			put_one(&s, m, key_number(text, i), expires_ms);
			m->used = clock;
		} else if (action < 6) {
			take_one(&s, m);
		} else if (action < 7) {
			move_one(&s, m, &models[j], key_number(text, j));
		} else if (action < 8) {
			update_one(&s, m, expires_ms);
		} else if (m->entry) {
			entries_hit(&s, m->entry);
			m->used = clock;
		}
		if (clock % 2000 == 0)
			expect_same(&s, models, clock);
	}
	entries_fini(&s);
}

static void the_victim_is_never_the_excepted(void **state)
{
	struct model a = { 0 }, b = { 0 };
	struct entries s;

	(void)state;
	assert_int_equal(entries_init(&s, &entries_lru), 0);
	assert_null(entries_victim(&s, NULL, at(0)));
	put_one(&s, &a, key_of("a"), 0);
	assert_null(entries_victim(&s, a.entry, at(0)));
	put_one(&s, &b, key_of("b"), 10);
	assert_ptr_equal(entries_victim(&s, NULL, at(9)), a.entry);
	assert_ptr_equal(entries_victim(&s, a.entry, at(9)), b.entry);
	assert_ptr_equal(entries_victim(&s, NULL, at(10)), b.entry);
	assert_ptr_equal(entries_victim(&s, b.entry, at(10)), a.entry);
	entries_fini(&s);
}

static void entries_come_out_in_the_order_of_expiry(void **state)
{
	static struct model models[KEYS];
	struct entries s;
	unsigned seed = 7;
	int64_t last = 0;
	char text[32];
	int count = 0;

	(void)state;
	assert_int_equal(entries_init(&s, &entries_keep), 0);
	for (int i = 0; i < KEYS; i++)
		put_one(&s, &models[i], key_number(text, i), 1 + rand_r(&seed) % 500);
	for (struct entry *e; (e = entries_due(&s, at(500))) != NULL; count++) {
		assert_true(end_ms(e->meta.copy) >= last);
		last = end_ms(e->meta.copy);
		entries_take(&s, e);
		entry_free(e);
	}
	assert_int_equal(count, KEYS);
	assert_null(entries_victim(&s, NULL, at(1000)));
	entries_fini(&s);
}

/* The wall clock is set by ten hours, forth and back. */
static void each_end_follows_its_clock(void **state)
{
	const struct meta counted = { .copy = end_make(END_STEADY, 1000) };
	const struct meta moment = { .copy = end_make(END_MOMENT, 1000) };
	struct entries s;
	struct xattrs *old;

	(void)state;
	assert_int_equal(entries_init(&s, &entries_keep), 0);
	struct entry *a = entry_new(key_of("a"), NULL, &counted);
	struct entry *b = entry_new(key_of("b"), NULL, &moment);
	assert_false(entries_expire(&s));
	assert_true(entries_reserve(&s));
	entries_put(&s, a);
	assert_true(entries_reserve(&s));
	entries_put(&s, b);
	assert_true(entries_expire(&s));
	assert_null(entries_due(&s, (struct instant){ 999, 999 }));
	assert_ptr_equal(entries_due(&s, (struct instant){ 36000999, 999 }), b);
	assert_ptr_equal(entries_due(&s, (struct instant){ -36000000, 1000 }), a);
	entries_update(&s, a, &moment, META_EXPIRY, &old);
	entries_update(&s, b, &counted, META_EXPIRY, &old);
	assert_ptr_equal(entries_due(&s, (struct instant){ 1000, 999 }), a);
	assert_ptr_equal(entries_due(&s, (struct instant){ 999, 1000 }), b);
	entries_fini(&s);
}

/* LFU-DA as it is defined, by search: what entries_lfu does with a heap. */
struct lfu_model {
	struct model m;
	uint64_t uses, weight, used_at;
};

static struct lfu_model *lightest(struct lfu_model *models)
{
	struct lfu_model *first = NULL;

	for (int i = 0; i < KEYS; i++) {
		struct lfu_model *l = &models[i];
		if (l->m.entry && (!first || l->weight < first->weight ||
				   (l->weight == first->weight && l->used_at < first->used_at)))
			first = l;
	}
	return first;
}

static void lfu_evicts_the_lightest_and_ages(void **state)
{
	static struct lfu_model models[KEYS];
	uint64_t inflation = 0;
	struct entries s;
	unsigned seed = 11;
	char text[32];

	(void)state;
	assert_int_equal(entries_init(&s, &entries_lfu), 0);
	for (uint64_t clock = 1; clock <= CHANGES; clock++) {
		struct lfu_model *l = &models[rand_r(&seed) % (1 + rand_r(&seed) % KEYS)];
		int action = rand_r(&seed) % 100;
		if (!l->m.entry || action < 5) { /* a rewrite starts again at 1 */
			put_one(&s, &l->m, key_number(text, (int)(l - models)), 0);
			l->uses = 1;
		} else {
			entries_hit(&s, l->m.entry);
			l->uses++;
		}
		l->weight = inflation + l->uses;
		l->used_at = clock;
		if (clock % 10 != 0)
			continue;
		struct lfu_model *victim = lightest(models);
		assert_ptr_equal(entries_victim(&s, NULL, at(0)), victim->m.entry);
		if (clock % 40 == 0 || s.count > 1000) {
			inflation = victim->weight;
			entries_evict(&s, victim->m.entry);
			entry_free(victim->m.entry);
			victim->m.entry = NULL;
		} else if (clock % 30 == 0) {
			take_one(&s, &victim->m);
		}
	}
	entries_fini(&s);
}

static void lfu_never_names_the_excepted(void **state)
{
	static struct model models[3];
	struct entries s;
	char text[32];

	(void)state;
	assert_int_equal(entries_init(&s, &entries_lfu), 0);
	for (int i = 0; i < 3; i++)
		put_one(&s, &models[i], key_number(text, i), 0);
	entries_hit(&s, models[1].entry);
	assert_ptr_equal(entries_victim(&s, NULL, at(0)), models[0].entry);
	assert_ptr_equal(entries_victim(&s, models[0].entry, at(0)), models[2].entry);
	assert_ptr_equal(entries_victim(&s, models[2].entry, at(0)), models[0].entry);
	move_one(&s, &models[0], &(struct model){ 0 }, key_of("moved"));
	assert_true(key_equal(entries_victim(&s, NULL, at(0))->key, key_of("moved")));
	entries_fini(&s);
}

static int check_move(const struct entries *entries, const struct entries *markers, const char *to)
{
	struct entries_walk move = { .from = key_of("d"), .to = key_of(to) };
	int rc, calls = 0;

	while ((rc = entries_check_move(&move, entries, markers)) == -EAGAIN)
		calls++;
	assert_true(strlen(to) <= 1 || calls > 1);
	return rc;
}

static void a_rename_is_checked_by_steps_markers_too(void **state)
{
	static struct model models[KEYS];
	struct model marker = { 0 };
	struct entries entries, markers;
	char text[KEY_MAX + 2];

	(void)state;
	assert_int_equal(entries_init(&entries, &entries_keep), 0);
	assert_int_equal(entries_init(&markers, &entries_keep), 0);
	for (int i = 0; i < KEYS; i++)
		put_one(&entries, &models[i], key_number(text, i), 0);
	memset(text, 'x', sizeof(text));
	memcpy(text, "d/", 2);
	text[KEY_MAX - 1] = '/'; /* of a directory that may become longer by one byte */
	put_one(&markers, &marker, key_make(text, KEY_MAX), 0);
	assert_int_equal(check_move(&entries, &markers, "e"), 0);
	assert_int_equal(check_move(&entries, &markers, "ee"), 0);
	assert_int_equal(check_move(&entries, &markers, "eee"), -ENAMETOOLONG);
	entries_fini(&entries);
	entries_fini(&markers);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(lfu_evicts_the_lightest_and_ages),
		cmocka_unit_test(lfu_never_names_the_excepted),
		cmocka_unit_test(all_indexes_agree_under_random_changes),
		cmocka_unit_test(the_victim_is_never_the_excepted),
		cmocka_unit_test(entries_come_out_in_the_order_of_expiry),
		cmocka_unit_test(each_end_follows_its_clock),
		cmocka_unit_test(a_rename_is_checked_by_steps_markers_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
