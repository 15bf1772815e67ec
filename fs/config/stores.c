/* See config/stores.h. */
#include "config/stores.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/config.h"
#include "ledger/state_file.h"

enum { LINKS_MAX = 40 };

/* --- what a path is --------------------------------------------------------------------------- */

/* The nearest thing on the way to a path that exists, and the way on from there. */
struct identity {
	dev_t device;
	ino_t inode;
	char rest[PATH_MAX]; /* "": it exists itself */
};

/* Takes "." and ".." out of a way that does not exist, and doubled slashes. */
static void tidy(char *way)
{
	char parts[PATH_MAX], *next = parts;
	size_t used = 0;

	snprintf(parts, sizeof(parts), "%s", way);
	for (char *part; (part = strsep(&next, "/"));) {
		way[used] = '\0';
		if (part[0] == '\0' || strcmp(part, ".") == 0)
			continue;
		char *slash = strrchr(way, '/');
		if (strcmp(part, "..") == 0)
			used = slash ? (size_t)(slash - way) : 0;
		else
			used += (size_t)sprintf(way + used, "/%s", part);
	}
	way[used] = '\0';
}

/* Whether `path` is a link that leads nowhere yet; then it becomes what it leads to. */
static bool follow(char path[PATH_MAX])
{
	char target[PATH_MAX], whole[2 * PATH_MAX];
	ssize_t n = readlink(path, target, sizeof(target) - 1);
	char *slash = strrchr(path, '/');

	if (n < 0)
		return false;
	target[n] = '\0';
	int dir = target[0] == '/' || !slash ? 0 : (int)(slash - path) + 1;
	int size = snprintf(whole, sizeof(whole), "%.*s%s", dir, path, target);
	if (size >= PATH_MAX)
		return false;
	memcpy(path, whole, (size_t)size + 1);
	return true;
}

/* Moves the last part of the path to the front of the rest. False: there is none. */
static bool step_up(char path[PATH_MAX], char rest[PATH_MAX])
{
	char whole[2 * PATH_MAX];
	char *slash = strrchr(path, '/');

	if (!slash || path[1] == '\0')
		return false;
	snprintf(whole, sizeof(whole), "%s%s", slash, rest);
	snprintf(rest, PATH_MAX, "%.*s", PATH_MAX - 1, whole);
	slash[slash == path] = '\0';
	return true;
}

/* False: nobody can tell, for example because a directory on the way may not be searched. */
static bool identify(const char *written, struct identity *id)
{
	char path[PATH_MAX];
	struct stat st;
	int links = 0;

	*id = (struct identity){ 0 };
	snprintf(path, sizeof(path), "%s", written);
	while (stat(path, &st) < 0) {
		if (errno != ENOENT)
			return false;
		if (links < LINKS_MAX && follow(path))
			links++;
		else if (!step_up(path, id->rest))
			return false;
	}
	id->device = st.st_dev;
	id->inode = st.st_ino;
	tidy(id->rest);
	return true;
}

static bool is_same_path(const char *a, const char *b)
{
	struct identity x, y;

	if (!a[0] || !b[0])
		return a[0] == b[0];
	if (!identify(a, &x) || !identify(b, &y))
		return strcmp(a, b) == 0;
	return x.device == y.device && x.inode == y.inode && strcmp(x.rest, y.rest) == 0;
}

/* --- places ----------------------------------------------------------------------------------- */

struct places {
	struct store_place at[STORE_PLACES_MAX];
	size_t count;
};

/* malloc'ed, being large; NULL: out of memory. */
static struct places *places_of(const struct layer_spec *spec)
{
	struct places *p = calloc(1, sizeof(*p));

	if (p && spec->backend->places)
		p->count = spec->backend->places(spec->conf, p->at);
	return p;
}

static bool begins_with(const char *text, const char *start)
{
	return strncmp(text, start, strlen(start)) == 0;
}

static bool is_same_place(const struct store_place *a, const struct store_place *b)
{
	return strcmp(a->server, b->server) == 0 && is_same_path(a->path, b->path) &&
	       (begins_with(a->prefix, b->prefix) || begins_with(b->prefix, a->prefix));
}

/* The place of `later` that `earlier` has too; NULL: there is none. */
static const struct store_place *find_shared(const struct places *later,
					     const struct places *earlier)
{
	for (size_t i = 0; i < later->count; i++)
		for (size_t j = 0; j < earlier->count; j++)
			if (is_same_place(&later->at[i], &earlier->at[j]))
				return &later->at[i];
	return NULL;
}

static int check_layer(const struct layer_draft drafts[], struct places *const all[], size_t i)
{
	char hint[256];

	for (size_t j = 0; j < i; j++) {
		const struct store_place *shared = find_shared(all[i], all[j]);

		if (!shared)
			continue;
		snprintf(
			hint, sizeof(hint),
			"give it another \"%s\"; two layers in one store drop each other's entries",
			shared->option);
		return part_problem(&drafts[i].options, shared->option, hint,
				    "this is the store of %s, too", drafts[j].options.path);
	}
	return 0;
}

int config_stores_check(const struct layer_draft drafts[], size_t count)
{
	struct places **all = calloc(count, sizeof(struct places *));
	int rc = 0;

	for (size_t i = 0; all && i < count; i++) {
		all[i] = places_of(&drafts[i].spec);
		rc |= all[i] ? check_layer(drafts, all, i) : -ENOMEM;
		if (!all[i])
			break;
	}
	for (size_t i = 0; all && i < count; i++)
		free(all[i]);
	free(all);
	if (!all || rc == -ENOMEM)
		return config_out_of_memory(drafts[0].options.reader);
	return rc ? -EINVAL : 0;
}

/* Whether a layer has the daemon's own file or directory, which this option names. */
static int check_own(const struct config_reader *reader, const struct cache_conf *cache,
		     const char *option, const char *dir, const char *file)
{
	struct places *own = calloc(1, sizeof(*own));
	char where[sizeof(((struct problem *)0)->place)];
	int rc = own ? 0 : config_out_of_memory(reader);

	if (!own)
		return rc;
	own->count = 1;
	own->at[0].prefix = "";
	snprintf(own->at[0].path, PATH_MAX, "%s%s", dir, file);
	snprintf(where, sizeof(where), "%s: $.cachefs.%s", reader->file, option);
	for (size_t i = 0; rc == 0 && i < cache->layer_count; i++) {
		struct places *layer = places_of(&cache->layers[i]);
		if (!layer)
			rc = config_out_of_memory(reader);
		else if (find_shared(layer, own))
			rc = problems_add(reader->problems, where, "name another place",
					  "this is the store of layer \"%.64s\"",
					  cache->layers[i].name);
		free(layer);
	}
	free(own);
	return rc;
}

int config_stores_check_own(const struct config_reader *reader, const struct config *config)
{
	const struct fs_conf *fs = &config->fs;
	int rc = check_own(reader, &config->cache, "state_dir", fs->state_dir, "");

	if (rc == 0)
		rc = check_own(reader, &config->cache, "state_dir", fs->state_dir, "/" STATE_FILE);
	if (rc == 0 && fs->log_file)
		rc = check_own(reader, &config->cache, "log_file", fs->log_file, "");
	return rc;
}
