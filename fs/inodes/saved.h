#ifndef CACHEFS_SAVED_H
#define CACHEFS_SAVED_H

/*
 * A file that keeps a scratch file when the daemon ends: DIR/scratch/NAME. It holds two heads, then
 * the content. The heads are written in turn, so one of them is complete at every instant. A daemon
 * locks the file (flock) as long as it uses it. One thread at a time may use a struct saved. The
 * functions wait for the local disk and return 0 or -errno.
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/key.h"
#include "base/meta.h"
#include "base/value.h"

struct saved;

/* Makes the directory, and a file in it whose name contains ino. dir: the state_dir. */
int saved_new(const char *dir, uint64_t ino, struct saved **saved);

int saved_write(struct saved *s, const void *bytes, size_t size, uint64_t offset);

/* Commits the written content, cut or filled with zeros to meta->size bytes, as the content of this
 * key. The commit survives power loss. */
int saved_commit(struct saved *s, struct key key, const struct meta *meta);

bool saved_is_committed(const struct saved *s); /* at least once */

/* The file stays after the daemon's end. */
void saved_keep(struct saved *s);

/* Closes the file, and removes it unless saved_keep() was called. NULL is fine. */
void saved_free(struct saved *s);

/*
 * Calls visit for each file that no daemon uses, with its content and the metadata of its last
 * commit. If visit returns 0, the file is removed; if it returns -errno, the file stays. A file
 * without a commit is removed. Returns how many files stay; *bytes: their total size.
 */
struct saved_entry {
	struct key key;
	const struct meta *meta;
	struct value *value;
};
unsigned saved_visit_all(const char *dir, int (*visit)(void *self, const struct saved_entry *entry),
			 void *self, uint64_t *bytes);

#endif
