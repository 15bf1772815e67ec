#ifndef CACHEFS_TEST_DISK_FIXTURE_H
#define CACHEFS_TEST_DISK_FIXTURE_H

/* A disk layer in a directory of its own, with a clock that stands still, and the steps of its
 * tests. */

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "registry.h"
#include "disk/store.h"

#define B (backend_find("disk"))

struct fixture {
	char dir[64];
	char path[96];
	struct disk_conf conf;
	struct time_source time;
	struct backend_env env;
	atomic_int_fast64_t now_ms;
	atomic_int_fast64_t passed_ms; /* beside the time that really does */
	pthread_mutex_t mutex;         /* guards gone */
	char gone[4096];               /* "key;key;" */
	void *layer;
};

void pass(struct fixture *f, int64_t ms); /* what waits so long has waited */
bool is_gone(struct fixture *f, const char *key);
void open_layer(struct fixture *f);
void close_layer(struct fixture *f);
int setup(void **state);
int teardown(void **state);
int remove_tree(const char *path); /* 0 or -1 */
int set_bytes(struct fixture *f, struct key key, const void *bytes, size_t size, struct meta meta);
int set(struct fixture *f, const char *key, const char *text);
char *get_text(struct fixture *f, struct key key, int *rc);
void expect_text(struct fixture *f, const char *key, const char *text);
void expect_miss(struct fixture *f, const char *key);
struct meta stat_of(struct fixture *f, const char *key);
char *list_text(struct fixture *f, struct key dir, size_t step);
sqlite3 *other_program(struct fixture *f);
void run_sql(sqlite3 *db, const char *sql);
int64_t ask_sql(sqlite3 *db, const char *sql);
int value_files(struct fixture *f);
int set_large(struct fixture *f, const char *key, size_t size, int seed);
void expect_large(struct fixture *f, const char *key, size_t size, int seed);

#define wait_until(seconds, condition)                                                             \
	do {                                                                                       \
		int64_t end_ = time_mono_ms(&time_system) + (seconds)*1000;                        \
		while (!(condition)) {                                                             \
			if (time_mono_ms(&time_system) > end_)                                     \
				fail_msg("not within %d s: %s", (seconds), #condition);            \
			poll(NULL, 0, 2);                                                          \
		}                                                                                  \
	} while (0)

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
