#ifndef CACHEFS_SETTINGS_H
#define CACHEFS_SETTINGS_H

/* The settings of a configuration beside its layers, and their tables. */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/option.h"

enum rmdir_policy { RMDIR_INVALIDATE_PREFIX, RMDIR_EMPTY_ONLY };
enum killed_writer { KILLED_WRITER_DISCARD, KILLED_WRITER_PUBLISH };

/* The daemon's own settings: the object "cachefs". */
struct fs_conf {
	int rmdir;                  /* enum rmdir_policy; default invalidate_prefix */
	int on_killed_writer;       /* enum killed_writer; default discard */
	int64_t pending_wait_ms;    /* 50, 0..10000: how long a get waits for a key that is only
				       pending */
	int64_t attr_timeout_ms;    /* option attr_timeout, seconds, 1 */
	int64_t entry_timeout_ms;   /* option entry_timeout, seconds, 1 */
	int64_t publish_timeout_ms; /* option publish_timeout, seconds, 30: how long an open waits
				       for a publish */
	int64_t drain_timeout_ms;   /* option drain_timeout, seconds, 10: at shutdown */
	char *state_dir;            /* default: state_path.h */
	uint64_t journal_max_bytes; /* option journal_max_mb, 1024: undrained sets of write_back */
	int64_t journal_wait_ms;    /* option journal_wait, seconds, 10: of a set for room in it */
	uint64_t pending_max_bytes; /* unpublished content, then ENOSPC; 0: half of the disk */
	uint64_t heap_max_bytes;    /* option working_copy_heap_kb, 1024: larger working copies are
				       files */
	char **scratch_names;       /* glob patterns, ends with NULL; scratch.h */
	mode_t foreign_mode;        /* of entries without a known mode; "0600" */
	int64_t scratch_publish_ms; /* option scratch_publish_s, 60: scratch_rest.h */
	uint64_t threads_max;       /* option max_threads, 128, 4..4096 */
	char *log_file;             /* NULL: stderr, in the background syslog */
	int log_level;              /* enum log_level: error warning info debug; default info */
	bool xattr;                 /* true */
};

extern const struct option_spec fs_options[];

/* The options at the top of a configuration beside its layers, as in the block of the Python
 * package's core. */
struct config_top {
	bool enabled;   /* false: the cache is a noop */
	int64_t ttl_ms; /* option ttl_s: the root directory's default TTL; -1: none */
};

extern const struct option_spec config_top_members[];

/* Only ttl_s, into a struct config_top. */
extern const struct option_spec config_ttl_member[];

#endif
