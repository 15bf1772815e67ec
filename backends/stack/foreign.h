#ifndef CACHEFS_FOREIGN_H
#define CACHEFS_FOREIGN_H

/*
 * Records which keys other programs changed of late in the stack's layers. After a value was copied
 * from a slow layer into a fast one, the record tells whether the copy is older than such a change.
 * A ring: a change that has been overwritten counts as one of every key. Thread-safe; reading takes
 * no lock.
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/key.h"
#include "base/lock.h"

enum { FOREIGN_KEPT = 64 };

struct foreign {
	struct lock lock; /* RANK_ADMISSION; taken to write */
	atomic_uint_fast64_t count;
	atomic_uint_fast64_t hashes[FOREIGN_KEPT]; /* 0: of all keys */
};

void foreign_init(struct foreign *f);
void foreign_fini(struct foreign *f);

/* Records a change; call before the copies are dropped. KEY_ROOT: any key may have changed. */
void foreign_note(struct foreign *f, struct key key);

/* The instant now, for foreign_since(). */
static inline uint64_t foreign_now(const struct foreign *f)
{
	return atomic_load_explicit(&f->count, memory_order_acquire);
}

/* True if the key (or with `prefix` one below it) may have been changed after that instant. */
bool foreign_since(const struct foreign *f, uint64_t instant, struct key key, bool prefix);

#endif
