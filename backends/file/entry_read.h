#ifndef CACHEFS_FILE_ENTRY_READ_H
#define CACHEFS_FILE_ENTRY_READ_H

/* Reads the text of an entry (file/entry.h). Any program may have written the text, so nothing in
 * it is trusted. No state. */

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#include "file/entry.h"
#include "base/end.h"
#include "base/meta.h"
#include "base/value.h"

struct file_entry {
	char *key; /* malloc'ed and terminated; NULL: a foreign file without a key */
	size_t key_size;
	char *from; /* malloc'ed; NULL: it was not renamed, and `renames` is 0 */
	size_t from_size;
	uint64_t renames;
	bool foreign; /* written by another program: meta has only size and ends */
	bool has_meta;
	struct end_record ends;            /* "expires_at" and the record of ends */
	struct timespec written;           /* when we wrote the file; 0: not known */
	struct meta meta;                  /* the caller ends it */
	const char *text, *text_end;       /* as read */
	const char *payload, *payload_end; /* in the text */
	enum file_encoding encoding;
};

/*
 * Reads everything but the value. partial: the text is only the beginning of a file, which is
 * enough for an entry of ours; -EINVAL for a foreign entry. The result borrows the text. 0,
 * -EINVAL: damaged, -ENOMEM.
 */
int file_entry_read(const char *text, size_t size, bool partial, struct file_entry *entry);

/* True if mtime, the file's, shows that the file is as we wrote it. */
bool file_entry_is_as_written(const struct file_entry *entry, const struct timespec *mtime);

/*
 * Reads the value of an entry that was read whole; mtime: its file's. An entry of ours that another
 * program has edited may become foreign. -EINVAL: damaged, also if the checksum does not fit a file
 * that no other program has changed.
 */
int file_entry_value(struct file_entry *entry, const struct timespec *mtime, struct value **value);

void file_entry_fini(struct file_entry *entry);

#endif
