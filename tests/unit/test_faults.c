/*
 * A row of changes over stacks of every write strategy, in which one call of a backend fails, or
 * ends the process: each in turn, until there is none left, with each kind of failure. Whatever was
 * acknowledged is there, at once, after a restart, and in each layer that has the key; nothing
 * hangs. LONG=1: every call (a sanitizer's build: each eighth); otherwise every few.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/log.h"
#include "stack_fixture.h"

enum { RUN_SECONDS = 120, WAIT_MS = 20000, MISS = 1 << 0 };

/* From one call that fails to the next. */
static int stride_wanted(void)
{
#ifdef __SANITIZE_ADDRESS__
	return getenv("LONG") ? 8 : 400; /* each run takes four times as long */
#else
	return getenv("LONG") ? 1 : 100;
#endif
}

static struct stack_fixture s;

/* --- the changes ------------------------------------------------------------------------------ */

enum kind {
	SET,
	TOUCH,
	MKDIR,
	REMOVE,
	RENAME,
	REMOVE_PREFIX,
	REMOVE_ANY,
	RENAME_PREFIX,
	SYNC,
	RESTART
};

static const struct change {
	enum kind kind;
	const char *key, *to; /* of a set: a digit, the value; of a mkdir, the last of the mode */
} changes[] = {
	{ SET, "a", "1" },
	{ SET, "d/x", "2" },
	{ SET, "d/y", "3" },
	{ SET, "a", "4" },
	{ RENAME, "a", "b" },
	{ SET, "c", "5" },
	{ REMOVE, "c", NULL },
	{ SET, "c", "6" },
	{ SYNC, NULL, NULL },
	{ RENAME, "c", "b" },
	{ RENAME_PREFIX, "d", "e" },
	{ SET, "d/x", "7" },
	{ REMOVE_PREFIX, "e", NULL },
	{ SET, "e/x", "8" },
	{ SET, "a", "9" },
	{ MKDIR, "f/", "1" },
	{ TOUCH, "a", NULL },
	{ MKDIR, "f/", "2" },
	{ RESTART, NULL, NULL }, /* memory is empty now, so gets promote */
	{ TOUCH, "e/x", NULL },
	{ RENAME_PREFIX, "f", "g" },
	{ MKDIR, "f/", "3" },
	{ RENAME, "e/x", "c" },
	{ REMOVE_PREFIX, "g", NULL },
	{ REMOVE_ANY, "d/", NULL },
	{ SET, "d/y", "1" },
	{ REMOVE_ANY, "f", NULL }, /* a marker */
	{ REMOVE_ANY, "d", NULL },
};

enum { CHANGES = sizeof(changes) / sizeof(changes[0]) };

/* With a slash behind it: a directory's marker. */
static const char *const keys[] = { "a", "b", "c", "d/x", "d/y", "e/x", "e/y", "f/", "g/" };

enum { KEYS = sizeof(keys) / sizeof(keys[0]) };

/* What a get of each key may find: bit n for the value n, MISS for none; and its mode. */
static unsigned may[KEYS];

enum { MODE_SET = 0644, MODE_TOUCHED = 0600 };

static mode_t may_mode[KEYS]; /* 0: either */

static size_t index_of(const char *key)
{
	for (size_t i = 0; i < KEYS; i++)
		if (strcmp(keys[i], key) == 0)
			return i;
	fail_msg("no key %s", key);
	return 0;
}

static bool is_below(const char *key, const char *dir)
{
	return key[0] == dir[0] && key[1] == '/';
}

static struct key dir_of(const char *marker)
{
	return key_make(marker, strlen(marker) - 1);
}

static int apply(const struct change *c)
{
	const struct meta mode = { .mode = S_IFREG | MODE_TOUCHED };

	switch (c->kind) {
	case SET:
		return stack_set(&s, c->key, c->to);
	case TOUCH:
		return layered_touch(s.cache, key_of(c->key), &mode, META_MODE, NULL);
	case MKDIR: {
		const struct meta made = { .mode = S_IFDIR | 0700 | (mode_t)(c->to[0] - '0') };
		return layered_dir_set(s.cache, dir_of(c->key), &made, NULL);
	}
	case REMOVE:
		return stack_remove(&s, c->key);
	case RENAME:
		return stack_rename(&s, c->key, c->to);
	case REMOVE_PREFIX:
		return stack_remove_prefix(&s, c->key);
	case REMOVE_ANY: /* all that begins with the key */
		return layered_remove_prefix(s.cache, key_of(c->key), NULL);
	case RENAME_PREFIX:
		return stack_rename_prefix(&s, c->key, c->to);
	case RESTART:
		stack_reopen(&s);
		return 0;
	case SYNC:
		break;
	}
	return layered_sync(s.cache);
}

static void expect_after_set(size_t i, unsigned value, int rc, bool unknown)
{
	if (rc == 0)
		may[i] = value;
	else if (unknown) /* the answer was lost, not the change */
		may[i] |= value | MISS;
}

/* Of a prefix, a key that was not there leaves the other as it is. */
static void expect_after_move(size_t from, size_t to, int rc, bool of_prefix)
{
	if (rc == 0 && of_prefix && (may[from] & MISS)) {
		may[to] |= may[from];
		may[from] = MISS;
	} else if (rc == 0 || rc == -ENOENT) {
		may[to] = rc == 0 ? may[from] & ~(unsigned)MISS : may[to];
		may[from] = MISS;
	} else {
		may[to] |= may[from];
		may[from] |= MISS;
	}
}

static void expect_mode_after(const struct change *c, int rc)
{
	for (size_t i = 0; i < KEYS; i++) {
		bool is_it = c->key && strcmp(keys[i], c->key) == 0;
		bool is_target = c->to && (strcmp(keys[i], c->to) == 0 || is_below(keys[i], c->to));
		if (is_it && c->kind == SET)
			may_mode[i] = rc == 0 ? MODE_SET : 0;
		if (is_it && c->kind == TOUCH)
			may_mode[i] = rc == 0 ? MODE_TOUCHED : 0;
		if (is_target && c->kind == RENAME)
			may_mode[i] = rc == 0 ? may_mode[index_of(c->key)] : 0;
		if (is_target && c->kind == RENAME_PREFIX)
			may_mode[i] = 0;
	}
}

/* hit: a call failed meanwhile; unknown: having done what it should. */
static void expect_after(const struct change *c, int rc, bool hit, bool unknown)
{
	char moved[8];

	if (rc == -ENOENT && hit)
		rc = -EIO; /* so little was known */
	expect_mode_after(c, rc);
	for (size_t i = 0; i < KEYS; i++) {
		bool is_it = c->key && strcmp(keys[i], c->key) == 0;
		bool below = c->kind == REMOVE_ANY ? strncmp(keys[i], c->key, strlen(c->key)) == 0
						   : c->key && is_below(keys[i], c->key);
		if ((c->kind == SET || c->kind == MKDIR) && is_it)
			expect_after_set(i, 1u << (c->to[0] - '0'), rc, unknown);
		else if ((c->kind == REMOVE && is_it) || (c->kind == REMOVE_PREFIX && below) ||
			 (c->kind == REMOVE_ANY && below))
			may[i] = rc == 0 || rc == -ENOENT ? MISS : may[i] | MISS;
		else if (c->kind == RENAME && is_it)
			expect_after_move(i, index_of(c->to), rc, false);
		if (c->kind != RENAME_PREFIX || !below)
			continue;
		snprintf(moved, sizeof(moved), "%s/%s", c->to, keys[i] + 2);
		expect_after_move(i, index_of(moved), rc, true);
	}
}

/* --- looking ---------------------------------------------------------------------------------- */

static bool has_hit(void)
{
	return atomic_load(&s.plans[0].hit);
}

/* Whether there are calls to fail yet that follow the first. */
static bool is_failing(void)
{
	const struct fault_plan *p = &s.plans[0];

	return has_hit() &&
	       atomic_load(&p->calls) < atomic_load(&p->fail_at) + atomic_load(&p->more);
}

static unsigned look_at_marker(const char *key, struct meta *meta)
{
	int rc = layered_dir_stat(s.cache, dir_of(key), meta);

	return rc == 0 && meta->mode != 0 ? 1u << (meta->mode & 7) : MISS;
}

static unsigned look_at_entry(const char *key, const char *when, struct meta *meta)
{
	struct value *value = NULL;
	char text[2] = "";

	if (layered_get(s.cache, key_of(key), GET_COUNTED, &value, meta) < 0)
		return MISS;
	if (value_size(value) == 1)
		assert_int_equal(value_read(value, text, 1, 0), 1);
	value_unref(value);
	if (text[0] < '1' || text[0] > '9')
		fail_msg("%s: %s is \"%s\"", when, key, text);
	return 1u << (text[0] - '0');
}

/* A get whose own call fails may miss. */
static unsigned look(const char *key, const char *when, mode_t *mode)
{
	unsigned found;
	bool again;

	do {
		bool failing = is_failing(), before = has_hit();
		struct meta meta = { 0 };
		found = key[strlen(key) - 1] == '/' ? look_at_marker(key, &meta)
						    : look_at_entry(key, when, &meta);
		again = found == MISS && (failing || before != has_hit());
		*mode = meta.mode & 07777;
		meta_fini(&meta);
	} while (again);
	return found;
}

static int add_holder(void *self, const char *layer, const struct meta *meta)
{
	char *holders = self;

	(void)meta;
	strncat(strcat(holders, " "), layer, 30);
	return 0;
}

static void check(const char *when, unsigned also)
{
	for (size_t i = 0; i < KEYS; i++) {
		mode_t mode = 0;
		unsigned found = look(keys[i], when, &mode);
		if (found != MISS && (found & may[i]) && may_mode[i] && mode != may_mode[i])
			fail_msg("%s: %s: mode %o, not %o", when, keys[i], mode, may_mode[i]);
		if (found & (may[i] | also))
			continue;
		char holders[256] = "";
		layered_visit_holders(s.cache, key_of(keys[i]), add_holder, holders);
		fail_msg("%s: %s: found %x, which is not of %x; held by %s", when, keys[i], found,
			 may[i], holders);
	}
}

static bool all_told(void)
{
	struct cache_stats stats;
	bool told = true;

	assert_int_equal(layered_stats(s.cache, &stats), 0);
	for (size_t i = 0; i < stats.layer_count; i++)
		told &= stats.layers[i].tombstones == 0;
	free(stats.layers);
	return told;
}

static void wait_until_told(const char *when)
{
	for (int waited = 0; !all_told(); waited += 5) {
		if (waited > WAIT_MS)
			fail_msg("%s: a layer is not told what it missed", when);
		stack_advance(&s, 2000); /* no pause is longer */
		usleep(5000);
	}
}

static void settle(const char *when)
{
	if (layered_flush(s.cache, KEY_ROOT, WAIT_MS) < 0)
		fail_msg("%s: what was owed is not written", when);
	wait_until_told(when);
}

/* --- one run ---------------------------------------------------------------------------------- */

struct run {
	enum write_strategy strategy;
	size_t layers;
	int error;
	bool applied; /* the call did what it should, and its answer was lost */
	int fail_at, more;
	char name[128];
};

static void setup(const struct run *r)
{
	stack_setup(&s, r->layers, r->strategy);
	stack_close(&s);
	for (size_t i = 0; i < r->layers; i++)
		s.faults[i].plan = &s.plans[0]; /* one count over all of them */
	stack_open(&s);
	atomic_store(&s.plans[0].error, r->error);
	atomic_store(&s.plans[0].applied, r->applied);
	atomic_store(&s.plans[0].calls, 0);
	atomic_store(&s.plans[0].fail_at, r->fail_at);
	atomic_store(&s.plans[0].more, r->more);
	for (size_t i = 0; i < KEYS; i++) {
		may[i] = MISS;
		may_mode[i] = 0;
	}
}

static void change_all(const struct run *r)
{
	char when[200];

	for (size_t i = 0; i < CHANGES; i++) {
		bool failing = is_failing(), before = has_hit();
		int rc = apply(&changes[i]);
		bool hit = failing || before != has_hit();
		snprintf(when, sizeof(when), "%s, change %zu (%s)", r->name, i, strerror(-rc));
		if (rc != 0 && rc != -ENOENT && !has_hit())
			fail_msg("%s: failed by itself", when);
		expect_after(&changes[i], rc, hit, r->applied && hit);
		/* The journal moved what it has; what a layer that was away holds is missed until
		 * it has moved as well. */
		if (hit && rc == 0 && changes[i].kind == RENAME_PREFIX && r->error == -EHOSTDOWN &&
		    r->strategy == WRITE_BACK) {
			check(when, MISS);
			wait_until_told(when);
		}
		check(when, 0);
	}
}

/* Each layer by itself: what it has is right. */
static void check_layers(const struct run *r)
{
	char when[200];

	stack_close(&s);
	for (size_t i = 0; i < r->layers; i++)
		s.faults[i].plan = &s.plans[i];
	memset(s.plans, 0, sizeof(s.plans));
	for (size_t only = 1; only < r->layers; only++) {
		for (size_t i = 1; i < r->layers; i++)
			atomic_store(&s.plans[i].down, i != only);
		snprintf(when, sizeof(when), "%s, layer %zu alone", r->name, only);
		stack_reopen(&s);
		check(when, MISS);
	}
}

/* Whether the call came. */
static bool run_once(struct run *r)
{
	static const char *const strategies[] = { "write_through", "write_back", "write_around" };
	char when[200];

	snprintf(r->name, sizeof(r->name), "%s, %zu layers, calls %d to %d: %s%s",
		 strategies[r->strategy], r->layers, r->fail_at, r->fail_at + r->more,
		 strerror(-r->error), r->applied ? ", done" : "");
	alarm(RUN_SECONDS);
	setup(r);
	change_all(r);
	bool hit = has_hit();
	atomic_store(&s.plans[0].fail_at, 0);
	snprintf(when, sizeof(when), "%s, settled", r->name);
	settle(when);
	check(when, 0);
	stack_reopen(&s);
	snprintf(when, sizeof(when), "%s, restarted", r->name);
	check(when, 0);
	check_layers(r);
	stack_teardown(&s);
	alarm(0);
	return hit;
}

/* --- crashes ---------------------------------------------------------------------------------- */

/* What the process that crashes has been told, in memory that outlives it. */
static struct acknowledged {
	int rcs[CHANGES];
	size_t count;
	bool hit; /* by a call that only reads: it went on */
	bool over;
} * acknowledged;

static const struct run *crash_run;

static void change_until_crash(struct stack_fixture *f)
{
	struct fault_plan *p = &f->plans[0];

	atomic_store(&p->error, -EIO);
	atomic_store(&p->applied, crash_run->applied);
	atomic_store(&p->calls, 0);
	atomic_store(&p->crash, true);
	atomic_store(&p->fail_at, crash_run->fail_at);
	for (size_t i = 0; i < CHANGES; i++) {
		int rc = apply(&changes[i]);
		acknowledged->hit = has_hit();
		acknowledged->rcs[i] = rc;
		acknowledged->count = i + 1;
	}
	acknowledged->over = !has_hit();
}

static bool crash_once(struct run *r)
{
	char when[200];

	snprintf(r->name, sizeof(r->name), "strategy %d, %zu layers, crash at call %d%s",
		 r->strategy, r->layers, r->fail_at, r->applied ? ", done" : "");
	alarm(RUN_SECONDS);
	setup(r);
	atomic_store(&s.plans[0].fail_at, 0);
	memset(acknowledged, 0, sizeof(*acknowledged));
	crash_run = r;
	stack_crash(&s, change_until_crash);
	for (size_t i = 0; i < CHANGES && i <= acknowledged->count; i++) {
		bool known = i < acknowledged->count;
		expect_after(&changes[i], known ? acknowledged->rcs[i] : -EIO,
			     !known || acknowledged->hit, !known);
	}
	stack_open(&s);
	snprintf(when, sizeof(when), "%s, restarted", r->name);
	check(when, 0);
	settle(when);
	check(when, 0);
	check_layers(r);
	stack_teardown(&s);
	alarm(0);
	return !acknowledged->over;
}

static void crash_each(enum write_strategy strategy, size_t layers)
{
	int stride = stride_wanted(), crashes = 0;

	acknowledged = mmap(NULL, sizeof(*acknowledged), PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(acknowledged != MAP_FAILED);
	for (int applied = 0; applied < 2; applied++) {
		struct run r = { .strategy = strategy,
				 .layers = layers,
				 .applied = applied,
				 .fail_at = 1 + applied * stride / 2 };
		for (; crash_once(&r); r.fail_at += stride)
			crashes++;
	}
	munmap(acknowledged, sizeof(*acknowledged));
	print_message("%d crashes\n", crashes);
}

static void crashes(void **state)
{
	(void)state;
	crash_each(WRITE_BACK, 2);
	crash_each(WRITE_BACK, 3);
	crash_each(WRITE_THROUGH, 3);
}

static void run_each(enum write_strategy strategy, size_t layers)
{
	static const struct {
		int error;
		bool applied;
		int more;
	} failures[] = { { -EIO, false, 0 },
			 { -ENOSPC, false, 0 },
			 { -EHOSTDOWN, false, 0 },
			 { -EHOSTDOWN, false, 3 },
			 { -EHOSTDOWN, true, 0 } };
	int stride = stride_wanted(), calls = 0;

	for (size_t i = 0; i < sizeof(failures) / sizeof(failures[0]); i++) {
		struct run r = { .strategy = strategy,
				 .layers = layers,
				 .error = failures[i].error,
				 .applied = failures[i].applied,
				 .more = failures[i].more,
				 .fail_at = 1 + (int)i * stride / 5 };
		for (; run_once(&r); r.fail_at += stride)
			calls++;
	}
	print_message("%d calls made to fail\n", calls);
}

static void write_through(void **state)
{
	(void)state;
	run_each(WRITE_THROUGH, 2);
	run_each(WRITE_THROUGH, 3);
}

static void write_around(void **state)
{
	(void)state;
	run_each(WRITE_AROUND, 2);
	run_each(WRITE_AROUND, 3);
}

static void write_back(void **state)
{
	(void)state;
	run_each(WRITE_BACK, 2);
	run_each(WRITE_BACK, 3);
}

/* With an argument: the test of that name. */
int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(write_through),
		cmocka_unit_test(write_around),
		cmocka_unit_test(write_back),
		cmocka_unit_test(crashes),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	log_set_level(LOG_LEVEL_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
