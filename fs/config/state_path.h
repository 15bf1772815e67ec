#ifndef CACHEFS_STATE_PATH_H
#define CACHEFS_STATE_PATH_H

/*
 * Where a configuration keeps its state if it does not say: a directory below
 * $XDG_STATE_HOME/cachefs (~/.local/state/cachefs; root without XDG_STATE_HOME: /var/lib/cachefs)
 * whose name follows from the file's canonical path, or, when the text comes from no file that
 * would be found there again (a pipe), from the text. Malloc'ed; NULL: out of memory.
 */
char *state_path_default(const char *file, const char *base_dir, const char *text);

#endif
