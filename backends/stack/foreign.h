#ifndef CACHEFS_FOREIGN_H
#define CACHEFS_FOREIGN_H

/*
 * What other programs changed in the stack's layers of late, so that whoever copies a value from a
 * slow layer into a fast one can see afterwards whether the copy is of before such a change. A
 * ring: what it has forgotten counts as changed. Thread-safe; looking takes no lock.
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/key.h"
#include "base/lock.h"

enum { FOREIGN_KEPT = 64 };

struct foreign {
	struct lock lock; /* RANK_ADMISSION; of those who write */
	atomic_uint_fast64_t count;
	atomic_uint_fast64_t hashes[FOREIGN_KEPT]; /* 0: of all keys */
};

void foreign_init(struct foreign *f);
void foreign_fini(struct foreign *f);

/* Before the copies are dropped. KEY_ROOT: any key may have changed. */
void foreign_note(struct foreign *f, struct key key);

/* An instant. */
static inline uint64_t foreign_now(const struct foreign *f)
{
	return atomic_load_explicit(&f->count, memory_order_acquire);
}

/* Whether key (or with `prefix` one below it) may have been changed after that instant. */
bool foreign_since(const struct foreign *f, uint64_t instant, struct key key, bool prefix);

#endif
