/* See stack_fixture.h. */
#include "stack_fixture.h"
#include "kit/marker.h"
#include "registry.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

enum { WAIT_MS = 20000, POLL_MS = 5, PAUSE_MS = 2000 };

static void on_gone(void *self, struct key key)
{
	(void)self;
	(void)key;
}

/* --- the clock -------------------------------------------------------------------------------- */

static int64_t wall_ms(void *self)
{
	(void)self;
	return time_wall_ms(&time_system);
}

static int64_t steady_ms(void *self)
{
	(void)self;
	return time_steady_ms(&time_system);
}

static int64_t mono_ms(void *self)
{
	struct stack_fixture *s = self;
	int64_t stopped_ms = atomic_load(&s->stopped_ms);

	return (stopped_ms ? stopped_ms : time_mono_ms(&time_system)) + atomic_load(&s->ahead_ms);
}

void stack_advance(struct stack_fixture *s, int64_t ms)
{
	atomic_fetch_add(&s->ahead_ms, ms);
}

void stack_stop_clock(struct stack_fixture *s)
{
	atomic_store(&s->stopped_ms, time_mono_ms(&time_system));
}

/* --- opening ---------------------------------------------------------------------------------- */

static void *below_conf(const struct stack_fixture *s, const struct backend *backend, size_t i)
{
	struct option_place place = { .base_dir = s->dir, .owner = "test" };
	void *conf = calloc(1, backend->conf_size);
	const struct option_set sets[] = { { .specs = backend->options, .conf = conf }, { 0 } };
	struct problems problems = { 0 };
	char text[64] = "{}";

	assert_int_equal(options_default(backend->options, &place, conf), 0);
	if (backend->durable)
		snprintf(text, sizeof(text), "{\"path\": \"%zu.sqlite\"}", i);
	cJSON *json = cJSON_Parse(text);
	assert_int_equal(options_parse(sets, json, &place, &problems), 0);
	cJSON_Delete(json);
	return conf;
}

void stack_setup(struct stack_fixture *s, size_t count, enum write_strategy strategy)
{
	static const char *const names[STACK_LAYERS] = { "memory", "near", "far" };

	memset(s, 0, sizeof(*s));
	s->time = (struct time_source){ wall_ms, steady_ms, mono_ms, s };
	/* In memory if possible: most of the time would be fsync's. */
	snprintf(s->dir, sizeof(s->dir), "%s/cachefs-stack.XXXXXX",
		 access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	assert_non_null(mkdtemp(s->dir));
	snprintf(s->state_dir, sizeof(s->state_dir), "%s/state", s->dir);
	for (size_t i = 0; i < count; i++) {
		const struct backend *below = backend_find(i == 0 ? "memory" : "disk");
		s->faults[i] = (struct fault_conf){ below, below_conf(s, below, i), &s->plans[i] };
		s->specs[i] = (struct layer_spec){
			.backend = i == 0 ? &backend_fault_volatile : &backend_fault_durable,
			.name = (char *)(uintptr_t)names[i],
			.common = { .default_ttl_ms = -1,
				    .max_ttl_ms = -1,
				    .copy_on_get = true,
				    .stats_enabled = true },
			.conf = &s->faults[i],
		};
	}
	s->conf = (struct cache_conf){
		.layers = s->specs,
		.layer_count = count,
		.write_strategy = strategy,
		.state_dir = s->state_dir,
		.journal_max_bytes = 64 << 20,
		.journal_wait_ms = 200,
		.drain_timeout_ms = 10000,
	};
	stack_open(s);
}

void stack_open(struct stack_fixture *s)
{
	static const struct layered_events events = { on_gone, NULL };
	struct problem problem = { 0 };

	if (layered_open(&s->conf, &s->time, &events, &s->cache, &problem) < 0)
		fail_msg("%s: %s (%s)", problem.place, problem.message, problem.hint);
}

void stack_close(struct stack_fixture *s)
{
	if (s->cache)
		layered_close(s->cache);
	s->cache = NULL;
}

void stack_reopen(struct stack_fixture *s)
{
	stack_close(s);
	stack_open(s);
}

void stack_teardown(struct stack_fixture *s)
{
	char command[128];

	stack_close(s);
	for (size_t i = 0; i < s->conf.layer_count; i++) {
		options_fini(s->faults[i].below->options, s->faults[i].below_conf);
		free(s->faults[i].below_conf);
	}
	snprintf(command, sizeof(command), "rm -rf %s", s->dir);
	assert_int_equal(system(command), 0);
}

/* --- changes ---------------------------------------------------------------------------------- */

struct setting {
	const char *text;
	int64_t expires_ms;
};

static int prepare(void *self, const struct meta *now, struct value **value, struct meta *meta)
{
	const struct setting *s = self;

	*value = value_copy(s->text, strlen(s->text));
	meta->mode = S_IFREG | 0644;
	meta->ino = 1;
	meta->version = now ? now->version + 1 : 1;
	if (s->expires_ms != 0)
		meta->own = end_make(END_MOMENT, s->expires_ms);
	return *value ? 0 : -ENOMEM;
}

static void done(void *self, int rc, const struct meta *stored)
{
	(void)self;
	(void)rc;
	(void)stored;
}

int stack_set_ttl(struct stack_fixture *s, const char *key, const char *text, int64_t ttl_ms)
{
	struct setting setting = { text, ttl_ms ? time_wall_ms(&time_system) + ttl_ms : 0 };
	struct layered_change change = { prepare, done, &setting };

	return layered_set(s->cache, key_of(key), &change);
}

int stack_set(struct stack_fixture *s, const char *key, const char *text)
{
	return stack_set_ttl(s, key, text, 0);
}

int stack_remove(struct stack_fixture *s, const char *key)
{
	return layered_remove(s->cache, key_of(key), NULL);
}

int stack_remove_prefix(struct stack_fixture *s, const char *dir)
{
	struct key_buffer below;
	int rc = layered_remove_prefix(s->cache, marker_key(&below, key_of(dir)), NULL);

	return rc == -ENOENT ? 0 : rc;
}

int stack_rename(struct stack_fixture *s, const char *from, const char *to)
{
	return layered_rename(s->cache, key_of(from), key_of(to), NULL);
}

int stack_rename_prefix(struct stack_fixture *s, const char *from, const char *to)
{
	return layered_rename_prefix(s->cache, key_of(from), key_of(to), NULL);
}

/* --- looking ---------------------------------------------------------------------------------- */

static char *text_of(struct value *value)
{
	size_t size = (size_t)value_size(value);
	char *text = malloc(size + 1);

	assert_non_null(text);
	assert_int_equal(value_read(value, text, size, 0), size);
	text[size] = '\0';
	value_unref(value);
	return text;
}

char *stack_get(struct stack_fixture *s, const char *key)
{
	struct value *value = NULL;
	struct meta meta = { 0 };

	if (layered_get(s->cache, key_of(key), GET_COUNTED, &value, &meta) < 0)
		return NULL;
	meta_fini(&meta);
	return text_of(value);
}

void stack_expect(struct stack_fixture *s, const char *key, const char *text)
{
	char *got = stack_get(s, key);

	if (!got)
		fail_msg("%s: expected \"%s\", got a miss", key, text);
	assert_string_equal(got, text);
	free(got);
}

char *stack_list(struct stack_fixture *s, const char *dir)
{
	struct children *batch = calloc(1, sizeof(*batch));
	char *text = calloc(1, 65536);
	struct listing_place at = { .after_is_dir = false };

	assert_true(batch && text);
	do {
		children_clear(batch);
		assert_int_equal(layered_list(s->cache, key_of(dir),
					      key_make(at.after.bytes, at.after.size),
					      at.after_is_dir, batch),
				 0);
		for (size_t i = 0; i < batch->count; i++) {
			const struct child *c = &batch->items[i];
			size_t used = strlen(text);
			snprintf(text + used, 65536 - used, "%s%.*s%s", used ? " " : "",
				 (int)c->name.size, c->name.bytes, c->is_dir ? "/" : "");
		}
		if (!batch->end)
			children_note_place(batch, &at);
	} while (!batch->end);
	children_fini(batch);
	free(batch);
	return text;
}

static bool is_listed(struct stack_fixture *s, const char *key)
{
	struct key parent = key_parent(key_of(key));
	char *dir = key_copy(parent), *names = stack_list(s, dir), *save = NULL;
	const char *name = key + (parent.size > 0 ? parent.size + 1 : 0);
	bool found = false;

	for (char *word = strtok_r(names, " ", &save); word; word = strtok_r(NULL, " ", &save))
		found |= strcmp(word, name) == 0;
	free(names);
	free(dir);
	return found;
}

void stack_expect_miss(struct stack_fixture *s, const char *key)
{
	struct meta meta = { 0 };
	char *got = stack_get(s, key);

	if (got)
		fail_msg("%s: expected a miss, got \"%s\"", key, got);
	if (layered_stat(s->cache, key_of(key), &meta) == 0)
		fail_msg("%s: expected a miss, stat found it", key);
	if (is_listed(s, key))
		fail_msg("%s: expected a miss, it is listed", key);
}

char *stack_disk_get(struct stack_fixture *s, size_t layer, const char *key)
{
	const struct backend *disk = s->faults[layer].below;
	struct backend_env env = { .layer_name = "look", .time = &time_system, .gone = on_gone };
	struct problem problem = { 0 };
	struct value *value = NULL;
	struct meta meta = { 0 };
	void *state = NULL;
	char *text = NULL;

	assert_null(s->cache);
	assert_int_equal(disk->open(s->faults[layer].below_conf, &env, &state, &problem), 0);
	if (disk->get(state, key_of(key), &value, &meta) == 0) {
		meta_fini(&meta);
		text = text_of(value);
	}
	disk->close(state);
	return text;
}

/* By name: the journal, where there is one, stands between the layers. */
static uint64_t left_to_tell(struct stack_fixture *s, const char *name)
{
	struct cache_stats stats;
	uint64_t left = 0;
	bool found = false;

	assert_int_equal(layered_stats(s->cache, &stats), 0);
	for (size_t i = 0; i < stats.layer_count; i++) {
		bool wanted = strcmp(stats.layers[i].name, name) == 0;
		if (wanted || strcmp(stats.layers[i].name, "journal") == 0)
			left += stats.layers[i].tombstones;
		found |= wanted;
	}
	free(stats.layers);
	assert_true(found);
	return left;
}

void stack_wait_told(struct stack_fixture *s, size_t layer)
{
	const char *name = s->specs[layer].name;

	for (int waited = 0; waited < WAIT_MS; waited += POLL_MS) {
		if (left_to_tell(s, name) == 0)
			return;
		stack_advance(s, PAUSE_MS);
		usleep(POLL_MS * 1000);
	}
	fail_msg("layer \"%s\" was never told what it missed", name);
}

void stack_state_exec(struct stack_fixture *s, const char *sql)
{
	char path[120];
	sqlite3 *db = NULL;

	snprintf(path, sizeof(path), "%s/state.sqlite", s->state_dir);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	sqlite3_busy_timeout(db, WAIT_MS);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

void stack_crash(struct stack_fixture *s, void (*body)(struct stack_fixture *s))
{
	int status = 0;

	stack_close(s); /* SQLite must not be carried across a fork */
	fflush(NULL);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		stack_open(s);
		body(s);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}
