#ifndef CACHEFS_REDIS_CONF_H
#define CACHEFS_REDIS_CONF_H

/* The options of the type "redis": their table and their checks. */

#include "cache.h"

struct redis_conf {
	char *host;
	uint64_t port;
	uint64_t db;
	char *unix_socket_path;
	char *username;
	char *password, *password_file, *password_env;
	int64_t socket_timeout_ms, connect_timeout_ms;
	uint64_t max_connections;
	char *key_prefix;
	bool decode_responses;
	bool foreign_writers;
};

extern const struct option_spec redis_options[]; /* fill a struct redis_conf */

/* Implement check() and places() of struct backend. */
int redis_check(const void *conf, struct problem *problem);
size_t redis_places(const void *conf, struct store_place places[STORE_PLACES_MAX]);

#endif
