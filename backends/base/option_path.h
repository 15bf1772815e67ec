#ifndef CACHEFS_OPTION_PATH_H
#define CACHEFS_OPTION_PATH_H

#include "base/problem.h"

/*
 * A path as people write it, made absolute: "~" and "~/" are the home directory, "~NAME/" is a
 * user's, and a relative one starts at base_dir (NULL: it stays as it is). malloc'ed; NULL with the
 * problem's message and hint set if it is no path, and with neither if there is no memory.
 *
 * Variables and URLs are refused: taken for names they would become directories of that name.
 */
char *option_path(const char *written, const char *base_dir, struct problem *problem);

#endif
