#ifndef CACHEFS_OPTION_PATH_H
#define CACHEFS_OPTION_PATH_H

#include "base/problem.h"

/*
 * Makes an absolute path of a path as people write it. "~" and "~/" are the home directory,
 * "~NAME/" is a user's, and a relative path starts at base_dir (NULL: it stays relative). The
 * result is malloc'ed. NULL: the text is no path, and the problem's message and hint are set; or
 * there is no memory, and both stay empty.
 *
 * Rejects variables and URLs, because they would become directories of that name.
 */
char *option_path(const char *written, const char *base_dir, struct problem *problem);

#endif
