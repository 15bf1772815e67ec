/* See settings.h. */
#include "config/settings.h"

#include <stddef.h>

#define YEAR_S 31536000

/* What programs write and then rename: the usual suffixes; vim's swap files, backups and probe;
 * what Python's tempfile, git, rsync, sed and mktemp draw. */
#define SCRATCH_NAMES                                                                              \
	"[\"*.tmp\", \"*.tmp.*\", \"*.part\", \"*.incomplete\", \".*.sw?\", \"*~\", \"4913\", "    \
	"\"*.lock\", \"tmp????????\", \"tmp????????.*\", \"tmp_*_XXXXXX\", \".*.XXXXXX\", "        \
	"\"sedXXXXXX\", \"tmp.XXXXXXXXXX\"]"

static const char *const rmdir_policies[] = { "invalidate_prefix", "empty_only", NULL };
static const char *const killed_writers[] = { "discard", "publish", NULL };
static const char *const log_levels[] = { "error", "warning", "info", "debug", NULL };

const struct option_spec fs_options[] = {
	{ .name = "rmdir",
	  .type = OPT_ENUM,
	  .offset = offsetof(struct fs_conf, rmdir),
	  .def = "\"invalidate_prefix\"",
	  .choices = rmdir_policies,
	  .doc = "what rmdir does with a directory that is not empty" },
	{ .name = "on_killed_writer",
	  .type = OPT_ENUM,
	  .offset = offsetof(struct fs_conf, on_killed_writer),
	  .def = "\"discard\"",
	  .choices = killed_writers,
	  .doc = "what becomes of the content of a writer that a signal ended" },
	{ .name = "pending_wait_ms",
	  .type = OPT_MS,
	  .offset = offsetof(struct fs_conf, pending_wait_ms),
	  .def = "50",
	  .max = 10000,
	  .doc = "how long a get waits for a key that is only pending" },
	{ .name = "attr_timeout",
	  .type = OPT_SECONDS,
	  .offset = offsetof(struct fs_conf, attr_timeout_ms),
	  .def = "1",
	  .max = YEAR_S,
	  .doc = "how long the kernel may keep attributes, in seconds" },
	{ .name = "entry_timeout",
	  .type = OPT_SECONDS,
	  .offset = offsetof(struct fs_conf, entry_timeout_ms),
	  .def = "1",
	  .max = YEAR_S,
	  .doc = "how long the kernel may keep names, in seconds" },
	{ .name = "publish_timeout",
	  .type = OPT_SECONDS,
	  .offset = offsetof(struct fs_conf, publish_timeout_ms),
	  .def = "30",
	  .max = 3600,
	  .doc = "how long an open waits for a publish under way, in seconds" },
	{ .name = "drain_timeout",
	  .type = OPT_SECONDS,
	  .offset = offsetof(struct fs_conf, drain_timeout_ms),
	  .def = "10",
	  .max = 3600,
	  .doc = "how long operations may finish at shutdown, in seconds" },
	{ .name = "state_dir",
	  .type = OPT_PATH,
	  .offset = offsetof(struct fs_conf, state_dir),
	  .def = "null",
	  .nullable = true,
	  .doc = "where the write-back journal is kept, and what a layer has missed" },
	{ .name = "journal_max_mb",
	  .type = OPT_MB,
	  .offset = offsetof(struct fs_conf, journal_max_bytes),
	  .def = "1024",
	  .min = 1,
	  .doc = "bound of the sets that write_back has not written to the slower layers yet" },
	{ .name = "journal_wait",
	  .type = OPT_SECONDS,
	  .offset = offsetof(struct fs_conf, journal_wait_ms),
	  .def = "10",
	  .max = 3600,
	  .doc = "how long a set waits for room in a full journal, in seconds" },
	{ .name = "pending_max_bytes",
	  .type = OPT_BYTES,
	  .offset = offsetof(struct fs_conf, pending_max_bytes),
	  .def = "null",
	  .min = 1,
	  .nullable = true,
	  .doc = "bound of unpublished content; null: half of the disk where it is written" },
	{ .name = "working_copy_heap_kb",
	  .type = OPT_KB,
	  .offset = offsetof(struct fs_conf, heap_max_bytes),
	  .def = "1024",
	  .max = 1048576,
	  .doc = "larger working copies are files" },
	{ .name = "scratch_names",
	  .type = OPT_LIST,
	  .offset = offsetof(struct fs_conf, scratch_names),
	  .def = SCRATCH_NAMES,
	  .doc = "names of temporary files, which live in the daemon and are set by their rename; "
		 "globs, XXXXXX at the end as mkstemp(3) fills it (so and with ?????? only files "
		 "that are made with O_EXCL and mode 0600); []: none" },
	{ .name = "scratch_publish_s",
	  .type = OPT_SECONDS,
	  .offset = offsetof(struct fs_conf, scratch_publish_ms),
	  .def = "60",
	  .max = YEAR_S,
	  .doc = "how long a temporary file that is not empty stays one after its last close, in "
		 "seconds; then it is an entry" },
	{ .name = "foreign_mode",
	  .type = OPT_MODE,
	  .offset = offsetof(struct fs_conf, foreign_mode),
	  .def = "\"0600\"",
	  .max = 0666,
	  .doc = "the mode, less the umask, of entries that other programs wrote, and of those "
		 "whose "
		 "mode was lost; their directories can be searched by whom they can be read" },
	{ .name = "max_threads",
	  .type = OPT_COUNT,
	  .offset = offsetof(struct fs_conf, threads_max),
	  .def = "128",
	  .min = 4,
	  .max = 4096,
	  .doc = "threads serving requests, waiting ones included" },
	{ .name = "log_file",
	  .type = OPT_PATH,
	  .offset = offsetof(struct fs_conf, log_file),
	  .def = "null",
	  .nullable = true,
	  .doc = "where the log goes; null: stderr, in the background syslog" },
	{ .name = "log_level",
	  .type = OPT_ENUM,
	  .offset = offsetof(struct fs_conf, log_level),
	  .def = "\"info\"",
	  .choices = log_levels,
	  .doc = "what is worth a line in the log" },
	{ .name = "xattr",
	  .type = OPT_BOOL,
	  .offset = offsetof(struct fs_conf, xattr),
	  .def = "true",
	  .doc = "extended attributes; false spares requests of ls -l" },
	{ 0 },
};

#define TTL_MEMBER                                                                                 \
	{                                                                                          \
		.name = "ttl_s", .type = OPT_SECONDS,                                              \
		.offset = offsetof(struct config_top, ttl_ms), .def = "null", .nullable = true,    \
		.doc = "the TTL of what is set without one of its own or of a directory; in the "  \
		       "options of a layer: its default_ttl_s"                                     \
	}

const struct option_spec config_ttl_member[] = { TTL_MEMBER, { 0 } };

const struct option_spec config_top_members[] = {
	{ .name = "plugin",
	  .type = OPT_NESTED,
	  .def = "\"memory\"",
	  .values = "a type",
	  .doc = "another word for type; \"advanced\" is memory" },
	{ .name = "enabled",
	  .type = OPT_BOOL,
	  .offset = offsetof(struct config_top, enabled),
	  .def = "true",
	  .doc = "false: a cache that accepts and forgets (noop), whatever else is written here" },
	TTL_MEMBER,
	{ 0 },
};
