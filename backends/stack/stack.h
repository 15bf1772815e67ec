#ifndef CACHEFS_STACK_H
#define CACHEFS_STACK_H

/* The stack itself, for the files that layered.c is divided into. See layered.h. */

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
	struct teller *teller;          /* tells layers what they missed */
	struct write_back *write_back;  /* NULL: the stack has no journal */
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

/*
 * The value as the layers that are not durable get it, with a reference; NULL: they do without. See
 * promotion.c.
 */
struct value *stack_value_for_volatile(const struct layered *c, struct value *value);

/* on_error is "serve". */
static inline bool stack_serves(const struct layered *c)
{
	return c->conf->on_error == ON_ERROR_SERVE;
}

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
 * Whether what layer `from` answered, asked after the instant (foreign_now()), is still what the
 * slower layers that other programs write hold. 0, or -ESTALE: it was not, the copies of it have
 * been dropped, and one has to look again.
 */
int stack_revalidate(struct layered *c, size_t from, uint64_t instant, struct key key,
		     const struct meta *meta);

/*
 * All layers learn what other programs changed in them: before a listing. polled[i]: layer i has to
 * be asked each time, for other programs write it and have done what it cannot tell. While it
 * answers, what layers that are not durable have beside it are copies of what is gone.
 */
void stack_catch_up(struct layered *c, bool polled[STACK_MAX]);

/*
 * The parts of layered_list(), layered_dir_stat() and layered_dir_is_empty(), which need each other
 * for directories below: depth counts how far. A part of a listing that goes on at a place;
 * *unasked: -errno of a layer that could not be asked, or 0.
 */
int stack_list_part(struct layered *c, struct key dir, const struct listing_place *at, int depth,
		    struct children *batch, int *unasked);
int stack_dir_stat(struct layered *c, struct key dir, int depth, struct meta *meta);
int stack_dir_is_empty(struct layered *c, struct key dir, int depth);

/* A layer's `changed`: drops the copies of the entry, tells the kernel. */
void stack_changed(void *cache, struct key key);

/*
 * The teller: a thread that tells layers what they have missed (layer.h, layer_missed()), as soon
 * as they answer. remember() takes over from the state what earlier runs left. stack_tell_soon():
 * there is something new, or a layer has come up again. Never waits.
 */
int stack_teller_remember(struct layered *c, struct problem *problem);
int stack_teller_start(struct layered *c, struct problem *problem);
void stack_teller_stop(struct layered *c); /* fine if it was not started */
void stack_tell_soon(struct layered *c);

/* Another layer has taken the directory's marker, and this one has not: what it knows is old. As
 * layer_distrust(). */
int stack_missed_marker(struct layered *c, struct layer *l, struct key dir);

/* Carries out what the layers have pending of renames of directories; what does not answer is left
 * to the teller. At the start; see move.c. */
void stack_finish_moves(struct layered *c);

/* The journal in the stack; see write_back.c. */
bool stack_is_journal(const struct layered *c, const struct layer *l);
void stack_journal_stats(struct layered *c, struct journal_stats *stats);

#endif
