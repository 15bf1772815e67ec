#ifndef CACHEFS_FILE_ENTRY_READ_H
#define CACHEFS_FILE_ENTRY_READ_H

/* What the text of an entry says (file/entry.h), whoever wrote it: all of it is input. No state. */

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#include "file/entry.h"
#include "base/end.h"
#include "base/meta.h"
#include "base/value.h"

struct file_entry {
	char *key; /* malloc'ed and terminated; NULL: a foreign file that does not say */
	size_t key_size;
	char *from; /* malloc'ed; NULL: it was not renamed, and `renames` is 0 */
	size_t from_size;
	uint64_t renames;
	bool foreign; /* written by another program: meta has only size and its end */
	bool has_meta;
	struct end_record ends;            /* "expires_at", and whose end that is */
	struct timespec written;           /* by us; 0: not known */
	struct meta meta;                  /* to be finished */
	const char *text, *text_end;       /* as read */
	const char *payload, *payload_end; /* in the text */
	enum file_encoding encoding;
};

/*
 * Reads all but the value. The beginning of an entry of ours is enough (partial): then -EINVAL for
 * a foreign one. The result borrows the text. 0, -EINVAL: damaged, -ENOMEM.
 */
int file_entry_read(const char *text, size_t size, bool partial, struct file_entry *entry);

/* Whether the file, whose mtime this is, is as we wrote it. */
bool file_entry_is_as_written(const struct file_entry *entry, const struct timespec *mtime);

/*
 * The value, from an entry that was read whole and whose file has this mtime. An entry of ours that
 * another program has edited may turn out to be foreign. -EINVAL: damaged, also if the checksum
 * says so of a file that is as we wrote it.
 */
int file_entry_value(struct file_entry *entry, const struct timespec *mtime, struct value **value);

void file_entry_fini(struct file_entry *entry);

#endif
