/*
 * Type "redis": entries as plain strings in a Redis server that other programs may share. This file
 * opens and closes the layer; redis/store.h has the map and the layout of the data in the server.
 */
#include "cache.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "redis/command.h"
#include "redis/dirs.h"
#include "redis/keys.h"
#include "redis/prefix.h"
#include "redis/scan.h"
#include "redis/upkeep.h"

/* --- opening and closing ---------------------------------------------------------------------- */

/* Of the server, for messages; and where its socket is, if it has one. */
static void place_name(struct redis *r)
{
	const struct redis_conf *c = r->conf;
	struct sockaddr_un unix_address = { .sun_family = AF_UNIX };
	struct redis_address address = { .size = sizeof(unix_address) };

	if (!c->unix_socket_path) {
		snprintf(r->said.place, sizeof(r->said.place), "%.100s:%llu", c->host,
			 (unsigned long long)c->port);
		return;
	}
	snprintf(r->said.place, sizeof(r->said.place), "%s", c->unix_socket_path);
	memcpy(unix_address.sun_path, c->unix_socket_path, strlen(c->unix_socket_path) + 1);
	memcpy(&address.bytes, &unix_address, sizeof(unix_address));
	redis_pool_set_address(&r->pool, &address);
}

static int set_names(struct redis *r)
{
	static const char index[] = "cachefs:index:", dirs[] = "cachefs:dirs:";
	const char *prefix = r->conf->key_prefix;
	int size = asprintf(&r->names, "%s%s%s%s", index, prefix, dirs, prefix);

	if (size < 0) {
		r->names = NULL;
		return -ENOMEM;
	}
	size_t index_size = sizeof(index) - 1 + strlen(prefix);
	r->prefix = key_of(prefix);
	r->index = key_make(r->names, index_size);
	r->dirs = key_make(r->names + index_size, (size_t)size - index_size);
	return 0;
}

static void redis_free(struct redis *r)
{
	redis_prober_fini(&r->prober);
	redis_pool_fini(&r->pool);
	redis_secret_fini(&r->secret);
	redis_server_fini(&r->server);
	rollback_fini(&r->rollback);
	breaker_fini(&r->breaker);
	free(r->names);
	free(r);
}

static int redis_open(const void *conf, const struct backend_env *env, void **state,
		      struct problem *problem)
{
	int rc = redis_check(conf, problem);
	if (rc < 0)
		return rc;
	struct redis *r = calloc(1, sizeof(*r));
	if (!r)
		return problem_set(problem, NULL, NULL, "out of memory");
	r->conf = conf;
	r->env = env;
	r->opened = time_now();
	r->opened_ms = time_mono_ms(env->time);
	r->said.layer_name = env->layer_name;
	breaker_init(&r->breaker, "redis", env->layer_name, env->time);
	redis_secret_init(&r->secret, r->conf);
	redis_server_init(&r->server, env, &r->rollback);
	redis_prober_init(&r->prober);
	rc = redis_pool_init(&r->pool, r->conf->max_connections, &r->breaker);
	place_name(r);
	if (rc == 0)
		rc = redis_secret_read(&r->secret);
	if (rc == 0)
		rc = rollback_init(&r->rollback);
	if (rc == 0)
		rc = set_names(r);
	if (rc == 0)
		rc = redis_upkeep_start(r);
	if (rc < 0) {
		redis_free(r);
		return problem_set(problem, NULL, NULL, "cannot start: %s", strerror(-rc));
	}
	*state = r;
	return 0;
}

static void redis_close(void *state)
{
	struct redis *r = state;

	redis_upkeep_stop(r);
	redis_free(r);
}

/* --- the rest --------------------------------------------------------------------------------- */

static void redis_ending(void *state)
{
	struct redis *r = state;

	atomic_store(&r->ending_ms, time_mono_ms(r->env->time));
}

static bool redis_kept_all(void *state, int64_t since_ms)
{
	struct redis *r = state;
	struct redis_call call;

	if (redis_call_begin(&call, r, REDIS_READS) < 0 ||
	    redis_call_end(&call, redis_info_read(&r->server, call.link, NULL)) < 0)
		return false;
	return redis_server_kept_all(&r->server, since_ms);
}

/* How durable an acknowledged set is, is the server's configuration. */
static int redis_sync(void *state)
{
	struct redis *r = state;

	return breaker_is(&r->breaker) == BREAKER_UP ? 0 : -EHOSTDOWN;
}

static void redis_usage(void *state, struct layer_usage *usage)
{
	struct redis *r = state;
	struct redis_call call;
	int64_t entries;

	if (redis_call_begin(&call, r, REDIS_READS) == 0) {
		REDIS_COMMAND(&call, redis_word("ZCARD"), redis_bytes(r->index));
		int rc = redis_expect_number(&call, "ZCARD", &entries);
		if (rc == 0)
			atomic_store(&r->entries, (uint64_t)entries);
		redis_call_end(&call, rc);
	}
	*usage = (struct layer_usage){
		.entries = atomic_load(&r->entries),
		.bytes = atomic_load(&r->server.bytes),
		.max_bytes = atomic_load(&r->server.max_bytes),
	};
	enum breaker_state is = breaker_state(&r->breaker, usage->trouble);
	usage->down = is == BREAKER_DOWN;
	if (is == BREAKER_UNKNOWN)
		strcpy(usage->trouble, "connecting");
	else if (is == BREAKER_UP && atomic_load(&r->said.refuses_writes))
		strcpy(usage->trouble, "takes no sets");
}

static int redis_foresee(void *state, struct key key, uint64_t size)
{
	struct redis *r = state;

	(void)key;
	if (size > REDIS_VALUE_MAX)
		return -EFBIG;
	return breaker_is(&r->breaker) == BREAKER_DOWN ? -EHOSTDOWN : 0;
}

const struct backend backend_redis = {
	.type = "redis",
	.options = redis_options,
	.conf_size = sizeof(struct redis_conf),
	.durable = true,
	.remote = true,
	.revalidate_ms = 1000,
	.check = redis_check,
	.places = redis_places,
	.open = redis_open,
	.close = redis_close,
	.ending = redis_ending,
	.stat = redis_stat,
	.get = redis_get,
	.peek = redis_peek,
	.revalidate = redis_revalidate,
	.kept_all = redis_kept_all,
	.set = redis_set,
	.foresee = redis_foresee,
	.touch = redis_touch,
	.remove = redis_remove,
	.remove_prefix = redis_remove_prefix,
	.remove_unreachable = redis_remove_unreachable,
	.rename = redis_rename,
	.rename_prefix = redis_rename_prefix,
	.check_rename_prefix = redis_check_rename_prefix,
	.list = redis_list,
	.dir_stat = redis_dir_stat,
	.dir_set = redis_dir_set,
	.dir_remove = redis_dir_remove,
	.sync = redis_sync,
	.usage = redis_usage,
};
