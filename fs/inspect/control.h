#ifndef CACHEFS_CONTROL_H
#define CACHEFS_CONTROL_H

/*
 * What is not a key: `.cachefs/` with its files, and CACHEDIR.TAG. Found by name, not listed. What
 * lies in `.cachefs/layers/` is control_layers.h's.
 */

#include <stdbool.h>

#include "base/key.h"
#include "base/value.h"

enum control_file {
	CONTROL_DIR,      /* .cachefs */
	CONTROL_STATS,    /* stats.json */
	CONTROL_METRICS,  /* metrics */
	CONTROL_CONFIG,   /* config.json */
	CONTROL_COMMANDS, /* control: write-only */
	CONTROL_LAYERS,   /* layers, a directory */
	CONTROL_TAG,
	CONTROL_FILES,                /* their number; each has one inode, made with the mount */
	CONTROL_VIEW = CONTROL_FILES, /* anything below layers */
};

struct fs;
struct escape_text;
struct inode;
struct view;

/* Before anything is served: makes the inodes of these files, fs->virtual_files. 0 or -ENOMEM. */
int control_make_files(struct fs *fs);

/* The control file of that name in dir (the root, or `.cachefs`), or -1. */
int control_find(struct fs *fs, const struct inode *dir, struct key name);

/* Whether the name is the mount's own: nothing can be created at it, renamed or removed. */
bool control_is_reserved(struct fs *fs, const struct inode *dir, struct key name);

/* The i-th child of `.cachefs` or `layers`, and its mode; false past the end. */
bool control_child(struct fs *fs, const struct inode *dir, size_t i, struct escape_text *name,
		   uint32_t *mode);

/* The view (view.h) of the inodes of these files. */
extern const struct view control_view;

/* What the file says now to the mount's owner, or to others, who are shown no host, path or user;
 * NULL: out of memory, or nothing to read. */
enum control_reader { CONTROL_OWNER, CONTROL_OTHERS };
struct value *control_text(struct fs *fs, int file, enum control_reader reader);

#endif
