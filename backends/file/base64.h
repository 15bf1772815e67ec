#ifndef CACHEFS_FILE_BASE64_H
#define CACHEFS_FILE_BASE64_H

/* Bytes as text, for values and keys that JSON cannot hold. No state. */

#include <stdbool.h>
#include <stddef.h>

size_t base64_size(size_t size); /* the size of the text for so many bytes */

/* Writes the text, not terminated; returns its end. */
char *base64_write(char *to, const void *bytes, size_t size);

/* Decodes the text in place; the result is shorter, and *out is its size. False: not base64. */
bool base64_read(char *bytes, size_t size, size_t *out);

#endif
