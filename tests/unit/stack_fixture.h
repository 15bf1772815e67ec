#ifndef STACK_FIXTURE_H
#define STACK_FIXTURE_H

/* A stack of real layers behind fault layers, in a directory of its own: memory on top, and below
 * it SQLite. For cmocka: what goes wrong fails the test. */

#include "fault.h"

enum { STACK_LAYERS = 3 };

struct stack_fixture {
	char dir[64];
	char state_dir[80];
	struct cache_conf conf;
	struct layer_spec specs[STACK_LAYERS];
	struct fault_conf faults[STACK_LAYERS];
	struct fault_plan plans[STACK_LAYERS]; /* of layer i */
	struct layered *cache;                 /* NULL: closed */
	/* The cache's clock that never jumps: the system's, that much ahead, or (stopped_ms not 0)
	 * standing still there. */
	struct time_source time;
	atomic_int_fast64_t ahead_ms, stopped_ms;
};

/* Opens memory over disks: count layers in all. */
void stack_setup(struct stack_fixture *s, size_t count, enum write_strategy strategy);
void stack_teardown(struct stack_fixture *s); /* closes, removes the directory */

void stack_open(struct stack_fixture *s);
void stack_close(struct stack_fixture *s);
void stack_reopen(struct stack_fixture *s);

/* layered_set() of a text with a TTL (0: none); returns its rc. */
int stack_set_ttl(struct stack_fixture *s, const char *key, const char *text, int64_t ttl_ms);
int stack_set(struct stack_fixture *s, const char *key, const char *text);

int stack_remove(struct stack_fixture *s, const char *key);
int stack_remove_prefix(struct stack_fixture *s, const char *dir);
int stack_rename(struct stack_fixture *s, const char *from, const char *to);
int stack_rename_prefix(struct stack_fixture *s, const char *from, const char *to);

/* The value as text, malloc'ed; NULL: a miss. */
char *stack_get(struct stack_fixture *s, const char *key);

void stack_expect(struct stack_fixture *s, const char *key, const char *text);
void stack_expect_miss(struct stack_fixture *s, const char *key); /* of get, stat and list */

/* The names in a directory, "a b/ c". Malloc'ed. */
char *stack_list(struct stack_fixture *s, const char *dir);

/* What one of the disks holds for itself, in a stack that is closed. */
char *stack_disk_get(struct stack_fixture *s, size_t layer, const char *key);

/* The cache's pauses and deadlines come that much sooner; the clock stands still from now on, and
 * goes only by advancing. */
void stack_advance(struct stack_fixture *s, int64_t ms);
void stack_stop_clock(struct stack_fixture *s);

/* Polls, and advances, until layer i, and the journal if there is one, have nothing left to be
 * told. */
void stack_wait_told(struct stack_fixture *s, size_t layer);

/* Done to the state's database by somebody else. STACK_REFUSE: what would change it so fails, until
 * DROP TRIGGER. */
void stack_state_exec(struct stack_fixture *s, const char *sql);
#define STACK_REFUSE(what, name)                                                                   \
	"CREATE TRIGGER " name " BEFORE " what " BEGIN SELECT RAISE(ABORT, 'refused'); END;"

/* Ends the process's use of the cache as kill -9 would: runs body in a child that then exits
 * without closing anything. body gets the open fixture. */
void stack_crash(struct stack_fixture *s, void (*body)(struct stack_fixture *s));

#endif
