#ifndef CACHEFS_FREQUENCY_H
#define CACHEFS_FREQUENCY_H

/*
 * How often each key was got, for promotion by frequency: of the key, not of its entry, so a set
 * does not begin anew, and a layer that keeps no hits can be promoted from. Bounded: a key can lose
 * its count to another, and is promoted later then. Thread-safe, without a lock.
 */

#include "base/key.h"

struct frequency;
struct frequency *frequency_new(void); /* NULL: out of memory */
void frequency_free(struct frequency *f);

/* One get more; how many there have been, with this one. */
uint64_t frequency_count(struct frequency *f, struct key key);

/* The key was invalidated. */
void frequency_forget(struct frequency *f, struct key key);

#endif
