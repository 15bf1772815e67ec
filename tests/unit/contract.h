#ifndef CACHEFS_TEST_CONTRACT_H
#define CACHEFS_TEST_CONTRACT_H

/*
 * The promises of backends/cache.h as cases that every backend has to pass. Each case gets a fresh
 * layer with default options, a clock that stands still, and a directory of its own.
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdatomic.h>
#include <stdbool.h>
#include <sys/types.h>

#include "../../backends/cache.h"

enum { KIB = 1024, MIB = 1024 * 1024 };

struct fixture {
	const struct backend *backend;
	void *conf, *state;
	struct backend_env env;
	struct time_source time;
	atomic_int_fast64_t now_ms; /* what the wall clock shows */
	atomic_uint gone;           /* calls of env.gone */
	char dir[64];
	pid_t server; /* that the backend needs; 0: none */
};

struct contract_case {
	const char *name;
	void (*run)(struct fixture *f);
};

#define CONTRACT_CASE(function)                                                                    \
	{                                                                                          \
#function, function                                                                \
	}

/* By theme; each ends with an empty one. */
extern const struct contract_case contract_entries[], contract_dirs[], contract_life[];

/* Made and ended around every case. NULL: no directory. */
struct fixture *fixture_new(const struct backend *backend);
void fixture_free(struct fixture *f);

/* The layer again, with one option more than its place (NULL: none), or just as it was. */
void reopen_with(struct fixture *f, const char *option, const char *json);
void close_layer(struct fixture *f);
void open_layer(struct fixture *f);
bool has_option(const struct fixture *f, const char *name);

/* Entries. put_until() stores the key's own text. */
struct meta meta_for(struct value *value);
struct meta full_meta(struct value *value); /* every field at an awkward value; to be finished */
void put(struct fixture *f, const char *key, const char *text);
void put_bytes(struct fixture *f, struct key key, const void *bytes, size_t size);
void put_until(struct fixture *f, const char *key, int64_t expires_ms);
void put_value(struct fixture *f, struct key key, struct value *value, int64_t expires_ms);
void expect(struct fixture *f, const char *key, const char *text);
void expect_bytes(struct fixture *f, struct key key, const void *bytes, size_t size);
void expect_miss(struct fixture *f, const char *key);
void expect_miss_key(struct fixture *f, struct key key);
void expect_meta(const struct meta *got, const struct meta *want);
void expect_stat(struct fixture *f, const char *key, const struct meta *want);

/* Directories. list_after() clears the batch first; names_in() is "a a! a/" in a static buffer. */
void list_after(struct fixture *f, const char *dir, const char *after, bool after_is_dir,
		struct children *batch);
bool dir_exists(struct fixture *f, const char *dir);
void make_dir(struct fixture *f, const char *dir);
void clear_dir(struct fixture *f, struct key dir); /* all below it, if there is anything */
const char *names_in(struct fixture *f, const char *dir);

/* Bytes that differ by seed, to be freed. */
char *pattern(size_t size, unsigned seed);

/* A file for a value: the layer's own kind if it has one. */
int temp_fd(struct fixture *f);

#endif
