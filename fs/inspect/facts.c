/* See facts.h. */
#include "inspect/facts.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cjson/cJSON.h>

#include "base/text.h"
#include "verbs/access_time.h"
#include "verbs/end_text.h"
#include "inodes/key_escape.h"
#include "verbs/metadata.h"

enum { NUMBER_SIZE = 64 };

static bool is(const char *name, const char *other)
{
	return strcmp(name, other) == 0;
}

static int copy_text(const char *from, char **text)
{
	*text = strdup(from);
	return *text ? 0 : -ENOMEM;
}

/* --- ends and numbers ------------------------------------------------------------------------- */

/* An entry's own end, and when it is over. */
struct ends {
	struct end own, end;
	struct instant now;
};

/* "ttl" or "expires_at" as text; -ENODATA: none. */
static int end_fact(const struct ends *e, const char *name, char text[NUMBER_SIZE])
{
	if (end_comes(e->end)) {
		int64_t left_ms = end_left_ms(e->end, e->now);
		end_text_write(text, NUMBER_SIZE,
			       is(name, "expires_at") ? end_wall_ms(e->end, e->now)
			       : left_ms > 0          ? left_ms
						      : 0);
	} else if (end_kind(e->own) == END_NEVER) {
		snprintf(text, NUMBER_SIZE, "never");
	} else {
		return -ENODATA;
	}
	return 0;
}

/* What the metadata alone tell. */
static int meta_fact(const struct meta *meta, const char *name, char text[NUMBER_SIZE])
{
	if (is(name, "created"))
		end_text_write(text, NUMBER_SIZE, meta->created_ms);
	else if (is(name, "hits"))
		snprintf(text, NUMBER_SIZE, "%llu", (unsigned long long)meta->hits);
	else if (is(name, "version"))
		snprintf(text, NUMBER_SIZE, "%llu", (unsigned long long)meta->version);
	else
		return -ENODATA;
	return 0;
}

/* --- JSON ------------------------------------------------------------------------------------- */

/* A number as its digits stand: a double would round a file's identity. */
static void add_digits(cJSON *object, const char *name, unsigned long long number)
{
	char text[NUMBER_SIZE];

	snprintf(text, sizeof(text), "%llu", number);
	cJSON_AddRawToObject(object, name, text);
}

static void add_time(cJSON *object, const char *name, struct timespec t)
{
	char text[NUMBER_SIZE];

	snprintf(text, sizeof(text), "%lld.%09ld", (long long)t.tv_sec, t.tv_nsec);
	cJSON_AddRawToObject(object, name, text);
}

static void add_ms(cJSON *object, const char *name, int64_t ms)
{
	char text[NUMBER_SIZE];

	end_text_write(text, sizeof(text), ms);
	if (ms != 0)
		cJSON_AddRawToObject(object, name, text);
}

/* JSON is UTF-8; other bytes are told in hexadecimal, under another name. */
static void add_key(cJSON *object, struct key key)
{
	char *text = key_copy(key), *hex = malloc(2 * key.size + 1);

	if (text && text_is_plain(key.bytes, key.size)) {
		cJSON_AddStringToObject(object, "key", text);
	} else if (hex) {
		hex[0] = '\0';
		for (size_t i = 0; i < key.size; i++)
			snprintf(hex + 2 * i, 3, "%02X", (unsigned char)key.bytes[i]);
		cJSON_AddStringToObject(object, "key_hex", hex);
	}
	free(hex);
	free(text);
}

static void add_xattr_names(cJSON *object, const struct xattrs *xattrs)
{
	cJSON *names = cJSON_AddArrayToObject(object, "xattrs");
	const char *name;

	for (size_t i = 0; (name = xattrs_name(xattrs, i)); i++)
		if (!access_time_is_attribute(name) && text_is_utf8(name, strlen(name)))
			cJSON_AddItemToArray(names, cJSON_CreateString(name));
}

static void add_ends(cJSON *object, const struct ends *e)
{
	static const char *const names[] = { "ttl", "expires_at" };
	char text[NUMBER_SIZE];

	for (size_t i = 0; i < 2; i++) {
		int rc = end_fact(e, names[i], text);
		if (rc < 0)
			cJSON_AddNullToObject(object, names[i]);
		else if (end_comes(e->end))
			cJSON_AddRawToObject(object, names[i], text);
		else
			cJSON_AddStringToObject(object, names[i], text);
	}
	cJSON_AddBoolToObject(object, "own_end", end_kind(e->own) != END_NONE);
}

/* What a file and a directory have. */
static void add_common(cJSON *object, const struct meta *meta)
{
	char mode[NUMBER_SIZE];

	cJSON_AddStringToObject(object, "type",
				S_ISDIR(meta->mode)   ? "directory"
				: S_ISLNK(meta->mode) ? "symlink"
						      : "file");
	snprintf(mode, sizeof(mode), "%04o", meta->mode & 07777);
	cJSON_AddStringToObject(object, "mode", mode);
	add_digits(object, "uid", meta->uid);
	add_digits(object, "gid", meta->gid);
	add_digits(object, "ino", meta->ino);
	add_time(object, "mtime", meta->mtime);
	add_time(object, "ctime", meta->ctime);
}

/* What each copy of an entry has. */
static void add_copy(cJSON *object, const struct meta *meta)
{
	char checksum[NUMBER_SIZE];

	add_digits(object, "size", meta->size);
	add_digits(object, "version", meta->version);
	add_ms(object, "created", meta->created_ms);
	add_digits(object, "hits", meta->hits);
	add_ms(object, "last_hit", meta->hit_ms);
	snprintf(checksum, sizeof(checksum), "%016llx", (unsigned long long)meta->checksum);
	if (meta->version > 0)
		cJSON_AddStringToObject(object, "xxh3", checksum);
}

/* On one line; takes the object over. */
static int print(cJSON *object, char **text)
{
	*text = object ? cJSON_PrintUnformatted(object) : NULL;
	cJSON_Delete(object);
	return *text ? 0 : -ENOMEM;
}

/* --- a file ----------------------------------------------------------------------------------- */

/* In a list a comma divides: a name with one is escaped, as one that is no file name is. */
static void layer_text(const char *layer, struct escape_text *name)
{
	key_escape_text(key_of(layer), name);
	if (strchr(layer, ','))
		key_escape_bytes(key_of(layer), name);
}

struct holders {
	FILE *out;
	size_t count;
};

static int add_holder(void *self, const char *layer, const struct meta *meta)
{
	struct holders *h = self;
	struct escape_text name;

	(void)meta;
	layer_text(layer, &name);
	fprintf(h->out, "%s%s", h->count++ > 0 ? "," : "", name.bytes);
	return 0;
}

/* "layers", or the first of them. */
static int holders_fact(struct fs *fs, struct inode *inode, bool all, char **text)
{
	struct key_buffer key;
	size_t size;
	struct holders h = { .out = open_memstream(text, &size) };
	int rc = h.out ? inode_key(&fs->inodes, inode, &key) : -ENOMEM;

	if (rc == 0)
		rc = layered_visit_holders(fs->cache, key_make(key.bytes, key.size), add_holder,
					   &h);
	if (h.out && fclose(h.out) != 0)
		rc = -ENOMEM;
	if (rc < 0 && h.out)
		free(*text);
	else if (!all && *text)
		(*text)[strcspn(*text, ",")] = '\0';
	return rc;
}

struct copies {
	cJSON *list;
	struct instant now;
};

static int add_layer(void *self, const char *layer, const struct meta *meta)
{
	struct copies *c = self;
	const struct ends ends = { meta->own, meta->copy, c->now };
	cJSON *copy = cJSON_CreateObject();

	cJSON_AddStringToObject(copy, "layer", layer);
	add_copy(copy, meta);
	add_ends(copy, &ends);
	return copy && cJSON_AddItemToArray(c->list, copy) ? 0 : -ENOMEM;
}

/* All of it. Of what no layer has yet `layers` is empty. */
static int file_info(struct fs *fs, struct inode *inode, const struct meta *meta,
		     const struct ends *ends, char **text)
{
	struct key_buffer buffer;
	struct meta shown = *meta;
	cJSON *object = cJSON_CreateObject();
	struct copies copies = { .now = ends->now };
	bool named = inode_key(&fs->inodes, inode, &buffer) == 0;
	struct key key = named ? key_make(buffer.bytes, buffer.size) : KEY_ROOT;

	if (named)
		add_key(object, key);
	inodes_lock(&fs->inodes);
	bool pending = inode_is_private(inode) && inode_has_news_locked(inode);
	bool made_here = inode_is_private(inode) && !inode->published;
	inodes_unlock(&fs->inodes);
	if (shown.mode == 0)
		fs_default_owner(fs, &shown, S_IFREG);
	if (shown.ino == 0)
		shown.ino = inode_ino_of_key(key, false);
	add_common(object, &shown);
	add_copy(object, meta);
	add_ends(object, ends);
	cJSON_AddBoolToObject(object, "foreign", meta->version == 0 && !made_here);
	cJSON_AddBoolToObject(object, "pending", pending);
	add_xattr_names(object, meta->xattrs);
	copies.list = cJSON_AddArrayToObject(object, "layers");
	if (named)
		layered_visit_holders(fs->cache, key, add_layer, &copies);
	return print(object, text);
}

int facts_of_file(struct fs *fs, struct inode *inode, pid_t tid, const struct meta *meta,
		  const char *name, char **text)
{
	struct ends ends = { .now = time_instant(fs->time) };
	char number[NUMBER_SIZE];
	bool info = is(name, "info"), is_end = is(name, "ttl") || is(name, "expires_at");
	int rc;

	if (is(name, "layers") || is(name, "layer")) {
		rc = holders_fact(fs, inode, is(name, "layers"), text);
		return rc == -ENOENT ? -ENODATA : rc;
	}
	rc = info || is_end ? metadata_end(fs, inode, tid, &ends.own, &ends.end)
			    : meta_fact(meta, name, number);
	if (rc == 0 && info)
		return file_info(fs, inode, meta, &ends, text);
	if (rc == 0 && is_end)
		rc = end_fact(&ends, name, number);
	if (rc < 0)
		return rc == -ENOENT ? -ENODATA : rc;
	return copy_text(number, text);
}

/* --- a directory ------------------------------------------------------------------------------ */

/* The TTL of what is set there without one: its own, or that of a directory above. */
static void add_default_ttl(cJSON *object, struct end wish)
{
	if (end_kind(wish) == END_STEADY)
		add_ms(object, "default_ttl", end_ms(wish));
	else if (end_kind(wish) == END_NEVER)
		cJSON_AddStringToObject(object, "default_ttl", "never");
}

int facts_of_directory(struct fs *fs, struct inode *dir, const struct meta *meta, const char *name,
		       char **text)
{
	struct key_buffer key;
	struct meta shown = *meta;
	cJSON *object;

	if (!is(name, "info"))
		return -ENODATA;
	int rc = inode_key(&fs->inodes, dir, &key);
	if (rc < 0)
		return -ENODATA;
	if (shown.mode == 0)
		fs_default_directory(fs, &shown, dir == &fs->inodes.root);
	inodes_lock(&fs->inodes);
	struct end wish = inode_default_end_locked(dir);
	inodes_unlock(&fs->inodes);
	object = cJSON_CreateObject();
	add_key(object, key_make(key.bytes, key.size));
	add_common(object, &shown);
	add_default_ttl(object, wish);
	add_xattr_names(object, meta->xattrs);
	return print(object, text);
}

/* --- a copy ----------------------------------------------------------------------------------- */

static const char *const copy_names[] = { "ttl", "expires_at", "created", "hits", "version" };

const char *facts_copy_name(const struct meta *meta, size_t i)
{
	size_t count = sizeof(copy_names) / sizeof(copy_names[0]);
	bool ends = end_comes(meta->copy) || end_kind(meta->own) == END_NEVER;

	i += ends ? 0 : 2;
	return S_ISDIR(meta->mode) || i >= count ? NULL : copy_names[i];
}

static int copy_info(const struct meta *meta, const struct ends *ends, char **text)
{
	cJSON *object = cJSON_CreateObject();

	add_common(object, meta);
	add_copy(object, meta);
	add_ends(object, ends);
	add_xattr_names(object, meta->xattrs);
	return print(object, text);
}

int facts_of_copy(struct fs *fs, const struct meta *meta, const char *name, char **text)
{
	const struct ends ends = { meta->own, meta->copy, time_instant(fs->time) };
	char number[NUMBER_SIZE];

	if (S_ISDIR(meta->mode))
		return -ENODATA;
	if (is(name, "info"))
		return copy_info(meta, &ends, text);
	int rc = is(name, "ttl") || is(name, "expires_at") ? end_fact(&ends, name, number)
							   : meta_fact(meta, name, number);
	return rc < 0 ? rc : copy_text(number, text);
}
