#ifndef CACHEFS_FACTS_H
#define CACHEFS_FACTS_H

/*
 * What user.cachefs.* tells of a file, of a directory, and of the copy that one layer has. Names
 * are given without that prefix. A text is malloc'ed; -ENODATA: there is no such fact.
 */

#include "verbs/fs_state.h"

/* meta is what metadata_peek() says of it. */
int facts_of_file(struct fs *fs, struct inode *inode, pid_t tid, const struct meta *meta,
		  const char *name, char **text);
int facts_of_directory(struct fs *fs, struct inode *dir, const struct meta *meta, const char *name,
		       char **text);

/* Of what `.cachefs/layers/NAME/KEY` shows: of this copy alone, so its end, too, is its own. */
int facts_of_copy(struct fs *fs, const struct meta *meta, const char *name, char **text);

/* The names of a copy's facts, to be listed; NULL past the end. */
const char *facts_copy_name(const struct meta *meta, size_t i);

#endif
