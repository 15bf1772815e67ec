#ifndef CACHEFS_RUN_STATE_H
#define CACHEFS_RUN_STATE_H

/*
 * One run of the stress test: its settings, and in shared memory its table, its counters and its
 * verdict. writers.c and readers.c do the work; stress.c starts them and sums up.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "record.h"
#include "table.h"

enum how_set {
	SET_TRUNCATE,
	SET_RENAME,
	SET_UNLINK_CREATE,
	SET_PLACE,
	SET_MMAP,
	SET_APPEND,
	SET_SUBSHELL,
	SET_KILLED, /* begun by a group that was killed: nothing is set */
	SET_COUNT
};
enum how_get { GET_CHUNKS, GET_MMAP, GET_TWICE, GET_FSTAT, GET_STAT, GET_COUNT };
extern const char *const set_names[SET_COUNT];
extern const char *const get_names[GET_COUNT];

enum rule {
	RULE_TORN,
	RULE_STALE,
	RULE_MISSING,
	RULE_ERRNO,
	RULE_SIZE,
	RULE_CHANGED,
	RULE_SIGBUS,
	RULE_LOST_APPEND,
	RULE_SET_FAILED,
	RULE_HANG,
	RULE_CRASH,
	RULE_COUNT
};
extern const char *const rule_names[RULE_COUNT];

enum { PLACE_SIZE = 16384, APPEND_MAX = 65536 };

struct shared {
	_Atomic uint64_t gets, sets[SET_COUNT], get_kinds[GET_COUNT], misses,
		violations[RULE_COUNT];
	_Atomic int stop;
	struct table table;
};

struct run {
	struct shared *shared;
	int dir_fd;
	uint64_t get_target;
	uint64_t seed;
	int writers, readers;
	bool misses_ok;
	bool by_rename; /* whole values are set by rename alone */
	bool children;  /* others have the file of each set open too (children.h) */
	/* this process: */
	int self; /* writers are 0 .. writers - 1 */
	uint64_t random;
	char *buffer, *other; /* VALUE_MAX + 4096 bytes each */
};

/* Counts a violation; the first few of a run are printed. */
void violation(struct run *run, enum rule rule, const struct key_state *k, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* Whether a key of this writer's is in the table at `index`; see GROUP_MMAP. */
bool writer_owns(const struct run *run, int index);

void writer_loop(struct run *run);
void reader_loop(struct run *run);

/* The first value of every key that is never missing. False (and a violation) if it can't be set.
 */
bool write_first_values(struct run *run);

/* The file of an append key's generation. */
void append_name(const struct key_state *k, uint64_t generation, char name[static 64]);

/* Copies from or to a mapping; false when that raised SIGBUS. */
bool copy_guarded(void *to, const void *from, size_t size);

#endif
