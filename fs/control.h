#ifndef CACHEFS_CONTROL_H
#define CACHEFS_CONTROL_H

/* The files that are not keys: `.cachefs/` with its statistics and configuration, and CACHEDIR.TAG.
 * Found by name, not listed. */

#include "../backends/key.h"
#include "../backends/value.h"

enum control_file { CONTROL_DIR, CONTROL_STATS, CONTROL_METRICS, CONTROL_CONFIG, CONTROL_TAG, CONTROL_FILES };

struct fs;
struct inode;
struct attributes;

/* The control file of that name in dir (the root, or `.cachefs`), or -1. */
int control_find(struct fs *fs, const struct inode *dir, struct key name);

/* Whether the name is the mount's own: nothing can be created at it, renamed or removed. */
bool control_is_reserved(struct fs *fs, const struct inode *dir, struct key name);

/* The i-th file in `.cachefs`, and its name; -1 past the end. */
int control_at(size_t i, const char **name);

void control_attributes(struct fs *fs, int file, struct attributes *out);

/* What the file says now; NULL: out of memory, or a directory. */
struct value *control_text(struct fs *fs, int file);

#endif
