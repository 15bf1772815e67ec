/*
 * An entry as a JSON file: it is read or refused; the beginning alone says the same of it as the
 * whole; and what was read can be written and read again.
 */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "file/entry_read.h"
#include "file/entry_write.h"
#include "fuzz.h"

enum { OURS = 4 };

static const struct timespec written = { 1767225600, 5 }; /* the mtime of every file */

static struct fuzz_seed seeds[OURS + 4] = {
	[OURS] = FUZZ_TEXT("{\n  \"payload\": {\n    \"text\": \"hi\"\n  },\n  \"expires_at\": "
			   "1767225600.5\n}"),
	[OURS + 1] = FUZZ_TEXT(
		"{\"payload\": [1, 0.10, -1e-3, NaN, true, null, \"\\ud83d\\ude00\"], "
		"\"expires_at\": null, \"more\": {\"a\": []}}"),
	[OURS + 2] = FUZZ_TEXT("{\"payload\": \"\\u0000\\n\\\"\", \"expires_at\": -1}"),
};

static const char *const words[] = {
	"\"payload\": ",
	"\"expires_at\": ",
	"\"key\": ",
	"\"key_base64\": ",
	"\"encoding\": ",
	"\"json\"",
	"\"text\"",
	"\"base64\"",
	"\"meta\": {",
	"\"size\": ",
	"\"version\": 0",
	"\"xattrs\": ",
	"\"mtime\": ",
	"\"1.000000000\"",
	"null",
	"{",
	"}",
	"[",
	"]",
	"\"",
	"\\",
	"\\u0000",
	"\\ud83d",
	",",
	"==",
	"\n}\n",
	"NaN",
	"\"AAEC\"",
	"\"checksum\": ",
	"\xff",
	"\"mode\": \"644\"",
	NULL,
};

static void expect_same_meta(const struct meta *a, const struct meta *b)
{
	size_t a_size, b_size;
	const void *a_packed = xattrs_packed(a->xattrs, &a_size);
	const void *b_packed = xattrs_packed(b->xattrs, &b_size);

	assert(a->size == b->size && a->ino == b->ino && a->version == b->version);
	assert(a->checksum == b->checksum && a->hits == b->hits && a->mode == b->mode);
	assert(a->uid == b->uid && a->gid == b->gid && a->copy.number == b->copy.number &&
	       a->own.number == b->own.number);
	assert(a->created_ms == b->created_ms);
	assert(memcmp(&a->mtime, &b->mtime, sizeof(a->mtime)) == 0);
	assert(memcmp(&a->ctime, &b->ctime, sizeof(a->ctime)) == 0);
	assert(a_size == b_size && (a_size == 0 || memcmp(a_packed, b_packed, a_size) == 0));
}

static void expect_same_value(const struct value *a, const struct value *b)
{
	assert(value_size(a) == value_size(b));
	assert(memcmp(value_bytes(a), value_bytes(b), (size_t)value_size(a)) == 0);
}

/* Or refuses: then the whole is read. ours: it was written by us. */
static void expect_beginning_says_the_same(const char *text, size_t size, bool ours,
					   const struct file_entry *whole)
{
	struct file_entry e;
	int rc = file_entry_read(text, size, true, &e);

	assert(rc == 0 || (rc == -EINVAL && !ours));
	/* Another program may lay it out otherwise. */
	if (rc == 0 && e.payload == whole->payload) {
		assert(!whole->foreign);
		assert(!whole->key == !e.key && whole->key_size == e.key_size);
		assert(e.encoding == whole->encoding);
		expect_same_meta(&e.meta, &whole->meta);
	}
	assert(!ours || e.payload == whole->payload);
	if (rc == 0)
		file_entry_fini(&e);
}

/* Written by us it is an entry of ours, whoever wrote it before. */
static void expect_written_back(const struct file_entry *e, struct value *value)
{
	struct key key = key_make(e->key ? e->key : "k", e->key ? e->key_size : 1);
	struct file_origin origin = { key_make(e->from, e->from_size), e->renames };
	struct file_entry again;
	struct value *again_value;
	char *text;
	size_t size;
	int rc = file_entry_write(key, e->from ? &origin : NULL, value, &e->meta, &written, &text,
				  &size);

	assert(rc == 0);
	rc = file_entry_read(text, size, false, &again);
	assert(rc == 0 && !again.foreign);
	assert(key_equal(key_make(again.key, again.key_size), key));
	assert(!e->from == !again.from);
	assert(!e->from || (key_equal(key_make(again.from, again.from_size), origin.key) &&
			    again.renames == origin.renames));
	expect_same_meta(&again.meta, &e->meta);
	expect_beginning_says_the_same(text, size, true, &again);
	rc = file_entry_value(&again, &written, &again_value);
	assert(rc == 0);
	expect_same_value(value, again_value);
	value_unref(again_value);
	file_entry_fini(&again);
	free(text);
}

static void try(const uint8_t *bytes, size_t size)
{
	const char *text = (const char *)bytes;
	struct file_entry e;
	struct value *value;
	int rc = file_entry_read(text, size, false, &e);

	assert(rc == 0 || rc == -EINVAL);
	if (rc < 0) {
		if (file_entry_read(text, size, true, &e) == 0)
			file_entry_fini(&e);
		return;
	}
	assert(e.payload >= text && e.payload <= e.payload_end && e.payload_end <= text + size);
	expect_beginning_says_the_same(text, size, false, &e);
	rc = file_entry_value(&e, &written, &value);
	assert(rc == 0 || rc == -EINVAL);
	if (rc == 0) {
		expect_written_back(&e, value);
		value_unref(value);
	}
	file_entry_fini(&e);
}

/* Writes the number in the place of the one behind the name, if it has as many digits. */
static void mend_number(char *text, size_t size, const char *name, const char *number)
{
	char *at = memmem(text, size, name, strlen(name));
	size_t digits = strlen(number), left = at ? (size_t)(text + size - at) : 0;

	if (at && left > strlen(name) + digits &&
	    strspn(at + strlen(name), "0123456789abcdef") == digits)
		memcpy(at + strlen(name), number, digits);
}

/* The same with the size and the checksum of the value that the payload is, for else they would
 * turn away nearly all that was changed. */
static void try_mended(const uint8_t *bytes, size_t size)
{
	const struct timespec another = { 1, 1 };
	struct file_entry e;
	struct value *value;
	uint64_t checksum;
	char number[24], *text = malloc(size + 1);

	assert(text);
	memcpy(text, bytes, size);
	text[size] = '\0';
	if (file_entry_read(text, size, false, &e) == 0) {
		if (file_entry_value(&e, &another, &value) == 0) {
			int rc = value_checksum(value, &checksum);
			assert(rc == 0);
			snprintf(number, sizeof(number), "%llu",
				 (unsigned long long)value_size(value));
			mend_number(text, size, "\"size\": ", number);
			snprintf(number, sizeof(number), "%016llx", (unsigned long long)checksum);
			mend_number(text, size, "\"checksum\": \"", number);
			value_unref(value);
		}
		file_entry_fini(&e);
		try((const uint8_t *)text, size);
	}
	free(text);
}

static void run(const uint8_t *bytes, size_t size)
{
	try(bytes, size);
	try_mended(bytes, size);
}

static void make_seed(struct fuzz_seed *seed, const char *key, size_t key_size, const char *bytes,
		      size_t size)
{
	struct meta meta = { .size = size,
			     .ino = 7,
			     .version = 3,
			     .hits = 1,
			     .created_ms = 1767225600500,
			     .mode = S_IFREG | 0644,
			     .mtime = { 1767225600, 123456789 } };
	struct value *value = value_copy(bytes, size);
	struct file_origin origin = { key_make(key, key_size - 1), 2 };
	char *text;
	int rc = value_checksum(value, &meta.checksum);

	assert(rc == 0);
	rc = xattrs_with(NULL, "user.a", "red", 3, &meta.xattrs);
	assert(rc == 0);
	rc = file_entry_write(key_make(key, key_size), size > 0 ? &origin : NULL, value, &meta,
			      &written, &text, &seed->size);
	assert(rc == 0);
	seed->bytes = text;
	value_unref(value);
	meta_fini(&meta);
}

int main(void)
{
	static const struct fuzz_target target = { "file_entry", seeds, words, run };

	make_seed(&seeds[0], "answers/6x7", 11, "{\"text\": [0.10, \"\\u0000\"]}", 26);
	make_seed(&seeds[1], "k", 1, "plain \"text\"\n", 13);
	make_seed(&seeds[2], "k\xff\0/", 4, "\0\1\2\xff", 4);
	make_seed(&seeds[3], "empty", 5, "", 0);
	int rc = fuzz_main(&target);
	for (int i = 0; i < OURS; i++)
		free((void *)(uintptr_t)seeds[i].bytes);
	return rc;
}
