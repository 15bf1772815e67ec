#ifndef CACHEFS_PRIVATE_DIR_H
#define CACHEFS_PRIVATE_DIR_H

/*
 * Directories whose files all belong to the daemon (the state, the files of large values), and
 * files that the daemon shares on purpose. Another user who may write to such a directory could put
 * a link there, and the daemon would write or remove another file. Thread-safe; waits for the local
 * disk.
 */

#include <stddef.h>
#include <sys/stat.h>

/* The mode of a directory for files with file_mode: whoever may read the files may search the
 * directory. */
static inline mode_t private_dir_mode(mode_t file_mode)
{
	return (file_mode & 0777u) | (file_mode & 0444u) >> 2;
}

/*
 * Opens a directory for *at() calls; rejects a symbolic link. The directory must belong to us (or,
 * if `like` is given, to that file's owner). No other user may write to it (except the users that
 * may write to `like`). Returns the fd or -errno. -EPERM: reason is set, a phrase that follows the
 * path.
 */
int private_dir_open(const char *path, const struct stat *like, char *reason, size_t size);

/* Checks a file in such a directory. 0: the file is absent, or a regular file of ours. -EPERM: any
 * other file; reason is set. Or another -errno. */
int private_dir_check_file(int dir_fd, const char *name, char *reason, size_t size);

/* Gives a file or directory of ours the mode, and as far as permitted the owner and group of `like`
 * (NULL: keeps them). If the group cannot be changed, the group gets no permission. */
void private_dir_share(int fd, const struct stat *like, mode_t mode);

#endif
