#ifndef CACHEFS_SAVED_H
#define CACHEFS_SAVED_H

/*
 * A file in which a scratch file survives the daemon, DIR/scratch/NAME: two heads, written in turn
 * so that one of them is whole at every instant, then the content. It is locked (flock) as long as
 * a daemon has it. One thread at a time uses one. Functions wait for the local disk; 0 or -errno.
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/key.h"
#include "base/meta.h"
#include "base/value.h"

struct saved;

/* Makes the directory and a file in it, whose name is drawn from ino. dir: the state_dir. */
int saved_new(const char *dir, uint64_t ino, struct saved **saved);

int saved_write(struct saved *s, const void *bytes, size_t size, uint64_t offset);

/* What was written, cut or filled with zeros to meta->size bytes, is the content of this key and
 * survives power loss. */
int saved_commit(struct saved *s, struct key key, const struct meta *meta);

bool saved_is_committed(const struct saved *s); /* at least once */

/* It is needed after the daemon's end. */
void saved_keep(struct saved *s);

/* Closes it, and removes the file unless it is kept. NULL is fine. */
void saved_free(struct saved *s);

/*
 * Calls visit for each file that no daemon has, until it says otherwise than 0, with its content
 * and what was committed last: 0, and the file is removed, or -errno, and it stays. What was never
 * committed is removed. How many stay; *bytes: what they take.
 */
struct saved_entry {
	struct key key;
	const struct meta *meta;
	struct value *value;
};
unsigned saved_visit_all(const char *dir, int (*visit)(void *self, const struct saved_entry *entry),
			 void *self, uint64_t *bytes);

#endif
