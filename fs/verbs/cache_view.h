#ifndef CACHEFS_CACHE_VIEW_H
#define CACHEFS_CACHE_VIEW_H

/* The views (view.h) of the cache's own directories and files: arguments of inodes_init(). */

#include "verbs/view.h"

extern const struct view cache_directory_view, cache_file_view;

#endif
