#ifndef CACHEFS_FACTS_H
#define CACHEFS_FACTS_H

/*
 * The values of user.cachefs.*, for a file, for a directory, and for the copy that one layer has.
 * Names are given without that prefix. The text is malloc'ed. -ENODATA: there is no such fact.
 */

#include "verbs/fs_state.h"

/* meta: from metadata_peek(). */
int facts_of_file(struct fs *fs, struct inode *inode, pid_t tid, const struct meta *meta,
		  const char *name, char **text);
int facts_of_directory(struct fs *fs, struct inode *dir, const struct meta *meta, const char *name,
		       char **text);

/* For a file that `.cachefs/layers/NAME/KEY` shows: facts of this copy only, also its own end. */
int facts_of_copy(struct fs *fs, const struct meta *meta, const char *name, char **text);

/* The names of a copy's facts, for listings; NULL past the end. */
const char *facts_copy_name(const struct meta *meta, size_t i);

#endif
