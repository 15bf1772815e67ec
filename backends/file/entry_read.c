/* Reads the text of an entry. See file/entry_read.h. */
#include "file/entry_read.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "file/base64.h"
#include "base/json_text.h"

static const char *const encodings[ENCODINGS] = FILE_ENCODINGS;

enum { END_SIZE = sizeof(FILE_ENTRY_END) - 1 };

/* --- words ------------------------------------------------------------------------------------ */

static int read_base64_string(struct json_text *t, char **bytes, size_t *size)
{
	int rc = json_read_string(t, bytes, size);

	if (rc < 0 || base64_read(*bytes, *size, size))
		return rc;
	free(*bytes);
	*bytes = NULL;
	return -EINVAL;
}

/* A number or the content of a string, as short text. False: neither, or too long. */
static bool read_word(struct json_text *t, char word[64])
{
	json_skip_space(t);
	const char *start = t->at;
	if (!json_skip_value(t))
		return false;
	size_t size = (size_t)(t->at - start);
	if (size >= 2 && *start == '"') {
		start++;
		size -= 2;
	}
	if (size == 0 || size >= 64)
		return false;
	memcpy(word, start, size);
	word[size] = '\0';
	return true;
}

static bool read_unsigned(const char *word, int base, uint64_t max, uint64_t *number)
{
	char *end;

	errno = 0;
	*number = strtoull(word, &end, base);
	return *word != '-' && errno == 0 && end != word && *end == '\0' && *number <= max;
}

static bool read_ms(const char *word, int64_t *ms)
{
	char *end;
	double seconds = strtod(word, &end);

	if (end == word || *end != '\0' || isnan(seconds))
		return false;
	*ms = llround(fmax(fmin(seconds, 1e13), -1e13) * 1000);
	return true;
}

static bool read_end(const char *word, int64_t *number)
{
	char seconds[64];
	int64_t ms;
	size_t size = strcspn(word, " ");

	if (strcmp(word, "never") == 0) {
		*number = end_make(END_NEVER, 0).number;
		return true;
	}
	memcpy(seconds, word, size);
	seconds[size] = '\0';
	bool steady = strcmp(word + size, " steady") == 0;
	if ((!steady && strcmp(word + size, " moment") != 0) || !read_ms(seconds, &ms))
		return false;
	*number = end_make(steady ? END_STEADY : END_MOMENT, ms).number;
	return true;
}

static bool read_time(const char *word, struct timespec *time)
{
	char *end;

	errno = 0;
	long long seconds = strtoll(word, &end, 10);
	if (errno != 0 || end == word || *end != '.' || strlen(end) != 10)
		return false;
	uint64_t nanoseconds;
	if (!read_unsigned(end + 1, 10, 999999999, &nanoseconds))
		return false;
	*time = (struct timespec){ (time_t)seconds, (long)nanoseconds };
	return true;
}

/* --- members ---------------------------------------------------------------------------------- */

static int read_xattrs(struct json_text *t, struct meta *meta)
{
	char *packed;
	size_t size;
	int rc = read_base64_string(t, &packed, &size);

	if (rc < 0)
		return rc;
	xattrs_unref(meta->xattrs);
	rc = xattrs_unpack(packed, size, &meta->xattrs);
	free(packed);
	return rc;
}

static bool read_meta_word(const char *name, const char *word, struct meta *meta,
			   struct end_record *ends)
{
	uint64_t number;

	if (strcmp(name, "size") == 0)
		return read_unsigned(word, 10, INT64_MAX, &meta->size);
	if (strcmp(name, "ino") == 0)
		return read_unsigned(word, 10, UINT64_MAX, &meta->ino);
	if (strcmp(name, "version") == 0)
		return read_unsigned(word, 10, UINT64_MAX, &meta->version);
	if (strcmp(name, "checksum") == 0)
		return read_unsigned(word, 16, UINT64_MAX, &meta->checksum);
	if (strcmp(name, "hits") == 0)
		return read_unsigned(word, 10, UINT64_MAX, &meta->hits);
	if (strcmp(name, "hit") == 0)
		return read_ms(word, &meta->hit_ms);
	if (strcmp(name, "created") == 0)
		return read_ms(word, &meta->created_ms);
	if (strcmp(name, "copy_end") == 0)
		return read_end(word, &ends->copy);
	if (strcmp(name, "own_end") == 0)
		return read_end(word, &ends->own);
	if (strcmp(name, "clock") == 0)
		return sscanf(word, "%" SCNd64 " %" SCNx64, &ends->ahead_ms, &ends->boot) == 2;
	if (strcmp(name, "mtime") == 0)
		return read_time(word, &meta->mtime);
	if (strcmp(name, "ctime") == 0)
		return read_time(word, &meta->ctime);
	bool is_mode = strcmp(name, "mode") == 0;
	if (!is_mode && strcmp(name, "uid") != 0 && strcmp(name, "gid") != 0)
		return true; /* of a later version */
	if (!read_unsigned(word, is_mode ? 8 : 10, UINT32_MAX, &number))
		return false;
	*(is_mode ? &meta->mode : *name == 'u' ? &meta->uid : &meta->gid) = (uint32_t)number;
	return true;
}

static int read_name(struct json_text *t, char **name)
{
	size_t size;
	int rc = json_read_string(t, name, &size);

	if (rc == 0 && !json_skip_char(t, ':')) {
		free(*name);
		rc = -EINVAL;
	}
	return rc;
}

static int read_meta(struct json_text *t, struct file_entry *entry)
{
	struct meta *meta = &entry->meta;
	char word[64], *name;
	int rc = json_skip_char(t, '{') ? 0 : -EINVAL;

	while (rc == 0) {
		rc = read_name(t, &name);
		if (rc < 0)
			return rc;
		if (strcmp(name, "xattrs") == 0)
			rc = read_xattrs(t, meta);
		else if (!read_word(t, word) ||
			 !(strcmp(name, "written") == 0
				   ? read_time(word, &entry->written)
				   : read_meta_word(name, word, meta, &entry->ends)))
			rc = -EINVAL;
		free(name);
		if (rc == 0 && json_skip_char(t, '}'))
			return 0;
		if (rc == 0 && !json_skip_char(t, ','))
			rc = -EINVAL;
	}
	return rc;
}

static int read_encoding(struct json_text *t, struct file_entry *entry)
{
	char word[64];

	if (!read_word(t, word))
		return -EINVAL;
	for (int i = 0; i < ENCODINGS; i++) {
		if (strcmp(word, encodings[i]) != 0)
			continue;
		entry->encoding = i;
		entry->foreign = false;
		return 0;
	}
	return -EINVAL;
}

static int read_expiry(struct json_text *t, int64_t *expires_ms)
{
	char word[64];

	if (!read_word(t, word))
		return -EINVAL;
	*expires_ms = 0;
	if (strcmp(word, "null") == 0)
		return 0;
	if (!read_ms(word, expires_ms))
		return -EINVAL;
	if (*expires_ms == 0)
		*expires_ms = 1; /* 1970 has passed; 0 would be never */
	return 0;
}

static int read_key(struct json_text *t, bool base64, char **key, size_t *size)
{
	if (*key)
		return -EINVAL;
	int rc = base64 ? read_base64_string(t, key, size) : json_read_string(t, key, size);
	return rc == 0 && *size > KEY_MAX + 1 ? -EINVAL : rc;
}

static int read_renames(struct json_text *t, struct file_entry *entry)
{
	char word[64];

	return read_word(t, word) && read_unsigned(word, 10, UINT64_MAX, &entry->renames) ? 0
											  : -EINVAL;
}

/* How much of an entry is there, and who may have laid it out. */
enum extent { HEAD, WHOLE, WHOLE_EDITED };

/*
 * Ours is the last member and has one space before it: what lies between is the value. Of another
 * program's it is what is a JSON value.
 */
static int read_payload(struct json_text *t, enum extent extent, struct file_entry *entry)
{
	if (entry->foreign || extent == WHOLE_EDITED) {
		json_skip_space(t);
		entry->payload = t->at;
		if (extent == HEAD || !json_skip_value(t))
			return -EINVAL;
		entry->payload_end = t->at;
		if (entry->foreign)
			entry->meta.size = (uint64_t)(t->at - entry->payload);
		return 0;
	}
	if (t->at == t->end || *t->at != ' ')
		return -EINVAL;
	entry->payload = t->at + 1;
	if (extent == HEAD)
		return 0;
	if (t->end - entry->payload < END_SIZE ||
	    memcmp(t->end - END_SIZE, FILE_ENTRY_END, END_SIZE))
		return -EINVAL;
	entry->payload_end = t->end - END_SIZE;
	t->at = entry->payload_end;
	return 0;
}

static int read_member(struct json_text *t, enum extent extent, struct file_entry *entry)
{
	char *name;
	int rc = read_name(t, &name);

	if (rc < 0)
		return rc;
	if (strcmp(name, "payload") == 0)
		rc = read_payload(t, extent, entry);
	else if (strcmp(name, "expires_at") == 0)
		rc = read_expiry(t, &entry->ends.expires_ms);
	else if (strcmp(name, "key") == 0 || strcmp(name, "key_base64") == 0)
		rc = read_key(t, name[3] != '\0', &entry->key, &entry->key_size);
	else if (strcmp(name, "renamed_from") == 0 || strcmp(name, "renamed_from_base64") == 0)
		rc = read_key(t, name[12] != '\0', &entry->from, &entry->from_size);
	else if (strcmp(name, "renames") == 0)
		rc = read_renames(t, entry);
	else if (strcmp(name, "encoding") == 0 && (!entry->payload || extent == WHOLE_EDITED))
		rc = read_encoding(t, entry);
	else if (strcmp(name, "meta") == 0)
		rc = read_meta(t, entry), entry->has_meta = true;
	else if (!json_skip_value(t))
		rc = -EINVAL;
	free(name);
	return rc;
}

static int read_members(struct json_text *t, enum extent extent, struct file_entry *entry)
{
	int rc = json_skip_char(t, '{') ? 0 : -EINVAL;

	while (rc == 0) {
		rc = read_member(t, extent, entry);
		if (rc < 0 || (extent == HEAD && entry->payload))
			return rc;
		if (json_skip_char(t, '}'))
			break;
		if (!json_skip_char(t, ','))
			return -EINVAL;
	}
	json_skip_space(t);
	return rc < 0 || t->at != t->end || !entry->payload ? -EINVAL : 0;
}

static void read_ends(struct file_entry *entry)
{
	struct end_record own_words = { .expires_ms = entry->ends.expires_ms };
	bool valid = end_record_is_valid(&entry->ends);

	end_record_read(valid ? &entry->ends : &own_words, &entry->meta.copy, &entry->meta.own);
}

static int read_as(const char *text, size_t size, enum extent extent, struct file_entry *entry)
{
	struct json_text t = { text, text + size, JSON_AS_PYTHON };

	*entry = (struct file_entry){ .foreign = true, .text = text, .text_end = text + size };
	int rc = read_members(&t, extent, entry);
	if (rc == 0 && (entry->foreign ? entry->has_meta : !entry->key || !entry->has_meta))
		rc = -EINVAL; /* ours, and how it is to be read, or whose it is, is lost */
	if (rc < 0)
		file_entry_fini(entry);
	else
		read_ends(entry);
	return rc;
}

int file_entry_read(const char *text, size_t size, bool partial, struct file_entry *entry)
{
	int rc = read_as(text, size, partial ? HEAD : WHOLE, entry);

	/* Printed anew by another program. */
	return rc == -EINVAL && !partial ? read_as(text, size, WHOLE_EDITED, entry) : rc;
}

/* --- the value -------------------------------------------------------------------------------- */

/* The payload as it stands: of a foreign entry, or of one that was edited to be no string. */
static int payload_slice(const struct file_entry *entry, struct value **value)
{
	*value = value_copy(entry->payload, (size_t)(entry->payload_end - entry->payload));
	return *value ? 0 : -ENOMEM;
}

static int payload_value(const struct file_entry *entry, struct value **value)
{
	struct json_text t = { entry->payload, entry->payload_end, JSON_AS_PYTHON };
	char *bytes;
	size_t size;
	int rc;

	if (entry->foreign || entry->encoding == ENCODED_JSON)
		return payload_slice(entry, value);
	rc = entry->encoding == ENCODED_TEXT ? json_read_string(&t, &bytes, &size)
					     : read_base64_string(&t, &bytes, &size);
	if (rc < 0)
		return rc;
	if (t.at != t.end) {
		free(bytes);
		return -EINVAL;
	}
	*value = value_adopt(bytes, size);
	return *value ? 0 : -ENOMEM;
}

bool file_entry_is_as_written(const struct file_entry *entry, const struct timespec *mtime)
{
	return entry->written.tv_sec == mtime->tv_sec && entry->written.tv_nsec == mtime->tv_nsec;
}

/* Not what was copied from a layer where it is foreign. */
static bool has_checksum(const struct meta *meta)
{
	return meta->version != 0 || meta->checksum != 0;
}

/* The value, if it is the one that the metadata is of. -EINVAL: it is not. */
static int fitting_value(const struct file_entry *entry, const struct timespec *mtime,
			 struct value **value)
{
	uint64_t checksum = 0;
	int rc = payload_value(entry, value);

	if (rc < 0)
		return rc;
	if (value_size(*value) == entry->meta.size) {
		if (entry->foreign)
			return 0;
		if (!has_checksum(&entry->meta) && file_entry_is_as_written(entry, mtime))
			return 0;
		if (has_checksum(&entry->meta) && value_checksum(*value, &checksum) == 0 &&
		    checksum == entry->meta.checksum)
			return 0;
	}
	value_unref(*value);
	*value = NULL;
	return -EINVAL;
}

static void become_foreign(struct file_entry *entry, struct value *value)
{
	struct meta was = entry->meta;

	entry->meta = (struct meta){ .size = value_size(value), .copy = was.copy, .own = was.own };
	meta_keep_owner(&entry->meta, &was);
	meta_fini(&was);
	entry->foreign = true;
}

/* Of an entry that was ours before another program edited it. */
static int edited_value(struct file_entry *entry, const struct timespec *mtime,
			struct value **value)
{
	size_t size = (size_t)(entry->text_end - entry->text);
	struct file_entry edited;
	int rc = read_as(entry->text, size, WHOLE_EDITED, &edited);

	if (rc < 0)
		return rc;
	rc = fitting_value(&edited, mtime, value); /* it may be printed otherwise, and the same */
	if (rc == -EINVAL) {
		bool string = *edited.payload == '"';
		rc = string ? payload_value(&edited, value) : payload_slice(&edited, value);
		if (rc == 0)
			become_foreign(&edited, *value);
	}
	file_entry_fini(rc < 0 ? &edited : entry);
	if (rc == 0)
		*entry = edited;
	return rc;
}

int file_entry_value(struct file_entry *entry, const struct timespec *mtime, struct value **value)
{
	int rc = fitting_value(entry, mtime, value);

	if (rc != -EINVAL || entry->foreign || file_entry_is_as_written(entry, mtime))
		return rc;
	return edited_value(entry, mtime, value);
}

void file_entry_fini(struct file_entry *entry)
{
	free(entry->key);
	free(entry->from);
	meta_fini(&entry->meta);
	*entry = (struct file_entry){ 0 };
}
