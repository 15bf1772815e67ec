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

#include <stdint.h>

#include "base/key.h"

/* What an entry was called before it was renamed, so many times since it was written otherwise. */
struct file_origin {
	struct key key;
	uint64_t renames;
};

/* How the payload holds the value, and the word that says so. */
enum file_encoding { ENCODED_JSON, ENCODED_TEXT, ENCODED_BASE64, ENCODINGS };
#define FILE_ENCODINGS                                                                             \
	{                                                                                          \
		"json", "text", "base64"                                                           \
	}

#define FILE_ENTRY_END "\n}\n" /* what follows the payload of ours */

#endif
