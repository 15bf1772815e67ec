#ifndef CACHEFS_STACK_H
#define CACHEFS_STACK_H

/*
 * The stack: its layers, the admission of changes, the copies in layers that are not durable, and
 * the changes that layers missed. Two groups of files of this room use it: revalidate, teller,
 * drain, write_back and promotion keep the stack right, and layered*.c and move.c carry out
 * layered.h. Thread-safe; the caller may hold no lock.
 */

#include <stdatomic.h>

#include "base/key_numbers.h"
#include "stack/admission.h"
#include "stack/foreign.h"
#include "stack/layer.h"
#include "stack/layered.h"
#include "ledger/state.h"

enum { STACK_MAX = 65 }; /* layers, the journal included */
enum { STACK_KEYS_COUNTED = 1 << 16 };

struct layered {
	const struct cache_conf *conf;
	const struct time_source *time;
	struct layered_events events;
	struct admission admission;
	struct layer **layers; /* fastest first */
	size_t count;
	struct layer **order;   /* the same layers, in the order of changes */
	bool forgets;           /* no layer keeps a value */
	bool shared;            /* other programs may write a layer */
	atomic_bool ready;      /* all layers are open */
	struct foreign foreign; /* what other programs changed of late */
	/* How often each key was got, for promotion by frequency; else not initialized. The number
	 * is of the key, not of its entry: a set does not restart it, and a layer that keeps no
	 * hits can be promoted from. */
	struct key_numbers gets;
	size_t durable_count;   /* the first of `order` are durable */
	struct layer *bypassed; /* write_around: the layer that sets skip; else NULL */
	/* keeps directories if no layer is durable, and those that no durable layer took (on_error
	 * "serve"); else NULL */
	struct layer *markers;
	struct layer_spec markers_spec;
	char markers_name[16];
	struct state *state;                         /* NULL: nothing needs to survive a restart */
	struct layer *journal;                       /* the journal as a layer; NULL: none */
	struct write_back *write_back;               /* see write_back.h */
	struct teller *teller;                       /* see teller.h; NULL: none runs */
	void (*teller_nudge)(struct teller *teller); /* set with it */
	atomic_uint_fast64_t uncovered; /* counts entries before the journal stops hiding them */
	atomic_uint_fast64_t hits, misses, sets, failed_sets, invalidations;
	atomic_uint_fast64_t unkept_sets; /* of on_error "serve" */
	atomic_bool unkept_told;          /* unkept sets are logged */
	atomic_uint_fast64_t misses_told; /* shown by layered_stats(), which must not count down */
};

/* The claim of a change of this key alone. */
static inline struct admission_claim stack_claim(struct key key)
{
	return (struct admission_claim){ .spans = { { key, false } }, .span_count = 1 };
}

/* on_error is "serve". */
static inline bool stack_serves(const struct layered *c)
{
	return c->conf->on_error == ON_ERROR_SERVE;
}

static inline bool stack_is_journal(const struct layered *c, const struct layer *l)
{
	return c->journal && c->journal == l;
}

/* True if *meta is of a directory's marker, and not only derived from keys below the directory. The
 * root's marker may have times alone. */
static inline bool stack_is_marker(const struct meta *meta)
{
	return meta->mode != 0 || meta->mtime.tv_sec != 0;
}

/* Returns the value for the layers that are not durable, with a reference. NULL: they get no
 * copy. */
struct value *stack_value_for_volatile(const struct layered *c, struct value *value);

/*
 * Returns the latest end of this layer's copy of an entry that is set or touched now and has this
 * own end. A layer that is not durable holds copies of what the durable layers hold, and its copy
 * does not outlive all of theirs. Durable layers have no limit.
 */
struct end stack_limit(const struct layered *c, const struct layer *l, struct end own);

/*
 * Admission to change keys. If another program changed the keys meanwhile, stack_leave() drops
 * their copies from layers that are not durable: the change may have copied an outdated entry.
 * stack_try(): false, and nothing admitted, if it would have to wait. stack_enter(): as
 * admission_enter().
 */
int stack_enter(struct layered *c, struct admission_claim *claim);
bool stack_try(struct layered *c, struct admission_claim *claim);
void stack_leave(struct layered *c, struct admission_claim *claim);

/*
 * All layers learn what other programs changed in them; call before a listing. polled[i]: layer i
 * has to be asked each time, because other programs write it and it cannot tell all that they did.
 * While layer i answers, an entry that exists only in layers that are not durable is a copy of a
 * removed one.
 */
void stack_catch_up(struct layered *c, bool polled[STACK_MAX]);

/* The event changed() of a layer: drops the copies of the entry, calls events.gone(). */
void stack_changed(void *cache, struct key key);

/* Wakes the teller: a layer may have changes to apply, or has come up again. Never waits. */
void stack_tell_soon(struct layered *c);

/* Records with layer_distrust() that the layer missed a change that others have taken, or that the
 * outcome is unknown, and wakes the teller. Returns what layer_distrust() does. */
int stack_missed(struct layered *c, struct layer *l, struct key key, enum debt_kind kind);

/* Returns the pause before an operation that failed is tried again: twice the last pause (0: none,
 * or there was progress), from first_ms to most_ms. */
static inline int64_t stack_next_pause(int64_t last_ms, int64_t first_ms, int64_t most_ms)
{
	return last_ms == 0 ? first_ms : last_ms * 2 < most_ms ? last_ms * 2 : most_ms;
}

/* Removes the layer's outdated entry of the key, now or when the layer answers. 0; an error: the
 * entry is to be removed later, and only this run knows. */
int stack_drop(struct layered *c, struct layer *l, struct key key);

#endif
