/* Listings merged from streams of keys, against all children searched for and sorted. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "kit/child_merge.h"
#include "kit/entries_dirs.h"

enum { ROUNDS = 300, KEYS_MAX = 600, LENGTH = 6 };

struct model {
	struct entries entries, markers;
	struct child children[2 * KEYS_MAX];
	size_t count;
};

/* A marker's mode is its number, so that a child's says whose it is. */
static void put(struct entries *s, struct key key, uint32_t number, bool ended)
{
	const struct meta meta = { .mode = number,
				   .copy = ended ? end_make(END_MOMENT, 1) : end_none() };
	struct entry *e = entries_find(s, key) ? NULL : entry_new(key, NULL, &meta);

	if (!e)
		return;
	assert_true(entries_reserve(s));
	entries_put(s, e);
}

static struct key random_key(unsigned *seed, struct key_buffer *buffer)
{
	static const char letters[] = "/a!0";

	buffer->size = 1 + (size_t)rand_r(seed) % LENGTH;
	for (size_t i = 0; i < buffer->size; i++)
		buffer->bytes[i] = letters[rand_r(seed) % 4];
	return key_make(buffer->bytes, buffer->size);
}

static void fill(struct model *m, unsigned *seed)
{
	int count = rand_r(seed) % KEYS_MAX;
	struct key_buffer buffer, marker;

	assert_int_equal(entries_init(&m->entries, &entries_keep), 0);
	assert_int_equal(entries_init(&m->markers, &entries_keep), 0);
	for (int i = 1; i <= count; i++) {
		struct key key = random_key(seed, &buffer);
		if (rand_r(seed) % 3 > 0)
			put(&m->entries, key, (uint32_t)i, rand_r(seed) % 8 == 0);
		else if (key_can_hold(key))
			put(&m->markers, marker_key(&marker, key), (uint32_t)i, false);
	}
	if (rand_r(seed) % 2)
		put(&m->markers, KEY_ROOT, KEYS_MAX, false); /* the root's own */
}

static int compare(const void *a, const void *b)
{
	const struct child *x = a, *y = b;

	return child_compare(x->name, x->is_dir, y->name, y->is_dir);
}

static void search(struct model *m, const struct entries *s, struct key dir)
{
	struct key_buffer own;

	for (const struct entry *e = s->first[0]; e; e = entries_next(e)) {
		bool is_marker = s == &m->markers;
		if (!key_is_below(e->key, dir) || end_kind(e->meta.copy) != END_NONE ||
		    (is_marker && key_equal(e->key, marker_key(&own, dir))))
			continue;
		struct child *c = &m->children[m->count++];
		*c = (struct child){ .name = key_child(e->key, dir, &c->is_dir) };
		key_child(e->key, dir, &c->is_dir);
		if (!c->is_dir ||
		    (is_marker && c->name.bytes + c->name.size + 1 == e->key.bytes + e->key.size))
			c->meta.mode = e->meta.mode;
	}
}

static void search_all(struct model *m, struct key dir)
{
	size_t kept = 0;

	m->count = 0;
	search(m, &m->entries, dir);
	search(m, &m->markers, dir);
	qsort(m->children, m->count, sizeof(*m->children), compare);
	for (size_t i = 0; i < m->count; i++) {
		struct child *last = kept > 0 ? &m->children[kept - 1] : NULL;
		if (!last || compare(last, &m->children[i]) != 0)
			m->children[kept++] = m->children[i];
		else
			last->meta.mode |= m->children[i].meta.mode;
	}
	m->count = kept;
}

/* Lists what comes behind the first `from` children; ended entries go as they are met. */
static void expect_rest(struct model *m, struct key dir, size_t from)
{
	const struct child none = { .is_dir = false };
	const struct child *after = from > 0 ? &m->children[from - 1] : &none;
	struct children batch = { .count = 0 };
	struct entries_listing l;

	if (after->name.size == 0 && !after->is_dir)
		from = 0; /* an empty name starts */
	int rc = entries_list_start(&l, &m->entries, &m->markers, dir, after->name, after->is_dir);

	while (rc == 0 && (rc = entries_list(&l, (struct instant){ 1, 1 }, &batch)) == -EAGAIN) {
		entries_take(&m->entries, l.expired);
		entry_free(l.expired);
		rc = 0;
	}
	assert_int_equal(rc, 0);
	size_t count = m->count - from < CHILDREN_MAX ? m->count - from : CHILDREN_MAX;
	assert_int_equal(batch.count, count);
	assert_int_equal(batch.end, from + count == m->count);
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(compare(&batch.items[i], &m->children[from + i]), 0);
		assert_int_equal(batch.items[i].meta.mode, m->children[from + i].meta.mode);
	}
	children_fini(&batch);
}

static void a_merge_lists_what_a_search_finds(void **state)
{
	static struct model m;
	unsigned seed = 3;
	struct key_buffer buffer;

	(void)state;
	for (int round = 0; round < ROUNDS; round++) {
		fill(&m, &seed);
		for (int i = 0; i < 8; i++) {
			struct key dir = i == 0 ? KEY_ROOT : random_key(&seed, &buffer);
			dir.size = dir.size > 3 ? 3 : dir.size;
			if (!key_can_hold(dir))
				continue;
			search_all(&m, dir);
			expect_rest(&m, dir, 0);
			expect_rest(&m, dir, (size_t)rand_r(&seed) % (m.count + 1));
		}
		entries_fini(&m.entries);
		entries_fini(&m.markers);
	}
}

/* --- a stream that is not in order ------------------------------------------------------------ */

struct odd_stream {
	struct child_stream stream;
	const char *const *keys;
};

static int odd_seek(struct child_stream *stream, struct key at, bool is_near)
{
	struct odd_stream *s = (struct odd_stream *)stream;

	(void)at;
	(void)is_near;
	if (!*s->keys)
		return -ENOENT;
	stream->key = key_of(*s->keys++);
	return 0;
}

static int odd_describe(struct child_stream *stream, struct child *child)
{
	(void)child;
	return key_equal(stream->key, key_of("damaged")) ? -EBADMSG : 0;
}

static int list_odd(const char *const *keys, struct children *batch)
{
	struct odd_stream odd = { .stream = { .seek = odd_seek, .describe = odd_describe },
				  .keys = keys };
	struct child_stream *const streams[] = { &odd.stream };
	struct child_merge m = { .streams = streams, .count = 1 };

	assert_int_equal(child_merge_start(&m, KEY_ROOT, KEY_ROOT, false), 0);
	return child_merge_run(&m, batch);
}

static void a_stream_that_leads_back_ends_the_listing(void **state)
{
	static const char *const back[] = { "a", "b/c", "b/d", NULL }, *const same[] = { "a", "a",
											 NULL };
	struct children batch = { .count = 0 };

	(void)state;
	assert_int_equal(list_odd(back, &batch), -EUCLEAN);
	assert_int_equal(batch.count, 2);
	children_clear(&batch);
	assert_int_equal(list_odd(same, &batch), -EUCLEAN);
	children_fini(&batch);
}

static void what_is_damaged_is_passed_over(void **state)
{
	static const char *const keys[] = { "a", "damaged", "e", NULL };
	struct children batch = { .count = 0 };

	(void)state;
	assert_int_equal(list_odd(keys, &batch), 0);
	assert_int_equal(batch.count, 2);
	assert_true(batch.end);
	children_fini(&batch);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_merge_lists_what_a_search_finds),
		cmocka_unit_test(a_stream_that_leads_back_ends_the_listing),
		cmocka_unit_test(what_is_damaged_is_passed_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
