#ifndef CACHEFS_FILE_ENTRY_H
#define CACHEFS_FILE_ENTRY_H

/*
 * One entry as a JSON file, in the form of the Python package ("payload" and "expires_at") with
 * members of our own before the payload:
 *
 *   {
 *     "key": "answers/6x7",          or "key_base64" if the key is not UTF-8
 *     "encoding": "json",            how the payload holds the value: see below
 *     "expires_at": 1767225600.5,    or null
 *     "meta": {...},                 its "copy_end" is the expires_at that we wrote; "own_end" is
 *                                    the entry's own end: 1767225600.500 and its clock, or never;
 *                                    "clock" is the rest of a record of ends (end.h)
 *     "payload": {"text": "42"}
 *   }
 *
 * A rename adds "renamed_from" (or "renamed_from_base64") and "renames" after the key; the next
 * write for another reason removes both.
 *
 * "meta" says when we wrote the file ("written"). If the file has another time, another program
 * wrote it. If the value then does not fit the rest of "meta", the entry is foreign: the payload is
 * read as the encoding says, otherwise as its bytes stand; apart from the payload only the key and
 * the expiry count.
 *
 * A value that is JSON stands in the payload byte for byte ("json"), other text as a string
 * ("text"), other bytes in base64 ("base64"). A file without "encoding" and "meta" was written by
 * another program, and its payload is the value as its bytes stand. A file with only one of these
 * two members is damaged; so is a file of ours without a key.
 */

#include <stdint.h>

#include "base/key.h"

/* The key that an entry had before it was renamed, and the number of renames since its last other
 * write. */
struct file_origin {
	struct key key;
	uint64_t renames;
};

/* The form of the value in the payload, and the word for it. */
enum file_encoding { ENCODED_JSON, ENCODED_TEXT, ENCODED_BASE64, ENCODINGS };
#define FILE_ENCODINGS                                                                             \
	{                                                                                          \
		"json", "text", "base64"                                                           \
	}

#define FILE_ENTRY_END "\n}\n" /* the text after the payload in our files */

#endif
