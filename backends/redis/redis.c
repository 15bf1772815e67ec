/*
 * Type "redis": entries as plain strings in a Redis server that other programs may share. Here are
 * the options and the operations on one key; redis/store.h has the map and how it lies in the
 * server.
 */
#include "redis/redis.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "kit/cursor.h"
#include "base/log.h"
#include "redis/look.h"
#include "redis/store.h"

static const struct option_spec redis_options[] = {
	{ .name = "host",
	  .type = OPT_STRING,
	  .offset = offsetof(struct redis_conf, host),
	  .def = "\"localhost\"",
	  .doc = "name or address of the server" },
	{ .name = "port",
	  .type = OPT_COUNT,
	  .offset = offsetof(struct redis_conf, port),
	  .def = "6379",
	  .min = 1,
	  .max = 65535,
	  .doc = "its TCP port" },
	{ .name = "db",
	  .type = OPT_COUNT,
	  .offset = offsetof(struct redis_conf, db),
	  .def = "0",
	  .max = 1000000,
	  .doc = "number of the database in it" },
	{ .name = "unix_socket_path",
	  .type = OPT_PATH,
	  .offset = offsetof(struct redis_conf, unix_socket_path),
	  .def = "null",
	  .nullable = true,
	  .doc = "the server's UNIX socket; then host and port are not used" },
	{ .name = "username",
	  .type = OPT_STRING,
	  .offset = offsetof(struct redis_conf, username),
	  .def = "null",
	  .nullable = true,
	  .doc = "user to log in as; the server's default user without it" },
	{ .name = "password",
	  .type = OPT_SECRET,
	  .offset = offsetof(struct redis_conf, password),
	  .def = "null",
	  .nullable = true,
	  .doc = "password; never shown" },
	{ .name = "password_file",
	  .type = OPT_PATH,
	  .offset = offsetof(struct redis_conf, password_file),
	  .def = "null",
	  .nullable = true,
	  .doc = "file whose first line is the password; read again whenever the server was away" },
	{ .name = "password_env",
	  .type = OPT_STRING,
	  .offset = offsetof(struct redis_conf, password_env),
	  .def = "null",
	  .nullable = true,
	  .doc = "environment variable that holds the password" },
	{ .name = "socket_timeout",
	  .type = OPT_SECONDS,
	  .offset = offsetof(struct redis_conf, socket_timeout_ms),
	  .def = "5",
	  .min = 0.001,
	  .max = 3600,
	  .zero_is_default = true,
	  .doc = "how long a call may take, in seconds; then the layer is down" },
	{ .name = "socket_connect_timeout",
	  .type = OPT_SECONDS,
	  .offset = offsetof(struct redis_conf, connect_timeout_ms),
	  .def = "5",
	  .min = 0.001,
	  .max = 3600,
	  .zero_is_default = true,
	  .doc = "how long connecting may take, in seconds" },
	{ .name = "max_connections",
	  .type = OPT_COUNT,
	  .offset = offsetof(struct redis_conf, max_connections),
	  .def = "50",
	  .min = 1,
	  .max = 10000,
	  .doc = "the most connections at once" },
	{ .name = "key_prefix",
	  .type = OPT_STRING,
	  .offset = offsetof(struct redis_conf, key_prefix),
	  .def = "\"accuralai:cache:\"",
	  .doc = "what the names of all values begin with" },
	{ .name = "decode_responses",
	  .type = OPT_BOOL,
	  .offset = offsetof(struct redis_conf, decode_responses),
	  .def = "false",
	  .doc = "accepted, without effect: values are bytes" },
	{ .name = "foreign_writers",
	  .type = OPT_BOOL,
	  .offset = offsetof(struct redis_conf, foreign_writers),
	  .def = "true",
	  .doc = "serve what other programs wrote; false: that is a miss" },
	{ 0 },
};

/* --- opening and closing ---------------------------------------------------------------------- */

/* Of what people write there, what is neither a name nor an address. A URL may hold a password, so
 * nothing of it is shown. */
static int check_host(const char *host, struct problem *problem)
{
	const char *colon = strchr(host, ':');

	if (strstr(host, "://"))
		return problem_set(problem, "host",
				   "write the parts of redis://USERNAME:PASSWORD@HOST:PORT/DB as "
				   "\"username\", \"password\", \"host\", \"port\" and \"db\"",
				   "a URL, not the name of a host");
	if (host[0] == '/')
		return problem_set(problem, "host", "write it as \"unix_socket_path\"",
				   "a path, not the name of a host");
	if (colon && colon[1 + strspn(colon + 1, "0123456789")] == '\0')
		return problem_set(problem, "host", "write \"port\" beside it",
				   "a host with a port");
	return host[0] ? 0 : problem_set(problem, "host", NULL, "no host");
}

static int redis_check(const void *conf, struct problem *problem)
{
	const struct redis_conf *c = conf;
	struct stat st;

	if (!c->unix_socket_path && check_host(c->host, problem) < 0)
		return -EINVAL;
	if ((c->password != NULL) + (c->password_file != NULL) + (c->password_env != NULL) > 1)
		return problem_set(problem, "password", "keep one of them",
				   "more than one of password, password_file and password_env");
	if (c->password_file && access(c->password_file, R_OK) < 0)
		return problem_set(problem, "password_file", NULL, "cannot read %s: %s",
				   c->password_file, strerror(errno));
	if (c->password_file && stat(c->password_file, &st) == 0 && S_ISREG(st.st_mode) &&
	    (st.st_mode & 0044u))
		log_warning("%s: other users can read the password in it: chmod 600 it",
			    c->password_file);
	if (c->password_env && !getenv(c->password_env))
		return problem_set(problem, "password_env", "set it where cachefs is started",
				   "the environment has no %s", c->password_env);
	if (c->username && !c->password && !c->password_file && !c->password_env)
		return problem_set(problem, "username", "add password_file or password_env",
				   "a username without a password");
	if (c->unix_socket_path &&
	    strlen(c->unix_socket_path) >= sizeof(((struct sockaddr_un *)NULL)->sun_path))
		return problem_set(problem, "unix_socket_path", NULL,
				   "longer than the 107 bytes of a socket's path");
	return 0;
}

/* One server under several names is not seen for one, but for the usual names of this host. */
static size_t redis_places(const void *conf, struct store_place places[STORE_PLACES_MAX])
{
	const struct redis_conf *c = conf;
	const char *host = c->host;

	if (strcasecmp(host, "localhost") == 0 || strcmp(host, "::1") == 0)
		host = "127.0.0.1";
	places[0] = (struct store_place){ .option = "key_prefix", .prefix = c->key_prefix };
	if (c->unix_socket_path) {
		snprintf(places[0].path, sizeof(places[0].path), "%s", c->unix_socket_path);
		host = "";
	}
	int size = snprintf(places[0].server, sizeof(places[0].server), "%.250s:%llu/%llu", host,
			    *host ? (unsigned long long)c->port : 0, (unsigned long long)c->db);
	for (int i = 0; i < size && i < (int)sizeof(places[0].server); i++)
		places[0].server[i] = (char)tolower((unsigned char)places[0].server[i]);
	return 1;
}

static void place_name(struct redis *r)
{
	const struct redis_conf *c = r->conf;
	struct sockaddr_un unix_address = { .sun_family = AF_UNIX };

	if (!c->unix_socket_path) {
		snprintf(r->place, sizeof(r->place), "%.100s:%llu", c->host,
			 (unsigned long long)c->port);
		return;
	}
	snprintf(r->place, sizeof(r->place), "%s", c->unix_socket_path);
	memcpy(unix_address.sun_path, c->unix_socket_path, strlen(c->unix_socket_path) + 1);
	memcpy(&r->address.bytes, &unix_address, sizeof(unix_address));
	r->address.size = sizeof(unix_address);
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
	redis_pool_clear(r);
	redis_secret_free(r->secret);
	free(r->names);
	free(r->lost);
	rollback_fini(&r->rollback);
	breaker_fini(&r->breaker);
	pthread_cond_destroy(&r->returned);
	lock_fini(&r->pool);
	lock_fini(&r->upkeep);
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
	r->opened_ms = time_mono_ms(&time_system);
	breaker_init(&r->breaker, "redis", env->layer_name, env->time);
	lock_init(&r->pool, RANK_LAYER_INNER);
	lock_init(&r->upkeep, RANK_LAYER);
	condition_init(&r->returned);
	place_name(r);
	r->lost_max = 2 * r->conf->max_connections;
	r->lost = calloc(r->lost_max, sizeof(*r->lost));
	rc = r->lost ? redis_secret_read(r) : -ENOMEM;
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

/* --- one key ---------------------------------------------------------------------------------- */

static int redis_stat(void *state, struct key key, struct meta *meta)
{
	struct redis_seen seen = { 0 };
	int rc = redis_find(state, key, REDIS_LOOK_SIZE, &seen);

	if (rc == 0)
		*meta = seen.meta;
	return rc;
}

static int redis_get(void *state, struct key key, struct value **value, struct meta *meta)
{
	struct redis_seen seen = { 0 };
	int rc = redis_find(state, key, REDIS_LOOK_GET, &seen);

	if (rc == 0) {
		*meta = seen.meta;
		*value = seen.value;
	}
	return rc;
}

static int redis_peek(void *state, struct key key, struct value **value, struct meta *meta)
{
	struct redis_seen seen = { 0 };
	int rc = redis_peek_at(state, key, &seen);

	if (rc == 0) {
		*meta = seen.meta;
		*value = seen.value;
	}
	return rc;
}

/*
 * A foreign SET leaves the member as it was, and may keep length and expiry too. So the bytes are
 * read again and their checksum decides; without foreign writers the member alone does.
 */
static int redis_revalidate(void *state, struct key key, const struct meta *meta)
{
	struct redis *r = state;
	struct redis_seen seen = { 0 };
	int rc = redis_find(r, key, r->conf->foreign_writers ? REDIS_LOOK_VALUE : REDIS_LOOK_SIZE,
			    &seen);

	if (rc < 0)
		return rc;
	bool same = meta_is_copy(meta, &seen.meta);
	redis_seen_fini(&seen);
	return same ? 0 : -ESTALE;
}

static bool has_name(const struct redis *r, struct key key, struct key name)
{
	size_t head = r->prefix.size;

	return head + key.size == name.size && memcmp(name.bytes, r->prefix.bytes, head) == 0 &&
	       memcmp(name.bytes + head, key.bytes, key.size) == 0;
}

/* Whether the value would have the name of one of the sets beside the values, as it could without a
 * prefix, or with one like "cachefs:". */
static bool is_reserved(const struct redis *r, struct key key)
{
	return has_name(r, key, r->index) || has_name(r, key, r->dirs);
}

/* Gathers when the value expires; 0: a SET has cleared it already. Returns how many commands. */
static int gather_expiry(struct redis_call *call, struct key key, int64_t expires_ms)
{
	char text[24];

	if (expires_ms == 0)
		return 0;
	snprintf(text, sizeof(text), "%lld", (long long)expires_ms);
	REDIS_COMMAND(call, redis_word("PEXPIREAT"), redis_value_name(call->r, key),
		      redis_word(text));
	return 1;
}

static int redis_set(void *state, struct key key, struct value *value, const struct meta *meta)
{
	struct redis *r = state;
	struct redis_member member;
	struct redis_call call;

	if (value_size(value) > REDIS_VALUE_MAX)
		return -EFBIG;
	if (is_reserved(r, key))
		return -EACCES;
	int64_t skew_ms = end_comes(meta->copy) ? redis_skew_ms(r) : 0;
	struct end_record ends = end_record_of(meta->copy, meta->own, skew_ms);
	int rc = redis_member_pack(key, meta, &ends, true, &member);
	if (rc < 0)
		return rc;
	struct rollback_change change = rollback_begin(&r->rollback);
	rc = redis_call_begin(&call, r, REDIS_WRITES);
	if (rc == 0) {
		int queued = 1;
		REDIS_COMMAND(&call, redis_word("MULTI"));
		redis_link_begin(call.link, 3);
		redis_link_add(call.link, redis_word("SET"));
		redis_link_add(call.link, redis_value_name(r, key));
		redis_link_add_value(call.link, value);
		queued += gather_expiry(&call, key, ends.expires_ms);
		queued += redis_gather_member(&call, r->index, key, &member);
		rc = redis_call_end(&call, redis_exec_skip(&call, (size_t)queued));
	}
	if (rc == 0)
		rollback_note(&r->rollback, change, key, meta);
	free(member.bytes);
	return rc;
}

static int touch_watched(struct redis_call *call, struct key key, struct redis_seen *seen,
			 const struct meta *meta, unsigned fields, int64_t skew_ms)
{
	struct redis_member member;
	int queued = 0;

	meta_update(&seen->meta, meta, fields);
	if (fields & META_EXPIRY)
		seen->ends = end_record_of(meta->copy, meta->own, skew_ms);
	int rc = redis_member_pack(key, &seen->meta, &seen->ends, seen->known, &member);
	if (rc < 0)
		return rc;
	REDIS_COMMAND(call, redis_word("MULTI"));
	if (fields & META_EXPIRY) {
		queued = gather_expiry(call, key, seen->ends.expires_ms);
		if (queued == 0) {
			REDIS_COMMAND(call, redis_word("PERSIST"), redis_value_name(call->r, key));
			queued = 1;
		}
	}
	queued += redis_gather_member(call, call->r->index, key, &member);
	if (fields & META_USED) {
		REDIS_COMMAND(call, redis_word("TOUCH"), redis_value_name(call->r, key));
		queued++;
	}
	rc = redis_exec_skip(call, (size_t)queued);
	free(member.bytes);
	return rc;
}

/* Looks at the key under a WATCH; -ENOENT when there is nothing that counts. */
static int watch_entry(struct redis_call *call, struct key key, struct redis_seen *seen)
{
	struct redis *r = call->r;
	int rc = redis_look_and_watch(call, key, seen);

	if (rc == 0 && (!seen->has_value || (!seen->fits && !r->conf->foreign_writers) ||
			meta_is_expired(&seen->meta, time_instant(r->env->time))))
		rc = -ENOENT;
	return rc;
}

static int redis_touch(void *state, struct key key, const struct meta *meta, unsigned fields)
{
	struct redis *r = state;
	int64_t start_ms = time_mono_ms(&time_system);
	struct rollback_change change = rollback_begin(&r->rollback);
	int64_t skew_ms = end_comes(meta->copy) ? redis_skew_ms(r) : 0;
	int rc = -EAGAIN;

	for (int i = 0; i < REDIS_TRIES && rc == -EAGAIN; i++) {
		struct redis_seen seen = { 0 };
		struct redis_call call;
		rc = redis_call_again(&call, r, REDIS_WRITES, start_ms);
		if (rc < 0)
			return rc;
		rc = watch_entry(&call, key, &seen);
		if (rc == 0)
			rc = touch_watched(&call, key, &seen, meta, fields, skew_ms);
		rc = redis_call_end(&call, rc);
		if (rc == 0)
			rollback_note(&r->rollback, change, key, &seen.meta);
		redis_seen_fini(&seen);
	}
	return rc == -EAGAIN ? -EIO : rc;
}

static void remove_gather(struct redis_call *call, struct key key)
{
	REDIS_COMMAND(call, redis_word("UNLINK"), redis_value_name(call->r, key));
	redis_gather_member(call, call->r->index, key, NULL);
}

/* Without a transaction, which a server without memory left refuses even to begin. */
static int remove_singly(struct redis_call *call, struct key key)
{
	int64_t removed = 0, members;

	remove_gather(call, key);
	int rc = redis_expect_number(call, "UNLINK", &removed);
	int rest = redis_expect_number(call, "ZREMRANGEBYLEX", &members);
	if (rc == 0)
		rc = rest;
	return rc < 0 ? rc : removed > 0 ? 0 : -ENOENT;
}

/* What UNLINK said in a transaction. */
static int removed_of(struct redis_call *call, const redisReply *reply)
{
	if (reply->type != REDIS_REPLY_INTEGER)
		return redis_odd(call, "UNLINK");
	return reply->integer > 0 ? 0 : -ENOENT;
}

static int redis_remove(void *state, struct key key)
{
	struct redis *r = state;
	struct rollback_change change = rollback_begin(&r->rollback);
	struct redis_call call;
	redisReply *reply;

	int rc = redis_call_begin(&call, r, REDIS_WRITES);
	if (rc < 0)
		return rc;
	if (is_reserved(r, key))
		return redis_call_end(&call, -ENOENT);
	REDIS_COMMAND(&call, redis_word("MULTI"));
	remove_gather(&call, key);
	rc = redis_exec(&call, 2, &reply);
	if (rc == 0) {
		rc = removed_of(&call, reply->element[0]);
		freeReplyObject(reply);
	} else if (rc == -ENOSPC) {
		rc = remove_singly(&call, key);
	}
	rc = redis_call_end(&call, rc);
	if (rc == 0 || rc == -ENOENT)
		rollback_note_gone(&r->rollback, change, key);
	return rc;
}

static int rename_watched(struct redis_call *call, struct key from, struct key to,
			  const struct redis_seen *seen)
{
	struct redis *r = call->r;
	struct redis_member member;

	int rc = redis_member_pack(to, &seen->meta, &seen->ends, seen->known, &member);
	if (rc < 0)
		return rc;
	REDIS_COMMAND(call, redis_word("MULTI"));
	/* RENAME would free a large value that is there while everybody waits. */
	REDIS_COMMAND(call, redis_word("UNLINK"), redis_value_name(r, to));
	REDIS_COMMAND(call, redis_word("RENAME"), redis_value_name(r, from),
		      redis_value_name(r, to));
	redis_gather_member(call, r->index, from, NULL);
	redis_gather_member(call, r->index, to, &member);
	rc = redis_exec_skip(call, 5);
	free(member.bytes);
	return rc;
}

static int redis_rename(void *state, struct key from, struct key to)
{
	struct redis *r = state;
	int64_t start_ms = time_mono_ms(&time_system);
	struct meta meta = { 0 };
	int rc = -EAGAIN;

	if (key_equal(from, to)) {
		rc = redis_stat(r, from, &meta);
		meta_fini(&meta);
		return rc;
	}
	if (is_reserved(r, from) || is_reserved(r, to))
		return -EACCES;
	struct rollback_change change = rollback_begin(&r->rollback);
	for (int i = 0; i < REDIS_TRIES && rc == -EAGAIN; i++) {
		struct redis_seen seen = { 0 };
		struct redis_call call;
		rc = redis_call_again(&call, r, REDIS_WRITES, start_ms);
		if (rc < 0)
			return rc;
		rc = watch_entry(&call, from, &seen);
		if (rc == 0)
			rc = rename_watched(&call, from, to, &seen);
		rc = redis_call_end(&call, rc);
		if (rc == 0) {
			rollback_note_gone(&r->rollback, change, from);
			rollback_note(&r->rollback, change, to, &seen.meta);
		}
		redis_seen_fini(&seen);
	}
	return rc == -EAGAIN ? -EIO : rc;
}

/* --- markers ---------------------------------------------------------------------------------- */

static int redis_dir_set(void *state, struct key dir, const struct meta *meta)
{
	struct redis *r = state;
	struct redis_member member;
	struct redis_call call;
	struct key_buffer buffer;
	struct key key = marker_key(&buffer, dir);
	const struct end_record no_ends = { 0 };

	int rc = redis_member_pack(key, meta, &no_ends, true, &member);
	if (rc < 0)
		return rc;
	rc = redis_call_begin(&call, r, REDIS_WRITES);
	if (rc == 0) {
		REDIS_COMMAND(&call, redis_word("MULTI"));
		redis_gather_member(&call, r->dirs, key, &member);
		rc = redis_call_end(&call, redis_exec_skip(&call, 2));
	}
	free(member.bytes);
	return rc;
}

static int redis_dir_remove(void *state, struct key dir)
{
	struct redis *r = state;
	struct redis_call call;
	struct key_buffer buffer;
	int64_t removed = 0;

	int rc = redis_call_begin(&call, r, REDIS_WRITES);
	if (rc < 0)
		return rc;
	redis_gather_member(&call, r->dirs, marker_key(&buffer, dir), NULL);
	rc = redis_expect_number(&call, "ZREMRANGEBYLEX", &removed);
	return redis_call_end(&call, rc == 0 && removed == 0 ? -ENOENT : rc);
}

/* --- the rest --------------------------------------------------------------------------------- */

static void redis_ending(void *state)
{
	struct redis *r = state;

	atomic_store(&r->ending_ms, time_mono_ms(&time_system));
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
		.bytes = atomic_load(&r->bytes),
		.max_bytes = atomic_load(&r->max_bytes),
	};
	enum breaker_state is = breaker_state(&r->breaker, usage->trouble);
	usage->down = is == BREAKER_DOWN;
	if (is == BREAKER_UNKNOWN)
		strcpy(usage->trouble, "connecting");
	else if (is == BREAKER_UP && atomic_load(&r->refuses_writes))
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
