/* Makes and frees a file layer. See file/layer.h. */
#include "file/layer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"

int file_layer_new(const struct file_conf *conf, const struct backend_env *env,
		   struct file_layer **layer)
{
	struct file_layer *f = calloc(1, sizeof(*f));

	if (!f)
		return -ENOMEM;
	f->conf = conf;
	f->env = env;
	f->inotify_fd = f->wake_fd = -1;
	free_space_init(&f->space, env, conf->directory, conf->min_free);
	lock_init(&f->lock, RANK_LAYER);
	condition_init(&f->turned);
	f->dir_fd = open(conf->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int rc = f->dir_fd < 0 ? -errno : 0;
	if (unsynced_init(&f->unsynced) < 0 || entries_init(&f->entries, &entries_lru) < 0 ||
	    entries_init(&f->files, &entries_keep) < 0 ||
	    entries_init(&f->markers, &entries_keep) < 0)
		rc = -ENOMEM;
	if (rc < 0)
		file_layer_free(f);
	else
		*layer = f;
	return rc;
}

void file_layer_free(struct file_layer *f)
{
	const int fds[] = { f->dir_fd, f->inotify_fd, f->wake_fd };

	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
		if (fds[i] >= 0)
			close(fds[i]);
	entries_fini(&f->entries);
	entries_fini(&f->files);
	entries_fini(&f->markers);
	unsynced_fini(&f->unsynced);
	pthread_cond_destroy(&f->turned);
	lock_fini(&f->lock);
	free(f);
}

mode_t file_mode(const struct file_conf *conf)
{
	return conf->mode ? conf->mode : 0600;
}

void file_complain(struct file_layer *f, const char *name, const char *what, const char *then)
{
	uint64_t hash = key_hash(key_of(name));

	if (atomic_exchange(&f->complained, hash) != hash)
		log_error("file: layer \"%s\": %s/%s: %s; %s", f->env->layer_name,
			  f->conf->directory, name, what, then);
}

int file_forbidden(struct file_layer *f, const char *name)
{
	file_complain(f, name, strerror(EACCES), "its key can be neither got nor set");
	return -EACCES;
}
