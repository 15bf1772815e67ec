#ifndef CACHEFS_PRIVATE_DIR_H
#define CACHEFS_PRIVATE_DIR_H

/*
 * Directories in which the daemon takes every file for its own (the state, the files of large
 * values), and files that it shares on purpose. Who else may write to such a directory could plant
 * a link there that leads our writing or removing elsewhere. Thread-safe; waits for the local disk.
 */

#include <stddef.h>
#include <sys/stat.h>

/*
 * The mode of a directory whose files have that mode: search where they can be read.
 */
static inline mode_t private_dir_mode(mode_t file_mode)
{
	return (file_mode & 0777u) | (file_mode & 0444u) >> 2;
}

/*
 * Opens a directory for *at() calls; a symbolic link is none. It has to be ours (or, where `like`
 * is given, of that file's owner) and written by nobody else (but by whom `like` is). The fd, or
 * -errno; -EPERM with the reason, a phrase that follows the path.
 */
int private_dir_open(const char *path, const struct stat *like, char *reason, size_t size);

/* The same for a file in it, by its name: absent (0), or a regular file of ours (0), or -EPERM. */
int private_dir_check_file(int dir_fd, const char *name, char *reason, size_t size);

/* Gives a file or directory of ours the owner, as far as we may, and the mode; never more is open
 * than either says. */
void private_dir_share(int fd, const struct stat *like, mode_t mode);

#endif
