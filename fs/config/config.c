/* The configuration as a whole: from its text, or the built-in default. config/shape.c reads its
 * layers. */
#include "config/config.h"

#include <assert.h>
#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/shape.h"
#include "config/stores.h"
#include "config/state_path.h"
#include "config/text.h"

static int out_of_memory(struct problems *problems)
{
	return problems_add(problems, NULL, NULL, "out of memory");
}

/* $XDG_CACHE_HOME/cachefs/default.sqlite, in the home directory's .cache otherwise. NULL: out of
 * memory. */
static char *default_path(void)
{
	const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
	char *path = NULL;
	int rc;

	if (cache && cache[0] == '/') {
		rc = asprintf(&path, "%s/cachefs/default.sqlite", cache);
	} else {
		const struct passwd *user = home && home[0] == '/' ? NULL : getpwuid(getuid());

		if (user)
			home = user->pw_dir;
		rc = asprintf(&path, "%s/.cache/cachefs/default.sqlite",
			      home && home[0] == '/' ? home : "");
	}
	return rc < 0 ? NULL : path;
}

/* The built-in layers added to a configuration that names none. */
static bool add_default_layers(cJSON *root)
{
	cJSON *memory = cJSON_AddObjectToObject(root, "memory");
	cJSON *disk = cJSON_AddObjectToObject(root, "disk");
	char *path = default_path();

	bool ok = memory && disk && path &&
		  cJSON_AddNumberToObject(memory, "max_bytes", 268435456) &&
		  cJSON_AddNumberToObject(disk, "size_limit_mb", 10240) &&
		  cJSON_AddStringToObject(disk, "path", path);
	free(path);
	return ok;
}

static int read_fs(const struct config_reader *reader, const cJSON *json, struct fs_conf *fs)
{
	const struct option_place place = {
		.file = reader->file,
		.path = "$.cachefs",
		.base_dir = reader->base_dir,
		.owner = "\"cachefs\"",
		.lines = true,
	};
	const struct option_set sets[] = { { fs_options, fs, NULL }, { 0 } };

	if (options_default(fs_options, &place, fs) < 0)
		return out_of_memory(reader->problems);
	return json ? options_parse(sets, json, &place, reader->problems) : 0;
}

/* The members of the table, moved from one object into another; false: out of memory. */
static bool move_members(const struct option_spec *specs, cJSON *from, cJSON *to)
{
	for (; to && specs->name; specs++) {
		cJSON *json = cJSON_DetachItemFromObjectCaseSensitive(from, specs->name);

		if (json && !cJSON_AddItemToObject(to, specs->name, json))
			return false;
	}
	return to;
}

/* What stands at the top, taken out of root: all of config_top_members but the plugin. */
static int read_top(const struct config_reader *reader, cJSON *root)
{
	const struct option_place place = {
		.file = reader->file, .path = "$", .owner = "the configuration", .lines = true
	};
	const struct option_set sets[] = { { config_top_members, reader->root, NULL }, { 0 } };
	cJSON *members = cJSON_CreateObject();
	int rc = move_members(config_top_members + 1, root, members) &&
				 options_default(config_top_members, &place, reader->root) == 0
			 ? options_parse(sets, members, &place, reader->problems)
			 : out_of_memory(reader->problems);

	cJSON_Delete(members);
	return rc;
}

/* The parsed text; takes its member "cachefs" and gives it default layers. */
static int read_root(const struct config_reader *reader, cJSON *root, struct config *config)
{
	const struct option_place place = { .file = reader->file, .path = "$", .lines = true };
	char where[sizeof(((struct problem *)0)->place)];

	if (!cJSON_IsObject(root))
		return problems_add(reader->problems,
				    option_place_text(&place, NULL, root, where, sizeof(where)),
				    NULL, "expected an object: { ... }");
	cJSON *fs = cJSON_DetachItemFromObjectCaseSensitive(root, "cachefs");
	int rc = read_fs(reader, fs, &config->fs);
	cJSON_Delete(fs);
	rc |= read_top(reader, root);
	if (config_shape_is_silent(root) && !add_default_layers(root))
		return out_of_memory(reader->problems);
	rc |= config_shape_read(reader, root, &config->cache);
	return rc ? -EINVAL : 0;
}

/* A long path shortened from the left, so that the place within the file stays in sight. */
static const char *file_shown(const char *path, char *buffer, size_t size)
{
	size_t length = strlen(path);

	if (length < size)
		return path;
	snprintf(buffer, size, "...%s", path + length - (size - sizeof("...")));
	return buffer;
}

/* What the layers' stack takes from the daemon's settings; borrowed. */
static int settle_state(const struct config_reader *reader, const char *file, const char *text,
			size_t size, struct config *config)
{
	struct fs_conf *fs = &config->fs;

	if (!fs->state_dir) {
		char *terminated = strndup(text, size);

		if (terminated)
			fs->state_dir = state_path_default(file, reader->base_dir, terminated);
		free(terminated);
	}
	if (!fs->state_dir)
		return out_of_memory(reader->problems);
	config->cache.state_dir = fs->state_dir;
	config->cache.journal_max_bytes = fs->journal_max_bytes;
	config->cache.journal_wait_ms = fs->journal_wait_ms;
	config->cache.drain_timeout_ms = fs->drain_timeout_ms;
	return config_stores_check_own(reader, config);
}

/* Passwords are among them. */
static void wipe_texts(cJSON *json)
{
	for (; json; json = json->next) {
		if (json->valuestring && !(json->type & cJSON_IsReference))
			explicit_bzero(json->valuestring, strlen(json->valuestring));
		wipe_texts(json->child);
	}
}

int config_parse(const char *text, size_t size, const char *file, const char *base_dir,
		 struct config *config, struct problems *problems)
{
	char shown[160];
	const struct config_reader reader = { file_shown(file, shown, sizeof(shown)), base_dir,
					      problems, &config->top };
	size_t before = problems->count;

	memset(config, 0, sizeof(*config));
	cJSON *root = config_text_parse(text, size, reader.file, problems);
	if (root && read_root(&reader, root, config) == 0)
		settle_state(&reader, file, text, size, config);
	wipe_texts(root);
	cJSON_Delete(root);
	if (problems->count == before) {
		assert(config->cache.layer_count > 0 && config->fs.state_dir);
		return 0;
	}
	config_fini(config);
	return -EINVAL;
}

int config_default(struct config *config, struct problems *problems)
{
	static const char text[] = "{}";

	return config_parse(text, sizeof(text) - 1, "built-in configuration", "/", config,
			    problems);
}

void config_fini(struct config *config)
{
	config_shape_fini(&config->cache);
	options_fini(fs_options, &config->fs);
	free(config->source);
	memset(config, 0, sizeof(*config));
}

static bool add_fs(const struct fs_conf *fs, cJSON *root)
{
	cJSON *object = cJSON_AddObjectToObject(root, "cachefs");

	return object && options_to_json(fs_options, fs, object);
}

cJSON *config_to_json(const struct config *config)
{
	cJSON *root = cJSON_CreateObject();

	if (root && config_shape_to_json(&config->cache, root) &&
	    options_to_json(config_top_members + 1, &config->top, root) &&
	    add_fs(&config->fs, root))
		return root;
	cJSON_Delete(root);
	return NULL;
}
