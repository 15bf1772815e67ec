#ifndef CACHEFS_TEXT_H
#define CACHEFS_TEXT_H

/* Tests whether programs that read text can read the bytes. */

#include <stdbool.h>
#include <stddef.h>

bool text_is_utf8(const void *bytes, size_t size);

/* True for valid UTF-8 without NUL: other programs can read the bytes as text. */
bool text_is_plain(const void *bytes, size_t size);

#endif
