/* See path_check.h. */
#include "daemon/path_check.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Whether the nearest existing directory on the way to path is dir or lies below it. */
static bool lies_below(const char *path, const char *dir)
{
	char part[PATH_MAX], real[PATH_MAX];
	size_t size = strlen(dir);

	if (snprintf(part, sizeof(part), "%s", path) >= (int)sizeof(part))
		return false;
	while (!realpath(part, real)) {
		char *slash = strrchr(part, '/');

		if (!slash || slash == part)
			return strcmp(dir, "/") == 0;
		*slash = '\0';
	}
	return strncmp(real, dir, size) == 0 &&
	       (dir[1] == '\0' || real[size] == '/' || !real[size]);
}

/* A layer that stores below the mount point would wait for itself. */
static int check_layers(const struct cache_conf *cache, const char *mountpoint,
			struct problem *problem)
{
	for (size_t i = 0; i < cache->layer_count; i++) {
		const struct layer_spec *layer = &cache->layers[i];

		for (const struct option_spec *spec = layer->backend->options; spec->name; spec++) {
			if (spec->type != OPT_PATH)
				continue;
			const char *path = *(char *const *)((const char *)layer->conf +
							    spec->offset);
			if (path && lies_below(path, mountpoint))
				return problem_set(
					problem, path, "move one of them",
					"the %s of layer \"%s\" lies below the mount point",
					spec->name, layer->name);
		}
	}
	return 0;
}

/* Nor may the state and the log. */
static int check_own(const struct fs_conf *fs, const char *mountpoint, struct problem *problem)
{
	if (lies_below(fs->state_dir, mountpoint))
		return problem_set(problem, fs->state_dir, "name another directory in \"cachefs\"",
				   "the state_dir lies below the mount point");
	if (fs->log_file && lies_below(fs->log_file, mountpoint))
		return problem_set(problem, fs->log_file, "name another file in \"cachefs\"",
				   "the log_file lies below the mount point");
	return 0;
}

int path_check(const struct config *config, const char *mountpoint, struct problem *problem)
{
	int rc = check_layers(&config->cache, mountpoint, problem);

	return rc < 0 ? rc : check_own(&config->fs, mountpoint, problem);
}
