/* Writes the text of an entry. See file/entry_write.h. */
#include "file/entry_write.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "file/base64.h"
#include "base/json_text.h"
#include "base/text.h"

static const char *const encodings[ENCODINGS] = FILE_ENCODINGS;

enum { END_SIZE = sizeof(FILE_ENTRY_END) - 1, FIXED_SIZE = 1024 };

/* All bytes of the value; *loaded is to be freed. */
static int value_whole(struct value *value, const char **bytes, char **loaded)
{
	uint64_t size = value_size(value);

	*loaded = NULL;
	*bytes = value_bytes(value);
	if (*bytes || size == 0)
		return 0;
	*loaded = malloc((size_t)size);
	if (!*loaded)
		return -ENOMEM;
	*bytes = *loaded;
	ssize_t n = value_read(value, *loaded, (size_t)size, 0);
	return n < 0 ? (int)n : n != (ssize_t)size ? -EIO : 0;
}

static enum file_encoding encoding_of(const char *bytes, size_t size)
{
	if (!text_is_plain(bytes, size))
		return ENCODED_BASE64;
	return json_is_value(bytes, size) ? ENCODED_JSON : ENCODED_TEXT;
}

static char *write_payload(char *to, enum file_encoding encoding, const char *bytes, size_t size)
{
	switch (encoding) {
	case ENCODED_JSON:
		return (char *)memcpy(to, bytes, size) + size;
	case ENCODED_TEXT:
		return json_write_string(to, bytes, size);
	case ENCODED_BASE64:
	case ENCODINGS:
		break;
	}
	*to++ = '"';
	to = base64_write(to, bytes, size);
	*to++ = '"';
	return to;
}

/* As sprintf(), into a buffer that was made large enough. */
__attribute__((format(printf, 3, 4))) static char *print(char *to, const char *end,
							 const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	int size = vsnprintf(to, (size_t)(end - to), format, arguments);
	va_end(arguments);
	assert(size >= 0 && size < end - to);
	return to + size;
}

/* Seconds with three digits, as Python writes and reads them. */
static char *write_seconds(char *to, const char *end, int64_t ms)
{
	uint64_t amount = ms < 0 ? -(uint64_t)ms : (uint64_t)ms;

	return print(to, end, "%s%" PRIu64 ".%03u", ms < 0 ? "-" : "", amount / 1000,
		     (unsigned)(amount % 1000));
}

static char *write_end(char *to, const char *limit, const char *name, struct end end)
{
	if (end_kind(end) == END_NONE)
		return to;
	to = print(to, limit, ",\n    \"%s\": \"", name);
	if (end_kind(end) == END_NEVER)
		return print(to, limit, "never\"");
	to = write_seconds(to, limit, end_ms(end));
	return print(to, limit, end_kind(end) == END_STEADY ? " steady\"" : " moment\"");
}

static char *write_time(char *to, const char *end, const char *name, struct timespec time)
{
	return print(to, end, ",\n    \"%s\": \"%" PRId64 ".%09ld\"", name, (int64_t)time.tv_sec,
		     time.tv_nsec);
}

static char *write_meta(char *to, const char *end, const struct meta *meta,
			const struct end_record *record, const struct timespec *written)
{
	size_t xattrs_size;
	const void *xattrs = xattrs_packed(meta->xattrs, &xattrs_size);

	to = print(to, end,
		   "  \"meta\": {\n    \"size\": %" PRIu64 ",\n    \"ino\": %" PRIu64
		   ",\n    \"version\": %" PRIu64 ",\n    \"checksum\": \"%016" PRIx64
		   "\",\n    \"hits\": %" PRIu64 ",\n    \"created\": ",
		   meta->size, meta->ino, meta->version, meta->checksum, meta->hits);
	to = write_seconds(to, end, meta->created_ms);
	if (meta->hit_ms != 0) {
		to = print(to, end, ",\n    \"hit\": ");
		to = write_seconds(to, end, meta->hit_ms);
	}
	to = write_end(to, end, "copy_end", (struct end){ record->copy });
	to = write_end(to, end, "own_end", (struct end){ record->own });
	if (record->copy != 0 || record->own != 0)
		to = print(to, end, ",\n    \"clock\": \"%" PRId64 " %016" PRIx64 "\"",
			   record->ahead_ms, record->boot);
	to = write_time(to, end, "mtime", meta->mtime);
	to = write_time(to, end, "ctime", meta->ctime);
	if (written)
		to = write_time(to, end, "written", *written);
	to = print(to, end, ",\n    \"mode\": \"%o\",\n    \"uid\": %u,\n    \"gid\": %u",
		   meta->mode, meta->uid, meta->gid);
	if (xattrs_size > 0) {
		to = print(to, end, ",\n    \"xattrs\": \"");
		to = base64_write(to, xattrs, xattrs_size);
		*to++ = '"';
	}
	return print(to, end, "\n  },\n");
}

static char *write_key(char *to, const char *end, const char *name, struct key key)
{
	if (text_is_utf8(key.bytes, key.size)) {
		to = print(to, end, "  \"%s\": ", name);
		to = json_write_string(to, key.bytes, key.size);
	} else {
		to = print(to, end, "  \"%s_base64\": \"", name);
		to = base64_write(to, key.bytes, key.size);
		*to++ = '"';
	}
	return print(to, end, ",\n");
}

static char *write_origin(char *to, const char *end, const struct file_origin *origin)
{
	to = write_key(to, end, "renamed_from", origin->key);
	return print(to, end, "  \"renames\": %" PRIu64 ",\n", origin->renames);
}

static size_t room_for_payload(enum file_encoding encoding, const char *bytes, size_t size)
{
	size_t room = size;

	if (encoding == ENCODED_BASE64)
		return base64_size(size) + 2;
	for (size_t i = 0; encoding == ENCODED_TEXT && i < size; i++)
		room += (unsigned char)bytes[i] < 0x20 || bytes[i] == 0x7f ? 5
			: bytes[i] == '"' || bytes[i] == '\\'              ? 1
									   : 0;
	return room + 2;
}

int file_entry_write(struct key key, const struct file_origin *origin, struct value *value,
		     const struct meta *meta, const struct timespec *written, char **text,
		     size_t *size)
{
	const char *bytes = "null";
	size_t payload_size = 4, xattrs_size;
	enum file_encoding encoding = ENCODED_JSON;
	char *loaded = NULL;

	if (value) {
		int rc = value_whole(value, &bytes, &loaded);
		if (rc < 0) {
			free(loaded);
			return rc;
		}
		payload_size = (size_t)value_size(value);
		encoding = encoding_of(bytes, payload_size);
	}
	xattrs_packed(meta->xattrs, &xattrs_size);
	size_t room = FIXED_SIZE + 6 * key.size + (origin ? 6 * origin->key.size : 0) +
		      base64_size(xattrs_size) + room_for_payload(encoding, bytes, payload_size);
	char *start = malloc(room);
	if (!start) {
		free(loaded);
		return -ENOMEM;
	}
	const struct end_record record = end_record_of(meta->copy, meta->own, time_skew_ms());
	const char *end = start + room;
	char *to = print(start, end, "{\n");
	to = write_key(to, end, "key", key);
	if (origin)
		to = write_origin(to, end, origin);
	to = print(to, end, "  \"encoding\": \"%s\",\n  \"expires_at\": ", encodings[encoding]);
	to = record.expires_ms != 0 ? write_seconds(to, end, record.expires_ms)
				    : print(to, end, "null");
	to = print(to, end, ",\n");
	to = write_meta(to, end, meta, &record, written);
	to = print(to, end, "  \"payload\": ");
	to = write_payload(to, encoding, bytes, payload_size);
	assert(end - to >= END_SIZE);
	memcpy(to, FILE_ENTRY_END, END_SIZE);
	free(loaded);
	*text = start;
	*size = (size_t)(to - start) + END_SIZE;
	return 0;
}
