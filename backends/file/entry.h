#ifndef CACHEFS_FILE_ENTRY_H
#define CACHEFS_FILE_ENTRY_H

/*
 * One entry as a JSON file, in the shape of the Python package ("payload" and "expires_at") with
 * members of our own before it:
 *
 *   {
 *     "key": "answers/6x7",          or "key_base64", when it is not UTF-8
 *     "encoding": "json",            how the payload holds the value: see below
 *     "expires_at": 1767225600.5,    or null
 *     "meta": {...},                 "copy_end" in it is what we wrote as expires_at, "own_end"
 *                                    the entry's own end: 1767225600.500 and its clock, or never;
 *                                    "clock" the rest of a record of ends (end.h)
 *     "payload": {"text": "42"}
 *   }
 *
 * After a rename, "renamed_from" (or "renamed_from_base64") and "renames" stand behind the key,
 * until the entry is written for another reason.
 *
 * "meta" says when we wrote the file ("written"): one with another time is another program's work,
 * and where the value does not fit the rest of "meta" then, it is foreign: its payload is read as
 * the encoding says, else as it stands, and of the members only the key and the expiry count.
 *
 * A value that is JSON stands there byte for byte ("json"), other text as a string ("text"), other
 * bytes in base64 ("base64"). In a file without "encoding" and "meta", written by another program,
 * the payload is the value as it stands; one of the two alone is damage, as is ours without a key.
 */

#include <stdbool.h>
#include <stddef.h>

#include "base/key.h"
#include "base/meta.h"
#include "base/value.h"

/* What an entry was called before it was renamed, so many times since it was written otherwise. */
struct file_origin {
	struct key key;
	uint64_t renames;
};

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
	int encoding;
};

/*
 * The text of an entry, malloc'ed. value NULL: of a directory's marker; origin NULL: it is not
 * renamed; written: the mtime that its file will have, NULL: not known. 0, -ENOMEM, or -errno of a
 * value that cannot be read.
 */
int file_entry_write(struct key key, const struct file_origin *origin, struct value *value,
		     const struct meta *meta, const struct timespec *written, char **text,
		     size_t *size);

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
