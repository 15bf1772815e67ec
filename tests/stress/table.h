#ifndef CACHEFS_TABLE_H
#define CACHEFS_TABLE_H

/*
 * What all processes of the stress test know about every key, in shared memory, and the rules by
 * which a get is judged.
 *
 * Every set takes a ticket that its value carries. begin is a moment before which the set cannot
 * have taken effect, ack one after it has. Value V is stale for a get if some set W began after V
 * was acknowledged, and W was acknowledged before the get opened. That needs one number per key:
 * the newest begin of all that is acknowledged (`floor`), read before the open; V is stale if
 * V.ack < floor. A value that somebody got counts as acknowledged too: nothing goes back.
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "record.h"

enum {
	RING = 8192, /* sets remembered per key */
	WRITERS_MAX = 64,
	KEYS_PER_GROUP = 3,
	KEYS_MAX = 64,
	GENERATIONS = 4, /* of an append key that are remembered */
};

/* How the keys are written. One group never mixes ways that the design doesn't promise together. */
enum group {
	GROUP_WHOLE,    /* truncate-and-write and temp-and-rename */
	GROUP_TRUNCATE, /* truncate-and-write alone: judged by the moment before close() */
	GROUP_RENAME,   /* temp-and-rename alone */
	GROUP_UNLINK,   /* both, and unlink-and-create */
	GROUP_PLACE,    /* pwrite of the whole value in place */
	GROUP_MMAP,     /* one writer that rewrites it through a mapping */
	GROUP_APPEND,   /* whole records appended */
	GROUP_COUNT,
};
extern const char *const group_names[GROUP_COUNT];

/* A state of a key that carries no ticket (absent, empty) and may be in effect at times. */
struct phase {
	_Atomic uint64_t begun, under_way, newest_ack;
};

struct slot {
	_Atomic uint64_t ticket, begin, ack; /* ack 0: not yet, or failed */
};

struct key_state {
	enum group group;
	char name[32];
	_Atomic uint64_t next_ticket;
	_Atomic uint64_t floor;     /* newest begin of acknowledged sets and unlinks */
	_Atomic uint64_t set_floor; /* of sets alone: what makes a miss wrong */
	struct phase absent, empty;
	struct slot slots[RING];
	/* append: (generation << 32 | records acknowledged) per writer */
	_Atomic uint64_t generation;
	_Atomic uint64_t appended[GENERATIONS][WRITERS_MAX];
};

struct table {
	int key_count;
	struct key_state keys[KEYS_MAX];
};

/* What a reader notes before it opens a key. */
struct phase_view {
	uint64_t begun, under_way;
};
struct key_view {
	uint64_t floor, set_floor;
	struct phase_view absent, empty;
};

/* A set: ticket first, then begin, then the publishing call, then ack. */
uint64_t set_ticket(struct key_state *k);
void set_begin(struct key_state *k, uint64_t ticket);
void set_ack(struct key_state *k, uint64_t ticket);

/* Around an unlink, or a set of nothing. failed: it had no effect. */
uint64_t phase_begin(struct phase *p);
void phase_end(struct phase *p, bool failed);
void unlink_ack(struct key_state *k, uint64_t begin);

void key_look(struct key_state *k, struct key_view *view);

/* May the key have been absent, or empty, for a get that noted `view` before it opened? */
bool absent_is_fair(struct key_state *k, const struct key_view *view);
bool empty_is_fair(struct key_state *k, const struct key_view *view);

/* May a get that noted `view` see the value of this ticket? Remembers that it was seen. */
bool ticket_is_fair(struct key_state *k, const struct key_view *view, uint64_t ticket);

#endif
