#ifndef CACHEFS_STACK_H
#define CACHEFS_STACK_H

/*
 * The stack itself: its layers, who may change them now, what copies may be in those that are not
 * durable, and what layers missed. For the files of this room that work on the whole stack: those
 * that keep it right (revalidate, teller, drain, write_back, promotion), and above them those that
 * carry out layered.h (layered*.c, move.c). Thread-safe; no lock may be held by the caller.
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
	struct layer **order;   /* the same in the order of changes */
	bool forgets;           /* no layer keeps anything */
	bool shared;            /* other programs may write a layer */
	atomic_bool ready;      /* all layers are open */
	struct foreign foreign; /* what other programs changed of late */
	/* How often each key was got, for promotion by frequency; else not initialized. Of the key,
	 * not of its entry: a set does not begin anew, and a layer that keeps no hits can be
	 * promoted from. */
	struct key_numbers gets;
	size_t durable_count;   /* the first of `order` are durable */
	struct layer *bypassed; /* write_around: the layer that sets do not go to; else NULL */
	/* keeps directories when no layer is durable, and those that none took (on_error "serve");
	 * else NULL */
	struct layer *markers;
	struct layer_spec markers_spec;
	char markers_name[16];
	struct state *state;            /* NULL: nothing here needs to be remembered */
	struct layer *journal;          /* the layer that it is; NULL: none */
	struct write_back *write_back;  /* see write_back.h */
	struct teller *teller;          /* see teller.h; NULL: none runs */
	void (*teller_nudge)(struct teller *teller); /* set with it */
	atomic_uint_fast64_t uncovered; /* counts what the journal is about to hide no more */
	atomic_uint_fast64_t hits, misses, sets, failed_sets, invalidations;
	atomic_uint_fast64_t unkept_sets; /* of on_error "serve" */
	atomic_bool unkept_told;          /* and the log said so */
	atomic_uint_fast64_t misses_told; /* by layered_stats(): a counter does not go back */
};

/* A change of this key alone. */
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

/* Whether that is a directory's marker, and not what keys below it say. That of the root may have
 * times alone. */
static inline bool stack_is_marker(const struct meta *meta)
{
	return meta->mode != 0 || meta->mtime.tv_sec != 0;
}

/* The value as the layers that are not durable get it, with a reference; NULL: they do without. */
struct value *stack_value_for_volatile(const struct layered *c, struct value *value);

/*
 * When a copy in this layer ends at the latest, of an entry with that own end that is set or
 * touched now. What is not durable is a copy of what the durable layers hold: it does not outlive
 * all of theirs. Theirs have no limit.
 */
struct end stack_limit(const struct layered *c, const struct layer *l, struct end own);

/*
 * Admission to change keys. What other programs changed meanwhile is not kept in layers that are
 * not durable: a copy made by the change may be of before. try(): false, and nothing entered, if it
 * would have to wait; enter(): as admission_enter().
 */
int stack_enter(struct layered *c, struct admission_claim *claim);
bool stack_try(struct layered *c, struct admission_claim *claim);
void stack_leave(struct layered *c, struct admission_claim *claim);

/*
 * All layers learn what other programs changed in them: before a listing. polled[i]: layer i has to
 * be asked each time, for other programs write it and have done what it cannot tell. While it
 * answers, what layers that are not durable have beside it are copies of what is gone.
 */
void stack_catch_up(struct layered *c, bool polled[STACK_MAX]);

/* A layer's `changed`: drops the copies of the entry, tells the kernel. */
void stack_changed(void *cache, struct key key);

/* A layer may have something to be told, or has come up again. Never waits. */
void stack_tell_soon(struct layered *c);

/* The layer missed a change that others have taken, or its outcome is unknown: layer_distrust(),
 * and it is told soon. Returns what layer_distrust() does. */
int stack_missed(struct layered *c, struct layer *l, struct key key, enum debt_kind kind);

/* The pause before the next try of what has failed: twice that of the last one (0: none, or there
 * was progress), from first_ms to most_ms. */
static inline int64_t stack_next_pause(int64_t last_ms, int64_t first_ms, int64_t most_ms)
{
	return last_ms == 0 ? first_ms : last_ms * 2 < most_ms ? last_ms * 2 : most_ms;
}

/* What the layer has of the key is old: it goes, now or when the layer answers. 0; an error: it is
 * to go later, and only this run knows. */
int stack_drop(struct layered *c, struct layer *l, struct key key);

#endif
