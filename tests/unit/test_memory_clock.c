/* The thread of type "ttl" that looks for expired entries, by a clock that only the test moves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>

#include "base/lock.h"
#include "base/log.h"
#include "memory/store.h"
#include "registry.h"

static const struct backend *ttl; /* of the registry */

enum { HOUR_MS = 3600 * 1000 };

static atomic_int_fast64_t now_ms = 1000;

static int64_t clock_ms(void *self)
{
	(void)self;
	return atomic_load(&now_ms);
}

static const struct time_source the_clock = { clock_ms, clock_ms, clock_ms, NULL };

static struct {
	struct lock lock;
	pthread_cond_t more;
	int count;
} gone;

static void note_gone(void *self, struct key key)
{
	(void)self;
	assert_true(key_equal(key, key_of("soon")));
	lock_take(&gone.lock);
	gone.count++;
	pthread_cond_signal(&gone.more);
	lock_release(&gone.lock);
}

static const struct backend_env env = { "test", &the_clock, true, note_gone, NULL, NULL };

static void put_until(void *layer, const char *key, int64_t expires_ms)
{
	struct value *value = value_copy("v", 1);
	struct meta meta = { .size = 1 };

	if (expires_ms > 0)
		meta.copy = meta.own = end_make(END_MOMENT, expires_ms);
	assert_int_equal(value_checksum(value, &meta.checksum), 0);
	assert_int_equal(ttl->set(layer, key_of(key), value, &meta), 0);
	value_unref(value);
}

static void expired_entries_leave_without_an_operation(void **state)
{
	const struct memory_conf conf = { .cleanup_ms = HOUR_MS };
	struct problem problem = { 0 };
	struct layer_usage usage;
	void *layer;

	(void)state;
	assert_int_equal(ttl->open(&conf, &env, &layer, &problem), 0);
	put_until(layer, "kept", 0);
	put_until(layer, "soon", atomic_load(&now_ms) + 1);

	/* Hour after hour: the thread counts its own from when it began to wait. */
	lock_take(&gone.lock);
	while (gone.count == 0) {
		struct deadline soon = deadline_in(&time_system, 10);
		atomic_fetch_add(&now_ms, HOUR_MS);
		condition_wait_until(&gone.more, &gone.lock, &soon);
	}
	lock_release(&gone.lock);
	ttl->usage(layer, &usage);
	assert_int_equal(usage.entries, 1);
	assert_int_equal(usage.expiries, 1);
	ttl->close(layer); /* at once, although an hour is not over */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(expired_entries_leave_without_an_operation),
	};

	log_set_level(LOG_LEVEL_ERROR);
	ttl = backend_find("ttl");
	lock_init(&gone.lock, RANK_LAYER_INNER);
	condition_init(&gone.more);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
