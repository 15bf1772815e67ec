#ifndef CACHEFS_STATE_PATH_H
#define CACHEFS_STATE_PATH_H

/*
 * The default directory of a configuration's state. It is below $XDG_STATE_HOME/cachefs
 * (~/.local/state/cachefs; for root without XDG_STATE_HOME: /var/lib/cachefs). Its name is made
 * from the file's canonical path. If the text comes from no file that could be found there again (a
 * pipe), the name is made from the text. Malloc'ed; NULL: out of memory.
 */
char *state_path_default(const char *file, const char *base_dir, const char *text);

#endif
