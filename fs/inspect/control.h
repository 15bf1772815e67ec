#ifndef CACHEFS_CONTROL_H
#define CACHEFS_CONTROL_H

/*
 * The files that are not keys: `.cachefs/` with its files, and CACHEDIR.TAG. A lookup finds them;
 * no listing of the root shows them. control_layers.h shows `.cachefs/layers/`.
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
	CONTROL_FILES,                /* number of files; each has one inode, made with the mount */
	CONTROL_VIEW = CONTROL_FILES, /* anything below layers */
};

struct fs;
struct escape_text;
struct inode;
struct view;

/* Before any request is served: makes the inodes of these files, fs->virtual_files. 0, -ENOMEM. */
int control_make_files(struct fs *fs);

/* The control file of that name in dir (the root, or `.cachefs`), or -1. */
int control_find(struct fs *fs, const struct inode *dir, struct key name);

/* True if the name belongs to the mount: nothing can be created there, renamed or removed. */
bool control_is_reserved(struct fs *fs, const struct inode *dir, struct key name);

/* The i-th child of `.cachefs` or `layers`, and its mode; false past the end. */
bool control_child(struct fs *fs, const struct inode *dir, size_t i, struct escape_text *name,
		   uint32_t *mode);

/* The view (view.h) of the inodes of these files. */
extern const struct view control_view;

/* The present text of the file, for the mount's owner or for others. Others see no host, path or
 * user. NULL: out of memory, or the file has no text. */
enum control_reader { CONTROL_OWNER, CONTROL_OTHERS };
struct value *control_text(struct fs *fs, int file, enum control_reader reader);

#endif
